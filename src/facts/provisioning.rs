//! Places where clouds and installers say which keys to put on a machine. sshd
//! reads none of them: what they say is where keys came from, and which would come
//! back when the machine is set up anew.

use super::reader::Reader;
use super::sshd::config::glob;

/// The most bytes of a file.
const MAX_FILE: usize = 16 << 20;

/// The files, as patterns: cloud-init, the Azure agent, Ignition.
const PATTERNS: [&str; 18] = [
    "etc/cloud/cloud.cfg",
    "etc/cloud/cloud.cfg.d/*.cfg",
    "var/lib/cloud/instances/*/user-data.txt",
    "var/lib/cloud/instances/*/user-data.txt.i",
    "var/lib/cloud/instances/*/vendor-data.txt",
    "var/lib/cloud/instances/*/cloud-config.txt",
    "var/lib/cloud/instances/*/vendor-data.txt.i",
    "var/lib/cloud/instances/*/vendor-cloud-config.txt",
    "var/lib/cloud/instances/*/obj.pkl",
    "var/lib/cloud/seed/nocloud*/user-data",
    "var/lib/cloud/seed/nocloud*/meta-data",
    "var/lib/cloud/seed/nocloud*/vendor-data",
    "run/cloud-init/instance-data*.json",
    "var/lib/waagent/ovf-env.xml",
    "config.ign",
    "boot/ignition/config.ign",
    "usr/lib/ignition/user.ign",
    "etc/.ignition-result.json",
];

/// Each file that is there, with its content.
pub(super) fn files(reader: &mut Reader<'_>) -> Vec<(Vec<u8>, super::reader::Content)> {
    let mut found = Vec::new();
    for pattern in PATTERNS {
        for path in glob(reader, pattern.as_bytes()) {
            let content = reader.file(&path, MAX_FILE);
            found.push((path, content));
        }
    }
    found
}

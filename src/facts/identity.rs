//! Which machine it is: what clouds, firmware and the system call it.
//!
//! Sources: machine-id(5), os-release(5); cloud-init's `/var/lib/cloud/data` and
//! `/run/cloud-init`; the Azure agent's `/var/lib/waagent`; the Google agent's
//! `instance_configs.cfg`. A disk that was copied shows the copy's instance id and
//! often the original's `machine-id`.

use super::reader::Reader;
use crate::finding::{IdentityKind, MachineIdentity, OsRelease};

/// The most bytes of a file.
const MAX_FILE: usize = 1 << 20;

/// Every identity, the strongest first.
pub(super) fn identities(reader: &mut Reader<'_>) -> Vec<MachineIdentity> {
    let mut found = Vec::new();
    let mut add = |kind, value: Option<String>, path: &str| {
        let path = format!("/{path}");
        if let Some(value) = value {
            let same = |one: &MachineIdentity| one.kind == kind && one.value == value;
            if !found.iter().any(same) {
                found.push(MachineIdentity { kind, value, path });
            }
        }
    };
    for (kind, path) in [
        (IdentityKind::CloudInstance, "var/lib/cloud/data/instance-id"),
        (IdentityKind::CloudInstance, "run/cloud-init/.instance-id"),
        (IdentityKind::PreviousInstance, "var/lib/cloud/data/previous-instance-id"),
        (IdentityKind::VmId, "var/lib/waagent/provisioned"),
        (IdentityKind::CloudInstance, "etc/google_instance_id"),
        (IdentityKind::MachineId, "etc/machine-id"),
        (IdentityKind::MachineId, "var/lib/dbus/machine-id"),
        (IdentityKind::VmId, "sys/class/dmi/id/product_uuid"),
        (IdentityKind::HardwareSerial, "sys/class/dmi/id/product_serial"),
        (IdentityKind::HardwareSerial, "sys/class/dmi/id/board_asset_tag"),
    ] {
        let value = reader.first_line(path).filter(|value| is_identity(kind, value));
        add(kind, value, path);
    }
    let path = "etc/default/instance_configs.cfg";
    let google = text(reader, path).and_then(|text| in_section(&text, "Instance", "instance_id"));
    add(IdentityKind::CloudInstance, google.filter(|id| id != "0"), path);
    let path = "var/lib/cloud/data/previous-datasource";
    let source = reader.first_line(path);
    let path = "var/lib/cloud/instance/datasource";
    let source = reader.first_line(path).or(source);
    let platform = source.as_deref().and_then(|source| platform(reader, source));
    add(IdentityKind::CloudPlatform, platform, path);
    found.sort_by_key(|one| one.kind);
    found
}

/// The host name.
pub(super) fn hostname(reader: &mut Reader<'_>) -> Option<String> {
    ["etc/hostname", "etc/HOSTNAME", "var/lib/cloud/data/previous-hostname"]
        .into_iter()
        .find_map(|path| reader.first_line(path).filter(|name| !name.starts_with('#')))
}

/// The operating system.
pub(super) fn os(reader: &mut Reader<'_>) -> Option<OsRelease> {
    let text = ["etc/os-release", "usr/lib/os-release"].into_iter().find_map(|path| text(reader, path))?;
    let value = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let (_, value) = lines.find(|(key, _)| key.trim() == name)?;
        let value = value.trim().trim_matches(['"', '\'']);
        (!value.is_empty() && value.len() <= 256).then(|| value.to_owned())
    };
    Some(OsRelease { id: value("ID"), version: value("VERSION_ID"), name: value("PRETTY_NAME") })
}

fn text(reader: &mut Reader<'_>, path: &str) -> Option<String> {
    reader.file(path.as_bytes(), MAX_FILE).bytes().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// `machine-id` holds words before the first boot; other values are never blank.
fn is_identity(kind: IdentityKind, value: &str) -> bool {
    match kind {
        IdentityKind::MachineId => value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        _ => !value.contains(char::is_whitespace) && value != "iid-datasource-none",
    }
}

/// A value in a section of an INI file.
fn in_section(text: &str, section: &str, name: &str) -> Option<String> {
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[') {
            inside = title.trim_end_matches(']') == section;
        } else if let Some((key, value)) = line.split_once('=').filter(|_| inside)
            && key.trim() == name
        {
            return Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
    }
    None
}

/// `DataSourceAzure: …` of cloud-init → `azure`.
fn platform(reader: &Reader<'_>, source: &str) -> Option<String> {
    let name = source.split([':', ' ', '[']).next()?.strip_prefix("DataSource")?;
    let short = match name {
        "Ec2" | "Ec2Local" => "ec2",
        "Azure" => "azure",
        "GCE" | "GCELocal" => "gce",
        // Nobody says so there, and the agent is.
        "None" if reader.exists("var/lib/waagent") => "azure",
        other => return Some(other.to_ascii_lowercase()),
    };
    Some(short.to_owned())
}

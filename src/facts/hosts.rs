//! SSH client configurations: which hosts an account connects to, as whom, with
//! which key.
//!
//! Format: ssh_config(5). A value in a `Host` block counts for the hosts of its
//! patterns, and the first one wins; `IdentityFile` adds up.

use super::reader::Reader;
use crate::finding::SshHost;
use crate::formats::sshd_config;

/// The most bytes of a file.
const MAX_FILE: usize = 1 << 20;
/// The most blocks of a machine.
const MAX_HOSTS: usize = 10_000;

/// Reads one file and adds its blocks that say something.
pub(super) fn read(reader: &mut Reader<'_>, path: &[u8], account: Option<&str>, hosts: &mut Vec<SshHost>) {
    let Some(bytes) = reader.file(path, MAX_FILE).bytes() else { return };
    let name = format!("/{}", String::from_utf8_lossy(path).trim_start_matches('/'));
    let new = |patterns: Vec<String>| SshHost {
        account: account.map(str::to_owned),
        path: name.clone(),
        patterns,
        ..SshHost::default()
    };
    let mut block = new(vec!["*".to_owned()]);
    let mut finish = |block: SshHost, reader: &mut Reader<'_>| {
        let says = block.hostname.is_some()
            || block.user.is_some()
            || block.proxy_jump.is_some()
            || !block.identity_files.is_empty();
        if says && hosts.len() < MAX_HOSTS {
            hosts.push(block);
        } else if says {
            reader.problem(path, "more Host blocks than are kept");
        }
    };
    for line in bytes.split(|byte| *byte == b'\n') {
        let setting = match sshd_config::line(line) {
            Ok(Some(setting)) => setting,
            Ok(None) => continue,
            Err(_) => {
                reader.problem(path, "a line that has not the form of the file");
                continue;
            }
        };
        let first = setting.arguments.first().filter(|value| value.len() <= 1024).cloned();
        let slot = match setting.keyword.as_str() {
            "host" | "match" => {
                let mut patterns: Vec<String> = setting.arguments.into_iter().take(64).collect();
                if setting.keyword == "match" {
                    patterns.insert(0, "match".to_owned());
                }
                finish(std::mem::replace(&mut block, new(patterns)), reader);
                continue;
            }
            "identityfile" if block.identity_files.len() < 64 => {
                block.identity_files.extend(first);
                continue;
            }
            "port" => {
                block.port = block.port.or(first.and_then(|port| port.parse().ok()));
                continue;
            }
            "hostname" => &mut block.hostname,
            "user" => &mut block.user,
            "proxyjump" => &mut block.proxy_jump,
            _ => continue,
        };
        if slot.is_none() {
            *slot = first;
        }
    }
    finish(block, reader);
}

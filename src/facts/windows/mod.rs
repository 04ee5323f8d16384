//! Windows: where its OpenSSH server has its files below the root of the system drive, and
//! what the registry says of the machine.
//!
//! Facts: "OpenSSH Server configuration for Windows" (learn.microsoft.com) and the wiki of
//! Win32-OpenSSH, "sshd_config": the `sshd_config` that comes with it ends with a block for
//! the group of administrators, whose keys are all in one file; names have no case. Keys of
//! the registry: libyal's winreg-kb.

mod accounts;
mod registry;

pub(super) use accounts::{Account, Accounts};
pub(super) use registry::Registry;

use super::reader::Reader;
use super::sshd::server::Server;
use crate::finding::{IdentityKind, MachineIdentity, OsRelease};

/// The name under which administrators' keys are told who are none of the machine's own
/// accounts.
pub(super) const ADMINISTRATORS: &str = "Administrators";
/// What stands in a configuration for the folder of data of programs.
const PROGRAM_DATA: &str = "__PROGRAMDATA__";
/// The most profiles that are looked at.
const MAX_PROFILES: usize = 1000;
/// The most names and addresses that are told.
const MAX_NAMES: usize = 64;

/// The folder of the server, where there is one.
pub(super) fn server_folder(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    find(reader, b"", &["ProgramData", "ssh"])
}

/// A path by names whose case does not matter, from a folder on; the root is the empty one.
pub(super) fn find(reader: &mut Reader<'_>, folder: &[u8], names: &[&str]) -> Option<Vec<u8>> {
    let mut path = folder.to_vec();
    for wanted in names {
        let names = reader.list(if path.is_empty() { b"." } else { &path });
        let wanted = wanted.to_lowercase();
        let name = names.into_iter().find(|name| String::from_utf8_lossy(name).to_lowercase() == wanted)?;
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
    }
    Some(path)
}

/// The names of a path of Windows on the drive that the system is on; none for another.
fn on_system_drive(path: &str) -> Option<Vec<String>> {
    let drive = ["C:", "%SystemDrive%"]
        .into_iter()
        .find(|drive| path.get(..drive.len()).is_some_and(|start| start.eq_ignore_ascii_case(drive)))?;
    let rest = path.get(drive.len()..)?;
    Some(rest.split(['\\', '/']).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// What a path of the configuration is on this disk, for the tokens of an account to be put
/// in: from the root on, or from the account's home. `None`: it is on another drive.
pub(super) fn pattern(pattern: &str) -> Option<String> {
    if let Some(rest) = pattern.strip_prefix(PROGRAM_DATA) {
        return Some(format!("/ProgramData{}", rest.replace('\\', "/")));
    }
    if pattern.get(1..2) == Some(":") || pattern.starts_with("%SystemDrive%") {
        return Some(format!("/{}", on_system_drive(pattern)?.join("/")));
    }
    Some(pattern.replace('\\', "/"))
}

/// The server's program and whether its service starts by itself.
pub(super) fn server(reader: &mut Reader<'_>, system: Option<&Registry<'_>>) -> Server {
    let programs =
        [&["Windows", "System32", "OpenSSH", "sshd.exe"][..], &["Program Files", "OpenSSH", "sshd.exe"]];
    let mut server = Server::default();
    for names in programs {
        if let Some(path) = find(reader, b"", names) {
            server.program(reader, &path);
        }
    }
    if let Some((system, set)) = system.and_then(|system| Some((system, control_set(reader, system)?))) {
        let start = system.number(reader, &[&set, "Services", "sshd"], "Start");
        // 2: with the system, 3: when somebody starts it, 4: never.
        server.enabled = Some(start == Some(2));
    }
    server
}

/// The set of settings that the system would start with.
fn control_set(reader: &mut Reader<'_>, system: &Registry<'_>) -> Option<String> {
    let number = system.number(reader, &["Select"], "Current")?;
    Some(format!("ControlSet{number:03}"))
}

/// The operating system.
pub(super) fn os(reader: &mut Reader<'_>, software: Option<&Registry<'_>>) -> OsRelease {
    let mut os = OsRelease { id: Some("windows".to_owned()), ..OsRelease::default() };
    if let Some(software) = software {
        let key = ["Microsoft", "Windows NT", "CurrentVersion"];
        os.name = software.text(reader, &key, "ProductName");
        let build = software.text(reader, &key, "CurrentBuild");
        let revision = software.number(reader, &key, "UBR");
        os.version = build.map(|build| match revision {
            Some(revision) => format!("{build}.{revision}"),
            None => build,
        });
    }
    os
}

/// What the machine is called by its setup and by the cloud whose agent it has.
pub(super) fn identities(reader: &mut Reader<'_>, software: Option<&Registry<'_>>) -> Vec<MachineIdentity> {
    let Some(software) = software else { return Vec::new() };
    let mut identities = Vec::new();
    let mut add =
        |kind, value: String| identities.push(MachineIdentity { kind, value, path: software.path() });
    let clouds = [
        ("ec2", ["Amazon", "MachineImage"]),
        ("azure", ["Microsoft", "Windows Azure"]),
        ("gce", ["Google", "ComputeEngine"]),
    ];
    for (cloud, key) in clouds {
        if !software.values(reader, &key, 1).is_empty() {
            add(IdentityKind::CloudPlatform, cloud.to_owned());
        }
    }
    let id = software.text(reader, &["Microsoft", "Cryptography"], "MachineGuid");
    if let Some(id) =
        id.filter(|id| id.len() == 36 && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()))
    {
        add(IdentityKind::MachineId, id);
    }
    identities
}

/// The host name, and other names and addresses under which machines may know it.
pub(super) fn names(reader: &mut Reader<'_>, system: Option<&Registry<'_>>) -> (Option<String>, Vec<String>) {
    let Some((system, set)) = system.and_then(|system| Some((system, control_set(reader, system)?))) else {
        return (None, Vec::new());
    };
    let name = system.text(reader, &[&set, "Control", "ComputerName", "ComputerName"], "ComputerName");
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if names.len() < MAX_NAMES && name.len() <= 253 && !names.contains(&name) {
            names.push(name);
        }
    };
    let tcp = [&*set, "Services", "Tcpip", "Parameters"];
    let domain = ["Domain", "DhcpDomain"].into_iter().find_map(|value| system.text(reader, &tcp, value));
    if let (Some(name), Some(domain)) = (&name, domain) {
        add(format!("{name}.{domain}").to_lowercase());
    }
    for value in system.values(reader, &[&tcp[..], &["Interfaces"]].concat(), 1) {
        if !value.is("IPAddress") && !value.is("DhcpIPAddress") {
            continue;
        }
        let addresses = value.text().unwrap_or_default().lines().filter_map(|text| text.parse().ok());
        addresses
            .filter(super::names::is_of_machine)
            .for_each(|address: std::net::IpAddr| add(address.to_string()));
    }
    (name, names)
}

/// The file of keys of all administrators, where it is.
pub(super) fn administrators_file(reader: &mut Reader<'_>, folder: &[u8]) -> Option<Vec<u8>> {
    find(reader, folder, &["administrators_authorized_keys"])
}

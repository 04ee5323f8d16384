//! SSH client configurations: which hosts an account connects to, as whom, with
//! which key; and where the hosts stand that it knows.
//!
//! Format: ssh_config(5). A value in a `Host` block counts for the hosts of its
//! patterns, and the first one wins; `IdentityFile` adds up. `Include` names files, in
//! the order of their names; after them the block goes on in which it stands.

use super::reader::Reader;
use super::sshd::config::glob;
use crate::finding::SshHost;
use crate::formats::sshd_config::{self, Setting};

/// The most bytes of a file.
const MAX_FILE: usize = 1 << 20;
/// The most blocks of a machine.
const MAX_HOSTS: usize = 10_000;
/// How deep files may include others: ssh's own limit.
const MAX_DEPTH: usize = 16;
/// The most files that one configuration includes.
const MAX_FILES: usize = 256;
/// The most files of known hosts that one configuration names.
const MAX_KNOWN: usize = 32;

/// Whose configuration it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Whose<'w> {
    /// None: the machine's.
    pub(super) account: Option<&'w str>,
    /// The account's home; the folder of the machine's configuration.
    pub(super) home: &'w [u8],
}

impl Whose<'_> {
    /// The folder that the configuration and what it includes are in.
    fn folder(&self) -> Vec<u8> {
        if self.account.is_some() { [self.home, b"/.ssh"].concat() } else { self.home.to_vec() }
    }

    /// A path as the configuration writes it; `None` where it depends on more than the
    /// account.
    fn path(&self, text: &str, folder: &[u8]) -> Option<Vec<u8>> {
        let of_home = ["~/", "%d/", "${HOME}/"].iter().find_map(|start| text.strip_prefix(start));
        let path = match of_home {
            Some(rest) if self.account.is_some() => [self.home, b"/", rest.as_bytes()].concat(),
            Some(_) => return None,
            None if text.starts_with('/') => text.as_bytes().to_vec(),
            None => [folder, b"/", text.as_bytes()].concat(),
        };
        (!path.iter().any(|byte| matches!(byte, b'%' | b'$' | b'~'))).then_some(path)
    }
}

/// The files of known hosts that ssh reads without being told of any, and those that
/// the configuration names.
pub(super) fn known_hosts(whose: Whose<'_>, named: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let usual = if whose.account.is_some() {
        ["known_hosts", "known_hosts2"]
    } else {
        ["ssh_known_hosts", "ssh_known_hosts2"]
    };
    let mut paths: Vec<Vec<u8>> =
        usual.map(|name| [&*whose.folder(), b"/", name.as_bytes()].concat()).to_vec();
    for path in named {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

/// A file that is being read.
struct Open {
    path: Vec<u8>,
    bytes: Vec<u8>,
    at: usize,
    /// The patterns of the block that an `Include` in it interrupts.
    patterns: Vec<String>,
}

impl Open {
    fn new(path: Vec<u8>, bytes: Vec<u8>, patterns: Vec<String>) -> Self {
        Self { path, bytes, at: 0, patterns }
    }

    /// The next line.
    fn line(&mut self) -> Option<&[u8]> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        self.at = self.at.saturating_add(length).saturating_add(1);
        rest.get(..length)
    }

    fn block(&self, account: Option<&str>) -> SshHost {
        SshHost {
            account: account.map(str::to_owned),
            path: format!("/{}", String::from_utf8_lossy(&self.path).trim_start_matches('/')),
            patterns: self.patterns.clone(),
            ..SshHost::default()
        }
    }
}

/// Reads a configuration with all that it includes and adds its blocks that say
/// something. Gives the files of known hosts that it names.
pub(super) fn read(reader: &mut Reader<'_>, whose: Whose<'_>, hosts: &mut Vec<SshHost>) -> Vec<Vec<u8>> {
    let name: &[u8] = if whose.account.is_some() { b"config" } else { b"ssh_config" };
    let folder = whose.folder();
    let path = [&*folder, b"/", name].concat();
    let mut known = Vec::new();
    let Some(bytes) = reader.file(&path, MAX_FILE).bytes() else { return known };
    let mut files = 0;
    let mut open = vec![Open::new(path, bytes, vec!["*".to_owned()])];
    let Some(mut block) = open.last().map(|file| file.block(whose.account)) else { return known };
    while let Some(file) = open.last_mut() {
        let Some(line) = file.line() else {
            finish(block, reader, hosts);
            open.pop();
            let Some(outer) = open.last() else { return known };
            block = outer.block(whose.account);
            continue;
        };
        let setting = match sshd_config::line(line) {
            Ok(Some(setting)) => setting,
            Ok(None) => continue,
            Err(_) => {
                reader.problem(&file.path, "a line that has not the form of the file");
                continue;
            }
        };
        match setting.keyword.as_str() {
            "host" | "match" => {
                file.patterns = setting.arguments.into_iter().take(64).collect();
                if setting.keyword == "match" {
                    file.patterns.insert(0, "match".to_owned());
                }
                let next = file.block(whose.account);
                finish(std::mem::replace(&mut block, next), reader, hosts);
            }
            "include" => {
                let included = included(reader, &setting, whose, &folder);
                let (at, patterns) = (file.path.clone(), file.patterns.clone());
                let depth = open.len();
                // The last one pushed is read first.
                let mut pushed = Vec::new();
                for path in included {
                    files += 1;
                    if files > MAX_FILES || depth >= MAX_DEPTH {
                        reader.problem(&at, "more files are included than are read");
                        break;
                    }
                    if let Some(bytes) = reader.file(&path, MAX_FILE).bytes() {
                        pushed.push(Open::new(path, bytes, patterns.clone()));
                    }
                }
                open.extend(pushed.into_iter().rev());
                if let Some(next) = open.last() {
                    let next = next.block(whose.account);
                    finish(std::mem::replace(&mut block, next), reader, hosts);
                }
            }
            "userknownhostsfile" | "globalknownhostsfile" => {
                let paths = setting.arguments.iter().filter(|path| !path.eq_ignore_ascii_case("none"));
                let paths = paths.filter_map(|path| whose.path(path, &folder));
                known.extend(paths.take(MAX_KNOWN.saturating_sub(known.len())));
            }
            _ => set(&mut block, setting),
        }
    }
    known
}

/// The files that an `Include` names and that are there, in order.
fn included(reader: &mut Reader<'_>, setting: &Setting, whose: Whose<'_>, folder: &[u8]) -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    for pattern in setting.arguments.iter().take(64).filter_map(|text| whose.path(text, folder)) {
        paths.extend(glob(reader, &pattern));
    }
    paths
}

fn set(block: &mut SshHost, setting: Setting) {
    let first = setting.arguments.into_iter().next().filter(|value| value.len() <= 1024);
    let slot = match setting.keyword.as_str() {
        "identityfile" if block.identity_files.len() < 64 => {
            block.identity_files.extend(first);
            return;
        }
        "port" => {
            block.port = block.port.or(first.and_then(|port| port.parse().ok()));
            return;
        }
        "hostname" => &mut block.hostname,
        "user" => &mut block.user,
        "proxyjump" => &mut block.proxy_jump,
        _ => return,
    };
    if slot.is_none() {
        *slot = first;
    }
}

/// Keeps a block that says something.
fn finish(block: SshHost, reader: &mut Reader<'_>, hosts: &mut Vec<SshHost>) {
    let says = block.hostname.is_some()
        || block.user.is_some()
        || block.proxy_jump.is_some()
        || !block.identity_files.is_empty();
    if says && hosts.len() < MAX_HOSTS {
        hosts.push(block);
    } else if says {
        reader.problem(block.path.as_bytes(), "more Host blocks than are kept");
    }
}

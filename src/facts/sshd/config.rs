//! The server's configuration: all its lines in order, those of included files in
//! their place, each with the `Match` blocks that it is in.
//!
//! A line in an included file is in the block that the `Include` is in as well as
//! in that of its own file; the latter ends with the file. The server reads its
//! configuration twice: what is in no block first, then what is in blocks that
//! match, which overrides.

use std::collections::HashMap;

use super::super::reader::{Content, Reader};
use crate::formats::ssh_pattern;
use crate::formats::sshd_config::{self, ConfigFault, Criterion, Scope, Setting};

/// The most bytes of one file.
const MAX_FILE: usize = 4 << 20;
/// How deep includes go; the server stops there as well.
const MAX_DEPTH: usize = 16;
/// The most files, also counted again where one is included again.
const MAX_FILES: usize = 512;
/// The most settings.
const MAX_SETTINGS: usize = 8192;
/// The most `Match` blocks.
const MAX_BLOCKS: usize = 512;

/// A configuration.
#[derive(Debug, Default)]
pub(in super::super) struct Config {
    pub(in super::super) lines: Vec<ConfigLine>,
    pub(in super::super) blocks: Vec<Vec<Criterion>>,
    /// Where in `lines` a keyword stands.
    pub(in super::super) by_keyword: HashMap<String, Vec<usize>>,
    /// How many bytes were read of all files together.
    pub(in super::super) bytes: usize,
    /// The files in the order in which they were read.
    pub(in super::super) files: Vec<String>,
    /// Why the server would not start with it, or why it was not read to its end.
    pub(in super::super) fault: Option<String>,
    /// A limit of ours was reached, which is no fault of the configuration.
    pub(in super::super) limited: bool,
}

/// A setting and where it counts.
#[derive(Debug)]
pub(in super::super) struct ConfigLine {
    pub(in super::super) setting: Setting,
    /// The blocks that must match, by index; none: it counts everywhere.
    pub(in super::super) blocks: Vec<usize>,
}

impl Config {
    /// Reads a configuration; `directory` is where relative includes are, without a
    /// slash first or last.
    pub(in super::super) fn read(reader: &mut Reader<'_>, path: &str, directory: &str) -> Self {
        let mut config = Self::default();
        let mut loader = Loader { reader, config: &mut config, directory };
        if let Err(fault) = loader.file(path.as_bytes(), &[], 0, true)
            && config.fault.is_none()
        {
            config.fault = Some(fault);
        }
        if config.limited && config.fault.is_none() {
            config.fault = Some("it has more lines than are read".to_owned());
        }
        config
    }

    /// Whether a file was read at all.
    pub(in super::super) fn found(&self) -> bool {
        !self.files.is_empty()
    }
}

struct Loader<'l, 'r> {
    reader: &'l mut Reader<'r>,
    config: &'l mut Config,
    directory: &'l str,
}

impl Loader<'_, '_> {
    /// Reads one file; an error is what keeps the server from starting.
    fn file(&mut self, path: &[u8], outer: &[usize], depth: usize, optional: bool) -> Result<(), String> {
        let name = format!("/{}", String::from_utf8_lossy(path).trim_start_matches('/'));
        if depth > MAX_DEPTH {
            return Err(format!("{name}: includes go too deep"));
        }
        if self.config.files.len() >= MAX_FILES {
            self.config.limited = true;
            return Ok(());
        }
        let bytes = match self.reader.file(path, MAX_FILE) {
            Content::Whole(bytes, _) => bytes,
            Content::Part(..) => return Err(format!("{name}: it is too large")),
            Content::Missing if optional => return Ok(()),
            Content::Missing => return Err(format!("{name}: it is not there")),
            Content::Unreadable => return Err(format!("{name}: it cannot be read")),
        };
        self.config.files.push(name.clone());
        self.config.bytes = self.config.bytes.saturating_add(bytes.len());
        let mut blocks = outer.to_vec();
        for (number, line) in (1_usize..).zip(bytes.split(|byte| *byte == b'\n')) {
            let at = |fault: ConfigFault| format!("{name}:{number}: {fault}");
            let Some(setting) = sshd_config::line(line).map_err(at)? else { continue };
            if self.config.lines.len() >= MAX_SETTINGS || self.config.blocks.len() >= MAX_BLOCKS {
                self.config.limited = true;
                return Ok(());
            }
            let scope =
                sshd_config::scope(&setting.keyword).ok_or_else(|| at(ConfigFault::UnknownKeyword))?;
            match setting.keyword.as_str() {
                "match" => {
                    let criteria = sshd_config::criteria(&setting.arguments).map_err(at)?;
                    blocks = outer.to_vec();
                    blocks.push(self.config.blocks.len());
                    self.config.blocks.push(criteria);
                }
                "include" => {
                    for pattern in &setting.arguments {
                        for path in self.glob(pattern) {
                            self.file(&path, &blocks, depth + 1, false)?;
                        }
                    }
                }
                _ if scope == Scope::Global && !blocks.is_empty() => return Err(at(ConfigFault::NotInMatch)),
                _ => {
                    if !is_valid(&setting) {
                        return Err(at(ConfigFault::Value));
                    }
                    let at = self.config.lines.len();
                    self.config.by_keyword.entry(setting.keyword.clone()).or_default().push(at);
                    self.config.lines.push(ConfigLine { setting, blocks: blocks.clone() });
                }
            }
        }
        Ok(())
    }

    /// The files that a pattern of `Include` names, in order.
    fn glob(&mut self, pattern: &str) -> Vec<Vec<u8>> {
        let whole = if pattern.starts_with('/') {
            pattern.trim_start_matches('/').to_owned()
        } else {
            format!("{}/{pattern}", self.directory)
        };
        let paths = glob(self.reader, whole.as_bytes());
        self.config.limited |= std::mem::take(&mut self.reader.cut);
        paths
    }
}

/// The paths that a shell pattern names, in order, at most a few thousand.
pub(in super::super) fn glob(reader: &mut Reader<'_>, pattern: &[u8]) -> Vec<Vec<u8>> {
    const MAX_PATHS: usize = 4096;
    let mut paths: Vec<Vec<u8>> = vec![Vec::new()];
    for part in pattern.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        let is_pattern = part.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['));
        let mut next = Vec::new();
        for path in paths {
            let join =
                |name: &[u8]| if path.is_empty() { name.to_vec() } else { [&*path, b"/", name].concat() };
            if !is_pattern {
                next.push(join(part));
                continue;
            }
            // Names that begin with a dot are not meant by a pattern that does not.
            let wanted = |name: &&Vec<u8>| {
                (part.starts_with(b".") || !name.starts_with(b".")) && shell_match(name, part)
            };
            let names = reader.list(if path.is_empty() { b"." } else { &path });
            next.extend(names.iter().filter(wanted).map(|name| join(name)));
        }
        next.truncate(MAX_PATHS);
        paths = next;
    }
    paths.retain(|path| reader.root.resolve(path).is_ok());
    paths
}

/// `*` and `?`; a class in brackets is taken as any one character within it.
fn shell_match(name: &[u8], pattern: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(pattern) else { return ssh_pattern::matches(name, pattern) };
    if !text.contains('[') {
        return ssh_pattern::matches(name, pattern);
    }
    globset::GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .is_ok_and(|glob| glob.compile_matcher().is_match(String::from_utf8_lossy(name).as_ref()))
}

/// Whether the server takes the value, for the settings that decide about logins.
fn is_valid(setting: &Setting) -> bool {
    let words: &[&str] = match setting.keyword.as_str() {
        "pubkeyauthentication"
        | "strictmodes"
        | "usepam"
        | "permittty"
        | "usedns"
        | "disableforwarding"
        | "allowagentforwarding"
        | "x11forwarding"
        | "permituserrc"
        | "passwordauthentication"
        | "kbdinteractiveauthentication"
        | "permitemptypasswords"
        | "exposeauthinfo" => &["yes", "no"],
        "permitrootlogin" => &["yes", "no", "without-password", "prohibit-password", "forced-commands-only"],
        "allowtcpforwarding" | "allowstreamlocalforwarding" => &["yes", "no", "all", "local", "remote"],
        "requiredrsasize" => {
            return matches!(setting.arguments.as_slice(), [only] if only.parse::<u32>().is_ok());
        }
        // An absolute path, or the word.
        "revokedkeys" | "trustedusercakeys" | "chrootdirectory" => {
            return setting.arguments.len() == 1;
        }
        _ => return true,
    };
    matches!(setting.arguments.as_slice(), [only] if words.iter().any(|word| only.eq_ignore_ascii_case(word)))
}

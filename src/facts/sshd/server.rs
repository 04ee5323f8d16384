//! The server itself: its version, whether it can use PAM, whether anything starts
//! it.

use super::super::reader::Reader;

/// The most bytes of the program that are read; it has about one million.
const MAX_PROGRAM: usize = 16 << 20;
/// Where distributions have the program, and what newer versions run for a session.
const PROGRAMS: [&str; 8] = [
    "usr/sbin/sshd",
    "usr/bin/sshd",
    "usr/local/sbin/sshd",
    "sbin/sshd",
    "usr/lib/openssh/sshd-session",
    "usr/libexec/openssh/sshd-session",
    "usr/lib/ssh/sshd-session",
    "usr/libexec/sshd-session",
];

/// What is known of the server.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Server {
    pub(in super::super) found: bool,
    /// `OpenSSH_9.2p1 Debian-2+deb12u10`.
    pub(in super::super) text: Option<String>,
    /// The two numbers of the version.
    pub(in super::super) version: Option<(u32, u32)>,
    /// Whether it was built with PAM.
    pub(in super::super) has_pam: bool,
    /// Whether it was built with libwrap, which asks `/etc/hosts.deny`.
    pub(in super::super) has_wrap: bool,
    pub(in super::super) enabled: Option<bool>,
}

impl Server {
    pub(in super::super) fn read(reader: &mut Reader<'_>) -> Self {
        let mut server = Self::default();
        for path in PROGRAMS {
            server.program(reader, path.as_bytes());
        }
        server.enabled = enabled(reader);
        server
    }

    /// Adds what a program says, where there is one.
    pub(in super::super) fn program(&mut self, reader: &mut Reader<'_>, path: &[u8]) {
        let Some(bytes) = reader.file(path, MAX_PROGRAM).bytes() else { return };
        self.found = true;
        self.has_pam |= memchr::memmem::find(&bytes, b"libpam.so").is_some();
        self.has_wrap |= memchr::memmem::find(&bytes, b"libwrap.so").is_some();
        if self.text.is_none()
            && let Some((text, version)) = version(&bytes)
        {
            (self.text, self.version) = (Some(text), Some(version));
        }
    }

    /// Whether it is of a version or later; `true` where the version is not known.
    pub(in super::super) fn since(&self, version: (u32, u32)) -> bool {
        self.version.is_none_or(|own| own >= version)
    }

    /// Whether it has Debian's patch that takes files which a group can write, if
    /// the owner is the group's only member.
    pub(in super::super) fn has_group_patch(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.contains("Debian-") || text.contains("Ubuntu-"))
    }
}

/// The longest text in the program that is a version.
fn version(bytes: &[u8]) -> Option<(String, (u32, u32))> {
    let mut found: Option<(String, (u32, u32))> = None;
    for at in memchr::memmem::find_iter(bytes, b"OpenSSH_") {
        let rest = bytes.get(at..).unwrap_or_default();
        let length = rest.iter().take(100).take_while(|byte| matches!(byte, 0x20..=0x7e)).count();
        let Ok(text) = std::str::from_utf8(rest.get(..length).unwrap_or_default()) else { continue };
        let Some(number) = text.strip_prefix("OpenSSH_") else { continue };
        let number = number.strip_prefix("for_Windows_").unwrap_or(number);
        // Lists of peers with faults have patterns.
        if text.contains(['*', ',', '%']) {
            continue;
        }
        let mut parts = number.split(|character: char| !character.is_ascii_digit());
        let (Some(Ok(major)), Some(Ok(minor))) = (parts.next().map(str::parse), parts.next().map(str::parse))
        else {
            continue;
        };
        if found.as_ref().is_none_or(|(longest, _)| longest.len() < text.len()) {
            found = Some((text.trim().to_owned(), (major, minor)));
        }
    }
    found
}

/// Whether an init system starts it; `None` where none was recognised.
fn enabled(reader: &mut Reader<'_>) -> Option<bool> {
    let mut known = false;
    let directories = [
        "etc/systemd/system/multi-user.target.wants",
        "etc/systemd/system/sockets.target.wants",
        "usr/lib/systemd/system/multi-user.target.wants",
        "usr/lib/systemd/system/sockets.target.wants",
        "etc/systemd/system/cloud-init.target.wants",
        "etc/runlevels/default",
        "etc/rc2.d",
        "etc/rc3.d",
        "etc/rc5.d",
    ];
    for directory in directories {
        let names = reader.list(directory.as_bytes());
        // An empty one says nothing: a root that was never booted has some.
        known |= !names.is_empty();
        let starts = |name: &Vec<u8>| {
            memchr::memmem::find(name, b"ssh").is_some()
                && (!directory.starts_with("etc/rc") || name.starts_with(b"S"))
        };
        if names.iter().any(starts) {
            return Some(true);
        }
    }
    known.then_some(false)
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_in_a_program() {
        let bytes =
            b"\0OpenSSH_2.*,OpenSSH_3*\0OpenSSH_9.2p1\0x\0OpenSSH_9.2p1 Debian-2+deb12u10\0OpenSSH_for\0";
        assert_eq!(version(bytes), Some(("OpenSSH_9.2p1 Debian-2+deb12u10".to_owned(), (9, 2))));
        assert_eq!(version(b"OpenSSH_\0OpenSSH_9\0"), None);
        let windows = version(b"\0OpenSSH_for_Windows_9.5\0");
        assert_eq!(windows, Some(("OpenSSH_for_Windows_9.5".to_owned(), (9, 5))));
    }
}

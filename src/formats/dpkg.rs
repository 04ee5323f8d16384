//! The text files of dpkg: digests of installed files, the status of packages,
//! diversions.
//!
//! Facts: dpkg-deb(5) and deb-md5sums(5) (`md5sums`), dpkg-query(1) and the field
//! `Conffiles` of `/var/lib/dpkg/status`, dpkg-divert(1) (three lines for each
//! diversion). Each function takes one line without its end.

/// A line of a `md5sums` file: the path, without a slash first, and its MD5.
#[must_use]
pub fn md5sums_line(line: &[u8]) -> Option<(&[u8], [u8; 16])> {
    let (digest, path) = line.split_at_checked(32)?;
    // Two blanks, or a blank and an asterisk for a file in binary mode.
    let path = path.strip_prefix(b"  ").or_else(|| path.strip_prefix(b" *"))?;
    let path = path.strip_prefix(b"./").unwrap_or(path);
    (!path.is_empty()).then_some((path, super::hex::array(digest)?))
}

/// The stanza of `status` that is being read.
#[derive(Debug, Default)]
pub struct Status {
    /// Its name.
    pub package: Vec<u8>,
    /// Its version.
    pub version: Vec<u8>,
    /// Its architecture.
    pub architecture: Vec<u8>,
    in_conffiles: bool,
}

impl Status {
    /// Takes the next line. A configuration file: its path, `/` first, and the MD5
    /// that it had when it was installed. The name and the version stand before.
    pub fn line<'l>(&mut self, line: &'l [u8]) -> Option<(&'l [u8], [u8; 16])> {
        if line.is_empty() {
            *self = Self::default();
            return None;
        }
        if let Some(continued) = line.strip_prefix(b" ") {
            return if self.in_conffiles { conffile(continued) } else { None };
        }
        self.in_conffiles = line == b"Conffiles:";
        for (name, field) in [
            (b"Package: ".as_slice(), &mut self.package),
            (b"Version: ", &mut self.version),
            (b"Architecture: ", &mut self.architecture),
        ] {
            if let Some(value) = line.strip_prefix(name) {
                *field = value.to_vec();
            }
        }
        None
    }
}

/// `/etc/name with blanks 0123… obsolete`.
fn conffile(line: &[u8]) -> Option<(&[u8], [u8; 16])> {
    let line = [b" obsolete".as_slice(), b" remove-on-upgrade"]
        .into_iter()
        .fold(line, |line, word| line.strip_suffix(word).unwrap_or(line));
    let blank = line.len().checked_sub(33)?;
    let (path, digest) = line.split_at_checked(blank)?;
    Some((path, super::hex::array(digest.strip_prefix(b" ")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_as_dpkg_writes_them() {
        let zero = [0; 16];
        assert_eq!(
            md5sums_line(b"00000000000000000000000000000000  usr/share/doc/a b"),
            Some((b"usr/share/doc/a b".as_slice(), zero))
        );
        assert_eq!(
            md5sums_line(b"00000000000000000000000000000000 *./bin/x"),
            Some((b"bin/x".as_slice(), zero))
        );
        for bad in ["", "0", "0000000000000000000000000000000g  x", "00000000000000000000000000000000  ", "é"]
        {
            assert_eq!(md5sums_line(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn stanzas_give_configuration_files() {
        let text = "Package: adduser\nStatus: install ok installed\nArchitecture: all\nVersion: 3.134\n\
            Conffiles:\n /etc/adduser.conf 0123456789abcdef0123456789ABCDEF\n /etc/a b d41d8cd98f00b204e9800998ecf8427e obsolete\n \
            /etc/new newconffile\nDescription: add\n /etc/no d41d8cd98f00b204e9800998ecf8427e\n\nPackage: b\n";
        let mut status = Status::default();
        let mut found = Vec::new();
        for line in text.lines() {
            if let Some((path, digest)) = status.line(line.as_bytes()) {
                assert_eq!((&*status.package, &*status.version), (&b"adduser"[..], &b"3.134"[..]));
                found.push((path.to_vec(), digest[0]));
            }
        }
        assert_eq!(found, [(b"/etc/adduser.conf".to_vec(), 0x01), (b"/etc/a b".to_vec(), 0xd4)]);
        assert_eq!((&*status.package, &*status.version), (&b"b"[..], &b""[..]));
    }
}

//! Lines of `passwd`, `shadow` and `group`.
//!
//! Formats: passwd(5), shadow(5), group(5): fields separated by colons, one entry a
//! line. What the C library does with a line that has not the form, it is passed
//! over, happens here too; a number that is negative or too large for an id makes
//! the line a faulty one.

/// The longest field that is believed, in bytes.
const MAX_FIELD: usize = 4096;
/// The most members of a group that are read of one line.
const MAX_MEMBERS: usize = 1 << 16;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its name.
    pub name: String,
    /// Whether the password field is empty: no password is asked for, whatever
    /// `shadow` says. Only `x` refers to `shadow`.
    pub password: Password,
    /// Its number.
    pub uid: u32,
    /// The number of its primary group.
    pub gid: u32,
    /// Home directory, as the bytes of a path.
    pub home: Vec<u8>,
    /// Login shell; empty means `/bin/sh`.
    pub shell: Vec<u8>,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Names of the accounts that are members besides those whose primary group it is.
    pub members: Vec<String>,
}

/// What a password field says; never the password's hash itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Password {
    /// Empty: none is needed.
    Empty,
    /// It begins with `!`: locked, whatever follows.
    Locked,
    /// Something no password gives, as `*`: none works, and it is not locked.
    Unusable,
    /// A hash.
    Set,
    /// `x`: the other file has it.
    Elsewhere,
}

/// What `shadow` says of an account. Days are counted from 1970-01-01.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Its name.
    pub name: String,
    /// The password field.
    pub password: Password,
    /// Day of the last change; 0: it must be changed at the next login.
    pub changed: Option<i64>,
    /// Days after which the password must be changed.
    pub maximum: Option<i64>,
    /// Days after that until it is no longer taken.
    pub inactive: Option<i64>,
    /// The day on which the account expires.
    pub expires: Option<i64>,
}

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line<T> {
    /// Nothing: empty, a comment, or a reference to a network directory.
    Nothing,
    /// An entry.
    Entry(T),
    /// A line that has not the form.
    Faulty,
}

/// Reads a line of `passwd`, without its end.
#[must_use]
pub fn user(line: &[u8]) -> Line<User> {
    entry(line, 7, |fields| {
        Some(User {
            name: name(fields.first()?)?,
            password: password(fields.get(1)?),
            uid: id(fields.get(2)?)?,
            gid: id(fields.get(3)?)?,
            home: path(fields.get(5)?)?,
            shell: path(fields.get(6)?)?,
        })
    })
}

/// Reads a line of `group`, without its end.
#[must_use]
pub fn group(line: &[u8]) -> Line<Group> {
    entry(line, 4, |fields| {
        let members = fields.get(3).copied().unwrap_or_default();
        let members = members.split(|byte| *byte == b',').filter_map(name).take(MAX_MEMBERS);
        Some(Group { name: name(fields.first()?)?, gid: id(fields.get(2)?)?, members: members.collect() })
    })
}

/// Reads a line of `shadow`, without its end.
#[must_use]
pub fn shadow(line: &[u8]) -> Line<Shadow> {
    entry(line, 9, |fields| {
        let days = |at: usize| -> Option<Option<i64>> {
            match fields.get(at).copied().unwrap_or_default() {
                b"" => Some(None),
                text => std::str::from_utf8(text).ok()?.trim().parse().ok().map(Some),
            }
        };
        Some(Shadow {
            name: name(fields.first()?)?,
            password: password(fields.get(1)?),
            changed: days(2)?,
            maximum: days(4)?.filter(|days| *days >= 0),
            inactive: days(6)?.filter(|days| *days >= 0),
            expires: days(7)?.filter(|days| *days >= 0),
        })
    })
}

fn entry<T>(line: &[u8], most: usize, read: impl FnOnce(&[&[u8]]) -> Option<T>) -> Line<T> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // `+` and `-` first are references to a network directory.
    if matches!(line.first(), None | Some(b'#' | b'+' | b'-')) {
        return Line::Nothing;
    }
    let fields: Vec<&[u8]> = line.splitn(most, |byte| *byte == b':').collect();
    read(&fields).map_or(Line::Faulty, Line::Entry)
}

fn name(field: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(field).ok()?;
    (!text.is_empty() && text.len() <= 256 && !text.contains(['/', '\0'])).then(|| text.to_owned())
}

/// An id; the largest number stands for "none" in the kernel.
fn id(field: &[u8]) -> Option<u32> {
    let digits = !field.is_empty() && field.iter().all(u8::is_ascii_digit);
    let number = digits.then(|| std::str::from_utf8(field).ok()?.parse().ok())?;
    number.filter(|number| *number != u32::MAX)
}

fn path(field: &[u8]) -> Option<Vec<u8>> {
    (field.len() <= MAX_FIELD && !field.contains(&0)).then(|| field.to_vec())
}

fn password(field: &[u8]) -> Password {
    match field {
        b"" => Password::Empty,
        b"x" => Password::Elsewhere,
        [b'!', ..] => Password::Locked,
        // The shortest hash is that of crypt(3)'s DES, of 13 characters.
        short if short.len() < 13 || short.first() == Some(&b'*') => Password::Unusable,
        _ => Password::Set,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_the_manual_pages() {
        let Line::Entry(user) = user(b"ana:x:1000:1001:Ana,,,:/home/ana:/bin/bash") else { panic!("a user") };
        assert_eq!((user.name.as_str(), user.uid, user.gid), ("ana", 1000, 1001));
        assert_eq!((user.home.as_slice(), user.shell.as_slice()), (&b"/home/ana"[..], &b"/bin/bash"[..]));
        let Line::Entry(group) = group(b"sudo:x:27:ana,bob") else { panic!("a group") };
        assert_eq!((group.gid, group.members), (27, vec!["ana".to_owned(), "bob".to_owned()]));
        let Line::Entry(shadow) = shadow(b"ana:!$y$j9T$x:19000:0:99999:7::1:") else { panic!("shadow") };
        assert_eq!(
            (shadow.password, shadow.changed, shadow.expires),
            (Password::Locked, Some(19000), Some(1))
        );
    }

    #[test]
    fn ids_that_cannot_be() {
        for bad in [
            "a:x:-1:0::/:/bin/sh",
            "a:x:4294967296:0::/:",
            "a:x:4294967295:0::/:",
            "a:x::0::/:",
            "a:x",
            ":x:1:1::/:",
        ] {
            assert_eq!(user(bad.as_bytes()), Line::Faulty, "{bad}");
        }
        for nothing in ["", "# a", "+::::::", "-bad:x:6:6::/:"] {
            assert_eq!(user(nothing.as_bytes()), Line::Nothing, "{nothing}");
        }
        assert_eq!(user(&[0xff; 9000]), Line::Faulty);
    }

    #[test]
    fn what_password_fields_mean() {
        let said = ["", "x", "!", "!!", "*", "*LK*", "$6$salt$hashhashhash", "aWw1x/ymY6xGI"];
        use Password::{Elsewhere, Empty, Locked, Set, Unusable};
        let meant = [Empty, Elsewhere, Locked, Locked, Unusable, Unusable, Set, Set];
        assert_eq!(said.map(|field| password(field.as_bytes())), meant);
    }
}

//! Logins of manuals and templates, and references in place of values. The lists
//! are data: `rules/logins.txt`.

use std::sync::LazyLock;

/// The lists of `rules/logins.txt`.
struct Lists {
    hosts: Vec<&'static str>,
    pairs: Vec<(&'static str, &'static str)>,
    calls: Vec<&'static str>,
    weak: Vec<&'static str>,
    modifiers: Vec<&'static str>,
    words: Vec<&'static str>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut lists = Lists {
        hosts: Vec::new(),
        pairs: Vec::new(),
        calls: Vec::new(),
        weak: Vec::new(),
        modifiers: Vec::new(),
        words: Vec::new(),
    };
    let mut section = "";
    for line in include_str!("../../../rules/logins.txt").lines().map(str::trim) {
        match line {
            "" => {}
            name if name.starts_with('[') && name.ends_with(']') => section = name,
            comment if comment.starts_with("# ") => {}
            entry => match section {
                "[hosts]" => lists.hosts.push(entry),
                "[pairs]" => lists.pairs.extend(entry.split_once(' ')),
                "[calls]" => lists.calls.push(entry),
                "[weak]" => lists.weak.push(entry),
                "[modifiers]" => lists.modifiers.extend(entry.split(' ')),
                _ => lists.words.extend(entry.split(' ')),
            },
        }
    }
    for list in [&mut lists.weak, &mut lists.modifiers, &mut lists.words] {
        list.sort_unstable();
    }
    lists
});

/// Host names of documentation and templates. Words such as `test` are not among
/// them: test servers hold data too.
pub(super) fn is_sample_host(host: &str) -> bool {
    let label = host.split('.').next().unwrap_or_default();
    let letters: String = label.chars().filter(char::is_ascii_alphanumeric).collect();
    let template = host.starts_with(['{', '<', '[', '$', '%', '#']);
    let reserved =
        ["example.com", "example.org", "example.net", ".example", ".test", ".invalid", "contoso.com"];
    template
        || reserved.iter().any(|domain| host.ends_with(domain))
        || LISTS.hosts.iter().any(|sample| *sample == letters)
        || letters.starts_with("your") && letters.len() > 4
}

/// Whether a host is the machine itself, or the name that a sample has for it.
pub(super) fn is_local(host: &str) -> bool {
    host.is_empty()
        || host == "localhost"
        || host == "::1"
        || host.starts_with("127.")
        || host == "0.0.0.0"
        || matches!(
            host,
            "host"
                | "hostname"
                | "server"
                | "db"
                | "database"
                | "postgres"
                | "postgresql"
                | "mysql"
                | "mariadb"
                | "mongo"
                | "mongodb"
                | "redis"
                | "rabbitmq"
                | "host.docker.internal"
        )
}

/// A pair that manuals use, or the one that an image starts with, on no host of
/// anybody's.
pub(super) fn is_sample_login(user: &str, password: &[u8], host: &str) -> bool {
    let known = LISTS.pairs.iter().any(|(name, word)| {
        user.eq_ignore_ascii_case(name) && (*word == "*" || password.eq_ignore_ascii_case(word.as_bytes()))
    });
    let documented = known || user.as_bytes() == password || is_weak(password);
    // The names that manuals give to nobody.
    let nobody = ["scott", "guest", "jane", "joe", "foo", "user", "username", "jschmoe"].contains(&user);
    let nobody = nobody && (documented || user == "scott");
    nobody
        || documented && (is_local(host) || !host.contains('.'))
        || matches!(password, b"pass" | b"pw" | b"pwd" | b"passwd")
}

/// A value that millions have and everybody tries first.
pub(super) fn is_weak(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    LISTS.weak.binary_search_by(|word| word.as_bytes().cmp(&lower)).is_ok()
}

/// A word that, before the word for a password in a name, says that the value is
/// none.
pub(super) fn is_modifier(word: &str) -> bool {
    LISTS.modifiers.binary_search(&word).is_ok()
}

/// A word of programs and manuals that stands where a value would.
pub(super) fn is_word(word: &str) -> bool {
    LISTS.words.binary_search(&word).is_ok()
}

/// A value that is read from somewhere else: a variable, a call, a template, a
/// path to a file.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let value = value.trim_ascii();
    const INSIDE: [&[u8]; 13] =
        [b"${", b"%{", b"$(", b"{{", b"}}", b"%(", b"<%", b"{%", b"#{", b"@{", b"$[", b"::", b"->"];
    let starts =
        |prefix: &[u8]| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    INSIDE.iter().any(|mark| memchr::memmem::find(value, mark).is_some())
        || LISTS.calls.iter().any(|call| starts(call.as_bytes()))
        || enclosed(value, b'<', b'>')
        || enclosed(value, b'{', b'}')
        || enclosed(value, b'[', b']')
        || enclosed(value, b'%', b'%')
        || enclosed(value, b'@', b'@')
        || enclosed(value, b'(', b')')
        || value.starts_with(b"$$") && enclosed(value, b'$', b'$')
        || is_variable(value)
}

fn enclosed(value: &[u8], first: u8, last: u8) -> bool {
    value.len() > 2 && value.first() == Some(&first) && value.last() == Some(&last)
}

/// `$NAME`, `$name`, `%s`, `:name`, `&name`.
fn is_variable(value: &[u8]) -> bool {
    let Some((first, name)) = value.split_first() else { return false };
    let word = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    match first {
        b'$' => {
            word && (name.len() < 3
                || name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
                || name.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'_'))
        }
        b'%' => word && name.len() <= 2,
        b':' => word,
        _ => false,
    }
}

//! What the name of a setting says about its value: a host, a user, a password.
//!
//! Names are read as words (`DB_HOST`, `dbHost`, `spring.datasource.url`) of which
//! the last one decides; what stands before it is the prefix that the settings of
//! one login share.

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A host, perhaps with a port, or a URL.
    Server,
    /// A port.
    Port,
    /// The name of a database.
    Database,
    /// A user.
    User,
    /// A password.
    Password,
    /// The kind of server.
    Engine,
}

/// A role with the prefix of its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What the value is.
    pub role: Role,
    /// The words before, in lower case, without separators.
    pub prefix: String,
}

/// Last words of names, and two last words joined. Longer ones first where one
/// ends in the other.
const WORDS: [(&str, Role); 84] = [
    ("hostname", Role::Server),
    ("hostaddr", Role::Server),
    ("servername", Role::Server),
    ("serveraddress", Role::Server),
    ("serverurl", Role::Server),
    ("datasource", Role::Server),
    ("fqdn", Role::Server),
    ("endpoint", Role::Server),
    ("address", Role::Server),
    ("addr", Role::Server),
    ("server", Role::Server),
    ("host", Role::Server),
    ("jdbcurl", Role::Server),
    ("connectionurl", Role::Server),
    ("url", Role::Server),
    ("uri", Role::Server),
    ("dsn", Role::Server),
    ("machine", Role::Server),
    ("relayhost", Role::Server),
    ("smarthost", Role::Server),
    ("port", Role::Port),
    ("databasename", Role::Database),
    ("initialcatalog", Role::Database),
    ("database", Role::Database),
    ("dbname", Role::Database),
    ("dbinstance", Role::Database),
    ("catalog", Role::Database),
    ("schema", Role::Database),
    ("username", Role::User),
    ("userid", Role::User),
    ("user", Role::User),
    ("uid", Role::User),
    ("login", Role::User),
    ("loginname", Role::User),
    ("usr", Role::User),
    ("account", Role::User),
    ("binddn", Role::User),
    ("email", Role::User),
    ("principal", Role::User),
    ("identity", Role::User),
    ("administratorlogin", Role::User),
    ("password", Role::Password),
    ("passwd", Role::Password),
    ("passwort", Role::Password),
    ("kennwort", Role::Password),
    ("contrasena", Role::Password),
    ("motdepasse", Role::Password),
    ("depasse", Role::Password),
    ("senha", Role::Password),
    ("wachtwoord", Role::Password),
    ("benutzer", Role::User),
    ("usuario", Role::User),
    ("pwd", Role::Password),
    ("pass", Role::Password),
    ("passphrase", Role::Password),
    ("bindpw", Role::Password),
    ("rootpw", Role::Password),
    ("pw", Role::Password),
    ("psk", Role::Password),
    ("authtok", Role::Password),
    ("loginpassword", Role::Password),
    ("engine", Role::Engine),
    ("dialect", Role::Engine),
    ("adapter", Role::Engine),
    ("driver", Role::Engine),
    ("client", Role::Engine),
    // Columns and labels of other languages, which no setting is called.
    ("contraseña", Role::Password),
    ("hasło", Role::Password),
    ("heslo", Role::Password),
    ("lösenord", Role::Password),
    ("пароль", Role::Password),
    ("Пароль", Role::Password),
    ("密码", Role::Password),
    ("密碼", Role::Password),
    ("パスワード", Role::Password),
    ("benutzername", Role::User),
    ("utilisateur", Role::User),
    ("identifiant", Role::User),
    ("użytkownik", Role::User),
    ("логин", Role::User),
    ("Логин", Role::User),
    ("用户名", Role::User),
    ("用戶名", Role::User),
    ("ユーザー名", Role::User),
];

/// Words that a last word may be joined to without a separator: `dbhost`, `pguser`.
const JOINED: [&str; 57] = [
    "db",
    "pg",
    "my",
    "mysql",
    "sql",
    "mssql",
    "ms",
    "ora",
    "oracle",
    "mongo",
    "redis",
    "smtp",
    "mail",
    "imap",
    "pop",
    "ldap",
    "ftp",
    "sftp",
    "http",
    "proxy",
    "admin",
    "root",
    "bind",
    "app",
    "require",
    "keystore",
    "truststore",
    "key",
    "store",
    "user",
    "login",
    "sys",
    "system",
    "wifi",
    "vpn",
    "adm",
    "sa",
    "super",
    "ssh",
    "rsync",
    "svn",
    "git",
    "client",
    "server",
    "web",
    "api",
    "net",
    "backup",
    "repl",
    "sync",
    "cert",
    "ssl",
    "tls",
    "auth",
    "odbc",
    "jdbc",
    "master",
];

/// Last words that stand for the role whatever they are joined to.
const ALWAYS_JOINED: [&str; 7] =
    ["password", "passwd", "passwort", "kennwort", "hostname", "username", "dbname"];

impl Named {
    /// Reads a name. `None` where it says nothing of a login.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        // `servers[0].host`, `auth/password`: a path counts like words.
        let words = words(name);
        let (last, before) = words.split_last()?;
        let prefix = |words: &[String]| words.concat();
        if let Some((second, before)) = before.split_last() {
            // `db.name` and `DB_NAME` are databases, any other name is a name.
            if last == "name" && matches!(second.as_str(), "db" | "database") {
                return Some(Self {
                    role: Role::Database,
                    prefix: prefix(words.get(..words.len().saturating_sub(1))?),
                });
            }
            if let Some(role) = role_of_two(second, last) {
                return Some(Self { role, prefix: prefix(before) });
            }
        }
        if let Some(role) = role_of(last) {
            return Some(Self { role, prefix: prefix(before) });
        }
        let end = last.bytes().next_back();
        let joined =
            WORDS.iter().filter(|(known, _)| known.bytes().next_back() == end).find_map(|(known, role)| {
                let rest = last.strip_suffix(known).filter(|rest| !rest.is_empty())?;
                let allowed = ALWAYS_JOINED.contains(known) || JOINED.contains(&rest);
                allowed.then(|| Self { role: *role, prefix: format!("{}{rest}", prefix(before)) })
            });
        if joined.is_some() {
            return joined;
        }
        if last == "db" {
            return Some(Self { role: Role::Database, prefix: prefix(before) });
        }
        // `PASSWORD1`, `db_password_prod`: the role stands before the last word.
        let (second, before) = before.split_last()?;
        let numbered = last.len() <= 2 && last.bytes().all(|byte| byte.is_ascii_digit());
        let stage =
            matches!(last.as_str(), "prod" | "production" | "staging" | "stage" | "dev" | "live" | "primary");
        let role = role_of(second).filter(|_| numbered || stage)?;
        Some(Self { role, prefix: format!("{}{last}", prefix(before)) })
    }

    /// How well two names go together: 3 for one prefix, 2 where one continues the
    /// other, 0 otherwise.
    #[must_use]
    pub fn affinity(&self, other: &Self) -> u8 {
        let (one, two) = (self.prefix.as_str(), other.prefix.as_str());
        let continues = |one: &str, two: &str| one.starts_with(two) || one.ends_with(two);
        if one == two {
            3
        } else if one.is_empty() || two.is_empty() || continues(one, two) || continues(two, one) {
            2
        } else if [one, two].iter().all(|prefix| is_database(prefix)) {
            1
        } else {
            0
        }
    }
}

/// The role of a word.
fn role_of(word: &str) -> Option<Role> {
    let first = word.bytes().next();
    WORDS.iter().find(|(known, _)| known.bytes().next() == first && *known == word).map(|(_, role)| *role)
}

/// The role of two words joined.
fn role_of_two(one: &str, two: &str) -> Option<Role> {
    let length = one.len().saturating_add(two.len());
    let is_both =
        |known: &str| known.len() == length && known.strip_prefix(one).is_some_and(|rest| rest == two);
    WORDS.iter().find(|(known, _)| is_both(known)).map(|(_, role)| *role)
}

/// Whether a prefix speaks of a database.
fn is_database(prefix: &str) -> bool {
    const NAMES: [&str; 10] =
        ["db", "database", "sql", "mysql", "pg", "postgres", "postgresql", "mariadb", "rds", "datasource"];
    NAMES.iter().any(|name| prefix.starts_with(name) || prefix.ends_with(name))
}

/// The words of a name in lower case: cut at `_`, `-`, `.`, `:`, `/`, brackets and
/// where lower case turns to upper.
#[must_use]
pub fn words(name: &str) -> Vec<String> {
    const MAX_WORDS: usize = 16;
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    let mut previous = ' ';
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        let next_is_lower = letters.peek().is_some_and(char::is_ascii_lowercase);
        let hump = letter.is_ascii_uppercase()
            && (previous.is_ascii_lowercase()
                || previous.is_ascii_digit()
                || previous.is_ascii_uppercase() && next_is_lower);
        let digits = letter.is_ascii_digit() && previous.is_ascii_alphabetic();
        let separates = !letter.is_alphanumeric();
        if (separates || hump || digits) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
            if words.len() >= MAX_WORDS {
                return words;
            }
        }
        if !separates {
            word.push(letter.to_ascii_lowercase());
        }
        previous = letter;
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> Option<(Role, String)> {
        Named::of(name).map(|named| (named.role, named.prefix))
    }

    #[test]
    fn names_of_every_style() {
        let cases = [
            ("DB_HOST", Role::Server, "db"),
            ("dbHost", Role::Server, "db"),
            ("dbhost", Role::Server, "db"),
            ("PGPASSWORD", Role::Password, "pg"),
            ("PGHOST", Role::Server, "pg"),
            ("spring.datasource.url", Role::Server, "springdatasource"),
            ("spring.datasource.password", Role::Password, "springdatasource"),
            ("MYSQL_ROOT_PASSWORD", Role::Password, "mysqlroot"),
            ("RDS_HOSTNAME", Role::Server, "rds"),
            ("DB_NAME", Role::Database, "db"),
            ("dbname", Role::Database, ""),
            ("User ID", Role::User, ""),
            ("UserId", Role::User, ""),
            ("Uid", Role::User, ""),
            ("PASSWORD", Role::Password, ""),
            ("smtp_pass", Role::Password, "smtp"),
            ("smtpPass", Role::Password, "smtp"),
            ("adminPassword", Role::Password, "admin"),
            ("administrator_login_password", Role::Password, "administrator"),
            ("administrator_login", Role::User, ""),
            ("db_password_2", Role::Password, "db2"),
            ("password1", Role::Password, "1"),
            ("ENGINE", Role::Engine, ""),
            ("DATABASE_URL", Role::Server, "database"),
        ];
        for (name, expected, prefix) in cases {
            assert_eq!(role(name), Some((expected, prefix.to_owned())), "{name}");
        }
        for name in ["", "ghost", "compass", "bypass", "report", "display_name", "passwordless", "__"] {
            assert_eq!(role(name), None, "{name}");
        }
    }

    #[test]
    fn one_login_shares_a_prefix() {
        let affinity = |one, other| {
            let (one, other) = (Named::of(one).expect("a role"), Named::of(other).expect("a role"));
            one.affinity(&other)
        };
        assert_eq!(affinity("DB_HOST", "DB_PASSWORD"), 3);
        assert_eq!(affinity("MYSQL_HOST", "MYSQL_ROOT_PASSWORD"), 2);
        assert_eq!(affinity("host", "smtp_password"), 2);
        assert_eq!(affinity("DATABASE_HOST", "POSTGRES_PASSWORD"), 1);
        assert_eq!(affinity("SMTP_HOST", "DB_PASSWORD"), 0);
    }
}

use super::value::may_be;
use super::*;
use crate::rules::Check;
use crate::scan::checks::run;

/// The password that the check takes from a text at the word for it.
fn password(text: &str, login: bool, code: bool) -> Result<String, &'static str> {
    let lower = text.to_ascii_lowercase();
    let words = ["password", "passwd", "pass", "pwd", "psk"];
    let start = words.iter().filter_map(|word| lower.find(word)).min().expect("the word");
    // As the rules' patterns do, the match ends at the first byte of the value.
    let marks = text[start..].find(['=', ':', '>', ',']).map_or(start, |at| start + at + 1);
    let value = text[marks..].find(|c: char| !" \t\"'=>".contains(c)).map_or(text.len(), |at| marks + at + 1);
    let mut hit = Hit {
        text: text.as_bytes(),
        span: start..value.min(text.len()),
        secret: start..start,
        value: None,
        claims: Vec::new(),
        more: Vec::new(),
        attributes: Vec::new(),
    };
    run(&Check::Password { login, code, data_source: false }, &mut hit).map_err(|refusal| refusal.0)?;
    if hit.attribute("strength") == Some("guessable") {
        return Err("one that everybody tries first");
    }
    Ok(String::from_utf8(hit.secret_bytes().to_vec()).expect("UTF-8"))
}

#[test]
fn settings_with_a_password() {
    let setting = |text| password(text, false, false);
    for (text, expected) in [
        ("ADMIN_PASSWORD=kT9vQ2mX\n", "kT9vQ2mX"),
        ("export DB_PASS='it is; no'\n", ""),
        ("db_password: \"a\\\"b9X!\"\n", "a\"b9X!"),
        ("keystore.password=a\\=b9X!\n", "a=b9X!"),
        ("psk=four words of sense9\n", "four words of sense9"),
        ("password = Winter2024!\n", "Winter2024!"),
        ("password=65554daaf3bf519ae15b9597\n", "65554daaf3bf519ae15b9597"),
        ("{\"adminPassword\": \"kT9vQ2mX\"}", "kT9vQ2mX"),
        ("<password>a&lt;b9X!</password>", "a<b9X!"),
        ("admin_password = \"$ecret-9X\" # note\n", "$ecret-9X"),
        ("PASSWORD=QYxVbTzKwPmRn\n", "QYxVbTzKwPmRn"),
    ] {
        let found = setting(text);
        assert_eq!(found.clone().unwrap_or_default(), expected, "{text}: {found:?}");
    }
}

#[test]
fn settings_without_one() {
    for value in [
        "password",
        "secret",
        "changeme",
        "$PASS",
        "${DB_PASS}",
        "{{ vault }}",
        "%(pw)s",
        "<password>",
        "********",
        "getPassword()",
        "dict(type='str', no_log=True),",
        "dict(no_log=True)",
        "Y2hhbmdlbWU=",
        "****1234",
        "this.password",
        "os.environ['X1']",
        "args.password9)",
        "/etc/app/pw9",
        "https://x/y9",
        "ana9@acme.io",
        "1.2.3",
        "^7.0.4",
        "2024-01-02",
        "123e4567-e89b-12d3-a456-426614174000",
        "$6$abc$defGHI9",
        "{SSHA}abcDEF9",
        "ENC(abcDEF9)",
        "ENC[AES256_GCM,data:x9]",
        "newPassword",
        "utf8",
        "user_password",
        "Mot de passe 9",
        "Contraseña",
        "string",
        "None",
        "true",
        "vault:secret/data/x9",
        "%s",
        "items[1].split(\",\")",
        "&user-9",
        "mypassword1",
        "MySecret1",
        "md5aabbccddeeff00112233445566778899",
        "# comment only 9",
        "x",
        "abc",
    ] {
        let text = format!("db_password = {value}\n");
        assert!(password(&text, false, false).is_err(), "{value}");
    }
    for text in [
        "reset_password = kT9vQ2mX\n",
        "no-password: kT9vQ2mX\n",
        "# password = kT9vQ2mX\n",
        "\"minipass\": \"^7.0.4\"",
        "bypass = kT9vQ2mX\n",
        "--password=kT9vQ2mX\n",
        "/etc/passwd: kT9vQ2mX\n",
        "password = kT9vQ2mX\u{0}\n",
        "    password = \"kT9vQ2mX\"\n",
    ] {
        assert!(password(text, false, false).is_err(), "{text}");
    }
}

#[test]
fn a_login_has_a_user() {
    let login = |text| password(text, true, false);
    assert_eq!(login("user = shop\npassword = winter9\n").as_deref(), Ok("winter9"));
    assert_eq!(login("[a]\nuser = x\n[b]\npassword = winter9\n"), Err("no user beside it"));
    assert_eq!(login("SMTP_USER=x\nDB_PASSWORD=winter9\n"), Err("no user beside it"));
    assert_eq!(login("user = Log in here\npassword = Winter9x\n"), Err("no user beside it"));
    assert_eq!(login("user = root\npassword = root\n"), Err("a word of programs"));
    assert!(login("user = sa\npassword = yourStrong(!)Password\n").is_err());
}

#[test]
fn programs_need_a_literal() {
    let code = |text| password(text, false, true);
    assert_eq!(code("    password = \"kT9vQ2mX\"\n").as_deref(), Ok("kT9vQ2mX"));
    assert_eq!(code("var password = \"kT9vQ2mX\";\n").as_deref(), Ok("kT9vQ2mX"));
    assert_eq!(code("f(1, password='kT9vQ2mX')\n").as_deref(), Ok("kT9vQ2mX"));
    for text in ["f(password=kT9vQ2mX)\n", "f(password='kT9v' + x9)\n", "let password = `${a}b9XX`;\n"] {
        assert!(code(text).is_err(), "{text}");
    }
}

/// Turned away by a glance at the bytes: what has no end is no value.
#[test]
fn a_glance_at_the_value() {
    assert!(may_be(b"kT9vQ2mX\n", None).is_ok());
    assert!(may_be(b"kT9v Q2mX\"", Some(b'"')).is_ok());
    assert!(may_be(b"null,", None).is_err());
    assert!(may_be(b"kT9v\nQ2mX", Some(b'"')).is_ok());
    assert!(may_be("password=".repeat(100).as_bytes(), None).is_err());
    assert!(may_be(&[b'a'; 1000], Some(b'"')).is_err());
}

/// Vectors computed with the definition of each: UTF-16LE with the element's name,
/// bytes combined with 0x5f.
#[test]
fn encodings() {
    let value = |text: &str, encoding, attributes: &[(&'static str, &str)]| {
        let mut hit = Hit {
            text: text.as_bytes(),
            span: 0..text.len(),
            secret: 0..text.len(),
            value: None,
            claims: Vec::new(),
            more: Vec::new(),
            attributes: attributes
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).to_owned()))
                .collect(),
        };
        run(&Check::PasswordValue { encoding, alone: false }, &mut hit)
            .map(|()| String::from_utf8(hit.secret_bytes().to_vec()).expect("UTF-8"))
            .map_err(|refusal| refusal.0)
    };
    let unattend = concat!("UwB5AG4AdABoADMAdABpAGMAIQBQAGEA", "cwBzAHcAbwByAGQA");
    let hidden = [("plain_text", "false")];
    assert_eq!(value(unattend, PasswordEncoding::Unattend, &hidden).as_deref(), Ok("Synth3tic!"));
    assert!(value("AAAA", PasswordEncoding::Unattend, &hidden).is_err());
    assert_eq!(value("DCYxKzdsKzY8fg==", PasswordEncoding::Xor, &[]).as_deref(), Ok("Synth3tic!"));
    assert_eq!(value("YW5hOlN5bnRoM3RpYyE=", PasswordEncoding::Base64Pair, &[]).as_deref(), Ok("Synth3tic!"));
    assert_eq!(value("U3ludGgzdGljIQ==", PasswordEncoding::Base64, &[]).as_deref(), Ok("Synth3tic!"));
    assert!(value("*", PasswordEncoding::Base64, &[]).is_err());
    assert!(value("YW5h", PasswordEncoding::Base64Pair, &[]).is_err());
    assert!(value("*", PasswordEncoding::Base64Pair, &[]).is_err());
}

#[test]
fn what_everybody_tries_first_and_what_stands_for_something_else() {
    for value in
        ["Password123!", "admin@123", "Test1234!", "SuperSecret123", "MyS3cr3tP@ss", "qwerty123", "P@ssw0rd!"]
    {
        assert!(value::is_guessable(value.as_bytes()), "{value}");
    }
    for value in [
        "password",
        "secret",
        "changeme123",
        "your_password1",
        "$DB_PASSWORD",
        "%DB_PASS%",
        "example-pass1",
        "kT9vQ2mX",
        "test",
        "p4s$",
        "Password 1",
        "${PASSWORD1}",
        "",
    ] {
        assert!(!value::is_guessable(value.as_bytes()), "{value}");
    }
}

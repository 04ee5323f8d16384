use super::*;

/// The settings beside the first occurrence of a text, as `name=value`, the own one
/// first.
fn beside(text: &str, place: &str) -> Vec<String> {
    let at = text.find(place).expect("the place");
    let Some(settings) = Settings::around(text.as_bytes(), at) else { return Vec::new() };
    let show = |item: &Setting| {
        let raw = &text[item.value.span.clone()];
        assert!(text[item.span.clone()].ends_with(raw), "{item:?}");
        format!("{}={}", item.name, item.value.text())
    };
    let mut all = vec![show(settings.own().expect("own"))];
    let mut others: Vec<&Setting> = settings.others().collect();
    others.sort_by_key(|item| item.span.start);
    all.extend(others.into_iter().map(show));
    all
}

#[test]
fn environment_files_and_shell() {
    let text =
        "# DB_HOST=old\nexport DB_HOST=db.internal\nexport DB_USER='shop'\nDB_PASSWORD=\"a\\\"b\" # note\n";
    assert_eq!(beside(text, "db.internal"), ["DB_HOST=db.internal", "DB_USER=shop", "DB_PASSWORD=a\"b"]);
    let batch = "set DB_HOST=h\r\nset \"DB_PASSWORD=x y\"\r\n";
    assert_eq!(beside(batch, "h\r"), ["DB_HOST=h", "DB_PASSWORD=x y"]);
    let unit = "[Service]\nEnvironment=\"DB_HOST=h1\" DB_PASSWORD=x\nEnvironment=DB_USER=u\n[Install]\nA=b\n";
    assert_eq!(beside(unit, "h1"), ["DB_HOST=h1", "DB_PASSWORD=x", "DB_USER=u"]);
    let compose =
        "services:\n  db:\n    environment:\n      - DB_HOST=h1\n      - DB_PASSWORD=x\n    image: y\n";
    assert_eq!(beside(compose, "h1"), ["DB_HOST=h1", "DB_PASSWORD=x"]);
}

#[test]
fn ini_sections() {
    let text = "[other]\npassword = no\n[client]\nhost = h1\n; user = old\nuser = u\npassword = p;q # c\n[more]\nuser=z\n";
    assert_eq!(beside(text, "h1"), ["host=h1", "user=u", "password=p;q"]);
    let settings = Settings::around(text.as_bytes(), text.find("h1").expect("it")).expect("settings");
    assert_eq!(settings.section.as_deref(), Some("client"));
}

#[test]
fn properties_and_yaml() {
    let text = "spring.datasource.url=jdbc:postgresql\\://h1\\:5432/db\nspring.datasource.password=a\\=b\n";
    assert_eq!(
        beside(text, "h1"),
        ["spring.datasource.url=jdbc:postgresql://h1:5432/db", "spring.datasource.password=a=b"]
    );
    let yaml = "a:\n  password: no\nspring:\n  datasource:\n    url: jdbc:x://h1/db\n    username: u\n    password: 'it''s'\n  other: y\n";
    assert_eq!(beside(yaml, "h1"), ["url=jdbc:x://h1/db", "username=u", "password=it's"]);
    let list = "users:\n- host: h1\n  password: one\n- host: h2\n  password: two\n";
    assert_eq!(beside(list, "h1"), ["host=h1", "password=one"]);
    assert_eq!(beside(list, "h2"), ["host=h2", "password=two"]);
    let pod = "env:\n  - name: DB_PASSWORD\n    value: \"x1\"\n  - name: OTHER\n    value: y\n";
    assert_eq!(beside(pod, "x1"), ["DB_PASSWORD=x1", "OTHER=y"]);
}

#[test]
fn brackets() {
    let json =
        r#"{"a": {"password": "no"}, "db": {"host": "h1", "port": 5432, "password": "a\"b"}, "user": "x"}"#;
    assert_eq!(beside(json, "h1"), ["host=h1", "port=5432", "password=a\"b"]);
    let pretty =
        "{\n  \"host\": \"h1\",\n  \"nested\": {\n    \"user\": \"no\"\n  },\n  \"password\": \"p\"\n}\n";
    assert_eq!(beside(pretty, "h1"), ["host=h1", "password=p"]);
    let python = "DATABASES = {\n    'default': {\n        'HOST': 'h1',\n        'PASSWORD': 'it\\'s',\n        'NAME': name,\n    }\n}\n";
    assert_eq!(beside(python, "h1"), ["HOST=h1", "PASSWORD=it's", "NAME=name"]);
    let php = "return ['db' => ['host' => 'h1', 'password' => 'p']];";
    assert_eq!(beside(php, "h1"), ["host=h1", "password=p"]);
    let call = "connect(host=\"h1\", user=\"u\", password=\"p\" + x, port=1)";
    assert_eq!(beside(call, "h1"), ["host=h1", "user=u", "port=1"]);
    let wordpress =
        "define( 'DB_USER', 'u' );\ndefine( 'DB_PASSWORD', 'p' );\ndefine('DB_HOST', 'h1:3306');\n";
    assert_eq!(beside(wordpress, "h1"), ["DB_HOST=h1:3306", "DB_USER=u", "DB_PASSWORD=p"]);
    let named = r#"[{"name": "DB_HOST", "value": "h1"}, {"name": "DB_PASSWORD", "value": "p"}]"#;
    assert!(beside(named, "h1").contains(&"DB_PASSWORD=p".to_owned()), "{:?}", beside(named, "h1"));
    let subscript = "$cfg['host'] = 'h1';\n$cfg['password'] = 'p';\n";
    assert_eq!(beside(subscript, "h1"), ["host=h1", "password=p"]);
}

#[test]
fn xml() {
    let children = "<server>\n <!-- <password>no</password> -->\n <id>x</id><username>u1</username>\n <password>a&amp;b</password>\n</server><server><password>n</password></server>";
    assert_eq!(beside(children, "u1"), ["username=u1", "id=x", "password=a&b"]);
    let attributes = r#"<Resource name="jdbc/x" url="jdbc:mysql://h1/db" username="u" password="p"/>"#;
    assert_eq!(
        beside(attributes, "h1"),
        ["url=jdbc:mysql://h1/db", "name=jdbc/x", "username=u", "password=p"]
    );
    let added =
        r#"<appSettings><add key="DbHost" value="h1"/><add key="DbPassword" value="p"/></appSettings>"#;
    assert_eq!(beside(added, "h1"), ["DbHost=h1", "DbPassword=p"]);
    assert_eq!(beside(added, "DbPassword"), ["DbPassword=p", "DbHost=h1"]);
    let property = "<f><property name=\"connection.url\">jdbc:x://h1</property>\n<property name=\"connection.password\">p</property></f>";
    assert_eq!(beside(property, "h1"), ["connection.url=jdbc:x://h1", "connection.password=p"]);
}

#[test]
fn no_settings() {
    for text in
        ["", "x", "\n\n", "the password is secret", "if (a == \"x\") {", "<", "<a", "{{{{", "\"\"\"\""]
    {
        for at in 0..=text.len() {
            let _ = Settings::around(text.as_bytes(), at);
        }
    }
    assert!(beside("the password is secret", "secret").is_empty());
    assert!(beside("return password == 'x1' ? a : b", "x1").is_empty());
}

#[test]
fn hostile_content_takes_linear_time() {
    for piece in ["{", "[{\"a\":", "<a ", "<a b='", "password=", "- - ", "\"", "'", "a: {", "define(", "\\\""]
    {
        let text = piece.repeat(40_000);
        for at in [0, 1, text.len() / 2, text.len() - 1] {
            let _ = Settings::around(text.as_bytes(), at);
            let _ = Settings::near(text.as_bytes(), at);
        }
    }
}

/// The settings beside the name at the first occurrence of a text, as `beside`.
fn beside_name(text: &str, place: &str) -> Vec<String> {
    let at = text.find(place).expect("the place");
    let Some(settings) = Settings::around_name(text.as_bytes(), at) else { return Vec::new() };
    let show = |item: &Setting| format!("{}={}", item.name, item.value.text());
    let own = settings.own().map(show);
    own.into_iter().chain(settings.others().map(show)).collect()
}

#[test]
fn lists_of_variables_and_members_between() {
    let container = r#"{"Env": ["PATH=/bin", "PGHOST=h1", "PGPASSWORD=a\"b"], "Image": "x"}"#;
    assert_eq!(beside(container, "h1"), ["PGHOST=h1", "PATH=/bin", "PGPASSWORD=a\"b"]);
    let exported = r#"[{"name": "A", "slotSetting": false, "value": "h1"}, {"name": "B", "slotSetting": true, "value": "p"}]"#;
    assert_eq!(beside(exported, "h1")[..2], ["A=h1", "B=p"]);
    let chain = r#"read.option("url", "h1").option("user", "u").option("password", "p").load()"#;
    assert_eq!(beside(chain, "h1"), ["url=h1", "user=u", "password=p"]);
    let setters = "d.setServerName(\"h1\"); d.setUser(\"u\"); d.setPassword(\"p\");";
    assert_eq!(beside(setters, "h1"), ["ServerName=h1", "User=u", "Password=p"]);
}

#[test]
fn values_of_programs() {
    for (text, value) in [
        ("password <- 'p1'\n", "p1"),
        ("let password = \"p1\".to_string();\n", "p1"),
        ("let password = String::from(\"p1\");\n", "p1"),
        ("const password: string = 'p1';\n", "p1"),
        ("pub static password: &'static str = \"p1\";\n", "p1"),
        ("Dim password As String = \"p1\"\n", "p1"),
        ("NSString *password = @\"p1\";\n", "p1"),
        ("password = \"\"\"p\"1\"\"\"\n", "p\"1"),
        ("2026-10-12 10:00:00 INFO using password = p1\n", "p1"),
        ("guest password: p!1\n", "p!1"),
        ("10.2.3.4 (ID: u / password: p!1)\n", "p!1"),
        ("<password value=\"p1\"/>", "p1"),
        ("<a><!-- <b key=\"password\" value=\"p1\"/> --></a>", "p1"),
        ("curl http://h/ -d '{\"user\":\"u\",\"password\":\"p1\"}'\n", "p1"),
    ] {
        let found = beside_name(text, "password");
        assert_eq!(found.first().map(String::as_str), Some(format!("password={value}").as_str()), "{text}");
    }
    for text in ["Pass::password::p1\n", "return password == p1\n", "// see password\n"] {
        assert!(beside_name(text, "password").is_empty(), "{text}");
    }
}

#[test]
fn an_address_and_the_lines_below_it() {
    let beside_address = |text: &str, place: &str| {
        let at = text.find(place).expect("the place");
        let settings = Settings::beside_address(text.as_bytes(), at)?;
        Some(settings.others().map(|item| format!("{}={}", item.name, item.value.text())).collect::<Vec<_>>())
    };
    let note = "other: x\n\nh1.x\nuser: u\npassword: p\n\nmore: y\n";
    assert_eq!(beside_address(note, "h1.x"), Some(vec!["user=u".to_owned(), "password=p".to_owned()]));
    let table = "key,value\nPGHOST,h1.x\nPGUSER,u\n";
    assert_eq!(beside_address(table, "h1.x"), Some(vec!["PGUSER=u".to_owned()]));
}

//! Connection strings and queries, by their own documents.

use crate::formats::connection_string::{ConnectionString, Key};
use crate::formats::query::Query;

/// Reads the string around the first `.database.` and gives host, port, database,
/// user and password.
fn read(text: &str) -> [String; 5] {
    let at = text.find(".database.").expect("a host");
    let found = ConnectionString::around(text.as_bytes(), at).expect("a connection string");
    let value = |key| found.get(key).map(|value| value.text().into_owned()).unwrap_or_default();
    let password = found.get(Key::Password);
    [
        found.host().unwrap_or_default(),
        found.port().map(|port| port.to_string()).unwrap_or_default(),
        value(Key::Database),
        value(Key::User),
        password.map(|value| String::from_utf8(value.bytes.clone()).expect("UTF-8")).unwrap_or_default(),
    ]
}

#[test]
fn forms_of_connection_strings() {
    const HOST: &str = "s.database.windows.net";
    let cases = [
        // .NET documentation: quotes, doubled quotes, order, case, blanks.
        ("Server=tcp:s.database.windows.net,1433;Initial Catalog=d;User ID=u;Password=p;", "1433", "p"),
        ("data source = s.database.windows.net ; INITIAL CATALOG = d ; uid = u ; PWD = p ", "", "p"),
        ("Password='a;b';User=u;Database=d;Server=s.database.windows.net", "", "a;b"),
        ("Password=\"a''b\"\"c\";User=u;Database=d;Server=s.database.windows.net", "", "a''b\"c"),
        ("Server=s.database.windows.net;Database=d;User=u;Password=a=b==", "", "a=b=="),
        ("Server=s.database.windows.net;Database=d;User=u;Password=a'b\"c", "", "a'b\"c"),
        // ODBC: braces.
        (
            "Driver={ODBC Driver 18 for SQL Server};Server=s.database.windows.net;Database=d;Uid=u;Pwd={a;}}b};",
            "",
            "a;}b",
        ),
        // JSON and C#.
        (r#"{"c":"Server=s.database.windows.net;Database=d;User=u;Password=a\"\u0026b\\"}"#, "", r#"a"&b\"#),
        (r#"{"c": "Server=s.database.windows.net;Database=d;User=u;Password=\"a;b\";X=1"}"#, "", "a;b"),
        // XML, attribute and element; Entity Framework.
        (
            r#"<add connectionString="Server=s.database.windows.net;Database=d;User=u;Password=a&amp;b&lt;c\n" />"#,
            "",
            r"a&b<c\n",
        ),
        (
            r#"<add connectionString='Server=s.database.windows.net;Database=d;User=u;Password="a;b"' />"#,
            "",
            "a;b",
        ),
        ("<value>Server=s.database.windows.net;Database=d;User=u;Password=p</value>", "", "p"),
        (
            r#"<add connectionString="metadata=res://*/M.csdl;provider=System.Data.SqlClient;provider connection string=&quot;data source=s.database.windows.net;initial catalog=d;user id=u;password=p;App=EF&quot;" />"#,
            "",
            "p",
        ),
        // Settings without quotes.
        ("\nDB__Main=Server=s.database.windows.net;Database=d;User=u;Password=p\nNEXT=1", "", "p"),
        ("database=Server=s.database.windows.net;Database=d;User=u;Password=p", "", "p"),
        ("  url: Server=s.database.windows.net,1433;Database=d;User=u;Password=p q", "1433", "p q"),
        // In a binary.
        ("\0\x08Server=s.database.windows.net;Database=d;User=u;Password=p\0junk;Password=x", "", "p"),
        // JDBC and URLs.
        ("jdbc:sqlserver://s.database.windows.net:1433;database=d;user=u;password={a;b}", "1433", "a;b"),
        ("\"jdbc:sqlserver://s.database.windows.net;databaseName=d;user=u;password=p\"", "", "p"),
        ("X='mssql+pyodbc://u:p%40%3A@s.database.windows.net:1433/d?driver=x'", "1433", "p@:"),
        ("mssql://u:a=b;c,d@s.database.windows.net/d", "", "a=b;c,d"),
        (
            "mssql+pyodbc:///?odbc_connect=Driver%3D%7BX%7D%3BServer%3Ds.database.windows.net%2C1433%3BDatabase%3Dd%3BUid%3Du%3BPwd%3Da%2Bb",
            "1433",
            "a+b",
        ),
    ];
    for (text, port, password) in cases {
        assert_eq!(read(text), [HOST, port, "d", "u", password].map(str::to_owned), "{text}");
    }
}

#[test]
fn other_texts_hold_none() {
    for text in [
        "see s.database.windows.net for more",
        "https://s.database.windows.net/?password=x",
        "a = s.database.windows.net; password = x",
    ] {
        let at = text.find(".database.").expect("a host");
        let found = ConnectionString::around(text.as_bytes(), at);
        assert!(found.is_none_or(|found| found.get(Key::Server).is_none()), "{text}");
    }
}

#[test]
fn a_string_longer_than_the_reach_is_cut_and_not_mistaken() {
    let far = format!("Password=p;{}Server=s.database.windows.net;Database=d", "x=y;".repeat(1000));
    assert_eq!(read(&far)[4], "");
}

#[test]
fn queries_and_their_joints() {
    for joint in ["&", "&amp;", "\\u0026", "^&", "&#38;"] {
        let text = format!("u = \"https://h.example.net/a%20b/c?x=1{joint}sig=a%2Bb{joint}Y=%%3D\" z");
        let query = Query::around(text.as_bytes(), text.find("sig=").expect("sig"));
        assert_eq!(query.get("x").as_deref(), Some("1"), "{joint}");
        assert_eq!(query.get("SIG").as_deref(), Some("a+b"), "{joint}");
        assert_eq!(query.get("y").as_deref(), Some("="), "{joint}");
        assert_eq!(query.host().as_deref(), Some("h.example.net"), "{joint}");
        assert_eq!(query.path().as_deref(), Some("a b/c"), "{joint}");
        assert_eq!(&text[query.span_of("sig").expect("sig")], "a%2Bb", "{joint}");
        assert!(
            text[query.span.clone()].starts_with("https://") && text[query.span.clone()].ends_with("%%3D")
        );
    }
    let bare = Query::around(b"TOKEN=sv=1&sig=abc=;next", 15);
    assert_eq!((bare.get("sv").as_deref(), bare.get("sig").as_deref()), (Some("1"), Some("abc=")));
    let alone = Query::around(b"sig=abc=", 2);
    assert_eq!((alone.get("sig").as_deref(), alone.host()), (Some("abc="), None));
}

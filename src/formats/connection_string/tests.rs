use super::*;

/// Server, port, database, user and password of the first reading with a password.
fn login(text: &str, host: &str) -> Option<[String; 5]> {
    let at = text.find(host).expect("the host");
    let found = ConnectionString::readings(text.as_bytes(), at)
        .find(|found| found.names_server_at(at) && found.get(Key::Password).is_some())?;
    let value = |key: Key| found.get(key).map(|value| value.text().into_owned()).unwrap_or_default();
    let port = found.port().map(|port| port.to_string()).unwrap_or_default();
    for key in [Key::Password, Key::User, Key::Server] {
        let place = found.get(key).map(|value| value.span.clone()).unwrap_or_default();
        assert!(place.end <= text.len() && place.start <= place.end, "{key:?} in {text}");
    }
    Some([
        found.host().unwrap_or_default(),
        port,
        value(Key::Database),
        value(Key::User),
        value(Key::Password),
    ])
}

fn check(text: &str, expected: [&str; 5]) {
    assert_eq!(login(text, "h1.x"), Some(expected.map(str::to_owned)), "{text}");
}

#[test]
fn urls() {
    check("u=postgres://u:p%40w@h1.x:5432/d?sslmode=require", ["h1.x", "5432", "d", "u", "p@w"]);
    check("mongodb://u:p@h0.x:1,h1.x:2/d", ["h1.x", "2", "d", "u", "p"]);
    check("mongodb+srv://u:p@h1.x/?w=1", ["h1.x", "", "", "u", "p"]);
    check("'redis://:p@h1.x:6379/0'", ["h1.x", "6379", "0", "", "p"]);
    check("amqp://u:p@ss@h1.x/%2f", ["h1.x", "", "/", "u", "p@ss"]);
    check("jdbc:postgresql://h1.x:5432/d?user=u&password=p%26", ["h1.x", "5432", "d", "u", "p&"]);
    check("<a>jdbc:mysql://h1.x/d?user=u&amp;password=p</a>", ["h1.x", "", "d", "u", "p"]);
    check("jdbc:db2://h1.x:50000/d:user=u;password=p;", ["h1.x", "50000", "d", "u", "p"]);
    check("jdbc:hive2://h1.x:10000/d;user=u;password=p", ["h1.x", "10000", "d", "u", "p"]);
    check(
        "jdbc:sqlserver://h1.x:1433;databaseName=d;user=u;password={p;q}",
        ["h1.x", "1433", "d", "u", "p;q"],
    );
    assert_eq!(login("postgres://h1.x/d", "h1.x"), None);
    assert_eq!(login("https://a/h1.x:b@c", "h1.x"), None);
}

#[test]
fn oracle() {
    check("jdbc:oracle:thin:u/p@//h1.x:1521/d", ["h1.x", "1521", "d", "u", "p"]);
    check("jdbc:oracle:thin:u/p@h1.x:1521:d", ["h1.x", "1521", "d", "u", "p"]);
    check("jdbc:oracle:thin:u/\"p@s\"@h1.x:1521:d", ["h1.x", "1521", "d", "u", "p@s"]);
    check("sqlplus -s u/p@h1.x:1521/d <<EOF", ["h1.x", "1521", "d", "u", "p"]);
    check(
        "jdbc:oracle:thin:u/p@(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=h1.x)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=d)))",
        ["h1.x", "1521", "d", "u", "p"],
    );
}

#[test]
fn keyword_lists() {
    check(
        "psql \"host=h1.x port=5432 dbname=d user=u password=p sslmode=require\"",
        ["h1.x", "5432", "d", "u", "p"],
    );
    check("c = connect('host=h1.x user=u dbname=d password=p')", ["h1.x", "", "d", "u", "p"]);
    check("DSN=\"host = h1.x user = u password = 'p \\'w'\"", ["h1.x", "", "", "u", "p 'w"]);
    assert_eq!(login("host=h1.x password= user=u dbname=d", "h1.x"), None);
}

#[test]
fn arguments() {
    check("new PDO(\"mysql:host=h1.x;dbname=d\", 'u', \"p\");", ["h1.x", "", "d", "u", "p"]);
    check(
        "new PDO(\"sqlsrv:server = tcp:h1.x,1433; Database = d\", \"u\", \"p\");",
        ["h1.x", "1433", "d", "u", "p"],
    );
    check("mysqli_connect('h1.x', 'u', 'p', 'd');", ["h1.x", "", "d", "u", "p"]);
    check(
        "DriverManager.getConnection(\"jdbc:mysql://h1.x:3306/d\", \"u\", \"p\")",
        ["h1.x", "3306", "d", "u", "p"],
    );
    check("DBI->connect(\"DBI:mysql:database=d;host=h1.x\", \"u\", 'p')", ["h1.x", "", "d", "u", "p"]);
    assert_eq!(login("f('h1.x', $user, 'p')", "h1.x"), None);
}

#[test]
fn password_files() {
    check("a:1:b:c:d\nh1.x:5432:d:u:p\\:\\\\w\n", ["h1.x", "5432", "d", "u", "p:\\w"]);
    check("h1.x:*:*:u:p", ["h1.x", "", "", "u", "p"]);
    assert_eq!(login("# h1.x:5432:d:u:p", "h1.x"), None);
    assert_eq!(login("h1.x:5432:d:u", "h1.x"), None);
    assert_eq!(login("h1.x:ab:d:u:p", "h1.x"), None);
}

#[test]
fn command_lines() {
    check("sqlcmd -S tcp:h1.x,1433 -d d -U u -P 'p w' -i x.sql", ["h1.x", "1433", "d", "u", "p w"]);
    check("  bcp t out f -Sh1.x -Uu -Pp", ["h1.x", "", "", "u", "p"]);
    check("x && /usr/bin/mysql -h h1.x -u u -p'p' d", ["h1.x", "", "", "u", "p"]);
    check(
        "mysqldump --host=h1.x --port 3306 --user=u --password=\"p\" d > f",
        ["h1.x", "3306", "", "u", "p"],
    );
    check("PGPASSWORD=p psql -h h1.x \\\n  -U u -d d", ["h1.x", "", "d", "u", "p"]);
    check("mongosh 'mongodb+srv://h1.x/' --username u --password p", ["h1.x", "", "", "u", "p"]);
    assert_eq!(login("postgresql://u/p@h1.x/d", "h1.x"), None);
    assert_eq!(login("mysql -h h1.x -u u -p d", "h1.x"), None);
    assert_eq!(login("ssh -h h1.x -p p", "h1.x"), None);
}

#[test]
fn options_of_any_program() {
    check(
        "Invoke-Sqlcmd -ServerInstance h1.x -Database d -Username u -Password 'p;q'",
        ["h1.x", "", "d", "u", "p;q"],
    );
    check("Invoke-Sqlcmd -ServerInstance h1.x `\n  -Username u `\n  -Password p", ["h1.x", "", "", "u", "p"]);
    check(
        "flyway -url=jdbc:postgresql://h1.x:5432/d -user=u -password=p migrate",
        ["h1.x", "5432", "", "u", "p"],
    );
    check("sqlpackage /a:Import /tsn:h1.x /tdn:d /tu:u /tp:p", ["h1.x", "", "", "u", "p"]);
    check("mysqlsh --uri u:p@h1.x:3306", ["h1.x", "3306", "", "u", "p"]);
    check("cqlsh h1.x 10350 -u u -p p --ssl", ["h1.x", "", "", "u", "p"]);
    // Options of another command of the line, or of none.
    assert_eq!(login("ping h1.x; login --user u --password p", "h1.x"), None);
    assert_eq!(login("tool --server h1.x --user u", "h1.x"), None);
}

#[test]
fn names_of_data_sources_of_go() {
    check("u:p/q@tcp(h1.x:3306)/d?tls=true", ["h1.x", "3306", "d", "u", "p/q"]);
    check("sql.Open(\"mysql\", \"u@s:p@q@tcp(h1.x)/d\")", ["h1.x", "", "d", "u@s", "p@q"]);
    for none in ["@tcp(h1.x)/d", "u:p@tcp(h1.x", "u@tcp(h1.x)/d", "u:p@(h1.x)/d"] {
        assert_eq!(login(none, "h1.x"), None, "{none}");
    }
}

#[test]
fn arguments_before_the_server_and_after_its_variable() {
    check("mysqli_real_connect($c, \"h1.x\", \"u\", \"p\", \"d\", 3306);", ["h1.x", "", "d", "u", "p"]);
    check("new Sequelize('d', 'u', 'p', {\n  host: 'h1.x',\n})", ["h1.x", "", "", "u", "p"]);
    check("oracledb.connect(\"u\", \"p\", \"h1.x/d\")", ["h1.x", "", "", "u", "p"]);
    check(
        "url = \"jdbc:mysql://h1.x:3306/d\"; c = D.getConnection(url, \"u\", \"p\");",
        ["h1.x", "3306", "d", "u", "p"],
    );
    check("$c = \"mysql:host=h1.x;dbname=d\"; $p = new PDO($c, \"u\", \"p\");", ["h1.x", "", "d", "u", "p"]);
    for none in [
        "url = \"jdbc:mysql://h1.x/d\"; getConnection(other, \"u\", \"p\");",
        "new Sequelize('d', 'u', p, { host: 'h1.x' })",
        "url = \"jdbc:mysql://h1.x/d\"; getConnection(url, user, password);",
    ] {
        assert_eq!(login(none, "h1.x"), None, "{none}");
    }
}

#[test]
fn strings_of_several_literals() {
    check(
        "\"Server=tcp:h1.x,1433;\" +\n  \"User ID=u;\" +\n  \"Password=p q;Encrypt=True;\"",
        ["h1.x", "1433", "", "u", "p q"],
    );
    check(
        "f(\"user=u dbname=d \"\n  \"host=h1.x \"\n  \"password=p sslmode=require\")",
        ["h1.x", "", "d", "u", "p"],
    );
    assert_eq!(login("f(\"host=h1.x\", \"password=p\")", "h1.x"), None);
}

#[test]
fn hostile_content_takes_linear_time() {
    for piece in
        ["://", "a://u:p@", "host=", "mysql -h ", "\\\n", "'x', ", "@", ";", "jdbc:", "sql/", "\"\"\""]
    {
        let text = piece.repeat(50_000);
        for at in [0, 1, text.len() / 2, text.len()] {
            assert!(ConnectionString::readings(text.as_bytes(), at).count() < 7);
            assert!(ConnectionString::readings_anywhere(text.as_bytes(), at).count() < 6);
        }
    }
}

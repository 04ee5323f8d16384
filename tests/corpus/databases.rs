//! Connection strings of managed databases, and of ODBC.

use crate::page::Coding;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    azure_sql(shelf);
    for (secret_type, engine) in [
        ("Azure Database for PostgreSQL connection string", "postgres"),
        ("Azure Database for MySQL connection string", "mysql"),
        ("Azure Database for MariaDB connection string", "mariadb"),
    ] {
        open_source(shelf, secret_type, engine);
    }
    cosmos(shelf);
    rds(shelf);
    redshift(shelf);
    odbc(shelf);
    redis(shelf);
}

/// What no connection string with a password is, whatever the server.
fn no_password(shelf: &mut Shelf, secret_type: &str, host: &str) {
    let mut of = shelf.of(secret_type);
    let mut near = |form: &str, rest: &str| {
        of.near_setting(form, "DATABASE_CONNECTION", &format!("Server={host};Database=«db»;{rest}"));
    };
    near("text of the portal", "User Id=«user»;Password={your_password};");
    near("variable", "User Id=«user»;Password=${DB_PASSWORD};");
    near("variable of a pipeline", "User Id=«user»;Password=$(dbPassword);");
    near("token of a release", "User Id=«user»;Password=#{DbPassword}#;");
    near("double underscores", "User Id=«user»;Password=__DbPassword__;");
    near("windows login", "Integrated Security=SSPI;Persist Security Info=False;");
    near("managed identity", "Authentication=Active Directory Default;Encrypt=True;");
    near("empty", "User Id=«user»;Password=;");
    near("stars", "User Id=«user»;Password=********;");
    near("angle brackets", "User Id=«user»;Password=<password>;");
    of.near("key vault", "opt/«app_dir»/appsettings.json", "{\n  \"ConnectionStrings\": {\n    \"Default\": \"@Microsoft.KeyVault(SecretUri=https://«org»-kv.vault.azure.net/secrets/«db»-connection)\"\n  }\n}\n");
    of.near(
        "host alone",
        "etc/«app_dir»/hosts.conf",
        &format!(
            "primary = {host}\nreplica = {host}\nport = 5432\npassword_file = /run/secrets/db_password\n"
        ),
    );
    of.near("documentation", "home/«user_dir»/«app_dir»/README.md", &format!("# «app»\n\nSet the connection string before you start:\n\n    Server={host};Database=<database>;User Id=<user>;Password=<your password>\n\nThe password comes from the vault; ask the owner of the server.\n"));
    of.near("code that builds it", "srv/«app_dir»/db.py", &format!("def dsn(user, password):\n    return f\"host={host} user={{user}} password={{password}} sslmode=require\"\n"));
}

fn azure_sql(shelf: &mut Shelf) {
    let name = "Azure SQL connection string";
    let portal = "Server=tcp:«server».database.windows.net,1433;Initial Catalog=«db»;Persist Security Info=False;User ID=«user»;Password=«!pw»;MultipleActiveResultSets=False;Encrypt=True;TrustServerCertificate=False;Connection Timeout=30;";
    let mut of = shelf.of(name);
    of.setting("ADO.NET of the portal", 9, "DEFAULT_CONNECTION", portal)
        .setting("ADO.NET, other names", 3, "SQL_CONNECTION_STRING", "Data Source=«server».database.windows.net;Database=«db»;UID=«user»;PWD=«!pw»;Encrypt=yes")
        .setting("Government", 2, "SQLAZURECONNSTR_MAIN", "Server=«server».database.usgovcloudapi.net;Database=«db»;User ID=«user»@«server»;Password=«!pw»;")
        .setting("China", 2, "SQL_CONNECTION", "Server=«server».database.chinacloudapi.cn,1433;Initial Catalog=«db»;User ID=«user»;Password=«!pw»")
        .setting("Synapse", 2, "WAREHOUSE_CONNECTION", "Server=tcp:«org»-ws.sql.azuresynapse.net,1433;Initial Catalog=«db»;User ID=«user»;Password=«!pw»;Encrypt=True")
        .setting("managed instance", 2, "MI_CONNECTION", "Server=«server».public.«hex.12».database.windows.net,3342;Database=«db»;User ID=«user»;Password=«!pw»;")
        .setting("ODBC", 4, "ODBC_CONNECTION", "Driver={ODBC Driver 18 for SQL Server};Server=tcp:«server».database.windows.net,1433;Database=«db»;Uid=«user»;Pwd={«!pw|odbc»};Encrypt=yes;TrustServerCertificate=no;")
        .setting("JDBC", 4, "SPRING_DATASOURCE_URL", "jdbc:sqlserver://«server».database.windows.net:1433;database=«db»;user=«user»@«server»;password=«!pw»;encrypt=true;loginTimeout=30;")
        .setting("URL", 3, "SQLALCHEMY_DATABASE_URI", "mssql+pyodbc://«user»:«!pw|url»@«server».database.windows.net:1433/«db»?driver=ODBC+Driver+18+for+SQL+Server")
        .encodings("ADO.NET", ("DEFAULT_CONNECTION", portal), None)
        .file_as(Coding::Crlf, "web.config", "inetpub/wwwroot/«app_dir»/web.config", "<configuration>\n  <connectionStrings>\n    <add name=\"Default\" providerName=\"System.Data.SqlClient\" connectionString=\"Server=tcp:«server».database.windows.net,1433;Initial Catalog=«db»;User ID=«user»;Password=«!pw|xml»;Encrypt=True\" />\n  </connectionStrings>\n</configuration>\n")
        .file("appsettings", "opt/«app_dir»/appsettings.json", "{\n  \"ConnectionStrings\": {\n    \"Default\": \"Server=tcp:«server».database.windows.net,1433;Initial Catalog=«db»;User ID=«user»;Password=«!pw|json»;Encrypt=True;\"\n  }\n}\n")
        .file("PDO", "var/www/«app_dir»/db.php", "<?php\n$conn = new PDO(\"sqlsrv:server = tcp:«server».database.windows.net,1433; Database = «db»\", \"«user»\", \"«!pw»\");\n")
        .file("sqlcmd", "home/«user_dir»/.bash_history", "sqlcmd -S «server».database.windows.net -d «db» -U «user» -P '«!pw|sh»' -i schema.sql\n")
        .file("bcp", "home/«user_dir»/load.sh", "#!/bin/sh\nbcp dbo.items in items.csv -S «server».database.windows.net -d «db» -U «user» -P '«!pw|sh»' -c\n")
        .file("odbc_connect", "srv/«app_dir»/config.py", "SQLALCHEMY_DATABASE_URI = 'mssql+pyodbc:///?odbc_connect=Driver%3D%7BODBC+Driver+18+for+SQL+Server%7D%3BServer%3Dtcp%3A«server».database.windows.net%2C1433%3BDatabase%3D«db»%3BUid%3D«user»%3BPwd%3D«!pw|url»%3BEncrypt%3Dyes%3B'\n")
        .file("split in .env", "srv/«app_dir»/.env", "DB_CONNECTION=sqlsrv\nDB_HOST=«server».database.windows.net\nDB_PORT=1433\nDB_DATABASE=«db»\nDB_USERNAME=«user»\nDB_PASSWORD=«!pw»\n")
        .file("split in YAML", "etc/«app_dir»/database.yaml", "database:\n  server: «server».database.windows.net\n  name: «db»\n  username: «user»\n  password: '«!pw|yaml»'\n")
        .file("split in JSON", "opt/«app_dir»/config.json", "{\"sql\": {\"server\": \"«server».database.windows.net\", \"database\": \"«db»\", \"user\": \"«user»\", \"password\": \"«!pw|json»\", \"encrypt\": true}}\n")
        .file("split in properties", "opt/«app_dir»/application.properties", "spring.datasource.url=jdbc:sqlserver://«server».database.windows.net:1433;database=«db»;encrypt=true\nspring.datasource.username=«user»\nspring.datasource.password=«!pw»\nspring.datasource.hikari.maximum-pool-size=8\n")
        .file("publish profile", "Users/«user_dir»/Downloads/«site».udl", "[oledb]\n; Everything after this line is an OLE DB initstring\nProvider=MSOLEDBSQL.1;Password=«!pw»;Persist Security Info=True;User ID=«user»;Initial Catalog=«db»;Data Source=«server».database.windows.net\n");
    no_password(shelf, name, "tcp:«server».database.windows.net,1433");
    shelf.of(name)
        .near("sample of the documentation", "home/«user_dir»/notes.txt", "Server=tcp:myserver.database.windows.net,1433;Database=mydb;User ID=myuser@myserver;Password=ZYXWVU_2;\n")
        .near("terraform reference", "srv/infra/main.tf", "locals {\n  cs = \"Server=tcp:${azurerm_mssql_server.main.fully_qualified_domain_name},1433;User ID=${var.sql_user};Password=${var.sql_password};\"\n}\n");
}

fn open_source(shelf: &mut Shelf, secret_type: &str, engine: &str) {
    let host = format!("«server».{engine}.database.azure.com");
    let is_pg = engine == "postgres";
    let (scheme, port) = if is_pg { ("postgresql", "5432") } else { (engine, "3306") };
    let ado = if is_pg {
        format!("Server={host};Database=«db»;Port=5432;User Id=«user»;Password=«!pw»;Ssl Mode=Require;")
    } else {
        format!("Server={host};Port=3306;Database=«db»;Uid=«user»@«server»;Pwd=«!pw»;SslMode=Required")
    };
    let uri = format!("{scheme}://«user»:«!pw|url»@{host}:{port}/«db»?sslmode=require");
    let env = if is_pg { "PG" } else { "MYSQL_" };
    let mut of = shelf.of(secret_type);
    of.setting("ADO.NET", 6, "DATABASE_CONNECTION", &ado)
        .setting("URI", 6, "DATABASE_URL", &uri)
        .setting("URI with server in the user", 2, "DATABASE_URL", &format!("{scheme}://«user»%40«server»:«!pw|url»@{host}/«db»"))
        .setting("JDBC", 3, "JDBC_URL", &format!("jdbc:{scheme}://{host}:{port}/«db»?user=«user»&password=«!pw|url»&sslmode=require"))
        .encodings("URI", ("DATABASE_URL", &uri), None)
        .file("split in .env", "srv/«app_dir»/.env", &format!("DB_HOST={host}\nDB_PORT={port}\nDB_NAME=«db»\nDB_USER=«user»\nDB_PASSWORD=«!pw»\n"))
        .file("split in properties", "opt/«app_dir»/application.properties", &format!("spring.datasource.url=jdbc:{scheme}://{host}:{port}/«db»?sslmode=require\nspring.datasource.username=«user»\nspring.datasource.password=«!pw»\n"))
        .file("split in application.yml", "opt/«app_dir»/application.yml", &format!("spring:\n  datasource:\n    url: jdbc:{scheme}://{host}:{port}/«db»\n    username: «user»\n    password: \"«!pw|json»\"\n"))
        .file("settings.py", "srv/«app_dir»/settings.py", &format!("DATABASES = {{\n    'default': {{\n        'ENGINE': 'django.db.backends.x',\n        'NAME': '«db»',\n        'USER': '«user»@«server»',\n        'PASSWORD': '«!pw»',\n        'HOST': '{host}',\n        'PORT': '{port}',\n    }}\n}}\n"))
        .file("compose", "srv/«app_dir»/docker-compose.yml", &format!("services:\n  app:\n    environment:\n      DB_HOST: {host}\n      DB_USER: «user»\n      DB_PASSWORD: \"«!pw|json»\"\n      DB_NAME: «db»\n"))
        .file("terraform state", "srv/infra/terraform.tfstate", &format!("{{\"version\":4,\"resources\":[{{\"type\":\"kubernetes_config\",\"instances\":[{{\"attributes\":{{\"host\":\"{host}\",\"username\":\"«user»\",\"password\":\"«!pw|json»\",\"database\":\"«db»\"}}}}]}}]}}\n"))
        .file("node", "srv/«app_dir»/db.js", &format!("const pool = createPool({{\n  host: '{host}',\n  user: '«user»',\n  password: '«!pw»',\n  database: '«db»',\n  port: {port},\n}});\n"))
        .file("environment", "etc/«app_dir»/environment", &format!("{env}HOST={host}\n{env}USER=«user»\n{env}{}=«!pw»\n{env}DATABASE=«db»\n", if is_pg { "PASSWORD" } else { "PWD" }));
    if is_pg {
        of.setting(
            "libpq",
            4,
            "DB_DSN",
            &format!("host={host} port=5432 dbname=«db» user=«user» password=«!pwa» sslmode=require"),
        )
        .file(".pgpass", "home/«user_dir»/.pgpass", &format!("{host}:5432:«db»:«user»:«!pwa»\n"))
        .file(
            "psql",
            "home/«user_dir»/.bash_history",
            &format!("PGPASSWORD='«!pw|sh»' psql -h {host} -U «user» -d «db»\n"),
        );
    } else {
        of.file(".my.cnf", "home/«user_dir»/.my.cnf", &format!("[client]\nhost={host}\nuser=«user»\npassword=\"«!pw»\"\nssl-mode=REQUIRED\n"))
            .file("command line", "home/«user_dir»/.bash_history", &format!("mysql -h {host} -u «user»@«server» -p'«!pw|sh»' «db» < dump.sql\nls\n"))
            .file("dump", "etc/cron.daily/backup", &format!("#!/bin/sh\nmysqldump --host={host} --user=«user» --password='«!pw|sh»' «db» | gzip > /backup/«db».sql.gz\n"));
    }
    no_password(shelf, secret_type, &host);
}

fn cosmos(shelf: &mut Shelf) {
    let name = "Azure Cosmos DB";
    let plain = "AccountEndpoint=https://«server».documents.azure.com:443/;AccountKey=«!his.cosmos»;";
    let mut of = shelf.of(name);
    of.setting("connection string", 7, "COSMOS_CONNECTION_STRING", plain)
        .setting("read-only key", 2, "COSMOS_READONLY_CONNECTION", "AccountEndpoint=https://«server».documents.azure.com:443/;AccountKey=«!his.cosmosread»;")
        .setting("key without signature", 3, "DOCDBCONNSTR_MAIN", "AccountEndpoint=https://«server».documents.azure.com:443/;AccountKey=«!b64.64»;Database=«db»")
        .pair("key beside its endpoint", 4, ("COSMOS_KEY", "«!his.cosmos»"), Some(("COSMOS_ENDPOINT", "https://«server».documents.azure.com:443/")))
        .pair("key without signature beside its endpoint", 3, ("COSMOS_KEY", "«!b64.64»"), Some(("COSMOS_ENDPOINT", "https://«server».documents.azure.com:443/")))
        .setting("key alone", 3, "SETTING_A", "«!his.cosmos»")
        .setting("Mongo", 3, "MONGO_URL", "mongodb://«server»:«!his.cosmos|url»@«server».mongo.cosmos.azure.com:10255/?ssl=true&replicaSet=globaldb&retrywrites=false&maxIdleTimeMS=120000&appName=@«server»@")
        .setting("Mongo, old", 2, "MONGODB_URI", "mongodb://«server»:«!b64.64»@«server».documents.azure.com:10255/«db»?ssl=true")
        .setting("vCore", 2, "MONGODB_URI", "mongodb+srv://«user»:«!pw|url»@«server».mongocluster.cosmos.azure.com/?tls=true&authMechanism=SCRAM-SHA-256")
        .setting("Table", 2, "TABLE_CONNECTION", "DefaultEndpointsProtocol=https;AccountName=«server»;AccountKey=«!his.cosmos»;TableEndpoint=https://«server».table.cosmos.azure.com:443/;")
        .setting("PostgreSQL", 3, "DATABASE_URL", "postgres://citus:«!pw|url»@c-«server».«lower.14».postgres.cosmos.azure.com:5432/citus?sslmode=require")
        .setting("China", 1, "COSMOS_CONNECTION", "AccountEndpoint=https://«server».documents.azure.cn:443/;AccountKey=«!his.cosmos»;")
        .encodings("connection string", ("COSMOS_CONNECTION_STRING", plain), None)
        .file("Cassandra", "srv/«app_dir»/cassandra.py", "CONTACT = '«server».cassandra.cosmos.azure.com'\nPORT = 10350\nUSERNAME = '«server»'\nPASSWORD = '«!his.cosmos»'\n")
        .file("Gremlin", "srv/«app_dir»/graph.js", "const url = 'wss://«server».gremlin.cosmos.azure.com:443/';\nconst user = '/dbs/«db»/colls/people';\nconst key = '«!his.cosmos»';\n");
    of.references("COSMOS_KEY")
        .near("wrong checksum", "var/log/«app_dir»/digest.log", "2026-05-02 digest of build «his.cosmos|flip» done\n")
        .near("emulator", "srv/«app_dir»/.env", "COSMOS_CONNECTION=AccountEndpoint=https://localhost:8081/;AccountKey=C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==\n")
        .near("masked", "var/log/«app_dir»/start.log", "connecting to AccountEndpoint=https://«server».documents.azure.com:443/;AccountKey=«his.cosmos|mask»;\n")
        .near("template", "srv/infra/main.bicep", "output cs string = 'AccountEndpoint=${account.properties.documentEndpoint};AccountKey=${account.listKeys().primaryMasterKey};'\n")
        .near("lock file", "srv/«app_dir»/package-lock.json", "{\"node_modules/cosmos\":{\"version\":\"4.1.1\",\"resolved\":\"https://registry.npmjs.org/@azure/cosmos/-/cosmos-4.1.1.tgz\",\"integrity\":\"sha512-«b64.64»\"}}\n")
        .near("one short", "srv/«app_dir»/note.txt", "AccountEndpoint=https://«server».documents.azure.com:443/ and the key begins «his.cosmos|dots»\n");
}

fn rds(shelf: &mut Shelf) {
    let name = "AWS RDS connection string";
    let mut of = shelf.of(name);
    let id = "«lower.3»«alnum.9|lower»";
    let region = "«awsregion».rds.amazonaws.com";
    let uri = format!("postgresql://«user»:«!pw|url»@«app»-prod.cluster-{id}.{region}:5432/«db»");
    of.setting("Aurora PostgreSQL URI", 5, "DATABASE_URL", &uri)
        .setting("Aurora MySQL URI", 3, "DATABASE_URL", &format!("mysql://«user»:«!pw|url»@«app»-prod.cluster-ro-{id}.{region}:3306/«db»"))
        .setting("MariaDB", 2, "DATABASE_URL", &format!("mysql+pymysql://«user»:«!pw|url»@«app».{id}.{region}/«db»?charset=utf8mb4"))
        .setting("SQL Server", 3, "DB_CONNECTION", &format!("Server=«app»-sql.{id}.{region},1433;Database=«db»;User Id=«user»;Password=«!pw»;Encrypt=True"))
        .setting("SQL Server JDBC", 2, "JDBC_URL", &format!("jdbc:sqlserver://«app»-sql.{id}.{region}:1433;databaseName=«db»;user=«user»;password=«!pw»;"))
        .setting("Oracle", 3, "ORACLE_URL", &format!("jdbc:oracle:thin:«user»/«!pwa»@//«app»-ora.{id}.{region}:1521/ORCL"))
        .setting("JDBC", 3, "JDBC_URL", &format!("jdbc:mysql://«app».{id}.{region}:3306/«db»?user=«user»&password=«!pw|url»&useSSL=true"))
        .setting("AWS wrapper", 1, "JDBC_URL", &format!("jdbc:aws-wrapper:postgresql://«app».cluster-{id}.{region}:5432/«db»?user=«user»&password=«!pw|url»"))
        .setting("libpq", 2, "PG_DSN", &format!("host=«app».{id}.{region} port=5432 dbname=«db» user=«user» password=«!pwa»"))
        .setting("proxy", 1, "DATABASE_URL", &format!("postgres://«user»:«!pw|url»@«app».proxy-{id}.{region}:5432/«db»"))
        .setting("China", 1, "DATABASE_URL", &format!("postgres://«user»:«!pw|url»@«app».{id}.rds.cn-north-1.amazonaws.com.cn:5432/«db»"))
        .encodings("URI", ("DATABASE_URL", &uri), None)
        .file("split in .env", "srv/«app_dir»/.env", &format!("DB_HOST=«app».{id}.{region}\nDB_PORT=5432\nDB_NAME=«db»\nDB_USER=«user»\nDB_PASSWORD=«!pw»\n"))
        .file("split in Elastic Beanstalk", "opt/elasticbeanstalk/env.json", &format!("{{\"RDS_HOSTNAME\":\"«app».{id}.{region}\",\"RDS_PORT\":\"3306\",\"RDS_DB_NAME\":\"«db»\",\"RDS_USERNAME\":\"«user»\",\"RDS_PASSWORD\":\"«!pw|json»\"}}\n"))
        .file("split in YAML", "srv/«app_dir»/config/database.yml", &format!("production:\n  adapter: mysql2\n  host: «app».{id}.{region}\n  username: «user»\n  password: \"«!pw|json»\"\n  database: «db»\n"))
        .file("split in properties", "opt/«app_dir»/application.properties", &format!("spring.datasource.url=jdbc:postgresql://«app».{id}.{region}:5432/«db»\nspring.datasource.username=«user»\nspring.datasource.password=«!pw»\n"))
        .file("wp-config", "var/www/«app_dir»/wp-config.php", &format!("<?php\ndefine( 'DB_NAME', '«db»' );\ndefine( 'DB_USER', '«user»' );\ndefine( 'DB_PASSWORD', '«!pw»' );\ndefine( 'DB_HOST', '«app».{id}.{region}' );\n"))
        .file("command line", "home/«user_dir»/.bash_history", &format!("mysql -h «app».{id}.{region} -u «user» -p'«!pw|sh»' «db»\n"))
        .file("terraform state", "srv/infra/terraform.tfstate", &format!("{{\n  \"resources\": [{{\n    \"type\": \"aws_db_instance\",\n    \"instances\": [{{\n      \"attributes\": {{\n        \"address\": \"«app».{id}.{region}\",\n        \"engine\": \"postgres\",\n        \"password\": \"«!pw|json»\",\n        \"port\": 5432,\n        \"username\": \"«user»\"\n      }}\n    }}]\n  }}]\n}}\n"))
        .file(".pgpass", "home/«user_dir»/.pgpass", &format!("«app».{id}.{region}:5432:*:«user»:«!pwa»\n"));
    no_password(shelf, name, &format!("«app».{id}.{region}"));
    shelf.of(name)
        .near("sample of the documentation", "home/«user_dir»/rds.md", "Connect with `postgresql://user:password@mydbinstance.123456789012.us-east-1.rds.amazonaws.com:5432/mydb`.\n")
        .near("login by IAM", "srv/«app_dir»/connect.sh", &format!("TOKEN=$(aws rds generate-db-auth-token --hostname «app».{id}.{region} --port 5432 --username «user»)\npsql \"host=«app».{id}.{region} user=«user» password=$TOKEN sslmode=verify-full\"\n"));
}

fn redshift(shelf: &mut Shelf) {
    let name = "AWS Redshift credentials";
    let host = "«app»-dw.«lower.4»«digits.4»«lower.4».«awsregion».redshift.amazonaws.com";
    let serverless = "«app».«digits.12».«awsregion».redshift-serverless.amazonaws.com";
    let uri = format!("redshift+psycopg2://«user»:«!pw|url»@{host}:5439/dev");
    let mut of = shelf.of(name);
    of.setting("SQLAlchemy", 5, "REDSHIFT_URL", &uri)
        .setting("URI", 3, "WAREHOUSE_URL", &format!("redshift://«user»:«!pw|url»@{serverless}:5439/dev"))
        .setting("postgres URI", 3, "WAREHOUSE_URL", &format!("postgresql://«user»:«!pw|url»@{host}:5439/«db»"))
        .setting("JDBC with names", 4, "JDBC_URL", &format!("jdbc:redshift://{host}:5439/dev;UID=«user»;PWD=«!pw»;ssl=true"))
        .setting("JDBC with a query", 2, "JDBC_URL", &format!("jdbc:redshift://{serverless}:5439/dev?user=«user»&password=«!pw|url»"))
        .setting("ODBC", 3, "ODBC_CONNECTION", &format!("Driver={{Amazon Redshift ODBC Driver (x64)}};Server={host};Database=dev;UID=«user»;PWD=«!pw»;Port=5439"))
        .setting("libpq", 2, "WAREHOUSE_DSN", &format!("host={host} port=5439 dbname=dev user=«user» password=«!pwa»"))
        .encodings("URI", ("REDSHIFT_URL", &uri), None)
        .file("split in .env", "srv/«app_dir»/.env", &format!("REDSHIFT_HOST={host}\nREDSHIFT_PORT=5439\nREDSHIFT_DB=dev\nREDSHIFT_USER=«user»\nREDSHIFT_PASSWORD=«!pw»\n"))
        .file("dbt profile", "home/«user_dir»/.dbt/profiles.yml", &format!("warehouse:\n  target: prod\n  outputs:\n    prod:\n      type: redshift\n      host: {host}\n      user: «user»\n      password: \"«!pw|json»\"\n      port: 5439\n      dbname: «db»\n"))
        .file("python", "srv/«app_dir»/load.py", &format!("conn = redshift_connector.connect(\n    host='{host}',\n    database='dev',\n    user='«user»',\n    password='«!pw»',\n)\n"))
        .file("psql", "home/«user_dir»/.bash_history", &format!("PGPASSWORD='«!pw|sh»' psql -h {host} -p 5439 -U «user» dev\n"));
    no_password(shelf, name, host);
    shelf.of(name).near("sample", "home/«user_dir»/dw.md", "jdbc:redshift://examplecluster.abc123xyz789.us-west-2.redshift.amazonaws.com:5439/dev;UID=amazon;PWD=<password>\n");
}

fn odbc(shelf: &mut Shelf) {
    let name = "ODBC connection string";
    let mut of = shelf.of(name);
    let plain = "Driver={ODBC Driver 17 for SQL Server};Server=«host»;Database=«db»;UID=«user»;PWD=«!pw»;";
    of.setting("SQL Server", 6, "ODBC_CONNECTION", plain)
        .setting("braces", 3, "ODBC_CONNECTION", "DRIVER={SQL Server Native Client 11.0};SERVER=«ip»;DATABASE=«db»;UID=«user»;PWD={«!pw|odbc»}")
        .setting("PostgreSQL", 3, "ODBC_DSN", "Driver={PostgreSQL Unicode};Server=«host»;Port=5432;Database=«db»;Uid=«user»;Pwd=«!pw»;")
        .setting("MySQL", 3, "ODBC_DSN", "Driver={MySQL ODBC 8.0 Unicode Driver};Server=«host»;Database=«db»;User=«user»;Password=«!pw»;Option=3;")
        .setting("DSN", 3, "ODBC_DSN", "DSN=«app»_live;UID=«user»;PWD=«!pw»;")
        .setting("DB2", 2, "ODBC_DSN", "Driver={IBM DB2 ODBC DRIVER};Database=«db»;Hostname=«host»;Port=50000;Protocol=TCPIP;Uid=«user»;Pwd=«!pw»;")
        .setting("Oracle", 2, "ODBC_DSN", "Driver={Oracle in OraClient19Home1};Dbq=«host»:1521/«db»;Uid=«user»;Pwd=«!pwa»;")
        .setting("Snowflake", 1, "ODBC_DSN", "Driver={SnowflakeDSIIDriver};Server=«org».eu-central-1.snowflakecomputing.com;Database=«db»;uid=«user»;pwd=«!pw»")
        .encodings("SQL Server", ("ODBC_CONNECTION", plain), None)
        .file("odbc.ini", "etc/odbc.ini", "[«app»]\nDescription = «app» database\nDriver      = ODBC Driver 17 for SQL Server\nServer      = «host»\nDatabase    = «db»\nUID         = «user»\nPWD         = «!pw»\n")
        .file(".odbc.ini", "home/«user_dir»/.odbc.ini", "[warehouse]\nDriver=PostgreSQL Unicode\nServername=«host»\nPort=5432\nUserName=«user»\nPassword=«!pw»\nDatabase=«db»\n")
        .file_as(Coding::Crlf, "file DSN", "Users/«user_dir»/Documents/«app_dir».dsn", "[ODBC]\nDRIVER=SQL Server\nUID=«user»\nPWD=«!pw»\nDATABASE=«db»\nSERVER=«host»\n")
        .file("pyodbc", "srv/«app_dir»/etl.py", "import pyodbc\n\ncnxn = pyodbc.connect('DRIVER={ODBC Driver 17 for SQL Server};SERVER=«host»;DATABASE=«db»;UID=«user»;PWD=«!pw»')\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "registry", "Users/«user_dir»/odbc.reg", "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\«app»]\n\"Connection\"=\"Driver={SQL Server};Server=«host»;Uid=«user»;Pwd=«!pw»;\"\n");
    let mut near = |form: &str, rest: &str| {
        of.near_setting(
            form,
            "ODBC_CONNECTION",
            &format!("Driver={{ODBC Driver 17 for SQL Server}};Server=«host»;Database=«db»;{rest}"),
        );
    };
    near("trusted", "Trusted_Connection=yes;");
    near("variable", "UID=«user»;PWD=${ODBC_PWD};");
    near("braces of a template", "UID={user};PWD={password};");
    near("stars", "UID=«user»;PWD=********;");
    near("empty", "UID=«user»;PWD=;");
    near("angle brackets", "UID=<user>;PWD=<password>;");
    of.near("driver list", "etc/odbcinst.ini", "[ODBC Driver 17 for SQL Server]\nDescription=Microsoft ODBC Driver 17 for SQL Server\nDriver=/opt/microsoft/msodbcsql17/lib64/libmsodbcsql-17.10.so.6.1\nUsageCount=1\n")
        .near("code", "srv/«app_dir»/odbc.py", "def connect(host, uid, pwd):\n    return pyodbc.connect(f'DRIVER={{ODBC Driver 17 for SQL Server}};SERVER={host};UID={uid};PWD={pwd}')\n")
        .near("documentation", "home/«user_dir»/odbc.md", "The keywords are DRIVER, SERVER, UID and PWD: `DRIVER={...};SERVER=...;UID=...;PWD=...`. Values with `;` go in braces.\n");
}

fn redis(shelf: &mut Shelf) {
    let name = "Azure Redis Cache password";
    let plain = "«server».redis.cache.windows.net:6380,password=«!his.redis»,ssl=True,abortConnect=False";
    let mut of = shelf.of(name);
    of.setting("StackExchange", 6, "REDIS_CONNECTION", plain)
        .setting("without signature", 3, "REDIS_CONNECTION", "«server».redis.cache.windows.net:6380,password=«!b64.32»,ssl=True,abortConnect=False")
        .setting("URI", 3, "REDIS_URL", "rediss://:«!his.redis|url»@«server».redis.cache.windows.net:6380/0")
        .setting("enterprise", 2, "REDISCACHECONNSTR_MAIN", "«server».«region».redisenterprise.cache.azure.net:10000,password=«!b64.32»,ssl=True")
        .setting("China", 1, "REDIS_CONNECTION", "«server».redis.cache.chinacloudapi.cn:6380,password=«!his.redis»,ssl=True")
        .setting("key alone", 3, "SETTING_B", "«!his.redis»")
        .pair("beside its host", 5, ("REDIS_PASSWORD", "«!his.redis»"), Some(("REDIS_HOST", "«server».redis.cache.windows.net")))
        .pair("without signature beside its host", 3, ("REDIS_PASSWORD", "«!b64.32»"), Some(("REDIS_HOST", "«server».redis.cache.windows.net")))
        .encodings("StackExchange", ("REDIS_CONNECTION", plain), None)
        .file("redis-cli", "home/«user_dir»/.bash_history", "redis-cli -h «server».redis.cache.windows.net -p 6380 --tls -a '«!his.redis»' ping\n")
        .file("spring", "opt/«app_dir»/application.yml", "spring:\n  data:\n    redis:\n      host: «server».redis.cache.windows.net\n      port: 6380\n      password: «!his.redis»\n      ssl:\n        enabled: true\n");
    of.references("REDIS_PASSWORD")
        .near("wrong checksum", "var/log/«app_dir»/x.log", "digest «his.redis|flip» of layer «digits.2»\n")
        .near("text of the portal", "srv/«app_dir»/a.config", "«server».redis.cache.windows.net:6380,password=[your-password-here],ssl=True,abortConnect=False\n")
        .near("identity", "srv/«app_dir»/b.config", "«server».redis.cache.windows.net:6380,ssl=True,abortConnect=False,user=«guid»\n")
        .near("masked", "var/log/«app_dir»/c.log", "connected to «server».redis.cache.windows.net:6380,password=*****,ssl=True\n")
        .near("documentation", "home/«user_dir»/redis.md", "Append `password=<access key>` to `«server».redis.cache.windows.net:6380,ssl=True`.\n");
}

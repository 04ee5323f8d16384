//! What looks like a secret and is none: programs that name passwords, options
//! that begin like theirs, and hashes beside the hosts of every service.

use crate::shelf::Shelf;
use crate::sums::base64;

pub(crate) fn add(shelf: &mut Shelf) {
    let mut of = shelf.of("general password");
    for (form, path, template) in &PASSWORDS {
        of.near(form, path, template);
    }
    let mut of = shelf.of("user login credentials");
    for (form, path, template) in &LOGINS {
        of.near(form, path, template);
    }
    hashes(shelf);
    walls(shelf);
}

const PASSWORDS: [(&str, &str, &str); 26] = [
    (
        "names of actions",
        "srv/«app_dir»/src/actions.ts",
        "export const RESET_PASSWORD = 'RESET_PASSWORD';\nexport const CHANGE_PASSWORD_SUCCESS = 'user/CHANGE_PASSWORD_SUCCESS';\nexport const PASSWORD_FIELD = 'user[password]';\nexport const errors = { password: 'auth/wrong-password', weakPassword: 'auth/weak-password' };\n",
    ),
    (
        "words on a page",
        "srv/«app_dir»/src/strings.js",
        "export default {\n  password: 'Please enter your password',\n  passwordTooShort: 'Use at least 12 characters',\n  newPassword: 'New password',\n  passwordPlaceholder: '••••••••',\n  secret: 'Keep this to yourself',\n};\n",
    ),
    (
        "expressions",
        "srv/«app_dir»/validate.py",
        "PASSWORD_PATTERN = r'^(?=.*[A-Z])(?=.*\\d)[A-Za-z\\d@$!%*?&]{12,}$'\npassword_re = re.compile(\"[a-zA-Z0-9]{8,64}\")\npassword_field = 'user_password'\npassword_label = \"Password:\"\n",
    ),
    (
        "components",
        "srv/«app_dir»/app.component.ts",
        "@Component({ selector: 'app-password-strength', templateUrl: './password-strength.component.html' })\nroutes = [{ path: 'reset-password/:token', component: ResetPasswordComponent }];\nform = fb.group({ password: ['', Validators.required], confirm: [''] });\n",
    ),
    (
        "home assistant",
        "srv/homeassistant/configuration.yaml",
        "mqtt:\n  username: !secret mqtt_user\n  password: !secret mqtt_password\nhttp:\n  api_password: !env_var HTTP_PASSWORD\n",
    ),
    (
        "references of vaults",
        "etc/«app_dir»/refs.env",
        "DB_PASSWORD=op://infra/db/password\nSMTP_PASSWORD=ref+vault://secret/smtp#/password\nAPI_PASSWORD=awssm://prod/api/password\nADMIN_PASSWORD=sm://projects/«digits.12»/secrets/admin/versions/latest\n",
    ),
    (
        "terraform references",
        "srv/infra/db.tf",
        "  password            = data.vault_generic_secret.db.data[\"password\"]\n  admin_password      = random_password.admin.result\n  master_password     = module.db.password\n  secret_string       = jsonencode({ password = local.password })\n",
    ),
    (
        "cloudformation",
        "srv/infra/template.yaml",
        "Parameters:\n  DbPassword:\n    Type: String\n    NoEcho: true\nResources:\n  Db:\n    Properties:\n      MasterUserPassword: !Ref DbPassword\n      ReplicaPassword: '{{resolve:secretsmanager:prod/db:SecretString:password}}'\n",
    ),
    (
        "framework calls",
        "var/www/«app_dir»/config/database.php",
        "'password' => env('DB_PASSWORD', ''),\n'secret' => config('services.secret'),\n'pass' => getenv('SMTP_PASS') ?: null,\n",
    ),
    (
        "rails",
        "srv/«app_dir»/config/database.yml",
        "production:\n  adapter: postgresql\n  username: <%= ENV['DB_USER'] %>\n  password: <%= ENV['DB_PASSWORD'] %>\n",
    ),
    (
        "working folders",
        "home/«user_dir»/env.txt",
        "PWD=/home/«user_dir»/«app»\nOLDPWD=/srv/«app»/releases/«digits.8»\npwd: /var/lib/«app»/data\n",
    ),
    (
        "times and numbers",
        "etc/«app_dir»/policy.ini",
        "[password]\npassword_last_changed = 2026-03-14T09:30:00Z\npassword_expiry = 90d\npassword_min_length = 14\npassword_history = 24\npassword_version = 3.12.«digits.2»\npassword_max_age=7776000\n",
    ),
    (
        "paths",
        "etc/«app_dir»/paths.yml",
        "password: /run/credentials/db-password\nkeystore_password_file: /etc/pki/keystore.pass\npasswordFile: C:\\ProgramData\\app\\password.dat\nprivate_key_password_command: /usr/local/bin/askpass\n",
    ),
    (
        "names of secrets",
        "home/«user_dir»/ingress.yaml",
        "tls:\n  - secretName: «app»-tls-wildcard\nimagePullSecrets:\n  - name: registry-credentials\nvolumes:\n  - name: secret\n    secret:\n      secretName: «app»-database-password\n",
    ),
    (
        "states",
        "etc/«app_dir»/auth.yml",
        "password: enabled\npassword_auth: disabled\npassword: required\npassword: interactive\npasswd: '*'\npassword_grant: true\nadmin_password: null\n",
    ),
    (
        "hashes of switches",
        "srv/tftp/switch.cfg",
        "enable secret 5 $1$«alnum.4»$«alnum.22»\nusername admin privilege 15 secret 9 $9$«alnum.14»$«alnum.43»\nservice password-encryption\nno password strength-check\n",
    ),
    (
        "hash of ldap",
        "etc/ldap/slapd.conf",
        "database mdb\nrootpw {SSHA}«b64.24»\nuserPassword: {CRYPT}$6$«alnum.8»$«alnum.86»\n",
    ),
    (
        "copies",
        "srv/«app_dir»/copy.go",
        "cfg.Password = other.Password\npassword := r.FormValue(\"password\")\nopts := Options{Password: password, Secret: secret.String()}\nif password == \"\" {\n\treturn errors.New(\"password: must not be empty\")\n}\n",
    ),
    (
        "types",
        "srv/«app_dir»/types.d.ts",
        "type Login = { password: string; secret?: Buffer; token: AccessToken | undefined };\ndeclare const password: unique symbol;\nfunction setPassword(password: Password = DEFAULT_PASSWORD): void;\n",
    ),
    (
        "kotlin and gradle",
        "home/«user_dir»/app/build.gradle.kts",
        "signingConfigs {\n    create(\"release\") {\n        storePassword = System.getenv(\"STORE_PASSWORD\")\n        keyPassword = providers.gradleProperty(\"keyPassword\").get()\n    }\n}\n",
    ),
    (
        "postman variables",
        "home/«user_dir»/collection.json",
        "{\"key\":\"password\",\"value\":\"{{password}}\",\"type\":\"string\"},{\"key\":\"secret\",\"value\":\"\",\"type\":\"secret\"}\n",
    ),
    (
        "help of a program",
        "home/«user_dir»/help.txt",
        "  -p, --password PASSWORD    password of the database user\n      --password-file FILE   read the password from a file\n      --secret NAME          name of the secret (default: app-secret)\n",
    ),
    (
        "questions and answers",
        "var/log/«app_dir»/debconf.log",
        "debconf: --> INPUT high mysql-server/root_password\ndebconf: <-- 30 question skipped\ndebconf: --> GET mysql-server/root_password\ndebconf: <-- 0\npassword unchanged for «user»\nauthentication failure; password expired\n",
    ),
    (
        "redacted dump",
        "var/log/«app_dir»/settings.log",
        "password = <redacted>\nsecret = [FILTERED]\napi_key = (hidden)\nadmin_password = ••••••••\nclient_secret = **REDACTED**\ntoken = xxxxx-xxxxx-xxxxx\n",
    ),
    (
        "minutes",
        "home/«user_dir»/minutes.md",
        "- Password: to be agreed with security\n- The secret: good coffee\n- Root password rotation: done by «person»\n- pass: 14, fail: 2\n",
    ),
    (
        "puppet",
        "srv/puppet/db.pp",
        "class { 'mysql::server':\n  root_password => lookup('mysql::root_password'),\n  password_hash => mysql::password($password),\n}\n",
    ),
];

const LOGINS: [(&str, &str, &str); 14] = [
    (
        "options",
        "home/«user_dir»/.bash_history",
        "mkdir -p /srv/«app»/releases\nssh -p 2222 «user»@«host»\ndocker run -d -p 8080:80 --name web nginx:1.27\nnmap -p 1-65535 «ip»\ncp -p a.conf b.conf\nmysql -u root -p «db»\nnetstat -tulpn\nscp -P 2222 file «user»@«host»:/tmp\n",
    ),
    (
        "variables of a shell",
        "home/«user_dir»/deploy.sh",
        "mysql -u \"$DB_USER\" -p\"$DB_PASS\" \"$DB\"\ncurl -u \"${USER}:${PASS}\" \"$URL\"\nsshpass -e ssh \"$HOST\"\nsmbclient //srv/share -U \"$U%$P\"\nnet_user=\"$1\" net_pass=\"$2\"\n",
    ),
    (
        "addresses",
        "srv/«app_dir»/links.txt",
        "https://cdn.jsdelivr.net/npm/@scope/pkg@1.2.3/dist/x.js\nssh://git@git.«domain»:7999/«app».git\ngit@github.com:«org»/«app».git\nhttps://medium.com/@«user»/post-«hex.12»\nregistry.«domain»:5000/«app»@sha256:«hex.64»\nredis://«host»:6379/0\njdbc:postgresql://«host»:5432/«db»?ssl=true\nhttp://[2001:db8::1]:8080/\n",
    ),
    (
        "default logins of manuals",
        "home/«user_dir»/notes.md",
        "Local stack: postgres://postgres:postgres@localhost:5432/postgres, amqp://guest:guest@localhost:5672/, mongodb://root:example@localhost:27017, ftp://anonymous:anonymous@localhost/\n",
    ),
    (
        "string formats",
        "srv/«app_dir»/url.py",
        "URL = 'postgresql://%s:%s@%s/%s' % (user, password, host, name)\nurl = f'amqp://{user}:{password}@{host}:{port}/{vhost}'\nURL2 = \"mysql://\" + user + \":\" + password + \"@\" + host\n",
    ),
    (
        "names of columns",
        "srv/«app_dir»/query.sql",
        "SELECT u.username, u.password, u.email FROM users u WHERE u.username = 'admin';\nGRANT SELECT (username, password) ON users TO reader;\nALTER USER app PASSWORD EXPIRE INTERVAL 90 DAY;\n",
    ),
    (
        "csv of a template",
        "home/«user_dir»/import.csv",
        "username,password,email\n<username>,<password>,<email>\n,,\n",
    ),
    (
        "pgpass sample",
        "home/«user_dir»/pgpass.txt",
        "#hostname:port:database:username:password\n# localhost:5432:mydb:myuser:mypassword\n",
    ),
    (
        "netrc reference",
        "home/«user_dir»/.netrc.tmpl",
        "machine git.«domain»\n  login {{ .user }}\n  password {{ .password }}\n",
    ),
    (
        "chpasswd hash",
        "var/lib/cloud/seed/user-data",
        "#cloud-config\nusers:\n  - name: «user»\n    passwd: $6$rounds=4096$«alnum.8»$«alnum.86»\n    lock_passwd: true\nchpasswd:\n  expire: false\n",
    ),
    (
        "nginx variables",
        "etc/nginx/proxy.conf",
        "proxy_set_header X-User $remote_user;\nproxy_pass http://$user:$password@backend;\nauth_basic_user_file /etc/nginx/users;\n",
    ),
    (
        "connection without a password",
        "opt/«app_dir»/application.yml",
        "spring:\n  datasource:\n    url: jdbc:mariadb://«host»:3306/«db»\n    username: «user»\n    password:\n  rabbitmq:\n    username: «user»\n    password: ${RABBIT_PASSWORD}\n",
    ),
    (
        "log of logins",
        "var/log/«app_dir»/login.log",
        "user=«user» password=*** result=ok\nlogin «person» password hidden\nuser «user» changed password for «person»\nusername: «user», password: (not shown)\n",
    ),
    (
        "docker secrets",
        "srv/«app_dir»/compose.yml",
        "services:\n  db:\n    environment:\n      MYSQL_USER: «user»\n      MYSQL_PASSWORD_FILE: /run/secrets/mysql_password\n      MYSQL_RANDOM_ROOT_PASSWORD: \"yes\"\n",
    ),
];

/// A hash of the length of its key beside the host of each service.
fn hashes(shelf: &mut Shelf) {
    for (secret_type, host, hash) in [
        ("Azure Redis Cache password", "«server».redis.cache.windows.net", "«b64.32»"),
        ("Azure SignalR access key", "«server».service.signalr.net", "«b64.32»"),
        ("Azure Web PubSub access key", "«server».webpubsub.azure.com", "«b64.32»"),
        ("Azure Event Grid access key", "«server».westeurope-1.eventgrid.azure.net", "«b64.32»"),
        ("Azure shared access key", "«server».servicebus.windows.net", "«b64.32»"),
        ("Azure IoT shared access key", "«server».azure-devices.net", "«b64.32»"),
        ("Azure App Configuration access key", "«server».azconfig.io", "«b64.32»"),
        ("Azure Cosmos DB", "«server».documents.azure.com", "«b64.64»"),
        ("Azure storage account connection string", "«acct».blob.core.windows.net", "«b64.64»"),
        ("Azure Batch shared access key", "«acct».westeurope.batch.azure.com", "«b64.64»"),
        ("Azure Communication Services access key", "«server».communication.azure.com", "«b64.64»"),
        (
            "Azure Machine Learning web service API key",
            "«server».westeurope.inference.ml.azure.com",
            "«b64.64»",
        ),
        ("Azure Cognitive Service key", "«server».cognitiveservices.azure.com", "«hex.32»"),
        ("Azure API Management subscription key", "«server».azure-api.net", "«hex.32»"),
        ("Azure Container Registry access key", "«acct».azurecr.io", "«b64.24»"),
        ("Azure Maps subscription key", "atlas.microsoft.com", "«b64url.32»"),
        ("Azure Function API key", "«site».azurewebsites.net", "«b64.40»"),
        ("Azure App Service deployment password", "«site».scm.azurewebsites.net", "«alnum.60»"),
        ("Azure DevOps personal access token", "dev.azure.com", "«b32.52»"),
        ("GitHub personal access token", "github.com", "«hex.40»"),
        ("Travis personal token", "api.travis-ci.com", "«url.22»"),
        ("AWS access key", "s3.«awsregion».amazonaws.com", "«b64.30»"),
        ("NPM author token", "registry.npmjs.org", "«guid»"),
        ("Azure Databricks personal access token", "adb-«digits.16».7.azuredatabricks.net", "«hex.32»"),
    ] {
        let mut of = shelf.of(secret_type);
        of.near("digest beside its host", "var/lib/«app_dir»/cache.json", &format!("{{\"url\":\"https://{host}/v1/items\",\"etag\":\"{hash}\",\"digest\":\"{hash}\",\"checksum\":\"sha256:«hex.64»\"}}\n"))
            .near("checksum in a log", "var/log/«app_dir»/sync.log", &format!("2026-05-04T10:00:00Z GET https://{host}/items 200 etag=\"{hash}\" request-id=«guid»\n2026-05-04T10:00:01Z wrote «digits.5» bytes, sum {hash}\n"));
    }
}

/// Base64 in which the signatures of keys stand by chance.
fn walls(shelf: &mut Shelf) {
    let marks = [
        "JQQJ99", "+ASt", "ACDb", "AzFu", "+ACR", "AIoT", "AzCa", "APIM", "AKIA", "AIza", "ghp", "dapi",
        "eyJ", "T3BlbkFJ", "MII",
    ];
    let mut wall = String::new();
    for round in 0..400 {
        wall += &base64(&shelf.rng.bytes(90));
        wall += marks[round % marks.len()];
    }
    let lines: Vec<&str> =
        wall.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).expect("ASCII")).collect();
    shelf.clean_bytes("srv/data/attachment.b64", lines.join("\n").into_bytes());
    shelf.clean_bytes("srv/data/one-line.b64", wall.into_bytes());
}

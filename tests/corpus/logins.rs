//! Passwords, alone and with their users.

use crate::page::Coding;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    passwords(shelf);
    not_passwords(shelf);
    users(shelf);
    not_users(shelf);
}

fn passwords(shelf: &mut Shelf) {
    let mut of = shelf.of("general password");
    for key in [
        "KEYSTORE_PASSWORD",
        "ADMIN_PASSWORD",
        "BACKUP_PASSPHRASE",
        "ENCRYPTION_PASSWORD",
        "REDIS_PASSWORD",
        "SA_PASSWORD",
        "ROOT_PASSWORD",
        "SIGNING_KEY_PASSWORD",
        "VAULT_PASSWORD",
        "GRAFANA_ADMIN_PASSWORD",
        "MYSQL_ROOT_PASSWORD",
        "POSTGRES_PASSWORD",
    ] {
        of.setting("setting", 4, key, "«!pw»");
    }
    of.encodings("setting", ("ADMIN_PASSWORD", "«!pwa»"), None)
        .file("redis.conf", "etc/redis/redis.conf", "bind 127.0.0.1\nport 6379\nrequirepass «!pw»\nmaxmemory 256mb\n")
        .file("tomcat keystore", "opt/tomcat/conf/server.xml", "<Connector port=\"8443\" protocol=\"HTTP/1.1\" SSLEnabled=\"true\" keystoreFile=\"conf/«app_dir».jks\" keystorePass=\"«!pw|xml»\" />\n")
        .file("spring keystore", "opt/«app_dir»/application.properties", "server.ssl.key-store=classpath:«app_dir».p12\nserver.ssl.key-store-password=«!pw»\nserver.ssl.key-store-type=PKCS12\n")
        .file("openssl", "home/«user_dir»/.bash_history", "openssl pkcs12 -in «app_dir».p12 -out «app_dir».pem -passin 'pass:«!pw|sh»' -nodes\n")
        .file("zip", "etc/cron.daily/pack", "#!/bin/sh\n7z a -p'«!pw|sh»' -mhe=on /backup/«app_dir».7z /srv/«app_dir»\n")
        .file("restic", "etc/restic/env", "RESTIC_REPOSITORY=/mnt/backup\nRESTIC_PASSWORD=«!pw»\n")
        .file("wifi", "etc/NetworkManager/system-connections/office.nmconnection", "[connection]\nid=office\ntype=wifi\n\n[wifi]\nssid=«org»\n\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=«!pw»\n")
        .file("wpa_supplicant", "etc/wpa_supplicant/wpa_supplicant.conf", "network={\n    ssid=\"«org»\"\n    psk=\"«!pw»\"\n}\n")
        .file("powershell", "Users/«user_dir»/cert.ps1", "$password = ConvertTo-SecureString -String '«!pw|ps»' -Force -AsPlainText\nImport-PfxCertificate -FilePath C:\\cert.pfx -Password $password\n")
        .file("ansible become", "srv/ansible/group_vars/all.yml", "ansible_become_password: '«!pw|yaml»'\n")
        .file("terraform", "srv/infra/terraform.tfvars", "db_admin_password = \"«!pw»\"\n")
        .file("kotlin", "home/«user_dir»/app/build.gradle", "signingConfigs {\n    release {\n        storeFile file('release.jks')\n        storePassword '«!pw»'\n        keyAlias 'release'\n    }\n}\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "registry autologon", "Users/«user_dir»/vnc.reg", "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\«org»\\«app»]\n\"ServicePassword\"=\"«!pw|c»\"\n")
        .file("mssql in docker", "srv/sql/docker-compose.yml", "services:\n  mssql:\n    image: mcr.microsoft.com/mssql/server:2022-latest\n    environment:\n      ACCEPT_EULA: \"Y\"\n      MSSQL_SA_PASSWORD: \"«!pw|json»\"\n")
        .file("slapd", "etc/ldap/slapd.conf", "database mdb\nsuffix \"dc=«org»,dc=net\"\nrootpw «!pw»\n")
        .file("ldap search", "home/«user_dir»/.zsh_history", "export LDAP_BIND_PASSWORD='«!pw|sh»'\n");
}

fn not_passwords(shelf: &mut Shelf) {
    let mut of = shelf.of("general password");
    for key in ["ADMIN_PASSWORD", "KEYSTORE_PASSWORD"] {
        of.references(key);
    }
    for (form, path, template) in [
        (
            "policy",
            "etc/security/pwquality.conf",
            "minlen = 14\ndcredit = -1\n# password_policy applies to local users\nretry = 3\n",
        ),
        (
            "login.defs",
            "etc/login.defs",
            "PASS_MAX_DAYS\t99999\nPASS_MIN_DAYS\t0\nPASS_WARN_AGE\t7\nENCRYPT_METHOD SHA512\n",
        ),
        (
            "pam",
            "etc/pam.d/common-password",
            "password\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt\npassword\trequisite\t\t\tpam_deny.so\n",
        ),
        (
            "sshd",
            "etc/ssh/sshd_config",
            "PasswordAuthentication no\nPermitEmptyPasswords no\nKbdInteractiveAuthentication no\nUsePAM yes\n",
        ),
        (
            "file of it",
            "srv/«app_dir»/docker-compose.yml",
            "services:\n  db:\n    environment:\n      POSTGRES_PASSWORD_FILE: /run/secrets/db_password\n    secrets: [db_password]\nsecrets:\n  db_password:\n    file: ./secrets/db_password.txt\n",
        ),
        (
            "secret reference",
            "home/«user_dir»/pod.yaml",
            "env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef:\n        name: «app»-db\n        key: password\n",
        ),
        (
            "translations",
            "srv/«app_dir»/locales/en.json",
            "{\"login\":{\"password\":\"Password\",\"forgot_password\":\"Forgot your password?\",\"password_hint\":\"At least 12 characters\",\"confirmPassword\":\"Confirm password\"}}\n",
        ),
        (
            "translations, German",
            "srv/«app_dir»/messages_de.properties",
            "login.password=Passwort\nlogin.passwordReset=Passwort zurücksetzen\nerror.password=Das Passwort ist falsch\n",
        ),
        (
            "po file",
            "srv/«app_dir»/po/sv.po",
            "msgid \"Enter your password\"\nmsgstr \"Ange ditt lösenord\"\n\nmsgid \"Password:\"\nmsgstr \"Lösenord:\"\n",
        ),
        (
            "schema",
            "srv/«app_dir»/schema.json",
            "{\"properties\":{\"password\":{\"type\":\"string\",\"minLength\":12,\"format\":\"password\"},\"username\":{\"type\":\"string\"}},\"required\":[\"username\",\"password\"]}\n",
        ),
        (
            "python code",
            "srv/«app_dir»/accounts.py",
            "def set_password(user, password=None, password_hash=None):\n    password = password or getpass.getpass('New password: ')\n    user.password = hasher.hash(password)\n    user.password_changed_at = now()\n    return check_password(password, user.password)\n",
        ),
        (
            "javascript code",
            "srv/«app_dir»/login.js",
            "const password = document.getElementById('password').value;\nconst passwordConfirm = req.body.passwordConfirm;\nif (password !== passwordConfirm) throw new Error('password_mismatch');\nawait login({ username, password: password.trim() });\n",
        ),
        (
            "java code",
            "home/«user_dir»/src/User.java",
            "private String password;\n\npublic void setPassword(String password) { this.password = passwordEncoder.encode(password); }\nprivate static final String PASSWORD_PARAM = \"password\";\n",
        ),
        (
            "csharp code",
            "home/«user_dir»/src/Account.cs",
            "[DataType(DataType.Password)]\npublic string Password { get; set; } = string.Empty;\nvar result = await signIn.PasswordSignInAsync(model.Email, model.Password, model.RememberMe, false);\n",
        ),
        (
            "html form",
            "var/www/«app_dir»/login.html",
            "<label for=\"password\">Password</label>\n<input type=\"password\" id=\"password\" name=\"password\" autocomplete=\"current-password\" placeholder=\"Password\">\n",
        ),
        (
            "hash",
            "srv/«app_dir»/users.yml",
            "users:\n  - name: admin\n    password_hash: \"$2b$12$«alnum.53»\"\n  - name: ops\n    passwd: $6$«alnum.8»$«alnum.86»\n",
        ),
        (
            "django hash",
            "var/backups/users.sql",
            "INSERT INTO auth_user (username, password) VALUES ('«person»', 'pbkdf2_sha256$870000$«alnum.22»$«b64.32»');\n",
        ),
        (
            "encrypted",
            "srv/«app_dir»/config.yml",
            "spring:\n  datasource:\n    password: '{cipher}«hex.96»'\n    other-password: ENC(«b64.32»)\n",
        ),
        (
            "sops",
            "srv/«app_dir»/secrets.enc.yaml",
            "db_password: ENC[AES256_GCM,data:«b64.16»,iv:«b64.32»,tag:«b64.16_2»,type:str]\nsops:\n  version: 3.9.0\n",
        ),
        (
            "ansible vault",
            "srv/ansible/vault.yml",
            "admin_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  «hex.80»\n  «hex.80_2»\n",
        ),
        (
            "prompt",
            "var/log/«app_dir»/ssh.log",
            "«user»@«host»'s password: \nPermission denied, please try again.\nEnter passphrase for key '/root/.ssh/id_ed25519': \n",
        ),
        (
            "documentation",
            "home/«user_dir»/README.md",
            "Set `ADMIN_PASSWORD` before the first start. The password must have 12 characters. `password: string` is required. Default password: none.\n",
        ),
        (
            "man page",
            "home/«user_dir»/«app_dir».1",
            ".TH APP 1\n.SH OPTIONS\n.TP\n\\fB\\-\\-password\\fR=\\fIPASSWORD\\fR\nPassword of the user. Read from the terminal when not given.\n",
        ),
        (
            "css",
            "var/www/«app_dir»/style.css",
            "input[type=password]:focus{outline:2px solid #3b82f6}.password-strength--weak{color:#dc2626}\n",
        ),
        (
            "unattended, cleaned",
            "Windows/Panther/unattend.xml",
            "<AdministratorPassword>*SENSITIVE*DATA*DELETED*</AdministratorPassword>\n",
        ),
        (
            "jenkins",
            "var/lib/jenkins/jobs/x/Jenkinsfile",
            "withCredentials([usernamePassword(credentialsId: 'nexus-deploy', usernameVariable: 'NEXUS_USER', passwordVariable: 'NEXUS_PASSWORD')]) {\n    sh 'mvn deploy -Dpassword=$NEXUS_PASSWORD'\n}\n",
        ),
        (
            "environment of a shell",
            "home/«user_dir»/run.sh",
            "read -rs -p 'Password: ' PASSWORD\nexport PASSWORD\nPASSWORD=$(pass show «app»/admin)\nDB_PASSWORD=`cat /run/secrets/db`\n",
        ),
        (
            "sql schema",
            "srv/«app_dir»/schema.sql",
            "CREATE TABLE users (\n  id bigint PRIMARY KEY,\n  password varchar(255) NOT NULL,\n  password_reset_token varchar(64) DEFAULT NULL\n);\n",
        ),
    ] {
        of.near(form, path, template);
    }
}

fn users(shelf: &mut Shelf) {
    let mut of = shelf.of("user login credentials");
    for (user, password) in [
        ("SMTP_USER", "SMTP_PASSWORD"),
        ("ADMIN_USERNAME", "ADMIN_PASSWORD"),
        ("FTP_USER", "FTP_PASSWORD"),
        ("JENKINS_USERNAME", "JENKINS_PASSWORD"),
        ("PROXY_USER", "PROXY_PASS"),
        ("LDAP_USERNAME", "LDAP_PASSWORD"),
        ("SERVICE_LOGIN", "SERVICE_PASSWORD"),
        ("RABBITMQ_USER", "RABBITMQ_PASS"),
        ("NEXUS_USERNAME", "NEXUS_PASSWORD"),
        ("DB_USER", "DB_PASSWORD"),
    ] {
        of.pair("pair of settings", 4, (password, "«!pw»"), Some((user, "«user»")));
    }
    of.encodings("pair of settings", ("MAIL_PASSWORD", "«!pwa»"), Some(("MAIL_USERNAME", "«user»")))
        .file("netrc", "home/«user_dir»/.netrc", "machine ftp.«domain»\n  login «user»\n  password «!pwa»\n")
        .file("netrc in a line", "root/.netrc", "machine repo.«domain» login «user» password «!pwa»\n")
        .file("pgpass", "home/«user_dir»/.pgpass", "«host»:5432:«db»:«user»:«!pwa»\n")
        .file("git credentials", "home/«user_dir»/.git-credentials", "https://«user»:«!pwa»@git.«domain»\n")
        .file("my.cnf", "root/.my.cnf", "[client]\nuser=«user»\npassword=\"«!pw»\"\nhost=«host»\n")
        .file("debian.cnf", "etc/mysql/debian.cnf", "# Automatically generated for Debian scripts. DO NOT TOUCH!\n[client]\nhost     = localhost\nuser     = debian-sys-maint\npassword = «!alnum.16»\nsocket   = /var/run/mysqld/mysqld.sock\n")
        .file("cifs", "etc/cifs/«app_dir».cred", "username=«user»\npassword=«!pw»\ndomain=«org|upper»\n")
        .file("msmtp", "home/«user_dir»/.msmtprc", "account default\nhost smtp.«domain»\nport 587\nauth on\nuser «user»\npassword «!pw»\n")
        .file("postfix", "etc/postfix/sasl_passwd", "[smtp.«domain»]:587 «user»:«!pwa»\n")
        .file("maven", "home/«user_dir»/.m2/settings.xml", "<settings>\n  <servers>\n    <server>\n      <id>releases</id>\n      <username>«user»</username>\n      <password>«!pw|xml»</password>\n    </server>\n  </servers>\n</settings>\n")
        .file("tomcat users", "opt/tomcat/conf/tomcat-users.xml", "<tomcat-users>\n  <role rolename=\"manager-gui\"/>\n  <user username=\"«user»\" password=\"«!pw|xml»\" roles=\"manager-gui\"/>\n</tomcat-users>\n")
        .file_with("docker config", &[("Pair", "«user»:«!pw»")], "root/.docker/config.json", "{\n\t\"auths\": {\n\t\t\"registry.«domain»\": {\n\t\t\t\"auth\": \"«Pair|b64»\"\n\t\t}\n\t}\n}\n")
        .file("unattend", "Windows/Panther/Unattend/unattend.xml", "<component name=\"Microsoft-Windows-Shell-Setup\">\n  <AutoLogon>\n    <Password>\n      <Value>«!pw|xml»</Value>\n      <PlainText>true</PlainText>\n    </Password>\n    <Enabled>true</Enabled>\n    <Username>Administrator</Username>\n  </AutoLogon>\n</component>\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "autologon", "Users/«user_dir»/winlogon.reg", "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion\\Winlogon]\n\"AutoAdminLogon\"=\"1\"\n\"DefaultUserName\"=\"«user»\"\n\"DefaultPassword\"=\"«!pw|c»\"\n")
        .file("net user", "Users/«user_dir»/setup.cmd", "@echo off\nnet user «user» \"«!pw|bat»\" /add\nnet localgroup Administrators «user» /add\n")
        .file("net use", "Users/«user_dir»/map.cmd", "net use S: \\\\files\\share /user:«org|upper»\\«user» \"«!pw|bat»\" /persistent:yes\n")
        .file("cloud-init", "var/lib/cloud/seed/user-data", "#cloud-config\nchpasswd:\n  list: |\n    «user»:«!pwa»\n  expire: false\n")
        .file("sshpass", "home/«user_dir»/sync.sh", "#!/bin/sh\nsshpass -p '«!pw|sh»' ssh «user»@«host» systemctl restart «app»\n")
        .file("wget", "home/«user_dir»/fetch.sh", "wget --user='«user»' --password='«!pw|sh»' https://files.«domain»/«app».zip\n")
        .file("mysql", "home/«user_dir»/.bash_history", "mysql -u «user» -p'«!pw|sh»' -h «host» «db»\n")
        .file("smbclient", "home/«user_dir»/.bash_history", "smbclient //files/share -U '«user»%«!pwa»' -c 'ls'\n")
        .file("docker login", "home/«user_dir»/.bash_history", "docker login registry.«domain» -u «user» -p '«!pw|sh»'\n")
        .file("sql create", "srv/«app_dir»/init.sql", "CREATE USER '«user»'@'%' IDENTIFIED BY '«!pw|sql»';\nGRANT ALL ON «db».* TO '«user»'@'%';\n")
        .file("sql login", "srv/«app_dir»/login.sql", "CREATE LOGIN [«user»] WITH PASSWORD = N'«!pw|sql»', CHECK_POLICY = ON;\n")
        .file("postgres role", "srv/«app_dir»/role.sql", "CREATE ROLE «user» WITH LOGIN PASSWORD '«!pw|sql»';\n")
        .file("wp-config", "var/www/«app_dir»/wp-config.php", "<?php\ndefine( 'DB_NAME', '«db»' );\ndefine( 'DB_USER', '«user»' );\ndefine( 'DB_PASSWORD', '«!pw»' );\ndefine( 'DB_HOST', '«host»' );\n")
        .file("URI", "srv/«app_dir»/.env", "BROKER_URL=amqp://«user»:«!pw|url»@«host»:5672/prod\n")
        .file("URI of ftp", "etc/«app_dir»/upload.conf", "target = ftp://«user»:«!pw|url»@ftp.«domain»/in\n")
        .file("URI of a proxy", "etc/environment", "PATH=\"/usr/local/bin:/usr/bin\"\nhttps_proxy=\"http://«user»:«!pw|url»@proxy.«domain»:3128\"\n")
        .file("json object", "etc/«app_dir»/device.json", "{\"devices\":[{\"host\":\"«ip»\",\"username\":\"«user»\",\"password\":\"«!pw|json»\"}]}\n")
        .file("csv with a header", "home/«user_dir»/accounts.csv", "host,username,password\n«ip»,«user»,«!pwa»\n")
        .file("ansible inventory", "srv/ansible/hosts", "[web]\n«host» ansible_user=«user» ansible_password='«!pw|sh»'\n")
        .file("powershell", "Users/«user_dir»/run.ps1", "$secure = ConvertTo-SecureString '«!pw|ps»' -AsPlainText -Force\n$cred = New-Object System.Management.Automation.PSCredential('«org|upper»\\«user»', $secure)\n")
        .file("chap", "etc/ppp/chap-secrets", "# client server secret ip\n\"«user»\" * \"«!pwa»\" *\n");
}

fn not_users(shelf: &mut Shelf) {
    let mut of = shelf.of("user login credentials");
    for (form, path, template) in [
        ("references", "srv/«app_dir»/.env", "SMTP_USER=«user»\nSMTP_PASSWORD=${SMTP_PASSWORD}\n"),
        ("placeholder", "srv/«app_dir»/.env.local", "SMTP_USER=your-user\nSMTP_PASSWORD=your-password\n"),
        (
            "sample URI",
            "home/«user_dir»/a.md",
            "postgres://user:password@localhost:5432/mydb and redis://:password@host:6379 and https://user:pass@example.com/\n",
        ),
        ("URI of a template", "srv/«app_dir»/b.yml", "url: amqp://{{ user }}:{{ password }}@«host»:5672/\n"),
        (
            "URI without a password",
            "srv/«app_dir»/c.conf",
            "db = postgres://«user»@«host»:5432/«db»\ngit = ssh://git@git.«domain»/«app».git\nmail = mailto:«email»\n",
        ),
        (
            "shadow",
            "etc/shadow",
            "root:!:19800:0:99999:7:::\n«user»:$y$j9T$«alnum.22»$«alnum.43»:19800:0:99999:7:::\n",
        ),
        ("htpasswd", "etc/nginx/.htpasswd", "«user»:$apr1$«alnum.8»$«alnum.22»\n"),
        (
            "maven, encrypted",
            "home/«user_dir»/.m2/settings.xml",
            "<server>\n  <username>«user»</username>\n  <password>{«b64.32»}</password>\n</server>\n",
        ),
        (
            "tomcat sample",
            "opt/tomcat/conf/tomcat-users.xml",
            "<!--\n  <user username=\"tomcat\" password=\"<must-be-changed>\" roles=\"tomcat\"/>\n-->\n",
        ),
        (
            "pool of IIS",
            "Windows/System32/inetsrv/config/applicationHost.config",
            "<processModel identityType=\"SpecificUser\" userName=\"«user»\" password=\"[enc:IISWASOnlyAesProvider:«b64.48»:enc]\" />\n",
        ),
        (
            "docker helper",
            "root/.docker/config.json",
            "{\"auths\":{\"registry.«domain»\":{}},\"credHelpers\":{\"registry.«domain»\":\"secretservice\"}}\n",
        ),
        (
            "wp sample",
            "var/www/«app_dir»/wp-config-sample.php",
            "define( 'DB_NAME', 'database_name_here' );\ndefine( 'DB_USER', 'username_here' );\ndefine( 'DB_PASSWORD', 'password_here' );\n",
        ),
        (
            "code",
            "srv/«app_dir»/d.py",
            "def login(username, password):\n    return session.post(url, data={'username': username, 'password': password})\n\nlogin(username=args.user, password=args.password)\n",
        ),
        (
            "random password",
            "var/lib/cloud/seed/e",
            "#cloud-config\nchpasswd:\n  list: |\n    «user»:RANDOM\n",
        ),
        (
            "docs of curl",
            "home/«user_dir»/f.md",
            "    curl -u user:password https://api.«domain»/\n    curl -u \"$USER:$PASS\" https://api.«domain»/\n",
        ),
        (
            "passwd",
            "etc/passwd",
            "root:x:0:0:root:/root:/bin/bash\n«user»:x:1001:1001::/home/«user»:/bin/sh\n",
        ),
    ] {
        of.near(form, path, template);
    }
}

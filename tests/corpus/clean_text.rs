//! Files that people write: programs that handle secrets, configuration, manuals
//! and translations, without a secret in them.

use crate::clean::each;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    for (path, text) in SOURCES.iter().chain(&SETTINGS).chain(&DEPLOYMENT).chain(&WORDS) {
        shelf.clean(path, text);
    }
    shelf.clean(
        "srv/«app_dir»/i18n/fr.json",
        &("{".to_owned()
            + &each(
                60,
                "\"password.rule«lower.4_§»\":\"Le mot de passe doit contenir «digits.2_§» caractères\",",
            )
            + "\"end\":\"\"}"),
    );
    shelf.clean("srv/«app_dir»/Resources.resx", &("<root>\n".to_owned() + &each(60, "  <data name=\"PasswordError«lower.4_§»\" xml:space=\"preserve\">\n    <value>The password does not match rule §.</value>\n  </data>\n") + "</root>\n"));
}

const SOURCES: [(&str, &str); 22] = [
    (
        "srv/«app_dir»/auth.py",
        "import hashlib\nimport hmac\nimport os\nimport secrets\n\nPASSWORD_MIN_LENGTH = 12\nSECRET_KEY = os.environ['SECRET_KEY']\nTOKEN_HEADER = 'X-Auth-Token'\n\n\ndef make_token(user):\n    token = secrets.token_urlsafe(32)\n    cache.set(f'token:{token}', user.id, timeout=3600)\n    return token\n\n\ndef verify(password, stored):\n    algorithm, salt, digest = stored.split('$')\n    candidate = hashlib.pbkdf2_hmac('sha256', password.encode(), salt.encode(), 600000)\n    return hmac.compare_digest(candidate.hex(), digest)\n",
    ),
    (
        "srv/«app_dir»/settings/base.py",
        "import environ\n\nenv = environ.Env()\nDATABASES = {'default': env.db('DATABASE_URL')}\nEMAIL_HOST_USER = env('EMAIL_HOST_USER')\nEMAIL_HOST_PASSWORD = env('EMAIL_HOST_PASSWORD')\nAUTH_PASSWORD_VALIDATORS = [\n    {'NAME': 'django.contrib.auth.password_validation.MinimumLengthValidator'},\n    {'NAME': 'django.contrib.auth.password_validation.CommonPasswordValidator'},\n]\nAWS_SECRET_ACCESS_KEY = env('AWS_SECRET_ACCESS_KEY', default=None)\n",
    ),
    (
        "srv/«app_dir»/passport.js",
        "passport.use(new LocalStrategy({ usernameField: 'email', passwordField: 'password' }, async (email, password, done) => {\n  const user = await User.findOne({ email });\n  if (!user || !(await bcrypt.compare(password, user.passwordHash))) return done(null, false, { message: 'Wrong password' });\n  return done(null, user);\n}));\nconst clientSecret = process.env.OAUTH_CLIENT_SECRET;\nconst apiKey = config.get('apiKey');\nconst accessToken = jwt.sign({ sub: user.id }, process.env.JWT_SECRET, { expiresIn: '15m' });\n",
    ),
    (
        "srv/«app_dir»/api.ts",
        "export interface Credentials {\n  username: string;\n  password: string;\n  clientSecret?: string;\n  accessToken: string | null;\n}\nconst headers = { Authorization: `Bearer ${accessToken}` };\nexport const login = (password: string): Promise<Credentials> => http.post('/login', { password });\n",
    ),
    (
        "home/«user_dir»/src/SecurityConfig.java",
        "@Value(\"${spring.datasource.password}\")\nprivate String password;\n\n@Bean\npublic PasswordEncoder passwordEncoder() {\n    return new BCryptPasswordEncoder(12);\n}\n\npublic void login(String user, char[] password) {\n    UsernamePasswordAuthenticationToken token = new UsernamePasswordAuthenticationToken(user, password);\n    String secretName = \"database-password\";\n    String passwordKey = \"spring.datasource.password\";\n}\n",
    ),
    (
        "home/«user_dir»/src/Keys.cs",
        "var key = await client.ListKeysAsync(resourceGroup, account);\nvar connectionString = $\"DefaultEndpointsProtocol=https;AccountName={account};AccountKey={key.Value};EndpointSuffix=core.windows.net\";\nvar password = Environment.GetEnvironmentVariable(\"DB_PASSWORD\");\nservices.AddDbContext<Db>(o => o.UseSqlServer(configuration.GetConnectionString(\"Default\")));\nconst string PasswordParameter = \"password\";\n",
    ),
    (
        "home/«user_dir»/go/auth.go",
        "type Config struct {\n\tUsername string `yaml:\"username\"`\n\tPassword string `yaml:\"password\"`\n\tAPIKey   string `env:\"API_KEY\"`\n}\n\nfunc (c *Config) DSN() string {\n\treturn fmt.Sprintf(\"postgres://%s:%s@%s:%d/%s?sslmode=require\", c.Username, c.Password, c.Host, c.Port, c.Name)\n}\n\nvar errPassword = errors.New(\"password is empty\")\n",
    ),
    (
        "home/«user_dir»/src/auth.rs",
        "#[derive(Deserialize)]\nstruct Login {\n    username: String,\n    password: Secret<String>,\n}\n\nconst PASSWORD_FIELD: &str = \"password\";\n\nfn header(token: &str) -> String {\n    format!(\"Authorization: Bearer {token}\")\n}\n",
    ),
    (
        "home/«user_dir»/src/auth.c",
        "static const char *prompt = \"Password: \";\nchar password[256];\nif (getpass_r(prompt, password, sizeof(password)) == NULL)\n    return -1;\nsnprintf(url, sizeof(url), \"https://%s:%s@%s/\", user, password, host);\nexplicit_bzero(password, sizeof(password));\n",
    ),
    (
        "var/www/«app_dir»/login.php",
        "<?php\n$password = $_POST['password'] ?? '';\n$hash = password_hash($password, PASSWORD_DEFAULT);\nif (!password_verify($password, $user['password'])) {\n    throw new RuntimeException('Wrong password');\n}\n$dsn = getenv('DATABASE_URL');\ndefine('DB_PASSWORD', getenv('DB_PASSWORD'));\n",
    ),
    (
        "srv/«app_dir»/user.rb",
        "class User < ApplicationRecord\n  has_secure_password\n  validates :password, length: { minimum: 12 }, allow_nil: true\n\n  def reset_password!\n    update!(reset_token: SecureRandom.urlsafe_base64, password: params[:password])\n  end\nend\nENV.fetch('SECRET_KEY_BASE')\n",
    ),
    (
        "home/«user_dir»/backup.sh",
        "#!/bin/bash\nset -euo pipefail\nDB_PASSWORD=\"$(vault kv get -field=password secret/db)\"\nexport PGPASSWORD=\"$DB_PASSWORD\"\nTOKEN=$(curl -s -X POST \"$AUTH_URL\" -d \"client_secret=$CLIENT_SECRET\" | jq -r .access_token)\ncurl -H \"Authorization: Bearer $TOKEN\" \"$API/items\"\nmysqldump -u \"$DB_USER\" -p\"$DB_PASSWORD\" \"$DB\"\naz storage blob upload --account-key \"${STORAGE_KEY}\" -f out\n",
    ),
    (
        "Users/«user_dir»/New-User.ps1",
        "param([Parameter(Mandatory)][string]$UserName, [securestring]$Password)\n$Password = Read-Host -AsSecureString 'Password'\n$plain = $env:ADMIN_PASSWORD\n$secure = ConvertTo-SecureString $plain -AsPlainText -Force\nNew-LocalUser -Name $UserName -Password $secure -PasswordNeverExpires:$false\n$cs = \"Server=$server;User ID=$user;Password=$($cred.GetNetworkCredential().Password)\"\n",
    ),
    (
        "home/«user_dir»/lib/Auth.pm",
        "sub login {\n    my ($self, $user, $password) = @_;\n    my $dbh = DBI->connect(\"dbi:Pg:dbname=$db;host=$host\", $user, $password);\n    return $self->{password} eq crypt($password, $self->{salt});\n}\n",
    ),
    (
        "srv/«app_dir»/migrate.sql",
        "ALTER TABLE users ADD COLUMN password_hash text NOT NULL;\nCREATE INDEX ON tokens (access_token);\nSELECT username, password FROM accounts WHERE token = $1;\nUPDATE users SET password = crypt($2, gen_salt('bf')) WHERE id = $1;\n",
    ),
    (
        "home/«user_dir»/App.vue",
        "<template>\n  <input v-model=\"password\" type=\"password\" :placeholder=\"$t('password')\" />\n</template>\n<script>\nexport default { data: () => ({ password: '', username: '', apiKey: null }) };\n</script>\n",
    ),
    (
        "srv/«app_dir»/schema.graphql",
        "type Mutation {\n  login(username: String!, password: String!): Token\n  resetPassword(token: String!, newPassword: String!): Boolean\n}\n",
    ),
    (
        "srv/«app_dir»/auth.proto",
        "message LoginRequest {\n  string username = 1;\n  string password = 2;\n  string client_secret = 3;\n  bytes api_key = 4;\n}\n",
    ),
    (
        "srv/«app_dir»/openapi.json",
        "{\"paths\":{\"/login\":{\"post\":{\"parameters\":[{\"name\":\"password\",\"in\":\"formData\",\"type\":\"string\",\"format\":\"password\",\"required\":true}],\"security\":[{\"api_key\":[]}]}}},\"securityDefinitions\":{\"api_key\":{\"type\":\"apiKey\",\"name\":\"X-API-Key\",\"in\":\"header\"},\"basicAuth\":{\"type\":\"basic\"}}}",
    ),
    (
        "home/«user_dir»/types.xsd",
        "<xs:element name=\"password\" type=\"xs:string\" minOccurs=\"1\"/>\n<xs:attribute name=\"secretKey\" type=\"xs:string\" use=\"required\"/>\n<xs:element name=\"connectionString\" type=\"xs:string\" default=\"\"/>\n",
    ),
    (
        "home/«user_dir»/rules/scanner.yml",
        "rules:\n  - id: generic-password\n    regex: '(?i)(password|passwd|pwd)\\s*[=:]\\s*[\"'']?([^\\s\"'']{8,64})'\n  - id: github-token\n    regex: 'ghp_[0-9a-zA-Z]{36}'\n  - id: aws\n    regex: '(AKIA|ASIA)[0-9A-Z]{16}'\n  - id: storage\n    regex: 'AccountKey=[A-Za-z0-9+/]{86}=='\n",
    ),
    (
        "home/«user_dir»/test_login.py",
        "def test_wrong_password(client):\n    response = client.post('/login', data={'username': 'alice', 'password': 'wrong'})\n    assert response.status_code == 401\n    assert b'Invalid password' in response.data\n",
    ),
];

const SETTINGS: [(&str, &str); 24] = [
    (
        "etc/nginx/sites-enabled/«app_dir»",
        "server {\n    listen 443 ssl;\n    server_name www.«domain»;\n    ssl_certificate /etc/ssl/certs/«app_dir».pem;\n    ssl_certificate_key /etc/ssl/private/«app_dir».key;\n    ssl_password_file /etc/ssl/pass.txt;\n    auth_basic \"Restricted area\";\n    auth_basic_user_file /etc/nginx/.htpasswd;\n    proxy_set_header Authorization $http_authorization;\n    add_header Content-Security-Policy \"script-src 'sha256-«b64.32»'\";\n}\n",
    ),
    (
        "etc/apache2/sites-enabled/000.conf",
        "<Directory /var/www>\n    AuthType Basic\n    AuthName \"Password Required\"\n    AuthUserFile /etc/apache2/.htpasswd\n    Require valid-user\n    SSLCertificateKeyFile /etc/ssl/private/site.key\n    SSLPassPhraseDialog exec:/etc/ssl/pass.sh\n    SSLSessionTickets off\n</Directory>\n",
    ),
    (
        "etc/ssh/sshd_config.d/10.conf",
        "PasswordAuthentication no\nPubkeyAuthentication yes\nHostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin prohibit-password\nAuthorizedKeysFile .ssh/authorized_keys\n",
    ),
    (
        "etc/pam.d/sshd",
        "auth       required     pam_env.so envfile=/etc/default/locale\n@include common-password\nsession    optional     pam_keyinit.so force revoke\npassword   sufficient   pam_unix.so nullok sha512 shadow use_authtok\n",
    ),
    (
        "etc/postfix/main.cf",
        "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\nsmtp_sasl_security_options = noanonymous\nsmtpd_tls_key_file = /etc/ssl/private/mail.key\nbroken_sasl_auth_clients = yes\n",
    ),
    (
        "etc/dovecot/conf.d/10-auth.conf",
        "auth_mechanisms = plain login\npassdb {\n  driver = passwd-file\n  args = scheme=CRYPT username_format=%u /etc/dovecot/users\n}\n#auth_master_user_separator =\n",
    ),
    (
        "etc/mysql/mysql.conf.d/mysqld.cnf",
        "[mysqld]\nuser = mysql\ndefault_authentication_plugin = caching_sha2_password\nvalidate_password.policy = MEDIUM\nvalidate_password.length = 14\ndefault_password_lifetime = 180\n# password = your_password\n",
    ),
    (
        "etc/postgresql/16/main/pg_hba.conf",
        "# TYPE  DATABASE  USER  ADDRESS  METHOD\nlocal   all  postgres  peer\nhost    all  all  127.0.0.1/32  scram-sha-256\nhost    all  all  ::1/128  password\n",
    ),
    (
        "etc/postgresql/16/main/postgresql.conf",
        "password_encryption = scram-sha-256\t# scram-sha-256 or md5\nssl_key_file = '/etc/ssl/private/server.key'\n#ssl_passphrase_command = ''\nauthentication_timeout = 1min\nprimary_conninfo = ''\n",
    ),
    (
        "etc/redis/redis.conf",
        "# requirepass foobared\n# masterauth <master-password>\n# user default on nopass ~* +@all\nprotected-mode yes\nport 6379\n",
    ),
    (
        "etc/ldap/ldap.conf",
        "BASE dc=«org»,dc=net\nURI ldaps://ldap.«domain»\nTLS_CACERT /etc/ssl/certs/ca-certificates.crt\n#BINDPW secret\n",
    ),
    (
        "etc/sssd/sssd.conf",
        "[domain/«org»]\nid_provider = ldap\nldap_uri = ldaps://ldap.«domain»\nldap_default_bind_dn = cn=sssd,dc=«org»,dc=net\nldap_default_authtok_type = password\ncache_credentials = true\nkrb5_store_password_if_offline = true\n",
    ),
    (
        "etc/krb5.conf",
        "[libdefaults]\n default_realm = «org|upper».NET\n ticket_lifetime = 24h\n[realms]\n «org|upper».NET = {\n  kdc = kdc.«domain»\n  admin_server = kdc.«domain»\n  kpasswd_server = kdc.«domain»\n }\n",
    ),
    (
        "etc/sudoers",
        "Defaults env_reset\nDefaults passwd_tries=3, passwd_timeout=5\nDefaults badpass_message=\"Wrong password\"\n%sudo ALL=(ALL:ALL) ALL\ndeploy ALL=(root) NOPASSWD: /usr/bin/systemctl\n",
    ),
    (
        "etc/samba/smb.conf",
        "[global]\n   workgroup = «org|upper»\n   passdb backend = tdbsam\n   unix password sync = yes\n   passwd program = /usr/bin/passwd %u\n   passwd chat = *Enter\\snew\\s*\\spassword:* %n\\n *Retype\\snew\\s*\\spassword:* %n\\n\n",
    ),
    (
        "etc/crypttab",
        "sda3_crypt UUID=«guid» none luks,discard\nswap /dev/sda4 /dev/urandom swap,cipher=aes-xts-plain64\ndata UUID=«guid_2» /etc/keys/data.key luks\n",
    ),
    (
        "etc/openvpn/client.conf",
        "client\nremote vpn.«domain» 1194\nauth-user-pass /etc/openvpn/login.txt\nca ca.crt\ncert client.crt\nkey client.key\ntls-auth ta.key 1\nauth-nocache\n",
    ),
    (
        "etc/fail2ban/jail.local",
        "[sshd]\nenabled = true\nfailregex = Failed password for .* from <HOST>\nmaxretry = 5\nbantime = 1h\n",
    ),
    (
        "etc/default/grub",
        "GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX=\"rd.luks.uuid=«guid» quiet\"\n# password_pbkdf2 root grub.pbkdf2.sha512.10000.<hash>\n",
    ),
    (
        "etc/systemd/system/«app_dir».service",
        "[Service]\nLoadCredential=db-password:/etc/«app_dir»/db-password\nEnvironmentFile=-/etc/default/«app_dir»\nEnvironment=PASSWORD_FILE=%d/db-password TOKEN_PATH=/run/token\nExecStart=/usr/bin/«app_dir» --password-file=${CREDENTIALS_DIRECTORY}/db-password\n",
    ),
    (
        "home/«user_dir»/.ssh/config",
        "Host *.int.«domain»\n  User deploy\n  PasswordAuthentication no\n  IdentityFile ~/.ssh/id_ed25519\n  ProxyJump bastion.«domain»\n",
    ),
    (
        "home/«user_dir»/.gitconfig",
        "[user]\n\tname = «person»\n\temail = «email»\n\tsigningkey = «HEX.40»\n[credential]\n\thelper = cache --timeout=3600\n[url \"ssh://git@github.com/\"]\n\tinsteadOf = https://github.com/\n",
    ),
    (
        "home/«user_dir»/.npmrc",
        "registry=https://registry.npmjs.org/\nsave-exact=true\n//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n",
    ),
    (
        "home/«user_dir»/.aws/config",
        "[default]\nregion = eu-north-1\noutput = json\n[profile admin]\nsso_session = «org»\nsso_account_id = «digits.12»\nsso_role_name = Admin\n",
    ),
];

const DEPLOYMENT: [(&str, &str); 18] = [
    (
        "srv/«app_dir»/.gitlab-ci.yml",
        "deploy:\n  variables:\n    DB_PASSWORD: $PROD_DB_PASSWORD\n    AWS_ACCESS_KEY_ID: $AWS_ACCESS_KEY_ID\n  script:\n    - docker login -u \"$CI_REGISTRY_USER\" -p \"$CI_REGISTRY_PASSWORD\" $CI_REGISTRY\n    - helm upgrade app . --set db.password=\"$DB_PASSWORD\"\n",
    ),
    (
        "srv/«app_dir»/azure-pipelines.yml",
        "variables:\n  - group: production-secrets\nsteps:\n  - task: AzureKeyVault@2\n    inputs:\n      KeyVaultName: «org»-kv\n      SecretsFilter: 'db-password,storage-key'\n  - script: ./deploy.sh\n    env:\n      DB_PASSWORD: $(db-password)\n      AZURE_DEVOPS_EXT_PAT: $(System.AccessToken)\n",
    ),
    (
        "srv/«app_dir»/.circleci/config.yml",
        "jobs:\n  build:\n    docker:\n      - image: cimg/node:20.1\n        auth:\n          username: $DOCKER_USER\n          password: $DOCKER_PASSWORD\n    steps:\n      - checkout\n",
    ),
    (
        "srv/«app_dir»/Jenkinsfile",
        "environment {\n    AWS = credentials('aws-prod')\n    NPM_TOKEN = credentials('npm-token')\n}\nsteps {\n    withCredentials([string(credentialsId: 'sonar-token', variable: 'SONAR_TOKEN')]) {\n        sh 'mvn sonar:sonar -Dsonar.token=$SONAR_TOKEN'\n    }\n}\n",
    ),
    (
        "srv/infra/main.tf",
        "variable \"db_password\" {\n  type      = string\n  sensitive = true\n}\n\nresource \"random_password\" \"db\" {\n  length  = 32\n  special = false\n}\n\nresource \"azurerm_mssql_server\" \"main\" {\n  administrator_login          = \"sqladmin\"\n  administrator_login_password = var.db_password\n}\n\noutput \"connection_string\" {\n  value     = azurerm_storage_account.main.primary_connection_string\n  sensitive = true\n}\n",
    ),
    (
        "srv/infra/main.bicep",
        "@secure()\nparam adminPassword string\n\nresource vm 'Microsoft.Compute/virtualMachines@2024-03-01' = {\n  properties: {\n    osProfile: {\n      adminUsername: 'azureuser'\n      adminPassword: adminPassword\n    }\n  }\n}\nvar key = storage.listKeys().keys[0].value\n",
    ),
    (
        "srv/infra/azuredeploy.json",
        "{\"parameters\":{\"adminPassword\":{\"type\":\"securestring\",\"minLength\":12,\"metadata\":{\"description\":\"Password of the administrator\"}},\"sasToken\":{\"type\":\"securestring\"}},\"resources\":[{\"properties\":{\"administratorLoginPassword\":\"[parameters('adminPassword')]\",\"connectionString\":\"[concat('DefaultEndpointsProtocol=https;AccountName=', variables('account'), ';AccountKey=', listKeys(variables('id'), '2023-01-01').keys[0].value)]\"}}]}",
    ),
    (
        "srv/infra/parameters.json",
        "{\"parameters\":{\"adminPassword\":{\"reference\":{\"keyVault\":{\"id\":\"/subscriptions/«guid»/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/«org»\"},\"secretName\":\"vm-password\"}}}}",
    ),
    (
        "srv/charts/«app_dir»/values.yaml",
        "postgresql:\n  auth:\n    existingSecret: «app»-postgres\n    secretKeys:\n      adminPasswordKey: postgres-password\n      userPasswordKey: password\n  username: app\n  password: \"\"\nredis:\n  auth:\n    enabled: true\n    existingSecretPasswordKey: redis-password\n",
    ),
    (
        "srv/charts/«app_dir»/templates/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {{ include \"app.fullname\" . }}\ndata:\n  password: {{ .Values.password | b64enc | quote }}\n  token: {{ randAlphaNum 32 | b64enc }}\n",
    ),
    (
        "srv/k8s/deployment.yaml",
        "env:\n  - name: DB_PASSWORD\n    valueFrom:\n      secretKeyRef: { name: «app»-db, key: password }\nvolumeMounts:\n  - name: token\n    mountPath: /var/run/secrets/tokens\n",
    ),
    (
        "srv/k8s/external.yaml",
        "apiVersion: external-secrets.io/v1beta1\nkind: ExternalSecret\nspec:\n  secretStoreRef: { name: vault, kind: ClusterSecretStore }\n  data:\n    - secretKey: password\n      remoteRef: { key: secret/data/«app», property: password }\n",
    ),
    (
        "srv/«app_dir»/docker-compose.yml",
        "services:\n  db:\n    image: postgres:16\n    environment:\n      POSTGRES_USER: ${DB_USER:?}\n      POSTGRES_PASSWORD: ${DB_PASSWORD:?set it in .env}\n      POSTGRES_PASSWORD_FILE: /run/secrets/pg\n",
    ),
    (
        "srv/«app_dir»/.env.example",
        "DB_USER=\nDB_PASSWORD=\nAPI_KEY=your-api-key-here\nSMTP_PASSWORD=<password>\nJWT_SECRET=changeme\nAWS_SECRET_ACCESS_KEY=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n",
    ),
    (
        "srv/ansible/playbook.yml",
        "- hosts: db\n  vars:\n    db_password: \"{{ lookup('community.hashi_vault.hashi_vault', 'secret=secret/db:password') }}\"\n  tasks:\n    - name: Set the password\n      ansible.builtin.user:\n        name: app\n        password: \"{{ db_password | password_hash('sha512') }}\"\n      no_log: true\n",
    ),
    (
        "srv/vault/policy.hcl",
        "path \"secret/data/«app»/*\" {\n  capabilities = [\"read\"]\n}\npath \"auth/token/renew-self\" {\n  capabilities = [\"update\"]\n}\n",
    ),
    (
        "srv/«app_dir»/Dockerfile",
        "FROM node:20\nARG NPM_TOKEN\nRUN --mount=type=secret,id=npmrc,target=/root/.npmrc npm ci\nENV PASSWORD_FILE=/run/secrets/password TOKEN_URL=https://login.«domain»/oauth/token\n",
    ),
    (
        "opt/«app_dir»/application.yml",
        "spring:\n  datasource:\n    url: jdbc:postgresql://${DB_HOST}:5432/${DB_NAME}\n    username: ${DB_USER}\n    password: ${DB_PASSWORD}\n  security:\n    oauth2:\n      client:\n        registration:\n          azure:\n            client-id: ${CLIENT_ID}\n            client-secret: ${CLIENT_SECRET}\nserver:\n  ssl:\n    key-store-password: ${KEYSTORE_PASSWORD:}\n",
    ),
];

const WORDS: [(&str, &str); 12] = [
    (
        "home/«user_dir»/docs/authentication.md",
        "# Authentication\n\nSend your API key in the `Authorization` header: `Authorization: Bearer <api-key>`. Keys look like `sk-...` and are shown once. Personal access tokens begin with `ghp_`. Never commit a password; use `export API_KEY=...` in your shell. Basic authentication is `user:password` in base64.\n",
    ),
    (
        "home/«user_dir»/docs/azure.md",
        "A storage connection string looks like `DefaultEndpointsProtocol=https;AccountName=<account>;AccountKey=<key>;EndpointSuffix=core.windows.net`. For SQL use `Server=tcp:<server>.database.windows.net,1433;User ID=<user>;Password=<password>`. SAS tokens end in `&sig=<signature>`.\n",
    ),
    (
        "home/«user_dir»/docs/aws.md",
        "Run `aws configure` and enter the AWS Access Key ID (`AKIAIOSFODNN7EXAMPLE`) and the AWS Secret Access Key (`wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY`).\n",
    ),
    (
        "home/«user_dir»/docs/ops.md",
        "## Rotating the password\n\n1. Make a new password: `openssl rand -base64 24`.\n2. Write it to the vault: `vault kv put secret/db password=@new.txt`.\n3. Restart the service. The old password expires after a day.\n",
    ),
    (
        "usr/share/«app_dir»/ssh-keygen.1",
        ".TH SSH-KEYGEN 1\n.It Fl N Ar new_passphrase\nProvides the new passphrase.\n.It Fl P Ar passphrase\nProvides the (old) passphrase.\n.Pp\nThe file begins with BEGIN OPENSSH PRIVATE KEY.\n",
    ),
    (
        "usr/share/«app_dir»/curl.1",
        ".IP \"-u, --user <user:password>\"\nSpecify the user name and password to use for server authentication.\n.nf\n curl -u user:secret https://example.com\n curl --oauth2-bearer \"mF_9.B5f-4.1JqM\" https://example.com\n.fi\n",
    ),
    (
        "usr/share/«app_dir»/mysql.1",
        "\\fB\\-\\-password[=\\fR\\fB\\fIpassword\\fR\\fR\\fB]\\fR, \\fB\\-p[\\fR\\fB\\fIpassword\\fR\\fR\\fB]\\fR\nThe password of the account. If not given, the client prompts for one.\n",
    ),
    (
        "srv/«app_dir»/CHANGELOG.md",
        "- Fixed: the password field was not cleared (#«digits.4»)\n- Added: `--password-stdin`\n- Security: tokens are now hashed with SHA-256 (commit «hex.40»)\n- Changed: default password length from 8 to 12\n",
    ),
    (
        "srv/«app_dir»/locales/de.yml",
        "de:\n  sessions:\n    password: \"Passwort\"\n    password_confirmation: \"Passwort bestätigen\"\n    forgot_password: \"Passwort vergessen?\"\n    token_expired: \"Das Token ist abgelaufen\"\n    username: \"Benutzername\"\n",
    ),
    (
        "srv/«app_dir»/res/values/strings.xml",
        "<resources>\n    <string name=\"password\">Password</string>\n    <string name=\"prompt_password\">Password (12 characters or more)</string>\n    <string name=\"error_incorrect_password\">This password is incorrect</string>\n    <string name=\"api_key_label\">API key</string>\n</resources>\n",
    ),
    (
        "home/«user_dir»/todo.txt",
        "ask ops for the new database password\nrotate the storage key (ticket OPS-«digits.4»)\nsecret santa: buy a present\nthe token ring diagram is in the wiki\npassword: ask Maria\n",
    ),
    (
        "home/«user_dir»/.vimrc",
        "\" keys\nnnoremap <leader>p :set paste<CR>\nlet g:key = 'ctrl+shift+p'\nlet g:fugitive_gitlab_domains = ['https://git.«domain»']\n",
    ),
];

//! Credentials of Entra, DevOps, App Service and ASP.NET.

use crate::page::Coding;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    client_secret(shelf);
    users(shelf);
    devops(shelf);
    access_token(shelf);
    subscription(shelf);
    app_service(shelf);
    machine_key(shelf);
}

fn client_secret(shelf: &mut Shelf) {
    let name = "Azure AD client secret";
    let mut of = shelf.of(name);
    of.pair("current", 7, ("AZURE_CLIENT_SECRET", "«!entra.8»"), Some(("AZURE_CLIENT_ID", "«guid_client»")))
        .setting("current alone", 6, "SETTING_Q", "«!entra.8»")
        .setting("previous", 5, "ARM_CLIENT_SECRET", "«!entra.7»")
        .pair("34 characters", 4, ("AZURE_CLIENT_SECRET", "«!entra.34»"), Some(("AZURE_CLIENT_ID", "«guid_client»")))
        .pair("44 characters", 3, ("AZURE_CLIENT_SECRET", "«!b64.32»"), Some(("AZURE_CLIENT_ID", "«guid_client»")))
        .encodings("current", ("AZURE_CLIENT_SECRET", "«!entra.8»"), Some(("AZURE_TENANT_ID", "«guid_tenant»")))
        .file("create-for-rbac", "home/«user_dir»/sp.json", "{\n  \"appId\": \"«guid_client»\",\n  \"displayName\": \"«app»-ci\",\n  \"password\": \"«!entra.8»\",\n  \"tenant\": \"«guid_tenant»\"\n}\n")
        .file("create-for-rbac, old", "home/«user_dir»/sp-old.json", "{\n  \"appId\": \"«guid_client»\",\n  \"displayName\": \"«app»-ci\",\n  \"password\": \"«!entra.34»\",\n  \"tenant\": \"«guid_tenant»\"\n}\n")
        .file("azure.json", "etc/kubernetes/azure.json", "{\n  \"cloud\": \"AzurePublicCloud\",\n  \"tenantId\": \"«guid_tenant»\",\n  \"subscriptionId\": \"«guid_sub»\",\n  \"aadClientId\": \"«guid_client»\",\n  \"aadClientSecret\": \"«!entra.8»\"\n}\n")
        .file("azure cli", "home/«user_dir»/.azure/service_principal_entries.json", "[{\"client_id\": \"«guid_client»\", \"tenant\": \"«guid_tenant»\", \"client_secret\": \"«!entra.8»\"}]\n")
        .file("az login", "home/«user_dir»/.bash_history", "az login --service-principal -u «guid_client» -p '«!entra.8»' --tenant «guid_tenant»\n")
        .file_as(Coding::Crlf, "web.config", "inetpub/wwwroot/«app_dir»/web.config", "<configuration>\n  <appSettings>\n    <add key=\"ida:ClientId\" value=\"«guid_client»\" />\n    <add key=\"ida:Tenant\" value=\"«org».onmicrosoft.com\" />\n    <add key=\"ida:ClientSecret\" value=\"«!b64.32»\" />\n  </appSettings>\n</configuration>\n")
        .file("spring", "opt/«app_dir»/application.yml", "spring:\n  cloud:\n    azure:\n      active-directory:\n        profile:\n          tenant-id: «guid_tenant»\n        credential:\n          client-id: «guid_client»\n          client-secret: «!entra.8»\n")
        .file("form body", "var/log/«app_dir»/oauth.log", "POST https://login.microsoftonline.com/«guid_tenant»/oauth2/v2.0/token grant_type=client_credentials&client_id=«guid_client»&client_secret=«!entra.8|url»&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default\n")
        .references("AZURE_CLIENT_SECRET")
        .near("wrong checksum", "srv/«app_dir»/a.log", "AADSTS7000215: Invalid client secret provided: «entra.8|flip»\n")
        .near("one short", "srv/«app_dir»/b.log", "value «entra.8|short» was cut\n")
        .near("id of the secret", "srv/«app_dir»/.env", "AZURE_CLIENT_ID=«guid_client»\nAZURE_CLIENT_SECRET=«guid_secret»\n")
        .near("managed identity", "etc/kubernetes/azure.json", "{\"tenantId\":\"«guid_tenant»\",\"aadClientId\":\"msi\",\"aadClientSecret\":\"msi\"}\n")
        .near("identifiers", "home/«user_dir»/.azure/azureProfile.json", "{\"subscriptions\":[{\"id\":\"«guid_sub»\",\"tenantId\":\"«guid_tenant»\",\"user\":{\"name\":\"«email»\",\"type\":\"user\"}}]}\n");
}

fn users(shelf: &mut Shelf) {
    let name = "Azure AD user credentials";
    let mut of = shelf.of(name);
    let user = "«person»@«org».onmicrosoft.com";
    of.pair("environment", 8, ("AZURE_PASSWORD", "«!pw»"), Some(("AZURE_USERNAME", user)))
        .encodings("environment", ("AZURE_PASSWORD", "«!pwa»"), Some(("AZURE_USERNAME", user)))
        .file("az login", "home/«user_dir»/.bash_history", "az login -u «person»@«org».onmicrosoft.com -p '«!pw|sh»' --allow-no-subscriptions\n")
        .file("powershell", "Users/«user_dir»/Connect.ps1", "$user = '«person»@«org».onmicrosoft.com'\n$pass = ConvertTo-SecureString '«!pw|ps»' -AsPlainText -Force\n$cred = New-Object System.Management.Automation.PSCredential($user, $pass)\nConnect-AzAccount -Credential $cred\n")
        .file("C#", "home/«user_dir»/src/Auth.cs", "var credential = new UsernamePasswordCredential(\"«person»@«org».onmicrosoft.com\", \"«!pw|c»\", tenantId, clientId);\n")
        .file("python", "srv/«app_dir»/auth.py", "result = app.acquire_token_by_username_password(\n    \"«person»@«org».onmicrosoft.com\",\n    \"«!pw|c»\",\n    scopes=[\"User.Read\"],\n)\n")
        .file("form body", "var/log/«app_dir»/token.log", "POST /«org».onmicrosoft.com/oauth2/token grant_type=password&client_id=«guid»&username=«person»%40«org».onmicrosoft.com&password=«!pw|url»&resource=https%3A%2F%2Fgraph.microsoft.com\n")
        .file("json", "etc/«app_dir»/graph.json", "{\n  \"tenant\": \"«org».onmicrosoft.com\",\n  \"username\": \"«person»@«org».onmicrosoft.com\",\n  \"password\": \"«!pw|json»\"\n}\n")
        .file("connection string", "srv/«app_dir»/crm.config", "AuthType=OAuth;Username=«person»@«org».onmicrosoft.com;Password=«!pw»;Url=https://«org».crm4.dynamics.com;AppId=«guid»\n")
        .file("yaml", "etc/«app_dir»/sharepoint.yaml", "sharepoint:\n  url: https://«org».sharepoint.com\n  username: «person»@«org».onmicrosoft.com\n  password: '«!pw|yaml»'\n")
        .file("xml", "opt/«app_dir»/o365.xml", "<account>\n  <user>«person»@«org».onmicrosoft.com</user>\n  <password>«!pw|xml»</password>\n</account>\n")
        .file("ini", "etc/«app_dir»/mail.ini", "[smtp]\nserver = smtp.office365.com\nport = 587\nuser = «person»@«org».onmicrosoft.com\npassword = «!pw»\n")
        .near("prompt", "Users/«user_dir»/a.ps1", "$user = '«person»@«org».onmicrosoft.com'\n$pass = Read-Host -AsSecureString 'Password'\nConnect-AzAccount -Credential (New-Object PSCredential($user, $pass))\n")
        .near("secure string", "Users/«user_dir»/b.ps1", "$user = '«person»@«org».onmicrosoft.com'\n$pass = '01000000d08c9ddf0115d1118c7a00c04fc297eb01000000«hex.120»' | ConvertTo-SecureString\n")
        .near("variable", "srv/«app_dir»/.env", "AZURE_USERNAME=«person»@«org».onmicrosoft.com\nAZURE_PASSWORD=${AAD_PASSWORD}\n")
        .near("placeholder", "srv/«app_dir»/c.json", "{\"username\":\"«person»@«org».onmicrosoft.com\",\"password\":\"<password>\"}\n")
        .near("tenant alone", "etc/«app_dir»/d.json", "{\"tenant\":\"«org».onmicrosoft.com\",\"clientId\":\"«guid»\",\"authority\":\"https://login.microsoftonline.com\"}\n")
        .near("sample", "home/«user_dir»/e.md", "az login -u user@tenant.onmicrosoft.com -p <password>\n")
        .near("code", "home/«user_dir»/f.cs", "var credential = new UsernamePasswordCredential(options.User, options.Password, options.Tenant, options.Client);\n");
}

fn devops(shelf: &mut Shelf) {
    let name = "Azure DevOps personal access token";
    let mut of = shelf.of(name);
    of.setting("current", 7, "AZURE_DEVOPS_EXT_PAT", "«!cask.AZDO»")
        .setting("current alone", 4, "SETTING_R", "«!cask.AZDO»")
        .setting("old", 6, "AZURE_DEVOPS_EXT_PAT", "«!ado»")
        .pair("old beside its organisation", 4, ("ADO_PAT", "«!ado»"), Some(("ADO_URL", "https://dev.azure.com/«org»")))
        .encodings("current", ("AZURE_DEVOPS_PAT", "«!cask.AZDO»"), None)
        .file("git credentials", "home/«user_dir»/.git-credentials", "https://«person»:«!ado»@dev.azure.com/«org»\n")
        .file("git remote", "srv/«app_dir»/.git/config", "[remote \"origin\"]\n\turl = https://pat:«!cask.AZDO»@dev.azure.com/«org»/«app»/_git/«app»\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n")
        .file("nuget", "home/«user_dir»/.nuget/NuGet/NuGet.Config", "<configuration>\n  <packageSources>\n    <add key=\"feed\" value=\"https://pkgs.dev.azure.com/«org»/_packaging/feed/nuget/v3/index.json\" />\n  </packageSources>\n  <packageSourceCredentials>\n    <feed>\n      <add key=\"Username\" value=\"any\" />\n      <add key=\"ClearTextPassword\" value=\"«!ado»\" />\n    </feed>\n  </packageSourceCredentials>\n</configuration>\n")
        .file("agent", "home/«user_dir»/.bash_history", "./config.sh --unattended --url https://dev.azure.com/«org» --auth pat --token «!ado» --pool default\n")
        .file("pip", "etc/pip.conf", "[global]\nindex-url = https://build:«!ado»@pkgs.dev.azure.com/«org»/_packaging/feed/pypi/simple/\n")
        .file_with("npmrc", &[("Pat", "«!ado»")], "home/«user_dir»/.npmrc", "//pkgs.dev.azure.com/«org»/_packaging/feed/npm/registry/:username=«org»\n//pkgs.dev.azure.com/«org»/_packaging/feed/npm/registry/:_password=«Pat|b64»\n//pkgs.dev.azure.com/«org»/_packaging/feed/npm/registry/:email=ci@«domain»\n")
        .file_with("extra header", &[("Pair", ":«!cask.AZDO»")], "srv/«app_dir»/.git/config", "[http \"https://dev.azure.com/«org»/\"]\n\textraheader = AUTHORIZATION: basic «Pair|b64»\n")
        .references("AZURE_DEVOPS_EXT_PAT")
        .near("wrong checksum", "srv/«app_dir»/a.log", "pat «ado|flip» refused by dev.azure.com\n")
        .near("wrong checksum, current", "srv/«app_dir»/b.log", "token «cask.AZDO|flip» refused\n")
        .near("onion", "etc/tor/torrc", "HiddenServiceDir /var/lib/tor/app # «b32.56».onion\n")
        .near("one short", "srv/«app_dir»/c.log", "pat «ado|short»\n");
    let name = "Azure DevOps app secret";
    let mut of = shelf.of(name);
    of.pair("beside the application", 8, ("ADO_APP_SECRET", "«!ado.application»"), Some(("ADO_APP_ID", "«guid»")))
        .setting("alone", 6, "ADO_APP_SECRET", "«!ado.application»")
        .encodings("alone", ("ADO_APP_SECRET", "«!ado.application»"), None)
        .file("assertion", "var/log/«app_dir»/oauth.log", "POST https://app.vssps.visualstudio.com/oauth2/token client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=«!ado.application»&grant_type=refresh_token\n")
        .references("ADO_APP_SECRET")
        .near("wrong checksum", "srv/«app_dir»/a.json", "{\"AdoAppId\":\"«guid»\",\"trace\":\"«ado.application|flip»\"}\n");
}

fn access_token(shelf: &mut Shelf) {
    let name = "Azure Active Directory access token";
    let mut of = shelf.of(name);
    of.setting("first version", 5, "ACCESS_TOKEN", "«!jwt.v1»")
        .setting("second version", 4, "ACCESS_TOKEN", "«!jwt.v2»")
        .setting("Graph", 3, "GRAPH_TOKEN", "«!jwt.graph»")
        .encodings("first version", ("ACCESS_TOKEN", "«!jwt.v1»"), None)
        .file("header", "home/«user_dir»/.bash_history", "curl -H 'Authorization: Bearer «!jwt.v1»' https://management.azure.com/subscriptions?api-version=2020-01-01\n")
        .file("msal cache", "home/«user_dir»/.azure/msal_token_cache.json", "{\n  \"AccessToken\": {\n    \"«guid».«guid_tenant»-login.microsoftonline.com-accesstoken-«guid_client»-«guid_tenant»-https://management.core.windows.net//.default\": {\n      \"credential_type\": \"AccessToken\",\n      \"secret\": \"«!jwt.v1»\",\n      \"realm\": \"«guid_tenant»\",\n      \"client_id\": \"«guid_client»\"\n    }\n  }\n}\n")
        .file("old cache", "home/«user_dir»/.azure/accessTokens.json", "[{\"tokenType\": \"Bearer\", \"expiresIn\": 3599, \"resource\": \"https://management.core.windows.net/\", \"accessToken\": \"«!jwt.v1»\", \"_clientId\": \"«guid_client»\"}]\n")
        .file("log", "var/log/«app_dir»/trace.log", "2026-03-01 DEBUG > GET /v1.0/users\n2026-03-01 DEBUG > Authorization: Bearer «!jwt.graph»\n2026-03-01 DEBUG < 200\n")
        .file("kubeconfig", "home/«user_dir»/.kube/config", "users:\n- name: clusterUser_«app»\n  user:\n    auth-provider:\n      name: azure\n      config:\n        access-token: «!jwt.v1»\n        tenant-id: «guid_tenant»\n")
        .references("ACCESS_TOKEN")
        .near("header and payload alone", "var/log/«app_dir»/a.log", "token eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.«url.60».[REDACTED] refused\n")
        .near("other issuer", "srv/«app_dir»/b.log", "expected issuer https://sts.windows.net/«guid_tenant»/ but the header is missing\n")
        .near("configuration", "srv/«app_dir»/c.json", "{\"openid\":\"https://login.microsoftonline.com/«guid_tenant»/v2.0/.well-known/openid-configuration\",\"audience\":\"api://«guid»\"}\n");
}

fn subscription(shelf: &mut Shelf) {
    let name = "Azure Subscription Management certificate";
    let mut of = shelf.of(name);
    let settings = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<PublishData>\n  <PublishProfile\n    SchemaVersion=\"2.0\"\n    PublishMethod=\"AzureServiceManagementAPI\">\n    <Subscription\n      ServiceManagementUrl=\"https://management.core.windows.net\"\n      Id=\"«guid»\"\n      Name=\"«app» production\"\n      ManagementCertificate=\"«!pfx»\" />\n  </PublishProfile>\n</PublishData>\n";
    let first = "<?xml version=\"1.0\"?>\n<PublishData>\n  <PublishProfile PublishMethod=\"AzureServiceManagementAPI\" Url=\"https://management.core.windows.net/\" ManagementCertificate=\"«!pfx»\">\n    <Subscription Id=\"«guid»\" Name=\"«app»\" />\n  </PublishProfile>\n</PublishData>\n";
    for place in [
        "Users/«user_dir»/Downloads/«app_dir».publishsettings",
        "home/«user_dir»/«app_dir».publishsettings",
        "root/azure.publishsettings",
        "Users/«user_dir»/Desktop/credentials.publishsettings",
    ] {
        of.file("second schema", place, settings).file("first schema", place, first).file_as(
            Coding::Crlf,
            "second schema, CRLF",
            place,
            settings,
        );
    }
    of.file_as(Coding::Utf16 { little: true, mark: true }, "second schema", "Users/«user_dir»/saved.publishsettings", settings)
        .file("one line", "srv/«app_dir»/settings.json", "{\"publishSettings\":\"<PublishData><PublishProfile PublishMethod=\\\"AzureServiceManagementAPI\\\"><Subscription Id=\\\"«guid»\\\" Name=\\\"«app»\\\" ManagementCertificate=\\\"«!pfx»\\\" /></PublishProfile></PublishData>\"}\n")
        .file_with("base64", &[("Whole", settings)], "var/lib/«app_dir»/export.txt", "data: «Whole|b64»\n");
    let profile = |value: &str| {
        format!(
            "<PublishData><PublishProfile PublishMethod=\"AzureServiceManagementAPI\"><Subscription Id=\"«guid»\" Name=\"«app»\" ManagementCertificate=\"{value}\" /></PublishProfile></PublishData>\n"
        )
    };
    for (form, value) in [
        ("cut", "MIIPuQIBGSIb..."),
        ("dots", "MII...7nlV"),
        ("sample", "MIIverylongstring=="),
        ("empty", ""),
        ("variable", "$(ManagementCertificate)"),
        ("public certificate", "«certificate»"),
        ("half", "«pfx|head»"),
    ] {
        of.near(form, "Users/«user_dir»/a.publishsettings", &profile(value));
    }
    of.near("thumbprint", "Users/«user_dir»/ServiceConfiguration.cscfg", "<Certificates>\n  <Certificate name=\"Management\" thumbprint=\"«HEX.40»\" thumbprintAlgorithm=\"sha1\" />\n</Certificates>\n");
}

fn app_service(shelf: &mut Shelf) {
    let name = "Azure App Service deployment password";
    let mut of = shelf.of(name);
    let profile = "<publishProfile profileName=\"«site» - Web Deploy\" publishMethod=\"MSDeploy\" publishUrl=\"«site».scm.azurewebsites.net:443\" msdeploySite=\"«site»\" userName=\"$«site»\" userPWD=\"«!alnum.60»\" destinationAppUrl=\"https://«site».azurewebsites.net\" SQLServerDBConnectionString=\"\" mySQLDBConnectionString=\"\" />";
    let whole = format!("<publishData>{profile}</publishData>");
    of.file("web deploy", "Users/«user_dir»/Downloads/«site».PublishSettings", &whole)
        .file("web deploy, lines", "Users/«user_dir»/Downloads/«site».PublishSettings", &whole.replace("\" ", "\"\n    "))
        .file_as(Coding::Crlf, "zip deploy", "home/«user_dir»/«site».PublishSettings", &whole.replace("MSDeploy", "ZipDeploy").replace("Web Deploy", "Zip Deploy"))
        .file_as(Coding::Utf16 { little: true, mark: true }, "web deploy", "Users/«user_dir»/old.PublishSettings", &whole)
        .file("FTP", "home/«user_dir»/ftp.PublishSettings", "<publishData><publishProfile profileName=\"«site» - FTP\" publishMethod=\"FTP\" publishUrl=\"ftps://waws-prod-am2-«digits.3».ftp.azurewebsites.windows.net/site/wwwroot\" ftpPassiveMode=\"True\" userName=\"«site»\\$«site»\" userPWD=\"«!alnum.60»\" destinationAppUrl=\"https://«site».azurewebsites.net\" /></publishData>")
        .setting("profile in a setting", 6, "PUBLISH_PROFILE", &whole)
        .setting("git remote", 3, "DEPLOY_REMOTE", "https://$«site»:«!alnum.60»@«site».scm.azurewebsites.net/«site».git")
        .file("credentials as JSON", "home/«user_dir»/creds.json", "{\n  \"name\": \"«site»\",\n  \"publishingPassword\": \"«!alnum.60»\",\n  \"publishingUserName\": \"$«site»\",\n  \"scmUri\": \"https://«site».scm.azurewebsites.net\"\n}\n")
        .file("git config", "srv/«app_dir»/.git/config", "[remote \"azure\"]\n\turl = https://$«site»:«!alnum.60»@«site».scm.azurewebsites.net:443/«site».git\n")
        .file("curl", "home/«user_dir»/.bash_history", "curl -X POST -u '$«site»:«!alnum.60»' --data-binary @app.zip https://«site».scm.azurewebsites.net/api/zipdeploy\n")
        .encodings("profile", ("PUBLISH_PROFILE", &whole), None)
        .references("PUBLISH_PROFILE")
        .near("empty", "Users/«user_dir»/a.PublishSettings", "<publishData><publishProfile publishMethod=\"MSDeploy\" publishUrl=\"«site».scm.azurewebsites.net:443\" msdeploySite=\"«site»\" userName=\"$«site»\" userPWD=\"\" /></publishData>")
        .near("format", "srv/«app_dir»/b.xml", "<publishProfile publishMethod=\"MSDeploy\" publishUrl=\"«site».scm.azurewebsites.net:443\" userName=\"{0}\" userPWD=\"{1}\" />\n")
        .near("protected", "home/«user_dir»/c.pubxml.user", "<Project><PropertyGroup><EncryptedPassword>AQAAANCMnd8BFdERjHoAwE/Cl+sBAAAA«b64.90»</EncryptedPassword></PropertyGroup></Project>\n");
}

fn machine_key(shelf: &mut Shelf) {
    let name = "ASP.NET machine key";
    let mut of = shelf.of(name);
    let key = "<machineKey validationKey=\"«!HEX.128»\" decryptionKey=\"«?HEX.64»\" validation=\"HMACSHA256\" decryption=\"AES\" />";
    let config = |key: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<configuration>\n  <system.web>\n    <compilation targetFramework=\"4.8\" />\n    {key}\n    <httpRuntime targetFramework=\"4.8\" />\n  </system.web>\n</configuration>\n"
        )
    };
    for place in [
        "inetpub/wwwroot/«app_dir»/web.config",
        "inetpub/«app_dir»/Web.config",
        "Windows/Microsoft.NET/Framework64/v4.0.30319/Config/machine.config",
    ] {
        of.file("AES", place, &config(key))
            .file_as(Coding::Crlf, "AES, CRLF", place, &config(key))
            .file("3DES", place, &config("<machineKey decryption=\"3DES\" validation=\"SHA1\" decryptionKey=\"«?HEX.48»\" validationKey=\"«!HEX.128»\"/>"))
            .file("over lines", place, &config("<machineKey\n      validationKey=\"«!hex.128»\"\n      decryptionKey=\"«?hex.64»\"\n      validation=\"SHA1\"\n      decryption=\"AES\"/>"))
            .file("isolated", place, &config("<machineKey validationKey=\"«!HEX.64»,IsolateApps\" decryptionKey=\"«?HEX.32»,IsolateApps\" validation=\"SHA1\" />"));
    }
    of.file("report server", "Program Files/Microsoft SQL Server Reporting Services/SSRS/ReportServer/RSReportServer.config", "<Configuration>\n  <Dsn></Dsn>\n  <MachineKey ValidationKey=\"«!HEX.128»\" DecryptionKey=\"«?HEX.48»\" Validation=\"AES\" Decryption=\"AES\" />\n</Configuration>\n")
        .file_as(Coding::Utf16 { little: true, mark: true }, "utf-16", "inetpub/backup/web.config", &config(key))
        .file_with("base64", &[("Whole", key)], "home/«user_dir»/machinekey.yaml", "kind: Secret\ndata:\n  machinekey.config: «Whole|b64»\n")
        .setting("in JSON", 2, "MACHINE_KEY", key);
    for (form, key) in [
        (
            "generated",
            "<machineKey validationKey=\"AutoGenerate,IsolateApps\" decryptionKey=\"AutoGenerate,IsolateApps\" validation=\"SHA1\" />",
        ),
        ("dots", "<machineKey validationKey=\"...\" decryptionKey=\"...\" />"),
        (
            "placeholder",
            "<machineKey validationKey=\"[YOUR VALIDATION KEY]\" decryptionKey=\"[YOUR KEY]\" />",
        ),
        (
            "variable",
            "<machineKey validationKey=\"#{ValidationKey}#\" decryptionKey=\"#{DecryptionKey}#\" />",
        ),
        (
            "protected",
            "<machineKey configProtectionProvider=\"RsaProtectedConfigurationProvider\"><EncryptedData><CipherData><CipherValue>«b64.200»</CipherValue></CipherData></EncryptedData></machineKey>",
        ),
        (
            "one digit",
            "<machineKey validationKey=\"0000000000000000000000000000000000000000000000000000000000000000\" decryptionKey=\"00000000000000000000000000000000\" />",
        ),
        ("without keys", "<machineKey compatibilityMode=\"Framework45\" />"),
    ] {
        of.near(form, "inetpub/wwwroot/«app_dir»/web.config", &config(key));
    }
    of.near(
        "a thumbprint",
        "inetpub/wwwroot/«app_dir»/a.config",
        "<certificate thumbprint=\"«HEX.40»\" /> <!-- the machineKey section is in machine.config -->\n",
    );
}

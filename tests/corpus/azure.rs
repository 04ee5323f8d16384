//! Keys of Azure's services.

use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    storage(shelf);
    sas(shelf);
    batch(shelf);
    registry(shelf);
    app_configuration(shelf);
    cognitive(shelf);
    functions(shelf);
    machine_learning(shelf);
    management(shelf);
    connection_keys(shelf);
    event_grid(shelf);
    maps(shelf);
    bots(shelf);
    databricks(shelf);
}

fn storage(shelf: &mut Shelf) {
    let name = "Azure storage account connection string";
    let plain = "DefaultEndpointsProtocol=https;AccountName=«acct»;AccountKey=«!his.storage»;EndpointSuffix=core.windows.net";
    let mut of = shelf.of(name);
    of.setting("connection string", 8, "AZURE_STORAGE_CONNECTION_STRING", plain)
        .setting("other order", 2, "AZURE_WEB_JOBS_STORAGE", "AccountKey=«!his.storage»;AccountName=«acct»;BlobEndpoint=https://«acct».blob.core.windows.net/;DefaultEndpointsProtocol=https")
        .setting("without signature", 4, "STORAGE_CONNECTION", "DefaultEndpointsProtocol=https;AccountName=«acct»;AccountKey=«!b64.64»;EndpointSuffix=core.windows.net")
        .setting("Government", 1, "STORAGE_CONNECTION", "DefaultEndpointsProtocol=https;AccountName=«acct»;AccountKey=«!his.storage»;EndpointSuffix=core.usgovcloudapi.net")
        .setting("China", 1, "STORAGE_CONNECTION", "DefaultEndpointsProtocol=https;AccountName=«acct»;AccountKey=«!his.storage»;EndpointSuffix=core.chinacloudapi.cn")
        .setting("key alone", 4, "SETTING_C", "«!his.storage»")
        .pair("key beside its account", 4, ("AZURE_STORAGE_KEY", "«!his.storage»"), Some(("AZURE_STORAGE_ACCOUNT", "«acct»")))
        .pair("without signature beside its account", 4, ("AZURE_STORAGE_ACCESS_KEY", "«!b64.64»"), Some(("AZURE_STORAGE_ACCOUNT", "«acct»")))
        .encodings("connection string", ("AZURE_STORAGE_CONNECTION_STRING", plain), None)
        .file("smb credentials", "etc/smbcredentials/«acct».cred", "username=«acct»\npassword=«!his.storage»\n")
        .file("fstab", "etc/fstab", "UUID=«guid» / ext4 defaults 0 1\n//«acct».file.core.windows.net/share /mnt/share cifs nofail,username=«acct»,password=«!his.storage»,serverino 0 0\n")
        .file("rclone", "home/«user_dir»/.config/rclone/rclone.conf", "[backup]\ntype = azureblob\naccount = «acct»\nkey = «!b64.64»\n")
        .file("kubernetes secret", "home/«user_dir»/azurefile.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: azure-secret\ndata:\n  azurestorageaccountname: «acct|b64»\n  azurestorageaccountkey: «!his.storage|b64»\n")
        .file("blobfuse", "etc/blobfuse2.yaml", "azstorage:\n  type: block\n  account-name: «acct»\n  account-key: «!his.storage»\n  container: data\n")
        .file("hadoop", "etc/hadoop/conf/core-site.xml", "<configuration>\n  <property>\n    <name>fs.azure.account.key.«acct».dfs.core.windows.net</name>\n    <value>«!his.storage»</value>\n  </property>\n</configuration>\n")
        .file("cmdkey", "Users/«user_dir»/mount.cmd", "cmdkey /add:«acct».file.core.windows.net /user:AZURE\\«acct» /pass:«!his.storage»\nnet use Z: \\\\«acct».file.core.windows.net\\share\n")
        .file("net use", "Users/«user_dir»/mount.ps1", "net use Z: \\\\«acct».file.core.windows.net\\share /u:AZURE\\«acct» «!his.storage»\n")
        .file("terraform state", "srv/infra/terraform.tfstate", "{\"resources\":[{\"type\":\"azurerm_storage_account\",\"instances\":[{\"attributes\":{\"name\":\"«acct»\",\"primary_access_key\":\"«!his.storage»\"}}]}]}\n")
        .file("az command", "home/«user_dir»/.bash_history", "az storage blob list --account-name «acct» --account-key '«!his.storage»' -c data\n");
    of.references("AZURE_STORAGE_KEY")
        .near("wrong checksum", "var/log/«app_dir»/x.log", "2026-01-09 layer sum «his.storage|flip» stored\n")
        .near("emulator", "srv/«app_dir»/.env", "AZURE_STORAGE=DefaultEndpointsProtocol=http;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;\n")
        .near("development storage", "srv/«app_dir»/local.settings.json", "{\"Values\":{\"AzureWebJobsStorage\":\"UseDevelopmentStorage=true\"}}\n")
        .near("lock file", "srv/«app_dir»/yarn.lock", "\"@azure/storage-blob@^12.0.0\":\n  version \"12.24.0\"\n  resolved \"https://registry.yarnpkg.com/@azure/storage-blob/-/storage-blob-12.24.0.tgz#«hex.40»\"\n  integrity sha512-«b64.64»\n")
        .near("masked", "var/log/«app_dir»/y.log", "using DefaultEndpointsProtocol=https;AccountName=«acct»;AccountKey=«his.storage|mask»;EndpointSuffix=core.windows.net\n")
        .near("template", "srv/infra/main.bicep", "var cs = 'DefaultEndpointsProtocol=https;AccountName=${sa.name};AccountKey=${sa.listKeys().keys[0].value};EndpointSuffix=${environment().suffixes.storage}'\n")
        .near("documentation", "home/«user_dir»/storage.md", "Use `DefaultEndpointsProtocol=https;AccountName=<name>;AccountKey=<key>;EndpointSuffix=core.windows.net`.\n");
}

fn sas(shelf: &mut Shelf) {
    let name = "Azure storage account SAS token";
    let url = "https://«acct».blob.core.windows.net/«app»-drop?«!sas.account»";
    let mut of = shelf.of(name);
    of.setting("account SAS", 6, "BLOB_URL", url)
        .setting("service SAS", 4, "CONTAINER_URL", "https://«acct».blob.core.windows.net/daily?«!sas.service»")
        .setting("blob SAS", 3, "REPORT_URL", "https://«acct».blob.core.windows.net/reports/«digits.6».xlsx?«!sas.blob»")
        .setting("user delegation SAS", 3, "UPLOAD_URL", "https://«acct».dfs.core.windows.net/lake/in?«!sas.user»")
        .setting("table SAS", 2, "TABLE_URL", "https://«acct».table.core.windows.net/audit?«!sas.table»")
        .setting("stored policy", 1, "SHARE_URL", "https://«acct».blob.core.windows.net/daily?«!saspolicy»")
        .setting("in a connection string", 2, "STORAGE_CONNECTION", "BlobEndpoint=https://«acct».blob.core.windows.net/;SharedAccessSignature=«!sas.account»")
        .setting("token alone", 3, "SAS_TOKEN", "«!sas.question»")
        .setting("China", 1, "BLOB_URL", "https://«acct».blob.core.chinacloudapi.cn/drop?«!sas.service»")
        .encodings("account SAS", ("BLOB_URL", url), None)
        .file("azcopy", "home/«user_dir»/.bash_history", "azcopy copy './out/*' 'https://«acct».blob.core.windows.net/daily?«!sas.service»' --recursive\n")
        .file("batch", "Users/«user_dir»/up.cmd", "azcopy copy C:\\out \"https://«acct».blob.core.windows.net/daily?«!sas.account|bat»\"\n")
        .file("html", "var/www/«app_dir»/list.html", "<ul><li><a href=\"https://«acct».blob.core.windows.net/docs/«digits.5».pdf?«!sas.blob|xml»\">report</a></li></ul>\n");
    of.near("without a signature", "var/log/«app_dir»/a.log", "GET https://«acct».blob.core.windows.net/daily?sv=2022-11-02&ss=b&srt=co&sp=rl&se=2027-01-01T00:00:00Z\n")
        .near("redacted", "var/log/«app_dir»/azcopy.log", "INFO: https://«acct».blob.core.windows.net/daily?se=2027-01-01T00%3A00%3A00Z&sig=-REDACTED-&sp=rl&sr=c&sv=2022-11-02\n")
        .near("stars", "var/log/«app_dir»/b.log", "PUT https://«acct».blob.core.windows.net/x?sv=2021-06-08&sr=b&sig=***&se=2027-01-01\n")
        .near("cut", "var/log/«app_dir»/c.log", "url = https://«acct».blob.core.windows.net/x?sv=2021-06-08&sr=b&se=2027-01-01&sp=r&sig=aB3d...\n")
        .near("format string", "srv/«app_dir»/sas.py", "url = f\"https://{account}.blob.core.windows.net/{container}?sv={version}&sr=c&sp={perm}&se={expiry}&sig={quote(sig)}\"\n")
        .near("placeholder", "srv/«app_dir»/.env.local", "BLOB_URL=https://<account>.blob.core.windows.net/<container>?sv=2022-11-02&sr=c&sp=rl&sig=<signature>\n")
        .near("variable", "srv/«app_dir»/up.sh", "azcopy copy ./out \"https://$ACCOUNT.blob.core.windows.net/daily?$SAS_TOKEN\"\n")
        .near("other signature", "var/log/«app_dir»/d.log", "GET /hook?sv=1.0&sig=abc&sp=%2Fread\n");
}

fn batch(shelf: &mut Shelf) {
    let name = "Azure Batch shared access key";
    let mut of = shelf.of(name);
    let (key, url) = ("BATCH_ACCOUNT_KEY", "https://«acct».«region».batch.azure.com");
    of.pair("beside its account", 8, (key, "«!his.batch»"), Some(("BATCH_ACCOUNT_URL", url)))
        .pair("without signature", 4, (key, "«!b64.64»"), Some(("BATCH_ACCOUNT_URL", url)))
        .setting("key alone", 6, "SETTING_D", "«!his.batch»")
        .setting("connection string", 4, "BATCH_CONNECTION", "AccountEndpoint=https://«acct».«region».batch.azure.com;AccountName=«acct»;AccountKey=«!his.batch»")
        .encodings("key", ("AZURE_BATCH_ACCESS_KEY", "«!his.batch»"), None)
        .references("AZURE_BATCH_ACCESS_KEY")
        .near("wrong checksum", "var/log/«app_dir»/x.log", "pool image digest «his.batch|flip»\n")
        .near("host alone", "srv/«app_dir»/batch.json", "{\"account\":\"«acct»\",\"url\":\"https://«acct».«region».batch.azure.com\",\"pool\":\"small\"}\n");
}

fn registry(shelf: &mut Shelf) {
    let name = "Azure Container Registry access key";
    let mut of = shelf.of(name);
    of.pair("beside its registry", 7, ("ACR_PASSWORD", "«!his.acr»"), Some(("ACR_LOGIN_SERVER", "«acct».azurecr.io")))
        .pair("old, beside its registry", 4, ("ACR_PASSWORD", "«!b64.24»"), Some(("ACR_LOGIN_SERVER", "«acct».azurecr.io")))
        .setting("key alone", 6, "SETTING_E", "«!his.acr»")
        .encodings("key", ("REGISTRY_PASSWORD", "«!his.acr»"), None)
        .file("docker login", "home/«user_dir»/.bash_history", "docker login «acct».azurecr.io -u «acct» -p '«!his.acr»'\ndocker push «acct».azurecr.io/«app»:latest\n")
        .file("old, docker login", "home/«user_dir»/push.sh", "#!/bin/sh\ndocker login «acct».azurecr.io --username «acct» --password '«!b64.24»'\n");
    for (form, pair) in [("current", "«acct»:«!his.acr»"), ("old", "«acct»:«!b64.24»")] {
        of.file_with(&format!("docker config.json, {form}"), &[("Pair", pair)], "home/«user_dir»/.docker/config.json", "{\n\t\"auths\": {\n\t\t\"«acct».azurecr.io\": {\n\t\t\t\"auth\": \"«Pair|b64»\"\n\t\t}\n\t}\n}\n");
    }
    of.references("ACR_PASSWORD")
        .near("wrong checksum", "var/log/«app_dir»/x.log", "manifest digest «his.acr|flip» pushed\n")
        .near("helper", "home/«user_dir»/.docker/config.json", "{\"auths\":{\"«acct».azurecr.io\":{}},\"credsStore\":\"desktop\"}\n")
        .near("image", "srv/«app_dir»/pod.yaml", "spec:\n  containers:\n    - image: «acct».azurecr.io/«app»@sha256:«hex.64»\n  imagePullSecrets:\n    - name: acr-secret\n");
}

fn app_configuration(shelf: &mut Shelf) {
    let name = "Azure App Configuration access key";
    let plain = "Endpoint=https://«server».azconfig.io;Id=«alnum.4»;Secret=«!cask.AZAC»";
    let mut of = shelf.of(name);
    of.setting("connection string", 8, "APP_CONFIG_CONNECTION", plain)
        .setting(
            "old",
            6,
            "APP_CONFIG_CONNECTION",
            "Endpoint=https://«server».azconfig.io;Id=«alnum.4»-l«digits.1»-s0:«alnum.20»;Secret=«!b64.32»",
        )
        .setting("secret alone", 4, "SETTING_F", "«!cask.AZAC»")
        .setting(
            "Government",
            1,
            "APP_CONFIG_CONNECTION",
            "Endpoint=https://«server».azconfig.azure.us;Id=«alnum.4»;Secret=«!cask.AZAC»",
        )
        .encodings("connection string", ("APP_CONFIG_CONNECTION", plain), None)
        .references("APP_CONFIG_CONNECTION")
        .near("wrong checksum", "srv/«app_dir»/a.log", "token «cask.AZAC|flip» refused\n")
        .near(
            "placeholder",
            "srv/«app_dir»/b.json",
            "{\"AppConfig\":\"Endpoint=https://«server».azconfig.io;Id=xxx;Secret=xxx\"}\n",
        )
        .near(
            "endpoint alone",
            "srv/«app_dir»/c.json",
            "{\"AppConfig\":{\"Endpoint\":\"https://«server».azconfig.io\",\"Label\":\"prod\"}}\n",
        );
}

fn cognitive(shelf: &mut Shelf) {
    let name = "Azure Cognitive Service key";
    let mut of = shelf.of(name);
    let host = "https://«server».cognitiveservices.azure.com/";
    of.pair("current", 5, ("COGNITIVE_SERVICE_KEY", "«!cask.ACOG»"), Some(("COGNITIVE_ENDPOINT", host)))
        .pair("OpenAI", 4, ("AZURE_OPENAI_API_KEY", "«!cask.ACOG»"), Some(("AZURE_OPENAI_ENDPOINT", "https://«server».openai.azure.com/")))
        .setting("key alone", 5, "SETTING_G", "«!cask.ACOG»")
        .pair("old", 5, ("COGNITIVE_SERVICE_KEY", "«!hex.32»"), Some(("COGNITIVE_ENDPOINT", host)))
        .pair("old, OpenAI", 4, ("AZURE_OPENAI_API_KEY", "«!hex.32»"), Some(("AZURE_OPENAI_ENDPOINT", "https://«server».openai.azure.com/")))
        .pair("old, speech", 3, ("SPEECH_KEY", "«!hex.32»"), Some(("SPEECH_ENDPOINT", "https://«region».api.cognitive.microsoft.com/")))
        .encodings("current", ("AZURE_AI_KEY", "«!cask.ACOG»"), None)
        .file("curl", "home/«user_dir»/.bash_history", "curl -s -H 'Ocp-Apim-Subscription-Key: «!hex.32»' https://«region».api.cognitive.microsoft.com/vision/v3.2/analyze\n")
        .file("translator", "srv/«app_dir»/translate.py", "headers = {\n    'Ocp-Apim-Subscription-Key': '«!hex.32»',\n    'Ocp-Apim-Subscription-Region': '«region»',\n}\nr = requests.post('https://api.cognitive.microsofttranslator.com/translate', headers=headers)\n")
        .file("api-key", "srv/«app_dir»/chat.sh", "curl https://«server».openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01 \\\n  -H \"api-key: «!hex.32»\" -d @body.json\n");
    of.references("AZURE_OPENAI_API_KEY")
        .near("wrong checksum", "srv/«app_dir»/a.log", "key «cask.ACOG|flip» was refused\n")
        .near("one short", "srv/«app_dir»/b.log", "key «cask.ACOG|short» was refused\n")
        .near("md5 sums", "srv/«app_dir»/MD5SUMS", "«hex.32_1»  speech/en.bin\n«hex.32_2»  speech/sv.bin\n«hex.32_3»  vision/model.onnx\n")
        .near("endpoint and an id", "srv/«app_dir»/c.json", "{\"endpoint\":\"https://«server».cognitiveservices.azure.com/\",\"etag\":\"«hex.32»\",\"deployment\":\"gpt-4o\"}\n");
}

fn functions(shelf: &mut Shelf) {
    let name = "Azure Function API key";
    let url = "https://«site».azurewebsites.net/api/«app»?code=«!his.function|url»";
    let mut of = shelf.of(name);
    of.setting("URL", 6, "FUNCTION_URL", url)
        .setting("URL, not escaped", 3, "FUNCTION_URL", "https://«site».azurewebsites.net/api/«app»?code=«!his.function»&clientId=default")
        .setting("old", 3, "FUNCTION_URL", "https://«site».azurewebsites.net/api/«app»?code=«!b64.40|url»")
        .setting("key alone", 4, "SETTING_H", "«!his.functionmaster»")
        .encodings("URL", ("FUNCTION_URL", url), None)
        .file("header", "srv/«app_dir»/call.sh", "curl -H 'x-functions-key: «!his.function»' https://«site».azurewebsites.net/api/«app»\n")
        .file("header, old", "srv/«app_dir»/call.js", "fetch('https://«site».azurewebsites.net/api/«app»', { headers: { 'x-functions-key': '«!b64.40»' } });\n")
        .file("secrets of the host", "home/data/Functions/secrets/host.json", "{\n  \"masterKey\": {\n    \"name\": \"master\",\n    \"value\": \"«!his.functionmaster»\",\n    \"encrypted\": false\n  },\n  \"functionKeys\": [\n    {\n      \"name\": \"default\",\n      \"value\": \"«!his.function»\",\n      \"encrypted\": false\n    }\n  ],\n  \"systemKeys\": []\n}\n");
    of.references("FUNCTION_KEY")
        .near(
            "encrypted",
            "home/data/Functions/secrets/«app_dir».json",
            "{\"keys\":[{\"name\":\"default\",\"value\":\"CfDJ8«url.120»\",\"encrypted\":true}]}\n",
        )
        .near("wrong checksum", "srv/«app_dir»/a.log", "blob «his.function|flip» kept\n")
        .near(
            "OAuth code",
            "var/log/«app_dir»/b.log",
            "GET /signin-oidc?code=«url.44»&state=«url.20» HTTP/1.1\n",
        )
        .near(
            "placeholder",
            "home/«user_dir»/fn.md",
            "Call `https://<app>.azurewebsites.net/api/<function>?code=<key>`.\n",
        )
        .near(
            "variable",
            "srv/«app_dir»/c.sh",
            "curl \"https://«site».azurewebsites.net/api/«app»?code=${FUNCTION_KEY}\"\n",
        );
}

fn machine_learning(shelf: &mut Shelf) {
    let name = "Azure Machine Learning web service API key";
    let mut of = shelf.of(name);
    let endpoint = ("SCORING_URI", "https://«server».«region».inference.ml.azure.com/score");
    of.pair("current", 7, ("ML_API_KEY", "«!cask.AZML»"), Some(endpoint))
        .setting("key alone", 5, "SETTING_I", "«!cask.AZML»")
        .setting("classic", 5, "AZUREML_KEY", "«!his.ml»")
        .pair("classic, without signature", 3, ("API_KEY", "«!b64.64»"), Some(("SERVICE_URL", "https://«region».services.azureml.net/workspaces/«hex.32»/services/«hex.32_2»/execute")))
        .encodings("current", ("ML_ENDPOINT_KEY", "«!cask.AZML»"), None)
        .file("bearer", "srv/«app_dir»/score.py", "url = 'https://«server».«region».inference.ml.azure.com/score'\napi_key = '«!cask.AZML»'\nheaders = {'Content-Type': 'application/json', 'Authorization': 'Bearer ' + api_key}\n")
        .references("ML_API_KEY")
        .near("wrong checksum", "srv/«app_dir»/a.log", "key «cask.AZML|flip» was refused\n")
        .near("endpoint alone", "srv/«app_dir»/b.json", "{\"uri\":\"https://«server».«region».inference.ml.azure.com/score\",\"auth\":\"aad_token\"}\n");
}

fn management(shelf: &mut Shelf) {
    let name = "Azure API Management subscription key";
    let mut of = shelf.of(name);
    let gateway = ("GATEWAY_URL", "https://«server».azure-api.net/«app»");
    of.pair("hex beside its gateway", 6, ("APIM_SUBSCRIPTION_KEY", "«!hex.32»"), Some(gateway))
        .pair("annotated beside its gateway", 4, ("APIM_SUBSCRIPTION_KEY", "«!his.apim»"), Some(gateway))
        .setting("annotated alone", 5, "SETTING_J", "«!his.apim»")
        .setting("query", 5, "API_URL", "https://«server».azure-api.net/«app»/v1/list?subscription-key=«!hex.32»")
        .encodings("query", ("API_URL", "https://«server».azure-api.net/«app»?subscription-key=«!hex.32»"), None)
        .file("curl", "home/«user_dir»/.bash_history", "curl -H \"Ocp-Apim-Subscription-Key: «!hex.32»\" https://«server».azure-api.net/«app»/v2\n")
        .file("C#", "home/«user_dir»/src/Client.cs", "client.BaseAddress = new Uri(\"https://«server».azure-api.net/\");\nclient.DefaultRequestHeaders.Add(\"Ocp-Apim-Subscription-Key\", \"«!hex.32»\");\n")
        .references("APIM_SUBSCRIPTION_KEY")
        .near("wrong checksum", "srv/«app_dir»/a.log", "digest «his.apim|flip»\n")
        .near("header of a template", "srv/«app_dir»/b.http", "GET https://«server».azure-api.net/«app»\nOcp-Apim-Subscription-Key: {{subscriptionKey}}\n")
        .near("header's name", "srv/«app_dir»/c.cs", "const string Header = \"Ocp-Apim-Subscription-Key\";\nrequest.Headers.Add(Header, options.SubscriptionKey);\n");
}

/// Services whose connection strings are alike.
fn connection_keys(shelf: &mut Shelf) {
    for (name, host, key, signature, old, key_name) in [
        (
            "Azure SignalR access key",
            "service.signalr.net",
            "AccessKey",
            "ASRS",
            "b64.32",
            "AZURE_SIGNAL_R_CONNECTION_STRING",
        ),
        (
            "Azure Web PubSub access key",
            "webpubsub.azure.com",
            "AccessKey",
            "AWPS",
            "b64.32",
            "WEB_PUB_SUB_CONNECTION_STRING",
        ),
        (
            "Azure Communication Services access key",
            "communication.azure.com/",
            "accesskey",
            "AZCS",
            "b64.64",
            "COMMUNICATION_SERVICES_CONNECTION_STRING",
        ),
    ] {
        let endpoint = if key == "accesskey" { "endpoint" } else { "Endpoint" };
        let geography = if key == "accesskey" { ".europe" } else { "" };
        let tail = if key == "accesskey" { "" } else { ";Version=1.0;" };
        let string =
            |value: &str| format!("{endpoint}=https://«server»{geography}.{host};{key}={value}{tail}");
        let current = string(&format!("«!cask.{signature}»"));
        let mut of = shelf.of(name);
        of.setting("current", 8, key_name, &current)
            .setting("current, long", 2, key_name, &string(&format!("«!cask.{signature}long»")))
            .setting("old", 6, key_name, &string(&format!("«!{old}»")))
            .setting("key alone", 4, "SETTING_K", &format!("«!cask.{signature}»"))
            .encodings("current", (key_name, &current), None)
            .references(key_name)
            .near("wrong checksum", "srv/«app_dir»/a.log", &format!("key «cask.{signature}|flip» was refused\n"))
            .near("placeholder", "srv/«app_dir»/b.json", &format!("{{\"c\":\"{}\"}}\n", string("<access-key>")))
            .near("dots", "srv/«app_dir»/c.json", &format!("{{\"c\":\"{}\"}}\n", string("...")))
            .near("identity", "srv/«app_dir»/d.json", &format!("{{\"c\":\"{endpoint}=https://«server»{geography}.{host};AuthType=azure.msi;Version=1.0;\"}}\n"))
            .near("masked", "var/log/«app_dir»/e.log", &format!("connecting with {}\n", string("********")));
    }
}

fn event_grid(shelf: &mut Shelf) {
    let name = "Azure Event Grid access key";
    let mut of = shelf.of(name);
    let endpoint = ("EVENT_GRID_ENDPOINT", "https://«server».«region»-1.eventgrid.azure.net/api/events");
    of.pair("current", 5, ("EVENTGRID_KEY", "«!cask.AZEG»"), Some(endpoint))
        .pair("first generation", 4, ("EVENTGRID_TOPIC_KEY", "«!his.eventgrid»"), Some(endpoint))
        .pair("old", 5, ("EVENTGRID_TOPIC_KEY", "«!b64.32»"), Some(endpoint))
        .setting("key alone", 4, "SETTING_L", "«!cask.AZEG»")
        .setting("first generation alone", 3, "SETTING_M", "«!his.eventgrid»")
        .encodings("current", ("EVENT_GRID_TOPIC_KEY", "«!cask.AZEG»"), None)
        .file("header", "home/«user_dir»/.bash_history", "curl -X POST -H \"aeg-sas-key: «!b64.32»\" -d @event.json https://«server».«region»-1.eventgrid.azure.net/api/events\n")
        .references("EVENTGRID_TOPIC_KEY")
        .near("name of a setting", "srv/«app_dir»/function.json", "{\"type\":\"eventGrid\",\"topicKeySetting\":\"EventGridTopicKey\",\"topicEndpointUri\":\"EventGridEndpoint\"}\n")
        .near("wrong checksum", "srv/«app_dir»/a.log", "digest «his.eventgrid|flip»\n");
}

fn maps(shelf: &mut Shelf) {
    let name = "Azure Maps subscription key";
    let mut of = shelf.of(name);
    let url = "https://atlas.microsoft.com/search/address/json?api-version=1.0&subscription-key=";
    of.setting("current in a URL", 5, "MAPS_URL", &format!("{url}«!cask.AZMP»"))
        .setting("old in a URL", 6, "MAPS_URL", &format!("{url}«!b64url.32»"))
        .setting("current alone", 5, "AZURE_MAPS_KEY", "«!cask.AZMP»")
        .pair("old beside the service", 4, ("AZURE_MAPS_KEY", "«!b64url.32»"), Some(("MAPS_BASE_URL", "https://atlas.microsoft.com/")))
        .encodings("current", ("AZURE_MAPS_KEY", "«!cask.AZMP»"), None)
        .file("map control", "var/www/«app_dir»/map.js", "const map = new atlas.Map('map', {\n  center: [18.06, 59.33],\n  domain: 'atlas.microsoft.com',\n  authOptions: { authType: 'subscriptionKey', subscriptionKey: '«!b64url.32»' },\n});\n")
        .references("AZURE_MAPS_KEY")
        .near("placeholder", "var/www/«app_dir»/m.html", "<script src=\"https://atlas.microsoft.com/sdk/javascript/mapcontrol/3/atlas.min.js\"></script>\n<script>fetch('https://atlas.microsoft.com/map/tile?subscription-key=' + key)</script>\n")
        .near("wrong checksum", "srv/«app_dir»/a.log", "key «cask.AZMP|flip» was refused\n");
}

fn bots(shelf: &mut Shelf) {
    let name = "Azure Bot Framework secret key";
    let mut of = shelf.of(name);
    of.setting("web chat", 5, "CHAT_URL", "https://webchat.botframework.com/embed/«app»-bot?s=«!directline»")
        .setting("direct line", 6, "DIRECTLINE_SECRET", "«!directline»")
        .setting("short form", 4, "DIRECT_LINE_SECRET", "«!directline.short»")
        .pair("beside the service", 4, ("WEB_CHAT_SECRET", "«!directline»"), Some(("BOT_URL", "https://europe.directline.botframework.com/v3/directline")))
        .encodings("web chat", ("CHAT_URL", "https://webchat.botframework.com/embed/«app»-bot?s=«!directline»"), None)
        .file("iframe", "var/www/«app_dir»/help.html", "<iframe src=\"https://webchat.botframework.com/embed/«app»?s=«!directline»\" width=\"400\"></iframe>\n")
        .file("bearer", "home/«user_dir»/.bash_history", "curl -X POST https://directline.botframework.com/v3/directline/tokens/generate -H 'Authorization: Bearer «!directline»'\n")
        .references("DIRECTLINE_SECRET")
        .near("placeholder", "var/www/«app_dir»/a.html", "<iframe src=\"https://webchat.botframework.com/embed/«app»?s=YOUR_SECRET_HERE\"></iframe>\n")
        .near("token from a server", "var/www/«app_dir»/b.js", "const { token } = await (await fetch('/api/directline/token', { method: 'POST' })).json();\nwindow.WebChat.renderWebChat({ directLine: createDirectLine({ token }) }, root);\n");
}

fn databricks(shelf: &mut Shelf) {
    let name = "Azure Databricks personal access token";
    let mut of = shelf.of(name);
    let host = ("DATABRICKS_HOST", "https://adb-«digits.16».«digits.1».azuredatabricks.net");
    of.pair("beside its workspace", 7, ("DATABRICKS_TOKEN", "«!dapi»"), Some(host))
        .pair("with a number", 4, ("DATABRICKS_TOKEN", "«!dapi.-2»"), Some(host))
        .setting("alone", 6, "DATABRICKS_TOKEN", "«!dapi»")
        .encodings("alone", ("DATABRICKS_TOKEN", "«!dapi.-3»"), None)
        .file("databrickscfg", "home/«user_dir»/.databrickscfg", "[DEFAULT]\nhost = https://adb-«digits.16».7.azuredatabricks.net\ntoken = «!dapi»\n")
        .file("netrc", "home/«user_dir»/.netrc", "machine adb-«digits.16».3.azuredatabricks.net\nlogin token\npassword «!dapi»\n")
        .file("JDBC", "opt/«app_dir»/jdbc.properties", "url=jdbc:databricks://adb-«digits.16».7.azuredatabricks.net:443/default;transportMode=http;ssl=1;AuthMech=3;UID=token;PWD=«!dapi»\n")
        .references("DATABRICKS_TOKEN")
        .near("one short", "srv/«app_dir»/a.log", "token dapi«hex.31» refused\n")
        .near("too long", "srv/«app_dir»/b.log", "object dapi«hex.40»\n")
        .near("one letter", "home/«user_dir»/c.md", "    token = dapi00000000000000000000000000000000\n")
        .near("word", "srv/«app_dir»/d.py", "from dapi import dapi_client\n\ndapi = dapi_client(url)\ndapi_url = dapi.url\n");
}

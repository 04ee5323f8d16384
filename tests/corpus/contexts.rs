//! The files that hold a setting: `V` is its value, `K` its name as an environment
//! variable, and the other spellings of the name follow from that. `V2` and `K2`
//! are a second setting that belongs to the first, where there is one.

use crate::page::{Coding, Page};

/// A kind of file.
pub(crate) struct Context {
    pub name: &'static str,
    pub path: &'static str,
    pub coding: Coding,
    /// The escape that the value went through, in the words of the labels.
    pub encoding: &'static str,
    pub template: &'static str,
}

const fn plain(name: &'static str, path: &'static str, template: &'static str) -> Context {
    Context { name, path, coding: Coding::Plain, encoding: "plain", template }
}

const fn escaped(
    encoding: &'static str,
    name: &'static str,
    path: &'static str,
    template: &'static str,
) -> Context {
    Context { name, path, coding: Coding::Plain, encoding, template }
}

const fn wide(
    encoding: &'static str,
    little: bool,
    mark: bool,
    name: &'static str,
    path: &'static str,
    template: &'static str,
) -> Context {
    Context { name, path, coding: Coding::Utf16 { little, mark }, encoding, template }
}

/// Sets the spellings of the names `K` and `K2`.
pub(crate) fn spell(page: &mut Page<'_>, key: &str) {
    let Some(name) = page.has(key).then(|| page.get(key)) else { return };
    let words: Vec<String> = name.split('_').map(str::to_lowercase).collect();
    let capital = |word: &String| word[..1].to_uppercase() + &word[1..];
    let pascal: String = words.iter().map(capital).collect();
    page.set(&format!("{key}pascal"), &pascal);
    page.set(
        &format!("{key}camel"),
        &(words[0].clone() + &words[1..].iter().map(capital).collect::<String>()),
    );
    page.set(&format!("{key}snake"), &words.join("_"));
    page.set(&format!("{key}kebab"), &words.join("-"));
    page.set(&format!("{key}dotted"), &words.join("."));
}

/// Where a value stands as such, or as its format escapes it.
pub(crate) const CONTEXTS: [Context; 41] = [
    plain(
        "dotenv",
        "srv/«app_dir»/.env",
        "NODE_ENV=production\nPORT=8080\n⟨«K2»=«V2»\n⟩«K»=«V»\nLOG_LEVEL=info\n",
    ),
    plain(
        "dotenv quoted",
        "home/«user_dir»/«app_dir»/.env.production",
        "# «app_dir»\n⟨«K2»=\"«V2»\"\n⟩«K»=\"«V»\"\nFEATURE_FLAGS=a,b\n",
    ),
    plain(
        "appsettings",
        "opt/«app_dir»/appsettings.Production.json",
        "{\n  \"Logging\": { \"LogLevel\": { \"Default\": \"Warning\" } },\n  \"«app_dir»\": {\n⟨    \"«K2pascal»\": \"«V2|json»\",\n⟩    \"«Kpascal»\": \"«V|json»\",\n    \"Retries\": 3\n  },\n  \"AllowedHosts\": \"*\"\n}\n",
    ),
    Context {
        name: "web.config",
        path: "inetpub/wwwroot/«app_dir»/web.config",
        coding: Coding::Crlf,
        encoding: "xml",
        template: "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<configuration>\n  <appSettings>\n    <add key=\"ClientValidationEnabled\" value=\"true\" />\n⟨    <add key=\"«K2pascal»\" value=\"«V2|xml»\" />\n⟩    <add key=\"«Kpascal»\" value=\"«V|xml»\" />\n  </appSettings>\n</configuration>\n",
    },
    plain(
        "yaml",
        "etc/«app_dir»/application.yml",
        "server:\n  port: 8080\n«app_dir»:\n⟨  «K2kebab»: \"«V2|json»\"\n⟩  «Kkebab»: \"«V|json»\"\n  timeout: 30s\n",
    ),
    plain(
        "yaml single",
        "srv/«app_dir»/config/settings.yaml",
        "---\nname: «app_dir»\nworkers: 4\n⟨«K2snake»: '«V2|yaml»'\n⟩«Ksnake»: '«V|yaml»'\n",
    ),
    plain(
        "compose list",
        "srv/«app_dir»/docker-compose.yml",
        "services:\n  web:\n    image: registry.«domain»/«app_dir»:4.2.«digits.2»\n    environment:\n      - TZ=Europe/Stockholm\n⟨      - \"«K2»=«V2»\"\n⟩      - \"«K»=«V»\"\n    ports: [\"8080:8080\"]\n",
    ),
    plain(
        "compose map",
        "opt/stacks/«app_dir»/compose.yaml",
        "services:\n  worker:\n    image: «app_dir»-worker:latest\n    environment:\n      TZ: UTC\n⟨      «K2»: \"«V2|json»\"\n⟩      «K»: \"«V|json»\"\n",
    ),
    plain(
        "kubernetes stringData",
        "home/«user_dir»/deploy/«app_dir»-secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: «app_dir»\n  namespace: «stage»\ntype: Opaque\nstringData:\n⟨  «K2»: '«V2|yaml»'\n⟩  «K»: '«V|yaml»'\n",
    ),
    plain(
        "kubernetes env",
        "home/«user_dir»/k8s/«app_dir»/deployment.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: «app_dir»\nspec:\n  template:\n    spec:\n      containers:\n        - name: app\n          env:\n⟨            - name: «K2»\n              value: \"«V2|json»\"\n⟩            - name: «K»\n              value: \"«V|json»\"\n",
    ),
    plain(
        "terraform state",
        "srv/infra/«app_dir»/terraform.tfstate",
        "{\n  \"version\": 4,\n  \"terraform_version\": \"1.9.5\",\n  \"serial\": 41,\n  \"lineage\": \"«guid_lineage»\",\n  \"outputs\": {\n⟨    \"«K2snake»\": { \"value\": \"«V2|json»\", \"type\": \"string\" },\n⟩    \"«Ksnake»\": {\n      \"value\": \"«V|json»\",\n      \"type\": \"string\",\n      \"sensitive\": true\n    }\n  },\n  \"resources\": []\n}\n",
    ),
    plain(
        "tfvars",
        "srv/infra/«app_dir»/prod.auto.tfvars",
        "location = \"westeurope\"\n⟨«K2snake» = \"«V2|json»\"\n⟩«Ksnake» = \"«V|json»\"\n",
    ),
    plain(
        "ini",
        "etc/«app_dir»/«app_dir».ini",
        "[server]\nport = 8443\n\n[backend]\n⟨«K2snake» = «V2»\n⟩«Ksnake» = «V»\nretries = 5\n",
    ),
    plain(
        "toml",
        "etc/«app_dir»/config.toml",
        "[service]\nname = \"«app_dir»\"\n⟨«K2snake» = \"«V2|json»\"\n⟩«Ksnake» = \"«V|json»\"\n",
    ),
    plain(
        "properties",
        "opt/«app_dir»/conf/application.properties",
        "server.port=8080\n⟨«K2dotted»=«V2»\n⟩«Kdotted»=«V»\nmanagement.endpoints.enabled=false\n",
    ),
    plain(
        "powershell",
        "Users/«user_dir»/Documents/Deploy-«app_dir».ps1",
        "param([string]$Environment = 'prod')\n⟨$«K2camel» = '«V2|ps»'\n⟩$«Kcamel» = '«V|ps»'\nWrite-Host \"Deploying to $Environment\"\n",
    ),
    plain(
        "bash history",
        "home/«user_dir»/.bash_history",
        "cd /srv/«app_dir»\nls -la\n⟨export «K2»='«V2|sh»'\n⟩export «K»='«V|sh»'\n./run.sh --once\nexit\n",
    ),
    plain(
        "zsh history",
        "home/«user_dir»/.zsh_history",
        ": 1731«digits.6»:0;cd «app_dir»\n⟨: 1731«digits.6_2»:0;export «K2»=\"«V2»\"\n⟩: 1731«digits.6_3»:0;export «K»=\"«V»\"\n: 1731«digits.6_4»:0;make deploy\n",
    ),
    plain(
        "systemd unit",
        "etc/systemd/system/«app_dir».service",
        "[Unit]\nDescription=«app_dir» worker\nAfter=network-online.target\n\n[Service]\nUser=www-data\n⟨Environment=\"«K2»=«V2»\"\n⟩Environment=\"«K»=«V»\"\nExecStart=/opt/«app_dir»/bin/worker\nRestart=always\n",
    ),
    plain(
        "python",
        "srv/«app_dir»/settings.py",
        "import os\n\nDEBUG = False\n⟨«K2» = \"«V2|c»\"\n⟩«K» = \"«V|c»\"\nTIME_ZONE = \"Europe/Oslo\"\n",
    ),
    plain(
        "javascript",
        "srv/«app_dir»/config/production.js",
        "'use strict';\n\nmodule.exports = {\n  port: 3000,\n⟨  «K2camel»: '«V2»',\n⟩  «Kcamel»: '«V»',\n  cache: { ttl: 60 },\n};\n",
    ),
    plain(
        "csharp",
        "home/«user_dir»/src/«app_dir»/Startup.cs",
        "namespace Backend\n{\n    internal static class Settings\n    {\n⟨        public const string «K2pascal» = \"«V2|c»\";\n⟩        private const string «Kpascal» = \"«V|c»\";\n        internal const int Retries = 3;\n    }\n}\n",
    ),
    plain(
        "java",
        "home/«user_dir»/src/main/java/com/acme/Config.java",
        "package com.«org».«app_dir»;\n\npublic final class Config {\n⟨    static final String «K2» = \"«V2|c»\";\n⟩    static final String «K» = \"«V|c»\";\n\n    private Config() {}\n}\n",
    ),
    plain(
        "go",
        "home/«user_dir»/go/«app_dir»/main.go",
        "package main\n\nimport \"log\"\n\n⟨const «K2camel» = \"«V2|c»\"\n\n⟩const «Kcamel» = \"«V|c»\"\n\nfunc main() {\n\tlog.Println(\"starting\")\n}\n",
    ),
    escaped(
        "xml",
        "xml element",
        "opt/«app_dir»/conf/«app_dir»-site.xml",
        "<?xml version=\"1.0\"?>\n<configuration>\n⟨  <property>\n    <name>«K2dotted»</name>\n    <value>«V2|xml»</value>\n  </property>\n⟩  <property>\n    <name>«Kdotted»</name>\n    <value>«V|xml»</value>\n  </property>\n</configuration>\n",
    ),
    plain(
        "csv",
        "home/«user_dir»/export-«digits.4».csv",
        "name,value,owner\nregion,westeurope,ops\n⟨«K2»,\"«V2»\",ops\n⟩«K»,\"«V»\",«person»\nreplicas,3,ops\n",
    ),
    plain(
        "log line",
        "var/log/«app_dir»/deploy.log",
        "2026-10-«digits.2»T08:11:02Z INFO  reading configuration\n⟨2026-10-12T08:11:02Z DEBUG env «K2»=«V2»\n⟩2026-10-12T08:11:02Z DEBUG env «K»=«V»\n2026-10-12T08:11:03Z INFO  12 settings loaded\n",
    ),
    plain(
        "cloud-init",
        "var/lib/cloud/instance/user-data.txt",
        "#cloud-config\npackages:\n  - docker.io\nwrite_files:\n  - path: /etc/«app_dir»/env\n    permissions: '0600'\n    content: |\n⟨      «K2»=«V2»\n⟩      «K»=«V»\nruncmd:\n  - systemctl start «app_dir»\n",
    ),
    plain(
        "ansible",
        "srv/ansible/group_vars/«app_dir».yml",
        "---\napp_user: deploy\n⟨«K2snake»: \"«V2|json»\"\n⟩«Ksnake»: \"«V|json»\"\napp_replicas: 2\n",
    ),
    escaped(
        "json",
        "one-line json",
        "var/lib/«app_dir»/state.json",
        "{\"id\":«digits.5»,\"build\":\"«hex.40»\",\"flags\":[1,2,3],\"cfg\":{⟨\"«K2camel»\":\"«V2|json»\",⟩\"«Kcamel»\":\"«V|json»\",\"ttl\":300},\"ok\":true,\"tail\":\"«words»\"}",
    ),
    wide(
        "utf-16le",
        true,
        true,
        "registry export",
        "Users/«user_dir»/Desktop/«app_dir».reg",
        "Windows Registry Editor Version 5.00\n\n[HKEY_LOCAL_MACHINE\\SOFTWARE\\«app_dir»\\Settings]\n⟨\"«K2pascal»\"=\"«V2|c»\"\n⟩\"«Kpascal»\"=\"«V|c»\"\n\"Retries\"=dword:00000003\n",
    ),
    plain(
        "sql dump",
        "var/backups/«app_dir»-settings.sql",
        "-- PostgreSQL database dump\nSET client_encoding = 'UTF8';\n⟨INSERT INTO public.settings (id, name, value) VALUES (16, '«K2snake»', '«V2|sql»');\n⟩INSERT INTO public.settings (id, name, value) VALUES (17, '«Ksnake»', '«V|sql»');\n",
    ),
    plain(
        "dockerfile",
        "srv/«app_dir»/Dockerfile",
        "FROM node:20-slim\nWORKDIR /app\n⟨ENV «K2»=\"«V2»\"\n⟩ENV «K»=\"«V»\"\nCMD [\"node\", \"server.js\"]\n",
    ),
    plain(
        "batch file",
        "Users/«user_dir»/deploy.cmd",
        "@echo off\n⟨set \"«K2»=«V2|bat»\"\n⟩set \"«K»=«V|bat»\"\ncall deploy-all.cmd\n",
    ),
    escaped(
        "json",
        "json in json",
        "var/log/«app_dir»/events.json",
        "{\"time\":\"2026-09-14T10:02:11Z\",\"level\":\"debug\",\"message\":\"{\\\"settings\\\":{⟨\\\"«K2camel»\\\":\\\"«V2|json|json»\\\",⟩\\\"«Kcamel»\\\":\\\"«V|json|json»\\\"}}\"}\n",
    ),
    escaped(
        "json",
        "json of .NET",
        "opt/«app_dir»/local.settings.json",
        "{\n  \"IsEncrypted\": false,\n  \"Values\": {\n    \"FUNCTIONS_WORKER_RUNTIME\": \"dotnet\",\n⟨    \"«K2»\": \"«V2|jsonnet»\",\n⟩    \"«K»\": \"«V|jsonnet»\"\n  }\n}\n",
    ),
    escaped(
        "json",
        "json of PHP",
        "var/www/«app_dir»/config.json",
        "{\"debug\":false,⟨\"«K2snake»\":\"«V2|jsonphp»\",⟩\"«Ksnake»\":\"«V|jsonphp»\"}\n",
    ),
    escaped(
        "c",
        "c source",
        "home/«user_dir»/firmware/src/config.h",
        "#ifndef CONFIG_H\n#define CONFIG_H\n⟨#define «K2» \"«V2|c»\"\n⟩#define «K» \"«V|c»\"\n#define POLL_SECONDS 30\n#endif\n",
    ),
    plain(
        "github workflow",
        "home/«user_dir»/«app_dir»/.github/workflows/deploy.yml",
        "name: deploy\non: [push]\njobs:\n  deploy:\n    runs-on: ubuntu-24.04\n    env:\n⟨      «K2»: \"«V2|json»\"\n⟩      «K»: \"«V|json»\"\n    steps:\n      - uses: actions/checkout@v4\n",
    ),
    plain(
        "php",
        "var/www/«app_dir»/config.php",
        "<?php\nreturn [\n    'debug' => false,\n⟨    '«K2snake»' => '«V2»',\n⟩    '«Ksnake»' => '«V»',\n];\n",
    ),
    plain(
        "cron",
        "etc/cron.d/«app_dir»",
        "SHELL=/bin/sh\n⟨«K2»='«V2|sh»'\n⟩«K»='«V|sh»'\n17 4 * * * root /opt/«app_dir»/nightly.sh >/dev/null 2>&1\n",
    ),
];

/// Where the whole file, or the value, is encoded once more.
pub(crate) const ENCODED: [Context; 16] = [
    escaped(
        "base64",
        "kubernetes data",
        "home/«user_dir»/deploy/«app_dir»-data.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: «app_dir»\ndata:\n⟨  «K2»: «V2|b64»\n⟩  «K»: «V|b64»\ntype: Opaque\n",
    ),
    escaped(
        "base64",
        "base64 of a file, alignment 0",
        "var/lib/cloud/instances/i-«hex.17»/user-data.txt",
        "#cloud-config\nwrite_files:\n  - encoding: b64\n    path: /etc/«app_dir»/env\n    content: «B0|b64»\n",
    ),
    escaped(
        "base64",
        "base64 of a file, alignment 1",
        "var/lib/cloud/seed/nocloud/user-data",
        "#cloud-config\nwrite_files:\n  - encoding: b64\n    path: /etc/«app_dir»/env\n    content: «B1|b64»\n",
    ),
    escaped(
        "base64",
        "base64 of a file, alignment 2",
        "home/«user_dir»/restore.sh",
        "#!/bin/sh\nset -e\necho «B2|b64» | base64 -d > /etc/«app_dir»/env\n",
    ),
    escaped(
        "base64",
        "base64 in CI log",
        "var/log/ci/«app_dir».log",
        "2026-08-02 «person» writes config: «B1|b64nopad» (env)\n2026-08-02 done\n",
    ),
    escaped(
        "base64",
        "docker secret inspect",
        "home/«user_dir»/secret-«digits.3».json",
        "[{\"ID\":\"«lower.12»\",\"Spec\":{\"Name\":\"«app_dir»\",\"Data\":\"«B2|b64»\"}}]\n",
    ),
    escaped(
        "base64+utf-16le",
        "powershell encoded command",
        "Users/«user_dir»/task.cmd",
        "@echo off\npowershell.exe -NoProfile -EncodedCommand «P|b64u16»\n",
    ),
    wide(
        "utf-16le",
        true,
        true,
        "powershell transcript",
        "Users/«user_dir»/Documents/PowerShell_transcript.«digits.8».txt",
        "**********************\nWindows PowerShell transcript start\n**********************\nPS C:\\> ⟨$env:«K2» = '«V2|ps»'\nPS C:\\> ⟩$env:«K» = '«V|ps»'\nPS C:\\> .\\deploy.ps1\n",
    ),
    wide(
        "utf-16le",
        true,
        false,
        "utf-16le without mark",
        "ProgramData/«app_dir»/trace.log",
        "2026-07-01 09:14:22 config ⟨«K2»=«V2»\n2026-07-01 09:14:22 config ⟩«K»=«V»\n2026-07-01 09:14:23 done\n",
    ),
    wide(
        "utf-16be",
        false,
        true,
        "utf-16be",
        "home/«user_dir»/export-«app_dir».txt",
        "settings of «app_dir»\n⟨«K2»=«V2»\n⟩«K»=«V»\n",
    ),
    wide(
        "utf-16be",
        false,
        false,
        "utf-16be without mark",
        "home/«user_dir»/old/«app_dir».txt",
        "settings of «app_dir»\n⟨«K2»: «V2»\n⟩«K»: «V»\n",
    ),
    escaped(
        "url",
        "form body in a log",
        "var/log/nginx/«app_dir»-post.log",
        "10.20.1.7 - - [12/Oct/2026:08:11:02 +0000] \"POST /settings HTTP/1.1\" 200 17 body=\"⟨«K2snake»=«V2|url»&⟩«Ksnake»=«V|url»&save=1\"\n",
    ),
    escaped(
        "url",
        "query in lower case",
        "var/log/apache2/«app_dir»-access.log",
        "10.20.1.9 - - [12/Oct/2026:08:14:41 +0000] \"GET /setup?step=2&⟨«K2snake»=«V2|urllow»&⟩«Ksnake»=«V|urllow»&next=1 HTTP/1.1\" 302 -\n",
    ),
    escaped(
        "xml",
        "xml in xml",
        "var/lib/jenkins/jobs/«app_dir»/config.xml",
        "<?xml version='1.1' encoding='UTF-8'?>\n<project>\n  <builders>\n    <hudson.tasks.Shell>\n      <command>⟨export «K2»=&apos;«V2|xml»&apos;\n⟩export «K»=&apos;«V|xml»&apos;\n./deploy.sh</command>\n    </hudson.tasks.Shell>\n  </builders>\n</project>\n",
    ),
    escaped(
        "c",
        "c source with hex escapes",
        "home/«user_dir»/firmware/src/secrets.c",
        "⟨const char «K2snake»[] = \"«V2|cx»\";\n⟩const char «Ksnake»[] = \"«V|cx»\";\n",
    ),
    escaped(
        "xml",
        "xml with numbers",
        "opt/«app_dir»/etc/settings.xml",
        "<settings>\n⟨  <«K2camel»>«V2|xmlnum»</«K2camel»>\n⟩  <«Kcamel»>«V|xmlnum»</«Kcamel»>\n</settings>\n",
    ),
];

/// The values that the contexts need beside `V` and `K`.
pub(crate) fn prepare(page: &mut Page<'_>) {
    page.set("app_dir", "«app»");
    let person = page.get("person");
    page.set("user_dir", &person.replace('.', ""));
    spell(page, "K");
    spell(page, "K2");
}

/// The file in the file, at three places of base64's groups of three.
pub(crate) fn prepare_inner(page: &mut Page<'_>) {
    for (name, before) in [("B0", "# a\n"), ("B1", "# ab\n"), ("B2", "# abc\n")] {
        page.set(name, &format!("{before}⟨«K2»=«V2»\n⟩«K»=«V»\nMODE=live\n"));
    }
    page.set("P", "⟨$env:«K2»='«V2»'; ⟩$env:«K»='«V»'; ./start.ps1");
}

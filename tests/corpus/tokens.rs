//! Tokens of developers' platforms, and of Amazon and Google.

use crate::page::Coding;
use crate::shelf::Shelf;

pub(crate) fn add(shelf: &mut Shelf) {
    github(shelf);
    npm(shelf);
    openai(shelf);
    slack(shelf);
    travis(shelf);
    google(shelf);
    amazon(shelf);
    marketplace(shelf);
    signed_urls(shelf);
}

fn github(shelf: &mut Shelf) {
    let mut of = shelf.of("GitHub personal access token");
    of.setting("classic", 12, "GITHUB_TOKEN", "«!gh.p»")
        .setting("fine-grained", 8, "GH_TOKEN", "«!ghpat»")
        .setting("40 digits", 4, "GITHUB_TOKEN", "«!hex.40»")
        .encodings("classic", ("GITHUB_TOKEN", "«!gh.p»"), None)
        .file("gh hosts", "home/«user_dir»/.config/gh/hosts.yml", "github.com:\n    user: «person»\n    oauth_token: «!gh.p»\n    git_protocol: https\n")
        .file("git credentials", "home/«user_dir»/.git-credentials", "https://«person»:«!gh.p»@github.com\n")
        .file("remote", "srv/«app_dir»/.git/config", "[remote \"origin\"]\n\turl = https://«!gh.p»@github.com/«org»/«app».git\n")
        .file("old remote", "srv/«app_dir»/.git/config", "[remote \"origin\"]\n\turl = https://«person»:«!hex.40»@github.com/«org»/«app».git\n")
        .file_with("extra header", &[("Pair", "x-access-token:«!gh.p»")], "srv/«app_dir»/.git/config", "[http \"https://github.com/\"]\n\textraheader = AUTHORIZATION: basic «Pair|b64»\n")
        .file("netrc", "home/«user_dir»/.netrc", "machine github.com\n  login «person»\n  password «!ghpat»\n")
        .file("curl", "home/«user_dir»/.bash_history", "curl -H \"Authorization: token «!gh.p»\" https://api.github.com/user/repos\n")
        .file("composer", "home/«user_dir»/.composer/auth.json", "{\"github-oauth\": {\"github.com\": \"«!gh.p»\"}}\n")
        .file("packages", "home/«user_dir»/.npmrc", "@«org»:registry=https://npm.pkg.github.com\n//npm.pkg.github.com/:_authToken=«!gh.p»\n")
        .references("GITHUB_TOKEN")
        .near_setting("wrong checksum", "SETTING_A", "«gh.p|flip»")
        .near_setting("one short", "SETTING_A", "«gh.p|short»")
        .near_setting("one too many", "SETTING_A", "«gh.p|long»")
        .near("masked", "var/log/«app_dir»/a.log", "cloning with «gh.p|mask»\n")
        .near("filled", "home/«user_dir»/b.md", "export GITHUB_TOKEN=«gh.p|fill»\n")
        .near("object ids", "srv/«app_dir»/.git/packed-refs", "# pack-refs with: peeled fully-peeled sorted\n«hex.40_1» refs/heads/main\n«hex.40_2» refs/tags/v1.2.0\n")
        .near("word", "srv/«app_dir»/c.py", "PREFIXES = ('ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_')\n");
}

fn npm(shelf: &mut Shelf) {
    let mut of = shelf.of("NPM author token");
    of.setting("token", 12, "NPM_TOKEN", "«!npm»")
        .encodings("token", ("NPM_TOKEN", "«!npm»"), None)
        .file("npmrc", "home/«user_dir»/.npmrc", "//registry.npmjs.org/:_authToken=«!npm»\nalways-auth=true\n")
        .file("npmrc with a scope", "srv/«app_dir»/.npmrc", "@«org»:registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken=\"«!npm»\"\n")
        .file("private registry", "home/«user_dir»/.npmrc", "registry=https://npm.«domain»/\n//npm.«domain»/:_authToken=«!guid»\n")
        .file("private registry with a path", "srv/«app_dir»/.npmrc", "//nexus.int.«domain»/repository/npm-private/:_authToken=«!guid»\n")
        .file("yarn", "srv/«app_dir»/.yarnrc.yml", "nodeLinker: node-modules\nnpmScopes:\n  «org»:\n    npmRegistryServer: https://registry.npmjs.org\n    npmAuthToken: «!npm»\n")
        .file("config set", "home/«user_dir»/.bash_history", "npm config set //registry.npmjs.org/:_authToken «!npm»\n")
        .references("NPM_TOKEN")
        .near_setting("wrong checksum", "SETTING_A", "«npm|flip»")
        .near_setting("one short", "SETTING_A", "«npm|short»")
        .near_setting("one too many", "SETTING_A", "«npm|long»")
        .near("reference", "srv/«app_dir»/.npmrc", "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n")
        .near("variables", "srv/«app_dir»/a.sh", "npm_config_registry=https://registry.npmjs.org npm_package_name_with_many_parts_in_it=«app» npm ci\n")
        .near("masked", "var/log/«app_dir»/b.log", "npm http auth «npm|mask»\n");
}

fn openai(shelf: &mut Shelf) {
    let mut of = shelf.of("OpenAI API key");
    for (kind, count) in [("legacy", 5), ("project", 6), ("project58", 3), ("service", 3), ("admin", 3)] {
        of.setting(kind, count, "OPENAI_API_KEY", &format!("«!openai.{kind}»"));
    }
    of.encodings("project", ("OPENAI_API_KEY", "«!openai.project»"), None)
        .file("curl", "home/«user_dir»/.bash_history", "curl https://api.openai.com/v1/models -H \"Authorization: Bearer «!openai.project»\"\n")
        .file("python", "srv/«app_dir»/chat.py", "from openai import OpenAI\n\nclient = OpenAI(api_key=\"«!openai.legacy»\", organization=\"org-«alnum.24»\")\n")
        .references("OPENAI_API_KEY")
        .near_setting("without its middle", "SETTING_A", "sk-«alnum.20»T3BlbkF«alnum.20»")
        .near("filled", "home/«user_dir»/a.md", "export OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n")
        .near("dots", "home/«user_dir»/b.md", "api_key = \"sk-...\"  # or sk-proj-...\n")
        .near("masked", "var/log/«app_dir»/c.log", "Incorrect API key provided: sk-proj-************************«alnum.4».\n")
        .near("classes", "var/www/«app_dir»/d.css", ".sk-chase-dot:before{animation:sk-chase-dot-before 2s infinite}.sk-proj-list{margin:0}.sk-circle-fade-dot{height:100%}\n");
}

fn slack(shelf: &mut Shelf) {
    let mut of = shelf.of("Slack access token");
    for (kind, count) in
        [("bot", 7), ("user", 5), ("app", 4), ("oldbot", 2), ("workspace", 2), ("rotated", 3)]
    {
        of.setting(kind, count, "SLACK_TOKEN", &format!("«!slack.{kind}»"));
    }
    of.encodings("bot", ("SLACK_BOT_TOKEN", "«!slack.bot»"), None)
        .file("curl", "home/«user_dir»/.bash_history", "curl -X POST -H 'Authorization: Bearer «!slack.bot»' -d channel=C0«upper.8» https://slack.com/api/chat.postMessage\n")
        .file("query", "var/log/«app_dir»/a.log", "GET https://slack.com/api/users.list?token=«!slack.user»&limit=200\n")
        .references("SLACK_TOKEN")
        .near("filled", "home/«user_dir»/b.md", "SLACK_TOKEN=xoxb-xxxxxxxxxxxx-xxxxxxxxxxxx-xxxxxxxxxxxxxxxxxxxxxxxx\n")
        .near("not real", "srv/«app_dir»/c.py", "TOKEN = 'xoxb-not-a-real-token-this-will-not-work'\n")
        .near("sample", "home/«user_dir»/d.md", "token=xoxp-12345-67890-1928471-abcdefg\n")
        .near("masked", "var/log/«app_dir»/e.log", "connected with «slack.bot|mask»\n")
        .near("words", "usr/share/dict/«app_dir»", "xoxa\nxoxb\nxoxb-\nxoxo\nxoxp\nxoxp-\nxylem\n");
}

fn travis(shelf: &mut Shelf) {
    let mut of = shelf.of("Travis personal token");
    of.setting("environment", 8, "TRAVIS_TOKEN", "«!travis»")
        .setting("environment, API", 4, "TRAVIS_API_TOKEN", "«!travis»")
        .encodings("environment", ("TRAVIS_TOKEN", "«!travis»"), None)
        .file("travis config", "home/«user_dir»/.travis/config.yml", "---\nlast_check:\n  etag: '\"«hex.32»\"'\n  version: 1.11.1\nendpoints:\n  https://api.travis-ci.com/:\n    access_token: «!travis»\nrepos:\n  «org»/«app»:\n    endpoint: https://api.travis-ci.com/\n")
        .file("travis config, org", "root/.travis/config.yml", "---\nendpoints:\n  https://api.travis-ci.org/:\n    access_token: «!travis»\n")
        .file("curl", "home/«user_dir»/.bash_history", "curl -H 'Travis-API-Version: 3' -H 'Authorization: token «!travis»' https://api.travis-ci.com/repos\n")
        .file("query", "var/log/«app_dir»/a.log", "GET https://api.travis-ci.com/builds?access_token=«!travis» 200\n")
        .references("TRAVIS_TOKEN")
        .near("encrypted", "srv/«app_dir»/.travis.yml", "language: python\nenv:\n  global:\n    - secure: \"«b64.256»\"\n")
        .near("badge", "srv/«app_dir»/README.md", "[![Build](https://travis-ci.com/«org»/«app».svg?branch=main)](https://travis-ci.com/«org»/«app»)\n")
        .near("variables", "srv/«app_dir»/ci.sh", "if [ \"$TRAVIS_PULL_REQUEST\" = false ] && [ -n \"$TRAVIS_TAG\" ]; then\n  deploy \"$TRAVIS_BUILD_NUMBER\" \"$TRAVIS_COMMIT\"\nfi\n");
}

fn google(shelf: &mut Shelf) {
    let mut of = shelf.of("GCP API key");
    of.setting("environment", 12, "GOOGLE_API_KEY", "«!gcp»")
        .encodings("environment", ("GEMINI_API_KEY", "«!gcp»"), None)
        .file("URL", "srv/«app_dir»/geo.py", "URL = 'https://maps.googleapis.com/maps/api/geocode/json?key=«!gcp»&address='\n")
        .file("header", "home/«user_dir»/.bash_history", "curl -H 'x-goog-api-key: «!gcp»' https://generativelanguage.googleapis.com/v1beta/models\n")
        .file("android", "home/«user_dir»/app/google-services.json", "{\"project_info\":{\"project_number\":\"«digits.12»\",\"project_id\":\"«org»-«app»\"},\"client\":[{\"api_key\":[{\"current_key\":\"«!gcp»\"}]}]}\n")
        .file("plist", "home/«user_dir»/app/GoogleService-Info.plist", "<plist version=\"1.0\">\n<dict>\n\t<key>API_KEY</key>\n\t<string>«!gcp»</string>\n\t<key>PROJECT_ID</key>\n\t<string>«org»-«app»</string>\n</dict>\n</plist>\n")
        .references("GOOGLE_API_KEY")
        .near_setting("one short", "SETTING_A", "«gcp|short»")
        .near_setting("one too many", "SETTING_A", "«gcp|long»")
        .near("sample", "home/«user_dir»/a.md", "key=AIzaefgh0123456789_-ABCDEFGHIJKLMNOPQRS\n")
        .near("filled", "home/«user_dir»/b.md", "key=AIzaSyXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX\n")
        .near("masked", "var/log/«app_dir»/c.log", "key=«gcp|mask»\n")
        .near("in base64", "var/www/«app_dir»/d.svg", "<image href=\"data:image/png;base64,«b64.600»AIza«b64.600»\"/>\n");
}

fn amazon(shelf: &mut Shelf) {
    let mut of = shelf.of("AWS access key");
    let id = ("AWS_ACCESS_KEY_ID", "«awsid»");
    of.pair("environment", 12, ("AWS_SECRET_ACCESS_KEY", "«!awssecret»"), Some(id))
        .encodings("environment", ("AWS_SECRET_ACCESS_KEY", "«!awssecret»"), Some(id))
        .file("credentials", "home/«user_dir»/.aws/credentials", "[default]\naws_access_key_id = «awsid»\naws_secret_access_key = «!awssecret»\n\n[«app»]\naws_access_key_id = «awsid_2»\naws_secret_access_key = «!awssecret_2»\n")
        .file("session", "root/.aws/credentials", "[mfa]\naws_access_key_id = «awsid.ASIA»\naws_secret_access_key = «!awssecret»\naws_session_token = «?awssession»\n")
        .file("csv of the console", "Users/«user_dir»/Downloads/accessKeys.csv", "Access key ID,Secret access key\n«awsid»,«!awssecret»\n")
        .file_as(Coding::Crlf, "root key", "Users/«user_dir»/Downloads/rootkey.csv", "AWSAccessKeyId=«awsid»\nAWSSecretKey=«!awssecret»\n")
        .file("boto", "etc/boto.cfg", "[Credentials]\naws_access_key_id = «awsid»\naws_secret_access_key = «!awssecret»\n")
        .file("s3cfg", "home/«user_dir»/.s3cfg", "[default]\naccess_key = «awsid»\nbucket_location = EU\nhost_base = s3.amazonaws.com\nsecret_key = «!awssecret»\n")
        .file("s3fs", "etc/passwd-s3fs", "«awsid»:«!awssecret»\n")
        .file("rclone", "home/«user_dir»/.config/rclone/rclone.conf", "[s3]\ntype = s3\nprovider = AWS\naccess_key_id = «awsid»\nsecret_access_key = «!awssecret»\nregion = «awsregion»\n")
        .file("hadoop", "etc/hadoop/core-site.xml", "<configuration>\n  <property><name>fs.s3a.access.key</name><value>«awsid»</value></property>\n  <property><name>fs.s3a.secret.key</name><value>«!awssecret»</value></property>\n</configuration>\n")
        .file("boto3", "srv/«app_dir»/s3.py", "s3 = boto3.client(\n    's3',\n    aws_access_key_id='«awsid»',\n    aws_secret_access_key='«!awssecret»',\n    region_name='«awsregion»',\n)\n")
        .file("java", "home/«user_dir»/src/S3.java", "AWSCredentials c = new BasicAWSCredentials(\"«awsid»\", \"«!awssecret»\");\n")
        .file("terraform state", "srv/infra/terraform.tfstate", "{\n  \"resources\": [{\n    \"type\": \"aws_iam_access_key\",\n    \"instances\": [{\n      \"attributes\": {\n        \"id\": \"«awsid»\",\n        \"secret\": \"«!awssecret»\",\n        \"status\": \"Active\",\n        \"user\": \"«user»\"\n      }\n    }]\n  }]\n}\n")
        .file("json of the cli", "home/«user_dir»/key.json", "{\n    \"AccessKey\": {\n        \"UserName\": \"«user»\",\n        \"AccessKeyId\": \"«awsid»\",\n        \"Status\": \"Active\",\n        \"SecretAccessKey\": \"«!awssecret»\",\n        \"CreateDate\": \"2025-11-02T10:11:12+00:00\"\n    }\n}\n")
        .file("copy", "srv/etl/load.sql", "COPY events FROM 's3://«org»-lake/events/' CREDENTIALS 'aws_access_key_id=«awsid»;aws_secret_access_key=«!awssecret»' GZIP;\n")
        .file("configure", "home/«user_dir»/.bash_history", "aws configure set aws_access_key_id «awsid»\naws configure set aws_secret_access_key «!awssecret»\n")
        .file("secret before id", "srv/«app_dir»/config.yml", "s3:\n  secret: \"«!awssecret»\"\n  key: \"«awsid»\"\n  bucket: «org»-media\n")
        .references("AWS_SECRET_ACCESS_KEY")
        .near("sample", "home/«user_dir»/a.md", "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n")
        .near("identifiers", "srv/infra/b.json", "{\"UserId\":\"AIDA«b32.17|upper»\",\"RoleId\":\"AROA«b32.17|upper»\",\"Arn\":\"arn:aws:iam::«digits.12»:role/«app»\"}\n")
        .near("object id by its name", "srv/infra/c.yml", "aws_secret_rotation_commit: «hex.40»\n")
        .near("roles", "home/«user_dir»/.aws/config", "[profile prod]\nrole_arn = arn:aws:iam::«digits.12»:role/admin\nsource_profile = default\nregion = «awsregion»\n")
        .near("secrets manager", "srv/«app_dir»/d.yml", "DB_SECRET: arn:aws:secretsmanager:«awsregion»:«digits.12»:secret:«app»/db-«alnum.6»\n");
}

fn marketplace(shelf: &mut Shelf) {
    let mut of = shelf.of("Amazon Marketplace Web Service (MWS) access key");
    of.setting("token", 12, "MWS_AUTH_TOKEN", "«!mws»")
        .encodings("token", ("MWS_AUTH_TOKEN", "«!mws»"), None)
        .file("php", "var/www/«app_dir»/mws.php", "<?php\n$store['main']['merchantId'] = 'A«upper.13»';\n$store['main']['MWSAuthToken'] = '«!mws»';\n")
        .references("MWS_AUTH_TOKEN")
        .near_setting("one short", "SETTING_A", "«mws|short»")
        .near("package", "home/«user_dir»/a.java", "import com.amazonservices.mws.client.MwsConnection;\n\nstatic final String PREFIX = \"amzn.mws.\";\n")
        .near("other product", "srv/«app_dir»/b.json", "{\"client_id\":\"amzn1.application-oa2-client.«hex.32»\"}\n");
}

fn signed_urls(shelf: &mut Shelf) {
    let mut of = shelf.of("AWS S3 presigned URL");
    for (kind, count) in [("s3", 7), ("s3.path", 4), ("s3.session", 4), ("s3.v2", 4)] {
        of.setting(kind, count, "DOWNLOAD_URL", &format!("«!{kind}»"));
    }
    of.encodings("virtual host", ("DOWNLOAD_URL", "«!s3»"), None)
        .file("mail", "var/mail/«user_dir»", "From: reports@«domain»\nSubject: export\n\nYour export is ready: «!s3»\n")
        .file("log", "var/log/«app_dir»/a.log", "2026-02-02T10:00:00Z INFO redirect to \"«!s3»\"\n")
        .references("DOWNLOAD_URL")
        .near("without a signature", "var/log/«app_dir»/b.log", "https://«org»-up.s3.«awsregion».amazonaws.com/x.csv?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20260101T000000Z&X-Amz-Expires=900&X-Amz-SignedHeaders=host\n")
        .near("sample", "home/«user_dir»/c.md", "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=<signature-value>\n")
        .near("plain address", "var/www/«app_dir»/d.html", "<img src=\"https://«org»-media.s3.«awsregion».amazonaws.com/logo.png?v=«digits.6»\">\n")
        .near("code", "srv/«app_dir»/e.py", "query['X-Amz-Signature'] = hmac.new(key, to_sign, hashlib.sha256).hexdigest()\nurl = f\"https://{host}{path}?{base}&X-Amz-Signature={signature}\"\n")
        .near("redacted", "var/log/«app_dir»/f.log", "https://«org»-up.s3.amazonaws.com/x?AWSAccessKeyId=«awsid|mask»&Expires=1798761600&Signature=REDACTED\n");
    let mut of = shelf.of("Google storage signed URL");
    for (kind, count) in [("gcs", 8), ("gcs.hmac", 4), ("gcs.lower", 4), ("gcs.v2", 5)] {
        of.setting(kind, count, "DOWNLOAD_URL", &format!("«!{kind}»"));
    }
    of.encodings("fourth version", ("DOWNLOAD_URL", "«!gcs»"), None)
        .file("log", "var/log/«app_dir»/a.log", "2026-02-02T10:00:00Z INFO uploaded, link «!gcs.v2»\n")
        .references("DOWNLOAD_URL")
        .near("sample", "home/«user_dir»/b.md", "https://storage.googleapis.com/example-bucket/cat.jpeg?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=example%40example-project.iam.gserviceaccount.com%2F20181026%2Fus-central1%2Fstorage%2Fgoog4_request&X-Goog-Date=20181026T181309Z&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=<signature>\n")
        .near("code", "srv/«app_dir»/c.py", "signed = f\"{url}?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Signature={signature}\"\n")
        .near("plain address", "var/www/«app_dir»/d.html", "<a href=\"https://storage.googleapis.com/«org»-public/brochure.pdf\">brochure</a>\n")
        .near("without a signature", "var/log/«app_dir»/e.log", "https://storage.googleapis.com/«org»-x/y?GoogleAccessId=up%40«org».iam.gserviceaccount.com&Expires=1798761600\n");
}

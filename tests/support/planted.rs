//! Synthetic secrets of every built-in rule in the files where such secrets lie,
//! with what a scan must say of each. Expectations are worked out by hand from the
//! text beside them and the providers' documents, or computed here by another way
//! than the program's. Values are put together when the test runs.

use snapsift::finding::Severity::{self, Critical, High, Info, Low, Medium};

use super::program::token;

/// A file to plant.
pub(crate) struct Planted {
    pub(crate) path: &'static str,
    pub(crate) mode: u32,
    /// User and group by the names in the root's own files.
    pub(crate) owner: (&'static str, &'static str),
    pub(crate) content: Vec<u8>,
    /// In the order of their places.
    pub(crate) secrets: Vec<Expected>,
}

/// A finding that must be there.
pub(crate) struct Expected {
    pub(crate) rule: &'static str,
    pub(crate) secret_type: &'static str,
    pub(crate) severity: Severity,
    /// The secret, and how it is written in the file where that differs.
    pub(crate) secret: String,
    pub(crate) written: String,
    /// All attributes.
    pub(crate) attributes: Vec<(&'static str, String)>,
    pub(crate) target: Option<(&'static str, String)>,
    /// When it expires, and whether that is past.
    pub(crate) expiry: Option<(&'static str, bool)>,
}

impl Expected {
    fn new(rule: &'static str, secret_type: &'static str, severity: Severity, secret: &str) -> Self {
        Self {
            rule,
            secret_type,
            severity,
            secret: secret.to_owned(),
            written: secret.to_owned(),
            attributes: Vec::new(),
            target: None,
            expiry: None,
        }
    }

    fn written(self, written: &str) -> Self {
        Self { written: written.to_owned(), ..self }
    }

    fn with(mut self, attributes: &[(&'static str, &str)]) -> Self {
        self.attributes.extend(attributes.iter().map(|(name, value)| (*name, (*value).to_owned())));
        self
    }

    fn opens(self, kind: &'static str, id: &str) -> Self {
        Self { target: Some((kind, id.to_owned())), ..self }
    }

    fn expires(self, at: &'static str, past: bool) -> Self {
        Self { expiry: Some((at, past)), ..self }
    }
}

/// Characters that look drawn by lot, the same for the same seed (SplitMix64).
fn drawn(seed: u64, length: usize, alphabet: &[u8]) -> String {
    let mut state = seed;
    let next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let size = u64::try_from(alphabet.len()).expect("small");
        char::from(alphabet[usize::try_from((mixed ^ (mixed >> 31)) % size).expect("small")])
    };
    std::iter::repeat_with(next).take(length).collect()
}

const BASE62: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE64URL: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A token of the form of GitHub's and npm's: prefix, thirty characters, checksum.
fn checked(prefix: &str, seed: u64) -> String {
    prefix.to_owned() + &token(seed)[4..]
}

/// An AWS key id of an account: after the kind's four letters come ten of base 32,
/// 50 bits, of which the second to the 41st are the account's number
/// (<https://medium.com/@TalBeerySec/a-short-note-on-aws-key-id-f88cc4317489>).
fn aws_id(kind: &str, account: u64, seed: u64) -> String {
    let bits = 1 << 49 | account << 9 | seed & 0x1ff;
    let digit =
        |place: u32| char::from(BASE32[usize::try_from(bits >> (5 * place) & 31).expect("five bits")]);
    let coded: String = (0..10).rev().map(digit).collect();
    kind.to_owned() + &coded + &drawn(seed, 6, BASE32)
}

/// A storage account's key. It is that of the rule's own example: its last bytes are
/// a checksum (Marvin32) of the others, and to compute it here would only repeat
/// the program's code.
fn storage_key() -> String {
    ["tBbCyzq+bB6RDNMrp3mfnUCvAwceYE", "H+/rBO0qzcI45SkLBrN+ldw8SwcQpLJfpftT0czJXPUzv6+ASt", "Z5ALYQ=="]
        .concat()
}

const TENANT: &str = "a3f2c6d8-91b4-4e57-b0c3-2f8d6e1a7b94";
const CLIENT: &str = "7c1b9a52-3e0d-4f6b-8a21-5d9e4c7b1f30";

/// Everything that is planted but the private keys.
pub(crate) fn all() -> Vec<Planted> {
    [github(), npm(), aws(), azure_configuration(), azure_urls(), others()].into_iter().flatten().collect()
}

fn file(
    path: &'static str,
    (mode, user, group): (u32, &'static str, &'static str),
    content: impl Into<Vec<u8>>,
    secrets: Vec<Expected>,
) -> Planted {
    Planted { path, mode, owner: (user, group), content: content.into(), secrets }
}

const DEPLOY: (u32, &str, &str) = (0o600, "deploy", "deploy");
const ROOT: (u32, &str, &str) = (0o644, "root", "root");
const WEB: (u32, &str, &str) = (0o640, "www-data", "deploy");

fn github() -> Vec<Planted> {
    let github = |rule, secret_type, severity, secret: &str| {
        Expected::new(rule, secret_type, severity, secret)
            .with(&[("host", "github.com")])
            .opens("github", "github.com")
    };
    let (classic, oauth) = (token(101), checked("gho_", 102));
    let (user, installation) = (checked("ghu_", 103), checked("ghs_", 104));
    let fine = ["github", "_pat_", &drawn(105, 22, BASE62), "_", &drawn(106, 59, BASE62)].concat();
    let refresh = "ghr_".to_owned() + &drawn(107, 76, BASE62);
    let pat = "GitHub personal access token";
    vec![
        file(
            "home/deploy/.git-credentials",
            DEPLOY,
            format!("https://deploy:{classic}@github.com\n"),
            vec![github("github-pat-classic", pat, High, &classic).with(&[("user", "deploy")])],
        ),
        file(
            "home/deploy/.config/gh/hosts.yml",
            DEPLOY,
            format!("github.com:\n    user: deploy\n    oauth_token: {oauth}\n    git_protocol: https\n"),
            vec![
                github("github-oauth-token", "GitHub OAuth access token", High, &oauth)
                    .with(&[("user", "deploy")]),
            ],
        ),
        file(
            "home/deploy/.bash_history",
            DEPLOY,
            format!(
                "ls -la\nexport GITHUB_TOKEN={fine}\ncd /srv\n\
                 git clone https://x-access-token:{installation}@github.com/acme/app\nexit\n"
            ),
            vec![
                github("github-pat-fine-grained", pat, High, &fine),
                github(
                    "github-app-installation-token",
                    "GitHub App installation access token",
                    Medium,
                    &installation,
                )
                .with(&[("user", "x-access-token")]),
            ],
        ),
        file(
            "srv/app/session.json",
            WEB,
            format!("{{\"access_token\":\"{user}\",\"refresh_token\":\"{refresh}\"}}"),
            vec![
                github("github-app-user-token", "GitHub App user access token", Medium, &user),
                github("github-refresh-token", "GitHub App refresh token", High, &refresh)
                    .with(&[("checksum", "invalid")]),
            ],
        ),
    ]
}

fn npm() -> Vec<Planted> {
    let (public, private) = (checked("npm_", 201), checked("npm_", 202));
    let npm = |secret: &str, registry: &str| {
        Expected::new("npm-token", "NPM author token", High, secret)
            .with(&[("registry", registry)])
            .opens("npm_registry", registry)
    };
    vec![
        file(
            "home/deploy/.npmrc",
            DEPLOY,
            format!("registry=https://registry.npmjs.org/\n//registry.npmjs.org/:_authToken={public}\n"),
            vec![npm(&public, "registry.npmjs.org")],
        ),
        file(
            "srv/app/.npmrc",
            WEB,
            format!("@acme:registry=https://npm.acme.io:8443/\n//npm.acme.io:8443/:_authToken={private}"),
            vec![npm(&private, "npm.acme.io:8443")],
        ),
    ]
}

fn aws() -> Vec<Planted> {
    let kind = "AWS access key";
    let (long, temporary) = (aws_id("AKIA", 210_987_654_321, 301), aws_id("ASIA", 321_098_765_432, 302));
    let (alone, secret) = (aws_id("AKIA", 456_789_012_345, 303), |seed| drawn(seed, 40, BASE64));
    let pair = |secret: &str, id: &str, account: &str, kind_of_key: &str| {
        Expected::new("aws-access-key", kind, High, secret)
            .with(&[("account", account), ("key_id", id), ("key_kind", kind_of_key), ("partition", "aws")])
            .opens("aws_account", &format!("arn:aws:iam::{account}:root"))
    };
    let (first, second, third) = (secret(304), secret(305), secret(306));
    // An id in the middle of a log that is larger than any window of the reading.
    let mut log = b"2026-01-02T03:04:05Z GET /health 200 12 ms\n".repeat(500_000);
    log.extend_from_slice(format!("2026-01-02T03:04:05Z assumed by {alone}\n").as_bytes());
    log.extend_from_slice(&b"2026-01-02T03:04:05Z GET /health 200 12 ms\n".repeat(100_000));
    vec![
        file(
            "root/.aws/credentials",
            (0o600, "root", "root"),
            format!(
                "[default]\naws_access_key_id = {long}\naws_secret_access_key = {first}\n\
                 region = eu-central-1\n{}[session]\naws_access_key_id = {temporary}\n\
                 aws_secret_access_key = {second}\naws_session_token = none\n",
                "# a section of its own\n".repeat(12)
            ),
            vec![
                pair(&first, &long, "210987654321", "long_term")
                    .with(&[("region", "eu-central-1"), ("profile", "default")]),
                pair(&second, &temporary, "321098765432", "temporary").with(&[("profile", "session")]),
            ],
        ),
        file(
            "var/log/app/access.log",
            (0o640, "root", "adm"),
            log,
            vec![
                Expected::new("aws-access-key-id", kind, Info, &alone)
                    .with(&[
                        ("account", "456789012345"),
                        ("key_id", &alone),
                        ("key_kind", "long_term"),
                        ("partition", "aws"),
                    ])
                    .opens("aws_account", "arn:aws:iam::456789012345:root"),
            ],
        ),
        file(
            "etc/default/app",
            ROOT,
            format!("PORT=8080\nAWS_SECRET_ACCESS_KEY={third}\n"),
            vec![Expected::new("aws-secret-access-key", kind, Medium, &third)],
        ),
    ]
}

fn azure_configuration() -> Vec<Planted> {
    let key = storage_key();
    let escaped = key.replace('+', "\\u002B");
    let password = "k7Wq!".to_owned() + &drawn(401, 11, BASE62);
    let (entra, older) = (
        ["1N48", "Q~JbOv3LFCRXAMjUAMtW3jtxjR_iGxbYMdqV"].concat(),
        "z5i7Q~".to_owned() + &drawn(402, 31, BASE62),
    );
    let storage = |rule, account: &str| {
        Expected::new(rule, "Azure storage account connection string", Critical, &key)
            .with(&[("account", account), ("suffix", "core.windows.net")])
            .opens("azure_storage_account", &format!("{account}.blob.core.windows.net"))
    };
    let client = |rule, secret: &str| {
        Expected::new(rule, "Azure AD client secret", High, secret)
            .with(&[("client_id", CLIENT), ("tenant", TENANT)])
            .opens("entra_application", CLIENT)
    };
    vec![
        file(
            "etc/app/appsettings.json",
            (0o640, "root", "www-data"),
            format!(
                "{{\n  \"Storage\": \"DefaultEndpointsProtocol=https;AccountName=acmelogs7;AccountKey={escaped};\
                 EndpointSuffix=core.windows.net\",\n  \"Orders\": \"Server=tcp:acme-prod.database.windows.net,1433;\
                 Initial Catalog=orders;User ID=sqladmin;Password={password};Encrypt=True;\"\n}}\n"
            ),
            vec![
                storage("azure-storage-connection-string", "acmelogs7")
                    .written(&escaped)
                    .with(&[("key_role", "account"), ("protocol", "https")]),
                Expected::new("azure-sql-connection-string", "Azure SQL connection string", High, &password)
                    .with(&[
                        ("engine", "sqlserver"),
                        ("server", "acme-prod.database.windows.net"),
                        ("port", "1433"),
                        ("database", "orders"),
                        ("user", "sqladmin"),
                    ])
                    .opens("azure_sql_server", "acme-prod.database.windows.net"),
            ],
        ),
        file(
            "etc/app/lake.properties",
            ROOT,
            format!("# data lake\nfs.azure.account.key.acmelake.dfs.core.windows.net={key}\n"),
            vec![
                storage("azure-storage-hadoop-key", "acmelake")
                    .with(&[("key_role", "account"), ("service", "dfs")]),
            ],
        ),
        file(
            "etc/systemd/system/app.service.d/azure.conf",
            ROOT,
            format!(
                "[Service]\nEnvironment=AZURE_TENANT_ID={TENANT}\nEnvironment=AZURE_CLIENT_ID={CLIENT}\n\
                 Environment=AZURE_CLIENT_SECRET={entra}\n"
            ),
            vec![client("entra-client-secret", &entra)],
        ),
        file(
            "srv/app/terraform.tfvars",
            DEPLOY,
            format!("tenant_id = \"{TENANT}\"\nclient_id = \"{CLIENT}\"\nclient_secret = \"{older}\"\n"),
            vec![client("entra-client-secret-37", &older)],
        ),
    ]
}

/// Shared access signatures: 32 bytes in base64, escaped for a URL.
fn azure_urls() -> Vec<Planted> {
    let signature = |seed| drawn(seed, 42, BASE64) + "8=";
    let url = |signature: &str| signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    let (service, account) = (signature(501), signature(502));
    let sas = |secret: &str, severity| {
        let kind = "Azure storage account SAS token";
        Expected::new("azure-storage-sas", kind, severity, secret).written(&url(secret))
    };
    let store = "azure_storage_account";
    vec![
        file(
            "home/deploy/bin/backup.sh",
            (0o755, "deploy", "deploy"),
            format!(
                "#!/bin/sh\ncurl -T /var/backups/db.bak \\\n  'https://acmebackup.blob.core.windows.net/nightly/db.bak\
                 ?sp=cw&st=2026-01-01T00:00:00Z&se=2099-02-03T04:05:06Z&spr=https&sv=2024-11-04&sr=c&sig={}'\n",
                url(&service)
            ),
            vec![
                sas(&service, High)
                    .with(&[
                        ("account", "acmebackup"),
                        ("host", "acmebackup.blob.core.windows.net"),
                        ("suffix", "core.windows.net"),
                        ("service", "blob"),
                        ("path", "nightly/db.bak"),
                        ("permissions", "cw"),
                        ("protocol", "https"),
                        ("resource", "c"),
                        ("sas_kind", "service"),
                        ("version", "2024-11-04"),
                        ("not_before", "2026-01-01T00:00:00Z"),
                        ("expires_at", "2099-02-03T04:05:06Z"),
                    ])
                    .opens(store, "acmebackup.blob.core.windows.net")
                    .expires("2099-02-03T04:05:06Z", false),
            ],
        ),
        file(
            "srv/app/web.config",
            WEB,
            format!(
                "<configuration>\n  <add key=\"Files\" value=\"https://acmefiles.file.core.windows.net/?sv=2022-11-02&amp;\
                 ss=f&amp;srt=sco&amp;sp=rl&amp;se=2021-05-06&amp;sip=10.0.0.1-10.0.0.9&amp;sig={}\" />\n</configuration>\n",
                url(&account)
            ),
            vec![
                // A secret that has expired is low at most.
                sas(&account, Low)
                    .with(&[
                        ("account", "acmefiles"),
                        ("host", "acmefiles.file.core.windows.net"),
                        ("suffix", "core.windows.net"),
                        ("service", "file"),
                        ("services", "f"),
                        ("resource_types", "sco"),
                        ("permissions", "rl"),
                        ("ip", "10.0.0.1-10.0.0.9"),
                        ("sas_kind", "account"),
                        ("version", "2022-11-02"),
                        ("expires_at", "2021-05-06T00:00:00Z"),
                    ])
                    .opens(store, "acmefiles.blob.core.windows.net")
                    .expires("2021-05-06T00:00:00Z", true),
            ],
        ),
    ]
}

fn others() -> Vec<Planted> {
    let openai =
        ["sk", "-proj-", &drawn(601, 74, BASE64URL), "T3Blbk", "FJ", &drawn(602, 74, BASE64URL)].concat();
    let google = ["AI", "zaSy", &drawn(603, 33, BASE62)].concat();
    let organization = "org-".to_owned() + &drawn(604, 24, BASE62);
    let mut store = vec![0; 4096];
    store[100..100 + google.len()].copy_from_slice(google.as_bytes());
    let gcp = |secret: &str| Expected::new("gcp-api-key", "GCP API key", Medium, secret);
    vec![
        file(
            "srv/app/.env",
            WEB,
            format!("OPENAI_ORG={organization}\r\nOPENAI_API_KEY={openai}\r\n"),
            vec![
                Expected::new("openai-api-key", "OpenAI API key", High, &openai)
                    .with(&[("organization", &organization)])
                    .opens("openai", "api.openai.com"),
            ],
        ),
        file(
            "srv/app/google-services.json",
            WEB,
            format!(
                "{{\"project_info\": {{\"project_id\": \"acme-prod-7\"}},\n \"current_key\": \"{google}\"}}\n"
            ),
            vec![
                Expected::new("gcp-api-key-client", "GCP API key", Low, &google)
                    .with(&[("project", "acme-prod-7")])
                    .opens("gcp_project", "acme-prod-7"),
            ],
        ),
        // The same in a file that is no text, with nothing that tells the project.
        file("var/lib/app/cache.db", WEB, store, vec![gcp(&google)]),
    ]
}

/// Texts with the form of secrets that are none: published samples, a wrong
/// checksum, variables, placeholders; and a real one among a package's tests.
pub(crate) fn decoys() -> Vec<Planted> {
    let mut broken = token(701);
    let last = if broken.pop() == Some('x') { 'y' } else { 'x' };
    broken.push(last);
    let sample = [
        "aws_access_key_id = AKIAIOSF",
        "ODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/",
        "bPxRfiCYEXAMPLEKEY\n",
        "UseDevelopmentStorage;AccountName=devstoreaccount1;AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDX",
        "J1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==\n",
        "//registry.npmjs.org/:_authToken=${NPM_TOKEN}\n",
        "Server=acme.database.windows.net;Database=d;User ID=u;Password={your_password};\n",
        "-----BEGIN RSA PRI",
        "VATE KEY-----\n...\n-----END RSA PRI",
        "VATE KEY-----\n",
    ]
    .concat();
    vec![
        file("etc/app/sample.conf", ROOT, sample, Vec::new()),
        file("etc/app/broken", ROOT, format!("token={broken}\n"), Vec::new()),
        file(
            "usr/lib/python3/dist-packages/acme/tests/fixture.py",
            ROOT,
            format!("TOKEN = \"{}\"\n", token(702)),
            Vec::new(),
        ),
    ]
}

//! `fleet assets` over inventories in the shapes that the clouds publish
//! (`testdata/inventory`). What is expected was worked out by hand; fingerprints are those
//! that ssh-keygen prints.
#![allow(clippy::expect_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};

use support::program::{code, snapsift, stderr, stdout};

const SECRET: &str = "planted-correct-horse";

struct Case {
    folder: tempfile::TempDir,
    public: String,
    fingerprint: String,
}

impl Case {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "x", "-f"])
            .arg(&key)
            .status();
        assert!(made.expect("ssh-keygen").success());
        let listed = Command::new("ssh-keygen").arg("-lf").arg(&key).output().expect("ssh-keygen");
        let listed = String::from_utf8(listed.stdout).expect("UTF-8");
        let fingerprint = listed.split(' ').nth(1).expect("a fingerprint").to_owned();
        let public = std::fs::read_to_string(folder.path().join("key.pub")).expect("the public half");
        Self { folder, public: public.trim().to_owned(), fingerprint }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("fleet.db")
    }

    /// A fixture, with what is only known now in it.
    fn fixture(&self, name: &str) -> PathBuf {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/inventory");
        let text = std::fs::read_to_string(root.join(name)).expect("a fixture");
        let shown = self.fingerprint.trim_start_matches("SHA256:");
        let text =
            text.replace("PLANTED", SECRET).replace("PUBLIC_KEY", &self.public).replace("FINGERPRINT", shown);
        self.file(name, &text)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }

    fn run(&self, flags: &[&str], files: &[PathBuf]) -> Output {
        let mut command = snapsift();
        command.args(["fleet", "assets"]).args(flags).arg(self.store()).args(files);
        command.output().expect("the program runs")
    }

    fn take(&self, names: &[&str]) -> Output {
        self.run(&[], &names.iter().map(|name| self.fixture(name)).collect::<Vec<_>>())
    }

    /// Rows, with `|` between columns.
    fn rows(&self, query: &str) -> Vec<String> {
        let store = rusqlite::Connection::open(self.store()).expect("the store");
        let mut query = store.prepare(query).expect("a query");
        let columns = query.column_count();
        let rows = query.query_map([], |row| {
            let cells = (0..columns).map(|at| {
                Ok(match row.get_ref(at)? {
                    rusqlite::types::ValueRef::Integer(number) => number.to_string(),
                    rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
                    _ => String::new(),
                })
            });
            Ok(cells.collect::<Result<Vec<_>, rusqlite::Error>>()?.join("|"))
        });
        rows.expect("rows").collect::<Result<_, _>>().expect("rows")
    }
}

const EXPOSED: &str =
    "SELECT name, exposed, exposed_ports FROM asset WHERE kind = 'machine' ORDER BY asset_id";

#[test]
fn azure_exposure_needs_interface_and_subnet_and_priorities() {
    let case = Case::new();
    let output = case.take(&["azure-machines.json", "azure-network.json"]);
    assert_eq!(code(&output), 3, "{}{}", stdout(&output), stderr(&output));
    let expected = [
        "basic|yes|tcp/0-65535,udp/0-65535", // a basic address without a group is open
        "closed|no|",                        // a standard one is closed
        "deny|no|",                          // the denial comes first
        "nat|yes|tcp/22",                    // through the balancer, at the port behind
        "open|yes|tcp/22",                   // 8000-8100 only from 10.0.0.0/8
        "private|no|",
        "subnet|no|", // the interface allows 22, its subnet only 443
        "unlisted|unknown|",
    ];
    assert_eq!(case.rows(EXPOSED), expected);
    let text = stdout(&output);
    assert!(text.contains("record 12: the field name is no text"), "{text}");
    assert!(text.contains("record 13: it has no id"), "{text}");
    assert!(text.contains("data[]") || text.contains("properties.vmId"), "{text}");
}

#[test]
fn azure_keys_names_and_edges() {
    let case = Case::new();
    case.take(&["azure-machines.json"]);
    let grants = case.rows("SELECT DISTINCT account, form, fingerprint FROM asset_grant");
    assert_eq!(grants, [format!("azureuser|sha256|{}", case.fingerprint)]);
    let usable = case.rows("SELECT usable, sensitivity FROM asset WHERE name = 'acct1'");
    assert_eq!(usable, ["no|high"]);
    let names = "SELECT kind FROM asset_name WHERE name IN ('acct1.blob.core.windows.net', 'sql1.database.windows.net')";
    assert_eq!(case.rows(&format!("SELECT DISTINCT * FROM ({names})")), ["endpoint"]);
    let edges = "SELECT e.privilege, a.edge FROM asset_edge e JOIN asset_edge a ON a.to_asset = e.from_asset \
                 JOIN asset t ON t.asset_id = e.to_asset WHERE a.from_asset LIKE '%/open'";
    assert_eq!(case.rows(edges), ["owner|can_authenticate_as"]);
    let levels = "SELECT criticality, owner FROM asset WHERE name = 'open'";
    assert_eq!(case.rows(levels), ["high|team-a@example.com"]);
}

#[test]
fn aws_groups_addresses_and_key_pairs() {
    let case = Case::new();
    // Groups and pairs in other files, and the instances first.
    let names = [
        "aws-instances.json",
        "aws-groups.json",
        "aws-key-pairs.json",
        "aws-rds.json",
        "aws-access-keys.json",
    ];
    let output = case.take(&names);
    assert_eq!(code(&output), 3, "{}{}", stdout(&output), stderr(&output));
    let expected = [
        "web i-01|yes|tcp/80-90", // 22 from one network only
        "web i-02|no|",           // the rule is for IPv6, the address is not
        "web i-03|yes|tcp/22",    // IPv6 alone
        "web i-04|no|",
        "web i-05|unknown|", // its group is in no inventory
    ];
    assert_eq!(case.rows(EXPOSED), expected);
    assert!(stdout(&output).contains("was in this file before"), "{}", stdout(&output));
    let grants = case.rows("SELECT form, fingerprint, COUNT(*) FROM asset_grant GROUP BY 1, 2");
    assert_eq!(grants, [format!("sha256|{}|5", case.fingerprint)]);
    let forms = case.rows("SELECT name, form FROM key_pair WHERE name <> 'deploy' ORDER BY name");
    assert_eq!(forms, ["imported|ec2_imported", "old|ec2_created"]);
    let database = "SELECT a.exposed, a.sensitivity FROM asset a JOIN asset_name n ON n.asset_id = a.asset_id \
                    WHERE n.name = 'db1.abc.eu-west-1.rds.amazonaws.com'";
    assert_eq!(case.rows(database), ["yes|high"]);
    assert_eq!(case.rows("SELECT usable FROM asset WHERE kind = 'identity'"), ["no"]);
}

/// By the examples of the AWS Config Developer Guide: snapshots, and answers of advanced queries.
#[test]
fn aws_config_snapshots_and_queries() {
    let case = Case::new();
    let output = case.take(&["aws-config.json"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("record 5: it was deleted"), "{}", stdout(&output));
    assert_eq!(case.rows(EXPOSED), ["config web|yes|tcp/443"]); // 22 from one network only
    let assets = "SELECT kind, type, account, region, criticality, sensitivity FROM asset WHERE name LIKE 'config%' ORDER BY type";
    let expected = [
        "machine|AWS::EC2::Instance|123456789012|us-east-1|high|unknown",
        "database|AWS::RDS::DBInstance|123456789012|us-east-1|unknown|unknown",
        "storage|AWS::S3::Bucket|123456789012|us-east-1|unknown|high",
    ];
    assert_eq!(case.rows(assets), expected);
    let names = "SELECT kind, name FROM asset_name WHERE asset_id LIKE '%/i-0c1' AND kind IN ('disk', 'instance_id', 'public_ip') ORDER BY 1, 2";
    assert_eq!(case.rows(names), ["disk|vol-0c1", "instance_id|i-0c1", "public_ip|198.51.100.9"]);
    let endpoints = case.rows("SELECT name FROM asset_name WHERE kind = 'endpoint' ORDER BY 1");
    assert_eq!(endpoints, ["config-logs.s3.amazonaws.com", "config-main.abc.us-east-1.rds.amazonaws.com"]);
    let policies = case.rows("SELECT actions, resources FROM policy_statement");
    assert_eq!(policies, ["s3:*|arn:aws:s3:::config-*"]);
    let edges = case.rows("SELECT edge FROM asset_edge WHERE from_asset LIKE '%user/ci' ORDER BY 1");
    assert_eq!(edges, ["has_policy", "has_policy"]);

    let output = case.take(&["aws-config-query.json"]);
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    assert!(stdout(&output).contains("record 3: it is no JSON in a text"), "{}", stdout(&output));
    let queried = "SELECT asset_id FROM asset WHERE region = 'eu-west-1' ORDER BY 1";
    assert_eq!(
        case.rows(queried),
        ["arn:aws:ec2:eu-west-1:123456789012:instance/i-0c3", "arn:aws:s3:::query-bucket"]
    );
}

/// By the API reference of AWS Resource Explorer, `Search`: presence and tags.
#[test]
fn aws_resource_explorer() {
    let case = Case::new();
    let output = case.take(&["aws-resource-explorer.json"]);
    assert_eq!(code(&output), 3, "{}", stdout(&output));
    assert!(stdout(&output).contains("record 4: it has no Arn"), "{}", stdout(&output));
    let assets = case.rows("SELECT kind, name, account, criticality, exposed FROM asset ORDER BY kind");
    let expected = [
        "machine|explored|123456789012|high|unknown",
        "other||123456789012|unknown|unknown",
        "storage||123456789012|unknown|unknown",
    ];
    assert_eq!(assets, expected);
    assert_eq!(case.rows("SELECT name FROM asset_name WHERE kind = 'instance_id'"), ["i-0e1"]);
    // What a better inventory says stays when this one is taken after it.
    let better = case.file("i.json", r#"{"Reservations": [{"OwnerId": "123456789012", "Instances": [{"InstanceId": "i-0e1",
        "State": {"Name": "running"}, "Placement": {"AvailabilityZone": "us-east-1a"}, "PrivateIpAddress": "10.0.0.1"}]}]}"#);
    assert_eq!(code(&case.run(&[], &[better])), 0);
    assert_eq!(
        case.rows("SELECT name, state, criticality, exposed FROM asset WHERE kind = 'machine'"),
        ["explored|running|high|no"]
    );
}

/// By HashiCorp's JSON output format: modules within modules, data sources left alone.
#[test]
fn terraform_show() {
    let case = Case::new();
    let output = case.take(&["terraform-show.json"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert!(stdout(&output).contains("terraform_show"), "{}", stdout(&output));
    assert_eq!(case.rows(EXPOSED), ["shown web|yes|tcp/22"]);
    let all = case.rows("SELECT kind, exposed FROM asset WHERE kind <> 'machine'");
    assert_eq!(all, ["database|yes"]);
    let endpoint = case.rows("SELECT name FROM asset_name WHERE kind = 'endpoint'");
    assert_eq!(endpoint, ["shown-main.abc.eu-west-1.rds.amazonaws.com"]);
}

/// `gcloud asset list --format=json` is the export as one list; `search-all-resources` has no data
/// of the resources, only what they are.
#[test]
fn gcp_lists() {
    let case = Case::new();
    let output = case.take(&["gcp-list.json"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(case.rows(EXPOSED), ["login|no|", "tagged|yes|tcp/22", "untagged|no|"]);
    let other = Case::new();
    let output = other.take(&["gcp-search.json"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    let assets =
        other.rows("SELECT kind, name, account, region, criticality, exposed FROM asset ORDER BY kind");
    let expected =
        ["machine|searched|p2|europe-west1-b|high|unknown", "storage|searched-bucket|22|eu|unknown|unknown"];
    assert_eq!(assets, expected);
}

#[test]
fn gcp_targets_and_keys_of_metadata() {
    let case = Case::new();
    let output = case.take(&["gcp.jsonl"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    // 3389 is denied with a better priority; the rule for all protocols is disabled.
    assert_eq!(case.rows(EXPOSED), ["login|no|", "tagged|yes|tcp/22", "untagged|no|"]);
    let grants = "SELECT a.name, g.account FROM asset_grant g JOIN asset a ON a.asset_id = g.asset_id \
                  WHERE a.kind = 'machine' ORDER BY 1, 2";
    assert_eq!(case.rows(grants), ["tagged|alice", "tagged|carol"]);
    let edges = "SELECT a.edge, b.privilege FROM asset_edge a JOIN asset_edge b ON b.from_asset = a.to_asset \
                 WHERE a.from_asset LIKE '%/tagged' AND b.to_asset = '//storage.googleapis.com/bucket1'";
    assert_eq!(case.rows(edges), ["can_authenticate_as|read"]);
}

#[test]
fn terraform_reads_named_fields_only() {
    let case = Case::new();
    let output = case.take(&["terraform.tfstate"]);
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(case.rows(EXPOSED), ["tf web|yes|tcp/0-65535,udp/0-65535"]);
    assert_eq!(case.rows("SELECT fingerprint FROM asset_grant"), std::slice::from_ref(&case.fingerprint));
}

#[test]
fn csv_and_vulnerabilities() {
    let case = Case::new();
    let output = case.take(&["assets.csv", "vulnerabilities.csv", "trivy.json", "grype.json"]);
    assert_eq!(code(&output), 3, "{}{}", stdout(&output), stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("record 4: kind is none of machine"), "{text}");
    assert!(text.contains("record 5: it has not as many fields"), "{text}");
    assert!(text.contains("record 3: epss is no number"), "{text}");
    let machines =
        case.rows("SELECT asset_id, exposed, exposed_ports, criticality FROM asset WHERE kind = 'machine'");
    assert_eq!(machines, ["m1|yes|tcp/22|very_high", "m2|no||unknown"]);
    let vulnerable = "SELECT subject, vulnerable, max_severity, critical, high, other, remote_code, exploited \
                      FROM vulnerable ORDER BY 1, inventory_id";
    let expected = [
        "m1|1|high|0|1|0|0|0", // the CSV of assets says only `yes`
        "m1|1|critical|1|0|1|1|0",
        "registry.example/app:1|1|high|0|1|1|1|1",
        "web-1|1|critical|1|1|1|1|0",
    ];
    assert_eq!(case.rows(vulnerable), expected);
    let details = case.rows("SELECT vulnerability FROM vulnerability ORDER BY 1");
    assert_eq!(details, ["CVE-2099-0001", "CVE-2099-0002", "CVE-2099-0005", "CVE-2099-0006"]);
    // A hostile name is a name.
    assert_eq!(case.rows("SELECT COUNT(*) FROM asset_name WHERE name LIKE '%drop table%'"), ["1"]);
    let again = case.run(&["--machine", "web-9"], &[case.fixture("trivy.json")]);
    assert_eq!(code(&again), 0, "{}", stderr(&again));
    assert_eq!(case.rows("SELECT critical FROM vulnerable WHERE subject = 'web-9'"), ["1"]);
}

#[test]
fn nothing_outside_of_the_whitelist_is_stored_or_shown() {
    let case = Case::new();
    let names = [
        "azure-machines.json",
        "aws-instances.json",
        "aws-groups.json",
        "aws-key-pairs.json",
        "aws-rds.json",
        "gcp.jsonl",
        "gcp-search.json",
        "aws-config.json",
        "terraform.tfstate",
        "terraform-show.json",
        "trivy.json",
        "grype.json",
        "assets.csv",
    ];
    for name in names {
        let planted = std::fs::read(case.fixture(name)).expect("a file");
        assert!(memchr::memmem::find(&planted, SECRET.as_bytes()).is_some(), "{name}");
    }
    let output = case.take(&names);
    assert!(!stdout(&output).contains(SECRET) && !stderr(&output).contains(SECRET));
    for entry in std::fs::read_dir(case.folder.path()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fleet.db")) {
            let bytes = std::fs::read(&path).expect("the store");
            assert!(memchr::memmem::find(&bytes, SECRET.as_bytes()).is_none(), "{}", path.display());
        }
    }
}

#[test]
fn a_file_is_taken_once_and_a_broken_one_not_at_all() {
    let case = Case::new();
    let names = ["aws-rds.json"];
    assert_eq!(code(&case.take(&names)), 0);
    let again = case.take(&names);
    assert_eq!(code(&again), 0);
    assert!(stdout(&again).contains("in the store already"), "{}", stdout(&again));
    let whole = std::fs::read_to_string(case.fixture("azure-machines.json")).expect("a file");
    let cut = case.file("cut.json", &whole[..whole.len() / 2]);
    let output = case.run(&[], &[cut]);
    assert_eq!(code(&output), 2);
    assert!(
        stderr(&output).contains("cut.json") && stderr(&output).contains("nothing of this file"),
        "{}",
        stderr(&output)
    );
    for (name, text) in [("a.json", "{\"x\": 1}"), ("b.json", "[1, 2]"), ("c.csv", "a,b\n1,2\n"), ("d", "")] {
        let output = case.run(&[], &[case.file(name, text)]);
        assert_eq!(code(&output), 2, "{name}");
        assert!(stderr(&output).contains(name) && stderr(&output).contains("CSV"), "{}", stderr(&output));
    }
    let deep = case.file("deep.json", &"[".repeat(100_000));
    assert_eq!(code(&case.run(&[], &[deep])), 2);
    assert_eq!(case.rows("SELECT COUNT(*) FROM asset"), ["1"]);
    assert_eq!(case.rows("SELECT COUNT(*) FROM inventory"), ["1"]);
}

#[test]
fn a_whole_file_tells_what_is_gone() {
    let case = Case::new();
    let both = "{\"Buckets\": [{\"Name\": \"one\"}, {\"Name\": \"two\"}]}";
    let one = "{\"Buckets\": [{\"Name\": \"one\"}]}";
    let flags = ["--whole", "--scope", "000000000001"];
    assert_eq!(code(&case.run(&flags, &[case.file("1.json", both)])), 0);
    assert_eq!(code(&case.run(&["--whole", "--scope", "other"], &[case.file("2.json", one)])), 0);
    let gone = "SELECT name FROM asset WHERE deleted IS NOT NULL";
    assert!(case.rows(gone).is_empty(), "another scope");
    let output = case.run(&flags, &[case.file("3.json", one)]);
    assert_eq!(code(&output), 0);
    assert!(stdout(&output).contains("no longer listed 1"), "{}", stdout(&output));
    assert_eq!(case.rows(gone), ["two"]);
    let part = "{\"Buckets\": [{\"Name\": \"one\"}], \"NextToken\": \"x\"}";
    let output = case.run(&flags, &[case.file("4.json", part)]);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("cannot be whole"), "{}", stderr(&output));
}

#[test]
fn gzip_and_json_output() {
    let case = Case::new();
    let path = case.fixture("aws-groups.json");
    let packed = Command::new("gzip").arg("-k").arg(&path).status().expect("gzip");
    assert!(packed.success());
    let output = case.run(&["--format", "json"], &[path.with_extension("json.gz")]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let shown: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(shown["files"][0]["shape"], "aws_security_groups");
    assert_eq!(shown["files"][0]["records"], 2);
}

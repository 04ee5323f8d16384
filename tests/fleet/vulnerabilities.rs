//! Reports of vulnerabilities with what takes them away and what makes them worse. The documents
//! follow the examples of the OpenVEX specification, of CycloneDX, of CISA's catalogue and of the
//! API reference of Amazon Inspector.

use serde_json::{Value, json};

use super::stream::Scan;
use super::{Fleet, asset};

const OPENSSL: &str = "pkg:deb/debian/openssl@3.0.11-1?arch=amd64";
const CURL: &str = "pkg:deb/debian/curl@7.88.1-10?arch=amd64";

/// An exposed machine with a key that opens another, and a report of two vulnerabilities.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.inventory(
        &(asset("web", "aws", true, false, "low")
            + &asset("db", "aws", false, false, "low")
            + "INSERT INTO asset_link VALUES ('web', 'declared', 'yes', 1); DELETE FROM vulnerable;"),
    );
    let mut web = Scan::new("scan-of-web", "web", "2026-01-01T00:00:00Z");
    web.holds("K", "root", false);
    let mut db = Scan::new("scan-of-db", "db", "2026-01-01T00:00:00Z");
    db.accepts("K", "app", &json!({"state": "accepted"}));
    fleet.add(&[web.text(), db.text()]);
    let one = |id: &str, package: &str, purl: &str, severity: &str| {
        json!({"VulnerabilityID": id, "PkgName": package, "PkgIdentifier": {"PURL": purl}, "InstalledVersion": "1",
            "Severity": severity})
    };
    let report = json!({"SchemaVersion": 2, "ArtifactName": "registry.example/web:1", "Results": [{"Target": "web", "Class": "os-pkgs",
        "Vulnerabilities": [one("CVE-2099-0001", "openssl", OPENSSL, "CRITICAL"), one("CVE-2099-0002", "curl", CURL, "HIGH")]}]});
    fleet.assets(&["--machine", "i-web"], "trivy.json", &report.to_string());
    fleet
}

fn risk(fleet: &Fleet) -> (String, String) {
    let rows = fleet.rows("SELECT risk, why FROM v1_recommendation WHERE hostname = 'web'");
    let text = |at: usize| rows[0][at].trim_start_matches("Text(\"").trim_end_matches("\")").to_owned();
    (text(0), text(1))
}

fn rules(fleet: &Fleet) -> usize {
    fleet.ask("attack-paths", &[]).len()
}

fn openvex(id: &str, version: u32, statements: &Value) -> String {
    json!({"@context": "https://openvex.dev/ns/v0.2.0", "@id": id, "author": "a vendor", "timestamp": "2026-01-01T00:00:00Z",
        "version": version, "statements": statements})
    .to_string()
}

fn statement(vulnerability: &str, product: &str, status: &str, why: &str) -> Value {
    json!({"vulnerability": {"name": vulnerability}, "products": [{"@id": product}], "status": status, "justification": why})
}

#[test]
fn openvex_takes_away_what_does_not_affect() {
    let fleet = fleet();
    assert_eq!((rules(&fleet), &*risk(&fleet).0), (1, "high"));
    // Of another version, another package, another vulnerability, another machine.
    let others = json!([
        statement("CVE-2099-0001", "pkg:deb/debian/openssl@3.0.12", "not_affected", "component_not_present"),
        statement("CVE-2099-0001", "pkg:deb/debian/curl", "not_affected", "component_not_present"),
        statement("CVE-2099-0003", "pkg:deb/debian/openssl", "fixed", ""),
        {"vulnerability": {"name": "CVE-2099-0001"}, "status": "fixed",
            "products": [{"@id": "pkg:oci/other?repository_url=registry.example", "subcomponents": [{"@id": "pkg:deb/debian/openssl"}]}]}]);
    let printed = fleet.assets(&[], "others.json", &openvex("urn:1", 1, &others));
    assert!(printed.contains("records 4, left out 0") && !printed.contains("take away"), "{printed}");
    assert_eq!(rules(&fleet), 1);
    let both = json!([
        statement(
            "CVE-2099-0001",
            "pkg:deb/debian/openssl",
            "not_affected",
            "vulnerable_code_not_in_execute_path"
        ),
        statement("CVE-2099-0002", CURL, "fixed", "")
    ]);
    let printed = fleet.assets(&[], "both.json", &openvex("urn:2", 1, &both));
    assert!(printed.contains("VEX documents take away: 2"), "{printed}");
    assert_eq!(rules(&fleet), 0, "the machine is not vulnerable any more");
    let (level, why) = risk(&fleet);
    assert_eq!(level, "high", "it is exposed and the key opens something: {why}");
    assert!(why.contains("vulnerabilities that VEX takes away: 2"), "{why}");
    let listed = fleet.ask("vulnerabilities", &[]);
    let reasons: Vec<_> = listed.iter().map(|row| row["not_counted"].as_str().unwrap_or_default()).collect();
    assert_eq!(reasons, ["VEX: not_affected, vulnerable_code_not_in_execute_path", "VEX: fixed"]);
    // A newer version of the document says less; a newer statement says otherwise.
    let newer = json!([statement("CVE-2099-0002", CURL, "fixed", "")]);
    fleet.assets(&[], "newer.json", &openvex("urn:2", 2, &newer));
    assert_eq!(rules(&fleet), 1);
    let mut later = json!([statement("CVE-2099-0002", CURL, "under_investigation", "")]);
    later[0]["timestamp"] = json!("2026-02-01T00:00:00Z");
    fleet.assets(&[], "later.json", &openvex("urn:3", 1, &later));
    assert_eq!(fleet.rows("SELECT COUNT(*) FROM vulnerability WHERE not_counted <> ''"), [["Integer(0)"]]);
}

#[test]
fn cyclonedx_by_reference_and_for_one_machine() {
    let fleet = fleet();
    let vex = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "serialNumber": "urn:uuid:1", "version": 1,
        "components": [{"type": "library", "name": "openssl", "bom-ref": "ref-1", "purl": OPENSSL}],
        "vulnerabilities": [
            {"id": "CVE-2099-0001", "analysis": {"state": "not_affected", "justification": "code_not_reachable"}, "affects": [{"ref": "ref-1"}]},
            {"id": "CVE-2099-0002", "analysis": {"state": "resolved"}, "affects": [{"ref": format!("urn:cdx:0/1#{CURL}")}]},
            {"id": "CVE-2099-0002", "affects": [{"ref": "ref-1"}]}]});
    let printed = fleet.assets(&[], "vex.json", &vex.to_string());
    assert!(printed.contains("take away: 2"), "{printed}");
    assert_eq!(rules(&fleet), 0);
    // Of the image as a whole, said to be what runs on the machine.
    let image = self::fleet();
    let all = json!([
        statement("CVE-2099-0001", "pkg:oci/web", "fixed", ""),
        statement("CVE-2099-0002", "pkg:oci/web", "fixed", "")
    ]);
    image.assets(&[], "unclear.json", &openvex("urn:1", 1, &all));
    assert_eq!(rules(&image), 1);
    image.assets(&["--machine", "i-web"], "clear.json", &openvex("urn:2", 1, &all));
    assert_eq!(rules(&image), 0);
}

#[test]
fn what_is_used_in_attacks_raises_the_risk() {
    let fleet = fleet();
    let catalogue = json!({"title": "CISA Catalog of Known Exploited Vulnerabilities", "catalogVersion": "2026.01.01", "count": 2,
        "vulnerabilities": [{"cveID": "CVE-2099-0002", "vendorProject": "x"}, {"cveID": "CVE-2099-0009"}]});
    let printed = fleet.assets(&[], "kev.json", &catalogue.to_string());
    assert!(printed.contains("cisa_kev") && printed.contains("records 2"), "{printed}");
    let (level, why) = risk(&fleet);
    assert_eq!(level, "critical", "{why}");
    assert!(why.contains("used in attacks"), "{why}");
    let first = &fleet.ask("vulnerabilities", &[])[0];
    assert_eq!(
        (first["vulnerability"].as_str(), first["exploited"].as_i64()),
        (Some("CVE-2099-0002"), Some(1))
    );
    let fixed = json!([statement("CVE-2099-0002", "pkg:deb/debian/curl", "fixed", "")]);
    fleet.assets(&[], "vex.json", &openvex("urn:1", 1, &fixed));
    assert_eq!(risk(&fleet).0, "high");
}

#[test]
fn findings_of_inspector() {
    let fleet = Fleet::new();
    let web = asset("web", "aws", false, false, "low").replace("'no'", "'unknown'");
    fleet.inventory(&(web + &asset("db", "aws", false, false, "low") + "DELETE FROM vulnerable;"));
    let mut scan = Scan::new("scan-of-web", "web", "2026-01-01T00:00:00Z");
    scan.holds("K", "root", false);
    fleet.add(&[scan.text()]);
    let arn = "arn:aws:inspector2:eu-west-1:123456789012:finding/1";
    let finding = |status: &str, more: Value| {
        let mut one = json!({"findingArn": arn, "awsAccountId": "123456789012", "status": status, "severity": "HIGH",
            "resources": [{"type": "AWS_EC2_INSTANCE", "id": "i-web", "details": {"awsEc2Instance": {}}}]});
        for (name, value) in more.as_object().expect("an object") {
            one[name] = value.clone();
        }
        one
    };
    let package = |id: &str| {
        json!({"type": "PACKAGE_VULNERABILITY", "epss": {"score": 0.5}, "exploitAvailable": "YES",
        "packageVulnerabilityDetails": {"vulnerabilityId": id, "source": "DEBIAN", "cvss": [
            {"baseScore": 9.8, "scoringVector": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "version": "3.1", "source": "NVD"}],
            "vulnerablePackages": [{"name": "openssl", "version": "3.0.11", "fixedInVersion": "0:3.0.12", "packageManager": "OS"}]}})
    };
    let attacked = json!({"exploitabilityDetails": {"lastKnownExploitAt": "2026-01-01T00:00:00Z"}});
    let mut seen = package("CVE-2099-0003");
    seen["exploitabilityDetails"] = attacked["exploitabilityDetails"].clone();
    let reachable = json!({"type": "NETWORK_REACHABILITY", "networkReachabilityDetails": {"openPortRange": {"begin": 22, "end": 22},
        "protocol": "TCP", "networkPath": {"steps": []}}});
    let text = json!({"findings": [finding("ACTIVE", package("CVE-2099-0001")), finding("CLOSED", package("CVE-2099-0002")),
        finding("ACTIVE", seen), finding("SUPPRESSED", package("CVE-2099-0004")), finding("ACTIVE", reachable)]});
    let printed = fleet.assets(&[], "inspector.json", &text.to_string());
    assert!(printed.contains("aws_inspector") && printed.contains("records 5, left out 0"), "{printed}");
    let of =
        fleet.rows("SELECT vulnerability, remote_code, exploited, epss, fixed FROM vulnerability ORDER BY 1");
    let row = |id: &str, exploited: &str| {
        vec![
            format!("Text(\"{id}\")"),
            "Integer(1)".to_owned(),
            format!("Integer({exploited})"),
            "Text(\"0.50000\")".to_owned(),
            "Text(\"0:3.0.12\")".to_owned(),
        ]
    };
    assert_eq!(of, [row("CVE-2099-0001", "0"), row("CVE-2099-0003", "1")]);
}

#[test]
fn documents_that_are_wrong_are_named_by_record() {
    let fleet = fleet();
    let store = fleet.path();
    let file = fleet.folder.path().join("wrong.json");
    let statements = json!([{"vulnerability": {"name": "CVE-1"}, "status": "perhaps", "products": [{"@id": "x"}]}, "text",
        {"vulnerability": {"name": "CVE-1"}, "status": "fixed"}, statement("CVE-2099-0001", OPENSSL, "fixed", "</script>")]);
    super::write(&file, &openvex("urn:1", 1, &statements));
    let output =
        super::snapsift(&["fleet", "assets", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
    let printed = super::stdout(&output);
    assert_eq!(super::code(&output), 3, "{printed}");
    for text in [
        "record 1: its status perhaps",
        "record 2: it is no object",
        "record 3: it names no product",
        "take away: 1",
    ] {
        assert!(printed.contains(text), "{text}: {printed}");
    }
}

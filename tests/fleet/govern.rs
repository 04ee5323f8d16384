//! Exemptions, owners and due days: what they change, and what they leave.

use serde_json::{Value, json};

use super::stream::Scan;
use super::support::program::{code, stderr, stdout};
use super::{Fleet, asset, snapsift, write};

/// A machine `a`, exposed and vulnerable, with a key that `b` takes and a secret of a store.
fn fleet() -> Fleet {
    let fleet = Fleet::new();
    fleet.inventory(&(asset("a", "azure", true, true, "low")
        + &asset("b", "azure", false, false, "low")
        + "INSERT INTO asset VALUES ('store', 'storage', 'azure', 'x', 'account', 'region', 'store', '', 'no', '', '',
             'unknown', 'high', 'unknown', '', '', 1, NULL);
           INSERT INTO asset_name VALUES ('store', 'endpoint', 'store.example', 1);
           INSERT INTO asset_tag VALUES ('a', 'Owner', 'ann', 1);
           INSERT INTO asset_tag VALUES ('a', 'env', 'prod', 1);"));
    let target =
        json!({"target": {"kind": "k", "id": "store.example", "exists": "unknown", "determined_by": "form"}});
    let mut a = Scan::new("a1", "a", "2026-01-01T00:00:00Z");
    a.holds("SHA256:K", "root", false);
    a.finding("S", "a type", "/srv/app.env", target);
    a.finding("T", "a type", "/srv/test/deep/t.env", json!({}));
    let mut b = Scan::new("b1", "b", "2026-01-02T00:00:00Z");
    b.accepts("SHA256:K", "root", &json!({"state": "accepted"}));
    fleet.add(&[a.text(), b.text()]);
    fleet
}

impl Fleet {
    /// Gives a file; says what was printed.
    fn govern(&self, text: &str) -> (i32, String, String) {
        let file = self.folder.path().join("governance.toml");
        write(&file, text);
        let (store, file) = (self.path(), file);
        let output =
            snapsift(&["fleet", "govern", store.to_str().expect("UTF-8"), file.to_str().expect("UTF-8")]);
        (code(&output), stdout(&output), stderr(&output))
    }

    /// path → a column of `inventory`.
    fn column(&self, column: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let rows = self.ask("inventory", &[]);
        let mut all: Vec<_> = rows.iter().map(|row| (text(&row["path"]), text(&row[column]))).collect();
        all.sort();
        all
    }
}

fn exempt(more: &str) -> String {
    format!("[[exempt]]\nname = \"one\"\nreason = \"is = known\"\nauthor = \"ann\"\n{more}\n")
}

fn waived(condition: &str) -> Vec<String> {
    let fleet = fleet();
    let (exit, _, error) = fleet.govern(&exempt(&format!("category = \"waiver\"\n{condition}")));
    assert_eq!(exit, 0, "{error}");
    let risks = fleet.column("risk");
    risks.into_iter().filter(|(_, risk)| risk == "not applicable").map(|(path, _)| path).collect()
}

const KEY: &str = "/home/root/SHA256:K";

#[test]
fn every_condition_names_what_it_says_and_nothing_else() {
    assert_eq!(waived("finding = \"a-S\""), ["/srv/app.env"]);
    assert_eq!(waived("fingerprint = \"blake3:S\""), ["/srv/app.env"]);
    assert_eq!(waived("fingerprint = \"SHA256:K\""), [KEY]);
    assert_eq!(waived("secret_type = \"insecure SSH private key\""), [KEY]);
    assert_eq!(waived("rule = \"a-rule\""), [KEY, "/srv/app.env", "/srv/test/deep/t.env"]);
    assert_eq!(waived("path = \"/srv/test/**\""), ["/srv/test/deep/t.env"]);
    assert_eq!(waived("path = \"*.env\"\nfingerprint = \"blake3:T\""), ["/srv/test/deep/t.env"]);
    assert_eq!(waived("path = \"*.env\"\nmachine = \"b*\""), [""; 0]);
    assert_eq!(waived("path = \"*.env\"\nmachine = \"A\""), ["/srv/app.env", "/srv/test/deep/t.env"]);
    assert_eq!(waived("tag = \"ENV=prod\"\nfinding = \"a-T\""), ["/srv/test/deep/t.env"]);
    assert_eq!(waived("tag = \"env=test\""), [""; 0]);
    assert_eq!(waived("rule = \"a-rule\"\nsecret_type = \"another\""), [""; 0]);
    assert_eq!(waived("rule = \"a-rule\"\nexpires = 2026-01-31"), [""; 0], "expired: it is open again");
    assert_eq!(waived("finding = \"a-S\"\nexpires = 2999-12-31"), ["/srv/app.env"]);
}

#[test]
fn a_waiver_is_shown_and_not_counted_and_cuts_no_path() {
    let fleet = fleet();
    let before = fleet.ask("recommendations", &[]);
    assert_eq!((&before[0]["findings"], &before[0]["attack_paths"]), (&json!(3), &json!(2)));
    fleet.govern(&exempt("category = \"waiver\"\nfingerprint = \"SHA256:K\""));
    let paths = fleet.ask("attack-paths", &[]);
    let of = |rule: &str| paths.iter().find(|row| row["rule"] == rule).expect("a path").clone();
    assert_eq!(
        (&of("AZ1")["level"], &of("AZ1")["exempt_reason"]),
        (&json!("not applicable"), &json!("is = known"))
    );
    assert_eq!(of("AZ2")["level"], json!("critical"));
    let machines = fleet.ask("recommendations", &[]);
    let one = &machines[0];
    assert_eq!(
        (&one["findings"], &one["attack_paths"], &one["not_applicable"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(fleet.ask("choke-points", &[]).len(), 1);
    assert_eq!(fleet.ask("vm-secret-to-vm", &[]).len(), 1, "the key still opens the machine");
    let shown = fleet.ask("exempted", &[]);
    assert_eq!((&shown[0]["path"], &shown[0]["reason"]), (&json!(KEY), &json!("is = known")));
    assert_eq!(fleet.ask("common-secrets", &[]).len(), 1);
}

#[test]
fn what_is_mitigated_opens_nothing() {
    let fleet = fleet();
    fleet.govern(&exempt("category = \"mitigated\"\nfingerprint = \"SHA256:K\""));
    let rules: Vec<Value> = fleet.ask("attack-paths", &[]).iter().map(|row| row["rule"].clone()).collect();
    assert_eq!(rules, [json!("AZ2")]);
    fleet.govern(&exempt("category = \"mitigated\"\nsecret_type = \"a type\""));
    let rules: Vec<Value> = fleet.ask("attack-paths", &[]).iter().map(|row| row["rule"].clone()).collect();
    assert_eq!(rules, [json!("AZ1")], "the newest file is the truth");
}

#[test]
fn a_path_stays_open_while_one_of_its_places_is() {
    let fleet = fleet();
    fleet.inventory(&asset("c", "azure", true, true, "low"));
    let mut c = Scan::new("c1", "c", "2026-01-03T00:00:00Z");
    c.holds("SHA256:K", "root", false);
    fleet.add(&[c.text()]);
    fleet.govern(&exempt("category = \"waiver\"\nfingerprint = \"SHA256:K\"\nmachine = \"a\""));
    let paths = fleet.ask("attack-paths", &[]);
    let path = paths.iter().find(|row| row["rule"] == "AZ1").expect("it");
    assert_eq!((&path["level"], &path["entries"]), (&json!("high"), &json!(2)));
}

#[test]
fn expired_and_unused_exemptions_are_listed_by_name() {
    let fleet = fleet();
    let entry = |name: &str, more: &str| {
        exempt(&format!("category = \"waiver\"\n{more}")).replace("\"one\"", &format!("\"{name}\""))
    };
    let text = entry("old", "finding = \"a-S\"\nexpires = 2026-01-31")
        + &entry("typo", "path = \"/nowhere\"")
        + &entry("right", "finding = \"a-T\"");
    let (exit, out, _) = fleet.govern(&text);
    assert_eq!(exit, 0);
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().take(2).collect()).collect();
    assert_eq!(rows[1..4], [vec!["expired", "old"], vec!["unused", "typo"], vec!["applied", "right"]]);
    assert!(out.contains("no rules of owners"), "{out}");
    // A faulty file changes nothing.
    let (exit, _, error) = fleet.govern("[[exempt]]\nname = \"x\"\n");
    assert_eq!(exit, 2);
    assert!(error.contains("line 1") && error.contains("nothing has changed"), "{error}");
    assert_eq!(fleet.ask("exemptions", &[]).len(), 3);
    let (exit, out, _) = fleet.govern("");
    assert_eq!(exit, 0);
    assert!(out.contains("no exemptions"), "{out}");
}

#[test]
fn what_passes_its_day_after_the_store_was_worked_out_is_said_and_one_command_applies_it() {
    let fleet = fleet();
    let text = exempt("category = \"waiver\"\nfinding = \"a-S\"\nexpires = 2099-01-31");
    assert_eq!(fleet.govern(&text).0, 0);
    let store = fleet.path();
    let store = store.to_str().expect("UTF-8");
    let said = || stderr(&snapsift(&["fleet", "query", store, "exempted"]));
    assert_eq!(said(), "");
    // As if it had been worked out when the exemption still counted.
    fleet.inventory("UPDATE exemption SET expires = '2026-01-31'; UPDATE param SET value = '2026-01-01T00:00:00Z' WHERE name = 'now'");
    let text = said();
    assert!(
        text.contains("worked out on 2026-01-01; since then: 1 exemption that has expired")
            && text.contains("fleet govern"),
        "{text}"
    );
    assert_eq!(code(&snapsift(&["fleet", "govern", store, "--quiet"])), 0);
    assert_eq!(said(), "");
}

#[test]
fn a_hostile_file_runs_nothing() {
    let fleet = fleet();
    let name = "x'); DROP TABLE finding; -- \\u001bc";
    let text =
        exempt(&format!("category = \"waiver\"\nsecret_type = \"a' OR '1'='1\"\nmachine = \"{name}\""))
            .replace("\"one\"", &format!("\"{name}\""));
    let (exit, out, error) = fleet.govern(&text);
    assert_eq!(exit, 0, "{error}");
    assert!(out.contains("unused") && out.contains("\\x1bc") && !out.contains('\x1b'), "{out}");
    assert_eq!(fleet.ask("inventory", &[]).len(), 3);
    let (exit, _, error) = fleet.govern("[[exempt]]\n\"\\u001b[2J\" = 1\n");
    assert!(exit == 2 && !error.contains('\x1b'), "{error}");
}

const OWNERS: &str = r#"
[[owner]]
name = "keys"
priority = 2
secret_type = "insecure SSH private key"
owner = "keys@example.com"
due_days = 7

[[owner]]
name = "prod"
priority = 10
tag = "env=prod"
severity = ["high"]
owner_tags = ["team", "owner"]
due_days = 30
grace_days = 400000
"#;

#[test]
fn an_owner_is_the_first_rule_that_fits_and_falls_back_through_tags() {
    let fleet = fleet();
    let (exit, _, error) = fleet.govern(OWNERS);
    assert_eq!(exit, 2, "{error}");
    let owners = OWNERS.replace("400000", "36000");
    assert_eq!(fleet.govern(&owners).0, 0);
    let rows = fleet.ask("findings-by-owner", &[]);
    let of = |path: &str| {
        let row = rows.iter().find(|row| row["path"] == path).expect("it");
        ["owner", "status", "due", "first_seen"].map(|name| row[name].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(of(KEY), ["keys@example.com", "overdue", "2026-01-08", "2026-01-01T00:00:00Z"]);
    assert_eq!(of("/srv/app.env"), ["ann", "on time", "2026-01-31", "2026-01-01T00:00:00Z"], "in its grace");
    let sla = fleet.ask("sla", &[]);
    assert_eq!((&sla[0]["owner"], &sla[0]["overdue"]), (&json!("keys@example.com"), &json!(1)));
    assert_eq!(fleet.ask("overdue", &["owner=ann"]).len(), 0);
    assert_eq!(fleet.ask("overdue", &["owner=keys@example.com"]).len(), 1);
    // Without a tag of its own: that of what contains it.
    fleet.inventory(
        "DELETE FROM asset_tag WHERE tag = 'Owner';
         INSERT INTO asset VALUES ('account', 'account', 'aws', 'x', 'account', '', 'account', '', 'no', '', '',
           'unknown', 'unknown', 'unknown', '', '', 1, NULL);
         UPDATE asset SET provider = 'aws' WHERE asset_id = 'a';
         INSERT INTO asset_tag VALUES ('account', 'Team', 'platform', 1);",
    );
    assert_eq!(fleet.govern(&owners).0, 0);
    let rows = fleet.ask("findings-by-owner", &[]);
    let row = rows.iter().find(|row| row["path"] == "/srv/app.env").expect("it");
    assert_eq!(row["owner"], json!("platform"));
}

#[test]
fn what_is_gone_is_completed_only_where_the_newest_scan_looked() {
    for (change, expected) in [("", "completed"), ("\"complete\":true", "no"), ("\"left_out\":{}", "no")] {
        let fleet = fleet();
        let mut a = Scan::new("a2", "a", "2026-02-01T00:00:00Z");
        a.finding("S", "a type", "/srv/app.env", json!({}));
        let mut text = a.text();
        if change.contains("complete") {
            text = text.replace(change, "\"complete\":false");
        } else if !change.is_empty() {
            text = text.replace(change, "\"left_out\":{\"excluded\":{\"files\":3,\"bytes\":9}}");
        }
        fleet.add(&[text]);
        fleet.govern(&OWNERS.replace("400000", "0"));
        let rows = fleet.ask("findings-by-owner", &[]);
        let gone: Vec<&Value> = rows.iter().filter(|row| row["path"] == KEY).collect();
        match expected {
            "completed" => {
                assert_eq!(gone[0]["status"], json!("completed"));
                assert_eq!(gone[0]["owner"], json!("keys@example.com"));
            }
            _ => assert_eq!(gone.len(), 0, "{change}: {gone:?}"),
        }
        let kept = rows.iter().find(|row| row["path"] == "/srv/app.env").expect("it");
        assert_eq!(kept["first_seen"], json!("2026-01-01T00:00:00Z"), "it is as old as it was");
    }
}

#[test]
fn keys_that_break_a_policy_and_what_it_takes_to_replace_one() {
    let fleet = fleet();
    let policies = fleet.ask("key-hygiene", &[]);
    let of: Vec<(&str, &str)> = policies
        .iter()
        .filter_map(|row| Some((row["policy"].as_str()?, row["severity"].as_str()?)))
        .collect();
    assert_eq!(of, [("key logs in as root", "critical"), ("private key without a passphrase", "medium")]);
    let mut b = Scan::new("b2", "b", "2026-02-01T00:00:00Z");
    b.accepts("SHA256:K", "root", &json!({"state": "accepted"}));
    b.accepts("SHA256:nobody", "app", &json!({"state": "accepted"}));
    b.holds("SHA256:K", "app", false);
    fleet.add(&[b.text()]);
    fleet.inventory("UPDATE finding SET mtime = '2020-02-29T12:00:00Z' WHERE key_fingerprint = 'SHA256:K'");
    let policies = fleet.ask("key-hygiene", &["max_machines=1"]);
    let of: Vec<&str> = policies.iter().filter_map(|row| row["policy"].as_str()).collect();
    assert_eq!(
        of,
        [
            "key logs in as root",
            "private key is on several machines",
            "key is old",
            "private key without a passphrase",
            "accepted, and its holder is unknown"
        ]
    );
    let plan = fleet.ask("key-rotation", &["key=SHA256:K"]);
    let steps: Vec<(i64, &str)> =
        plan.iter().filter_map(|row| Some((row["step"].as_i64()?, row["hostname"].as_str()?))).collect();
    assert_eq!(steps, [(1, "b"), (2, "a"), (2, "b"), (5, "b")]);
    assert_eq!(plan[3]["breaks"], json!("every login with the old key as root"));
}

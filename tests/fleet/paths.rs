//! The rules of attack paths: for each what fits it, and what just does not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::stream::Scan;
use super::{Fleet, asset};

const ACCEPTED: &str = r#"{"state": "accepted"}"#;

fn accepted() -> Value {
    serde_json::from_str(ACCEPTED).expect("JSON")
}

fn scan(host: &str) -> Scan {
    Scan::new(&format!("scan-of-{host}"), host, "2026-01-01T00:00:00Z")
}

/// A resource that a secret opens by its endpoint.
fn resource(name: &str, kind: &str, provider: &str, sensitivity: &str, usable: &str) -> String {
    format!(
        "INSERT INTO asset VALUES ('{name}', '{kind}', '{provider}', 'x', 'account', 'region', '{name}', '', 'no', '', '',
           'unknown', '{sensitivity}', '{usable}', 'takes no keys', '', 1, NULL);
         INSERT INTO asset_name VALUES ('{name}', 'endpoint', '{name}.example', 1);"
    )
}

fn rules(fleet: &Fleet) -> BTreeSet<String> {
    fleet
        .ask("attack-paths", &[])
        .iter()
        .filter_map(|row| Some(row.get("rule")?.as_str()?.to_owned()))
        .collect()
}

fn names(rules: &[&str]) -> BTreeSet<String> {
    rules.iter().map(|rule| (*rule).to_owned()).collect()
}

/// One machine with a key that another accepts.
fn by_key(
    provider: &str,
    exposed: bool,
    vulnerable: bool,
    encrypted: bool,
    verdict: &Value,
) -> BTreeSet<String> {
    let fleet = Fleet::new();
    fleet.inventory(
        &(asset("a", provider, exposed, vulnerable, "low") + &asset("b", provider, false, false, "low")),
    );
    let (mut a, mut b) = (scan("a"), scan("b"));
    a.holds("K", "root", encrypted);
    a.accepts("K", "root", verdict);
    b.accepts("K", "app", verdict);
    fleet.add(&[a.text(), b.text()]);
    rules(&fleet)
}

#[test]
fn a_key_that_opens_another_machine_of_the_cloud() {
    let refused = json!({"state": "refused", "reason": "deny_users"});
    assert_eq!(by_key("azure", true, true, false, &accepted()), names(&["AZ1"]));
    assert_eq!(by_key("aws", true, true, false, &accepted()), names(&["AW1"]));
    assert_eq!(by_key("gcp", true, true, false, &accepted()), names(&["GC1", "GC2"]));
    assert_eq!(by_key("", true, true, false, &accepted()), names(&["XC1"]));
    assert_eq!(by_key("azure", false, true, false, &accepted()), names(&[]));
    assert_eq!(by_key("azure", true, false, false, &accepted()), names(&[]));
    assert_eq!(by_key("azure", true, true, true, &accepted()), names(&[]));
    assert_eq!(by_key("azure", true, true, false, &refused), names(&[]));
    assert_eq!(by_key("gcp", false, true, false, &refused), names(&["GC3"]));
    assert_eq!(by_key("gcp", true, true, true, &accepted()), names(&[]));
}

#[test]
fn a_machine_does_not_lead_to_itself() {
    let fleet = Fleet::new();
    fleet.inventory(&asset("a", "azure", true, true, "very_high"));
    let mut a = scan("a");
    a.holds("K", "root", false);
    a.accepts("K", "root", &accepted());
    fleet.add(&[a.text()]);
    assert_eq!(rules(&fleet), names(&[]));
}

/// One machine with a secret of a resource.
fn by_secret(machine: (&str, bool, bool), resource: &str, more: Value) -> (BTreeSet<String>, Vec<Value>) {
    let (provider, exposed, vulnerable) = machine;
    let fleet = Fleet::new();
    fleet.inventory(&(asset("a", provider, exposed, vulnerable, "low") + resource));
    let mut a = scan("a");
    a.finding("S", "a type", "/srv/app.env", more);
    fleet.add(&[a.text()]);
    (rules(&fleet), fleet.ask("inventory", &[]))
}

fn opens(name: &str) -> Value {
    json!({"target": {"kind": "k", "id": format!("{name}.EXAMPLE"), "exists": "unknown", "determined_by": "form"}})
}

#[test]
fn a_secret_that_opens_a_data_store() {
    let rule = |provider, exposed, kind| {
        let data = resource("store", kind, provider, "unknown", "unknown");
        by_secret((provider, exposed, true), &data, opens("store")).0
    };
    assert_eq!(rule("azure", true, "storage"), names(&["AZ2"]));
    assert_eq!(rule("azure", false, "storage"), names(&["AZ3"]));
    assert_eq!(rule("azure", true, "database"), names(&["AZ4"]));
    assert_eq!(rule("azure", false, "database"), names(&["AZ5"]));
    assert_eq!(rule("aws", true, "storage"), names(&["AW2"]));
    assert_eq!(rule("aws", false, "storage"), names(&[]));
    assert_eq!(rule("aws", true, "database"), names(&["AW3"]));
    assert_eq!(rule("aws", false, "database"), names(&["AW4"]));
    assert_eq!(rule("azure", true, "vault"), names(&[]));
}

#[test]
fn a_secret_that_is_good_for_nothing_is_on_no_path() {
    let data = |usable| resource("store", "storage", "azure", "high", usable);
    let expired = {
        let mut more = opens("store");
        more["validity"] = json!({"expires_at": "2025-01-01T00:00:00Z"});
        more
    };
    let on = |data: &str, more| by_secret(("azure", true, true), data, more);
    let (rules, inventory) = on(&data("unknown"), opens("store"));
    assert_eq!((rules, &inventory[0]["risk"]), (names(&["AZ2"]), &json!("critical")));
    let (rules, inventory) = on(&data("unknown"), expired);
    assert_eq!((rules, &inventory[0]["risk"]), (names(&[]), &json!("low")));
    let (rules, inventory) = on(&data("no"), opens("store"));
    assert_eq!((rules, &inventory[0]["risk"]), (names(&[]), &json!("low")));
    let (rules, inventory) = on(&data("unknown"), opens("another"));
    assert_eq!((rules, &inventory[0]["target_exists"]), (names(&[]), &json!("unknown")));
    let gone =
        data("unknown") + "UPDATE asset SET deleted = '2026-01-01T00:00:00Z' WHERE asset_id = 'store';";
    let (rules, inventory) = on(&gone, opens("store"));
    assert_eq!((rules, &inventory[0]["target_exists"]), (names(&[]), &json!("no")));
}

#[test]
fn a_plain_name_is_no_target_and_only_a_claim_of_its_type_says_no() {
    let data = resource("store", "storage", "azure", "high", "unknown");
    // A user whose name is that of a storage account.
    let user =
        json!({"target": {"kind": "account", "id": "store", "exists": "unknown", "determined_by": "form"}});
    let named = data.clone() + "INSERT INTO asset_name VALUES ('store', 'name', 'store', 1);";
    let (rules, inventory) = by_secret(("azure", true, true), &named, user);
    assert_eq!((rules, &inventory[0]["target_exists"]), (names(&[]), &json!("unknown")));
    let exists = |kind: &str, scope: &str| {
        let whole = format!(
            "INSERT INTO inventory VALUES (1, '', '', 'azure', '{scope}', 1, '', 'd', 1, 0, '');
            UPDATE asset SET type = 'microsoft.storage/storageaccounts' WHERE asset_id = 'store';"
        );
        let other = json!({"target": {"kind": kind, "id": "no.example", "exists": "unknown", "determined_by": "form"}});
        by_secret(("azure", true, true), &(data.clone() + &whole), other).1[0]["target_exists"].clone()
    };
    assert_eq!(exists("azure_storage_account", "all"), json!("no"));
    assert_eq!(exists("azure_storage_account", "one subscription"), json!("unknown"));
    assert_eq!(exists("s3_bucket", "all"), json!("unknown"));
}

#[test]
fn a_way_that_needs_root_early_needs_it_to_its_end() {
    let fleet = Fleet::new();
    let inventory = ["a", "b", "c", "d"]
        .map(|host| asset(host, "azure", host == "a", host == "a", if host == "d" { "high" } else { "low" }));
    fleet.inventory(&inventory.concat());
    let [mut a, mut b, mut c, mut d] = ["a", "b", "c", "d"].map(scan);
    a.holds("K1", "root", false);
    b.accepts("K1", "app", &accepted());
    b.holds("K2", "root", false);
    c.accepts("K2", "root", &accepted());
    c.holds("K3", "root", false);
    d.accepts("K3", "root", &accepted());
    fleet.add(&[a.text(), b.text(), c.text(), d.text()]);
    let paths = fleet.ask("attack-paths", &[]);
    let far = paths.iter().find(|row| row["target"] == "d").expect("a path to d");
    assert_eq!((&far["entry"], &far["hops"], &far["needs_root"]), (&json!("a"), &json!(3), &json!(1)));
}

#[test]
fn several_hops_lead_to_what_matters() {
    let fleet = Fleet::new();
    let inventory = asset("a", "azure", true, true, "low")
        + &asset("b", "azure", false, false, "low")
        + &asset("c", "azure", false, false, "high")
        + &resource("store", "storage", "azure", "high", "unknown");
    fleet.inventory(&inventory);
    let (mut a, mut b, mut c) = (scan("a"), scan("b"), scan("c"));
    a.holds("K1", "root", false);
    b.accepts("K1", "app", &accepted());
    b.holds("K2", "root", false);
    c.accepts("K2", "root", &accepted());
    c.finding("S", "a type", "/srv/app.env", opens("store"));
    fleet.add(&[a.text(), b.text(), c.text()]);
    let paths = fleet.ask("attack-paths", &[]);
    let of = |rule: &str| {
        paths.iter().find(|row| row["rule"] == rule).unwrap_or_else(|| panic!("no {rule}: {paths:?}"))
    };
    // b is reached as `app`, and the next key is root's.
    let hops = of("MH1");
    assert_eq!(
        (&hops["entry"], &hops["target"], &hops["hops"], &hops["needs_root"], &hops["level"]),
        (&json!("a"), &json!("c"), &json!(2), &json!(1), &json!("critical"))
    );
    assert_eq!(of("MH2")["target"], json!("store"));
    assert_eq!(of("AZ1")["target"], json!("b"));
    // Each step follows the one before, and each key is found where it lies.
    let steps = |rule: &str| -> Vec<String> {
        let path = format!("path={}", of(rule)["path_id"].as_str().expect("an id"));
        let rows = fleet.ask("path-steps", &[&path]);
        let line = |row: &Value| {
            format!("{} {} {} {}", row["step"], row["what"], row["hostname"], row["account"]).replace('"', "")
        };
        rows.iter().map(line).collect()
    };
    let over_keys = ["1 enter a ", "2 find a root", "3 open b app", "4 find b root", "5 open c root"];
    assert_eq!(steps("MH1"), over_keys);
    assert_eq!(steps("MH2"), [&over_keys[..], &["6 find c root", "7 open store "]].concat());
    assert_eq!(steps("AZ1"), over_keys[..3]);
    let accepted = fleet.ask("accepted-by", &["key=K2"]);
    assert_eq!(
        (accepted.len(), &accepted[0]["hostname"], &accepted[0]["account"]),
        (1, &json!("c"), &json!("root"))
    );
    let radius = fleet.ask("blast-radius", &["machine=a"]);
    let names: Vec<&Value> = radius.iter().map(|row| &row["name"]).collect();
    assert_eq!(names, [&json!("b"), &json!("c")]);
    let first = fleet.ask("choke-points", &[]);
    assert!(first[0]["by_secret"] == "K1" || first[0]["by_secret"] == "K2", "{first:?}");
}

#[test]
fn a_key_of_an_inventory_opens_a_machine_that_nobody_scanned() {
    let fleet = Fleet::new();
    let grant = "INSERT INTO asset_grant VALUES ('b', 'admin', 'sha256', 'K', 'osProfile', 1);
                 INSERT INTO asset_grant VALUES ('c', 'admin', 'sha256', 'K', 'osProfile', 1);";
    let machines = ["a", "b", "c"].map(|host| asset(host, "azure", host == "a", host == "a", "low")).concat();
    fleet.inventory(&(machines + grant));
    let (mut a, mut c) = (scan("a"), scan("c"));
    a.holds("K", "root", false);
    // The scan of c knows better than the inventory.
    c.accepts("K", "admin", &json!({"state": "refused", "reason": "deny_users"}));
    fleet.add(&[a.text(), c.text()]);
    let opened = fleet.ask("vm-secret-to-vm", &[]);
    assert_eq!(opened.len(), 1, "{opened:?}");
    assert_eq!((&opened[0]["opens"], &opened[0]["state"]), (&json!("b"), &json!("granted")));
}

//! Keys of clouds by what their issuers call them: whose they are, and what that user or role
//! may do by its policies. The policies follow the examples of the IAM User Guide; what they allow
//! was worked out by hand.

use serde_json::{Value, json};

use super::stream::Scan;
use super::{Fleet, asset};

const ACCOUNT: &str = "123456789012";

/// An identifier of a key of the account: sixteen digits in base 32, whose first 48 bits are the
/// account behind a one (`formats::aws_key_id`).
fn key(last: u8) -> String {
    format!("{}{}", concat!("AK", "IA"), format_args!("RZPUZDIKLIJDIVT{}", char::from(last)))
}

/// Two machines of AWS, of which one is exposed and vulnerable and has access keys.
fn fleet(keys: &[String]) -> Fleet {
    let fleet = Fleet::new();
    fleet.inventory(
        &(asset("web", "aws", true, true, "low")
            + &asset("db", "aws", false, false, "low")
            + "INSERT INTO asset_link VALUES ('web', 'declared', 'yes', 1);"),
    );
    let mut scan = Scan::new("scan-of-web", "web", "2026-01-01T00:00:00Z");
    for id in keys {
        let target = json!({"kind": "aws_account", "id": format!("arn:aws:iam::{ACCOUNT}:root"), "exists": "unknown",
            "determined_by": "form"});
        let attributes = json!({"key_id": id, "key_kind": "long_term", "account": ACCOUNT});
        scan.finding(
            id,
            "AWS access key",
            "/root/.aws/credentials",
            json!({"target": target, "attributes": attributes}),
        );
    }
    fleet.add(&[scan.text()]);
    fleet
}

fn access_keys(keys: &[(&str, String, &str)]) -> String {
    let all: Vec<Value> = keys
        .iter()
        .map(|(user, id, status)| json!({"UserName": user, "AccessKeyId": id, "Status": status}))
        .collect();
    json!({"AccessKeyMetadata": all}).to_string()
}

fn policy(effect: &str, action: &Value, resource: &Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]})
}

fn iam(kind: &str, name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:{kind}/{name}")
}

const BUCKETS: &str = r#"{"Buckets": [{"Name": "logs"}, {"Name": "payroll"}]}"#;
const DATABASE: &str = r#"{"DBInstances": [{"DBInstanceIdentifier": "main", "DbiResourceId": "db-ABC", "Engine": "postgres",
 "DBInstanceArn": "arn:aws:rds:eu-west-1:123456789012:db:main", "Endpoint": {"Address": "main.x.eu-west-1.rds.amazonaws.com"}}]}"#;

/// Rules of the attack paths, with what they end at.
fn paths(fleet: &Fleet) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<_> =
        fleet.ask("attack-paths", &[]).iter().map(|row| (text(row, "rule"), text(row, "target"))).collect();
    all.sort();
    all
}

fn expected(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(rule, target)| ((*rule).to_owned(), (*target).to_owned())).collect()
}

/// Whether what each secret opens exists, and why it is good for nothing.
fn existence(fleet: &Fleet) -> Vec<Vec<String>> {
    fleet.rows("SELECT exists_, usable, useless_why FROM fleet_secret ORDER BY finding_id")
}

#[test]
fn a_key_is_its_users_and_opens_what_the_policies_allow() {
    let fleet = fleet(&[key(b'A')]);
    fleet.assets(&[], "keys.json", &access_keys(&[("ci", key(b'A'), "Active")]));
    fleet.assets(&[], "buckets.json", BUCKETS);
    fleet.assets(&[], "rds.json", DATABASE);
    assert!(paths(&fleet).is_empty(), "of what the user may do nothing is known");
    // By its own policy the user reads one bucket, by its group's it changes databases, and what
    // it would read of the other is denied. Documents are percent-encoded where an API gives them.
    let encoded =
        |document: &Value| document.to_string().bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let text = json!({
        "UserDetailList": [{"UserName": "ci", "Arn": iam("user", "build/ci"), "Path": "/build/",
            "UserPolicyList": [
                {"PolicyName": "logs", "PolicyDocument": encoded(&policy("Allow", &json!("s3:*"), &json!(["arn:aws:s3:::logs", "arn:aws:s3:::logs/*"])))},
                {"PolicyName": "all", "PolicyDocument": policy("Allow", &json!(["s3:GetObject"]), &json!("*"))},
                {"PolicyName": "not", "PolicyDocument": policy("Deny", &json!("s3:Get*"), &json!("arn:aws:s3:::pay*"))}],
            "GroupList": ["Ops"], "AttachedManagedPolicies": []}],
        "GroupDetailList": [{"GroupName": "Ops", "Arn": iam("group", "Ops"), "GroupPolicyList": [],
            "AttachedManagedPolicies": [{"PolicyName": "databases", "PolicyArn": iam("policy", "databases")}]}],
        "RoleDetailList": [],
        "Policies": [{"PolicyName": "databases", "Arn": iam("policy", "databases"), "PolicyVersionList": [
            {"VersionId": "v1", "IsDefaultVersion": false, "Document": policy("Allow", &json!("*"), &json!("*"))},
            {"VersionId": "v2", "IsDefaultVersion": true, "Document": policy("Allow", &json!("rds:Modify*"), &json!("arn:aws:rds:*:*:db:m*"))}]}]});
    let printed = fleet.assets(&[], "iam.json", &text.to_string());
    assert!(printed.contains("in the inventories: 2"), "{printed}");
    assert_eq!(paths(&fleet), expected(&[("AW2", "logs"), ("AW3", "main")]));
    let why =
        fleet.rows("SELECT DISTINCT permission FROM fleet_opens WHERE permission LIKE 'allows%' ORDER BY 1");
    assert_eq!(why.len(), 2, "{why:?}");
    assert!(why[0][0].contains("allows rds:ModifyDBInstance by policy databases"), "{why:?}");
    assert!(why[1][0].contains("allows s3:GetObject by policy all; s3:PutBucketPolicy, s3:PutObject, s3:DeleteObject by policy logs"), "{why:?}");
    assert_eq!(existence(&fleet), [["Text(\"yes\")", "Integer(1)", "Text(\"\")"]]);
}

#[test]
fn a_complete_list_without_the_key_says_that_it_does_not_exist() {
    let fleet = fleet(&[key(b'A'), key(b'B'), key(b'C')]);
    let (yes, no) = ("Text(\"yes\")", "Text(\"no\")");
    let unknown = "Text(\"unknown\")";
    let exists = |fleet: &Fleet| existence(fleet).iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    let list = access_keys(&[("ci", key(b'A'), "Active"), ("old", key(b'B'), "Inactive")]);
    fleet.assets(&[], "part.json", &list);
    assert_eq!(exists(&fleet), [yes, yes, unknown], "the list may be a part");
    fleet.assets(&["--whole", "--scope", "999999999999"], "other.json", r#"{"AccessKeyMetadata": []}"#);
    assert_eq!(exists(&fleet), [yes, yes, unknown], "of another account");
    // Its scope is the account that the identifiers code.
    fleet.assets(&["--whole"], "whole.json", &list);
    assert_eq!(exists(&fleet), [yes, yes, no]);
    assert_eq!(existence(&fleet)[1][2], "Text(\"the access key is inactive\")");
    let gone = access_keys(&[("ci", key(b'A'), "Active")]);
    fleet.assets(&["--whole"], "later.json", &gone);
    assert_eq!(exists(&fleet), [yes, no, no]);
}

#[test]
fn roles_that_a_user_may_assume_count_and_boundaries_do() {
    let fleet = fleet(&[key(b'A')]);
    fleet.assets(&[], "keys.json", &access_keys(&[("ci", key(b'A'), "Active")]));
    fleet.assets(&[], "buckets.json", BUCKETS);
    let trust = |principal: Value| json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}});
    let role = |name: &str, trusted: Value, bucket: &str| {
        json!({"RoleName": name, "Arn": iam("role", name), "AssumeRolePolicyDocument": trust(trusted), "InstanceProfileList": [],
            "RolePolicyList": [{"PolicyName": name, "PolicyDocument": policy("Allow", &json!("s3:GetObject"), &json!(format!("arn:aws:s3:::{bucket}/*")))}],
            "AttachedManagedPolicies": []})
    };
    let details = |boundary: Value, statement: &Value| {
        json!({"UserDetailList": [{"UserName": "ci", "Arn": iam("user", "ci"), "GroupList": [], "AttachedManagedPolicies": [],
                "PermissionsBoundary": boundary, "UserPolicyList": [{"PolicyName": "own", "PolicyDocument": statement}]}],
            "RoleDetailList": [
                role("reader", json!({"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}), "logs"),
                role("named", json!({"AWS": [iam("user", "ci")]}), "payroll"),
                role("service", json!({"Service": "ec2.amazonaws.com"}), "payroll")],
            "GroupDetailList": [],
            "Policies": [{"PolicyName": "b", "Arn": iam("policy", "b"), "PolicyVersionList": [
                {"IsDefaultVersion": true, "Document": policy("Allow", &json!("s3:*"), &json!("*"))}]}]})
        .to_string()
    };
    let nothing = policy("Allow", &json!("ec2:Describe*"), &json!("*"));
    let assume = policy("Allow", &json!("sts:AssumeRole"), &json!(iam("role", "read*")));
    fleet.assets(&[], "1.json", &details(Value::Null, &nothing));
    assert_eq!(paths(&fleet), expected(&[("AW2", "payroll")]), "a role that names the user needs no more");
    fleet.assets(&[], "2.json", &details(Value::Null, &assume));
    assert_eq!(paths(&fleet), expected(&[("AW2", "logs"), ("AW2", "payroll")]));
    let boundary = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": iam("policy", "b")});
    fleet.assets(&[], "3.json", &details(boundary, &assume));
    assert_eq!(paths(&fleet), expected(&[("AW2", "payroll")]), "the boundary has no sts:AssumeRole");
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_taken() {
    let fleet = fleet(&[key(b'A')]);
    let text = json!({"UserDetailList": [
        {"UserName": "ci", "Arn": iam("user", "ci"), "UserPolicyList": [{"PolicyName": "broken", "PolicyDocument": "%7B%2"}],
         "AttachedManagedPolicies": [{"PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}]}]});
    let printed = fleet.assets(&[], "iam.json", &text.to_string());
    assert!(printed.contains("record 1: its policy broken cannot be read"), "{printed}");
    fleet.assets(&[], "buckets.json", BUCKETS);
    fleet.assets(&[], "keys.json", &access_keys(&[("ci", key(b'A'), "Active")]));
    // The policy of AWS is known without its document.
    assert_eq!(paths(&fleet), expected(&[("AW2", "logs"), ("AW2", "payroll")]));
}

#[test]
fn a_key_of_a_service_account_of_gcp() {
    let fleet = Fleet::new();
    fleet.inventory(&asset("web", "gcp", true, true, "low"));
    let mut scan = Scan::new("scan-of-web", "web", "2026-01-01T00:00:00Z");
    let email = "ci@p1.iam.gserviceaccount.com";
    let account = format!("projects/p1/serviceAccounts/{email}");
    for id in ["0123456789abcdef0123456789abcdef01234567", "f123456789abcdef0123456789abcdef01234567"] {
        let target = json!({"kind": "gcp_service_account", "id": account, "exists": "unknown", "determined_by": "form"});
        let attributes = json!({"key_id": id, "project": "p1", "account": email});
        scan.finding(
            id,
            "GCP service account key",
            "/srv/key.json",
            json!({"target": target, "attributes": attributes}),
        );
    }
    fleet.add(&[scan.text()]);
    let key = "0123456789abcdef0123456789abcdef01234567";
    let lines = [
        json!({"name": format!("//iam.googleapis.com/projects/p1/serviceAccounts/1"), "assetType": "iam.googleapis.com/ServiceAccount",
            "resource": {"data": {"email": email, "projectId": "p1", "uniqueId": "1"}}}),
        json!({"name": format!("//iam.googleapis.com/{account}/keys/{key}"), "assetType": "iam.googleapis.com/ServiceAccountKey",
            "resource": {"data": {"name": format!("{account}/keys/{key}"), "keyType": "USER_MANAGED"}}}),
        json!({"name": "//storage.googleapis.com/bucket1", "assetType": "storage.googleapis.com/Bucket", "iamPolicy": {"bindings": [
            {"role": "roles/storage.objectViewer", "members": [format!("serviceAccount:{email}")]}]}}),
    ];
    let text = lines.map(|line| line.to_string()).join("\n");
    fleet.assets(&[], "part.jsonl", &text);
    assert_eq!(existence(&fleet).iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["Text(\"yes\")"; 2]);
    fleet.assets(&["--whole", "--scope", "p1"], "whole.jsonl", &text);
    let all = existence(&fleet);
    assert_eq!(all.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["Text(\"yes\")", "Text(\"no\")"]);
    let opens = fleet.rows("SELECT DISTINCT target FROM fleet_opens WHERE target LIKE '%bucket1'");
    assert_eq!(opens.len(), 1, "{opens:?}");
}

#[test]
fn a_role_of_an_instance_profile_is_what_its_machine_may_do() {
    let fleet = fleet(&[]);
    fleet.assets(&[], "buckets.json", BUCKETS);
    let profile = iam("instance-profile", "web");
    let details = json!({"UserDetailList": [], "GroupDetailList": [], "Policies": [], "RoleDetailList": [{
        "RoleName": "web", "Arn": iam("role", "web"), "AttachedManagedPolicies": [],
        "InstanceProfileList": [{"InstanceProfileName": "web", "Arn": profile}],
        "AssumeRolePolicyDocument": {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]},
        "RolePolicyList": [{"PolicyName": "pay", "PolicyDocument": policy("Allow", &json!("s3:PutObject"), &json!("arn:aws:s3:::payroll/*"))}]}]});
    fleet.assets(&[], "iam.json", &details.to_string());
    let instance = json!({"Reservations": [{"OwnerId": ACCOUNT, "Instances": [{"InstanceId": "i-other", "State": {"Name": "running"},
        "Placement": {"AvailabilityZone": "eu-west-1a"}, "IamInstanceProfile": {"Arn": profile}}]}]});
    fleet.assets(&[], "instances.json", &instance.to_string());
    let rows = fleet.ask("machine-permissions", &[]);
    assert_eq!(rows.len(), 1, "{rows:?}");
    let (resource, privilege, why) = (&rows[0]["resource"], &rows[0]["privilege"], &rows[0]["why"]);
    assert_eq!((resource, privilege), (&json!("payroll"), &json!("write")));
    assert_eq!(why, "allows s3:PutObject by policy pay");
}

#[test]
fn a_secret_of_an_application_of_entra() {
    let fleet = Fleet::new();
    let store = "/subscriptions/s/resourcegroups/g/providers/microsoft.storage/storageaccounts/acct1";
    fleet.inventory(
        &(asset("web", "azure", true, true, "low")
            + "INSERT INTO asset_link VALUES ('web', 'declared', 'yes', 1);"),
    );
    let (client, principal) =
        ("00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b");
    let mut scan = Scan::new("scan-of-web", "web", "2026-01-01T00:00:00Z");
    let target =
        json!({"kind": "entra_application", "id": client, "exists": "unknown", "determined_by": "form"});
    scan.finding("S", "Entra client secret", "/srv/app.env", json!({"target": target}));
    fleet.add(&[scan.text()]);
    let principals = json!([{"accountEnabled": true, "appId": client.to_uppercase(), "displayName": "deploy", "id": principal,
        "servicePrincipalType": "Application"}]);
    fleet.assets(&[], "sp.json", &principals.to_string());
    assert_eq!(existence(&fleet)[0][0], "Text(\"yes\")");
    let graph = json!({"data": [
        {"id": store, "type": "microsoft.storage/storageaccounts", "name": "acct1", "properties": {}},
        {"id": "/x", "type": "microsoft.authorization/roleassignments", "properties": {"principalId": principal, "scope": store,
            "roleDefinitionId": "/providers/microsoft.authorization/roledefinitions/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"}}]});
    fleet.assets(&[], "graph.json", &graph.to_string());
    assert_eq!(paths(&fleet), expected(&[("AZ2", "acct1")]));
    let mut disabled = principals;
    disabled[0]["accountEnabled"] = json!(false);
    fleet.assets(&[], "disabled.json", &disabled.to_string());
    assert!(paths(&fleet).is_empty());
}

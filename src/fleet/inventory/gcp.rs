//! GCP Cloud Asset Inventory: `gcloud asset list --content-type=resource --format=json`,
//! its exports as JSON Lines, and the same with `--content-type=iam-policy`.
//!
//! Sources: Google Cloud's references of `Asset` of Cloud Asset and of the resources of
//! Compute Engine; «Add SSH keys to VMs»: keys of a project are those of its machines
//! unless block-project-ssh-keys; OS Login voids keys of metadata.

use serde_json::Value;

use super::model::{Asset, Batch, Edge, Link, Rule};
use super::row::Row;

pub(super) const SHAPE: &str = "gcp_asset_inventory";

pub(super) fn is(record: &Value) -> bool {
    record.get("assetType").is_some_and(Value::is_string) && record.get("name").is_some()
}

pub(super) fn record(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let id = row.need("name")?;
    let r#type = row.need("assetType")?;
    policy(row, id, batch)?;
    let mut asset = Asset::new(id, kind(r#type), "gcp", r#type);
    asset.account = project(id, row);
    asset.region = row.string(if row.has("resource.location") { "resource.location" } else { "location" });
    asset.name = id.rsplit('/').next().unwrap_or_default().to_owned();
    let name = asset.name.clone();
    asset.named("name", Some(&name));
    asset.tags_of(row, "labels");
    let Some(data) = row.object("resource.data") else {
        batch.assets.push(asset);
        return Ok(());
    };
    asset.tags_of(&data, "labels");
    match r#type {
        "compute.googleapis.com/Instance" => machine(&data, &mut asset, batch),
        "compute.googleapis.com/Project" => project_keys(&data, &mut asset, batch),
        "compute.googleapis.com/Firewall" => firewall(&data, batch),
        "compute.googleapis.com/Network" => {
            let group = network_of(id);
            batch.rules.push(Rule { group, priority: i64::MAX, ..Rule::default() });
        }
        "storage.googleapis.com/Bucket" => {
            asset.named("endpoint", Some(&format!("{name}.storage.googleapis.com")));
            asset.named("id", Some(&format!("//storage.googleapis.com/{name}")));
        }
        "sqladmin.googleapis.com/Instance" => {
            asset.state = data.string("state");
            asset.named("endpoint", data.text("connectionName"));
            for address in data.list("ipAddresses") {
                let kind = if address.text("type") == Some("PRIVATE") { "private_ip" } else { "public_ip" };
                asset.named(kind, address.text("ipAddress"));
                asset.named("endpoint", address.text("ipAddress"));
            }
            let networks = data.list("settings.ipConfiguration.authorizedNetworks");
            let any = networks.iter().any(|one| one.text("value") == Some("0.0.0.0/0"));
            asset.public(
                data.flag("settings.ipConfiguration.ipv4Enabled").map(|on| on && any),
                "authorized networks",
            );
        }
        "iam.googleapis.com/ServiceAccount" => {
            asset.named("principal", data.text("email"));
            // As policies name it.
            let member = data.text("email").map(|email| format!("serviceaccount:{email}"));
            asset.named("principal", member.as_deref());
            asset.named("id", data.text("uniqueId"));
            // As a secret names it.
            if let (Some(project), Some(email)) = (data.text("projectId"), data.text("email")) {
                asset.named("id", Some(&format!("projects/{project}/serviceAccounts/{email}")));
            }
            if data.flag("disabled") == Some(true) {
                asset.unusable("the service account is disabled");
            }
        }
        "iam.googleapis.com/ServiceAccountKey" => service_account_key(&data, &mut asset),
        _ => {}
    }
    batch.assets.push(asset);
    Ok(())
}

/// A key of a service account, `projects/PROJECT/serviceAccounts/EMAIL/keys/ID`: a secret has the
/// same ID.
fn service_account_key(data: &Row<'_>, asset: &mut Asset) {
    let name = data.string("name");
    let Some((account, id)) = name.split_once("/keys/") else { return };
    asset.named("access_key", Some(id));
    if data.flag("disabled") == Some(true) {
        asset.unusable("the key is disabled");
    }
    asset.edge("can_authenticate_as", account, "key of the service account");
}

fn kind(r#type: &str) -> &'static str {
    match r#type {
        "compute.googleapis.com/Instance" => "machine",
        "storage.googleapis.com/Bucket" => "storage",
        "sqladmin.googleapis.com/Instance"
        | "bigquery.googleapis.com/Dataset"
        | "spanner.googleapis.com/Instance" => "database",
        "secretmanager.googleapis.com/Secret" | "cloudkms.googleapis.com/KeyRing" => "vault",
        "iam.googleapis.com/ServiceAccount" | "iam.googleapis.com/ServiceAccountKey" => "identity",
        "compute.googleapis.com/Network"
        | "compute.googleapis.com/Subnetwork"
        | "compute.googleapis.com/Firewall" => "network",
        "cloudresourcemanager.googleapis.com/Project" | "compute.googleapis.com/Project" => "account",
        _ => "other",
    }
}

/// The project in a name such as `//compute.googleapis.com/projects/p/zones/z/instances/i`.
fn project(id: &str, row: &Row<'_>) -> String {
    let named = id.split_once("/projects/").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let ancestor =
        || row.texts("ancestors").first().and_then(|one| one.strip_prefix("projects/")).map(str::to_owned);
    // What a search finds has it by itself.
    let found = || row.text("project").and_then(|one| one.strip_prefix("projects/")).map(str::to_owned);
    named.map(str::to_owned).or_else(ancestor).or_else(found).unwrap_or_default()
}

/// Networks are named by URLs of several forms; what they share is `projects/…`.
fn network_of(url: &str) -> String {
    url.split_once("projects/").map_or_else(|| url.to_owned(), |(_, rest)| format!("projects/{rest}"))
}

fn machine(data: &Row<'_>, asset: &mut Asset, batch: &mut Batch) {
    let number = data.any("id");
    asset.named("instance_id", Some(&number));
    asset.named("hostname", data.text("name"));
    asset.named("hostname", data.text("hostname"));
    asset.state = data.string("status");
    asset.link("listed", "yes");
    for disk in data.list("disks") {
        asset.named("disk", disk.text("source"));
    }
    for interface in data.list("networkInterfaces") {
        asset.named("private_ip", interface.text("networkIP"));
        asset.link("network", interface.text("network").map(network_of).unwrap_or_default());
        for access in interface.list("accessConfigs") {
            asset.named("public_ip", access.text("natIP"));
            asset.link("address", access.string("natIP"));
        }
        for access in interface.list("ipv6AccessConfigs") {
            asset.named("public_ip", access.text("externalIpv6"));
            asset.link("address6", access.string("externalIpv6"));
        }
    }
    for tag in data.texts("tags.items") {
        asset.link("network_tag", tag);
    }
    for account in data.list("serviceAccounts") {
        let email = account.string("email");
        asset.link("service_account", &*email);
        if !email.is_empty() {
            asset.edge(
                "can_authenticate_as",
                format!("serviceaccount:{email}"),
                "service account of the machine",
            );
        }
    }
    let mut keys = Vec::new();
    for item in data.list("metadata.items") {
        match item.text("key") {
            Some("ssh-keys") => keys.push(item.string("value")),
            Some("block-project-ssh-keys") if is_true(&item) => asset.link("block_project_keys", "yes"),
            Some("enable-oslogin") => asset.link("os_login", if is_true(&item) { "yes" } else { "no" }),
            _ => {}
        }
    }
    let voided = asset.links.iter().any(|link| link.kind == "os_login" && link.to == "yes");
    if voided && !keys.is_empty() {
        batch.remarks.push("its ssh-keys are void: OS Login is on".to_owned());
        return;
    }
    let (account, id) = (asset.account.clone(), asset.id.clone());
    asset.link("project", format!("//compute.googleapis.com/projects/{account}"));
    for (user, key) in keys.iter().flat_map(|keys| lines(keys)) {
        if !asset.grant(user, key, "ssh-keys of its metadata") {
            batch.remarks.push(format!(
                "a line of ssh-keys is no public key: {}",
                id.rsplit('/').next().unwrap_or_default()
            ));
        }
    }
}

fn is_true(item: &Row<'_>) -> bool {
    item.text("value")
        .is_some_and(|value| matches!(value.to_ascii_lowercase().as_str(), "true" | "yes" | "1" | "y"))
}

/// `user:key` in lines.
fn lines(keys: &str) -> impl Iterator<Item = (&str, &str)> {
    keys.lines().filter_map(|line| line.trim().split_once(':'))
}

/// Keys of a project are kept at it; those of its machines are made of them later.
fn project_keys(data: &Row<'_>, asset: &mut Asset, batch: &mut Batch) {
    for item in data.list("commonInstanceMetadata.items") {
        match item.text("key") {
            Some("ssh-keys") => {
                for (user, key) in lines(item.text("value").unwrap_or_default()) {
                    if !asset.grant(user, key, "ssh-keys of the project") {
                        batch.remarks.push("a line of ssh-keys is no public key".to_owned());
                    }
                }
            }
            Some("enable-oslogin") if is_true(&item) => asset.link("os_login", "yes"),
            _ => {}
        }
    }
}

fn firewall(data: &Row<'_>, batch: &mut Batch) {
    let network = network_of(data.text("network").unwrap_or_default());
    batch.rules.push(Rule { group: network.clone(), priority: i64::MAX, ..Rule::default() });
    if data.lower("direction") == "egress" || data.flag("disabled") == Some(true) {
        return;
    }
    let sources = data.texts("sourceRanges");
    // Sources by tag or account are machines of the network.
    let inside = data.has("sourceTags") || data.has("sourceServiceAccounts");
    let all = data.list("allowed").into_iter().map(|one| (true, one));
    for (allow, one) in all.chain(data.list("denied").into_iter().map(|one| (false, one))) {
        batch.rules.push(Rule {
            group: network.clone(),
            name: data.string("name"),
            allow,
            priority: data.number("priority").unwrap_or(1000),
            protocol: one.lower("IPProtocol"),
            ports: one.texts("ports").join(","),
            any_v4: sources.contains(&"0.0.0.0/0") || (sources.is_empty() && !inside),
            any_v6: sources.contains(&"::/0"),
            all_destinations: !data.has("destinationRanges"),
            target_tags: data.texts("targetTags").join("\n"),
            target_accounts: data.texts("targetServiceAccounts").join("\n"),
        });
    }
}

/// Bindings: who has which role on the resource.
fn policy(row: &Row<'_>, id: &str, batch: &mut Batch) -> Result<(), String> {
    for binding in row.list("iamPolicy.bindings") {
        let role = binding.need("role")?;
        let end = role.rsplit(['/', '.']).next().unwrap_or_default().to_ascii_lowercase();
        let privilege = if end.ends_with("owner") || end.ends_with("admin") {
            "owner"
        } else if end.ends_with("editor")
            || end.ends_with("writer")
            || end.ends_with("user")
            || end.ends_with("creator")
        {
            "write"
        } else if end.ends_with("viewer") || end.ends_with("reader") || end.ends_with("accessor") {
            "read"
        } else {
            ""
        };
        let condition = if binding.has("condition") { " under a condition" } else { "" };
        for member in binding.texts("members") {
            let (from, to, why) = (member.to_lowercase(), id.to_owned(), format!("role {role}{condition}"));
            batch.edges.push(Edge { from, edge: "has_permission_to", to, privilege, why });
        }
    }
    if row.has("iamPolicy") {
        batch.links.push(Link { from: id.to_owned(), kind: "policy", to: "listed".to_owned() });
    }
    Ok(())
}

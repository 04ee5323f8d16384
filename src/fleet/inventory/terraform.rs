//! Terraform: state files of version 4, and `terraform show -json`.
//!
//! Source: HashiCorp's documentation of the JSON output format, and of the providers'
//! resources. States hold secrets: only the fields that are named here are read.

use serde_json::Value;

use super::aws;
use super::model::{Asset, Batch, Rule};
use super::row::Row;

pub(super) const SHAPE: &str = "terraform_state";
pub(super) const SHOWN: &str = "terraform_show";

/// Modules in modules, no deeper than parsers of JSON go.
pub(super) fn resources<'v>(module: Option<&'v Value>, found: &mut Vec<&'v Value>) {
    let mut left: Vec<&Value> = module.into_iter().collect();
    while let Some(module) = left.pop() {
        let list = |name: &str| module.get(name).and_then(Value::as_array).into_iter().flatten();
        found.extend(list("resources"));
        left.extend(list("child_modules"));
    }
}

/// A resource of a state, with its instances.
pub(super) fn state(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let r#type = row.need("type")?;
    // `data` only looks at what something else manages.
    if row.text("mode") != Some("managed") {
        return Ok(());
    }
    for instance in row.list("instances") {
        if let Some(attributes) = instance.object("attributes") {
            resource(r#type, &attributes, batch)?;
        }
    }
    Ok(())
}

/// A resource that `terraform show -json` tells.
pub(super) fn shown(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let r#type = row.need("type")?;
    match row.object("values") {
        Some(values) if row.text("mode") == Some("managed") => resource(r#type, &values, batch),
        _ => Ok(()),
    }
}

fn resource(r#type: &str, row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    match r#type {
        "aws_instance" => aws_instance(row, batch),
        "aws_security_group" => aws_group(row, batch),
        "aws_security_group_rule" => aws_rule(row, batch),
        "aws_key_pair" => {
            let name = row.need("key_name")?;
            let id = row.text("key_pair_id").unwrap_or(name);
            let account = row.text("arn").and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
            aws::pair(name, id, account, row.text("fingerprint"), row.text("public_key"), batch)
        }
        "azurerm_linux_virtual_machine" | "azurerm_windows_virtual_machine" => {
            azure_machine(row, r#type, batch)
        }
        "google_compute_instance" => google_instance(row, batch),
        "google_compute_firewall" => google_firewall(row, batch),
        _ => target(r#type, row, batch),
    }
}

fn aws_instance(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let arn = row.need("arn")?;
    let mut asset = Asset::new(arn, "machine", "aws", "AWS::EC2::Instance");
    asset.account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    asset.region = arn.split(':').nth(3).unwrap_or_default().to_owned();
    asset.state = row.string("instance_state");
    asset.named("arn", Some(arn));
    asset.named("instance_id", row.text("id"));
    asset.named("private_ip", row.text("private_ip"));
    asset.named("public_ip", row.text("public_ip"));
    asset.named("hostname", row.text("private_dns"));
    asset.named("hostname", row.text("public_dns"));
    for disk in row.list("root_block_device").iter().chain(&row.list("ebs_block_device")) {
        asset.named("disk", disk.text("volume_id"));
    }
    asset.link("listed", "yes");
    asset.link("address", row.string("public_ip"));
    row.texts("ipv6_addresses").iter().for_each(|one| asset.link("address6", *one));
    row.texts("vpc_security_group_ids").iter().for_each(|one| asset.link("security_group", *one));
    asset.link("key_pair", row.string("key_name"));
    asset.tags_of(row, if row.has("tags_all") { "tags_all" } else { "tags" });
    if let Some((_, name)) = asset.tags.iter().find(|(tag, _)| tag == "Name").cloned() {
        asset.named("name", Some(&name));
        asset.name = name;
    }
    if let Some(profile) = row.text("iam_instance_profile") {
        asset.edge("can_authenticate_as", profile, "instance profile");
    }
    batch.assets.push(asset);
    Ok(())
}

/// A rule as `ingress` of a group and `aws_security_group_rule` have it.
fn aws_permission(group: &str, row: &Row<'_>) -> Rule {
    let protocol = row.string("protocol");
    let ports = match (row.number("from_port"), row.number("to_port")) {
        (Some(from), Some(to)) if from >= 0 && to >= 0 && protocol != "-1" => format!("{from}-{to}"),
        _ => String::new(),
    };
    Rule {
        group: group.to_owned(),
        name: protocol.clone(),
        allow: true,
        protocol,
        ports,
        any_v4: row.texts("cidr_blocks").contains(&"0.0.0.0/0"),
        any_v6: row.texts("ipv6_cidr_blocks").contains(&"::/0"),
        all_destinations: true,
        ..Rule::default()
    }
}

fn aws_group(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let group = row.need("id")?;
    batch.rules.push(Rule { group: group.to_owned(), priority: i64::MAX, ..Rule::default() });
    batch.rules.extend(row.list("ingress").iter().map(|one| aws_permission(group, one)));
    Ok(())
}

fn aws_rule(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    if row.text("type") == Some("ingress") {
        batch.rules.push(aws_permission(row.need("security_group_id")?, row));
    }
    Ok(())
}

fn azure_machine(row: &Row<'_>, _type: &str, batch: &mut Batch) -> Result<(), String> {
    let id = row.need("id")?.to_lowercase();
    let mut asset = Asset::new(&*id, "machine", "azure", "microsoft.compute/virtualmachines");
    asset.account = id.split('/').nth(2).unwrap_or_default().to_owned();
    asset.region = row.lower("location");
    asset.name = row.string("name");
    asset.named("name", row.text("name"));
    asset.named("hostname", row.text("computer_name"));
    asset.named("vm_id", row.text("virtual_machine_id"));
    asset.named("private_ip", row.text("private_ip_address"));
    asset.named("public_ip", row.text("public_ip_address"));
    row.texts("network_interface_ids").iter().for_each(|one| asset.link("interface", one.to_lowercase()));
    for identity in row.list("identity") {
        if let Some(principal) = identity.text("principal_id") {
            asset.edge("can_authenticate_as", principal.to_lowercase(), "system-assigned identity");
        }
        for one in identity.texts("identity_ids") {
            asset.edge("can_authenticate_as", one.to_lowercase(), "user-assigned identity");
        }
    }
    for key in row.list("admin_ssh_key") {
        let user = key.text("username").unwrap_or_default();
        if !asset.grant(user, key.text("public_key").unwrap_or_default(), "admin_ssh_key") {
            batch.remarks.push("its admin_ssh_key is no public key".to_owned());
        }
    }
    asset.tags_of(row, "tags");
    batch.assets.push(asset);
    Ok(())
}

fn google_name(id: &str) -> String {
    format!("//compute.googleapis.com/{id}")
}

fn google_network(url: &str) -> String {
    url.split_once("projects/").map_or_else(|| url.to_owned(), |(_, rest)| format!("projects/{rest}"))
}

fn google_instance(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let id = google_name(row.need("id")?);
    let mut asset = Asset::new(id, "machine", "gcp", "compute.googleapis.com/Instance");
    asset.account = row.string("project");
    asset.region = row.string("zone");
    asset.name = row.string("name");
    asset.state = row.string("current_status");
    asset.named("hostname", row.text("name"));
    asset.named("instance_id", row.text("instance_id"));
    asset.link("listed", "yes");
    for interface in row.list("network_interface") {
        asset.named("private_ip", interface.text("network_ip"));
        asset.link("network", interface.text("network").map(google_network).unwrap_or_default());
        for access in interface.list("access_config") {
            asset.named("public_ip", access.text("nat_ip"));
            asset.link("address", access.string("nat_ip"));
        }
    }
    row.texts("tags").iter().for_each(|tag| asset.link("network_tag", *tag));
    for account in row.list("service_account") {
        let email = account.string("email");
        if !email.is_empty() {
            asset.link("service_account", &*email);
            asset.edge(
                "can_authenticate_as",
                format!("serviceaccount:{email}"),
                "service account of the machine",
            );
        }
    }
    asset.tags_of(row, "labels");
    let on = row.lower("metadata.enable-oslogin") == "true";
    for (user, key) in row.string("metadata.ssh-keys").lines().filter_map(|line| line.trim().split_once(':'))
    {
        if on || !asset.grant(user, key, "ssh-keys of its metadata") {
            batch.remarks.push("a line of ssh-keys is no public key, or OS Login voids it".to_owned());
        }
    }
    batch.assets.push(asset);
    Ok(())
}

fn google_firewall(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let network = google_network(row.need("network")?);
    batch.rules.push(Rule { group: network.clone(), priority: i64::MAX, ..Rule::default() });
    if row.lower("direction") == "egress" || row.flag("disabled") == Some(true) {
        return Ok(());
    }
    let sources = row.texts("source_ranges");
    let all = row.list("allow").into_iter().map(|one| (true, one));
    for (allow, one) in all.chain(row.list("deny").into_iter().map(|one| (false, one))) {
        batch.rules.push(Rule {
            group: network.clone(),
            name: row.string("name"),
            allow,
            priority: row.number("priority").unwrap_or(1000),
            protocol: one.lower("protocol"),
            ports: one.texts("ports").join(","),
            any_v4: sources.contains(&"0.0.0.0/0"),
            any_v6: sources.contains(&"::/0"),
            all_destinations: row.texts("destination_ranges").is_empty(),
            target_tags: row.texts("target_tags").join("\n"),
            target_accounts: row.texts("target_service_accounts").join("\n"),
        });
    }
    Ok(())
}

/// What secrets open.
fn target(r#type: &str, row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let (kind, provider, id, names): (_, _, _, &[&str]) = match r#type {
        "aws_s3_bucket" => ("storage", "aws", "arn", &["bucket_domain_name", "bucket_regional_domain_name"]),
        "aws_db_instance" => ("database", "aws", "arn", &["address"]),
        "aws_rds_cluster" => ("database", "aws", "arn", &["endpoint", "reader_endpoint"]),
        "azurerm_storage_account" => (
            "storage",
            "azure",
            "id",
            &["primary_blob_host", "primary_queue_host", "primary_table_host", "primary_file_host"],
        ),
        "azurerm_mssql_server" => ("database", "azure", "id", &["fully_qualified_domain_name"]),
        "azurerm_postgresql_flexible_server" | "azurerm_mysql_flexible_server" => {
            ("database", "azure", "id", &["fqdn"])
        }
        "azurerm_key_vault" => ("vault", "azure", "id", &[]),
        "google_storage_bucket" => ("storage", "gcp", "name", &[]),
        "google_sql_database_instance" => {
            ("database", "gcp", "self_link", &["public_ip_address", "connection_name"])
        }
        _ => return Ok(()),
    };
    let id = match (r#type, row.need(id)?) {
        ("google_storage_bucket", name) => format!("//storage.googleapis.com/{name}"),
        (_, id) if provider == "azure" => id.to_lowercase(),
        (_, id) => id.to_owned(),
    };
    let mut asset = Asset::new(id, kind, provider, r#type);
    asset.name = row.string(if row.has("name") { "name" } else { "id" });
    asset.region = row.lower(if row.has("location") { "location" } else { "region" });
    for name in names {
        asset.named("endpoint", row.text(name));
    }
    if row.flag("shared_access_key_enabled") == Some(false) {
        asset.unusable("shared_access_key_enabled is false: account keys are refused");
    }
    asset.public(row.flag("publicly_accessible"), "publicly_accessible");
    asset.tags_of(row, if row.has("tags_all") { "tags_all" } else { "tags" });
    batch.assets.push(asset);
    Ok(())
}

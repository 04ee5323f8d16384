//! Azure Resource Graph: `az graph query -q … -o json`, its `data` rows or a bare list of
//! them; so also `az resource list` and the lists of Resource Manager (`value`).
//!
//! Source: the resource types' references on Microsoft Learn. Identifiers are put into
//! lower case, since Azure does not tell cases apart.

use serde_json::Value;

use super::model::{Asset, Batch, Edge, Link, Rule};
use super::row::Row;

pub(super) const SHAPE: &str = "azure_resource_graph";
pub(super) const APPLICATIONS: &str = "entra_service_principals";

/// Whether a record is a service principal of Entra, `az ad sp list --all` (Microsoft Graph,
/// `servicePrincipal`).
pub(super) fn is_application(record: &Value) -> bool {
    ["appId", "id", "servicePrincipalType"].iter().all(|name| record.get(*name).is_some_and(Value::is_string))
}

/// A service principal: secrets name its application, assignments of roles the principal.
pub(super) fn application(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let principal = row.need("id")?.to_lowercase();
    let client = row.need("appId")?.to_lowercase();
    let mut asset =
        Asset::new(format!("entra:{principal}"), "identity", "azure", "microsoft.graph/servicePrincipals");
    asset.name = row.string("displayName");
    asset.named("id", Some(&client));
    asset.named("principal", Some(&principal));
    if row.flag("accountEnabled") == Some(false) {
        asset.unusable("the service principal is disabled");
    }
    batch.assets.push(asset);
    Ok(())
}

pub(super) fn is(record: &Value) -> bool {
    let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    text("type").starts_with("microsoft.") && text("id").starts_with('/')
}

/// A row.
pub(super) fn record(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let id = row.need("id")?.to_lowercase();
    let r#type = row.need("type")?.to_lowercase();
    match &*r#type {
        "microsoft.authorization/roleassignments" => return role(row, batch),
        "microsoft.network/networkinterfaces" => interface(row, &id, batch),
        "microsoft.network/publicipaddresses" => public_address(row, &id, batch),
        "microsoft.network/networksecuritygroups" => security_group(row, &id, batch),
        "microsoft.network/virtualnetworks" => network(row, &id, batch),
        "microsoft.network/loadbalancers" => balancer(row, batch),
        _ => {}
    }
    let mut asset = Asset::new(&*id, kind(&r#type), "azure", &r#type);
    asset.name = row.string("name");
    asset.named("name", row.text("name"));
    asset.region = row.lower("location");
    asset.account = match row.lower("subscriptionId") {
        account if account.is_empty() => id.split('/').nth(2).unwrap_or_default().to_owned(),
        account => account,
    };
    asset.tags_of(row, "tags");
    if let Some(principal) = row.text("identity.principalId") {
        asset.edge("can_authenticate_as", principal.to_lowercase(), "system-assigned identity");
    }
    for (identity, about) in row.entries("identity.userAssignedIdentities") {
        let identity = identity.to_lowercase();
        asset.edge("can_authenticate_as", &*identity, "user-assigned identity");
        if let Some(principal) = about.get("principalId").and_then(Value::as_str) {
            asset.edge("can_authenticate_as", principal.to_lowercase(), "user-assigned identity");
        }
    }
    details(row, &r#type, &mut asset, batch);
    batch.assets.push(asset);
    Ok(())
}

fn kind(r#type: &str) -> &'static str {
    match r#type {
        "microsoft.compute/virtualmachines" | "microsoft.compute/virtualmachinescalesets/virtualmachines" => {
            "machine"
        }
        "microsoft.storage/storageaccounts" => "storage",
        "microsoft.keyvault/vaults" | "microsoft.keyvault/managedhsms" => "vault",
        "microsoft.managedidentity/userassignedidentities" => "identity",
        "microsoft.resources/subscriptions" | "microsoft.resources/subscriptions/resourcegroups" => "account",
        kind if kind.starts_with("microsoft.network/") => "network",
        "microsoft.cache/redis" => "database",
        kind if ["sql", "dbforpostgresql", "dbformysql", "dbformariadb", "documentdb", "synapse"]
            .iter()
            .any(|name| {
                kind.strip_prefix("microsoft.").is_some_and(|kind| kind.starts_with(&format!("{name}/")))
            }) =>
        {
            "database"
        }
        _ => "other",
    }
}

/// Names and properties of the types that secrets open.
fn details(row: &Row<'_>, r#type: &str, asset: &mut Asset, batch: &mut Batch) {
    // An access that is public may still be narrowed by rules of the resource.
    let access = match row.text("properties.publicNetworkAccess").map(str::to_ascii_lowercase).as_deref() {
        Some("disabled" | "securedbyperimeter") => Some(false),
        _ => match row.text("properties.networkAcls.defaultAction").map(str::to_ascii_lowercase).as_deref() {
            Some("allow") => Some(true),
            _ => None,
        },
    };
    match r#type {
        "microsoft.compute/virtualmachines" => machine(row, asset, batch),
        "microsoft.storage/storageaccounts" => {
            for (_, url) in row.entries("properties.primaryEndpoints") {
                asset.named("endpoint", url.as_str().and_then(host));
            }
            // What Azure gives every account where a row does not have its endpoints.
            let name = asset.name.to_lowercase();
            for service in ["blob", "queue", "table", "file", "dfs"] {
                asset.named("endpoint", Some(&format!("{name}.{service}.core.windows.net")));
            }
            if row.flag("properties.allowSharedKeyAccess") == Some(false) {
                asset.unusable(
                    "allowSharedKeyAccess is false: account keys and what is signed with them are refused",
                );
            }
            asset.public(access, "public network access");
        }
        "microsoft.keyvault/vaults" => {
            asset.named("endpoint", row.text("properties.vaultUri").and_then(host));
            asset.public(access, "public network access");
        }
        "microsoft.documentdb/databaseaccounts" => {
            asset.named("endpoint", row.text("properties.documentEndpoint").and_then(host));
            if row.flag("properties.disableLocalAuth") == Some(true) {
                asset.unusable("disableLocalAuth is true: account keys are refused");
            }
            asset.public(access, "public network access");
        }
        "microsoft.web/sites" => {
            asset.named("endpoint", row.text("properties.defaultHostName"));
            row.texts("properties.hostNames").iter().for_each(|name| asset.named("endpoint", Some(name)));
        }
        "microsoft.cache/redis" => asset.named("endpoint", row.text("properties.hostName")),
        "microsoft.containerregistry/registries" => {
            asset.named("endpoint", row.text("properties.loginServer"));
        }
        "microsoft.managedidentity/userassignedidentities" => {
            asset.named("principal", row.text("properties.principalId"));
            asset.named("id", row.text("properties.clientId"));
        }
        _ => {
            asset.named("endpoint", row.text("properties.fullyQualifiedDomainName"));
            let urls = ["properties.serviceBusEndpoint", "properties.endpoint"];
            for url in urls {
                asset.named("endpoint", row.text(url).and_then(host));
            }
            if row.flag("properties.administrators.azureADOnlyAuthentication") == Some(true) {
                asset.unusable("only Entra authentication is let in: passwords are refused");
            }
            let password = row.text("properties.authConfig.passwordAuth").map(str::to_ascii_lowercase);
            if password.as_deref() == Some("disabled") {
                asset.unusable("passwordAuth is disabled");
            }
            if asset.kind == "database" {
                asset.public(access, "public network access");
            }
        }
    }
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', ':']).next().filter(|host| !host.is_empty())
}

fn machine(row: &Row<'_>, asset: &mut Asset, batch: &mut Batch) {
    asset.named("vm_id", row.text("properties.vmId"));
    asset.named("hostname", row.text("properties.osProfile.computerName"));
    asset.named("disk", row.text("properties.storageProfile.osDisk.managedDisk.id"));
    for disk in row.list("properties.storageProfile.dataDisks") {
        asset.named("disk", disk.text("managedDisk.id"));
    }
    for interface in row.list("properties.networkProfile.networkInterfaces") {
        // A row without any may be of a query that left them out: that is no answer.
        asset.link("interface", interface.lower("id"));
    }
    asset.state = row.string("properties.extended.instanceView.powerState.code");
    for key in row.list("properties.osProfile.linuxConfiguration.ssh.publicKeys") {
        let path = key.text("path").unwrap_or_default();
        let account = match path.strip_prefix("/home/") {
            Some(rest) => rest.split('/').next().unwrap_or_default(),
            None if path.starts_with("/root/") => "root",
            None => row.text("properties.osProfile.adminUsername").unwrap_or_default(),
        };
        if let Some(public) = key.text("keyData")
            && !asset.grant(account, public, "ssh.publicKeys of its osProfile")
        {
            batch.remarks.push("a key of osProfile.linuxConfiguration.ssh is no public key".to_owned());
        }
    }
}

fn interface(row: &Row<'_>, id: &str, batch: &mut Batch) {
    let mut link = |from: &str, kind, to: String| {
        if !to.is_empty() && !from.is_empty() {
            batch.links.push(Link { from: from.to_owned(), kind, to });
        }
    };
    link(id, "listed", "yes".to_owned());
    link(id, "security_group", row.lower("properties.networkSecurityGroup.id"));
    link(&row.lower("properties.virtualMachine.id"), "interface", id.to_owned());
    for address in row.list("properties.ipConfigurations") {
        link(id, "private_address", address.string("properties.privateIPAddress"));
        link(id, "public_address", address.lower("properties.publicIPAddress.id"));
        link(id, "subnet", address.lower("properties.subnet.id"));
    }
}

fn public_address(row: &Row<'_>, id: &str, batch: &mut Batch) {
    let links = [
        ("listed", "yes".to_owned()),
        ("address", row.string("properties.ipAddress")),
        ("sku", row.lower("sku.name")),
    ];
    let links = links.into_iter().filter(|(_, to)| !to.is_empty());
    batch.links.extend(links.map(|(kind, to)| Link { from: id.to_owned(), kind, to }));
}

fn network(row: &Row<'_>, _id: &str, batch: &mut Batch) {
    for subnet in row.list("properties.subnets") {
        let from = subnet.lower("id");
        batch.links.push(Link { from: from.clone(), kind: "listed", to: "yes".to_owned() });
        let group = subnet.lower("properties.networkSecurityGroup.id");
        if !group.is_empty() {
            batch.links.push(Link { from, kind: "security_group", to: group });
        }
    }
}

fn balancer(row: &Row<'_>, batch: &mut Batch) {
    let mut fronts = Vec::new();
    for front in row.list("properties.frontendIPConfigurations") {
        fronts.push((front.lower("id"), front.lower("properties.publicIPAddress.id")));
    }
    for rule in row.list("properties.inboundNatRules") {
        let front = rule.lower("properties.frontendIPConfiguration.id");
        let address = fronts.iter().find(|(id, address)| *id == front && !address.is_empty());
        let behind = rule.lower("properties.backendIPConfiguration.id");
        let interface = behind.split("/ipconfigurations/").next().unwrap_or_default();
        if let Some((_, address)) = address
            && !interface.is_empty()
        {
            let protocol = rule.lower("properties.protocol");
            let port = rule.number("properties.backendPort").unwrap_or_default();
            let to = format!("{address}|{protocol}|{port}");
            batch.links.push(Link { from: interface.to_owned(), kind: "nat", to });
        }
    }
}

fn security_group(row: &Row<'_>, id: &str, batch: &mut Batch) {
    // That the group is there, with or without rules.
    batch.rules.push(Rule { group: id.to_owned(), priority: i64::MAX, ..Rule::default() });
    for subnet in row.list("properties.subnets") {
        let from = subnet.lower("id");
        batch.links.push(Link { from, kind: "security_group", to: id.to_owned() });
    }
    let own = row.list("properties.securityRules");
    let all = own.into_iter().chain(row.list("properties.defaultSecurityRules"));
    for rule in all {
        let Some(about) = rule.object("properties") else { continue };
        if about.lower("direction") != "inbound" {
            continue;
        }
        let both = |one: &str, many: &str| -> Vec<String> {
            let one = about.text(one).into_iter();
            one.chain(about.texts(many)).map(str::to_ascii_lowercase).collect()
        };
        let sources = both("sourceAddressPrefix", "sourceAddressPrefixes");
        let destinations = both("destinationAddressPrefix", "destinationAddressPrefixes");
        let is_any = |one: &String| matches!(&**one, "*" | "internet" | "any" | "0.0.0.0/0");
        batch.rules.push(Rule {
            group: id.to_owned(),
            name: rule.string("name"),
            allow: about.lower("access") == "allow",
            priority: about.number("priority").unwrap_or(i64::MAX),
            protocol: about.lower("protocol"),
            ports: both("destinationPortRange", "destinationPortRanges").join(","),
            any_v4: sources.iter().any(is_any),
            any_v6: sources.iter().any(|one| one == "::/0" || (is_any(one) && one != "0.0.0.0/0")),
            all_destinations: destinations.iter().any(|one| is_any(one) || one == "virtualnetwork"),
            ..Rule::default()
        });
    }
}

/// An assignment of a role: `authorizationresources` of Resource Graph.
fn role(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let principal = row.need("properties.principalId")?.to_lowercase();
    let scope = row.need("properties.scope")?.to_lowercase();
    let role = row.need("properties.roleDefinitionId")?.to_lowercase();
    let (name, privilege) = match role.rsplit('/').next().unwrap_or_default() {
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635" => ("Owner", "owner"),
        "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9" => ("User Access Administrator", "owner"),
        "b24988ac-6180-42a0-ab88-20f7382dd24c" => ("Contributor", "write"),
        "acdd72a7-3385-48ef-bd42-f606fba81ae7" => ("Reader", "read"),
        "b7e6dc6d-f1e8-4753-8033-0f276bb0955b" => ("Storage Blob Data Owner", "owner"),
        "ba92f5b4-2d11-453d-a403-e96b0029c9fe" => ("Storage Blob Data Contributor", "write"),
        "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1" => ("Storage Blob Data Reader", "read"),
        "4633458b-17de-408a-b874-0445c86b69e6" => ("Key Vault Secrets User", "read"),
        other => (other, ""),
    };
    let (why, edge) = (format!("role {name}"), "has_permission_to");
    batch.edges.push(Edge { from: principal, edge, to: scope, privilege, why });
    Ok(())
}

//! What the AWS CLI prints as JSON: EC2, RDS, S3, IAM, Resource Explorer, Config.
//!
//! Sources: the API references of these services (shapes of their responses); the EC2 User
//! Guide «Verify the fingerprint of your key pair»: MD5 of the public half for imported RSA
//! keys, SHA-1 of the private half for RSA keys that EC2 made, SHA-256 for Ed25519.

use super::Importer;
use super::iam;
use super::model::{Asset, Batch, KeyPair, Rule};
use super::row::Row;
use crate::formats::authorized_keys::key as public_key;

pub(super) const CONFIG: &str = "aws_config";
const IAM: &str = "aws_iam";
const ACCESS_KEYS: &str = "aws_access_keys";

/// The importer of the elements of a list of this name.
pub(super) fn importer(list: &str) -> Option<(&'static str, Importer)> {
    Some(match list {
        "Reservations" => ("aws_instances", reservation),
        "SecurityGroups" => ("aws_security_groups", security_group),
        "KeyPairs" => ("aws_key_pairs", key_pair),
        "DBInstances" | "DBClusters" => ("aws_rds", database),
        "Buckets" => ("aws_buckets", bucket),
        "AccessKeyMetadata" => (ACCESS_KEYS, iam::access_key),
        "UserDetailList" => (IAM, iam::user),
        "GroupDetailList" => (IAM, iam::group),
        "RoleDetailList" => (IAM, iam::role),
        "Policies" => (IAM, iam::managed),
        "Resources" => ("aws_resource_explorer", listed),
        _ => return None,
    })
}

fn reservation(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let account = row.string("OwnerId");
    for one in row.list("Instances") {
        let zone = one.string("Placement.AvailabilityZone");
        instance(&one, &account, &region_of(&zone), batch)?;
    }
    Ok(())
}

/// `eu-west-1a` without its letter. Local zones have more after it.
fn region_of(zone: &str) -> String {
    zone.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned()
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

pub(super) fn instance(row: &Row<'_>, account: &str, region: &str, batch: &mut Batch) -> Result<(), String> {
    let number = row.need("InstanceId")?;
    let id = format!("arn:{}:ec2:{region}:{account}:instance/{number}", partition(region));
    let mut asset = Asset::new(&*id, "machine", "aws", "AWS::EC2::Instance");
    asset.account = account.to_owned();
    asset.region = region.to_owned();
    asset.state = row.string("State.Name");
    asset.named("arn", Some(&id));
    asset.named("instance_id", Some(number));
    asset.named("hostname", row.text("PrivateDnsName"));
    asset.named("hostname", row.text("PublicDnsName"));
    asset.named("private_ip", row.text("PrivateIpAddress"));
    asset.named("public_ip", row.text("PublicIpAddress"));
    asset.named("image", row.text("ImageId"));
    asset.link("listed", "yes");
    asset.link("address", row.string("PublicIpAddress"));
    for disk in row.list("BlockDeviceMappings") {
        asset.named("disk", disk.text("Ebs.VolumeId"));
    }
    for group in row.list("SecurityGroups") {
        asset.link("security_group", group.string("GroupId"));
    }
    for interface in row.list("NetworkInterfaces") {
        asset.named("private_ip", interface.text("PrivateIpAddress"));
        asset.named("public_ip", interface.text("Association.PublicIp"));
        asset.link("address", interface.string("Association.PublicIp"));
        for address in interface.list("PrivateIpAddresses") {
            asset.named("private_ip", address.text("PrivateIpAddress"));
            asset.named("public_ip", address.text("Association.PublicIp"));
            asset.link("address", address.string("Association.PublicIp"));
        }
        for address in interface.list("Ipv6Addresses") {
            asset.named("public_ip", address.text("Ipv6Address"));
            asset.link("address6", address.string("Ipv6Address"));
        }
        for group in interface.list("Groups") {
            asset.link("security_group", group.string("GroupId"));
        }
    }
    asset.tag_list(row, "Tags");
    named_by_tag(&mut asset);
    if let Some(profile) = row.text("IamInstanceProfile.Arn") {
        asset.edge("can_authenticate_as", profile, "instance profile");
    }
    asset.link("key_pair", row.string("KeyName"));
    batch.assets.push(asset);
    Ok(())
}

fn named_by_tag(asset: &mut Asset) {
    let tag = asset.tags.iter().find(|(tag, _)| tag == "Name").map(|(_, value)| value.clone());
    if let Some(name) = tag {
        asset.named("name", Some(&name));
        asset.name = name;
    }
}

/// Groups of EC2 only allow; `IpPermissions` is what comes in.
pub(super) fn security_group(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let group = row.need("GroupId")?;
    batch.rules.push(Rule { group: group.to_owned(), priority: i64::MAX, ..Rule::default() });
    for permission in row.list("IpPermissions") {
        let protocol = permission.string("IpProtocol");
        let range = (permission.number("FromPort"), permission.number("ToPort"));
        let ports = match range {
            (Some(from), Some(to)) if from >= 0 && to >= 0 => format!("{from}-{to}"),
            _ => String::new(),
        };
        // AWS Config writes `ipRanges` as texts, and `ipv4Ranges` as objects.
        let objects = |list: &str, field: &str, any: &str| {
            permission.list(list).iter().any(|range| range.text(field) == Some(any))
        };
        let four = if permission.has("ipv4Ranges") { "ipv4Ranges" } else { "IpRanges" };
        batch.rules.push(Rule {
            group: group.to_owned(),
            name: protocol.clone(),
            allow: true,
            protocol,
            ports,
            any_v4: objects(four, "CidrIp", "0.0.0.0/0"),
            any_v6: objects("Ipv6Ranges", "CidrIpv6", "::/0"),
            all_destinations: true,
            ..Rule::default()
        });
    }
    Ok(())
}

fn key_pair(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let name = row.need("KeyName")?;
    let id = row.text("KeyPairId").unwrap_or(name);
    pair(name, id, "", row.text("KeyFingerprint"), row.text("PublicKey"), batch)
}

/// A key pair by all fingerprints that are known.
pub(super) fn pair(
    name: &str,
    id: &str,
    account: &str,
    shown: Option<&str>,
    public: Option<&str>,
    batch: &mut Batch,
) -> Result<(), String> {
    let mut forms = Vec::new();
    if let Some(public) = public {
        match public_key(public.trim().as_bytes()) {
            Some((key, _)) => forms.push(("sha256", key.fingerprint_sha256())),
            None => batch.remarks.push("its PublicKey is no public key".to_owned()),
        }
    }
    if let Some(shown) = shown {
        let pairs =
            shown.split(':').all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()));
        match shown.len() {
            47 if pairs => forms.push(("ec2_imported", shown.to_lowercase())),
            59 if pairs => forms.push(("ec2_created", shown.to_lowercase())),
            _ => {
                let digest = shown.strip_prefix("SHA256:").unwrap_or(shown).trim_end_matches('=');
                let base64 = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
                if digest.len() == 43 && digest.bytes().all(base64) {
                    forms.push(("sha256", format!("SHA256:{digest}")));
                } else {
                    batch.remarks.push("its KeyFingerprint has no known form".to_owned());
                }
            }
        }
    }
    if forms.is_empty() {
        return Err("it has neither a PublicKey nor a KeyFingerprint that can be read".to_owned());
    }
    forms.dedup();
    for (form, fingerprint) in forms {
        let (name, id, account) = (name.to_owned(), id.to_owned(), account.to_owned());
        batch.key_pairs.push(KeyPair { name, id, account, form, fingerprint });
    }
    Ok(())
}

/// A part of an ARN, `arn:partition:service:region:account:resource`.
fn part_of_arn(arn: &str, part: usize) -> String {
    arn.splitn(6, ':').nth(part).unwrap_or_default().to_owned()
}

fn database(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let cluster = row.text("DBClusterArn").filter(|_| !row.has("DBInstanceArn"));
    let (arn, r#type, name) = match cluster {
        Some(arn) => (arn, "AWS::RDS::DBCluster", row.text("DBClusterIdentifier")),
        None => (row.need("DBInstanceArn")?, "AWS::RDS::DBInstance", row.text("DBInstanceIdentifier")),
    };
    let mut asset = Asset::new(arn, "database", "aws", r#type);
    asset.account = part_of_arn(arn, 4);
    asset.region = part_of_arn(arn, 3);
    asset.name = name.unwrap_or_default().to_owned();
    asset.named("arn", Some(arn));
    asset.named("name", name);
    if cluster.is_some() {
        asset.named("endpoint", row.text("Endpoint"));
        asset.named("endpoint", row.text("ReaderEndpoint"));
        asset.state = row.string("Status");
    } else {
        asset.named("endpoint", row.text("Endpoint.Address"));
        asset.state = row.string("DBInstanceStatus");
    }
    asset.public(row.flag("PubliclyAccessible"), "PubliclyAccessible");
    // By what policies name it for logins with IAM.
    asset.link(
        "db_resource",
        row.string(if cluster.is_some() { "DbClusterResourceId" } else { "DbiResourceId" }),
    );
    asset.tag_list(row, "TagList");
    batch.assets.push(asset);
    Ok(())
}

fn bucket(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let name = row.need("Name")?;
    let id = format!("arn:aws:s3:::{name}");
    let mut asset = Asset::new(&*id, "storage", "aws", "AWS::S3::Bucket");
    asset.name = name.to_owned();
    asset.region = row.string("BucketRegion");
    asset.named("arn", Some(&id));
    asset.named("name", Some(name));
    asset.named("endpoint", Some(&format!("{name}.s3.amazonaws.com")));
    batch.assets.push(asset);
    Ok(())
}

fn kind(r#type: &str) -> &'static str {
    match r#type.to_ascii_lowercase().replace("aws::", "").replace("::", ":").as_str() {
        "ec2:instance" => "machine",
        "s3:bucket" => "storage",
        "rds:db" | "rds:cluster" | "rds:dbinstance" | "rds:dbcluster" | "redshift:cluster"
        | "dynamodb:table" => "database",
        "secretsmanager:secret" | "kms:key" => "vault",
        "iam:user" | "iam:role" | "iam:instance-profile" | "iam:instanceprofile" => "identity",
        "ec2:vpc" | "ec2:subnet" | "ec2:security-group" | "ec2:securitygroup" | "ec2:internet-gateway" => {
            "network"
        }
        _ => "other",
    }
}

/// Resource Explorer: presence and tags.
fn listed(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let arn = row.need("Arn")?;
    let r#type = row.need("ResourceType")?;
    let mut asset = Asset::new(arn, kind(r#type), "aws", r#type);
    asset.account = row.string("OwningAccountId");
    asset.region = row.string("Region");
    asset.named("arn", Some(arn));
    if let Some((_, number)) = arn.split_once(":instance/") {
        asset.named("instance_id", Some(number));
    }
    for property in row.list("Properties") {
        if property.text("Name") == Some("tags") {
            asset.tag_list(&property, "Data");
        }
    }
    named_by_tag(&mut asset);
    batch.assets.push(asset);
    Ok(())
}

/// An item of AWS Config: its configuration is the answer of the service's own API, with
/// names that begin with a small letter; its tags are beside it.
pub(super) fn config(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let r#type = row.need("resourceType")?;
    // Histories and snapshots also have what is no more.
    if row.text("configurationItemStatus").is_some_and(|status| status.starts_with("ResourceDeleted")) {
        batch.remarks.push("it was deleted: left out".to_owned());
        return Ok(());
    }
    let account = row.string(if row.has("awsAccountId") { "awsAccountId" } else { "accountId" });
    let region = row.string("awsRegion");
    let configuration = row.object("configuration");
    let own = configuration.as_ref().and_then(|configuration| {
        Some(match r#type {
            "AWS::EC2::Instance" => instance(configuration, &account, &region, batch),
            "AWS::EC2::SecurityGroup" => security_group(configuration, batch),
            "AWS::RDS::DBInstance" | "AWS::RDS::DBCluster" => database(configuration, batch),
            "AWS::IAM::User" => iam::user(configuration, batch),
            "AWS::IAM::Group" => iam::group(configuration, batch),
            "AWS::IAM::Role" => iam::role(configuration, batch),
            "AWS::IAM::Policy" => iam::managed(configuration, batch),
            _ => return None,
        })
    });
    if let Some(done) = own {
        done?;
        if let Some(asset) = batch.assets.last_mut() {
            for (name, value) in row.entries("tags") {
                let value = value.as_str().unwrap_or_default();
                if !asset.tags.iter().any(|(known, _)| known == name) {
                    asset.tag(name, value);
                }
            }
        }
        return Ok(());
    }
    if r#type == "AWS::S3::Bucket" {
        return config_bucket(row, &account, &region, batch);
    }
    let arn = row.text("ARN").or_else(|| row.text("resourceId"));
    let arn = arn.ok_or("it has neither ARN nor resourceId")?;
    let mut asset = Asset::new(arn, kind(r#type), "aws", r#type);
    asset.account = account;
    asset.region = region;
    asset.name = row.string("resourceName");
    asset.named("arn", Some(arn));
    asset.named("name", row.text("resourceName"));
    asset.tags_of(row, "tags");
    batch.assets.push(asset);
    Ok(())
}

/// A bucket, under the same names that a list of buckets gives it.
fn config_bucket(row: &Row<'_>, account: &str, region: &str, batch: &mut Batch) -> Result<(), String> {
    let name = row.text("resourceName").or_else(|| row.text("resourceId"));
    let name = name.ok_or("it has neither resourceName nor resourceId")?;
    let id = row.text("ARN").map_or_else(|| format!("arn:aws:s3:::{name}"), str::to_owned);
    let mut asset = Asset::new(&*id, "storage", "aws", "AWS::S3::Bucket");
    asset.account = account.to_owned();
    asset.region = region.to_owned();
    asset.name = name.to_owned();
    asset.named("arn", Some(&id));
    asset.named("name", Some(name));
    asset.named("endpoint", Some(&format!("{name}.s3.amazonaws.com")));
    asset.tags_of(row, "tags");
    batch.assets.push(asset);
    Ok(())
}

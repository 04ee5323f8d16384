//! AWS IAM: users, groups, roles, policies and access keys, as
//! `aws iam get-account-authorization-details`, `aws iam list-access-keys` and AWS Config tell
//! them.
//!
//! Role: keeps who has which policy, and what each policy says, for `permissions`, which works
//! out what that allows. Not for: what policies mean (`policy`).
//!
//! Sources: IAM API Reference (`UserDetail`, `GroupDetail`, `RoleDetail`, `ManagedPolicyDetail`,
//! `AccessKeyMetadata`); documents of policies are JSON, or JSON percent-encoded by RFC 3986.

use super::model::{Asset, Batch, PolicyStatement};
use super::policy;
use super::row::Row;
use crate::formats::aws_key_id;

/// What an access key's user is called: names of users are of one account.
fn user_name(account: &str, user: &str) -> String {
    format!("iam-user:{account}/{user}")
}

fn group_name(account: &str, group: &str) -> String {
    format!("iam-group:{account}/{group}")
}

fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Metadata of an access key: its identifier is no secret, and codes the account.
pub(super) fn access_key(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let id = row.need("AccessKeyId")?;
    let mut asset = Asset::new(id, "identity", "aws", "AWS::IAM::AccessKey");
    asset.account = aws_key_id::account(id.as_bytes()).ok().flatten().unwrap_or_default();
    asset.named("access_key", Some(id));
    asset.name = row.string("UserName");
    asset.state = row.string("Status");
    match row.text("Status") {
        Some("Active") => asset.usable = "yes",
        Some("Inactive" | "Expired") => asset.unusable("the access key is inactive"),
        _ => {}
    }
    if let Some(user) = row.text("UserName") {
        let user = user_name(&asset.account, user);
        asset.edge("can_authenticate_as", user, "access key of the user");
    }
    batch.assets.push(asset);
    Ok(())
}

/// A user, a group or a role, with what its policies are.
fn identity(row: &Row<'_>, name: &'static str, r#type: &str, batch: &mut Batch) -> Result<Asset, String> {
    let arn = row.need("Arn")?;
    let mut asset = Asset::new(arn, "identity", "aws", r#type);
    asset.account = account_of(arn).to_owned();
    asset.name = row.string(name);
    asset.named("arn", Some(arn));
    for attached in row.list("AttachedManagedPolicies") {
        if let Some(policy) = attached.text("PolicyArn") {
            asset.edge("has_policy", policy, attached.text("PolicyName").unwrap_or_default());
        }
    }
    let inline = ["UserPolicyList", "GroupPolicyList", "RolePolicyList"];
    for one in inline.iter().flat_map(|list| row.list(list)) {
        let called = one.need("PolicyName")?;
        let policy = format!("{arn}#{called}");
        match one.document("PolicyDocument").as_ref().and_then(policy::statements) {
            Some(statements) => {
                keep(&policy, statements, batch);
                asset.edge("has_policy", policy, called);
            }
            None => batch.remarks.push(format!("its policy {called} cannot be read")),
        }
    }
    if let Some(boundary) = row.text("PermissionsBoundary.PermissionsBoundaryArn") {
        asset.edge("bounded_by", boundary, "permissions boundary");
    }
    asset.tag_list(row, "Tags");
    Ok(asset)
}

fn keep(policy: &str, statements: Vec<policy::Statement>, batch: &mut Batch) {
    let of = |statement| PolicyStatement { policy: policy.to_owned(), statement };
    batch.statements.extend(statements.into_iter().map(of));
}

pub(super) fn user(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let mut asset = identity(row, "UserName", "AWS::IAM::User", batch)?;
    let user = row.need("UserName")?;
    asset.named("principal", Some(&user_name(&asset.account, user)));
    // Of keys whose identifier does not tell the account.
    asset.named("principal", Some(&user_name("", user)));
    for group in row.texts("GroupList") {
        let group = group_name(&asset.account, group).to_lowercase();
        asset.edge("member_of", group, "group of the user");
    }
    batch.assets.push(asset);
    Ok(())
}

pub(super) fn group(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let mut asset = identity(row, "GroupName", "AWS::IAM::Group", batch)?;
    let group = row.need("GroupName")?;
    asset.named("principal", Some(&group_name(&asset.account, group)));
    batch.assets.push(asset);
    Ok(())
}

/// A role, with whom it trusts and the instance profiles that it is in.
pub(super) fn role(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let asset = identity(row, "RoleName", "AWS::IAM::Role", batch)?;
    if row.has("AssumeRolePolicyDocument") {
        let trust = format!("{}#trust", asset.id);
        match row.document("AssumeRolePolicyDocument").as_ref().and_then(policy::statements) {
            Some(statements) => keep(&trust, statements, batch),
            None => batch.remarks.push("its AssumeRolePolicyDocument cannot be read".to_owned()),
        }
    }
    for profile in row.list("InstanceProfileList") {
        let arn = profile.need("Arn")?;
        let mut one = Asset::new(arn, "identity", "aws", "AWS::IAM::InstanceProfile");
        one.account.clone_from(&asset.account);
        one.name = profile.string("InstanceProfileName");
        one.named("arn", Some(arn));
        one.named("name", profile.text("InstanceProfileName"));
        one.edge("can_authenticate_as", &*asset.id, "role of the instance profile");
        batch.assets.push(one);
    }
    batch.assets.push(asset);
    Ok(())
}

/// A managed policy: the version that counts. Without versions there is nothing to know.
pub(super) fn managed(row: &Row<'_>, batch: &mut Batch) -> Result<(), String> {
    let arn = row.need("Arn")?;
    let versions = row.list("PolicyVersionList");
    let Some(version) = versions.iter().find(|one| one.flag("IsDefaultVersion") == Some(true)) else {
        return Ok(());
    };
    match version.document("Document").as_ref().and_then(policy::statements) {
        Some(statements) => keep(arn, statements, batch),
        None => batch.remarks.push("its document cannot be read".to_owned()),
    }
    Ok(())
}

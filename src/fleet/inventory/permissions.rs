//! What users and roles of AWS may do with buckets, databases and vaults: from their policies to
//! edges `has_permission_to`.
//!
//! Role: for every identity that an access key or an instance profile authenticates as, also by
//! assuming roles, asks its policies, those of its groups and its permissions boundary for a few
//! actions that read, write or take over each resource. Not evaluated: service control policies,
//! policies of the resources themselves, conditions (they are said).
//!
//! Sources: IAM User Guide, «Policy evaluation logic»; Service Authorization Reference for the
//! actions and the forms of ARNs of each service; RDS User Guide, «Creating and using an IAM
//! policy for IAM database access».

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{Connection, params};

use super::policy::{Answer, Statement, covers, evaluate};

/// Computed edges are of no file.
const NO_FILE: i64 = 0;
/// No more permissions are worked out.
const MOST: u64 = 1_000_000;
/// No longer chains of roles.
const MOST_ROLES: usize = 1000;

/// An action, what it is done to (of the resource's ARN), and what that comes to.
type Capability = (&'static str, &'static str, &'static str);

/// The actions that are asked for, by a part of the ARN of the resource.
const CAPABILITIES: [(&str, &[Capability]); 7] = [
    (
        ":s3:::",
        &[
            ("s3:PutBucketPolicy", "", "owner"),
            ("s3:PutObject", "/*", "write"),
            ("s3:DeleteObject", "/*", "write"),
            ("s3:GetObject", "/*", "read"),
        ],
    ),
    // Whoever changes an instance sets its master password.
    (":rds:", &[("rds:ModifyDBInstance", "", "owner"), ("rds-db:connect", "login", "write")]),
    (
        ":dynamodb:",
        &[("dynamodb:PutItem", "", "write"), ("dynamodb:GetItem", "", "read"), ("dynamodb:Scan", "", "read")],
    ),
    (":redshift:", &[("redshift:ModifyCluster", "", "owner")]),
    (
        ":secretsmanager:",
        &[("secretsmanager:PutSecretValue", "", "write"), ("secretsmanager:GetSecretValue", "", "read")],
    ),
    (":kms:", &[("kms:Decrypt", "", "read")]),
    (":ssm:", &[("ssm:GetParameter", "", "read")]),
];
const CLUSTER: [Capability; 2] = [("rds:ModifyDBCluster", "", "owner"), ("rds-db:connect", "login", "write")];

/// Policies of AWS that exports leave out, by their published documents: Allow of these actions
/// on everything.
const OF_AWS: [(&str, &str); 7] = [
    ("AdministratorAccess", "*"),
    ("AmazonS3FullAccess", "s3:*"),
    ("AmazonS3ReadOnlyAccess", "s3:Get*\ns3:List*"),
    ("AmazonRDSFullAccess", "rds:*"),
    ("AmazonDynamoDBFullAccess", "dynamodb:*"),
    ("SecretsManagerReadWrite", "secretsmanager:*"),
    ("AmazonRedshiftFullAccess", "redshift:*"),
];

/// What was worked out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Permissions {
    /// How many there are.
    pub(super) edges: u64,
    /// Whether there are more than are kept.
    pub(super) cut: bool,
}

type Answered<T> = Result<T, rusqlite::Error>;

struct Identity {
    id: String,
    account: String,
    name: String,
    policies: Vec<(String, String)>,
    boundaries: Vec<String>,
}

struct Resource {
    id: String,
    /// What policies call logins to it.
    login: Option<String>,
}

struct Iam {
    identities: BTreeMap<String, Identity>,
    statements: HashMap<String, Vec<Statement>>,
    resources: Vec<Resource>,
}

/// Works all permissions out anew.
pub(super) fn work_out(connection: &Connection) -> Answered<Permissions> {
    connection.execute("DELETE FROM asset_edge WHERE inventory_id = ?1", [NO_FILE])?;
    let iam = Iam::read(connection)?;
    let mut done = Permissions::default();
    let mut insert =
        connection.prepare("INSERT INTO asset_edge VALUES (?1, 'has_permission_to', ?2, ?3, ?4, ?5)")?;
    for (from, first) in wanted(connection, &iam)? {
        // Each resource by the shortest chain of roles, which is found first.
        let mut found: BTreeMap<&str, (&str, String)> = BTreeMap::new();
        for (number, identity) in iam.assumed(first).into_iter().enumerate() {
            let by = if number == 0 { String::new() } else { format!(" as role {}", identity.name) };
            for (resource, privilege, why) in iam.permissions(identity) {
                found.entry(resource).or_insert_with(|| (privilege, format!("{why}{by}")));
            }
        }
        for (resource, (privilege, why)) in found {
            if done.edges >= MOST {
                done.cut = true;
                return Ok(done);
            }
            done.edges = done.edges.saturating_add(1);
            insert.execute(params![from, resource, privilege, why, NO_FILE])?;
        }
    }
    Ok(done)
}

/// Whose permissions matter: users that have an access key, and roles of instance profiles; with
/// what stands for it in edges.
fn wanted<'i>(connection: &Connection, iam: &'i Iam) -> Answered<Vec<(String, &'i Identity)>> {
    let mut query = connection.prepare(
        "SELECT DISTINCT a.asset_id, t.asset_id FROM asset a
         JOIN asset_edge e ON e.from_asset = a.asset_id AND e.edge = 'can_authenticate_as'
         JOIN asset_name t ON t.name = LOWER(e.to_asset) AND t.kind IN ('arn', 'principal')
         JOIN asset i ON i.asset_id = t.asset_id AND i.deleted IS NULL
         WHERE a.provider = 'aws' AND a.kind = 'identity' AND a.deleted IS NULL
           AND (SELECT COUNT(DISTINCT n.asset_id) FROM asset_name n WHERE n.name = LOWER(e.to_asset)) = 1
         ORDER BY 1, 2",
    )?;
    let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut wanted = BTreeMap::new();
    for row in rows {
        let (from, to) = row?;
        if let Some(identity) = iam.identities.get(&to) {
            // A profile stands for its role: edges go from a machine to the profile.
            let stands = if from.contains(":instance-profile/") { from } else { to };
            wanted.insert(stands, identity);
        }
    }
    Ok(wanted.into_iter().collect())
}

fn lines(text: &str) -> Vec<String> {
    text.split('\n').filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

impl Iam {
    fn read(connection: &Connection) -> Answered<Self> {
        let mut identities = BTreeMap::new();
        let mut query = connection.prepare(
            "SELECT asset_id, account, name FROM asset WHERE provider = 'aws' AND kind = 'identity' AND deleted IS NULL
               AND (asset_id LIKE 'arn:%:iam::%:user/%' OR asset_id LIKE 'arn:%:iam::%:role/%'
                    OR asset_id LIKE 'arn:%:iam::%:group/%')",
        )?;
        let rows = query.query_map([], |row| {
            let (id, account, name) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(Identity { id, account, name, policies: Vec::new(), boundaries: Vec::new() })
        })?;
        for row in rows {
            let row = row?;
            identities.insert(row.id.clone(), row);
        }
        let mut iam = Self { identities, statements: HashMap::new(), resources: Vec::new() };
        iam.read_edges(connection)?;
        iam.read_statements(connection)?;
        let mut query = connection.prepare(
            "SELECT a.asset_id, MIN(l.to_id) FROM asset a
             LEFT JOIN asset_link l ON l.from_id = a.asset_id AND l.kind = 'db_resource'
             WHERE a.provider = 'aws' AND a.kind IN ('storage', 'database', 'vault') AND a.deleted IS NULL
               AND a.asset_id LIKE 'arn:%' GROUP BY a.asset_id",
        )?;
        let rows = query.query_map([], |row| {
            let (id, number): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let login = number.map(|number| {
                let of = |part| id.split(':').nth(part).unwrap_or_default();
                format!("arn:{}:rds-db:{}:{}:dbuser:{number}/*", of(1), of(3), of(4))
            });
            Ok(Resource { id, login })
        })?;
        iam.resources = rows.collect::<Result<_, _>>()?;
        Ok(iam)
    }

    fn read_edges(&mut self, connection: &Connection) -> Answered<()> {
        let mut query = connection.prepare(
            "SELECT DISTINCT from_asset, edge, to_asset, why FROM asset_edge
             WHERE edge IN ('has_policy', 'bounded_by') ORDER BY 1, 2, 3, 4",
        )?;
        let rows = query.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get(3)?))
        })?;
        for row in rows {
            let (from, edge, policy, why): (_, _, String, String) = row?;
            let Some(identity) = self.identities.get_mut(&from) else { continue };
            if edge == "has_policy" {
                identity.policies.push((policy, why));
            } else {
                identity.boundaries.push(policy);
            }
        }
        let mut query = connection.prepare(
            "SELECT DISTINCT e.from_asset, n.asset_id FROM asset_edge e
             JOIN asset_name n ON n.name = e.to_asset AND n.kind = 'principal'
             WHERE e.edge = 'member_of' ORDER BY 1, 2",
        )?;
        let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        for row in rows {
            let (user, group) = row?;
            let of_group =
                self.identities.get(&group).map(|group| group.policies.clone()).unwrap_or_default();
            if let Some(user) = self.identities.get_mut(&user) {
                user.policies.extend(of_group);
            }
        }
        Ok(())
    }

    fn read_statements(&mut self, connection: &Connection) -> Answered<()> {
        let mut query = connection.prepare(
            "SELECT policy, allow, actions, not_actions, resources, not_resources, conditional, principals
             FROM policy_statement",
        )?;
        let rows = query.query_map([], |row| {
            let text = |at| row.get::<_, String>(at).map(|text| lines(&text));
            let statement = Statement {
                allow: row.get(1)?,
                actions: text(2)?,
                not_actions: text(3)?,
                resources: text(4)?,
                not_resources: text(5)?,
                conditional: row.get(6)?,
                principals: text(7)?,
            };
            Ok((row.get::<_, String>(0)?, statement))
        })?;
        for row in rows {
            let (policy, statement) = row?;
            self.statements.entry(policy).or_default().push(statement);
        }
        let attached =
            self.identities.values().flat_map(|one| &one.policies).map(|(policy, _)| policy.clone());
        for policy in attached.collect::<BTreeSet<_>>() {
            let Some((_, name)) = policy.split_once(":iam::aws:policy/") else { continue };
            let known = OF_AWS.iter().find(|(known, _)| *known == name);
            if let Some((_, actions)) = known.filter(|_| !self.statements.contains_key(&policy)) {
                let (actions, resources) = (lines(actions), vec!["*".to_owned()]);
                let all = Statement { allow: true, actions, resources, ..Statement::default() };
                self.statements.insert(policy, vec![all]);
            }
        }
        Ok(())
    }

    /// The statements of an identity's policies that are about an action.
    fn about<'s>(&'s self, identity: &'s Identity, action: &str) -> Vec<(&'s str, &'s Statement)> {
        let all = identity.policies.iter().flat_map(|(policy, name)| {
            let of = self.statements.get(policy).map(Vec::as_slice).unwrap_or_default();
            of.iter().map(move |statement| (name.as_str(), statement))
        });
        all.filter(|(_, statement)| statement.is_about(action)).collect()
    }

    /// What a boundary leaves of an action on a resource.
    fn bound(&self, identity: &Identity, action: &str, resource: &str) -> Answer {
        let mut answer = Answer::Yes;
        for boundary in &identity.boundaries {
            // One that no inventory has may take anything away.
            let Some(of) = self.statements.get(boundary) else {
                answer = answer.min(Answer::UnderConditions);
                continue;
            };
            let about: Vec<_> = of.iter().filter(|one| one.is_about(action)).map(|one| ("", one)).collect();
            answer = answer.min(evaluate(&about, resource, &identity.name).0);
        }
        answer
    }

    /// The resources that an identity has permissions to, by its own policies: with the most that
    /// it may do, and which actions by which policies.
    fn permissions<'s>(&'s self, identity: &'s Identity) -> Vec<(&'s str, &'static str, String)> {
        let mut about: HashMap<&str, Vec<(&str, &Statement)>> = HashMap::new();
        let mut all = Vec::new();
        for resource in &self.resources {
            let (mut best, mut allowed, mut under) = ("", BTreeMap::<&str, Vec<&str>>::new(), true);
            for (action, part, privilege) in capabilities(&resource.id) {
                let target = match (*part, &resource.login) {
                    ("login", Some(login)) => login.clone(),
                    ("login", None) => continue,
                    (part, _) => format!("{}{part}", resource.id),
                };
                let of_action = about.entry(action).or_insert_with(|| self.about(identity, action));
                let (answer, policy) = evaluate(of_action, &target, &identity.name);
                let answer = answer.min(self.bound(identity, action, &target));
                if answer == Answer::No {
                    continue;
                }
                under &= answer == Answer::UnderConditions;
                if best.is_empty() {
                    best = privilege;
                }
                allowed.entry(policy).or_default().push(action);
            }
            if !allowed.is_empty() {
                let by: Vec<String> = allowed
                    .iter()
                    .map(|(policy, actions)| format!("{} by policy {policy}", actions.join(", ")))
                    .collect();
                let under = if under { ", under conditions" } else { "" };
                all.push((resource.id.as_str(), best, format!("allows {}{under}", by.join("; "))));
            }
        }
        all
    }

    /// An identity and the roles that it may assume, one after the other, the nearest first.
    fn assumed<'s>(&'s self, first: &'s Identity) -> Vec<&'s Identity> {
        let mut all = vec![first];
        let mut next = 0;
        while let Some(identity) = all.get(next).copied() {
            next = next.saturating_add(1);
            let about = self.about(identity, "sts:AssumeRole");
            for role in self.identities.values().filter(|one| one.id.contains(":role/")) {
                if all.len() < MOST_ROLES
                    && all.iter().all(|one| one.id != role.id)
                    && self.trusts(role, identity, &about)
                {
                    all.push(role);
                }
            }
        }
        all
    }

    /// Whether an identity may assume a role: the role's trust names it, or names its account and
    /// its own policies allow it.
    fn trusts(&self, role: &Identity, identity: &Identity, about: &[(&str, &Statement)]) -> bool {
        let trust = self.statements.get(&format!("{}#trust", role.id)).map(Vec::as_slice).unwrap_or_default();
        let root = format!(":iam::{}:root", identity.account);
        let by_account = |one: &String| *one == identity.account || *one == "*" || one.ends_with(&root);
        let by_name = |one: &String| *one == identity.id;
        let named = |allow: bool, test: &dyn Fn(&String) -> bool| {
            trust.iter().any(|one| {
                one.allow == allow
                    && (allow || !one.conditional)
                    && one.is_about("sts:AssumeRole")
                    && one.principals.iter().any(test)
            })
        };
        if named(false, &|one| by_account(one) || by_name(one)) {
            return false;
        }
        let own = || {
            evaluate(about, &role.id, &identity.name).0 > Answer::No
                && self.bound(identity, "sts:AssumeRole", &role.id) > Answer::No
        };
        if named(true, &by_name) && role.account == identity.account {
            return true;
        }
        (named(true, &by_name) || named(true, &by_account)) && own()
    }
}

fn capabilities(arn: &str) -> &'static [Capability] {
    if arn.contains(":rds:") && arn.contains(":cluster:") {
        return &CLUSTER;
    }
    let found = CAPABILITIES.iter().find(|(part, _)| covers(&format!("arn:*{part}*"), arn));
    found.map(|(_, capabilities)| *capabilities).unwrap_or_default()
}

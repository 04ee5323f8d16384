//! What importers made, into the tables of `queries/inventory.sql`.
//!
//! Role: all writes of one file, within its transaction. A newer file of a shape replaces
//! what older ones of the same shape said of the same resource.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::model::{Asset, Batch, Edge, KeyPair, Link, PolicyStatement, Rule, VexStatement, Vulnerability};
use super::{InventoryError, Options, Report, Taken, grype, trivy, vex};

const UPSERT: &str = "INSERT INTO asset VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, NULL) \
ON CONFLICT (asset_id) DO UPDATE SET \
kind = CASE WHEN excluded.kind = 'other' THEN kind ELSE excluded.kind END, \
provider = CASE WHEN excluded.provider = '' THEN provider ELSE excluded.provider END, \
type = CASE WHEN excluded.type = '' THEN type ELSE excluded.type END, \
account = CASE WHEN excluded.account = '' THEN account ELSE excluded.account END, \
region = CASE WHEN excluded.region = '' THEN region ELSE excluded.region END, \
name = CASE WHEN excluded.name = '' THEN name ELSE excluded.name END, \
state = CASE WHEN excluded.state = '' THEN state ELSE excluded.state END, \
exposed_ports = CASE WHEN excluded.exposed = 'unknown' THEN exposed_ports ELSE excluded.exposed_ports END, \
exposed_why = CASE WHEN excluded.exposed = 'unknown' THEN exposed_why ELSE excluded.exposed_why END, \
exposed = CASE WHEN excluded.exposed = 'unknown' THEN exposed ELSE excluded.exposed END, \
criticality = CASE WHEN excluded.criticality = 'unknown' THEN criticality ELSE excluded.criticality END, \
sensitivity = CASE WHEN excluded.sensitivity = 'unknown' THEN sensitivity ELSE excluded.sensitivity END, \
usable_why = CASE WHEN excluded.usable = 'unknown' THEN usable_why ELSE excluded.usable_why END, \
usable = CASE WHEN excluded.usable = 'unknown' THEN usable ELSE excluded.usable END, \
owner = CASE WHEN excluded.owner = '' THEN owner ELSE excluded.owner END, \
inventory_id = excluded.inventory_id, deleted = NULL";

/// Tables of what resources have, with the column that says which.
const PARTS: [(&str, &str); 8] = [
    ("asset_name", "asset_id"),
    ("asset_tag", "asset_id"),
    ("asset_edge", "from_asset"),
    ("asset_grant", "asset_id"),
    ("asset_link", "from_id"),
    ("security_rule", "group_id"),
    ("key_pair", "name"),
    ("policy_statement", "policy"),
];

/// The vulnerabilities of a subject.
#[derive(Debug, Default)]
struct Counted {
    critical: i64,
    high: i64,
    other: i64,
    worst: u8,
    remote_code: bool,
    exploited: bool,
}

/// Writes what one file says.
pub(super) struct Sink<'c> {
    connection: &'c Connection,
    inventory: i64,
    scope: Option<String>,
    /// Whose the statements of a file are, in lower case.
    machine: String,
    whole: bool,
    taken_at: String,
    accounts: BTreeSet<String>,
    providers: BTreeSet<String>,
    counted: BTreeMap<String, Counted>,
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn rank(severity: &str) -> u8 {
    match severity {
        "critical" => 5,
        "high" => 4,
        "medium" => 3,
        "low" => 2,
        "negligible" => 1,
        _ => 0,
    }
}

impl<'c> Sink<'c> {
    pub(super) fn begin(connection: &'c Connection, options: &Options) -> Result<Self, rusqlite::Error> {
        let next = "SELECT COALESCE(MAX(inventory_id), 0) + 1 FROM inventory";
        Ok(Self {
            connection,
            inventory: connection.query_row(next, [], |row| row.get(0))?,
            scope: options.scope.clone(),
            machine: options.machine.as_deref().unwrap_or_default().trim().to_lowercase(),
            whole: options.whole,
            taken_at: options.taken.clone(),
            accounts: BTreeSet::new(),
            providers: BTreeSet::new(),
            counted: BTreeMap::new(),
        })
    }

    pub(super) fn keep(&mut self, batch: Batch, taken: &mut Taken) -> Result<(), rusqlite::Error> {
        for asset in batch.assets {
            self.asset(asset, taken)?;
        }
        for rule in &batch.rules {
            self.rule(rule)?;
        }
        for pair in &batch.key_pairs {
            self.key_pair(pair)?;
        }
        for link in &batch.links {
            self.link(link)?;
        }
        for edge in &batch.edges {
            self.edge(edge)?;
        }
        for one in &batch.statements {
            self.statement(one)?;
        }
        for one in &batch.vex {
            self.vex(one)?;
        }
        for one in &batch.known_exploited {
            self.connection
                .prepare_cached(
                    "INSERT INTO known_exploited VALUES (?1, ?2) ON CONFLICT DO UPDATE SET inventory_id = ?2",
                )?
                .execute(params![one, self.inventory])?;
        }
        for one in batch.vulnerabilities {
            taken.vulnerabilities = taken.vulnerabilities.saturating_add(u64::from(!one.id.is_empty()));
            self.vulnerability(&one)?;
        }
        Ok(())
    }

    fn asset(&mut self, mut asset: Asset, taken: &mut Taken) -> Result<(), rusqlite::Error> {
        asset.finish();
        if !asset.account.is_empty() && self.accounts.len() < 10_000 {
            self.accounts.insert(asset.account.clone());
        }
        self.providers.insert(asset.provider.clone());
        let before = self
            .connection
            .prepare_cached("SELECT inventory_id FROM asset WHERE asset_id = ?1")?
            .query_row([&asset.id], |row| row.get::<_, i64>(0))
            .optional()?;
        if before == Some(self.inventory) {
            taken.problems.push(super::Problem {
                record: taken.records.saturating_add(taken.skipped),
                reason: "its resource was in this file before: both were put together".to_owned(),
            });
            taken.problems.truncate(super::NAMED_PROBLEMS);
        } else {
            let count = taken.kinds.entry(asset.kind.to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        if asset.kind == "machine" && !asset.exposed.is_empty() {
            asset.link("declared", asset.exposed);
        }
        self.connection.prepare_cached(UPSERT)?.execute(params![
            asset.id,
            asset.kind,
            asset.provider,
            asset.r#type,
            asset.account,
            asset.region,
            asset.name,
            asset.state,
            or_unknown(asset.exposed),
            asset.exposed_ports,
            asset.exposed_why,
            or_unknown(asset.criticality),
            or_unknown(asset.sensitivity),
            or_unknown(asset.usable),
            asset.usable_why,
            asset.owner,
            self.inventory,
        ])?;
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO asset_name SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS \
             (SELECT 1 FROM asset_name WHERE asset_id = ?1 AND kind = ?2 AND name = ?3 AND inventory_id = ?4)",
        )?;
        for (kind, name) in &asset.names {
            insert.execute(params![asset.id, kind, name.to_lowercase(), self.inventory])?;
        }
        let mut insert = self.connection.prepare_cached("INSERT INTO asset_tag VALUES (?1, ?2, ?3, ?4)")?;
        for (tag, value) in &asset.tags {
            insert.execute(params![asset.id, tag, value, self.inventory])?;
        }
        let mut insert =
            self.connection.prepare_cached("INSERT INTO asset_grant VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for grant in &asset.grants {
            taken.grants = taken.grants.saturating_add(1);
            insert.execute(params![
                asset.id,
                grant.account,
                grant.form,
                grant.fingerprint,
                grant.why,
                self.inventory
            ])?;
        }
        for link in &asset.links {
            self.link(link)?;
        }
        for edge in &asset.edges {
            self.edge(edge)?;
        }
        Ok(())
    }

    fn link(&self, link: &Link) -> Result<(), rusqlite::Error> {
        let mut insert = self.connection.prepare_cached("INSERT INTO asset_link VALUES (?1, ?2, ?3, ?4)")?;
        insert.execute(params![link.from, link.kind, link.to, self.inventory]).map(drop)
    }

    fn edge(&self, edge: &Edge) -> Result<(), rusqlite::Error> {
        self.connection
            .prepare_cached("INSERT INTO asset_edge VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![edge.from, edge.edge, edge.to, edge.privilege, edge.why, self.inventory])
            .map(drop)
    }

    fn rule(&self, rule: &Rule) -> Result<(), rusqlite::Error> {
        self.connection
            .prepare_cached(
                "INSERT INTO security_rule VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute(params![
                rule.group,
                rule.name,
                rule.allow,
                rule.priority,
                rule.protocol,
                rule.ports,
                rule.any_v4,
                rule.any_v6,
                rule.all_destinations,
                rule.target_tags,
                rule.target_accounts,
                self.inventory,
            ])
            .map(drop)
    }

    fn statement(&self, one: &PolicyStatement) -> Result<(), rusqlite::Error> {
        let statement = &one.statement;
        self.connection
            .prepare_cached("INSERT INTO policy_statement VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute(params![
                one.policy,
                statement.allow,
                statement.actions.join("\n"),
                statement.not_actions.join("\n"),
                statement.resources.join("\n"),
                statement.not_resources.join("\n"),
                statement.conditional,
                statement.principals.join("\n"),
                self.inventory,
            ])
            .map(drop)
    }

    fn vex(&self, one: &VexStatement) -> Result<(), rusqlite::Error> {
        self.connection
            .prepare_cached("INSERT INTO vex_statement VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                one.vulnerability,
                one.product,
                one.package,
                one.status,
                one.why,
                one.at,
                self.machine,
                self.inventory,
            ])
            .map(drop)
    }

    fn key_pair(&self, pair: &KeyPair) -> Result<(), rusqlite::Error> {
        self.connection
            .prepare_cached("INSERT INTO key_pair VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![pair.name, pair.id, pair.account, pair.form, pair.fingerprint, self.inventory])
            .map(drop)
    }

    fn vulnerability(&mut self, one: &Vulnerability) -> Result<(), rusqlite::Error> {
        let subject = one.subject.to_lowercase();
        let counted = self.counted.entry(subject.clone()).or_default();
        let count = match one.severity {
            "critical" => &mut counted.critical,
            "high" => &mut counted.high,
            _ => &mut counted.other,
        };
        *count = count.saturating_add(1);
        counted.worst = counted.worst.max(rank(one.severity));
        counted.remote_code |= one.remote_code;
        counted.exploited |= one.exploited;
        if one.id.is_empty() || (rank(one.severity) < rank("high") && !self.counts_always(one)?) {
            return Ok(());
        }
        self.connection
            .prepare_cached(
                "INSERT INTO vulnerability VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, '')",
            )?
            .execute(params![
                subject,
                one.id,
                one.severity,
                one.package,
                one.installed,
                one.fixed,
                one.remote_code,
                one.exploited,
                one.epss,
                one.purl,
                self.inventory,
            ])
            .map(drop)
    }

    /// Whether it counts whatever its severity: it is used in attacks, by the report or by a
    /// catalogue, or lets code be run from afar.
    fn counts_always(&self, one: &Vulnerability) -> Result<bool, rusqlite::Error> {
        if one.exploited || one.remote_code {
            return Ok(true);
        }
        let mut known = self
            .connection
            .prepare_cached("SELECT 1 FROM known_exploited WHERE vulnerability = UPPER(?1)")?;
        known.exists([&one.id])
    }

    /// Ends the file; `false`: the store had it already, and nothing is to be kept.
    pub(super) fn end(
        mut self,
        taken: &mut Taken,
        report: &Report,
        digest: &str,
    ) -> Result<bool, InventoryError> {
        let known = "SELECT 1 FROM inventory WHERE digest = ?1 AND scope = ?2 AND whole = ?3";
        let accounts: Vec<&str> = self.accounts.iter().map(String::as_str).collect();
        let subject = report.subject.trim().to_lowercase();
        let of_reports = [trivy::SHAPE, grype::SHAPE].contains(&&*taken.shape);
        taken.scope = match &self.scope {
            Some(scope) => scope.clone(),
            None if of_reports => subject.clone(),
            None if [vex::OPENVEX, vex::CYCLONEDX].contains(&&*taken.shape) => report.subject.clone(),
            None => accounts.join(","),
        };
        // The same report may be of several machines, and a file may be said to be whole later.
        let digest = blake3::hash(format!("{digest}\n{}\n{}", taken.scope, self.whole).as_bytes()).to_hex();
        let digest = digest.as_str();
        if self
            .connection
            .query_row(known, params![digest, taken.scope, self.whole], |_| Ok(()))
            .optional()?
            .is_some()
        {
            return Ok(false);
        }
        if of_reports {
            if subject.is_empty() {
                let reason = "it does not say whose vulnerabilities it has: give --machine NAME";
                return Err(InventoryError::Content(reason.to_owned()));
            }
            let counted = self.counted.remove("").unwrap_or_default();
            self.counted.insert(subject.clone(), counted);
            self.connection.execute(
                "UPDATE vulnerability SET subject = ?1 WHERE inventory_id = ?2 AND subject = ''",
                params![subject, self.inventory],
            )?;
        }
        self.subjects()?;
        let taken_at = report.made.as_deref().unwrap_or(&self.taken_at);
        let providers: Vec<&str> = self.providers.iter().map(String::as_str).collect();
        self.connection.execute(
            "INSERT INTO inventory VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                self.inventory,
                taken.source,
                taken.shape,
                providers.join(","),
                taken.scope,
                self.whole,
                taken_at,
                digest,
                i64::try_from(taken.records).unwrap_or(i64::MAX),
                i64::try_from(taken.skipped).unwrap_or(i64::MAX),
                taken.fields.join(" "),
            ],
        )?;
        self.replace(&taken.shape)?;
        self.replace_statements(&taken.shape, &taken.scope)?;
        if self.whole {
            let gone = self.tombstones(&taken.shape, &taken.scope, taken_at)?;
            taken.gone = u64::try_from(gone).unwrap_or(u64::MAX);
        }
        Ok(true)
    }

    fn subjects(&self) -> Result<(), rusqlite::Error> {
        let mut insert = self
            .connection
            .prepare_cached("INSERT INTO vulnerable VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9)")?;
        for (subject, counted) in &self.counted {
            let names = ["unknown", "negligible", "low", "medium", "high", "critical"];
            let none = counted.critical == 0 && counted.high == 0 && counted.other == 0;
            let worst = names.get(usize::from(counted.worst)).copied().unwrap_or_default();
            insert.execute(params![
                subject,
                counted.worst >= rank("high"),
                if none { "none" } else { worst },
                counted.critical,
                counted.high,
                counted.other,
                counted.remote_code,
                counted.exploited,
                self.inventory,
            ])?;
        }
        Ok(())
    }

    /// What older files of the shape said of the same resources.
    fn replace(&self, shape: &str) -> Result<(), rusqlite::Error> {
        let old =
            "inventory_id IN (SELECT inventory_id FROM inventory WHERE shape = ?1 AND inventory_id < ?2)";
        for (table, column) in PARTS {
            let of = if column == "asset_id" || column == "from_asset" {
                format!(
                    "({column} IN (SELECT asset_id FROM asset WHERE inventory_id = ?2) OR \
                     {column} IN (SELECT {column} FROM {table} WHERE inventory_id = ?2))"
                )
            } else {
                format!("{column} IN (SELECT {column} FROM {table} WHERE inventory_id = ?2)")
            };
            self.connection.execute(
                &format!("DELETE FROM {table} WHERE {old} AND {of}"),
                params![shape, self.inventory],
            )?;
        }
        for table in ["vulnerability", "vulnerable"] {
            let of = "subject IN (SELECT subject FROM vulnerable WHERE inventory_id = ?2)";
            self.connection.execute(
                &format!("DELETE FROM {table} WHERE {old} AND {of}"),
                params![shape, self.inventory],
            )?;
        }
        Ok(())
    }

    /// What older files of the same name said of vulnerabilities.
    fn replace_statements(&self, shape: &str, scope: &str) -> Result<(), rusqlite::Error> {
        if shape == vex::KEV {
            self.connection
                .execute("DELETE FROM known_exploited WHERE inventory_id <> ?1", [self.inventory])?;
        }
        if !scope.is_empty() && [vex::OPENVEX, vex::CYCLONEDX].contains(&shape) {
            self.connection.execute(
                "DELETE FROM vex_statement WHERE inventory_id <> ?1 AND inventory_id IN
                   (SELECT inventory_id FROM inventory WHERE shape = ?2 AND scope = ?3)",
                params![self.inventory, shape, scope],
            )?;
        }
        Ok(())
    }

    /// Resources that were listed in the scope, and are no longer.
    fn tombstones(&self, shape: &str, scope: &str, when: &str) -> Result<usize, rusqlite::Error> {
        self.connection.execute(
            "UPDATE asset SET deleted = ?4 WHERE deleted IS NULL AND inventory_id <> ?1 \
             AND inventory_id IN (SELECT inventory_id FROM inventory WHERE shape = ?2 AND scope = ?3) \
             AND type IN (SELECT type FROM asset WHERE inventory_id = ?1)",
            params![self.inventory, shape, scope, when],
        )
    }
}

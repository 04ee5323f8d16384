//! Which machines the internet reaches, at which ports, and why.
//!
//! A machine is exposed where it has a public address (or is behind a rule of address
//! translation of a load balancer) and rules let any address in. Unknown is not no: where a
//! part of the answer is not in the inventories it is said to be missing.
//! Not evaluated: routes, network ACLs, balancers other than by their inbound NAT rules,
//! hierarchical firewall policies, firewalls on the machines.
//!
//! Sources: Microsoft Learn «How network security groups filter network traffic», the EC2
//! User Guide «Security group rules», Google Cloud «VPC firewall rules».

use std::collections::HashMap;
use std::rc::Rc;

use rusqlite::{Connection, params};
use serde::Serialize;

use super::super::store::Store;
use super::InventoryError;
use super::model::Rule;
use super::ports::{Open, Ports, Reach, reach};

/// Why a machine of GCP has the keys of its project.
const OF_PROJECT: &str = "ssh-keys of its project";

/// How many machines are exposed, and how many grants by key pairs there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exposure {
    /// Machines that are exposed.
    pub yes: u64,
    /// Machines that are not.
    pub no: u64,
    /// Machines of which the inventories do not tell.
    pub unknown: u64,
    /// Machines that got the key of their key pair of EC2.
    pub key_pairs: u64,
    /// Machines whose key pair cannot be told from others of its name.
    pub key_pairs_unclear: u64,
    /// Resources that identities of AWS have permissions to, by their policies.
    pub permissions: u64,
    /// Whether there are more of them than are kept.
    pub permissions_cut: bool,
    /// Vulnerabilities that VEX documents take away.
    pub not_counted: u64,
}

/// Works out all that needs more than one file.
///
/// # Errors
///
/// The store cannot be read or written.
pub fn work_out(store: &Store) -> Result<Exposure, InventoryError> {
    let transaction = store.transaction()?;
    let mut known = Known { connection: &transaction, rules: HashMap::new() };
    let mut exposure = Exposure::default();
    let machines = {
        let mut query = transaction.prepare(
            "SELECT asset_id, provider, account FROM asset WHERE kind = 'machine' AND deleted IS NULL ORDER BY asset_id",
        )?;
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows.collect::<Result<Vec<(String, String, String)>, _>>()?
    };
    transaction
        .execute("DELETE FROM asset_grant WHERE why LIKE 'EC2 key pair %' OR why = ?1", [OF_PROJECT])?;
    for (id, provider, account) in &machines {
        known.key_pair(id, account, &mut exposure)?;
        known.project_keys(id)?;
        let declared = known.links(id, "declared")?;
        let verdict = match declared.first().map(String::as_str) {
            Some("yes") => Verdict::Yes(Open::default(), String::new()),
            Some(_) => Verdict::No(String::new()),
            None => {
                let verdict = known.machine(id, provider)?;
                known.reachable(id, verdict)?
            }
        };
        let count = match &verdict {
            Verdict::Yes(..) => &mut exposure.yes,
            Verdict::No(_) => &mut exposure.no,
            Verdict::Unknown(_) => &mut exposure.unknown,
        };
        *count = count.saturating_add(1);
        if declared.is_empty() {
            let (answer, ports, why) = match verdict {
                Verdict::Yes(open, why) => ("yes", open.to_string(), why),
                Verdict::No(why) => ("no", String::new(), why),
                Verdict::Unknown(why) => ("unknown", String::new(), why),
            };
            transaction
                .prepare_cached(
                    "UPDATE asset SET exposed = ?2, exposed_ports = ?3, exposed_why = ?4 WHERE asset_id = ?1",
                )?
                .execute(params![id, answer, ports, why])?;
        }
    }
    let permissions = super::permissions::work_out(&transaction)?;
    (exposure.permissions, exposure.permissions_cut) = (permissions.edges, permissions.cut);
    exposure.not_counted = super::vex::work_out(&transaction)?;
    transaction.commit()?;
    Ok(exposure)
}

#[derive(Clone, Debug)]
enum Verdict {
    Yes(Open, String),
    No(String),
    Unknown(String),
}

struct Known<'c> {
    connection: &'c Connection,
    rules: HashMap<String, Rc<Vec<Rule>>>,
}

type Answer<T> = Result<T, rusqlite::Error>;

impl Known<'_> {
    fn links(&self, from: &str, kind: &str) -> Answer<Vec<String>> {
        let mut query = self.connection.prepare_cached(
            "SELECT DISTINCT to_id FROM asset_link WHERE from_id = ?1 AND kind = ?2 ORDER BY to_id",
        )?;
        query.query_map([from, kind], |row| row.get(0))?.collect()
    }

    /// The rules of a group; `None`: it is in no inventory.
    fn group(&mut self, group: &str) -> Answer<Option<Rc<Vec<Rule>>>> {
        if !self.rules.contains_key(group) {
            let mut query = self.connection.prepare_cached(
                "SELECT name, allow, priority, protocol, ports, any_v4, any_v6, all_destinations, target_tags, \
                 target_accounts FROM security_rule WHERE group_id = ?1",
            )?;
            let rows = query.query_map([group], |row| {
                Ok(Rule {
                    group: group.to_owned(),
                    name: row.get(0)?,
                    allow: row.get(1)?,
                    priority: row.get(2)?,
                    protocol: row.get(3)?,
                    ports: row.get(4)?,
                    any_v4: row.get(5)?,
                    any_v6: row.get(6)?,
                    all_destinations: row.get(7)?,
                    target_tags: row.get(8)?,
                    target_accounts: row.get(9)?,
                })
            })?;
            let rules = rows.collect::<Result<Vec<_>, _>>()?;
            self.rules.insert(group.to_owned(), Rc::new(rules));
        }
        Ok(self.rules.get(group).filter(|rules| !rules.is_empty()).cloned())
    }

    /// What Inspector has seen to be reachable is so, whatever is missing here.
    fn reachable(&self, id: &str, verdict: Verdict) -> Answer<Verdict> {
        let number = id.rsplit('/').next().unwrap_or_default();
        let seen = self.links(number, "reachable")?;
        let mut open = Open::default();
        for (protocol, range) in seen.iter().filter_map(|one| one.split_once('/')) {
            let ports = Ports::parse(range).unwrap_or_default();
            match protocol {
                "udp" => open.udp = open.udp.union(&ports),
                _ => open.tcp = open.tcp.union(&ports),
            }
        }
        Ok(match verdict {
            Verdict::Unknown(_) if !seen.is_empty() => {
                Verdict::Yes(open, "Inspector found that the internet reaches it".to_owned())
            }
            known => known,
        })
    }

    fn machine(&mut self, id: &str, provider: &str) -> Answer<Verdict> {
        let interfaces = self.links(id, "interface")?;
        if !interfaces.is_empty() {
            let mut verdicts = Vec::new();
            for interface in &interfaces {
                verdicts.push(self.interface(interface)?);
            }
            return Ok(worst(verdicts));
        }
        let four = self.links(id, "address")?;
        let six = self.links(id, "address6")?;
        if four.is_empty() && six.is_empty() {
            return Ok(if self.links(id, "listed")?.is_empty() {
                Verdict::Unknown("no inventory has its addresses".to_owned())
            } else {
                Verdict::No("it has no public address".to_owned())
            });
        }
        let address = four.iter().chain(&six).cloned().collect::<Vec<_>>().join(", ");
        let (rules, missing) = if provider == "gcp" { self.firewall(id)? } else { self.groups(id)? };
        let mut found = Reach::default();
        for (there, v6) in [(!four.is_empty(), false), (!six.is_empty(), true)] {
            if there {
                let more = reach(&rules, v6);
                found.sure = found.sure.union(&more.sure);
                found.perhaps = found.perhaps.union(&more.perhaps);
            }
        }
        Ok(judge(&found, &address, missing))
    }

    /// Rules of all its security groups together, and what is missing of them.
    fn groups(&mut self, id: &str) -> Answer<(Vec<Rule>, Option<String>)> {
        let (mut all, mut missing) = (Vec::new(), None);
        let groups = self.links(id, "security_group")?;
        if groups.is_empty() {
            missing = Some("no inventory has its security groups".to_owned());
        }
        for group in groups {
            match self.group(&group)? {
                Some(rules) => all.extend(rules.iter().cloned()),
                None => missing = Some(format!("no inventory has the rules of {group}")),
            }
        }
        Ok((all, missing))
    }

    /// The rules of its networks that are for it.
    fn firewall(&mut self, id: &str) -> Answer<(Vec<Rule>, Option<String>)> {
        let (tags, accounts) = (self.links(id, "network_tag")?, self.links(id, "service_account")?);
        let (mut all, mut missing) = (Vec::new(), None);
        let any = |targets: &str, own: &[String]| targets.lines().any(|one| own.iter().any(|own| own == one));
        let networks = self.links(id, "network")?;
        if networks.is_empty() {
            missing = Some("no inventory has its network".to_owned());
        }
        for network in networks {
            match self.group(&network)? {
                Some(rules) => all.extend(
                    rules
                        .iter()
                        .filter(|rule| {
                            (rule.target_tags.is_empty() && rule.target_accounts.is_empty())
                                || any(&rule.target_tags, &tags)
                                || any(&rule.target_accounts, &accounts)
                        })
                        .cloned(),
                ),
                None => missing = Some(format!("no inventory has the firewall rules of {network}")),
            }
        }
        Ok((all, missing))
    }

    /// A network interface of Azure: its own group and that of its subnet must both allow.
    fn interface(&mut self, interface: &str) -> Answer<Verdict> {
        if self.links(interface, "listed")?.is_empty() {
            return Ok(Verdict::Unknown(format!("no inventory has the network interface {interface}")));
        }
        let mut addresses = self.links(interface, "public_address")?;
        let translated = self.links(interface, "nat")?;
        addresses.extend(translated.iter().filter_map(|nat| Some(nat.split_once('|')?.0.to_owned())));
        if addresses.is_empty() {
            return Ok(Verdict::No("it has no public address".to_owned()));
        }
        let direct = self.links(interface, "public_address")?;
        let (mut shown, mut basic, mut unclear) = (Vec::new(), false, None);
        for address in &addresses {
            let listed = !self.links(address, "listed")?.is_empty();
            let numbers = self.links(address, "address")?;
            if listed && numbers.is_empty() {
                continue;
            }
            if !listed {
                unclear = Some(format!("no inventory has the public address {address}"));
            }
            basic |= self.links(address, "sku")?.iter().any(|sku| sku == "basic");
            shown.push(numbers.first().unwrap_or(address).clone());
        }
        if shown.is_empty() {
            return Ok(Verdict::No("its public address is not allocated".to_owned()));
        }
        let mut groups = self.links(interface, "security_group")?;
        let mut missing = None;
        for subnet in self.links(interface, "subnet")? {
            let of_subnet = self.links(&subnet, "security_group")?;
            if of_subnet.is_empty() && self.links(&subnet, "listed")?.is_empty() {
                missing = Some(format!("no inventory has the subnet {subnet}"));
            }
            groups.extend(of_subnet);
        }
        let mut found = Reach { sure: Open::all(), perhaps: Open::default() };
        for group in &groups {
            let Some(rules) = self.group(group)? else {
                missing = Some(format!("no inventory has the rules of {group}"));
                continue;
            };
            let more = reach(rules.iter(), false);
            let either = |reach: &Reach| reach.sure.union(&reach.perhaps);
            let perhaps = either(&found).both(&either(&more));
            found = Reach { sure: found.sure.both(&more.sure), perhaps };
        }
        if groups.is_empty() && missing.is_none() && !basic {
            return Ok(match unclear {
                Some(why) => Verdict::Unknown(why),
                None => Verdict::No(format!(
                    "it has the public address {}, and no security group: a standard address is closed then",
                    shown.join(", ")
                )),
            });
        }
        if direct.is_empty() {
            // Only what is translated comes in.
            let mut behind = Open::default();
            for nat in &translated {
                let mut parts = nat.split('|');
                let (protocol, port) = (parts.nth(1).unwrap_or_default(), parts.next().unwrap_or_default());
                let protocol = if protocol == "all" { "*" } else { protocol };
                let (protocol, ports) = (protocol.to_owned(), port.to_owned());
                let rule = Rule {
                    allow: true,
                    protocol,
                    ports,
                    any_v4: true,
                    all_destinations: true,
                    ..Rule::default()
                };
                behind = behind.union(&reach([&rule], false).sure);
            }
            found = Reach { sure: found.sure.both(&behind), perhaps: found.perhaps.both(&behind) };
        }
        Ok(judge(&found, &shown.join(", "), missing.map(|why| format!("{why}, which may deny"))))
    }

    /// The keys of a machine's project of GCP, unless it blocks them; OS Login, which the
    /// machine sets over the project, voids all keys of metadata.
    fn project_keys(&self, id: &str) -> Answer<()> {
        for project in self.links(id, "project")? {
            let own = self.links(id, "os_login")?;
            let login = if own.is_empty() { self.links(&project, "os_login")? } else { own };
            if login.iter().any(|on| on == "yes") {
                self.connection
                    .prepare_cached(
                        "DELETE FROM asset_grant WHERE asset_id = ?1 AND why = 'ssh-keys of its metadata'",
                    )?
                    .execute([id])?;
            } else if self.links(id, "block_project_keys")?.is_empty() {
                self.connection
                    .prepare_cached(
                        "INSERT INTO asset_grant SELECT ?1, account, form, fingerprint, ?3, inventory_id \
                         FROM asset_grant WHERE asset_id = ?2",
                    )?
                    .execute([id, &project, OF_PROJECT])?;
            }
        }
        Ok(())
    }

    /// The key pair that an instance names, where only one can be meant.
    fn key_pair(&self, id: &str, account: &str, exposure: &mut Exposure) -> Answer<()> {
        for name in self.links(id, "key_pair")? {
            let mut query = self.connection.prepare_cached(
                "SELECT DISTINCT pair, form, fingerprint, account FROM key_pair WHERE name = ?1 \
                 AND (account = ?2 OR account = '') ORDER BY pair, form, fingerprint",
            )?;
            let rows =
                query.query_map([&name, account], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            let pairs = rows.collect::<Result<Vec<(String, String, String)>, _>>()?;
            let Some(first) = pairs.first() else { continue };
            if pairs.iter().any(|pair| pair.0 != first.0) {
                exposure.key_pairs_unclear = exposure.key_pairs_unclear.saturating_add(1);
                continue;
            }
            exposure.key_pairs = exposure.key_pairs.saturating_add(1);
            for (_, form, fingerprint) in &pairs {
                // The account is that of the image, which no inventory tells.
                self.connection
                    .prepare_cached(
                        "INSERT INTO asset_grant SELECT ?1, '', ?2, ?3, ?4, inventory_id FROM asset WHERE asset_id = ?1",
                    )?
                    .execute(params![id, form, fingerprint, format!("EC2 key pair {name}")])?;
            }
        }
        Ok(())
    }
}

/// `missing`: what could change the answer and is not known.
fn judge(found: &Reach, address: &str, missing: Option<String>) -> Verdict {
    let denies = missing.as_ref().is_some_and(|why| why.ends_with("may deny"));
    match missing {
        Some(why) if found.sure.is_empty() && !denies => Verdict::Unknown(why),
        Some(why) if !(found.sure.is_empty() && found.perhaps.is_empty()) && denies => Verdict::Unknown(why),
        _ if !found.sure.is_empty() => {
            let why = format!("it has the public address {address}, and rules let any address in");
            Verdict::Yes(found.sure.clone(), why)
        }
        _ if !found.perhaps.is_empty() => Verdict::Unknown(format!(
            "it has the public address {address}, and rules let any address in to some destinations: {}",
            found.perhaps
        )),
        _ => Verdict::No(format!("it has the public address {address}, and no rule lets any address in")),
    }
}

fn worst(verdicts: Vec<Verdict>) -> Verdict {
    let mut worst = Verdict::No("it has no network interface".to_owned());
    for verdict in verdicts {
        worst = match (worst, verdict) {
            (Verdict::Yes(a, why), Verdict::Yes(b, _)) => Verdict::Yes(a.union(&b), why),
            (Verdict::Yes(open, why), _) | (_, Verdict::Yes(open, why)) => Verdict::Yes(open, why),
            (Verdict::Unknown(why), _) | (_, Verdict::Unknown(why)) => Verdict::Unknown(why),
            (Verdict::No(_), Verdict::No(why)) => Verdict::No(why),
        };
    }
    worst
}

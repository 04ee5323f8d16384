//! What importers make of records: assets, security rules, key pairs, vulnerabilities.

use crate::formats::authorized_keys::key as public_key;

use super::policy::Statement;
use super::row::Row;
use super::tags;

/// An asset, as the tables of `queries/inventory.sql` have it.
#[derive(Clone, Debug, Default)]
pub(super) struct Asset {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) provider: String,
    pub(super) r#type: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) state: String,
    /// yes, no, or empty: not known; with ports and reason.
    pub(super) exposed: &'static str,
    pub(super) exposed_ports: String,
    pub(super) exposed_why: String,
    pub(super) usable: &'static str,
    pub(super) usable_why: String,
    pub(super) criticality: &'static str,
    pub(super) sensitivity: &'static str,
    pub(super) owner: String,
    pub(super) names: Vec<(&'static str, String)>,
    pub(super) tags: Vec<(String, String)>,
    pub(super) links: Vec<Link>,
    pub(super) edges: Vec<Edge>,
    pub(super) grants: Vec<Grant>,
}

/// From what a resource is (its identifier) to what it has.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) from: String,
    pub(super) kind: &'static str,
    pub(super) to: String,
}

/// A row of `asset_edge`.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) edge: &'static str,
    pub(super) to: String,
    pub(super) privilege: &'static str,
    pub(super) why: String,
}

/// A row of `asset_grant`.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) account: String,
    pub(super) form: &'static str,
    pub(super) fingerprint: String,
    pub(super) why: String,
}

/// An inbound rule of a security group or a firewall.
#[derive(Clone, Debug, Default)]
pub(super) struct Rule {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) allow: bool,
    pub(super) priority: i64,
    pub(super) protocol: String,
    /// Ports and ranges with commas; empty: all.
    pub(super) ports: String,
    /// Whether its sources are all addresses of IPv4, of IPv6.
    pub(super) any_v4: bool,
    pub(super) any_v6: bool,
    /// Whether it is for all destinations that the group is for.
    pub(super) all_destinations: bool,
    /// Tags and service accounts of GCP, in lines; both empty: all machines.
    pub(super) target_tags: String,
    pub(super) target_accounts: String,
}

/// A key pair of EC2, by one fingerprint.
#[derive(Clone, Debug)]
pub(super) struct KeyPair {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) account: String,
    pub(super) form: &'static str,
    pub(super) fingerprint: String,
}

/// A row of `policy_statement`.
#[derive(Clone, Debug)]
pub(super) struct PolicyStatement {
    pub(super) policy: String,
    pub(super) statement: Statement,
}

/// A vulnerability of a package.
#[derive(Clone, Debug, Default)]
pub(super) struct Vulnerability {
    /// Empty: of the file's own subject.
    pub(super) subject: String,
    pub(super) id: String,
    pub(super) severity: &'static str,
    pub(super) package: String,
    pub(super) installed: String,
    pub(super) fixed: String,
    pub(super) remote_code: bool,
    pub(super) exploited: bool,
    pub(super) epss: Option<String>,
    /// Its package URL, where the report has it.
    pub(super) purl: String,
}

/// What somebody says of a vulnerability in a package of a product.
#[derive(Clone, Debug, Default)]
pub(super) struct VexStatement {
    pub(super) vulnerability: String,
    pub(super) product: String,
    /// The product itself, or a part of it.
    pub(super) package: String,
    /// Why it is not to be counted; empty: it is.
    pub(super) status: String,
    pub(super) why: String,
    pub(super) at: String,
}

/// What one record said.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) assets: Vec<Asset>,
    pub(super) rules: Vec<Rule>,
    pub(super) key_pairs: Vec<KeyPair>,
    pub(super) vulnerabilities: Vec<Vulnerability>,
    pub(super) links: Vec<Link>,
    pub(super) edges: Vec<Edge>,
    pub(super) statements: Vec<PolicyStatement>,
    pub(super) vex: Vec<VexStatement>,
    /// Vulnerabilities that are known to be used in attacks.
    pub(super) known_exploited: Vec<String>,
    /// What was left out of a record that was taken.
    pub(super) remarks: Vec<String>,
}

impl Asset {
    pub(super) fn new(id: impl Into<String>, kind: &'static str, provider: &str, r#type: &str) -> Self {
        let id = id.into();
        let provider = provider.to_owned();
        Self {
            names: vec![("id", id.clone())],
            id,
            kind,
            provider,
            r#type: r#type.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a name, in lower case, where there is one.
    pub(super) fn named(&mut self, kind: &'static str, name: Option<&str>) {
        if let Some(name) = name.map(|name| name.trim().trim_end_matches('.').to_lowercase())
            && !name.is_empty()
        {
            self.names.push((kind, name));
        }
    }

    pub(super) fn link(&mut self, kind: &'static str, to: impl Into<String>) {
        let to = to.into();
        if !to.is_empty() {
            self.links.push(Link { from: self.id.clone(), kind, to });
        }
    }

    pub(super) fn edge(&mut self, edge: &'static str, to: impl Into<String>, why: &str) {
        let (from, why) = (self.id.clone(), why.to_owned());
        self.edges.push(Edge { from, edge, to: to.into(), privilege: "", why });
    }

    pub(super) fn unusable(&mut self, why: &str) {
        self.usable = "no";
        self.usable_why = why.to_owned();
    }

    pub(super) fn public(&mut self, public: Option<bool>, why: &str) {
        if let Some(public) = public {
            self.exposed = if public { "yes" } else { "no" };
            self.exposed_why = why.to_owned();
        }
    }

    pub(super) fn tag(&mut self, name: &str, value: &str) {
        // Longer ones are no labels, and may be anything.
        if name.len() <= 256 && value.len() <= 256 {
            self.tags.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Tags as an object.
    pub(super) fn tags_of(&mut self, row: &Row<'_>, path: &str) {
        for (name, value) in row.entries(path) {
            self.tag(name, value.as_str().unwrap_or_default());
        }
    }

    /// Tags as `[{Key, Value}]`.
    pub(super) fn tag_list(&mut self, row: &Row<'_>, path: &str) {
        for one in row.list(path) {
            if let Some(name) = one.text("Key") {
                self.tag(name, one.text("Value").unwrap_or_default());
            }
        }
    }

    /// What the tags say, where nothing else did.
    pub(super) fn finish(&mut self) {
        if self.criticality.is_empty() {
            self.criticality = tags::criticality(&self.tags);
        }
        if self.sensitivity.is_empty() {
            self.sensitivity = tags::sensitivity(&self.tags);
        }
        if self.owner.is_empty() {
            self.owner = tags::owner(&self.tags);
        }
    }

    /// A public key that the machine was set up with; `false`: it is none.
    pub(super) fn grant(&mut self, account: &str, key: &str, why: &str) -> bool {
        let Some((key, _)) = public_key(key.trim().as_bytes()) else { return false };
        let (account, fingerprint, why) = (account.to_owned(), key.fingerprint_sha256(), why.to_owned());
        self.grants.push(Grant { account, form: "sha256", fingerprint, why });
        true
    }
}

//! What the configuration comes to for one account, where it is known which `Match`
//! blocks match.

use super::Client;
use super::config::Config;
use crate::formats::ssh_pattern::{self, ListMatch};
use crate::formats::sshd_config::Criterion;

/// How many blocks may depend on the client before nothing is decided: each is
/// taken both ways.
const MAX_OPEN: usize = 6;

/// Whether something holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Truth {
    Yes,
    No,
    /// It depends on what the disk does not say.
    Open,
}

/// One way in which the open blocks may turn out.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct World {
    /// For each block, whether it matches.
    matching: Vec<bool>,
}

/// The ways in which an account's connections may turn out.
#[derive(Debug)]
pub(in super::super) struct Worlds {
    pub(in super::super) worlds: Vec<World>,
    /// The open criteria as text.
    pub(in super::super) depends_on: Vec<String>,
}

/// What criteria are held against.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Subject<'a> {
    pub(in super::super) user: &'a str,
    pub(in super::super) groups: &'a [&'a str],
    /// Groups from elsewhere may come on top.
    pub(in super::super) groups_open: bool,
    pub(in super::super) client: Option<&'a Client>,
    /// The server looks names up.
    pub(in super::super) use_dns: bool,
}

impl Worlds {
    /// `None`: more blocks depend on the client than are taken both ways.
    pub(in super::super) fn of(config: &Config, subject: Subject<'_>) -> Option<Self> {
        let mut matching = Vec::with_capacity(config.blocks.len());
        let (mut open, mut depends_on) = (Vec::new(), Vec::new());
        for (at, criteria) in config.blocks.iter().enumerate() {
            let truths = criteria.iter().map(|criterion| (criterion, truth(criterion, subject)));
            let truths: Vec<(&Criterion, Truth)> = truths.collect();
            let no = truths.iter().any(|(_, truth)| *truth == Truth::No);
            let open_here = !no && truths.iter().any(|(_, truth)| *truth == Truth::Open);
            matching.push(!no && !open_here);
            if open_here {
                open.push(at);
                let texts = truths.iter().filter(|(_, truth)| *truth == Truth::Open);
                depends_on.extend(texts.map(|(criterion, _)| text(criterion)));
            }
        }
        if open.len() > MAX_OPEN {
            return None;
        }
        depends_on.sort();
        depends_on.dedup();
        let mut worlds = vec![World { matching }];
        for at in open {
            let mut others = worlds.clone();
            for slot in others.iter_mut().filter_map(|world| world.matching.get_mut(at)) {
                *slot = true;
            }
            worlds.extend(others);
        }
        Some(Self { worlds, depends_on })
    }
}

fn truth(criterion: &Criterion, subject: Subject<'_>) -> Truth {
    let holds = |yes: bool| if yes { Truth::Yes } else { Truth::No };
    match criterion {
        Criterion::All => Truth::Yes,
        Criterion::User(list) => {
            holds(ssh_pattern::matches_list(subject.user.as_bytes(), list.as_bytes()) == ListMatch::Yes)
        }
        Criterion::Group(list) => {
            let all = subject
                .groups
                .iter()
                .map(|group| ssh_pattern::matches_list(group.as_bytes(), list.as_bytes()));
            let all: Vec<ListMatch> = all.collect();
            if all.contains(&ListMatch::Negated) {
                Truth::No
            } else if subject.groups_open {
                Truth::Open
            } else {
                holds(all.contains(&ListMatch::Yes))
            }
        }
        Criterion::Address(list) => match subject.client {
            None => Truth::Open,
            Some(client) => {
                holds(ssh_pattern::matches_addresses(client.address, list.as_bytes()) == Ok(ListMatch::Yes))
            }
        },
        Criterion::Host(list) => match subject.client {
            Some(client) if !subject.use_dns => {
                let host = client.address.to_string();
                let list = list.to_ascii_lowercase();
                holds(ssh_pattern::matches_list(host.as_bytes(), list.as_bytes()) == ListMatch::Yes)
            }
            _ => Truth::Open,
        },
        Criterion::LocalAddress(list) => match subject.client {
            None => Truth::Open,
            Some(client) => holds(
                ssh_pattern::matches_addresses(client.local_address, list.as_bytes()) == Ok(ListMatch::Yes),
            ),
        },
        Criterion::LocalPort(port) => match subject.client {
            None => Truth::Open,
            Some(client) => holds(client.local_port == *port),
        },
        Criterion::InvalidUser => Truth::No,
        Criterion::Other(_) => Truth::Open,
    }
}

fn text(criterion: &Criterion) -> String {
    match criterion {
        Criterion::All => "all".to_owned(),
        Criterion::User(list) => format!("user {list}"),
        Criterion::Group(list) => format!("group {list}"),
        Criterion::Host(list) => format!("host {list}"),
        Criterion::Address(list) => format!("address {list}"),
        Criterion::LocalAddress(list) => format!("local address {list}"),
        Criterion::LocalPort(port) => format!("local port {port}"),
        Criterion::InvalidUser => "invalid user".to_owned(),
        Criterion::Other(text) => text.clone(),
    }
}

/// The configuration in one world.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Effective<'c> {
    config: &'c Config,
    world: &'c World,
}

impl<'c> Effective<'c> {
    pub(in super::super) fn new(config: &'c Config, world: &'c World) -> Self {
        Self { config, world }
    }

    /// The arguments that count for a keyword: the first in a block that matches,
    /// else the first outside of blocks.
    pub(in super::super) fn get(&self, keywords: &[&str]) -> Option<&'c [String]> {
        let mut matched = self.lines(keywords, true);
        matched.next().or_else(|| self.lines(keywords, false).next())
    }

    /// All arguments for a keyword whose lines add up; those in blocks that match
    /// replace those outside of blocks.
    pub(in super::super) fn list(&self, keyword: &str) -> Vec<&'c str> {
        let all = |in_blocks| -> Vec<&'c str> {
            self.lines(&[keyword], in_blocks).flatten().map(String::as_str).collect()
        };
        let matched = all(true);
        if matched.is_empty() { all(false) } else { matched }
    }

    /// The first argument.
    pub(in super::super) fn word(&self, keywords: &[&str]) -> Option<&'c str> {
        self.get(keywords)?.first().map(String::as_str)
    }

    /// A setting that is `yes` or `no`.
    pub(in super::super) fn flag(&self, keyword: &str, default: bool) -> bool {
        self.word(&[keyword]).map_or(default, |word| word.eq_ignore_ascii_case("yes"))
    }

    /// A path; `none` is none.
    pub(in super::super) fn path(&self, keyword: &str) -> Option<&'c str> {
        self.word(&[keyword]).filter(|path| !path.eq_ignore_ascii_case("none"))
    }

    fn lines(&self, keywords: &[&str], in_blocks: bool) -> impl Iterator<Item = &'c [String]> {
        let (config, world) = (self.config, self.world);
        // Two names of one setting: the earlier line counts, whichever it has.
        let mut at: Vec<usize> = keywords
            .iter()
            .filter_map(|keyword| config.by_keyword.get(*keyword))
            .flatten()
            .copied()
            .collect();
        at.sort_unstable();
        at.into_iter()
            .filter_map(|at| config.lines.get(at))
            .filter(move |line| line.blocks.is_empty() != in_blocks)
            .filter(move |line| line.blocks.iter().all(|at| world.matching.get(*at) == Some(&true)))
            .map(|line| line.setting.arguments.as_slice())
    }
}

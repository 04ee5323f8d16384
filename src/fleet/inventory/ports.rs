//! Sets of ports, and what ordered rules leave of them.

use std::fmt;

use super::model::Rule;

/// Ports, as ranges that are sorted and do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ports(Vec<(u16, u16)>);

impl Ports {
    pub(super) fn all() -> Self {
        Self(vec![(0, u16::MAX)])
    }

    /// Reads `22,80-90`; `*` and nothing are all. `None`: it cannot be read.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut ports = Self::default();
        for part in text.split(',').map(str::trim) {
            let range = match part.split_once('-') {
                _ if part.is_empty() || part == "*" => (0, u16::MAX),
                Some((from, to)) => (from.trim().parse().ok()?, to.trim().parse().ok()?),
                None => {
                    let port = part.parse().ok()?;
                    (port, port)
                }
            };
            if range.0 > range.1 {
                return None;
            }
            ports = ports.union(&Self(vec![range]));
        }
        Some(ports)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        let mut ranges: Vec<(u16, u16)> = self.0.iter().chain(&other.0).copied().collect();
        ranges.sort_unstable();
        let mut merged: Vec<(u16, u16)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1.saturating_add(1) => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        Self(merged)
    }

    pub(super) fn without(&self, other: &Self) -> Self {
        let mut left = self.0.clone();
        for (from, to) in &other.0 {
            let cut = left.iter().flat_map(|(first, last)| {
                let before = from.checked_sub(1).map(|end| (*first, end.min(*last)));
                let after = to.checked_add(1).map(|start| (start.max(*first), *last));
                [before, after].into_iter().flatten().filter(|(first, last)| first <= last)
            });
            left = cut.collect();
        }
        Self(left)
    }

    pub(super) fn both(&self, other: &Self) -> Self {
        self.without(&self.without(other))
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (from, to)) in self.0.iter().enumerate() {
            let comma = if number > 0 { "," } else { "" };
            if from == to { write!(out, "{comma}{from}")? } else { write!(out, "{comma}{from}-{to}")? }
        }
        Ok(())
    }
}

/// Ports of TCP and of UDP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) tcp: Ports,
    pub(super) udp: Ports,
}

impl Open {
    pub(super) fn all() -> Self {
        Self { tcp: Ports::all(), udp: Ports::all() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty()
    }

    pub(super) fn union(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.union(&other.tcp), udp: self.udp.union(&other.udp) }
    }

    pub(super) fn both(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.both(&other.tcp), udp: self.udp.both(&other.udp) }
    }

    fn without(&self, other: &Self) -> Self {
        Self { tcp: self.tcp.without(&other.tcp), udp: self.udp.without(&other.udp) }
    }

    /// What the protocol and ports of a rule say.
    fn of(rule: &Rule) -> Self {
        let ports = Ports::parse(&rule.ports).unwrap_or_default();
        match rule.protocol.to_lowercase().as_str() {
            "tcp" | "6" => Self { tcp: ports, udp: Ports::default() },
            "udp" | "17" => Self { tcp: Ports::default(), udp: ports },
            "*" | "-1" | "all" | "any" | "" => Self { tcp: ports.clone(), udp: ports },
            // Others have no ports.
            _ => Self::default(),
        }
    }
}

impl fmt::Display for Open {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut comma = "";
        for (name, ports) in [("tcp", &self.tcp), ("udp", &self.udp)] {
            for range in &ports.0 {
                write!(out, "{comma}{name}/{}", Ports(vec![*range]))?;
                comma = ",";
            }
        }
        Ok(())
    }
}

/// What any address reaches by the rules: surely, and perhaps (a rule for some
/// destinations only, which may or may not be the machine).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reach {
    pub(super) sure: Open,
    pub(super) perhaps: Open,
}

/// Rules in the order of their priority, denials first among equals; the first that is
/// for a port decides. What no rule is for is denied. Rules for some sources only decide
/// nothing for all the others.
pub(super) fn reach<'r>(rules: impl IntoIterator<Item = &'r Rule>, v6: bool) -> Reach {
    let any = |rule: &&Rule| if v6 { rule.any_v6 } else { rule.any_v4 };
    let mut rules: Vec<&Rule> = rules.into_iter().filter(any).collect();
    rules.sort_by_key(|rule| (rule.priority, rule.allow));
    let mut undecided = Open::all();
    let mut reach = Reach::default();
    for rule in rules {
        let here = undecided.both(&Open::of(rule));
        match (rule.allow, rule.all_destinations) {
            (true, true) => reach.sure = reach.sure.union(&here),
            (true, false) => {
                reach.perhaps = reach.perhaps.union(&here);
                continue;
            }
            // Others than these destinations are still undecided.
            (false, false) => continue,
            (false, true) => {}
        }
        undecided = undecided.without(&here);
    }
    reach.perhaps = reach.perhaps.without(&reach.sure);
    reach
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(text: &str) -> Ports {
        Ports::parse(text).expect("ports")
    }

    #[test]
    fn sets() {
        assert_eq!(ports("80-90,22,91").to_string(), "22,80-91");
        assert_eq!(ports("0-65535").without(&ports("22,65535")).to_string(), "0-21,23-65534");
        assert_eq!(ports("10-20").both(&ports("15-30,1-10")).to_string(), "10,15-20");
        assert_eq!(ports("*").without(&ports("*")), Ports::default());
        for wrong in ["x", "70000", "9-1", "1-2-3", "-1"] {
            assert_eq!(Ports::parse(wrong), None, "{wrong}");
        }
    }

    fn rule(allow: bool, priority: i64, protocol: &str, ports: &str) -> Rule {
        let (protocol, ports) = (protocol.to_owned(), ports.to_owned());
        Rule { allow, priority, protocol, ports, any_v4: true, all_destinations: true, ..Rule::default() }
    }

    #[test]
    fn the_truth_table() {
        let sure = |rules: &[Rule]| reach(rules, false).sure.to_string();
        let deny_first = [rule(false, 100, "tcp", "22"), rule(true, 200, "tcp", "20-25")];
        assert_eq!(sure(&deny_first), "tcp/20-21,tcp/23-25");
        let allow_first = [rule(false, 200, "*", "*"), rule(true, 100, "Tcp", "22")];
        assert_eq!(sure(&allow_first), "tcp/22");
        let equal = [rule(true, 1000, "udp", "53"), rule(false, 1000, "udp", "53")];
        assert_eq!(sure(&equal), "", "a denial wins over an equal");
        assert_eq!(sure(&[]), "", "nothing is let in by no rule");
        assert_eq!(sure(&[rule(true, 1, "icmp", "")]), "", "ICMP has no ports");
        assert_eq!(sure(&[rule(true, 1, "-1", "")]), "tcp/0-65535,udp/0-65535");
        let some = Rule { any_v4: false, ..rule(false, 1, "*", "*") };
        assert_eq!(sure(&[some, rule(true, 2, "tcp", "443")]), "tcp/443", "a denial for some sources");
        let six = Rule { any_v4: false, any_v6: true, ..rule(true, 1, "tcp", "22") };
        assert_eq!(reach([&six], true).sure.to_string(), "tcp/22");
        assert_eq!(reach([&six], false).sure.to_string(), "");
        let one = Rule { all_destinations: false, ..rule(true, 1, "tcp", "22") };
        assert_eq!(reach([&one], false).perhaps.to_string(), "tcp/22");
    }
}

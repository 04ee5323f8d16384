//! What is reached over keys, against a plain breadth-first search.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::stream::Scan;
use super::{Fleet, asset};

struct Random(u64);

impl Random {
    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

#[test]
fn keys_are_reached_at_the_hops_of_a_plain_search() {
    let mut reached = 0;
    for seed in 0..20 {
        reached += compare(seed);
    }
    assert!(reached > 40, "the fleets are too small to show anything: {reached}");
}

/// Gives how many keys were reached over more than one hop.
fn compare(seed: u64) -> usize {
    const MACHINES: u64 = 30;
    const KEYS: u64 = 24;
    let mut random = Random(seed);
    let mut holds: BTreeSet<(u64, u64)> = BTreeSet::new();
    let mut opens: BTreeSet<(u64, u64)> = BTreeSet::new();
    let mut entries: BTreeSet<u64> = BTreeSet::new();
    let mut streams = Vec::new();
    let mut inventory = String::new();
    for machine in 0..MACHINES {
        let host = format!("m{machine}");
        let mut scan = Scan::new(&format!("{machine:032x}"), &host, "2026-01-01T00:00:00Z");
        for _ in 0..random.below(4) {
            let (key, encrypted) = (random.below(KEYS), random.below(4) == 0);
            if holds.contains(&(machine, key)) {
                continue;
            }
            scan.holds(&format!("K{key}"), "root", encrypted);
            if !encrypted {
                holds.insert((machine, key));
            }
        }
        for _ in 0..random.below(4) {
            let (key, refused) = (random.below(KEYS), random.below(4) == 0);
            if opens.contains(&(machine, key)) {
                continue;
            }
            let verdict = if refused {
                json!({"state": "refused", "reason": "deny_users"})
            } else {
                opens.insert((machine, key));
                json!({"state": "accepted"})
            };
            scan.accepts(&format!("K{key}"), "root", &verdict);
        }
        let (exposed, vulnerable) = (random.below(4) == 0, random.below(2) == 0);
        inventory += &asset(&host, "azure", exposed, vulnerable, "low");
        if exposed && vulnerable {
            entries.insert(machine);
        }
        streams.push(scan.text());
    }
    // A key leads on only where it lies somewhere and opens something.
    let live = |key: u64| holds.iter().any(|(_, k)| *k == key) && opens.iter().any(|(_, k)| *k == key);
    let mut hops: BTreeMap<u64, i64> = BTreeMap::new();
    let mut front: BTreeSet<u64> =
        holds.iter().filter(|(m, k)| entries.contains(m) && live(*k)).map(|(_, k)| *k).collect();
    for hop in 1..=4 {
        for key in &front {
            hops.entry(*key).or_insert(hop);
        }
        let machines: BTreeSet<u64> =
            opens.iter().filter(|(_, k)| front.contains(k)).map(|(m, _)| *m).collect();
        front = holds
            .iter()
            .filter(|(m, k)| machines.contains(m) && live(*k) && !hops.contains_key(k))
            .map(|(_, k)| *k)
            .collect();
    }
    let fleet = Fleet::new();
    fleet.inventory(&inventory);
    fleet.add(&streams);
    let rows =
        fleet.rows("SELECT k.fingerprint, r.hops FROM fleet_reach r JOIN ssh_key k ON k.key_id = r.key_id");
    let found: BTreeMap<String, String> =
        rows.into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let wanted: BTreeMap<String, String> =
        hops.iter().map(|(key, hop)| (format!("Text(\"K{key}\")"), format!("Integer({hop})"))).collect();
    assert_eq!(found, wanted, "seed {seed}");
    hops.values().filter(|hop| **hop > 1).count()
}

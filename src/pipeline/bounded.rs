//! A store that keeps within a budget and whose content does not depend on the
//! order in which things arrive.

use std::collections::BTreeMap;

/// Keeps the items with the smallest keys whose costs together fit the budget.
///
/// What stays is always the longest run of smallest keys that fits, whatever the
/// order of arrival: the greatest key is dropped first, and once a key has been
/// dropped nothing from there on is taken any more.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    items: BTreeMap<K, (V, usize)>,
    cost: usize,
    budget: usize,
    /// The smallest key that was dropped.
    floor: Option<K>,
}

impl<K: Ord + Clone, V> Bounded<K, V> {
    pub(super) fn new(budget: usize) -> Self {
        Self { items: BTreeMap::new(), cost: 0, budget, floor: None }
    }

    /// Adds an item under a new key; returns what does not fit.
    pub(super) fn insert(&mut self, key: K, value: V, cost: usize) -> Vec<(K, V)> {
        if self.floor.as_ref().is_some_and(|floor| key >= *floor) {
            return vec![(key, value)];
        }
        self.cost = self.cost.saturating_add(cost);
        let replaced = self.items.insert(key.clone(), (value, cost));
        let mut dropped = Vec::new();
        if let Some((value, cost)) = replaced {
            self.cost = self.cost.saturating_sub(cost);
            dropped.push((key, value));
        }
        self.shrink(&mut dropped);
        dropped
    }

    /// Changes an item that may have become larger; returns what does not fit.
    pub(super) fn change(&mut self, key: &K, change: impl FnOnce(&mut V) -> usize) -> Vec<(K, V)> {
        let mut dropped = Vec::new();
        if let Some((value, cost)) = self.items.get_mut(key) {
            let more = change(value);
            *cost = cost.saturating_add(more);
            self.cost = self.cost.saturating_add(more);
            self.shrink(&mut dropped);
        }
        dropped
    }

    fn shrink(&mut self, dropped: &mut Vec<(K, V)>) {
        while self.cost > self.budget {
            let Some((key, (value, cost))) = self.items.pop_last() else { break };
            self.cost = self.cost.saturating_sub(cost);
            self.floor = Some(key.clone());
            dropped.push((key, value));
        }
    }

    /// What stayed, by key.
    pub(super) fn into_items(self) -> impl Iterator<Item = (K, V)> {
        self.items.into_iter().map(|(key, (value, _))| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_stays_does_not_depend_on_the_order(
            costs in proptest::collection::vec(0_usize..40, 0..60),
            order in any::<proptest::sample::Index>().prop_perturb(|_, mut rng| rng.next_u64()),
        ) {
            let mut keys: Vec<usize> = (0..costs.len()).collect();
            // A cheap shuffle by the seed.
            keys.sort_by_key(|key| (*key as u64 + 1).wrapping_mul(order | 1).rotate_left(17));
            let mut store = Bounded::new(200);
            let mut dropped = 0;
            for key in keys {
                dropped += store.insert(key, (), costs[key]).len();
            }
            let kept: Vec<usize> = store.into_items().map(|(key, ())| key).collect();
            let mut sum = 0;
            let fits = costs.iter().take_while(|cost| { sum += **cost; sum <= 200 }).count();
            prop_assert_eq!(&kept, &(0..fits).collect::<Vec<_>>());
            prop_assert_eq!(kept.len() + dropped, costs.len());
        }
    }
}

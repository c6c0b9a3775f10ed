//! Facts that come in, merged into those known: identity is (key, feed, content), and the earlier place is kept.
use super::version::{by_arrival, waits_outside};
use super::{Ground, StoredFact};
use crate::date::Date;
use crate::fact::{Body, Content, Fact, Kind, Origin};
use record::FeedKey;
use std::collections::HashMap;

/// A content hashes its key, all but who says so.
type Identity = (Origin, Kind, FeedKey, Content);

fn identity(fact: &Fact) -> Identity {
    (fact.origin, fact.kind(), fact.feed, fact.content)
}

/// What merging did to the facts known.
pub(super) struct Merge {
    /// Per incoming fact: where it is, or `None` if it says nothing new.
    pub placed: Vec<Option<usize>>,
    /// Facts that are new, or now have another place, or wait no more for something outside.
    pub touched: Vec<usize>,
    known: usize,
    replaced: Vec<(usize, StoredFact)>,
}

impl Merge {
    pub(super) fn into(
        facts: &mut Vec<StoredFact>,
        incoming: impl Iterator<Item = StoredFact>,
        ground: Ground,
    ) -> Merge {
        let mut places: HashMap<Identity, usize> =
            facts.iter().enumerate().map(|(n, s)| (identity(&s.fact), n)).collect();
        let mut merge =
            Merge { placed: Vec::new(), touched: Vec::new(), known: facts.len(), replaced: Vec::new() };
        for mut stored in incoming {
            // A withdrawal speaks on no date; the last one keeps it in memory with what is yet to come.
            if matches!(stored.fact.body, Body::Withdrawal(_)) {
                stored.fact.as_of = Date::MAX;
            }
            match places.entry(identity(&stored.fact)) {
                std::collections::hash_map::Entry::Vacant(slot) => {
                    slot.insert(facts.len());
                    merge.placed.push(Some(facts.len()));
                    merge.touched.push(facts.len());
                    facts.push(stored);
                }
                std::collections::hash_map::Entry::Occupied(slot) => {
                    merge.meet(facts, *slot.get(), stored, ground);
                    merge.placed.push(None);
                }
            }
        }
        merge
    }

    /// The same fact again: the earlier place is kept, and one that is confirmed waits no more.
    fn meet(&mut self, facts: &mut [StoredFact], n: usize, again: StoredFact, ground: Ground) {
        let kept = &facts[n];
        let earlier = by_arrival(&again.fact, &kept.fact, ground).is_lt();
        let released = waits_outside(kept, ground) && !waits_outside(&again, ground);
        if !earlier && !released {
            return;
        }
        let mut next = kept.clone();
        if earlier {
            next.fact = again.fact;
        }
        if released {
            next.waiting = again.waiting;
        }
        self.replaced.push((n, std::mem::replace(&mut facts[n], next)));
        self.touched.push(n);
    }

    /// As it was before.
    /// Nothing comes: what is known is to be looked at anew.
    pub(super) fn nothing(facts: &[StoredFact]) -> Merge {
        Merge { placed: Vec::new(), touched: Vec::new(), known: facts.len(), replaced: Vec::new() }
    }

    pub(super) fn undo(self, facts: &mut Vec<StoredFact>) {
        for (n, before) in self.replaced.into_iter().rev() {
            facts[n] = before;
        }
        facts.truncate(self.known);
    }

    pub(super) fn is_new(&self, n: usize) -> bool {
        n >= self.known
    }
}

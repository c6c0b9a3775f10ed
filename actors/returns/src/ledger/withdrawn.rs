//! What is taken back: withdrawals and their undoing, in any order and before, after or without their targets.
use super::{Feeds, StoredFact};
use crate::date::Micros;
use crate::fact::{Body, Fact, Place, Target};
use record::FeedKey;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// The latest word on one target: (event time, event id, whether it reinstates).
type Word<'a> = (Micros, &'a str, bool);

/// All withdrawals of an account. Each target is judged alone; a fact is withdrawn while any target that covers it is. A feed is withdrawn
/// in every reading.
pub(super) struct Withdrawn<'a> {
    records: HashMap<Place, Word<'a>>,
    feeds: HashMap<FeedKey, Word<'a>>,
    tickets: HashMap<Arc<str>, Word<'a>>,
    of: &'a Feeds,
}

impl<'a> Withdrawn<'a> {
    pub(super) fn of(facts: impl IntoIterator<Item = &'a StoredFact>, of: &'a Feeds) -> Self {
        let (records, feeds, tickets) = Default::default();
        let mut all = Withdrawn { records, feeds, tickets, of };
        for stored in facts {
            let Body::Withdrawal(w) = &stored.fact.body else { continue };
            let word = (w.event_time, &*w.event_id, w.reinstate);
            match &w.target {
                Target::Record(place) => keep_latest(&mut all.records, *place, word),
                Target::Feed(feed) => keep_latest(&mut all.feeds, of.delivery(*feed), word),
                Target::Ticket(ticket) => keep_latest(&mut all.tickets, ticket.clone(), word),
            }
        }
        all
    }

    /// Whether a fact is withdrawn, by the place it is kept under. A withdrawal itself never is: it is undone by `reinstate`.
    pub(super) fn covers(&self, fact: &Fact) -> bool {
        let ticket = match &fact.body {
            Body::Withdrawal(_) => return false,
            Body::Correction(c) => holds(&self.tickets, &c.ticket),
            _ => false,
        };
        ticket || self.covers_feed(fact.feed) || holds(&self.records, &fact.place)
    }

    /// Whether a whole feed is withdrawn.
    pub(super) fn covers_feed(&self, feed: FeedKey) -> bool {
        holds(&self.feeds, &self.of.delivery(feed))
    }
}

fn keep_latest<'a, K: Hash + Eq>(words: &mut HashMap<K, Word<'a>>, target: K, word: Word<'a>) {
    words.entry(target).and_modify(|known| *known = word.max(*known)).or_insert(word);
}

fn holds<K: Hash + Eq>(words: &HashMap<K, Word<'_>>, target: &K) -> bool {
    words.get(target).is_some_and(|(_, _, reinstate)| !reinstate)
}

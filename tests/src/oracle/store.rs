//! A store in memory: what the product asks of a real one, and a driver that feeds an account through it in pieces.
use super::given::Given;
use jiff::civil::Date;
use proptest::prelude::*;
use record::{FeedKey, Partitions};
use returns::Fact;
use returns::Row;
use returns::ledger::{
    AccountState, Changes, Feeds, Folded, Ground, History, Offer, Profile, Reach, Restore, RowChange, Stage,
    StoredFact, WholeFeed, rebuild, refold,
};
use std::collections::BTreeMap;

pub struct Store {
    pub profile: Profile,
    pub rows: BTreeMap<Date, Row>,
    /// Facts that no row carries.
    facts: Vec<StoredFact>,
}

fn same(a: &Fact, b: &Fact) -> bool {
    a.feed == b.feed && a.content == b.content && a.key() == b.key()
}

impl Store {
    pub fn new(profile: Profile) -> Store {
        Store { profile, rows: BTreeMap::new(), facts: Vec::new() }
    }

    /// Writes, and insists that every change is one.
    fn apply(&mut self, changes: &Changes) -> Result<(), TestCaseError> {
        for change in &changes.rows {
            let before = self.rows.get(&change.as_of());
            match change {
                RowChange::New(row) => {
                    prop_assert!(before.is_none(), "a new row of {} is there already", row.as_of);
                    self.rows.insert(row.as_of, row.clone());
                }
                RowChange::Replaced { row, .. } => {
                    prop_assert!(before.is_some(), "no row of {} to replace", row.as_of);
                    prop_assert_ne!(before, Some(row), "a row that does not change is written again");
                    self.rows.insert(row.as_of, row.clone());
                }
                RowChange::Gone(date) => {
                    prop_assert!(before.is_some(), "no row of {date} to take away");
                    self.rows.remove(date);
                }
            }
        }
        for stored in &changes.facts {
            self.facts.retain(|f| !same(&f.fact, &stored.fact));
            if !stored.in_row {
                self.facts.push(stored.clone());
            }
        }
        if let Some(profile) = &changes.profile {
            self.profile = profile.clone();
        }
        Ok(())
    }

    fn history(&self, reach: &Reach) -> History {
        let named = self.facts.iter().filter(|s| reach.undated.contains(&s.fact.key()));
        let start = named.map(|s| s.fact.as_of).min().map_or(reach.from, |date| date.min(reach.from));
        let before = self.rows.range(..start).next_back().map(|(_, row)| row.clone());
        let wanted = reach.rows.map_or(usize::MAX, |n| n as usize);
        let rows: Vec<Row> = self.rows.range(start..).take(wanted).map(|(_, row)| row.clone()).collect();
        let complete = self.rows.range(start..).count() <= wanted;
        let after = before.as_ref().map(|row| row.as_of);
        let until = rows.last().map(|row| row.as_of).filter(|_| !complete);
        let inside = |date: Date| after.is_none_or(|a| date > a) && until.is_none_or(|u| date <= u);
        let facts = self.facts.iter().filter(|s| inside(s.fact.as_of)).cloned().collect();
        History { before, rows, facts, complete }
    }

    fn everything(&self) -> History {
        self.history(&Reach { from: Date::MIN, undated: Vec::new(), rows: None })
    }

    fn restore(&self, ground: Ground) -> AccountState {
        let mut latest = self.rows.values().rev();
        let (last, before_last) = (latest.next(), latest.next());
        let open = |s: &&StoredFact| last.is_none_or(|row| s.fact.as_of >= row.as_of);
        let open = self.facts.iter().filter(open).cloned().collect();
        AccountState::restore(Restore { profile: self.profile.clone(), last, before_last, open }, ground)
    }

    /// The same facts under the same places as a fold of all at once keeps, in rows or beside them.
    pub fn holds_the_facts(&self, whole: &Folded) -> Result<(), TestCaseError> {
        for kept in whole.facts.iter().filter(|s| !s.in_row) {
            let here = self.facts.iter().find(|s| same(&s.fact, &kept.fact));
            prop_assert_eq!(here, Some(kept), "a fact beside the rows");
        }
        for here in &self.facts {
            let kept = whole.facts.iter().find(|s| same(&s.fact, &here.fact));
            prop_assert!(kept.is_some_and(|s| !s.in_row), "kept twice or never said: {:?}", here);
        }
        Ok(())
    }
}

/// Offers batch by batch (a piece's number tells how many follow it in its batch), settles what is deferred at the end of each,
/// ends the feeds that are through, and forgets memory after the batches whose bit is set.
pub fn feed_in_pieces(
    store: &mut Store,
    pieces: &[(Fact, u8)],
    evictions: u64,
    given: &Given,
    partitions: &Partitions,
) -> Result<(), TestCaseError> {
    let mut feeds = Feeds::default();
    let coming = |feed: &WholeFeed| WholeFeed { stage: Stage::Coming, ..feed.clone() };
    given.whole.iter().for_each(|feed| feeds.note(coming(feed)));
    let mut state = store.restore(given.ground(partitions, &feeds));
    let mut to_come: Vec<&WholeFeed> =
        given.whole.iter().filter(|feed| feed.stage != Stage::Coming).collect();
    let mut came = 0;
    let mut batch = 0;
    while let Some((_, more)) = pieces.get(came) {
        let (before, rest) = pieces.split_at(pieces.len().min(came + 1 + usize::from(*more) * 4));
        let facts: Vec<&Fact> = before[came..].iter().map(|(fact, _)| fact).collect();
        feed_batch(store, &mut state, &facts, given.ground(partitions, &feeds))?;
        came = before.len();
        let is_new = |fact: &Fact| !before.iter().any(|(f, _)| f == fact);
        let more_of = |feed: FeedKey| rest.iter().any(|(fact, _)| fact.feed == feed && is_new(fact));
        let (coming, through): (Vec<_>, Vec<_>) = to_come.iter().partition(|feed| more_of(feed.key));
        to_come = coming;
        if !through.is_empty() {
            through.into_iter().for_each(|feed| feeds.note(feed.clone()));
            let changes = rebuild(&mut state, &store.everything(), given.ground(partitions, &feeds));
            store.apply(&changes)?;
        }
        if evictions >> (batch % 64) & 1 == 1 {
            state = store.restore(given.ground(partitions, &feeds));
        }
        batch += 1;
    }
    Ok(())
}

fn feed_batch(
    store: &mut Store,
    state: &mut AccountState,
    facts: &[&Fact],
    ground: Ground,
) -> Result<(), TestCaseError> {
    let mut deferred = Vec::new();
    for fact in facts {
        let mut changes = Changes::default();
        match state.offer(fact, ground, &mut changes) {
            Offer::Settled(_) => store.apply(&changes)?,
            Offer::Deferred => {
                prop_assert_eq!(changes, Changes::default(), "deferred, and yet changed");
                deferred.push((*fact).clone());
            }
        }
    }
    if deferred.is_empty() {
        return Ok(());
    }
    let mut reach = state.reach(&deferred, ground);
    for _ in 0..8 {
        match refold(state, &deferred, &store.history(&reach), ground) {
            Ok(settled) => {
                prop_assert_eq!(settled.outcomes.len(), deferred.len());
                return store.apply(&settled.changes);
            }
            Err(wider) => {
                prop_assert_ne!(&wider, &reach, "the same read again");
                reach = wider;
            }
        }
    }
    Err(TestCaseError::fail("eight reads were not enough"))
}

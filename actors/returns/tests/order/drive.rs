//! A store in memory, and an account driven through it.
use proptest::prelude::*;
use returns::ledger::{
    AccountState, Changes, Folded, Ground, History, Offer, Profile, Reach, Restore, RowChange, StoredFact,
    WholeFeed, rebuild, refold, renew, summary_of,
};
use returns::{Date, Fact, Kind, Reason, Row};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Ledger {
    state: AccountState,
    profile: Profile,
    rows: BTreeMap<Date, Row>,
    /// What no row carries.
    facts: Vec<StoredFact>,
    /// What was said last of each fact that changes spoke of. Reads before a commit rest on it.
    told: Vec<StoredFact>,
}

pub fn as_new(fact: &Fact) -> StoredFact {
    StoredFact { fact: fact.clone(), in_row: false, waiting: None }
}

fn same(a: &Fact, b: &Fact) -> bool {
    a.feed == b.feed && a.content == b.content && a.key() == b.key()
}

impl Ledger {
    /// A batch: what is not settled at the head is read for and refolded, together.
    pub fn take(&mut self, facts: &[Fact], ground: Ground) -> Result<(), TestCaseError> {
        let mut deferred = Vec::new();
        for fact in facts {
            let mut changes = Changes::default();
            match self.state.offer(fact, ground, &mut changes) {
                Offer::Settled(_) => self.write(changes)?,
                Offer::Deferred => {
                    prop_assert_eq!(&changes, &Changes::default());
                    deferred.push(fact.clone());
                }
            }
        }
        if deferred.is_empty() {
            return Ok(());
        }
        let mut reach = self.state.reach(&deferred, ground);
        for _ in 0..20 {
            let history = self.read(&reach);
            match refold(&mut self.state, &deferred, &history, ground) {
                Ok(done) => {
                    prop_assert_eq!(done.outcomes.len(), deferred.len());
                    return self.write(done.changes);
                }
                Err(wider) => {
                    prop_assert!(wider != reach, "asked again for the same: {reach:?}");
                    reach = wider;
                }
            }
        }
        prop_assert!(false, "asks for more and more");
        Ok(())
    }

    fn write(&mut self, changes: Changes) -> Result<(), TestCaseError> {
        for change in changes.rows {
            let date = change.as_of();
            let before = self.rows.get(&date);
            match &change {
                RowChange::New(_) => prop_assert!(before.is_none(), "{date} is not new"),
                RowChange::Gone(_) => prop_assert!(before.is_some(), "{date} is gone already"),
                RowChange::Replaced { row, .. } => {
                    prop_assert!(before.is_some_and(|before| before != row), "{date} does not change")
                }
            }
            match change {
                RowChange::New(row) | RowChange::Replaced { row, .. } => self.rows.insert(date, row),
                RowChange::Gone(_) => self.rows.remove(&date),
            };
        }
        for stored in changes.facts {
            self.told.retain(|f| !same(&f.fact, &stored.fact));
            self.told.push(stored.clone());
            self.facts.retain(|f| !same(&f.fact, &stored.fact));
            if !stored.in_row {
                self.facts.push(stored);
            }
        }
        self.profile = changes.profile.unwrap_or(std::mem::take(&mut self.profile));
        Ok(())
    }

    fn read(&self, reach: &Reach) -> History {
        let named = self.facts.iter().filter(|s| reach.undated.contains(&s.fact.key()));
        let start = named.map(|s| s.fact.as_of).fold(reach.from, Date::min);
        let before = self.rows.range(..start).next_back().map(|(_, row)| row.clone());
        // A small page, so that wider reads are asked for.
        let count = reach.rows.map_or(usize::MAX, |n| n as usize / 16 + 1);
        let rows: Vec<Row> = self.rows.range(start..).take(count).map(|(_, row)| row.clone()).collect();
        let complete = self.rows.range(start..).nth(count).is_none();
        let after = before.as_ref().map(|row| row.as_of);
        let last = rows.last().map(|row| row.as_of);
        let within = |s: &&StoredFact| {
            after.is_none_or(|after| s.fact.as_of > after)
                && (complete || last.is_some_and(|last| s.fact.as_of <= last))
        };
        let facts = self.facts.iter().filter(within).cloned().chain(carried(rows.iter())).collect();
        History { before, rows, facts, complete }
    }

    /// A feed is through: what it decides is built anew, as the store finds it: what one feed of its date says and another lacks, what its
    /// holdings come to, and days that are open.
    pub fn through(&mut self, feed: &WholeFeed, ground: Ground) -> Result<(), TestCaseError> {
        let said: Vec<Fact> = self
            .facts
            .iter()
            .map(|s| s.fact.clone())
            .chain(carried(self.rows.values()).map(|s| s.fact))
            .collect();
        let has = |key, fact: &Fact| said.iter().any(|f| f.feed == key && f.key() == fact.key());
        let beside = ground.feeds.beside(feed);
        let lacked = |f: &&Fact| {
            f.feed == feed.key && beside.iter().any(|b| !has(*b, f))
                || beside.contains(&f.feed) && !has(feed.key, f)
        };
        let held = |f: &&Fact| f.feed == feed.key && f.kind() == Kind::Holding;
        let touched: Vec<&Fact> = said.iter().filter(|f| lacked(f) || held(f)).collect();
        let open = self.rows.values().filter(|row| row.reasons.has(Reason::Incomplete)).map(|row| row.as_of);
        let dates: Vec<Date> = touched.iter().map(|f| f.as_of).chain(open).collect();
        let again = !feed.earlier.is_empty();
        let span = dates.iter().min().zip(dates.iter().max());
        let Some((from, until)) = span.or(again.then_some((&Date::MIN, &Date::MAX))) else { return Ok(()) };
        if again || touched.iter().any(|f| !f.is_dated() || f.kind() == Kind::Account) {
            let history = self.read(&Reach { from: Date::MIN, undated: Vec::new(), rows: None });
            let changes = rebuild(&mut self.state, &history, ground);
            return self.write(changes);
        }
        let mut reach = self.state.reach_of((*from, *until), ground);
        for _ in 0..20 {
            let history = self.read(&reach);
            match renew(&mut self.state, (*from, *until), &history, ground) {
                Ok(changes) => return self.write(changes),
                Err(wider) => reach = wider,
            }
        }
        prop_assert!(false, "asks for more and more");
        Ok(())
    }

    /// Memory is lost; the store has all that is needed to go on.
    pub fn evict(&mut self, ground: Ground) {
        let mut latest = self.rows.values().rev();
        let (last, before_last) = (latest.next(), latest.next());
        let open = self.facts.iter().filter(|s| last.is_none_or(|row| s.fact.as_of >= row.as_of));
        let open = open.cloned().collect();
        let profile = self.profile.clone();
        self.state = AccountState::restore(Restore { profile, last, before_last, open }, ground);
    }

    /// What the account takes in memory.
    pub fn memory_bytes(&self) -> usize {
        self.state.memory_bytes()
    }

    /// All built anew from what is stored: nothing may differ.
    pub fn rebuild(&mut self, ground: Ground) -> Result<(), TestCaseError> {
        self.evict(ground);
        let history = self.read(&Reach { from: Date::MIN, undated: Vec::new(), rows: None });
        prop_assert_eq!(rebuild(&mut self.state, &history, ground), Changes::default());
        Ok(())
    }

    pub fn compare(&self, folded: &Folded) -> Result<(), TestCaseError> {
        let rows: Vec<Row> = self.rows.values().cloned().collect();
        prop_assert_eq!(&rows, &folded.rows);
        prop_assert_eq!(&self.profile, &folded.profile);
        prop_assert_eq!(&self.profile, self.state.profile());
        for told in &self.told {
            let kept = folded.facts.iter().find(|f| same(&f.fact, &told.fact));
            prop_assert_eq!(Some(told), kept, "said last, and kept");
        }
        let mut stored: Vec<StoredFact> = self.facts.iter().cloned().chain(carried(rows.iter())).collect();
        let mut expected = folded.facts.clone();
        for facts in [&mut stored, &mut expected] {
            facts.sort_by_key(|s| (s.fact.content, s.fact.feed, s.fact.origin));
        }
        prop_assert_eq!(stored, expected);
        Ok(())
    }
}

fn carried<'a>(rows: impl Iterator<Item = &'a Row>) -> impl Iterator<Item = StoredFact> {
    let facts = rows.filter(|row| row.carries).map(summary_of);
    facts.map(|fact| StoredFact { fact, in_row: true, waiting: None })
}

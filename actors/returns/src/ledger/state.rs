//! What memory holds of an account, and the fast path: facts that go on at the head of the chain.
use super::carry::summary_of;
use super::extent::{BEGINNING, agrees};
use super::head::{Head, has_cut_off};
use super::live::Live;
use super::make::{Made, Scene};
use super::settle::{Known, settle};
use super::undated::reference;
use super::{Changes, Ground, Outcome, Profile, Reach, RowChange, StoredFact, clock};
use crate::date::{Date, days_between};
use crate::fact::{Body, Fact, Key, Kind, Origin, Stated};
use crate::policy::{FlowDate, Vendor};
use crate::row::{Reasons, Row};

/// What memory holds of an account: its profile and the head of its chain; beside them, where more than one plain summary a day
/// comes, the facts of the days that may still change. Never its history.
#[derive(Clone, Debug, Default)]
pub struct AccountState {
    pub(super) profile: Profile,
    pub(super) memory: Memory,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Memory {
    /// No fact and no row.
    #[default]
    Nothing,
    /// The last row, which carries all that is known of its day.
    Head(Head),
    /// The end of the history, whole days.
    Tail(Box<Known>),
    /// More facts may still change rows than memory keeps of one account: each batch of it reads the store.
    Away,
}

/// The most facts that memory keeps of one account. A day has fewer, unless nothing of the account ever gives it a row.
const MOST_FACTS: usize = 1_024;

/// What the store knows of an account, enough to go on at its head.
pub struct Restore<'a> {
    pub profile: Profile,
    pub last: Option<&'a Row>,
    pub before_last: Option<&'a Row>,
    /// The facts dated on the last row's date that it does not carry, and all later ones.
    pub open: Vec<StoredFact>,
}

/// What became of an offered fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    Settled(Outcome),
    /// The store must be read first: see [`AccountState::reach`].
    Deferred,
}

impl AccountState {
    pub fn restore(from: Restore, ground: Ground) -> AccountState {
        let Restore { profile, last, before_last, open } = from;
        let known = match last {
            None if open.is_empty() => return AccountState { profile, memory: Memory::Nothing },
            None => Known { facts: open, complete: true, whole: true, ..Known::default() },
            // Its days since the row before are the summary it carries, and what lost to it.
            Some(row) if row.carries => {
                let carried = StoredFact { fact: summary_of(row), in_row: true, waiting: None };
                let facts = open.into_iter().chain([carried]).collect();
                let base = before_last.map(Head::from);
                let (rows, since) = (vec![row.clone()], row.as_of);
                Known { base, rows, facts, since, complete: true, ..Known::default() }
            }
            Some(row) => Known {
                base: Some(Head::from(row)),
                facts: open,
                // When the day closed may be said by a valuation of the day before, after the cut-off.
                base_dated: !has_cut_off(ground),
                complete: true,
                ..Known::default()
            },
        };
        let mut state = AccountState { profile, memory: Memory::Nothing };
        state.remember(known, ground);
        state
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Settles a fact that goes on at the head (a day after the last row, or more of a day that is still in memory), adding to
    /// `out`. What needs more of the account than memory holds is deferred, and changes nothing.
    pub fn offer(&mut self, fact: &Fact, ground: Ground, out: &mut Changes) -> Offer {
        if let Some(outcome) = self.offer_plain(fact, ground, out) {
            return Offer::Settled(outcome);
        }
        if !self.may_hold(fact) {
            return Offer::Deferred;
        }
        let mut known = match std::mem::take(&mut self.memory) {
            Memory::Nothing => Known { complete: true, whole: true, ..Known::default() },
            Memory::Head(head) => {
                let since = head.as_of.tomorrow().unwrap_or(head.as_of);
                Known { base: Some(head), since, complete: true, ..Known::default() }
            }
            Memory::Tail(known) => *known,
            // What is not held is deferred above.
            Memory::Away => return self.defer(),
        };
        let incoming = StoredFact { fact: fact.clone(), in_row: false, waiting: None };
        let settled = settle(&self.profile, std::iter::once(incoming), &mut known, ground);
        let Ok(settled) = settled else {
            self.put_back(known);
            return Offer::Deferred;
        };
        self.profile = settled.profile;
        self.remember(known, ground);
        out.rows.extend(settled.changes.rows);
        out.facts.extend(settled.changes.facts);
        out.profile = settled.changes.profile.or(out.profile.take());
        settled.outcomes.first().map_or(Offer::Deferred, |outcome| Offer::Settled(*outcome))
    }

    /// What must be read before these facts can be settled, whatever their order. The answer is a guess that is right for most:
    /// [`super::refold`] asks for more where it is not enough.
    pub fn reach(&self, facts: &[Fact], ground: Ground) -> Reach {
        let any_date = |f: &Fact| match &f.body {
            Body::Withdrawal(_) => true,
            Body::Account(said) => !agrees(said, &self.profile),
            _ => false,
        };
        let mut undated: Vec<Key> = facts.iter().filter(|f| !f.is_dated()).flat_map(keys_of).collect();
        undated.sort_unstable();
        undated.dedup();
        if facts.iter().any(any_date) {
            return Reach { from: BEGINNING, undated, rows: None };
        }
        let dates = || facts.iter().flat_map(|f| [f.as_of, clock::counts_on(f, ground)]);
        let span = (dates().min().unwrap_or(BEGINNING), dates().max().unwrap_or(Date::MAX));
        let reach = self.reach_of(span, ground);
        Reach { rows: reach.rows.filter(|_| undated.is_empty()), undated, ..reach }
    }

    /// What must be read before the rows of a span of dates can be built anew; a guess as [`AccountState::reach`] is.
    pub fn reach_of(&self, (mut from, until): (Date, Date), ground: Ground) -> Reach {
        if let Some(head) = self.last() {
            let again = head.open || head.waits_for_later(ground) || head.leaves_late(ground);
            from = if again { from.min(head.as_of) } else { from };
        }
        let span = days_between(from, until);
        let rows = u32::try_from(span).ok().filter(|span| *span <= 40);
        if ground.policy.vendors.iter().any(|v| v.flow_date == FlowDate::Effective) {
            return Reach { from: BEGINNING, undated: Vec::new(), rows: None };
        }
        // Withdrawals speak on no date: where memory does not hold them, they are read with the end of the history.
        let rows = rows.filter(|_| !matches!(self.memory, Memory::Away));
        Reach { from, undated: Vec::new(), rows: rows.map(|span| span + 16) }
    }

    /// Bytes this account takes, its own and on the heap.
    pub fn memory_bytes(&self) -> usize {
        let firsts = &self.profile.first_values;
        let firsts = if firsts.spilled() { firsts.capacity() * size_of::<(Vendor, Date)>() } else { 0 };
        let more = match &self.memory {
            Memory::Nothing | Memory::Away => 0,
            Memory::Head(head) => head.heap_bytes(),
            Memory::Tail(known) => {
                size_of::<Known>()
                    + known.rows.capacity() * size_of::<Row>()
                    + known.facts.capacity() * size_of::<StoredFact>()
                    + known.base.as_ref().map_or(0, Head::heap_bytes)
            }
        };
        size_of::<AccountState>() + firsts + more
    }

    /// The last row, if there is one.
    fn last(&self) -> Option<Head> {
        match &self.memory {
            Memory::Nothing | Memory::Away => None,
            Memory::Head(head) => Some(head.clone()),
            Memory::Tail(known) => known.rows.last().map(Head::from).or(known.base.clone()),
        }
    }

    /// A summary of a new day by the one vendor of an account is linked to the head, and nothing else is looked at.
    fn offer_plain(&mut self, fact: &Fact, ground: Ground, out: &mut Changes) -> Option<Outcome> {
        let head = match &self.memory {
            Memory::Nothing => None,
            // An open day of another vendor may be complete with it, and is then built anew.
            Memory::Head(head) if fact.as_of > head.as_of && !head.open => Some(head),
            Memory::Head(_) | Memory::Tail(_) | Memory::Away => return None,
        };
        let (Origin::Vendor(vendor), Body::Summary(summary)) = (fact.origin, &fact.body) else { return None };
        let first = self.profile.first_values.first();
        let plain = summary.stated.has(Stated::END)
            && summary.currency.is_none()
            && is_plain(vendor, ground)
            && ground.feeds.newer(fact.feed).is_empty()
            && !ground.feeds.is_aside(fact.feed)
            && first.is_none_or(|(v, since)| *v == vendor && *since <= fact.as_of)
            && self.profile.first_values.len() <= 1
            && self.profile.performance_start.is_none_or(|start| fact.as_of >= start);
        if !plain {
            return None;
        }
        let is_first = first.is_none();
        if is_first {
            self.profile.first_values.push((vendor, fact.as_of));
        }
        let live = Live {
            fact,
            index: 0,
            date: fact.as_of,
            marks: Reasons::default(),
            waits: None,
            span: (0, 0),
            ended: false,
            double: false,
        };
        let scene = Scene {
            as_of: fact.as_of,
            before: head,
            opens: None,
            window: &[live],
            spills: false,
            said: &[],
            profile: &self.profile,
            ground,
        };
        let made = scene.make().filter(|made| made.row.carries);
        let Some(Made { row, .. }) = made else {
            // Another path tells what this day is; it finds the profile as it was.
            if is_first {
                self.profile.first_values.clear();
            }
            return None;
        };
        let incepts = row.incepted && !head.is_some_and(|head| head.incepted);
        if incepts {
            self.profile.inception = Some(row.as_of);
        }
        if incepts || is_first {
            out.profile = Some(self.profile.clone());
        }
        self.memory = Memory::Head(Head::from(&row));
        out.rows.push(RowChange::New(row));
        Some(Outcome::Accepted)
    }

    /// Whether memory may hold all that a fact needs. An undated one may have been said on any date.
    fn may_hold(&self, fact: &Fact) -> bool {
        let whole = match &self.memory {
            Memory::Nothing => true,
            Memory::Away => return false,
            Memory::Head(head) if fact.as_of <= head.as_of => return false,
            Memory::Head(_) => false,
            Memory::Tail(known) if fact.as_of < known.since => return false,
            Memory::Tail(known) => known.whole,
        };
        whole || (fact.is_dated() && fact.kind() != Kind::Account)
    }

    fn defer(&mut self) -> Offer {
        self.memory = Memory::Away;
        Offer::Deferred
    }

    fn put_back(&mut self, known: Known) {
        let bare = known.rows.is_empty() && known.facts.is_empty();
        self.memory = match known.base {
            None if bare => Memory::Nothing,
            Some(head) if bare && !known.base_dated => Memory::Head(head),
            base => Memory::Tail(Box::new(Known { base, ..known })),
        };
    }

    /// Keeps of a complete end of the history what the head needs.
    pub(super) fn remember(&mut self, mut known: Known, ground: Ground) {
        while known.rows.len() > 1 {
            let next = Head::from(&known.rows.remove(0));
            let spilt = known.base.as_ref().is_some_and(|base| base.spills_to(next.as_of, ground));
            (known.whole, known.base_dated) = (false, known.base_dated || !spilt);
            known.base = Some(next);
        }
        if let Some(base) = &known.base {
            known.since = known.since.max(base.as_of.tomorrow().unwrap_or(base.as_of));
            known.base_dated &= base.leaves_late(ground);
            let since = match known.base_dated {
                true if has_cut_off(ground) => base.as_of.yesterday().unwrap_or(base.as_of),
                true => base.as_of,
                false => base.as_of.tomorrow().unwrap_or(base.as_of),
            };
            known.facts.retain(|s| s.fact.as_of >= since);
        }
        if let Some(head) = self.as_head(&known, ground) {
            self.memory = Memory::Head(head);
            return;
        }
        if known.facts.len() > MOST_FACTS {
            self.memory = Memory::Away;
            return;
        }
        known.facts.shrink_to_fit();
        known.rows.shrink_to_fit();
        self.put_back(known);
    }

    /// The head alone, where it is all there is to know for the day after it.
    fn as_head(&self, known: &Known, ground: Ground) -> Option<Head> {
        let row = known.rows.last()?;
        let later = |s: &StoredFact| s.fact.as_of > row.as_of;
        let plain = row.carries
            && self.profile.first_values.len() <= 1
            && is_plain(row.value_vendor, ground)
            && !known.facts.iter().any(later);
        plain.then(|| Head::from(row))
    }
}

/// A vendor whose day is a summary and complete with it.
fn is_plain(vendor: Vendor, ground: Ground) -> bool {
    let policy = ground.policy.vendor(vendor);
    !policy.needs_flows && policy.close.is_none()
}

/// The keys under which an undated fact may be met: the flow's own, and that of its cancel.
fn keys_of(fact: &Fact) -> Vec<Key> {
    if fact.kind() == Kind::Withdrawal {
        return vec![fact.key()];
    }
    let key = |kind| Key { origin: fact.origin, kind, as_of: None, reference: reference(fact) };
    vec![key(Kind::Flow), key(Kind::Cancel)]
}

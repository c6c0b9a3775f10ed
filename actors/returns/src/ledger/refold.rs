//! Late facts settled on what was read, and the fold of everything from scratch.
use super::carry::summary_of;
use super::clock;
use super::extent::{BEGINNING, Extent};
use super::head::Head;
use super::settle::{Known, Need, Settled, settle, settle_anew};
use super::state::{AccountState, Memory};
use super::{Changes, FirstValues, Ground, History, Outcome, Profile, Reach, RowChange, StoredFact};
use crate::date::Date;
use crate::fact::{Fact, Kind};
use crate::row::Row;

/// What deferred facts came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Refold {
    /// One per fact.
    pub outcomes: Vec<Outcome>,
    pub changes: Changes,
}

/// All of an account, folded at once.
#[derive(Clone, Debug, PartialEq)]
pub struct Folded {
    pub rows: Vec<Row>,
    /// Each fact once, under the place kept, with where it lives and whether it waits.
    pub facts: Vec<StoredFact>,
    pub profile: Profile,
    /// One per fact given.
    pub outcomes: Vec<Outcome>,
}

/// Settles deferred facts on what was read. `Err` asks for a wider read: the chain has not met again within the rows read, or
/// something earlier is touched; nothing has changed then. It ends: each further read is wider, and all of the account is enough.
pub fn refold(
    state: &mut AccountState,
    facts: &[Fact],
    history: &History,
    ground: Ground,
) -> Result<Refold, Reach> {
    let mut known = known(history, state);
    let incoming = facts.iter().map(|f| StoredFact { fact: f.clone(), in_row: false, waiting: None });
    let settled = settle(&state.profile, incoming, &mut known, ground);
    let Settled { outcomes, changes, profile } =
        settled.map_err(|need| wider(state.reach(facts, ground), need, history))?;
    state.profile = profile;
    if history.complete {
        state.remember(known, ground);
    } else {
        state.patch(&changes);
    }
    Ok(Refold { outcomes, changes })
}

/// From scratch: all facts of an account, in any order, to all rows. What every other path must equal.
pub fn fold(facts: &[StoredFact], profile: &Profile, ground: Ground) -> Folded {
    let mut known = Known { complete: true, whole: true, ..Known::default() };
    let start = Profile { first_values: FirstValues::new(), inception: None, ..profile.clone() };
    let incoming = facts.iter().cloned().map(|stored| StoredFact { in_row: false, ..stored });
    match settle(&start, incoming, &mut known, ground) {
        Ok(Settled { outcomes, profile, .. }) => {
            Folded { rows: known.rows, facts: known.facts, profile, outcomes }
        }
        // Everything is known, so nothing can be asked for.
        Err(need) => unreachable!("{need:?}"),
    }
}

/// All of an account built anew from its facts, under the conventions of now: after facts were stored without being folded, or when the
/// policy changed. `history` is the whole account. Only what differs comes back.
pub fn rebuild(state: &mut AccountState, history: &History, ground: Ground) -> Changes {
    let mut known = known(history, state);
    (known.complete, known.whole) = (true, true);
    let start = Profile { first_values: FirstValues::new(), inception: None, ..state.profile.clone() };
    match settle_anew(&start, &mut known, Extent::ALL, ground) {
        Ok(Settled { mut changes, profile, .. }) => {
            changes.profile = (profile != state.profile).then(|| profile.clone());
            state.profile = profile;
            state.remember(known, ground);
            changes
        }
        // Everything is known, so nothing can be asked for.
        Err(need) => unreachable!("{need:?}"),
    }
}

/// The rows of a span of dates built anew, no new fact having come: what is known of whole feeds has changed. `Err` asks for a wider
/// read, as in [`refold`]; the first is what [`AccountState::reach_of`] says.
pub fn renew(
    state: &mut AccountState,
    span: (Date, Date),
    history: &History,
    ground: Ground,
) -> Result<Changes, Reach> {
    let mut known = known(history, state);
    let mut extent = Extent { from: span.0, until: span.1 };
    let inside = |s: &&StoredFact| (span.0..=span.1).contains(&s.fact.as_of);
    for counts_on in known.facts.iter().filter(inside).map(|s| clock::counts_on(&s.fact, ground)) {
        extent.add(counts_on);
    }
    let settled = settle_anew(&state.profile, &mut known, extent, ground);
    let Settled { changes, profile, .. } =
        settled.map_err(|need| wider(state.reach_of(span, ground), need, history))?;
    state.profile = profile;
    if history.complete {
        state.remember(known, ground);
    } else {
        state.patch(&changes);
    }
    Ok(changes)
}

/// What was read, with what rows carry and the withdrawals that memory holds.
fn known(history: &History, state: &AccountState) -> Known {
    let mut facts = history.facts.clone();
    let carried = history.rows.iter().filter(|row| row.carries);
    let carried = carried.map(|row| StoredFact { fact: summary_of(row), in_row: true, waiting: None });
    let withdrawals = match &state.memory {
        Memory::Tail(tail) => tail.facts.as_slice(),
        Memory::Nothing | Memory::Head(_) | Memory::Away => &[],
    };
    let withdrawals = withdrawals.iter().filter(|s| s.fact.kind() == Kind::Withdrawal);
    let mut met: std::collections::HashSet<_> = facts.iter().map(|s| (s.fact.feed, s.fact.content)).collect();
    facts.extend(carried.chain(withdrawals.cloned()).filter(|s| met.insert((s.fact.feed, s.fact.content))));
    Known {
        base: history.before.as_ref().map(Head::from),
        rows: history.rows.clone(),
        facts,
        since: Date::MIN,
        base_dated: false,
        complete: history.complete,
        whole: history.before.is_none() && history.complete,
    }
}

/// The next read.
fn wider(first: Reach, need: Need, history: &History) -> Reach {
    let read = history.rows.len();
    let more = match read {
        0..64 => Some(256),
        64..512 => Some(2048),
        _ => None,
    };
    match need {
        Need::Earlier(date) if date <= BEGINNING => Reach { from: BEGINNING, rows: None, ..first },
        Need::Earlier(date) => {
            Reach { from: date.min(first.from), rows: more.filter(|_| first.rows.is_some()), ..first }
        }
        Need::More => {
            let start = history.before.as_ref().map(|row| row.as_of.tomorrow().unwrap_or(row.as_of));
            Reach {
                from: start.unwrap_or(BEGINNING).min(first.from),
                rows: more.filter(|_| first.rows.is_some()),
                ..first
            }
        }
    }
}

impl AccountState {
    /// Rows in memory that a refold of earlier days has changed.
    fn patch(&mut self, changes: &Changes) {
        let Memory::Tail(tail) = &mut self.memory else { return };
        for change in &changes.rows {
            let RowChange::Replaced { row, .. } = change else { continue };
            if let Some(base) = tail.base.as_mut().filter(|base| base.as_of == row.as_of) {
                *base = Head::from(row);
            }
        }
    }
}

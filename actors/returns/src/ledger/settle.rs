//! Settles facts on what is known of an account, in memory or read: the one fold behind every path.
use super::build::{Built, Counted, Plan};
use super::extent::{self, BEGINNING, Extent, KnownPart};
use super::head::Head;
use super::live::{Live, add_lost, live};
use super::merge::Merge;
use super::standing::reaches_all;
use super::undated::{Seen, rests_on_more, settle_undated};
use super::version::{Said, Voices, by_arrival, by_key, returns_after, voices, waits_outside};
use super::withdrawn::Withdrawn;
use super::{Changes, Ground, Outcome, Profile, RowChange, StoredFact, WaitingReason};
use crate::date::Date;
use crate::fact::{Body, Kind};
use crate::policy::FlowDate;
use crate::row::{Reason, Row};

/// A consistent part of an account's history.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// The row before.
    pub base: Option<Head>,
    /// The rows from there on.
    pub rows: Vec<Row>,
    /// All facts dated after the base, those that rows carry included, and all withdrawals.
    pub facts: Vec<StoredFact>,
    /// The date from which on all facts are among them. Of the days before its last row, an end restored from the store lacks what
    /// counts on none of them: what is withdrawn, or waits for something outside.
    pub since: Date,
    /// The facts of the base's own date, and those of the day before that count on it, are among them too.
    pub base_dated: bool,
    /// Nothing lies after `rows`.
    pub complete: bool,
    /// Nothing lies outside at all.
    pub whole: bool,
}

/// What must be known to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// From that date on.
    Earlier(Date),
    /// More rows after those known.
    More,
}

pub(super) struct Settled {
    pub outcomes: Vec<Outcome>,
    pub changes: Changes,
    pub profile: Profile,
}

/// Adds facts to what is known and builds what changes; `known` then holds the new rows and facts. Without enough known
/// nothing changes.
pub(super) fn settle(
    profile: &Profile,
    incoming: impl Iterator<Item = StoredFact>,
    known: &mut Known,
    ground: Ground,
) -> Result<Settled, Need> {
    let merge = Merge::into(&mut known.facts, incoming, ground);
    if merge.touched.is_empty() {
        let outcomes = vec![Outcome::Unchanged; merge.placed.len()];
        return Ok(Settled { outcomes, changes: Changes::default(), profile: profile.clone() });
    }
    match judge(profile, known, &merge, Extent::NOTHING, ground) {
        Ok(judged) => Ok(judged.apply(profile, known, &merge)),
        Err(need) => {
            merge.undo(&mut known.facts);
            Err(need)
        }
    }
}

/// Builds the rows of a span of dates anew from the facts known, and says what differs.
pub(super) fn settle_anew(
    profile: &Profile,
    known: &mut Known,
    span: Extent,
    ground: Ground,
) -> Result<Settled, Need> {
    let merge = Merge::nothing(&known.facts);
    let judged = judge(profile, known, &merge, span, ground)?;
    Ok(judged.apply(profile, known, &merge))
}

/// What was decided, free of the facts it was decided on.
struct Judged {
    outcomes: Vec<Outcome>,
    waiting: Vec<Option<WaitingReason>>,
    profile: Profile,
    /// How many of the known rows stay before the built ones.
    kept: usize,
    /// The date of the row built on.
    base: Option<Date>,
    built: Built,
}

fn judge(
    profile: &Profile,
    known: &Known,
    merge: &Merge,
    mut extent: Extent,
    ground: Ground,
) -> Result<Judged, Need> {
    let facts = &known.facts;
    let withdrawn = Withdrawn::of(facts, ground.feeds);
    let touched = || merge.touched.iter().map(|&n| &facts[n].fact);
    let seen = if known.whole { Seen::All } else { Seen::by(touched()) };
    let voices = voices(facts, &withdrawn, &seen, ground);
    let mut lost = Vec::new();
    let said = settle_undated(&voices, facts, &seen, &mut lost);

    for &n in &merge.touched {
        let fact = &facts[n].fact;
        // Reference data of which only the place moves says nothing new, but may be withdrawn under the place it has now.
        let moved = fact.kind() == Kind::Account && !merge.is_new(n);
        let anywhere = moved || reaches_all(fact, facts, ground);
        match extent::touch(&mut extent, fact, facts, profile, ground).filter(|()| !anywhere) {
            Some(()) => {}
            None if known.whole => extent = Extent::ALL,
            None => return Err(Need::Earlier(BEGINNING)),
        }
    }
    let mut next = profile.clone();
    if known.whole {
        next = extent::reference_data(profile, facts, &voices.said, ground);
    }
    let mut live = live(&said, None, next.base_currency, ground);
    add_lost(&mut live, &lost, ground);
    live.retain(|l| {
        !matches!(l.fact.kind(), Kind::Account | Kind::Withdrawal)
            && next.performance_start.is_none_or(|start| l.date >= start)
    });
    let known_to = match known.complete {
        true => Date::MAX,
        false => known
            .rows
            .last()
            .map(|row| row.as_of)
            .or(known.base.as_ref().map(|b| b.as_of))
            .unwrap_or(Date::MIN),
    };
    let part = KnownPart { after: known.base.as_ref().map(|b| b.as_of), to: known_to };
    next.first_values =
        extent::first_values(&profile.first_values, &live, part, &mut extent, ground).ok_or(Need::More)?;
    let effective = ground.policy.vendors.iter().any(|v| v.flow_date == FlowDate::Effective);
    let beyond = || touched().any(|fact| fact.as_of > known_to);
    if !known.complete && (extent.until > known_to || beyond() || effective) {
        return Err(Need::More);
    }

    let counted = Counted { live: &live, voices: &voices };
    let (kept, base, built) = rebuild(known, counted, &next, &extent, known_to, ground)?;
    if built.met.is_none() && !known.complete {
        return Err(Need::More);
    }
    if rests_on_more(&built, &live, &lost, &seen, ground) {
        return Err(Need::Earlier(BEGINNING));
    }
    next.inception = inception(profile, base.as_ref(), &built, &live);
    let waiting = waiting(facts, &voices, &live, &lost, &seen, ground);
    let outcomes = merge.placed.iter().map(|at| outcome(*at, facts, &said, &waiting, ground)).collect();
    Ok(Judged { outcomes, waiting, profile: next, kept, base: base.map(|b| b.as_of), built })
}

/// Builds from the last row before the extent, or earlier where that row's own day is touched: it was open, its times leave flows
/// to the next row, or what completed it is gone.
fn rebuild(
    known: &Known,
    counted: Counted,
    profile: &Profile,
    extent: &Extent,
    known_to: Date,
    ground: Ground,
) -> Result<(usize, Option<Head>, Built), Need> {
    let mut from = extent.from;
    if extent.is_empty() {
        // Nothing that figures rest on: no row is built, and none goes.
        let met = known.rows.last().map(|row| row.as_of).or(Some(Date::MAX));
        let base = known.rows.last().map(Head::from).or(known.base.clone());
        return Ok((known.rows.len(), base, Built { rows: Vec::new(), met }));
    }
    loop {
        let kept = known.rows.partition_point(|row| row.as_of < from);
        let base = match kept.checked_sub(1) {
            Some(n) => Some(Head::from(&known.rows[n])),
            None => known.base.clone(),
        };
        if let Some(base) = &base {
            let facts_missing = kept == 0 && !known.base_dated && base.leaves_late(ground);
            if base.as_of >= from || facts_missing || (base.open && kept == 0) {
                return Err(Need::Earlier(from.min(base.as_of)));
            }
            if base.open {
                from = base.as_of;
                continue;
            }
            if let Some(first) = known.base.as_ref().filter(|_| kept == 1 && !known.base_dated)
                && base.leaves_late(ground)
                && first.spills_to(base.as_of, ground)
            {
                return Err(Need::Earlier(first.as_of));
            }
        }
        let stored = &known.rows[kept..];
        let plan =
            Plan { base: base.as_ref(), counted, profile, ground, stored, until: extent.until, known_to };
        let built = plan.build();
        let last = known.complete && built.rows.is_empty();
        if let Some(base) = base.as_ref().filter(|base| last && base.waits_for_later(ground)) {
            if kept == 0 {
                return Err(Need::Earlier(base.as_of));
            }
            from = base.as_of;
            continue;
        }
        return Ok((kept, base, built));
    }
}

/// The first row with capital; history moved in says its own beginning.
fn inception(profile: &Profile, base: Option<&Head>, built: &Built, live: &[Live]) -> Option<Date> {
    if base.is_some_and(|head| head.incepted) {
        return profile.inception;
    }
    let Some((first, _)) = built.rows.iter().find(|(row, _)| row.incepted) else {
        return profile.inception.filter(|_| built.met.is_some());
    };
    let traced = |l: &&Live| {
        !l.ended && l.date == first.as_of && (l.fact.content, l.fact.place) == (first.content, first.place)
    };
    let told = live.iter().find(traced).and_then(|l| match &l.fact.body {
        Body::Opening(opening) => Some(opening.inception),
        Body::Return(returned) => Some(returned.from),
        _ => None,
    });
    Some(told.unwrap_or(first.as_of))
}

/// Which facts wait: those that cannot count yet, and versions of undated flows that lost.
fn waiting(
    facts: &[StoredFact],
    voices: &Voices,
    live: &[Live],
    lost: &[Said],
    seen: &Seen,
    ground: Ground,
) -> Vec<Option<WaitingReason>> {
    let is_over = |s: &StoredFact| s.waiting.is_some_and(WaitingReason::is_over);
    let keep = |s: &StoredFact| waits_outside(s, ground) || (is_over(s) && !seen.decides(s));
    let mut waiting: Vec<Option<WaitingReason>> =
        facts.iter().map(|s| s.waiting.filter(|_| keep(s))).collect();
    let mut reasons: Vec<Option<WaitingReason>> = vec![None; facts.len()];
    for l in live.iter().filter(|l| !l.ended) {
        reasons[l.index] = l.waits;
    }
    for said in voices.said.iter().filter(|s| reasons[s.index].is_some()) {
        for &n in voices.witnesses(said.span) {
            waiting[n] = reasons[said.index];
        }
    }
    for &n in lost.iter().flat_map(|said| voices.witnesses(said.span)) {
        waiting[n] = Some(WaitingReason::Superseded);
    }
    for &n in voices.lacked.iter().filter(|&&n| !facts[n].fact.is_dated()) {
        waiting[n] = Some(WaitingReason::Lacked);
    }
    waiting
}

fn outcome(
    at: Option<usize>,
    facts: &[StoredFact],
    said: &[Said],
    waiting: &[Option<WaitingReason>],
    ground: Ground,
) -> Outcome {
    let Some(n) = at else { return Outcome::Unchanged };
    if let Some(reason) = waiting[n].filter(|r| !r.is_over()) {
        return Outcome::Waiting(reason);
    }
    let fact = &facts[n].fact;
    let start = said.partition_point(|s| by_key(s.fact, fact).is_lt());
    let end = said.partition_point(|s| by_key(s.fact, fact).is_le());
    let contents = &said[start..end];
    let known = contents.iter().find(|s| s.fact.content == fact.content);
    let again = known.filter(|s| s.index != n && by_arrival(s.fact, fact, ground).is_le());
    let stale = again.zip(contents.last()).is_some_and(|(again, winner)| {
        winner.fact.content != fact.content
            && returns_after(&Said { latest: fact, ..*again }, winner.fact, ground)
    });
    if stale { Outcome::Stale } else { Outcome::Accepted }
}

impl Judged {
    /// Puts what was decided into what is known, and tells the difference.
    fn apply(self, before: &Profile, known: &mut Known, merge: &Merge) -> Settled {
        let mut changes = Changes::default();
        let end = match self.built.met {
            Some(met) => known.rows.partition_point(|row| row.as_of <= met),
            None => known.rows.len(),
        };
        let old = &known.rows[self.kept..end.max(self.kept)];
        difference(old, &self.built.rows, &mut changes.rows);
        let after = self.base;
        let rebuilt =
            |date: Date| after.is_none_or(|base| date > base) && self.built.met.is_none_or(|met| date <= met);
        let mut carried: Vec<usize> = self.built.rows.iter().filter_map(|(_, carried)| *carried).collect();
        carried.sort_unstable();
        let mut touched = vec![false; known.facts.len()];
        merge.touched.iter().for_each(|&n| touched[n] = true);
        for (n, stored) in known.facts.iter_mut().enumerate() {
            let in_row = match rebuilt(stored.fact.as_of) {
                true => carried.binary_search(&n).is_ok(),
                false => stored.in_row,
            };
            let moved = in_row != stored.in_row || self.waiting[n] != stored.waiting;
            let fresh = merge.is_new(n);
            (stored.in_row, stored.waiting) = (in_row, self.waiting[n]);
            // A place that moves is told of a carried fact too: what was said of it before would hide the row's.
            if (moved || touched[n]) && !(fresh && in_row) {
                changes.facts.push(stored.clone());
            }
        }
        let built = self.built.rows.into_iter().map(|(row, _)| row);
        known.rows.splice(self.kept..end.max(self.kept), built);
        changes.profile = (self.profile != *before).then(|| self.profile.clone());
        Settled { outcomes: self.outcomes, changes, profile: self.profile }
    }
}

/// What changes between rows as stored and as built, both by date.
fn difference(old: &[Row], new: &[(Row, Option<usize>)], changes: &mut Vec<RowChange>) {
    let mut old = old.iter().peekable();
    for (row, _) in new {
        while let Some(gone) = old.next_if(|o| o.as_of < row.as_of) {
            changes.push(RowChange::Gone(gone.as_of));
        }
        match old.next_if(|o| o.as_of == row.as_of) {
            Some(same) if same == row => {}
            Some(stored) => {
                changes.push(RowChange::Replaced { row: row.clone(), restates: restates(stored, row) })
            }
            None => changes.push(RowChange::New(row.clone())),
        }
    }
    changes.extend(old.map(|gone| RowChange::Gone(gone.as_of)));
}

/// Whether a published figure moves: not while the day was open, and not when only lineage does.
fn restates(old: &Row, new: &Row) -> bool {
    let money = |r: &Row| {
        [
            r.begin_value,
            r.contributions,
            r.distributions,
            r.cumulative_net_flow,
            r.fees,
            r.fees_outside,
            r.accrued,
            r.end_value,
        ]
    };
    let rates = |r: &Row| [r.twrr, r.twrr_gross, r.cumulative_twrr(), r.cumulative_twrr_gross()];
    let marks = |r: &Row| (r.segment, r.status, r.flow_timing);
    !old.reasons.has(Reason::Incomplete)
        && (money(old) != money(new) || rates(old) != rates(new) || marks(old) != marks(new))
}

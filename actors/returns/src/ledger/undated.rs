//! Keys without a date: flows with the vendor's own id, and the cancels that name them. One date alone cannot tell which version of such a
//! flow wins, so whoever has seen the whole key marks the versions that lost as superseded, and a part of the
//! history is folded by those marks. Under a correction a mark is not enough: the vendor may have agreed with it while a version counted
//! that lost since, and whether it did takes every version of the key, on whatever date.
use super::build::Built;
use super::live::Live;
use super::version::{Said, Voices, by_key};
use super::{Ground, StoredFact, WaitingReason, clock};
use crate::date::Date;
use crate::fact::{Body, Fact, Kind, Origin};
use crate::row::Row;
use std::collections::HashSet;
use std::sync::Arc;

/// Which of these keys are known in full.
pub(super) enum Seen {
    All,
    Keys(HashSet<(Origin, Option<Arc<str>>)>),
}

impl Seen {
    /// The keys that these facts speak of: what is read for a fact is all of its key.
    pub(super) fn by<'a>(facts: impl Iterator<Item = &'a Fact>) -> Seen {
        Seen::Keys(facts.filter(|f| !f.is_dated()).map(|f| (f.origin, reference(f))).collect())
    }

    /// Whether it can be told if this fact waits: all dated ones, and undated ones whose key is known.
    pub(super) fn decides(&self, stored: &StoredFact) -> bool {
        stored.fact.is_dated() || self.has(&stored.fact)
    }

    /// Whether all of an undated fact's key is known.
    pub(super) fn has(&self, fact: &Fact) -> bool {
        match self {
            Seen::All => true,
            Seen::Keys(keys) => keys.contains(&(fact.origin, reference(fact))),
        }
    }
}

/// What an undated fact is about: the flow's own id.
pub(super) fn reference(fact: &Fact) -> Option<Arc<str>> {
    match &fact.body {
        Body::Cancel(cancel) => cancel.original.clone(),
        _ => fact.reference.clone(),
    }
}

/// The contents that count on their date: all dated ones, and of each undated flow its winner. What lost is added to `lost`.
pub(super) fn settle_undated<'a>(
    voices: &Voices<'a>,
    facts: &[StoredFact],
    seen: &Seen,
    lost: &mut Vec<Said<'a>>,
) -> Vec<Said<'a>> {
    let cancelled = cancelled(voices);
    let mut counting = Vec::with_capacity(voices.said.len());
    for contents in voices.said.chunk_by(|a, b| by_key(a.fact, b.fact).is_eq()) {
        let first = contents[0].fact;
        if first.is_dated() || first.kind() != Kind::Flow {
            counting.extend_from_slice(contents);
            continue;
        }
        let winner = match seen.has(first) {
            true if cancelled.contains(&(first.origin, first.reference.clone())) => None,
            true => Some(contents.len() - 1),
            false => contents.iter().rposition(|s| facts[s.index].waiting != Some(WaitingReason::Superseded)),
        };
        for (n, content) in contents.iter().enumerate() {
            if Some(n) == winner {
                counting.push(*content);
            } else {
                lost.push(*content);
            }
        }
    }
    counting
}

/// Whether a corrected day among those built saw a version come and lose of whose key only a part is known.
pub(super) fn rests_on_more(
    built: &Built,
    live: &[Live],
    lost: &[Said],
    seen: &Seen,
    ground: Ground,
) -> bool {
    let in_part = lost.iter().filter(|s| !seen.has(s.fact));
    let mut dates = in_part.map(|s| clock::counts_on(s.fact, ground)).peekable();
    if dates.peek().is_none() {
        return false;
    }
    let corrections = live.iter().filter(|l| l.fact.kind() == Kind::Correction);
    let corrected: HashSet<Date> = corrections.map(|l| l.date).collect();
    let rows: Vec<&Row> =
        built.rows.iter().map(|(row, _)| row).filter(|r| corrected.contains(&r.as_of)).collect();
    // A flow of the date of the row before may have come after it closed.
    let since = |row: &Row, date: Date| row.previous_as_of.is_none_or(|before| before <= date);
    dates.any(|date| rows.iter().any(|row| date <= row.as_of && since(row, date)))
}

fn cancelled(voices: &Voices) -> HashSet<(Origin, Option<Arc<str>>)> {
    let named = voices.said.iter().filter(|s| s.fact.kind() == Kind::Cancel && !s.fact.is_dated());
    named.map(|s| (s.fact.origin, reference(s.fact))).collect()
}

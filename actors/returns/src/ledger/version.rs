//! The order of what is said, and which of several contents of a key wins. It knows no order of processing.
use super::standing::Lacking;
use super::undated::Seen;
use super::{Ground, StoredFact, WaitingReason, withdrawn::Withdrawn};
use crate::date::Date;
use crate::fact::{Fact, Kind, Origin};
use crate::row::{Reason, Reasons};
use record::FeedKey;
use std::cmp::Ordering;

/// The order of arrival: (arrival, partition by name, position). Two facts of one record are equal in it.
pub(super) fn by_arrival(a: &Fact, b: &Fact, ground: Ground) -> Ordering {
    a.arrival
        .cmp(&b.arrival)
        .then_with(|| ground.partitions.compare(a.place.partition, b.place.partition))
        .then_with(|| a.place.position.cmp(&b.place.position))
}

/// The order of versions: (the vendor's own revision, none lowest; arrival; mapping; content). The highest that stands wins its key. Of one
/// place read anew under a later version of its mapping, that reading holds.
pub(super) fn by_version(a: &Fact, b: &Fact, ground: Ground) -> Ordering {
    let by_reading = || a.mapping_version.cmp(&b.mapping_version).then_with(|| a.content.cmp(&b.content));
    a.revision.cmp(&b.revision).then_with(|| by_arrival(a, b, ground)).then_with(by_reading)
}

/// The order of keys.
pub(super) fn by_key(a: &Fact, b: &Fact) -> Ordering {
    let keyed_date = |f: &Fact| f.is_dated().then_some(f.as_of);
    a.origin
        .cmp(&b.origin)
        .then_with(|| a.kind().cmp(&b.kind()))
        .then_with(|| keyed_date(a).cmp(&keyed_date(b)))
        .then_with(|| a.reference.cmp(&b.reference))
}

/// One content of one key with at least one witness that stands.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    /// The earliest witness that stands: it gives the content its arrival.
    pub fact: &'a Fact,
    /// Where that witness is among the facts.
    pub index: usize,
    /// The latest witness that stands.
    pub latest: &'a Fact,
    /// All its witnesses that stand, as a span of [`Voices::witnesses`].
    pub span: (usize, usize),
}

/// All contents that stand.
pub(super) struct Voices<'a> {
    /// Ordered by key, and by version within one key.
    pub said: Vec<Said<'a>>,
    /// Where facts are that a newer full feed withdraws, for it lacks them.
    pub lacked: Vec<usize>,
    /// Who says a part of what is held, and on which date, while more of the feed is to come.
    pub partial: Vec<(Origin, Date)>,
    witnesses: Vec<usize>,
    /// The feed of each witness.
    feeds: Vec<FeedKey>,
}

impl Voices<'_> {
    /// Where the witnesses of a content are among the facts.
    pub(super) fn witnesses(&self, span: (usize, usize)) -> &[usize] {
        &self.witnesses[span.0..span.1]
    }

    /// The feeds that say a content.
    pub(super) fn feeds(&self, span: (usize, usize)) -> &[FeedKey] {
        &self.feeds[span.0..span.1]
    }
}

/// Waiting for something outside the ledger (a crosswalk entry, a trailer, an approval): as if it had not come yet.
pub(super) fn waits_outside(stored: &StoredFact, ground: Ground) -> bool {
    match stored.waiting {
        Some(WaitingReason::Trailer) => !ground.feeds.is_released(stored.fact.feed),
        Some(WaitingReason::Alias | WaitingReason::Approval) => true,
        _ => false,
    }
}

/// A holding says something when all of its feed is in, and is until then as if it had not come: a part of the holdings is no value (F5).
pub(super) fn is_partial(fact: &Fact, ground: Ground) -> bool {
    fact.kind() == Kind::Holding && ground.feeds.is_coming(fact.feed)
}

/// The contents that stand.
pub(super) fn voices<'a>(
    facts: &'a [StoredFact],
    withdrawn: &Withdrawn,
    seen: &Seen,
    ground: Ground,
) -> Voices<'a> {
    let lacking = Lacking::of(facts, withdrawn, ground);
    let (mut lacked, mut partial) = (Vec::new(), Vec::new());
    let mut standing: Vec<(usize, &Fact)> = Vec::with_capacity(facts.len());
    for (n, stored) in facts.iter().enumerate() {
        let fact = &stored.fact;
        if waits_outside(stored, ground) || ground.feeds.is_aside(fact.feed) || withdrawn.covers(fact) {
            continue;
        }
        if lacking.covers(stored, seen, withdrawn, ground) {
            lacked.push(n);
        } else if is_partial(fact, ground) {
            partial.push((fact.origin, fact.as_of));
        } else {
            standing.push((n, fact));
        }
    }
    standing.sort_by(|(_, a), (_, b)| {
        let same = by_key(a, b).then_with(|| a.content.cmp(&b.content));
        // One place in two feeds: which of them is named decides no figure.
        same.then_with(|| by_arrival(a, b, ground)).then_with(|| a.feed.cmp(&b.feed))
    });
    let mut said = Vec::with_capacity(standing.len());
    let mut start = 0;
    for same in standing.chunk_by(|(_, a), (_, b)| by_key(a, b).is_eq() && a.content == b.content) {
        let ((index, fact), (_, latest)) = (same[0], same[same.len() - 1]);
        said.push(Said { fact, index, latest, span: (start, start + same.len()) });
        start += same.len();
    }
    said.sort_by(|a, b| by_key(a.fact, b.fact).then_with(|| by_version(a.fact, b.fact, ground)));
    let feeds = standing.iter().map(|(_, fact)| fact.feed).collect();
    Voices { said, lacked, partial, witnesses: standing.into_iter().map(|(n, _)| n).collect(), feeds }
}

/// What is odd about the winner of one key, seen from the other contents of its date:
/// `same_arrival`: nothing but chance decides between it and another;
/// `reverted`: an earlier content was sent again after it, which makes nothing newer.
pub(super) fn marks(winner: &Said, others: &[Said], ground: Ground) -> Reasons {
    let mut marks = Reasons::default();
    for other in others {
        let rival = other.fact.content != winner.fact.content
            && other.fact.as_of == winner.fact.as_of
            && other.fact.revision == winner.fact.revision
            && !read_anew(other.fact, winner.fact);
        if !rival {
            continue;
        }
        if winner.fact.revision.is_some() || other.fact.arrival == winner.fact.arrival {
            marks.insert(Reason::SameArrival);
        }
        if returns_after(other, winner.fact, ground) {
            marks.insert(Reason::Reverted);
        }
    }
    marks
}

/// One place, read by an earlier version of its mapping and by a later one.
fn read_anew(before: &Fact, now: &Fact) -> bool {
    before.place == now.place && before.mapping_version < now.mapping_version
}

/// Whether a content was sent again after another had replaced it.
pub(super) fn returns_after(older: &Said, newer: &Fact, ground: Ground) -> bool {
    newer.revision.is_none()
        && older.fact.revision.is_none()
        && by_arrival(older.latest, newer, ground).is_gt()
}

//! Corrections over what a vendor says: field by field, until superseded, withdrawn or confirmed (F7).
use super::Ground;
use super::version::by_arrival;
use crate::fact::{Body, Content, Correction, Fact, Patch};
use crate::row::{Reason, Reasons};
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// The fields a correction may speak of: end value, contributions, distributions, fees. One the vendor does not state is
/// unknown, not zero: it agrees with nothing.
pub(super) type Fields = [Option<Decimal>; 4];

/// What corrections make of a day.
#[derive(Default)]
pub(super) struct Overlay {
    pub fields: [Option<Decimal>; 4],
    pub reasons: Reasons,
    /// The corrections that hold a field, and those that let go.
    pub holding: Vec<Content>,
    pub released: Vec<Content>,
    /// Where the vendor changed under a correction.
    pub pinned: Vec<Pinned>,
}

/// A vendor's change under a live correction (F7): its three values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pinned {
    /// Which field, in words.
    pub field: &'static str,
    /// What the vendor said when the correction came; `None` where it did not say.
    pub said_then: Option<Decimal>,
    pub says_now: Option<Decimal>,
    pub corrected_to: Decimal,
}

/// The fields in words, in the order of [`Fields`].
const NAMES: [&str; 4] = ["end value", "contributions", "distributions", "fees"];

/// One correction that is not withdrawn.
#[derive(Clone, Copy)]
struct Standing<'a> {
    fact: &'a Fact,
    patches: [Patch; 4],
    /// The vendor agreed with all that was still its own: it lets go for good.
    released: bool,
}

/// Lays corrections over a vendor's fields. `moments` are the facts of the day, vendor's and corrections alike, and `said_at` gives
/// the vendor's fields as they were when a fact had come.
pub(super) fn overlay<'a>(
    corrections: impl Iterator<Item = &'a Fact>,
    moments: &[&Fact],
    now: Fields,
    said_at: impl Fn(&Fact) -> Option<Fields>,
    ground: Ground,
) -> Overlay {
    let mut all: Vec<Standing> = corrections.filter_map(standing).collect();
    all.sort_by(|a, b| by_order(a, b));
    release(&mut all, moments, &said_at, ground);
    let released = all.iter().filter(|c| c.released).map(|c| c.fact.content).collect();
    let mut overlay = Overlay { released, ..Overlay::default() };
    for field in 0..4 {
        let Some(owner) = owner(&all, field, |_| true).map(|n| &all[n]).filter(|c| !c.released) else {
            continue;
        };
        let Patch::Set(amount) = owner.patches[field] else { continue };
        overlay.fields[field] = Some(amount);
        overlay.holding.push(owner.fact.content);
        overlay.reasons.insert(Reason::Corrected);
        if let Some(then) = said_at(owner.fact).filter(|then| then[field] != now[field]) {
            overlay.reasons.insert(Reason::Pinned);
            let (said_then, says_now) = (then[field], now[field]);
            overlay.pinned.push(Pinned { field: NAMES[field], said_then, says_now, corrected_to: amount });
        }
    }
    overlay
}

fn standing(fact: &Fact) -> Option<Standing<'_>> {
    let Body::Correction(c) = &fact.body else { return None };
    Some(Standing { fact, patches: patches(c), released: false })
}

pub(super) fn patches(c: &Correction) -> [Patch; 4] {
    [c.end_value, c.contributions, c.distributions, c.fees]
}

/// The order of corrections: (revision of the ticket, event time, id).
fn by_order(a: &Standing, b: &Standing) -> Ordering {
    let order = |s: &Standing| match &s.fact.body {
        Body::Correction(c) => Some((s.fact.revision, c.event_time, c.event_id.clone(), s.fact.content)),
        _ => None,
    };
    order(a).cmp(&order(b))
}

/// The highest correction that speaks of a field, among those that had come.
fn owner(all: &[Standing], field: usize, had_come: impl Fn(&Standing) -> bool) -> Option<usize> {
    all.iter().rposition(|c| c.patches[field] != Patch::Absent && had_come(c))
}

/// Releases what was confirmed at any moment, in order of arrival. A moment is all that one record said.
fn release(
    all: &mut [Standing],
    moments: &[&Fact],
    said_at: &impl Fn(&Fact) -> Option<Fields>,
    ground: Ground,
) {
    let Some(first) = all.iter().map(|c| c.fact).min_by(|a, b| by_arrival(a, b, ground)) else { return };
    let mut moments: Vec<&Fact> =
        moments.iter().copied().filter(|m| by_arrival(m, first, ground).is_ge()).collect();
    moments.sort_by(|a, b| by_arrival(a, b, ground));
    moments.dedup_by(|a, b| by_arrival(a, b, ground).is_eq());
    for moment in moments {
        let Some(said) = said_at(moment) else { continue };
        let had_come = |c: &Standing| by_arrival(c.fact, moment, ground).is_le();
        let owners: [Option<usize>; 4] = std::array::from_fn(|field| owner(all, field, had_come));
        for (n, correction) in all.iter_mut().enumerate() {
            let mut own =
                (0..4).filter(|&field| owners[field] == Some(n)).filter_map(|field| {
                    match correction.patches[field] {
                        Patch::Set(amount) => Some(said[field] == Some(amount)),
                        Patch::Absent | Patch::TakenAway => None,
                    }
                });
            let agrees = own.next().is_some_and(|first| first && own.all(|next| next));
            drop(own);
            correction.released |= agrees;
        }
    }
}

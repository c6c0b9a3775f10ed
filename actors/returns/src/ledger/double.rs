//! Flows without an id that came more than once (F5): on a stream twice, or on a stream and in a feed with an end.
//!
//! In a feed with an end equals are counted, so that two equal lines are two flows and the feed sent again is no third. On a stream
//! nothing counts them: there a flow is known by its place, and whether an equal one is another flow nothing in it tells.
use super::live::{Live, as_cancel, version_then_key};
use super::{Ground, WaitingReason};
use crate::fact::{Body, Fact, Origin};
use crate::policy::PossibleDuplicate;

/// References that begin so were made from a place, on a stream that gives flows no id. 32 hex digits follow.
pub const STREAM_REFERENCE: char = '~';

/// References that begin so were made from what a flow says and which of its equals it is, in a feed with an end that gives flows no id. 32 hex
/// digits follow, and `#n` from the second of equals on.
pub const FEED_REFERENCE: char = '=';

/// Sets aside what a stream says and a feed with an end says as well, whichever came first: each flow that has an equal there, and as many
/// cancels as have one. A feed that was read both ways counts once so, with what is cancelled in it.
pub(super) fn find_read_twice(all: &mut [Live], ground: Ground) {
    let mut streamed = made(all, STREAM_REFERENCE);
    if streamed.is_empty() {
        return;
    }
    streamed.sort_by(|&a, &b| version_then_key(all[a].fact, all[b].fact, ground));
    let whole = made(all, FEED_REFERENCE);
    for (at, &n) in streamed.iter().enumerate() {
        let fact = all[n].fact;
        let equals = |of: &[usize]| of.iter().filter(|&&m| is_equal(all[m].fact, fact)).count();
        let twice = match fact.body {
            // A cancel takes one flow and does not say which of equal ones: only their number tells.
            Body::Cancel(_) => equals(&streamed[..at]) < equals(&whole),
            _ => equals(&whole) > 0,
        };
        if twice {
            set_aside(&mut all[n], ground);
        }
    }
}

/// Of equal flows of streams the first to arrive counts.
pub(super) fn find_repeated(all: &mut [Live], ground: Ground) {
    let mut flows = made(all, STREAM_REFERENCE);
    flows.retain(|&n| !all[n].ended && !all[n].double && as_cancel(all[n].fact).is_none());
    flows.sort_by(|&a, &b| version_then_key(all[a].fact, all[b].fact, ground));
    for (at, &n) in flows.iter().enumerate() {
        if flows[..at].iter().any(|&m| is_equal(all[m].fact, all[n].fact)) {
            set_aside(&mut all[n], ground);
        }
    }
}

/// What becomes of what may have come twice is the vendor's policy.
fn set_aside(live: &mut Live, ground: Ground) {
    let Origin::Vendor(vendor) = live.fact.origin else { return };
    match ground.policy.vendor(vendor).possible_duplicate {
        PossibleDuplicate::Wait => live.waits = Some(WaitingReason::PossibleDuplicate),
        PossibleDuplicate::Same => live.ended = true,
        PossibleDuplicate::Distinct => return,
    }
    live.double = true;
}

/// The flows and cancels whose reference was made, and not read.
fn made(all: &[Live], begins: char) -> Vec<usize> {
    (0..all.len()).filter(|&n| is_made(all[n].fact, begins)).collect()
}

/// A vendor may write references that begin so too; none looks like one that was made.
fn is_made(fact: &Fact, begins: char) -> bool {
    let has_none = match &fact.body {
        Body::Flow(flow) => !flow.own_id,
        Body::Cancel(cancel) => cancel.original.is_none(),
        _ => false,
    };
    let hash = || fact.reference.as_deref()?.strip_prefix(begins)?.split('#').next();
    has_none && hash().is_some_and(|h| h.len() == 32 && h.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether two facts whose references were made say the same.
fn is_equal(a: &Fact, b: &Fact) -> bool {
    a.as_of == b.as_of
        && a.origin == b.origin
        && match (&a.body, &b.body) {
            (Body::Flow(a), Body::Flow(b)) => a == b,
            (Body::Cancel(a), Body::Cancel(b)) => a == b,
            _ => false,
        }
}

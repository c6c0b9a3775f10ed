//! Which facts are live: the winner of each key, less what is cancelled; and which of them wait.
use super::version::{Said, by_arrival, by_key, by_version, marks};
use super::{Ground, WaitingReason, clock, double};
use crate::date::Date;
use crate::fact::{Body, Cancel, Fact, Origin};
use crate::row::Reasons;
use std::cmp::Ordering;

/// A fact that counts.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub fact: &'a Fact,
    /// Where it is among the facts.
    pub index: usize,
    /// The date it counts on.
    pub date: Date,
    pub marks: Reasons,
    pub waits: Option<WaitingReason>,
    /// All who say so, as [`Said::span`].
    pub span: (usize, usize),
    /// Cancelled, the same flow sent twice, or an undated flow that lost its date: it counts no more.
    pub ended: bool,
    /// Another delivery says the same: it waits or has ended as the policy says, and is cancelled only where nothing else is left to be.
    pub double: bool,
}

impl Live<'_> {
    /// Cancels it. It waits for nothing then.
    fn end(&mut self) {
        self.waits = self.waits.filter(|_| !self.double);
        self.double = false;
        self.ended = true;
    }
}

/// What is live among contents ordered by key and version, as of all of them or, with `until`, of those that had come with that fact.
/// Ordered by date; ended facts included.
pub(super) fn live<'a>(
    said: &[Said<'a>],
    until: Option<&Fact>,
    base_currency: Option<[u8; 3]>,
    ground: Ground,
) -> Vec<Live<'a>> {
    let had_come = |s: &&Said| until.is_none_or(|last| by_arrival(s.fact, last, ground).is_le());
    let mut all = Vec::new();
    for contents in said.chunk_by(|a, b| by_key(a.fact, b.fact).is_eq()) {
        let every = !one_wins(contents[0].fact);
        let winner = contents.iter().rfind(had_come).into_iter().filter(|_| !every);
        let each = contents.iter().filter(had_come).filter(|_| every);
        for s in winner.chain(each) {
            let marks = if every { Reasons::default() } else { marks(s, contents, ground) };
            let waits = waits(s.fact, base_currency, ground);
            let ended = is_released(contents);
            let date = clock::counts_on(s.fact, ground);
            let (span, double) = (s.span, false);
            all.push(Live { fact: s.fact, index: s.index, date, marks, waits, span, ended, double });
        }
    }
    double::find_read_twice(&mut all, ground);
    cancel(&mut all, ground);
    double::find_repeated(&mut all, ground);
    all.sort_by(by_date);
    all
}

/// Adds the undated flows that lost, ended, on the dates they counted on: they may have counted there once.
pub(super) fn add_lost<'a>(all: &mut Vec<Live<'a>>, lost: &[Said<'a>], ground: Ground) {
    if lost.is_empty() {
        return;
    }
    all.extend(lost.iter().map(|s| Live {
        fact: s.fact,
        index: s.index,
        date: clock::counts_on(s.fact, ground),
        marks: Reasons::default(),
        waits: None,
        span: s.span,
        ended: true,
        double: false,
    }));
    all.sort_by(by_date);
}

fn by_date(a: &Live, b: &Live) -> Ordering {
    a.date.cmp(&b.date).then_with(|| by_key(a.fact, b.fact))
}

/// Corrections overlay each other field by field, and each cancel takes its own flow: of them every content counts.
fn one_wins(fact: &Fact) -> bool {
    !matches!(fact.body, Body::Correction(_) | Body::Cancel(_) | Body::Withdrawal(_))
}

/// A quarantined record once released holds no longer, whatever comes in whichever order.
fn is_released(contents: &[Said]) -> bool {
    contents.iter().any(|s| matches!(&s.fact.body, Body::Quarantined(q) if q.released))
}

/// An amount in another currency than the account's base is never added; nor is one whose currency is stated while the base is not known.
fn waits(fact: &Fact, base: Option<[u8; 3]>, ground: Ground) -> Option<WaitingReason> {
    let vendors = || match fact.origin {
        Origin::Vendor(vendor) => ground.policy.vendor(vendor).base_currency,
        Origin::Correction => None,
    };
    let stated = match &fact.body {
        Body::Flow(f) if f.amount.is_none() => return Some(WaitingReason::Unpriced),
        Body::Flow(f) => f.currency,
        Body::Holding(h) => h.currency,
        Body::Summary(s) => s.currency,
        Body::Valuation(v) => v.currency,
        _ => None,
    };
    let foreign = stated.is_some() && stated != base.or_else(vendors);
    foreign.then_some(WaitingReason::Currency)
}

/// Takes away what cancels name, then, for those that name nothing, the latest live match each.
fn cancel(all: &mut [Live], ground: Ground) {
    let acts = |l: &Live| !l.double && as_cancel(l.fact).is_some();
    let mut cancels: Vec<usize> = (0..all.len()).filter(|&n| acts(&all[n])).collect();
    cancels.sort_by(|&a, &b| by_version(all[a].fact, all[b].fact, ground));
    for named in [true, false] {
        for &n in &cancels {
            let by = all[n];
            let Some(cancel) = as_cancel(by.fact).filter(|c| c.original.is_some() == named) else { continue };
            let hits = all.iter().enumerate().filter(|(_, flow)| is_hit(flow, cancel, by.fact));
            if named {
                let hits: Vec<usize> = hits.map(|(n, _)| n).collect();
                hits.into_iter().for_each(|n| all[n].end());
            } else {
                let latest = hits.max_by(|(_, a), (_, b)| {
                    b.double.cmp(&a.double).then_with(|| version_then_key(a.fact, b.fact, ground))
                });
                match latest.map(|(n, _)| n) {
                    Some(hit) => all[hit].end(),
                    None => all[n].waits = Some(WaitingReason::Original),
                }
            }
        }
    }
}

pub(super) fn version_then_key(a: &Fact, b: &Fact, ground: Ground) -> Ordering {
    by_version(a, b, ground).then_with(|| by_key(a, b))
}

pub(super) fn as_cancel(fact: &Fact) -> Option<&Cancel> {
    match &fact.body {
        Body::Cancel(cancel) => Some(cancel),
        _ => None,
    }
}

fn is_hit(live: &Live, cancel: &Cancel, by: &Fact) -> bool {
    let Body::Flow(flow) = &live.fact.body else { return false };
    if (live.ended && !live.double) || live.fact.origin != by.origin {
        return false;
    }
    match &cancel.original {
        Some(original) => names(original, live.fact, by),
        None => {
            live.fact.as_of == by.as_of
                && flow.class == cancel.class
                && flow.amount == cancel.amount
                && flow.security == cancel.security
        }
    }
}

/// Whether a cancel's original is that flow: the vendor's own id on whatever date, any other reference on the cancel's date alone.
pub(super) fn names(original: &str, flow: &Fact, cancel: &Fact) -> bool {
    flow.origin == cancel.origin
        && flow.reference.as_deref() == Some(original)
        && (!flow.is_dated() || flow.as_of == cancel.as_of)
}

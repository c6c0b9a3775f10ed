//! A decoded batch split by accumulator: which piece goes where, and what goes with the first.
use crate::crosswalk::{Resolved, Target};
use crate::decoder::{VendorWork, account_text};
use crate::followed::Tally;
use crate::guard::Failure;
use crate::messages::{AccountBatch, Header, Intake, NewAlias, Part, Rejected};
use crate::quarantined::{refusal, reject, unresolved};
use codecs::Decoded;
use record::{Control, Counts, Delivery, RawBatch, Symbol};
use returns::Fact;
use returns::ledger::{Stage, WholeFeed};
use returns::tolerance::{Rule, Rules};
use std::sync::Arc;
use store::{BreakWrite, FeedStep, Names};

/// Which accumulator owns a slot: contiguous shares of the 256.
pub fn owner(slot: u8, accumulators: usize) -> usize {
    usize::from(slot) * accumulators / 256
}

/// A feed no layout was found for: its pieces go to quarantine as they are.
pub(crate) fn undecodable(raw: &RawBatch, outputs: usize) -> Result<Vec<Option<AccountBatch>>, Failure> {
    if !raw.records.is_empty() {
        let text = format!("no layout `{}` for {}", raw.feed.vendor, raw.partition.id);
        return Err(Failure::fatal(text));
    }
    let refused = raw.refused.len() as u64;
    let counts = Counts { read: refused, quarantined: refused, bytes: raw.bytes, ..Counts::default() };
    let mut pieces: Vec<Option<AccountBatch>> = (0..outputs).map(|_| None).collect();
    let rejects = raw.refused.iter().map(|r| Rejected { write: refusal(raw, r), account: None }).collect();
    pieces[0] = Some(AccountBatch {
        header: header(raw, 1),
        facts: Vec::new(),
        intake: intake(raw),
        feed: None,
        aliases: Vec::new(),
        breaks: feed_breaks(raw, std::slice::from_ref(&rejects)),
        rejects,
        counts,
    });
    Ok(pieces)
}

/// Splits a batch by accumulator. Piece 1 always goes and carries what belongs to the batch as a whole. `feed` is the one it is of, if that is
/// followed to its end.
pub(crate) fn split(
    vendor: &mut VendorWork,
    raw: &RawBatch,
    decoded: &mut Decoded,
    aliases: Vec<NewAlias>,
    feed: Option<WholeFeed>,
    outputs: usize,
    names: &Names,
) -> Vec<Option<AccountBatch>> {
    let mut facts: Vec<Vec<(Symbol, Fact)>> = (0..outputs).map(|_| Vec::new()).collect();
    if outputs == 1 {
        facts[0].reserve(decoded.observations.len());
    }
    let mut rejects: Vec<Vec<Rejected>> = (0..outputs).map(|_| Vec::new()).collect();
    let mut observations = std::mem::take(&mut decoded.observations);
    let mut last: Option<((u32, u32), returns::Date, Symbol, Target)> = None;
    let mut unresolved_at = None;
    for o in observations.drain(..) {
        let (symbol, target) = match last {
            Some((span, date, symbol, target)) if span == o.account && date == o.fact.as_of => {
                (symbol, target)
            }
            _ => {
                let text = account_text(decoded, &o);
                match vendor.crosswalk.resolve(text.as_bytes(), o.fact.as_of) {
                    (symbol, Resolved::To(target)) => (symbol, target),
                    _ => {
                        let rejected = unresolved(vendor, raw, &o, text);
                        decoded.counts.observed -= 1;
                        // Several observations of one record are one record in quarantine.
                        if unresolved_at.replace(o.fact.place.position) != Some(o.fact.place.position) {
                            decoded.counts.decoded -= 1;
                            decoded.counts.quarantined += 1;
                            rejects[0].push(rejected);
                        }
                        continue;
                    }
                }
            }
        };
        last = Some((o.account, o.fact.as_of, symbol, target));
        let mut fact = o.fact;
        fact.vendor_account = symbol;
        facts[owner(target.slot, outputs)].push((target.account, fact));
    }
    decoded.observations = observations;
    for r in decoded.rejects.drain(..) {
        // A record that names an account goes to the one writer of that account.
        let (to, rejected) = reject(vendor, raw, r, &mut facts, outputs);
        rejects[to].push(rejected);
    }
    pieces(raw, facts, aliases, rejects, feed.map(Arc::new), decoded.counts, names)
}

fn pieces(
    raw: &RawBatch,
    facts: Vec<Vec<(Symbol, Fact)>>,
    aliases: Vec<NewAlias>,
    rejects: Vec<Vec<Rejected>>,
    feed: Option<Arc<WholeFeed>>,
    mut counts: Counts,
    names: &Names,
) -> Vec<Option<AccountBatch>> {
    counts.bytes = raw.bytes;
    let outputs = facts.len();
    let mut by_owner: Vec<Vec<NewAlias>> = (0..outputs).map(|_| Vec::new()).collect();
    for alias in aliases {
        let slot = store::slot_of(&names.symbols.text(alias.account));
        by_owner[owner(slot, outputs)].push(alias);
    }
    // The end of a feed that is folded once, or on which others depend, concerns every accumulator.
    let through = feed.as_ref().is_some_and(|feed| feed.stage != Stage::Coming);
    let all =
        through || matches!(intake(raw), Intake::StoreFirst { last: true } | Intake::Wait { whole: true });
    let goes: Vec<bool> = (0..outputs)
        .map(|k| k == 0 || all || !(facts[k].is_empty() && by_owner[k].is_empty() && rejects[k].is_empty()))
        .collect();
    let total = u32::try_from(goes.iter().filter(|g| **g).count()).unwrap_or(u32::MAX);
    let header = Header { feed: step(raw, &facts), ..header(raw, total) };
    let mut first = Some((counts, feed_breaks(raw, &rejects)));
    let mut out = Vec::with_capacity(outputs);
    for (((facts, aliases), rejects), goes) in facts.into_iter().zip(by_owner).zip(rejects).zip(goes) {
        out.push(goes.then(|| {
            let (counts, breaks) = first.take().unwrap_or_default();
            let (header, feed) = (header.clone(), feed.clone());
            AccountBatch { header, facts, intake: intake(raw), feed, aliases, rejects, breaks, counts }
        }));
    }
    out
}

/// Breaks of the feed as a whole: its control count disagrees, or a record that names no account and date is in quarantine (F6).
fn feed_breaks(raw: &RawBatch, rejects: &[Vec<Rejected>]) -> Vec<BreakWrite> {
    let mut breaks = Vec::new();
    if waits_for_good(raw) {
        let control = raw.feed.control.as_ref();
        let rule = control.map_or(Control::COUNT, |c| c.rule);
        let expected = control.and_then(|c| c.declared.parse().ok());
        let actual = control.and_then(|c| c.found.parse().ok());
        let hint = format!("{}; nothing of it counts until it is released or sent again", why_gated(control));
        breaks.push(BreakWrite { expected, actual, ..feed_break(raw, rule, "block", &hint) });
    }
    if let Some(r) = rejects.iter().flatten().find(|r| r.names_nothing()) {
        let hint = "a record of the feed is in quarantine and names no account and date";
        let position = Some(r.write.position.to_string());
        breaks.push(BreakWrite { position, ..feed_break(raw, "quarantined_input", "warn", hint) });
    }
    breaks
}

/// What the feed declares disagrees: nothing that is still to come puts that right.
fn waits_for_good(raw: &RawBatch) -> bool {
    let delivery = raw.feed.delivery.as_deref();
    raw.feed.gated && delivery.is_none_or(|delivery| matches!(delivery, Delivery::Waits(_)))
}

/// What is wrong with what a feed declares of itself.
fn why_gated(control: Option<&Control>) -> String {
    let Some(Control { rule, declared, .. }) = control else { return "its trailer is missing".into() };
    let is_total = *rule == Control::TOTAL;
    match declared.parse::<returns::Decimal>() {
        Err(_) => {
            format!(
                "its trailer states `{declared}`, which is no {}",
                if is_total { "total" } else { "count" }
            )
        }
        Ok(_) if is_total => "the total it declares is not the sum of its records".into(),
        Ok(_) => "the count it declares disagrees with its records".into(),
    }
}

/// What a feed that is in declares agrees, whatever an earlier version of its mapping made of it.
pub(crate) fn controls_hold(raw: &RawBatch) -> Vec<BreakWrite> {
    let holds = |rule| BreakWrite { broken: false, ..feed_break(raw, rule, "block", "") };
    let rules = [Control::COUNT, Control::TOTAL].into_iter().filter(|_| !raw.feed.gated);
    rules.map(holds).collect()
}

/// Whether more of the feed is bad than is tolerated (F6): broken, or passing. Nothing where no tolerance is set.
pub(crate) fn bad_share(raw: &RawBatch, tally: &Tally, rules: &Rules) -> Option<BreakWrite> {
    rules.of(Rule::BadShare).warn?;
    let hint = "many records of the feed are in quarantine: see `dietz quarantine list`";
    let write = feed_break(raw, Rule::BadShare.as_str(), "warn", hint);
    Some(match returns::tolerance::bad_share(raw.feed.records, tally.bad, rules) {
        None => BreakWrite { broken: false, ..write },
        Some(breach) => BreakWrite {
            expected: breach.expected,
            actual: breach.actual,
            difference: breach.difference,
            difference_bp: breach.difference_bp,
            tolerance: breach.tolerance,
            ..write
        },
    })
}

fn feed_break(raw: &RawBatch, rule: &'static str, severity: &'static str, hint: &str) -> BreakWrite {
    BreakWrite {
        rule,
        severity,
        account: None,
        vendor: Some(raw.feed.vendor.clone()),
        as_of: None,
        feed: Some(raw.feed.key),
        position: None,
        expected: None,
        actual: None,
        difference: None,
        difference_bp: None,
        tolerance: None,
        hint: Some(hint.into()),
        broken: true,
    }
}

fn intake(raw: &RawBatch) -> Intake {
    let record::Feed { gated, newest_first, ref earlier, ref delivery, .. } = *raw.feed;
    let whole = matches!(delivery.as_deref(), Some(Delivery::Whole(_)));
    match (gated, newest_first) {
        (true, _) => Intake::Wait { whole },
        (false, _) if !earlier.is_empty() => Intake::Aside,
        (false, true) => Intake::StoreFirst { last: raw.to == record::Progress::End },
        (false, false) => Intake::Fold,
    }
}

fn header(raw: &RawBatch, pieces: u32) -> Header {
    let (partition, part) = (raw.partition.clone(), Part::Piece { of: pieces });
    Header {
        number: raw.number,
        part,
        partition,
        from: raw.from,
        to: raw.to,
        feed: step(raw, &[]),
        read_until: raw.read_until,
    }
}

/// What the batch tells of a feed that has an end, or waits.
fn step(raw: &RawBatch, facts: &[Vec<(Symbol, Fact)>]) -> Option<FeedStep> {
    let mut dates: Option<(returns::Date, returns::Date)> = None;
    for (_, fact) in facts.iter().flatten() {
        let (first, last) = dates.unwrap_or((fact.as_of, fact.as_of));
        dates = Some((first.min(fact.as_of), last.max(fact.as_of)));
    }
    let record::Feed { key, ends, gated, ref delivery, .. } = *raw.feed;
    let through = ends && raw.to == record::Progress::End;
    (ends || gated).then(|| FeedStep { feed: key, dates, through, delivery: delivery.clone() })
}

#[cfg(test)]
mod tests;

//! Which facts stand, and which of several wins: identity, witnesses, withdrawals, versions, cancels (design 3, F5, F7).
//!
//! Everything is decided anew from the whole set; nothing is kept between two calls.
use super::whole::{first_reading, is_aside, is_lacked};
use jiff::civil::Date;
use record::{PartitionKey, Position};
use returns::fact::{Cancel, Content, Flow, Target, Withdrawal};
use returns::ledger::WholeFeed;
use returns::{Arrival, Body, Fact, Key, Kind, Origin};
use std::cmp::Ordering;
use std::collections::HashMap;

/// The names of the partitions in a set of facts.
pub type Names = HashMap<PartitionKey, String>;

/// A piece of a partition's name: a number, or a byte of anything else.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
enum Piece {
    Byte(u8),
    Number { digits: usize, text: String },
}

/// A partition's name as it compares: runs of digits as numbers, the rest as bytes, and at last the text itself.
#[derive(PartialEq, Eq, PartialOrd, Ord, Clone, Debug)]
pub struct Natural(Vec<(u8, Piece)>, String);

fn natural(name: &str) -> Natural {
    let mut pieces = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.bytes().next() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            pieces.push((first, Piece::Byte(first)));
            // Bytes, not characters: names are compared as bytes.
            rest = &rest[1..];
        } else {
            let text = rest[..digits].trim_start_matches('0').to_owned();
            // Against another byte a number stands where its first digit stands; against a number, as a number.
            pieces.push((b'0', Piece::Number { digits: text.len(), text }));
            rest = &rest[digits..];
        }
    }
    Natural(pieces, name.to_owned())
}

/// When and where a fact came first: what orders arrival.
pub type Stamp = (Arrival, Natural, Position);

pub fn stamp(fact: &Fact, names: &Names) -> Stamp {
    (fact.arrival, natural(&names[&fact.place.partition]), fact.place.position)
}

fn version(fact: &Fact, names: &Names) -> (Option<u64>, Stamp, u32, Content) {
    (fact.revision, stamp(fact, names), fact.mapping_version, fact.content)
}

/// One fact of each identity (key, feed, content), at its earliest place; those withdrawn are gone, by an order or by a newer feed.
pub fn standing(facts: &[Fact], names: &Names, whole: &[WholeFeed]) -> Vec<Fact> {
    split(facts, names, whole).0
}

/// What newer full feeds withdraw, for they lack it (F5).
pub fn lacked(facts: &[Fact], names: &Names, whole: &[WholeFeed]) -> Vec<Fact> {
    split(facts, names, whole).1
}

fn split(facts: &[Fact], names: &Names, whole: &[WholeFeed]) -> (Vec<Fact>, Vec<Fact>) {
    let merged = earliest(facts, names, |a, b| a.feed == b.feed);
    let orders: Vec<&Withdrawal> = merged.iter().filter_map(withdrawal).collect();
    let counts = |fact: &&Fact| !is_withdrawn(fact, &orders, whole) && !is_aside(fact.feed, whole);
    let kept: Vec<&Fact> = merged.iter().filter(counts).collect();
    let is_in_force =
        |w: &&WholeFeed| !is_taken_back(&Target::Feed(w.key), &orders, whole) && !is_aside(w.key, whole);
    let whole: Vec<&WholeFeed> = whole.iter().filter(is_in_force).collect();
    let (lacked, standing): (Vec<&Fact>, Vec<&Fact>) =
        kept.iter().partition(|fact| is_lacked(fact, &merged, &kept, &whole));
    let owned = |facts: Vec<&Fact>| facts.into_iter().cloned().collect();
    (owned(standing), owned(lacked))
}

/// One fact of each content of a key: the earliest among witnesses that stand.
pub fn contents(standing: &[Fact], names: &Names) -> Vec<Fact> {
    earliest(standing, names, |_, _| true)
}

fn earliest(facts: &[Fact], names: &Names, alike: impl Fn(&Fact, &Fact) -> bool) -> Vec<Fact> {
    let mut kept: Vec<Fact> = Vec::new();
    for fact in facts {
        let twin =
            kept.iter_mut().find(|k| k.key() == fact.key() && k.content == fact.content && alike(k, fact));
        match twin {
            None => kept.push(fact.clone()),
            Some(k) if stamp(fact, names) < stamp(k, names) => *k = fact.clone(),
            Some(_) => {}
        }
    }
    kept
}

fn withdrawal(fact: &Fact) -> Option<&Withdrawal> {
    match &fact.body {
        Body::Withdrawal(w) => Some(w),
        _ => None,
    }
}

fn is_withdrawn(fact: &Fact, orders: &[&Withdrawal], whole: &[WholeFeed]) -> bool {
    let mut targets = vec![Target::Record(fact.place), Target::Feed(fact.feed)];
    if let Body::Correction(c) = &fact.body {
        targets.push(Target::Ticket(c.ticket.clone()));
    }
    targets.iter().any(|target| is_taken_back(target, orders, whole))
}

/// Of the orders on one target the latest by (event time, id) holds. A delivery is taken back in every reading.
fn is_taken_back(target: &Target, orders: &[&Withdrawal], whole: &[WholeFeed]) -> bool {
    let delivery = |target: &Target| match target {
        Target::Feed(feed) => Target::Feed(first_reading(*feed, whole)),
        other => other.clone(),
    };
    let latest = orders
        .iter()
        .filter(|w| delivery(&w.target) == delivery(target))
        .max_by(|a, b| (a.event_time, &a.event_id).cmp(&(b.event_time, &b.event_id)));
    latest.is_some_and(|w| !w.reinstate)
}

/// The highest version of each key. Corrections are not among them: they compete field by field.
pub fn winners(standing: &[Fact], names: &Names) -> Vec<Fact> {
    let mut kept: HashMap<Key, Fact> = HashMap::new();
    for fact in contents(standing, names) {
        let loses = kept.get(&fact.key()).is_some_and(|k| version(&fact, names) < version(k, names));
        if !loses {
            kept.insert(fact.key(), fact);
        }
    }
    let mut winners: Vec<Fact> = kept.into_values().filter(|f| f.kind() != Kind::Correction).collect();
    winners.sort_by_key(|f| stamp(f, names));
    without_cancelled(winners, names)
}

/// Takes away the flows that a tombstone names, then those that a tombstone without a name describes.
fn without_cancelled(winners: Vec<Fact>, names: &Names) -> Vec<Fact> {
    let mut cancels: Vec<Fact> = winners.iter().filter(|f| f.kind() == Kind::Cancel).cloned().collect();
    cancels.sort_by_key(|f| version(f, names));
    let mut live = winners;
    for fact in &cancels {
        let Body::Cancel(cancel) = &fact.body else { continue };
        let Some(original) = &cancel.original else { continue };
        live.retain(|f| {
            !(f.kind() == Kind::Flow && f.origin == fact.origin && f.reference.as_ref() == Some(original))
        });
    }
    for fact in &cancels {
        let Body::Cancel(cancel) = &fact.body else { continue };
        if cancel.original.is_some() {
            continue;
        }
        let matches = |f: &&Fact| matches!(&f.body, Body::Flow(flow) if describes(cancel, fact.as_of, fact.origin, f, flow));
        let latest = live.iter().filter(matches).max_by_key(|f| version(f, names)).cloned();
        live.retain(|f| Some(f) != latest.as_ref());
    }
    live
}

fn describes(cancel: &Cancel, as_of: Date, origin: Origin, fact: &Fact, flow: &Flow) -> bool {
    fact.origin == origin
        && fact.as_of == as_of
        && flow.class == cancel.class
        && flow.amount == cancel.amount
        && flow.security == cancel.security
}

/// Whether a record that sat in quarantine does so no longer: once released is released, whatever says so first.
pub fn is_released<'a>(fact: &Fact, mut standing: impl Iterator<Item = &'a Fact>) -> bool {
    fact.kind() == Kind::Quarantined
        && standing.any(|f| f.key() == fact.key() && matches!(&f.body, Body::Quarantined(q) if q.released))
}

/// Corrections in their own order: (revision of the ticket, event time, id).
pub fn correction_order(a: &Fact, b: &Fact) -> Ordering {
    let key = |f: &Fact| match &f.body {
        Body::Correction(c) => (f.revision, c.event_time, c.event_id.clone()),
        _ => (f.revision, 0, "".into()),
    };
    key(a).cmp(&key(b))
}

#[test]
fn names_order_as_the_records_own_partitions_do() {
    let mut names =
        ["s/10", "s/9", "s/09", "s/a", "s/10b", "s/10a", "s", "s/1/2", "s/1", "s/0"].map(str::to_owned);
    names.sort_by_key(|n| natural(n));
    let mut other = names.clone().map(record::PartitionId::new);
    other.sort();
    assert_eq!(names.each_ref().map(String::as_str), other.each_ref().map(record::PartitionId::as_str));
}

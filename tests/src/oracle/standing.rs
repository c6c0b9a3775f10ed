//! Which facts stand, and which of several wins: identity, witnesses, withdrawals, versions, cancels (design 3, F5, F7).
//!
//! Everything is decided anew from the whole set; nothing is kept between two calls.
use super::whole::{first_reading, is_aside, is_lacked};
use jiff::civil::Date;
use record::{PartitionKey, Position};
use returns::fact::{Cancel, Content, Flow, Target, Withdrawal};
use returns::ledger::WholeFeed;
use returns::policy::PossibleDuplicate;
use returns::{Arrival, Body, Fact, Key, Kind, Origin, Policy};
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

/// The highest version of each key, less what is cancelled. Corrections are not among them: they compete field by field.
pub struct Winners {
    pub facts: Vec<Fact>,
    /// Those of them that count for nothing, for they may have come twice.
    pub waiting: Vec<Key>,
}

pub fn winners(standing: &[Fact], names: &Names, policy: &Policy) -> Winners {
    let mut kept: HashMap<Key, Fact> = HashMap::new();
    for fact in contents(standing, names) {
        let loses = kept.get(&fact.key()).is_some_and(|k| version(&fact, names) < version(k, names));
        if !loses {
            kept.insert(fact.key(), fact);
        }
    }
    let mut winners: Vec<Fact> = kept.into_values().filter(|f| f.kind() != Kind::Correction).collect();
    winners.sort_by_key(|f| version(f, names));
    let (copies, mut singles) = read_both_ways(winners, policy);
    let mut copies = without_cancelled(&mut singles, copies, names);
    copies.extend(said_again(&mut singles, policy));
    let waits = |f: &Fact| duplicates(f, policy) == PossibleDuplicate::Wait;
    copies.retain(waits);
    let waiting = copies.iter().map(Fact::key).collect();
    singles.extend(copies);
    singles.sort_by_key(|f| stamp(f, names));
    Winners { facts: singles, waiting }
}

fn duplicates(fact: &Fact, policy: &Policy) -> PossibleDuplicate {
    match fact.origin {
        Origin::Vendor(vendor) => policy.vendor(vendor).possible_duplicate,
        Origin::Correction => PossibleDuplicate::Distinct,
    }
}

/// How a flow or cancel without an id of the vendor's is known.
#[derive(PartialEq, Clone, Copy)]
enum Made {
    /// By its place.
    OnStream,
    /// By what it says and which of its equals it is.
    InFeed,
}

fn made(fact: &Fact) -> Option<Made> {
    let nameless = match &fact.body {
        Body::Flow(flow) => !flow.own_id,
        Body::Cancel(cancel) => cancel.original.is_none(),
        _ => false,
    };
    let reference = fact.reference.as_deref().filter(|_| nameless)?;
    let (first, rest) = reference.split_at_checked(1)?;
    let hash = rest.split('#').next()?;
    match first {
        _ if hash.len() != 32 || u128::from_str_radix(hash, 16).is_err() => None,
        "~" => Some(Made::OnStream),
        "=" => Some(Made::InFeed),
        _ => None,
    }
}

fn say_the_same(a: &Fact, b: &Fact) -> bool {
    (a.origin, a.as_of) == (b.origin, b.as_of) && a.body == b.body
}

/// Apart from all others, what a stream says and a feed with an end as well: every flow with an equal there, and cancels up to the
/// number of their equals there. In order of version.
fn read_both_ways(winners: Vec<Fact>, policy: &Policy) -> (Vec<Fact>, Vec<Fact>) {
    let in_feeds: Vec<Fact> = winners.iter().filter(|f| made(f) == Some(Made::InFeed)).cloned().collect();
    let mut left = in_feeds.clone();
    winners.into_iter().partition(|fact| {
        if made(fact) != Some(Made::OnStream) || duplicates(fact, policy) == PossibleDuplicate::Distinct {
            return false;
        }
        if fact.kind() == Kind::Flow {
            return in_feeds.iter().any(|f| say_the_same(f, fact));
        }
        let equal = left.iter().position(|f| say_the_same(f, fact));
        equal.map(|n| left.remove(n)).is_some()
    })
}

/// Takes out the flows of streams that equal an earlier one that is still there.
fn said_again(singles: &mut Vec<Fact>, policy: &Policy) -> Vec<Fact> {
    let mut first: Vec<Fact> = Vec::new();
    let again = |f: &mut Fact| {
        let asked = f.kind() == Kind::Flow && made(f) == Some(Made::OnStream);
        if !asked || duplicates(f, policy) == PossibleDuplicate::Distinct {
            return false;
        }
        let is_again = first.iter().any(|earlier| say_the_same(earlier, f));
        first.push(f.clone());
        is_again
    };
    singles.extract_if(.., again).collect()
}

/// Takes away the flows that a tombstone names, then those that a tombstone without a name describes: a copy only where nothing else
/// is left. Gives the copies that are left.
fn without_cancelled(singles: &mut Vec<Fact>, copies: Vec<Fact>, names: &Names) -> Vec<Fact> {
    let mut cancels: Vec<Fact> = singles.iter().filter(|f| f.kind() == Kind::Cancel).cloned().collect();
    cancels.sort_by_key(|f| version(f, names));
    let mut copies = copies;
    for fact in &cancels {
        let Body::Cancel(cancel) = &fact.body else { continue };
        let Some(original) = &cancel.original else { continue };
        let is_other = |f: &Fact| {
            !(f.kind() == Kind::Flow && f.origin == fact.origin && f.reference.as_ref() == Some(original))
        };
        singles.retain(is_other);
        copies.retain(is_other);
    }
    for fact in &cancels {
        let Body::Cancel(cancel) = &fact.body else { continue };
        if cancel.original.is_some() {
            continue;
        }
        let matches = |f: &&Fact| matches!(&f.body, Body::Flow(flow) if describes(cancel, fact.as_of, fact.origin, f, flow));
        let latest =
            |all: &[Fact]| all.iter().filter(matches).max_by_key(|f| version(f, names)).map(Fact::key);
        match latest(singles) {
            Some(key) => singles.retain(|f| f.key() != key),
            None => {
                let copy = latest(&copies);
                copies.retain(|f| Some(f.key()) != copy);
            }
        }
    }
    copies
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

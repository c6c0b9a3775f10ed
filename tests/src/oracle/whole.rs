//! Whole feeds: what a newer full one withdraws of an older one, and whether more of one is to come (F5).
use super::standing::is_released;
use record::FeedKey;
use returns::ledger::{Stage, WholeFeed};
use returns::{Fact, Kind, Origin};

/// Whether more of a feed is to come. Of a stream, or a feed nothing is known of, nothing says so.
pub fn is_coming(feed: FeedKey, whole: &[WholeFeed]) -> bool {
    whole.iter().any(|w| w.key == feed && w.stage == Stage::Coming)
}

/// Whether another reading of the same delivery counts instead of a feed: a later one that is in, or an earlier one while not all of this is.
pub fn is_aside(feed: FeedKey, whole: &[WholeFeed]) -> bool {
    let replaced = |w: &WholeFeed| w.earlier.contains(&feed) && w.stage != Stage::Coming;
    let is_in = |w: &WholeFeed| matches!(w.stage, Stage::In { .. });
    let not_yet = |w: &WholeFeed| w.key == feed && !w.earlier.is_empty() && !is_in(w);
    whole.iter().any(|w| replaced(w) || not_yet(w))
}

/// The first of the readings of the delivery that a feed is one of.
pub fn first_reading(feed: FeedKey, whole: &[WholeFeed]) -> FeedKey {
    let readings = whole.iter().filter(|w| w.key == feed || w.earlier.contains(&feed));
    readings.flat_map(|w| w.earlier.iter().copied()).min().unwrap_or(feed)
}

/// Whether a newer full feed withdraws a fact, for it lacks it. `said` is all that was said, `stands` what of it no order withdrew;
/// `whole` are the feeds no order withdrew.
pub fn is_lacked(fact: &Fact, said: &[Fact], stands: &[&Fact], whole: &[&WholeFeed]) -> bool {
    let of_vendor = matches!(fact.origin, Origin::Vendor(_)) && fact.kind() != Kind::Quarantined;
    let Some(own) = whole.iter().find(|w| w.key == fact.feed).filter(|_| of_vendor) else { return false };
    whole.iter().filter(|w| takes_the_place(w, own)).any(|newer| {
        let says = said.iter().any(|f| f.feed == newer.key && f.key() == fact.key());
        !says && !may_say(newer.key, fact, stands)
    })
}

/// Both say everything of one date and of the same kinds, and the newer one is in and read in full.
fn takes_the_place(newer: &WholeFeed, older: &WholeFeed) -> bool {
    newer.full
        && older.full
        && newer.layout == older.layout
        && newer.business_date.is_some()
        && newer.business_date == older.business_date
        && newer.arrival > older.arrival
        && newer.stage == Stage::In { unread: false }
}

/// Whether a record of a feed that sits in quarantine may be this fact: it names the date, or the fact's key has none.
fn may_say(feed: FeedKey, fact: &Fact, stands: &[&Fact]) -> bool {
    let sits = |q: &Fact| !is_released(q, stands.iter().copied());
    let names = |q: &Fact| !fact.is_dated() || q.as_of == fact.as_of;
    stands.iter().any(|q| q.feed == feed && q.kind() == Kind::Quarantined && names(q) && sits(q))
}

//! What a fold knows of whole feeds: which are in, and which of them take the place of others (F5, F6). It is a fact like every other, of
//! many accounts at once: that a feed is through says that nothing else of it is to come.
//!
//! # Read again
//! A delivery read with a later version of its mapping is a feed of its own, a *reading*. What a record says is what the latest reading
//! that is through says of it: until then it counts for nothing, and from then on the readings before it do. So a mapping put right
//! moves figures once, and takes back what it gives no more; all of it, if with that mapping the feed waits.
use crate::date::Date;
use crate::fact::Arrival;
use crate::policy::Vendor;
use record::FeedKey;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// One feed with an end, as far as figures depend on it as a whole.
#[derive(Clone, Debug, PartialEq)]
pub struct WholeFeed {
    pub key: FeedKey,
    pub vendor: Vendor,
    /// The layout: only feeds of one layout say the same kinds of things.
    pub layout: Arc<str>,
    /// The date the feed says it is of. Without one it takes no other feed's place, and none takes its.
    pub business_date: Option<Date>,
    /// When it arrived; of copies of the same bytes, the earliest.
    pub arrival: Arrival,
    /// It says everything of its date and kinds, so that what it lacks is withdrawn (`full`); otherwise it says what is new (`delta`).
    pub full: bool,
    /// What days need, and it gives.
    pub gives: Needs,
    pub stage: Stage,
    /// The readings of the same delivery with earlier versions of the mapping.
    pub earlier: Vec<FeedKey>,
}

/// How far a feed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not all of it is in.
    Coming,
    /// All of it is in. With `unread` records in quarantine that name no account and date it is not known what it lacks, so it
    /// withdraws nothing.
    In { unread: bool },
    /// All of it is read and none of it counts, for what it declares disagrees.
    Waits,
}

/// What a day may need before it is complete (F6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    pub values: bool,
    pub flows: bool,
}

/// The feeds a fold knows of.
#[derive(Clone, Debug, Default)]
pub struct Feeds {
    all: HashMap<FeedKey, WholeFeed>,
    coming: usize,
    /// Full feeds of one layout and business date.
    groups: HashMap<(Arc<str>, Date), Vec<FeedKey>>,
    /// Full feeds others take the place of, with those, the oldest first.
    overtaken: HashMap<FeedKey, Vec<FeedKey>>,
    /// The latest business date of each vendor's feeds that are in, by what they give.
    values_until: HashMap<Vendor, Date>,
    flows_until: HashMap<Vendor, Date>,
    /// Readings that do not count: those to come or that wait, and those before one that is through.
    aside: HashSet<FeedKey>,
    /// The first reading of each delivery that was read again, by any of its readings.
    deliveries: HashMap<FeedKey, FeedKey>,
    /// The feed whose facts are being let in, that waited for its trailer.
    released: Option<FeedKey>,
}

/// A fold that knows nothing of whole feeds.
pub static NO_FEEDS: std::sync::LazyLock<Feeds> = std::sync::LazyLock::new(Feeds::default);

impl Feeds {
    /// Takes note of a feed, or of how far it has come.
    pub fn note(&mut self, feed: WholeFeed) {
        if self.all.get(&feed.key) == Some(&feed) {
            return;
        }
        let is_coming = |f: &WholeFeed| usize::from(f.stage == Stage::Coming);
        self.coming += is_coming(&feed);
        let group = group_of(&feed);
        let (key, is_again) = (feed.key, !feed.earlier.is_empty());
        let before = self.all.insert(key, feed);
        self.coming -= before.as_ref().map_or(0, is_coming);
        if is_again {
            self.set_aside();
        }
        match before.filter(|before| before.stage != Stage::Coming) {
            None if !is_again => self.reach(key),
            // It, or what it takes the place of, may have gone back: what the others reach is all there is.
            _ => {
                (self.values_until, self.flows_until) = Default::default();
                let keys: Vec<FeedKey> = self.all.keys().copied().collect();
                keys.into_iter().for_each(|key| self.reach(key));
            }
        }
        if let Some(group) = group {
            let keys = self.groups.entry(group.clone()).or_default();
            if !keys.contains(&key) {
                keys.push(key);
            }
            self.order(&group);
        }
        if is_again {
            // A reading before it may have had another date.
            let groups: Vec<_> = self.groups.keys().cloned().collect();
            groups.iter().for_each(|group| self.order(group));
        }
    }

    /// Decides anew which readings count.
    fn set_aside(&mut self) {
        (self.aside, self.deliveries) = Default::default();
        for feed in self.all.values().filter(|feed| !feed.earlier.is_empty()) {
            match feed.stage {
                Stage::Coming => drop(self.aside.insert(feed.key)),
                Stage::In { .. } => self.aside.extend(&feed.earlier),
                Stage::Waits => self.aside.extend(feed.earlier.iter().chain([&feed.key])),
            }
            let first = feed.earlier.iter().min().copied().unwrap_or(feed.key);
            let readings = feed.earlier.iter().copied().chain([feed.key]);
            self.deliveries.extend(readings.map(|key| (key, first)));
        }
    }

    /// While accounts are built anew under this, facts of the feed wait for its trailer no more. Once they are, that stands with the facts.
    pub fn release(&mut self, feed: Option<FeedKey>) {
        self.released = feed;
    }

    pub(super) fn is_released(&self, feed: FeedKey) -> bool {
        self.released == Some(feed)
    }

    /// Whether another reading of the same delivery counts instead.
    pub(super) fn is_aside(&self, feed: FeedKey) -> bool {
        !self.aside.is_empty() && self.aside.contains(&feed)
    }

    /// What all readings of one delivery have in common.
    pub(super) fn delivery(&self, feed: FeedKey) -> FeedKey {
        self.deliveries.get(&feed).copied().unwrap_or(feed)
    }

    /// Notes how far a feed that is in completes its vendor's days.
    fn reach(&mut self, key: FeedKey) {
        let counts = |feed: &&WholeFeed| feed.stage != Stage::Coming && !self.aside.contains(&key);
        let Some(feed) = self.all.get(&key).filter(counts) else { return };
        let Some(date) = feed.business_date else { return };
        let needs = [(feed.gives.values, &mut self.values_until), (feed.gives.flows, &mut self.flows_until)];
        for (_, until) in needs.into_iter().filter(|(gives, _)| *gives) {
            until.entry(feed.vendor).and_modify(|d| *d = date.max(*d)).or_insert(date);
        }
    }

    /// Decides anew which feeds of a group take which others' place: those that are in and read in full, of those that arrived before.
    fn order(&mut self, group: &(Arc<str>, Date)) {
        let Some(keys) = self.groups.get(group).filter(|keys| keys.len() > 1) else { return };
        keys.iter().filter(|key| self.aside.contains(key)).for_each(|key| drop(self.overtaken.remove(key)));
        let counts = keys.iter().filter(|key| !self.aside.contains(key));
        let mut feeds: Vec<&WholeFeed> = counts.filter_map(|key| self.all.get(key)).collect();
        feeds.sort_by_key(|feed| feed.arrival);
        for older in &feeds {
            let takes = |f: &&&WholeFeed| f.stage == Stage::In { unread: false } && f.arrival > older.arrival;
            let newer: Vec<FeedKey> = feeds.iter().filter(takes).map(|f| f.key).collect();
            match newer.is_empty() {
                true => self.overtaken.remove(&older.key),
                false => self.overtaken.insert(older.key, newer),
            };
        }
    }

    pub fn get(&self, feed: FeedKey) -> Option<&WholeFeed> {
        self.all.get(&feed)
    }

    /// The other full feeds of the same layout and business date.
    pub fn beside(&self, feed: &WholeFeed) -> Vec<FeedKey> {
        let keys = group_of(feed).and_then(|group| self.groups.get(&group));
        let others = keys.into_iter().flatten().copied();
        others.filter(|key| *key != feed.key && !self.aside.contains(key)).collect()
    }

    /// The newer full feeds that withdraw what they lack of a feed.
    pub(super) fn newer(&self, feed: FeedKey) -> &[FeedKey] {
        if self.overtaken.is_empty() {
            return &[];
        }
        self.overtaken.get(&feed).map_or(&[], Vec::as_slice)
    }

    /// Whether any feed takes another's place.
    pub(super) fn any_newer(&self) -> bool {
        !self.overtaken.is_empty()
    }

    /// Whether more of a feed is still to come, as far as is known.
    pub(super) fn is_coming(&self, feed: FeedKey) -> bool {
        self.coming > 0 && self.all.get(&feed).is_some_and(|f| f.stage == Stage::Coming)
    }

    /// What is complete of a vendor's day by whole feeds: those of its business date or a later one, and those that speak of the
    /// day themselves, `of_day`.
    pub(super) fn complete(&self, vendor: Vendor, day: Date, of_day: impl Iterator<Item = FeedKey>) -> Needs {
        let reaches = |until: &HashMap<Vendor, Date>| until.get(&vendor).is_some_and(|until| *until >= day);
        let start = Needs { values: reaches(&self.values_until), flows: reaches(&self.flows_until) };
        let is_in = |f: &&WholeFeed| f.stage != Stage::Coming && f.vendor == vendor && !self.is_aside(f.key);
        of_day.filter_map(|key| self.all.get(&key)).filter(is_in).fold(start, |needs, feed| Needs {
            values: needs.values || feed.gives.values,
            flows: needs.flows || feed.gives.flows,
        })
    }
}

/// Full feeds of which a newer one withdraws what it lacks: those of one layout and business date.
fn group_of(feed: &WholeFeed) -> Option<(Arc<str>, Date)> {
    feed.business_date.filter(|_| feed.full).map(|date| (feed.layout.clone(), date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn feed(key: i64, arrival: Option<i64>, stage: Stage) -> WholeFeed {
        WholeFeed {
            key: FeedKey(key),
            vendor: Vendor(0),
            layout: "values".into(),
            business_date: Some(date(2025, 3, 4)),
            arrival: Arrival(arrival),
            full: true,
            gives: Needs { values: true, flows: false },
            stage,
            earlier: Vec::new(),
        }
    }

    const IN: Stage = Stage::In { unread: false };

    fn known(feeds: &[WholeFeed]) -> Feeds {
        let mut known = Feeds::default();
        feeds.iter().for_each(|f| known.note(f.clone()));
        known
    }

    #[test]
    fn a_feed_that_is_in_takes_the_place_of_those_that_arrived_before_it_in_whatever_order_they_are_noted() {
        let three = [feed(1, Some(30), IN), feed(2, None, IN), feed(3, Some(20), Stage::Coming)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let known = known(&order.map(|n| three[n].clone()));
            assert_eq!(known.newer(FeedKey(2)), [FeedKey(1)], "one still coming takes nobody's place");
            assert_eq!(known.newer(FeedKey(3)), [FeedKey(1)]);
            assert!(known.newer(FeedKey(1)).is_empty());
        }
    }

    #[test]
    fn nothing_takes_the_place_of_a_feed_of_another_date_or_layout_or_of_no_date() {
        let later = WholeFeed { business_date: Some(date(2025, 3, 5)), ..feed(2, Some(9), IN) };
        let other = WholeFeed { layout: "activity".into(), ..feed(3, Some(9), IN) };
        let undated = WholeFeed { business_date: None, ..feed(4, Some(9), IN) };
        let delta = WholeFeed { full: false, ..feed(5, Some(9), IN) };
        assert!(!known(&[feed(1, Some(1), IN), later, other, undated, delta]).any_newer());
    }

    #[test]
    fn parts_of_one_day_that_arrived_at_the_same_time_stand_side_by_side() {
        assert!(!known(&[feed(1, Some(1), IN), feed(2, Some(1), IN)]).any_newer());
    }

    #[test]
    fn a_feed_not_read_in_full_withdraws_nothing() {
        assert!(!known(&[feed(1, Some(1), IN), feed(2, Some(2), Stage::In { unread: true })]).any_newer());
    }

    #[test]
    fn a_feed_completes_its_date_and_the_days_before_and_those_it_speaks_of() {
        let known = known(&[feed(1, Some(1), IN), WholeFeed { business_date: None, ..feed(2, None, IN) }]);
        let complete =
            |day, of: &[i64]| known.complete(Vendor(0), day, of.iter().map(|k| FeedKey(*k))).values;
        assert!(complete(date(2025, 3, 4), &[]) && complete(date(2025, 3, 3), &[]));
        assert!(!complete(date(2025, 3, 5), &[]) && complete(date(2025, 3, 5), &[2]));
        assert!(!known.complete(Vendor(1), date(2025, 3, 4), std::iter::empty()).values);
    }

    #[test]
    fn a_reading_counts_from_when_it_is_in_and_the_readings_before_it_until_then() {
        let again = |key, earlier: &[i64], stage| WholeFeed {
            earlier: earlier.iter().map(|k| FeedKey(*k)).collect(),
            ..feed(key, Some(1), stage)
        };
        let coming = known(&[feed(1, Some(1), IN), again(2, &[1], Stage::Coming)]);
        assert!(coming.is_aside(FeedKey(2)) && !coming.is_aside(FeedKey(1)));
        let three = [feed(1, Some(1), IN), again(2, &[1], Stage::Coming), again(3, &[1, 2], IN)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
            let known = known(&order.map(|n| three[n].clone()));
            let aside: Vec<bool> = [1, 2, 3].map(|k| known.is_aside(FeedKey(k))).into();
            assert_eq!(aside, [true, true, false]);
            assert!([1, 2, 3].iter().all(|k| known.delivery(FeedKey(*k)) == FeedKey(1)));
        }
    }

    #[test]
    fn what_a_reading_set_aside_says_of_its_date_is_as_if_never_said() {
        let wrong = WholeFeed { business_date: Some(date(2025, 3, 9)), ..feed(1, Some(2), IN) };
        let right = WholeFeed { earlier: vec![FeedKey(1)], ..feed(2, Some(2), IN) };
        let known = known(&[feed(3, Some(1), IN), wrong, right]);
        assert_eq!(known.newer(FeedKey(3)), [FeedKey(2)]);
        assert!(!known.complete(Vendor(0), date(2025, 3, 9), std::iter::empty()).values);
        assert!(known.beside(known.get(FeedKey(3)).unwrap()) == [FeedKey(2)]);
    }

    #[test]
    fn of_a_feed_that_waits_as_it_is_read_again_no_reading_counts() {
        let waits = WholeFeed { earlier: vec![FeedKey(1)], ..feed(2, Some(3), Stage::Waits) };
        let known = known(&[feed(1, Some(3), IN), waits, feed(3, Some(1), IN)]);
        assert!(known.is_aside(FeedKey(1)) && known.is_aside(FeedKey(2)));
        assert!(known.newer(FeedKey(3)).is_empty());
    }
}

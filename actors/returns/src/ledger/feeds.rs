//! What a fold knows of whole feeds: which are in, and which of them take the place of others (F5, F6). It is a fact like every other, of
//! many accounts at once: that a feed is through says that nothing else of it is to come.
use crate::date::Date;
use crate::fact::Arrival;
use crate::policy::Vendor;
use record::FeedKey;
use std::collections::HashMap;
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
}

/// How far a feed has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Not all of it is in.
    Coming,
    /// All of it is in. With `unread` records in quarantine that name no account and date it is not known what it lacks, so it
    /// withdraws nothing.
    In { unread: bool },
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
        let group = feed.business_date.filter(|_| feed.full).map(|date| (feed.layout.clone(), date));
        let key = feed.key;
        let before = self.all.insert(key, feed);
        self.coming -= before.as_ref().map_or(0, is_coming);
        match before.filter(|before| before.stage != Stage::Coming) {
            None => self.reach(key),
            // It may have gone back: what the others reach is all there is.
            Some(_) => {
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
    }

    /// Notes how far a feed that is in completes its vendor's days.
    fn reach(&mut self, key: FeedKey) {
        let Some(feed) = self.all.get(&key).filter(|feed| feed.stage != Stage::Coming) else { return };
        let Some(date) = feed.business_date else { return };
        let needs = [(feed.gives.values, &mut self.values_until), (feed.gives.flows, &mut self.flows_until)];
        for (_, until) in needs.into_iter().filter(|(gives, _)| *gives) {
            until.entry(feed.vendor).and_modify(|d| *d = date.max(*d)).or_insert(date);
        }
    }

    /// Decides anew which feeds of a group take which others' place: those that are in and read in full, of those that arrived before.
    fn order(&mut self, group: &(Arc<str>, Date)) {
        let Some(keys) = self.groups.get(group).filter(|keys| keys.len() > 1) else { return };
        let mut feeds: Vec<&WholeFeed> = keys.iter().filter_map(|key| self.all.get(key)).collect();
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
        let group = feed.business_date.filter(|_| feed.full).map(|date| (feed.layout.clone(), date));
        let keys = group.and_then(|group| self.groups.get(&group));
        keys.into_iter().flatten().copied().filter(|key| *key != feed.key).collect()
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
        let is_in = |f: &&WholeFeed| f.stage != Stage::Coming && f.vendor == vendor;
        of_day.filter_map(|key| self.all.get(&key)).filter(is_in).fold(start, |needs, feed| Needs {
            values: needs.values || feed.gives.values,
            flows: needs.flows || feed.gives.flows,
        })
    }
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
}

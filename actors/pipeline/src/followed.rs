//! Feeds that are followed to their end, because figures depend on their being whole (F5, F6): full feeds, which take older ones' place,
//! feeds of vendors whose days are open, or are valued by holdings, until a feed is in, and feeds that are read again with a later version of
//! their mapping.
use crate::topology::layouts::LayoutSet;
use foldhash::HashMap;
use record::{Delivery, Feed, Progress, RawBatch};
use returns::ledger::{Feeds, Needs, Stage, WholeFeed};
use returns::policy::{FlowsFrom, ValueFrom};
use returns::{Arrival, Date, Kind, Policy, Vendor};
use std::sync::Arc;
use store::{BadRecords, StandingFeed, Store, StoreError};

/// What is to know of a layout, for its feeds to be followed.
#[derive(Clone, Debug)]
struct Follow {
    vendor: Vendor,
    full: bool,
    gives: Needs,
    /// Days of its vendor wait for feeds.
    waits: bool,
}

/// The layouts, by name.
#[derive(Clone, Debug, Default)]
pub struct Followed {
    layouts: HashMap<Arc<str>, Follow>,
}

/// Whether days of a vendor are open, or without value, until feeds are in.
pub(crate) fn waits_for_feeds(policy: &Policy, vendor: Vendor) -> bool {
    let own = policy.vendor(vendor);
    own.needs_flows || own.close.is_some() || own.value_from == ValueFrom::Holdings
}

impl Followed {
    pub fn of(set: &LayoutSet) -> Followed {
        let follow = |l: &crate::topology::layouts::VendorLayout| {
            let kinds = l.layout.kinds();
            let has = |kind| kinds.contains(&kind);
            let from_summary = set.policy.vendor(l.vendor).flows_from == FlowsFrom::Summary;
            Follow {
                vendor: l.vendor,
                full: l.layout.is_full(),
                gives: Needs {
                    values: has(Kind::Summary) || has(Kind::Valuation) || has(Kind::Holding),
                    flows: has(Kind::Flow) || has(Kind::Summary) && from_summary,
                },
                waits: waits_for_feeds(&set.policy, l.vendor),
            }
        };
        Followed { layouts: set.iter().map(|l| (Arc::from(l.layout.name()), follow(l))).collect() }
    }

    /// All feeds followed that the store has, in or coming.
    pub async fn known(&self, store: &dyn Store) -> Result<Vec<WholeFeed>, StoreError> {
        let all = self.layouts.iter().filter(|(_, follow)| follow.full || follow.waits);
        let names: Vec<Arc<str>> = all.map(|(name, _)| name.clone()).collect();
        let feeds = store.standing_feeds(&names).await?;
        Ok(feeds.into_iter().filter_map(|feed| self.standing(feed)).collect())
    }

    /// The same, as a fold knows them.
    pub async fn feeds(&self, store: &dyn Store) -> Result<Feeds, StoreError> {
        let mut feeds = Feeds::default();
        self.known(store).await?.into_iter().for_each(|feed| feeds.note(feed));
        Ok(feeds)
    }

    fn standing(&self, feed: StandingFeed) -> Option<WholeFeed> {
        let stage = stage(feed.through, feed.waits, feed.unread);
        self.whole(&feed.layout, feed.key, feed.business_date, feed.arrival, stage, &feed.earlier)
    }

    /// The feed a batch is of, as it stands with that batch.
    pub fn of_batch(&self, raw: &RawBatch, unread: bool) -> Option<WholeFeed> {
        let Feed { ends, gated, ref delivery, .. } = *raw.feed;
        if let Some(delivery) = delivery.as_deref() {
            return self.delivered(raw, delivery);
        }
        let stage = stage(raw.to == Progress::End, gated, unread);
        let date = raw.feed.business_date.as_deref().and_then(|date| date.parse().ok());
        let Feed { key, first_arrival, .. } = *raw.feed;
        let feed = self.whole(&raw.feed.vendor, key, date, first_arrival, stage, &raw.feed.earlier);
        feed.filter(|feed| ends && (!gated || !feed.earlier.is_empty()))
    }

    /// A delivery in several messages is in with its trailer. It withdraws nothing, and completes the days that it speaks of.
    fn delivered(&self, raw: &RawBatch, delivery: &Delivery) -> Option<WholeFeed> {
        let stage = stage(true, false, false);
        let feed = self.whole(&raw.feed.vendor, raw.feed.key, None, raw.feed.first_arrival, stage, &[]);
        feed.filter(|_| matches!(delivery, Delivery::Whole(_)))
    }

    fn whole(
        &self,
        layout: &Arc<str>,
        key: record::FeedKey,
        business_date: Option<Date>,
        arrival: Option<i64>,
        stage: Stage,
        earlier: &[record::FeedKey],
    ) -> Option<WholeFeed> {
        let Follow { vendor, full, gives, waits } = *self.layouts.get(layout)?;
        let followed = waits || full && business_date.is_some() || !earlier.is_empty();
        followed.then(|| WholeFeed {
            key,
            vendor,
            layout: layout.clone(),
            business_date,
            arrival: Arrival(arrival),
            full,
            gives,
            stage,
            earlier: earlier.to_vec(),
        })
    }
}

fn stage(through: bool, waits: bool, unread: bool) -> Stage {
    match (through, waits) {
        (false, _) => Stage::Coming,
        (true, true) => Stage::Waits,
        (true, false) => Stage::In { unread },
    }
}

/// What was met of a feed up to a batch of it. It goes from batch to batch with their turns, whichever decoder has them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub bad: u64,
    /// Some name no account and date.
    pub unread: bool,
}

impl From<BadRecords> for Tally {
    fn from(bad: BadRecords) -> Tally {
        Tally { bad: bad.count, unread: bad.unread }
    }
}

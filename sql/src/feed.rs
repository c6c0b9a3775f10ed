//! Feeds: what is told of one as it is met, how it stands, and what may change with it.
use crate::PartitionSpec;
use record::{Delivery, FeedKey, PartitionId, Survey};
use returns::date::{Date, Micros};
use std::sync::Arc;

/// A delivery seen.
#[derive(Clone, Debug, PartialEq)]
pub struct FeedSpec {
    pub vendor: Arc<str>,
    /// The file's or object's name, relative to the source; the UTC date for a stream.
    pub name: Arc<str>,
    /// What the bucket calls this version of the object, where it keeps versions.
    pub object_version: Option<Arc<str>>,
    /// BLAKE3 of the bytes, for what has an end.
    pub hash: Option<[u8; 32]>,
    /// The version of the mapping it is read with: what has an end is read again as a feed of its own.
    pub mapping_version: u32,
    pub arrival: Option<Micros>,
    pub business_date: Option<Date>,
    pub declared: Option<u64>,
    pub counted: Option<u64>,
    /// `coming` (it has an end), `open` (a stream), `waiting` (its control count disagrees), `refused`. The step that reaches the end
    /// of one that is coming makes it `complete`.
    pub status: &'static str,
    pub file: FileSpec,
}

/// What a partition lies in, noted so that the same file is not read through again.
#[derive(Clone, Debug, PartialEq)]
pub struct FileSpec {
    pub partition: PartitionId,
    /// The source's name in the topology.
    pub source: Arc<str>,
    /// The file's size.
    pub bytes: Option<u64>,
    /// Its modification time; without one nothing is noted.
    pub modified: Option<Micros>,
    /// What the read-through told, in the source's own writing; kept with size and time, and `None` forgets it.
    pub read_through: Option<Vec<u8>>,
}

impl FileSpec {
    /// What it lies in, registered without a word on where it begins: at its first byte.
    pub(crate) fn partition_spec(&self) -> PartitionSpec {
        PartitionSpec { id: self.partition.clone(), source: self.source.clone(), begin: None }
    }
}

impl FeedSpec {
    /// Whether this is the earlier copy of what is known, by arrival and partition: so whichever copy is read first, the feed arrived when
    /// the earliest did. A day of a stream has one name and no copies.
    pub(crate) fn is_earlier_copy(&self, arrival: Option<Micros>, partition: Option<PartitionId>) -> bool {
        let known = partition.map(|partition| (arrival, partition));
        self.hash.is_some() && known.is_some_and(|known| (self.arrival, self.file.partition.clone()) < known)
    }
}

/// A feed as it is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenFeed {
    pub key: FeedKey,
    /// The arrival of the earliest of its copies.
    pub arrival: Option<Micros>,
    /// The version of the mapping it was registered with: of a stream, that of its first records.
    pub mapping_version: u32,
    /// Readings of the same bytes with earlier versions of the mapping, in order of their versions.
    pub earlier: Vec<FeedKey>,
}

/// A feed with an end, as far as other feeds and open days depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingFeed {
    pub key: FeedKey,
    /// The layout that decodes it.
    pub layout: Arc<str>,
    pub business_date: Option<Date>,
    pub arrival: Option<Micros>,
    /// All of it is read.
    pub through: bool,
    /// What it declares disagrees, so that none of it counts: told only of what is read again.
    pub waits: bool,
    /// Records of it sit in quarantine that name no account and date.
    pub unread: bool,
    /// As in [`OpenFeed`].
    pub earlier: Vec<FeedKey>,
}

/// How much of a feed sits in quarantine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BadRecords {
    pub count: u64,
    /// Some name no account and date.
    pub unread: bool,
}

/// What may change when a feed is through. `dates` is what steps that are not committed yet tell of the feed: facts of theirs may be
/// stored already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Affected {
    /// Facts of one feed whose key another does not have.
    Lacking { of: FeedKey, dates: Option<(Date, Date)>, beside: FeedKey },
    /// All that a feed says: such accounts may change as a whole.
    All { of: FeedKey, dates: Option<(Date, Date)> },
    /// Holdings of a feed.
    Holdings { of: FeedKey, dates: Option<(Date, Date)> },
    /// What a feed says and waits to count, for its trailer was still to come.
    Waiting { of: FeedKey, dates: Option<(Date, Date)> },
    /// Days of a vendor that are open, up to a date; all of them without one.
    Open { vendor: Arc<str>, until: Option<Date> },
}

/// The dates of an account that are touched; `whole`: all of it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AffectedAccount {
    pub account_no: Arc<str>,
    pub from: Date,
    pub until: Date,
    pub whole: bool,
}

/// What a step tells of the feed it reads, where that has an end, or waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedStep {
    pub feed: FeedKey,
    /// The first and the last date its facts speak of.
    pub dates: Option<(Date, Date)>,
    /// With this step all of it is in.
    pub through: bool,
    /// Of a delivery in several messages: how it stands with this step. One that is whole is `complete` with it, and waits no more.
    pub delivery: Option<Arc<Delivery>>,
}

impl FeedStep {
    /// Adds what the next step tells to what those before it told.
    pub fn add(self, steps: &mut Vec<FeedStep>) {
        let Some(step) = steps.iter_mut().find(|step| step.feed == self.feed) else {
            return steps.push(self);
        };
        let dates = match (step.dates, self.dates) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, other) => one.or(other),
        };
        *step = FeedStep { dates, ..self };
    }
}

/// How a delivery stands, as columns of its feed.
pub(crate) struct Delivered<'a> {
    /// While more is to come.
    pub kept: Option<&'a [u8]>,
    pub declared: Option<u64>,
    pub counted: Option<u64>,
    pub whole: bool,
}

impl<'a> From<&'a Delivery> for Delivered<'a> {
    fn from(stands: &'a Delivery) -> Self {
        let over = |survey: &Survey, whole| {
            let (declared, counted) = (survey.declared, Some(survey.counted));
            Delivered { kept: None, declared, counted, whole }
        };
        match stands {
            Delivery::Open { kept } => {
                Delivered { kept: Some(kept), declared: None, counted: None, whole: false }
            }
            Delivery::Whole(survey) => over(survey, true),
            Delivery::Waits(survey) => over(survey, false),
        }
    }
}

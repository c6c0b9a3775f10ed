//! Objects that events told of, on their way from who reads the events to the source that reads the objects.
use super::object::{self, Object, Wanted, mark};
use crate::S3Config;
use metrics::Counter;
use record::PartitionId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// An object as an event tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub bucket: String,
    pub key: String,
    pub etag: String,
    /// Where the bucket keeps versions.
    pub version: Option<String>,
}

/// How many objects wait in memory; of more the store knows.
const WAITING: usize = 10_000;

/// What events tell one S3 source. Whoever reads the events notes in the store what [`Told::to_note`] gives, and only then says [`Told::tell`]:
/// so a crash between loses nothing, and the source finds after a restart what it has not read.
pub struct Told {
    source: Arc<str>,
    bucket: String,
    wanted: Wanted,
    waiting: Mutex<Waiting>,
    woken: Notify,
    noted: Counter,
    others: Counter,
}

#[derive(Default)]
struct Waiting {
    objects: Vec<Object>,
    /// More were told of than wait here.
    more: bool,
    /// Nothing will be told any more.
    over: bool,
}

/// What was told since it was asked last.
pub(super) struct News {
    pub objects: Vec<Object>,
    /// The store knows of more.
    pub more: bool,
    pub over: bool,
}

impl Told {
    /// `source` is the name of the S3 source in the topology.
    ///
    /// # Errors
    /// Says what is wrong with the configuration.
    pub fn new(source: &str, config: &S3Config) -> Result<Told, String> {
        let events = |outcome: &'static str| metrics::counter!("dietz_s3_events_total", "source" => source.to_owned(), "outcome" => outcome);
        Ok(Told {
            source: source.into(),
            bucket: config.bucket.clone(),
            wanted: Wanted::new(config)?,
            waiting: Mutex::default(),
            woken: Notify::new(),
            noted: events("noted"),
            others: events("not_wanted"),
        })
    }

    fn object(&self, created: &Created) -> Option<Object> {
        let name = self.wanted.name(&created.key).filter(|_| created.bucket == self.bucket)?;
        Some(Object {
            name: name.into(),
            key: created.key.clone(),
            mark: mark(&created.etag),
            version: created.version.as_deref().map(Arc::from),
            stands: None,
        })
    }

    /// The partitions to note in the store before [`Told::tell`], and what to note with each: those of objects that this source reads.
    pub fn to_note(&self, created: &[Created]) -> Vec<(PartitionId, Arc<str>)> {
        let objects = created.iter().filter_map(|c| self.object(c));
        let note = |o: Object| {
            (object::partition(&self.source, &o.name, &o.mark), object::note(o.version.as_deref()))
        };
        objects.map(note).collect()
    }

    /// Wakes the source for what is noted.
    pub fn tell(&self, created: &[Created]) {
        let objects: Vec<Object> = created.iter().filter_map(|c| self.object(c)).collect();
        self.noted.increment(objects.len() as u64);
        self.others.increment((created.len() - objects.len()) as u64);
        if objects.is_empty() {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.objects.len() + objects.len() > WAITING {
            waiting.more = true;
        } else {
            waiting.objects.extend(objects);
        }
        drop(waiting);
        self.woken.notify_one();
    }

    /// Nothing will be told any more: who told has come to its end.
    pub fn end(&self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).over = true;
        self.woken.notify_one();
    }

    pub(super) fn take(&self) -> News {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { objects, more, over } = &mut *waiting;
        News { objects: std::mem::take(objects), more: std::mem::take(more), over: *over }
    }

    /// Waits until there is news, or may be.
    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;
    use super::*;

    fn created(bucket: &str, key: &str) -> Created {
        Created { bucket: bucket.into(), key: key.into(), etag: "ab12".into(), version: Some("v1".into()) }
    }

    #[test]
    fn objects_of_another_bucket_or_prefix_are_neither_noted_nor_read() {
        let told = Told::new("s", &config("in/", Some("*.csv"))).unwrap();
        let events = [
            created("feeds", "in/a.csv"),
            created("others", "in/a.csv"),
            created("feeds", "out/a.csv"),
            created("feeds", "in/a.txt"),
            created("feeds", "in/"),
        ];
        let note: Arc<str> = "object v1".into();
        assert_eq!(told.to_note(&events), [(PartitionId::new("s/a.csv@ab12"), note)]);
        told.tell(&events);
        let news = told.take();
        assert_eq!(news.objects.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["in/a.csv"]);
        assert!(!news.more && !news.over && told.take().objects.is_empty());
    }

    #[test]
    fn of_more_than_may_wait_it_is_known_that_the_store_has_them() {
        let told = Told::new("s", &config("", None)).unwrap();
        let many: Vec<Created> = (0..=WAITING).map(|n| created("feeds", &format!("{n}.csv"))).collect();
        told.tell(&many);
        let news = told.take();
        assert!(news.more && news.objects.is_empty());
        told.end();
        assert!(told.take().over);
    }
}

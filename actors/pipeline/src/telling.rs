//! Records that tell other sources what to read: "Object Created" events. What they tell is noted in the store before their batch is passed
//! on, so that no crash between loses an object.
use codecs::format::eventbridge::object_created;
use record::RawBatch;
use sources::s3::{Created, Told};
use sources::{Registry, SourceError};
use std::sync::Arc;

/// Who listens to the records of one source.
#[derive(Default)]
pub struct Telling {
    listeners: Vec<(Arc<Told>, Arc<dyn Registry>)>,
}

impl Telling {
    /// `registry` is that of the source that listens.
    pub fn add(&mut self, told: Arc<Told>, registry: Arc<dyn Registry>) {
        self.listeners.push((told, registry));
    }

    /// Notes what a batch tells, and wakes who listens. Safe to call again with the same batch.
    pub async fn note(&self, batch: &RawBatch) -> Result<(), SourceError> {
        if self.listeners.is_empty() {
            return Ok(());
        }
        let created = created(batch);
        if created.is_empty() {
            return Ok(());
        }
        for (told, registry) in &self.listeners {
            registry.begin(&told.to_note(&created)).await?;
            told.tell(&created);
        }
        Ok(())
    }

    /// The source has come to its end: it tells nothing any more.
    pub fn end(&self) {
        for (told, _) in &self.listeners {
            told.end();
        }
    }
}

/// The objects that a batch tells of. An event that does not say which is for the decoder to refuse.
fn created(batch: &RawBatch) -> Vec<Created> {
    let events = batch.records.iter().filter_map(|r| object_created(batch.record(r))?.ok());
    events.map(|e| Created { bucket: e.bucket, key: e.key, etag: e.etag, version: e.version }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::raw;

    #[test]
    fn a_batch_tells_of_the_objects_its_events_name_and_of_nothing_else() {
        let events = [
            r#"{"detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":"k","etag":"e"}}}"#,
            r#"{"detail-type":"Object Created","detail":{"bucket":{"name":"b"}}}"#,
            r#"{"detail-type":"PerformanceCorrection","detail":{}}"#,
        ];
        let (mut batch, mut payload) = (raw("abc"), Vec::new());
        for (record, event) in batch.records.iter_mut().zip(events) {
            record.start = u32::try_from(payload.len()).unwrap();
            payload.extend_from_slice(event.as_bytes());
            record.end = u32::try_from(payload.len()).unwrap();
        }
        batch.payload = payload.into();
        let told = created(&batch);
        let k = Created { bucket: "b".into(), key: "k".into(), etag: "e".into(), version: None };
        assert_eq!(told, [k]);
    }
}

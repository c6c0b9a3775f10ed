//! "Object Created" events: an object in S3 is there to be read.
use super::{Envelope, read, required};
use crate::value::money::ValueError;
use memchr::memmem;
use serde::Deserialize;

/// The detail-type of such an event.
const CREATED: &str = "Object Created";

/// What such an event says of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectCreated {
    pub bucket: String,
    /// As the bucket lists it: these events do not encode it, as those do that a bucket sends elsewhere.
    pub key: String,
    pub etag: String,
    /// Where the bucket keeps versions.
    pub version: Option<String>,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Option<Bucket>,
    object: Option<Object>,
}

#[derive(Deserialize)]
struct Bucket {
    name: Option<String>,
}

#[derive(Deserialize)]
struct Object {
    key: Option<String>,
    etag: Option<String>,
    #[serde(rename = "version-id")]
    version: Option<String>,
}

/// Reads an "Object Created" event; `None` for every other record. Records that do not even hold these words cost a search.
///
/// # Errors
/// `missing_field`, `bad_event`: it is such an event and does not say which object.
pub fn object_created(record: &[u8]) -> Option<Result<ObjectCreated, ValueError>> {
    memmem::find(record, CREATED.as_bytes())?;
    let envelope: Envelope<serde::de::IgnoredAny> = read(record).ok()?;
    (envelope.detail_type.as_deref() == Some(CREATED)).then(|| created(record))
}

fn created(record: &[u8]) -> Result<ObjectCreated, ValueError> {
    let detail = read::<Detail>(record)?.detail;
    let Detail { bucket, object } = detail.unwrap_or(Detail { bucket: None, object: None });
    let object = object.unwrap_or(Object { key: None, etag: None, version: None });
    Ok(ObjectCreated {
        bucket: required("detail.bucket.name", bucket.and_then(|b| b.name))?,
        key: required("detail.object.key", object.key)?,
        etag: required("detail.object.etag", object.etag)?.trim_matches('"').to_owned(),
        version: object.version.filter(|v| !v.is_empty() && v != "null"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(detail: &str) -> String {
        format!(
            r#"{{"version":"0","id":"e","detail-type":"Object Created","source":"aws.s3","time":"2026-01-09T15:04:05Z","resources":[],"detail":{detail}}}"#
        )
    }

    #[test]
    fn an_object_is_told_with_its_key_as_the_bucket_lists_it() {
        let text = event(
            r#"{"version":"0","bucket":{"name":"feeds"},"object":{"key":"in/a b+c%20d/\u00e9.csv","size":5,"etag":"b194-2","version-id":"Ie.x_1","sequencer":"00"},"request-id":"r","reason":"PutObject"}"#,
        );
        let created = object_created(text.as_bytes()).unwrap().unwrap();
        assert_eq!(created.bucket, "feeds");
        assert_eq!(created.key, "in/a b+c%20d/\u{e9}.csv");
        assert_eq!((created.etag.as_str(), created.version.as_deref()), ("b194-2", Some("Ie.x_1")));
    }

    #[test]
    fn an_event_that_does_not_say_which_object_is_an_error_and_other_records_are_none() {
        for (detail, what) in [
            ("{}", "detail.bucket.name"),
            (r#"{"bucket":{"name":"b"}}"#, "detail.object.key"),
            (r#"{"bucket":{"name":"b"},"object":{"key":"k"}}"#, "detail.object.etag"),
        ] {
            let fault = object_created(event(detail).as_bytes()).unwrap().unwrap_err();
            assert!(fault.code == "missing_field" && fault.text.contains(what), "{fault:?}");
        }
        let wrong = object_created(event(r#"{"bucket":7}"#).as_bytes()).unwrap().unwrap_err();
        assert_eq!(wrong.code, "bad_event");
        let speaks_of_it = r#"{"detail-type":"PerformanceCorrection","detail":{"reason":"Object Created"}}"#;
        for other in [speaks_of_it, "Object Created", "{}", ""] {
            assert!(object_created(other.as_bytes()).is_none(), "{other}");
        }
    }
}

//! A bucket as this source asks it: all names, one object's standing, one object's bytes.
use super::fault::{Answer, replaced};
use super::object::{MOST, Object, Stands, Wanted, mark, order, too_many};
use crate::whole::content::Trouble;
use crate::{S3Config, SourceError, aws};
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use std::sync::Arc;

/// A bucket, and what is wanted of it.
#[derive(Clone)]
pub(super) struct Bucket {
    client: Client,
    pub name: Arc<str>,
    pub wanted: Wanted,
    pub source: Arc<str>,
}

impl Bucket {
    /// With what the SDK's chain gives.
    pub(super) async fn open(source: &Arc<str>, config: &S3Config) -> Result<Bucket, SourceError> {
        let shared = aws::config().await;
        aws::ready(&shared, &format!("source {source}")).await?;
        let plain = aws_sdk_s3::config::Builder::from(&shared);
        // Another endpoint need not know the bucket as a host of its own; those of AWS do, and want to.
        let elsewhere = shared.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        let client = Client::from_conf(plain.force_path_style(elsewhere).build());
        Bucket::with(client, source, config)
    }

    pub(super) fn with(client: Client, source: &Arc<str>, config: &S3Config) -> Result<Bucket, SourceError> {
        let wanted = Wanted::new(config).map_err(SourceError::Fatal)?;
        Ok(Bucket { client, name: config.bucket.as_str().into(), wanted, source: source.clone() })
    }

    /// All objects that are wanted, in order of name.
    pub(super) async fn list(&self) -> Result<Vec<Object>, SourceError> {
        let mut found = Vec::new();
        let request = self.client.list_objects_v2().bucket(&*self.name).prefix(&self.wanted.prefix);
        let mut pages = request.into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| Answer::of(&e).to_listing(&self.name, &self.wanted.prefix))?;
            for object in page.contents() {
                found.extend(self.listed(object)?);
            }
            if found.len() > MOST {
                return Err(too_many(&self.name, &self.wanted.prefix));
            }
        }
        metrics::counter!("dietz_s3_objects_listed_total", "source" => self.source.to_string())
            .increment(found.len() as u64);
        order(&mut found);
        Ok(found)
    }

    /// `None`: it is not wanted.
    fn listed(&self, o: &aws_sdk_s3::types::Object) -> Result<Option<Object>, SourceError> {
        let Some(key) = o.key() else { return Ok(None) };
        let Some(name) = self.wanted.name(key) else { return Ok(None) };
        let etag = plain(o.e_tag());
        if etag.is_empty() {
            let text =
                "is listed without an ETag, by which contents are told apart: this service cannot be read";
            return Err(SourceError::Fatal(format!("s3://{}/{key} {text}", self.name)));
        }
        let (name, key, mark) = (name.into(), key.to_owned(), mark(&etag));
        let stands = Stands { etag, size: size(o.size()), modified: micros(o.last_modified()) };
        Ok(Some(Object { name, key, mark, version: None, stands: Some(stands) }))
    }

    /// How an object stands now, or its version.
    pub(super) async fn head(&self, object: &Object) -> Result<Object, Trouble> {
        let request = self.client.head_object().bucket(&*self.name).key(&object.key);
        let head = request.set_version_id(object.version.as_deref().map(str::to_owned)).send().await;
        let head = head.map_err(|e| Answer::of(&e).to_object(&self.name, object))?;
        let etag = plain(head.e_tag());
        let (size, modified) = (size(head.content_length()), micros(head.last_modified()));
        Ok(Object { mark: mark(&etag), stands: Some(Stands { etag, size, modified }), ..object.clone() })
    }

    /// An object's bytes from one on, up to another where that is said (the last is in it); of this very content alone.
    pub(super) async fn get(&self, object: &Object, from: u64, to: Option<u64>) -> Result<Got, Trouble> {
        let mut request = self.client.get_object().bucket(&*self.name).key(&object.key);
        request = request.set_version_id(object.version.as_deref().map(str::to_owned));
        let etag = object.stands.as_ref().map(|s| s.etag.as_str()).filter(|etag| !etag.is_empty());
        request = request.set_if_match(etag.map(|etag| format!("\"{etag}\"")));
        if from > 0 || to.is_some() {
            request = request.range(format!("bytes={from}-{}", to.map_or(String::new(), |n| n.to_string())));
        }
        let got = request.send().await.map_err(|e| Answer::of(&e).to_object(&self.name, object))?;
        // Who does not heed the condition says at least what it gave.
        if etag.is_some_and(|etag| got.e_tag().is_some_and(|given| plain(Some(given)) != etag)) {
            return Err(Trouble::Changed(replaced(&format!("s3://{}/{}", self.name, object.key))));
        }
        // Who does not heed the range gives all.
        let heeded =
            from == 0 || got.content_range().is_some_and(|r| r.starts_with(&format!("bytes {from}-")));
        if !heeded {
            let text =
                format!("s3://{}/{}: a part was asked for and another was given", self.name, object.key);
            return Err(Trouble::Source(SourceError::Transient(text)));
        }
        Ok(Got { version: got.version_id().map(Arc::from), body: got.body })
    }
}

/// An answer with an object's bytes.
pub(super) struct Got {
    pub body: ByteStream,
    /// Which version they are of, where the bucket keeps versions.
    pub version: Option<Arc<str>>,
}

/// An ETag without its quotes.
fn plain(etag: Option<&str>) -> String {
    etag.unwrap_or_default().trim_matches('"').to_owned()
}

fn size(stated: Option<i64>) -> u64 {
    stated.and_then(|n| u64::try_from(n).ok()).unwrap_or_default()
}

fn micros(time: Option<&DateTime>) -> i64 {
    time.and_then(|t| i64::try_from(t.as_nanos() / 1000).ok()).unwrap_or_default()
}

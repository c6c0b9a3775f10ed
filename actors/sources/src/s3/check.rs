//! Whether a bucket can be listed and read, for `dietz check --connect`.
use super::S3Config;
use super::bucket::Bucket;
use crate::SourceError;
use crate::whole::content::Trouble;
use std::sync::Arc;

/// What a source would find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    pub objects: u64,
    /// Of all of them, as they lie there.
    pub bytes: u64,
    /// Why the first of them cannot be read, if so.
    pub unreadable: Option<String>,
}

/// Lists all that is wanted, looks at the first object and gets a byte of it.
///
/// # Errors
/// It cannot be listed: the text says what to do.
pub async fn outlook(source: &str, config: &S3Config) -> Result<Outlook, SourceError> {
    let bucket = Bucket::open(&Arc::from(source), config).await?;
    of(&bucket).await
}

pub(super) async fn of(bucket: &Bucket) -> Result<Outlook, SourceError> {
    let objects = bucket.list().await?;
    let sizes = objects.iter().filter_map(|o| o.stands.as_ref()).map(|s| s.size);
    let mut outlook = Outlook { objects: objects.len() as u64, bytes: sizes.sum(), unreadable: None };
    if let Some(first) = objects.iter().find(|o| o.stands.as_ref().is_some_and(|s| s.size > 0)) {
        let got = match bucket.head(first).await {
            Ok(now) => bucket.get(&now, 0, Some(0)).await.map(drop),
            Err(e) => Err(e),
        };
        outlook.unreadable = match got {
            Ok(()) | Err(Trouble::Gone(_) | Trouble::Changed(_)) => None,
            Err(Trouble::Source(e)) => return Err(e),
            Err(e @ Trouble::Refused(_)) => Some(e.to_string()),
        };
    }
    Ok(outlook)
}

//! A look at one object: what it is, by reading it through unless the store knows.
use super::Settings;
use super::bucket::Bucket;
use super::download::{Remote, stamp};
use super::fault::replaced;
use super::object::Object;
use crate::whole::content::Trouble;
use crate::whole::survey::{Rejection, Subject, Surveyed, Whole, survey};
use crate::{Refused, SourceError};
use std::sync::Arc;
use tokio::runtime::Handle;

/// What a look at an object gave.
pub(super) enum Outcome {
    Whole(Box<Whole>),
    Refused(Box<Rejection>),
    /// It is another one by now.
    Again(Box<Object>),
    /// It was listed, and is there no more.
    Nothing,
}

/// Looks at one object; blocks. `kept` is what the store has of its read-through.
pub(super) fn look(
    object: Object,
    kept: Option<&[u8]>,
    settings: &Settings,
    bucket: &Arc<Bucket>,
    runtime: &Handle,
) -> Result<Outcome, SourceError> {
    let told_of = object.stands.is_none();
    let place = format!("s3://{}/{}", bucket.name, object.key);
    let trouble = |trouble: Trouble| match trouble {
        Trouble::Source(e) => Err(e),
        Trouble::Refused(why) => {
            let rejection = Rejection::unreadable(&object.name, why.text);
            Ok(Outcome::Refused(Box::new(Rejection { version: object.version.clone(), ..rejection })))
        }
        Trouble::Gone(text) | Trouble::Changed(text) if told_of => Ok(lost(&object, text)),
        Trouble::Gone(_) => Ok(Outcome::Nothing),
        Trouble::Changed(_) => match runtime.block_on(bucket.head(&object)) {
            Ok(now) => Ok(Outcome::Again(Box::new(now))),
            Err(Trouble::Source(e)) => Err(e),
            Err(_) => Ok(Outcome::Nothing),
        },
    };
    let found = match &object.stands {
        Some(_) => object.clone(),
        None => match runtime.block_on(bucket.head(&object)) {
            Ok(now) if now.mark != object.mark => return trouble(Trouble::Changed(replaced(&place))),
            Ok(now) => now,
            Err(e) => return trouble(e),
        },
    };
    let stamp = stamp(&found);
    let content = Arc::new(Remote::new(bucket, found, runtime));
    let subject = Subject { name: object.name.clone(), content, found: Some(stamp) };
    match survey(subject, kept, &settings.how, &*settings.layouts) {
        Ok(Surveyed::Whole(whole)) => Ok(Outcome::Whole(whole)),
        Ok(Surveyed::Refused(why)) => Ok(Outcome::Refused(why)),
        Ok(Surveyed::Changed(text)) => trouble(Trouble::Changed(text)),
        Err(e) => trouble(
            Trouble::of(&e)
                .cloned()
                .unwrap_or_else(|| Trouble::Source(SourceError::Transient(format!("{place}: {e}")))),
        ),
    }
}

/// An event told of it, and it cannot be had any more: its own partition ends with one row that says so.
fn lost(object: &Object, text: String) -> Outcome {
    let why =
        Refused { code: "gone", text: format!("{text}; an event told of it, and it was not read before") };
    Outcome::Refused(Box::new(Rejection {
        name: object.name.clone(),
        mark: object.mark.clone(),
        why,
        head: Vec::new(),
        readable: true,
        stamp: None,
        version: object.version.clone(),
    }))
}

//! What the answers of S3 mean: for the whole source, for one object, or nothing that lasts.
use super::object::Object;
use crate::aws::{advice, chain};
use crate::whole::content::Trouble;
use crate::{Refused, SourceError};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use std::error::Error;

/// An answer that is no success, without the operation's own type.
#[derive(Debug)]
pub(super) struct Answer {
    /// None: there was no answer, or none that could be read.
    status: Option<u16>,
    code: String,
    /// With all causes.
    text: String,
    /// Where the bucket is, when it is not where it was asked.
    region: Option<String>,
    /// There was no request: something it needs is missing or wrong.
    unasked: bool,
}

impl Answer {
    pub(super) fn of<E>(e: &SdkError<E, HttpResponse>) -> Answer
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let raw = e.raw_response();
        let code = e.as_service_error().and_then(|e| e.code()).unwrap_or_default().to_owned();
        let said = e.as_service_error().and_then(|e| e.message()).map(str::to_owned);
        Answer {
            status: raw.map(|r| r.status().as_u16()),
            text: said.unwrap_or_else(|| chain(e)),
            region: raw.and_then(|r| r.headers().get("x-amz-bucket-region")).map(str::to_owned),
            unasked: matches!(e, SdkError::ConstructionFailure(_))
                || matches!(e, SdkError::DispatchFailure(d) if d.is_user()),
            code,
        }
    }

    fn told(&self) -> String {
        let code = match (self.code.as_str(), self.status) {
            ("", Some(status)) => format!("HTTP {status}"),
            (code, _) => code.to_owned(),
        };
        match (code.as_str(), self.text.as_str()) {
            ("", text) => text.to_owned(),
            (code, "") => code.to_owned(),
            (code, text) => format!("{code}: {text}"),
        }
    }

    /// It will not pass by itself, whatever object is asked for.
    fn of_all(&self, bucket: &str) -> Option<String> {
        let told = self.told();
        let elsewhere = matches!(
            self.code.as_str(),
            "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException"
        ) || self.status == Some(301);
        if elsewhere {
            let region = self.region.as_deref().map_or("its own region".into(), |r| format!("`{r}`"));
            return Some(format!(
                "the bucket {bucket} is in another region ({told}): set AWS_REGION to {region}"
            ));
        }
        if self.code == "NoSuchBucket" {
            return Some(format!(
                "there is no bucket {bucket} here: correct `bucket`, or AWS_REGION and the account in use"
            ));
        }
        if self.code == "AccessDenied" || self.code == "RequestTimeTooSkewed" {
            return None;
        }
        let advice = advice(&self.code);
        advice
            .map(|what| format!("s3://{bucket}: {told}; {what}"))
            .or_else(|| self.unasked.then(|| format!("s3://{bucket}: {told}")))
    }

    /// What it means when it came to listing.
    pub(super) fn to_listing(&self, bucket: &str, prefix: &str) -> SourceError {
        if let Some(text) = self.of_all(bucket) {
            return SourceError::Fatal(text);
        }
        let place = format!("s3://{bucket}/{prefix}");
        match self.status {
            Some(403) if self.code != "RequestTimeTooSkewed" => SourceError::Fatal(format!(
                "{place} may not be listed ({}): allow s3:ListBucket on the bucket to the credentials in use",
                self.told()
            )),
            Some(404) => {
                SourceError::Fatal(format!("{place} is not there ({}): correct `bucket`", self.told()))
            }
            _ => SourceError::Transient(format!("{place} could not be listed: {}", self.told())),
        }
    }

    /// What it means when it came to one object.
    pub(super) fn to_object(&self, bucket: &str, object: &Object) -> Trouble {
        let place = format!("s3://{bucket}/{}", object.key);
        let told = self.told();
        if let Some(text) = self.of_all(bucket) {
            return Trouble::Source(SourceError::Fatal(text));
        }
        let refused = |text| Trouble::Refused(Refused { code: "unreadable", text });
        match (self.code.as_str(), self.status) {
            ("RequestTimeTooSkewed", _) => Trouble::Source(SourceError::Transient(format!(
                "{place}: {told}; set the clock of this machine right"
            ))),
            ("InvalidObjectState", _) => refused(format!("{place} is archived ({told}): restore it first")),
            (_, Some(412)) => Trouble::Changed(replaced(&place)),
            (_, Some(404)) => Trouble::Gone(format!("{place} is gone ({told})")),
            (_, Some(403)) => refused(format!(
                "{place} may not be read ({told}): allow s3:GetObject on it, and kms:Decrypt of its key, to the credentials in use"
            )),
            // What cannot be asked in another way stays as it is: a key that is too long, an object under a key of the caller's.
            (_, Some(400 | 405)) => refused(format!("{place} cannot be read: {told}")),
            _ => Trouble::Source(SourceError::Transient(format!("{place}: {told}"))),
        }
    }
}

/// Of an object that is not what it was.
pub(super) fn replaced(place: &str) -> String {
    format!("{place} was replaced by another: that is read as what it is now")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str) -> Answer {
        let (code, text) = (code.to_owned(), "said".to_owned());
        Answer { status: Some(status), code, text, region: Some("eu-west-1".into()), unasked: false }
    }

    fn object() -> Object {
        let (name, key) = ("a".into(), "in/a".into());
        Object { name, key, mark: "e".into(), version: None, stands: None }
    }

    #[test]
    fn what_no_object_can_be_read_for_is_fatal_and_says_what_to_do() {
        for (status, code, what) in [
            (301, "PermanentRedirect", "AWS_REGION to `eu-west-1`"),
            (400, "AuthorizationHeaderMalformed", "AWS_REGION"),
            (404, "NoSuchBucket", "correct `bucket`"),
            (403, "InvalidAccessKeyId", "AWS_PROFILE"),
            (403, "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY"),
            (400, "ExpiredToken", "renew"),
        ] {
            let listing = answer(status, code).to_listing("b", "in/");
            let Trouble::Source(getting) = answer(status, code).to_object("b", &object()) else {
                panic!("{code} is of all objects")
            };
            for e in [listing, getting] {
                assert!(matches!(&e, SourceError::Fatal(text) if text.contains(what)), "{code}: {e}");
            }
        }
        let denied = answer(403, "AccessDenied").to_listing("b", "in/");
        assert!(matches!(&denied, SourceError::Fatal(text) if text.contains("s3:ListBucket")), "{denied}");
    }

    #[test]
    fn what_is_wrong_with_one_object_is_of_that_one_alone() {
        let of = |status, code| answer(status, code).to_object("b", &object());
        let refused = |t: &Trouble, what: &str| matches!(t, Trouble::Refused(r) if r.text.contains(what) && r.text.contains("s3://b/in/a"));
        assert!(refused(&of(403, "AccessDenied"), "s3:GetObject"));
        assert!(refused(&of(403, ""), "s3:GetObject"), "an answer to HEAD has no code");
        assert!(refused(&of(403, "InvalidObjectState"), "restore"));
        assert!(matches!(of(412, "PreconditionFailed"), Trouble::Changed(_)));
        assert!(matches!(of(404, "NoSuchKey"), Trouble::Gone(_)));
        assert!(matches!(of(404, ""), Trouble::Gone(_)));
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for (status, code) in
            [(500, "InternalError"), (503, "SlowDown"), (403, "RequestTimeTooSkewed"), (429, "")]
        {
            let object = answer(status, code).to_object("b", &object());
            assert!(matches!(object, Trouble::Source(SourceError::Transient(_))), "{code}");
            assert!(matches!(answer(status, code).to_listing("b", ""), SourceError::Transient(_)), "{code}");
        }
    }
}

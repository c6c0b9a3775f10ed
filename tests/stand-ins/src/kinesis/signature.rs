//! Who signed a request, for which region and when. The signature itself is not computed.
use super::error::{ApiError, ErrorKind};
use super::settings::{Credentials, Settings};
use hyper::HeaderMap;

/// How far a request's time may be from ours, in milliseconds.
const TOLERATED: i64 = 300_000;

pub(super) fn check(headers: &HeaderMap, settings: &Settings, now: i64) -> Result<(), ApiError> {
    let Credentials::Key(key) = &settings.credentials else { return Ok(()) };
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    let scope = text("authorization")
        .and_then(|a| a.split_once("Credential="))
        .and_then(|(_, rest)| rest.split(',').next());
    let (Some(scope), Some(date)) = (scope, text("x-amz-date")) else {
        return Err(ApiError::new(ErrorKind::MissingAuthenticationToken, "Missing Authentication Token"));
    };
    let mut parts = scope.split('/');
    let (signer, region) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    if region != settings.region {
        let message = format!("Credential should be scoped to a valid region, not '{region}'.");
        return Err(ApiError::new(ErrorKind::InvalidSignature, message));
    }
    if signer != key {
        let message = ErrorKind::UnrecognizedClient.injected_message();
        return Err(ApiError::new(ErrorKind::UnrecognizedClient, message));
    }
    must_be_current(date, now)
}

fn must_be_current(date: &str, now: i64) -> Result<(), ApiError> {
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date)
        .and_then(|d| jiff::tz::TimeZone::UTC.to_timestamp(d))
        .map(jiff::Timestamp::as_millisecond);
    let Ok(signed) = signed else {
        let message = format!("Date must be in ISO-8601 'basic format'. Got '{date}'.");
        return Err(ApiError::new(ErrorKind::InvalidSignature, message));
    };
    let off = now.saturating_sub(signed);
    if off.abs() <= TOLERATED {
        return Ok(());
    }
    let what = if off > 0 { "expired" } else { "not yet current" };
    let side = if off > 0 { "earlier" } else { "later" };
    let ours = jiff::Timestamp::from_millisecond(now).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ");
    let message = format!("Signature {what}: {date} is now {side} than {ours} by more than 5 min.");
    Err(ApiError::new(ErrorKind::InvalidSignature, message))
}

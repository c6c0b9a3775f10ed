//! Events about figures: one EventBridge envelope a line.
//!
//! ```json
//! {"id": "e-1", "time": "2026-01-09T15:04:05Z", "source": "operations", "detail-type": "PerformanceCorrection",
//!  "detail": {"account": "A1", "date": "2026-01-05", "end_value": "1234.50", "fees": null, "ticket": "T-7",
//!             "who": "j.doe", "reason": "late price", "revision": 2}}
//! ```
//!
//! Amounts are numbers or decimal strings and are kept exact. A field that is `null` is no longer corrected; one that is absent is not
//! spoken of. A key that is unknown in `detail` is an error: a misspelled field must not be a correction that does nothing. In the
//! envelope around it unknown keys pass, since the service adds its own.
//!
//! "Object Created" events say nothing of figures: they tell a source what to read ([`object_created`]).
mod object;

pub use object::{ObjectCreated, object_created};

use super::FormatError;
use crate::value::date::{Micros, iso_date, iso_instant};
use crate::value::money::{MoneySpelling, ValueError, parse};
use returns::Date;
use returns::fact::{Correction, Patch};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What an event says, about one account and date.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The account's number, as we print it.
    pub account: String,
    pub date: Date,
    pub correction: Correction,
    /// The ticket's revision, where it has one; none is lowest.
    pub revision: Option<u64>,
}

/// The type of event that corrects.
const CORRECTION: &str = "PerformanceCorrection";

/// Reads one event.
///
/// # Errors
/// `unknown_detail_type`, `missing_field`, `bad_event` (no JSON, an unknown or repeated key, a wrong type, nothing corrected),
/// `bad_date`, `bad_number`, `amount_range`.
pub fn decode(record: &[u8]) -> Result<Event, ValueError> {
    let envelope: Envelope<IgnoredAny> = read(record)?;
    match required("detail-type", envelope.detail_type)?.as_str() {
        CORRECTION => correction(read(record)?),
        other => {
            let other: String = other.chars().take(80).collect();
            let text = format!("`{other}` is no known detail-type: expected `{CORRECTION}`");
            Err(ValueError::new("unknown_detail_type", None, text))
        }
    }
}

/// The account and date that a correction names, though it cannot be read as a whole: what it would have changed is held.
pub fn names(record: &[u8]) -> (Option<String>, Option<Date>) {
    #[derive(Default, Deserialize)]
    struct Named {
        account: Option<String>,
        date: Option<String>,
    }
    let envelope = serde_json::from_slice::<Envelope<Named>>(record).ok();
    let named = envelope.filter(|e| e.detail_type.as_deref() == Some(CORRECTION)).and_then(|e| e.detail);
    let Named { account, date } = named.unwrap_or_default();
    (account, date.and_then(|date| iso_date(date.as_bytes()).ok()))
}

impl From<ValueError> for FormatError {
    fn from(e: ValueError) -> Self {
        FormatError { code: e.code, text: e.text, at: e.at }
    }
}

/// The envelope, as far as it matters.
#[derive(Deserialize)]
struct Envelope<D> {
    id: Option<String>,
    time: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    detail: Option<D>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CorrectionDetail {
    account: Option<String>,
    date: Option<String>,
    #[serde(default, deserialize_with = "stated")]
    end_value: Option<Value>,
    #[serde(default, deserialize_with = "stated")]
    contributions: Option<Value>,
    #[serde(default, deserialize_with = "stated")]
    distributions: Option<Value>,
    #[serde(default, deserialize_with = "stated")]
    fees: Option<Value>,
    reason: Option<String>,
    who: Option<String>,
    ticket: Option<String>,
    revision: Option<u64>,
}

/// A value that is there, `null` included; serde alone would take `null` for absent.
fn stated<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

fn read<D: DeserializeOwned>(record: &[u8]) -> Result<Envelope<D>, ValueError> {
    serde_json::from_slice(record).map_err(|e| {
        let at = (e.line() == 1).then(|| e.column().saturating_sub(1));
        ValueError::new("bad_event", at, format!("the event cannot be read: {e}"))
    })
}

fn required(name: &str, field: Option<String>) -> Result<String, ValueError> {
    field
        .filter(|text| !text.trim().is_empty())
        .ok_or_else(|| ValueError::new("missing_field", None, format!("the event has no `{name}`")))
}

fn correction(envelope: Envelope<CorrectionDetail>) -> Result<Event, ValueError> {
    let event_id = required("id", envelope.id)?;
    let event_time: Micros = iso_instant(required("time", envelope.time)?.as_bytes())?;
    let detail = envelope
        .detail
        .ok_or_else(|| ValueError::new("missing_field", None, "the event has no `detail`".into()))?;
    let correction = Correction {
        end_value: patch("end_value", detail.end_value)?,
        contributions: patch("contributions", detail.contributions)?,
        distributions: patch("distributions", detail.distributions)?,
        fees: patch("fees", detail.fees)?,
        event_id: event_id.into(),
        event_time,
        ticket: required("detail.ticket", detail.ticket)?.into(),
        who: detail.who.unwrap_or_default().into(),
        reason: detail.reason.unwrap_or_default().into(),
    };
    let Correction { end_value, contributions, distributions, fees, .. } = &correction;
    if [end_value, contributions, distributions, fees].iter().all(|p| **p == Patch::Absent) {
        let text = "the event corrects nothing: expected end_value, contributions, distributions or fees";
        return Err(ValueError::new("bad_event", None, text.into()));
    }
    Ok(Event {
        account: required("detail.account", detail.account)?,
        date: iso_date(required("detail.date", detail.date)?.as_bytes())?,
        correction,
        revision: detail.revision,
    })
}

fn patch(name: &str, value: Option<Value>) -> Result<Patch, ValueError> {
    let amount = |text: &str| {
        let amount = parse(text.as_bytes(), &MoneySpelling::json())
            .map_err(|e| ValueError { text: format!("{name}: {}", e.text), ..e })?;
        amount.map(Patch::Set).ok_or_else(|| {
            ValueError::new(
                "bad_number",
                None,
                format!("{name}: empty; write null to take a correction away"),
            )
        })
    };
    match value {
        None => Ok(Patch::Absent),
        Some(Value::Null) => Ok(Patch::TakenAway),
        Some(Value::Number(number)) => amount(number.as_str()),
        Some(Value::String(text)) => amount(&text),
        Some(_) => {
            let text = format!("{name}: expected a number, a decimal string or null");
            Err(ValueError::new("bad_number", None, text))
        }
    }
}

#[cfg(test)]
mod tests;

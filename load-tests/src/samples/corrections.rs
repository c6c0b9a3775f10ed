//! The firm's own corrections, as EventBridge delivers them.
use super::calendar::on;
use super::story::{Book, Day};
use super::text::plain;
use returns::Date;

/// What an event says of a field.
enum Field {
    /// What is so, as the story has it.
    Right(&'static str, fn(&Day) -> i64),
    /// The same, written as a number instead of a text.
    RightNumber(&'static str, fn(&Day) -> i64),
    /// JSON, as it stands.
    Json(&'static str),
}

use Field::{Json, Right, RightNumber};

struct Event {
    ticket: &'static str,
    revision: Option<u32>,
    time: &'static str,
    account: &'static str,
    date: Date,
    fields: &'static [Field],
    reason: &'static str,
}

const END: Field = Right("end_value", |day| day.end);

#[rustfmt::skip]
const EVENTS: &[Event] = &[
    event("T-101", None, "2025-02-06T15:12:40Z", "MT-200-0005", on(2, 5), &[END], "price typed with one digit too many"),
    event("T-102", None, "2025-02-04T16:20:00Z", "TD-8002", on(1, 15), &[Right("contributions", |day| day.contributions)], "deposit missed by the vendor"),
    event("T-103", None, "2025-02-05T14:01:09Z", "QC-301000037", on(2, 3), &[Right("fees", |day| day.fees)], "fee not reported"),
    event("T-104", None, "2025-02-04T18:00:00Z", "U1100002", on(1, 23), &[RightNumber("end_value", |day| day.end)], "late price"),
    event("T-105", Some(1), "2025-03-17T14:30:00Z", "MT-200-0008", on(3, 14), &[Json(r#""end_value":"98000.00""#)], "first estimate"),
    event("T-105", Some(2), "2025-03-18T09:45:00Z", "MT-200-0008", on(3, 14), &[END], "the fund's final price"),
    event("T-106", Some(1), "2025-03-04T13:00:00Z", "TD-8005", on(2, 20), &[END, Json(r#""fees":"25.00""#)], "late price and a fee"),
    event("T-106", Some(2), "2025-03-05T13:00:00Z", "TD-8005", on(2, 20), &[Json(r#""fees":null"#)], "there was no fee"),
    event("T-107", None, "2025-02-14T10:10:00Z", "QC-301000029", on(2, 12), &[END], "late price; the vendor agreed later"),
    event("T-108", None, "2025-03-06T19:00:00Z", "MT-200-0009", on(3, 5), &[END], "late price; the vendor says otherwise"),
    event("T-109", None, "2025-01-30T17:00:00Z", "MT-200-0010", on(1, 28), &[Right("distributions", |day| day.distributions)], "missing in the activity file"),
    event("T-109", None, "2025-01-30T17:00:00Z", "MT-200-0010", on(1, 28), &[Right("distributions", |day| day.distributions)], "missing in the activity file"),
    event("T-110", None, "2025-04-03T12:00:00Z", "U1100003", on(3, 19), &[RightNumber("distributions", |day| day.distributions), Json(r#""fees":"18.75""#)], "withdrawal and fee missed"),
    event("T-111", None, "2025-03-24T12:00:00Z", "QC-301000102", on(3, 20), &[Json(r#""contributions":"0""#), Right("distributions", |day| day.distributions)], "booked the wrong way round"),
    event("T-112", None, "2025-02-26T12:00:00Z", "MT-200-0006", on(2, 24), &[Json(r#""end_valeu":"1.00""#)], "a misspelled field"),
    event("T-113", None, "2025-03-12T08:30:00Z", "MT-200-0003", on(3, 3), &[Json(r#""fees":"0""#)], "fee waived"),
];

const fn event(
    ticket: &'static str,
    revision: Option<u32>,
    time: &'static str,
    account: &'static str,
    date: Date,
    fields: &'static [Field],
    reason: &'static str,
) -> Event {
    Event { ticket, revision, time, account, date, fields, reason }
}

/// One event a line.
pub fn lines(book: &Book) -> String {
    EVENTS.iter().map(|event| line(event, book)).collect()
}

fn line(event: &Event, book: &Book) -> String {
    let Event { ticket, time, account, date, reason, .. } = event;
    let revision = event.revision.map_or_else(String::new, |r| format!(",\"revision\":{r}"));
    let id = format!("{}-{}", ticket.to_lowercase(), event.revision.unwrap_or(1));
    let fields: Vec<String> = event.fields.iter().filter_map(|f| field(f, event, book)).collect();
    let fields = fields.join(",");
    format!(
        "{{\"id\":\"{id}\",\"time\":\"{time}\",\"source\":\"operations\",\"detail-type\":\"PerformanceCorrection\",\"detail\":\
{{\"account\":\"{account}\",\"date\":\"{date}\",{fields},\"reason\":\"{reason}\",\"who\":\"desk\",\"ticket\":\"{ticket}\"{revision}}}}}\n"
    )
}

fn field(field: &Field, event: &Event, book: &Book) -> Option<String> {
    // Events use our numbers, the story the vendors'.
    let day = || book.day(event.account.trim_start_matches("QC-"), event.date);
    match field {
        Right(name, of) => Some(format!("\"{name}\":\"{}\"", plain(of(day()?)))),
        RightNumber(name, of) => Some(format!("\"{name}\":{}", plain(of(day()?)))),
        Json(text) => Some((*text).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_speaks_of_a_day_of_the_story() {
        let book = Book::new();
        for event in EVENTS {
            let fields = event.fields.iter().filter_map(|f| field(f, event, &book)).count();
            assert_eq!(fields, event.fields.len(), "{} on {}", event.account, event.date);
        }
    }
}

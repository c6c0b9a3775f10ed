//! The firm's own corrections, as EventBridge delivers them.
use super::calendar::on;
use super::story::Book;
use super::text::plain;
use returns::Date;

struct Event {
    ticket: &'static str,
    revision: Option<u32>,
    time: &'static str,
    account: &'static str,
    date: Date,
    /// Fields with their values, as JSON.
    fields: String,
    reason: &'static str,
}

/// One event a line.
pub fn lines(book: &Book) -> String {
    let end = |number: &str, date| format!("\"end_value\":\"{}\"", book.day(number, date).map_or_else(String::new, |d| plain(d.end)));
    let fee = |number: &str, date| format!("\"fees\":\"{}\"", book.day(number, date).map_or_else(String::new, |d| plain(d.fees)));
    let event = |ticket, revision, time, account, date, fields, reason| Event { ticket, revision, time, account, date, fields, reason };
    let quarry = |number: &str| number.trim_start_matches("QC-").to_owned();
    let number = end("U1100002", on(1, 23)).replace(":\"", ":").trim_end_matches('"').to_owned();
    let two = |a: String, b: &str| format!("{a},{b}");
    let events = [
        event("T-101", None, "2025-02-06T15:12:40Z", "MT-200-0005", on(2, 5), end("MT-200-0005", on(2, 5)), "price typed with one digit too many"),
        event("T-102", None, "2025-02-04T16:20:00Z", "TD-8002", on(1, 15), "\"contributions\":\"5000.00\"".into(), "deposit missed by the vendor"),
        event("T-103", None, "2025-02-05T14:01:09Z", "QC-301000037", on(2, 3), fee(&quarry("QC-301000037"), on(2, 3)), "fee not reported"),
        event("T-104", None, "2025-02-04T18:00:00Z", "U1100002", on(1, 23), number, "late price, as a number"),
        event("T-105", Some(1), "2025-03-17T14:30:00Z", "MT-200-0008", on(3, 14), "\"end_value\":\"98000.00\"".into(), "first estimate"),
        event("T-105", Some(2), "2025-03-18T09:45:00Z", "MT-200-0008", on(3, 14), end("MT-200-0008", on(3, 14)), "the fund's final price"),
        event("T-106", Some(1), "2025-03-04T13:00:00Z", "TD-8005", on(2, 20), two(end("TD-8005", on(2, 20)), "\"fees\":\"25.00\""), "late price and a fee"),
        event("T-106", Some(2), "2025-03-05T13:00:00Z", "TD-8005", on(2, 20), "\"fees\":null".into(), "there was no fee"),
        event("T-107", None, "2025-02-14T10:10:00Z", "QC-301000029", on(2, 12), end("301000029", on(2, 12)), "late price; the vendor agreed later"),
        event("T-108", None, "2025-03-06T19:00:00Z", "MT-200-0009", on(3, 5), end("MT-200-0009", on(3, 5)), "late price; the vendor says otherwise"),
        event("T-109", None, "2025-01-30T17:00:00Z", "MT-200-0010", on(1, 28), "\"distributions\":\"2500.00\"".into(), "missing in the activity file"),
        event("T-109", None, "2025-01-30T17:00:00Z", "MT-200-0010", on(1, 28), "\"distributions\":\"2500.00\"".into(), "missing in the activity file"),
        event("T-110", None, "2025-04-03T12:00:00Z", "U1100003", on(3, 19), "\"distributions\":1500.00,\"fees\":\"18.75\"".into(), "withdrawal and fee missed"),
        event("T-111", None, "2025-03-24T12:00:00Z", "QC-301000102", on(3, 20), "\"contributions\":\"0\",\"distributions\":\"2750.00\"".into(), "booked the wrong way round"),
        event("T-112", None, "2025-02-26T12:00:00Z", "MT-200-0006", on(2, 24), "\"end_valeu\":\"1.00\"".into(), "a misspelled field"),
        event("T-113", None, "2025-03-12T08:30:00Z", "MT-200-0003", on(3, 3), "\"fees\":\"0\"".into(), "fee waived, money back next month"),
    ];
    events.iter().map(line).collect()
}

fn line(event: &Event) -> String {
    let revision = event.revision.map_or_else(String::new, |r| format!(",\"revision\":{r}"));
    let Event { ticket, time, account, date, fields, reason, .. } = event;
    let id = format!("{}-{}", ticket.to_lowercase(), event.revision.unwrap_or(1));
    format!(
        "{{\"id\":\"{id}\",\"time\":\"{time}\",\"source\":\"operations\",\"detail-type\":\"PerformanceCorrection\",\"detail\":\
{{\"account\":\"{account}\",\"date\":\"{date}\",{fields},\"reason\":\"{reason}\",\"who\":\"desk\",\"ticket\":\"{ticket}\"{revision}}}}}\n"
    )
}

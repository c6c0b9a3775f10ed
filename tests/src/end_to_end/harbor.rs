//! A vendor of plain lines, and a topology that reads it: for tests of how records come, and not of what they say.
use super::dietz::Dietz;
use jiff::civil::date;

const MAPPING: &str = r#"
name = "harbor"
version = 1

[format]
type = "delimited"

[[observation]]
kind = "summary"
account = "Account"
as_of = "Date"
begin = "Start"
end = "End"
contributions = "In"
"#;

pub const HEADER: &str = "Account,Date,Start,End,In\n";

/// A folder with the vendor's mapping.
pub fn folder() -> Dietz {
    let dietz = Dietz::empty();
    dietz.make("vendors/harbor/mapping.toml", MAPPING);
    dietz
}

/// What an account is worth on a day, in a line of a feed: each day begins where the one before ended, and some bring money.
pub fn line(account: u32, day: u32) -> String {
    let date = date(2010, 1, 1) + jiff::Span::new().days(day);
    let value = |day: u32| 1_000 + 7 * account + day % 97;
    let money = if day % 30 == account { 50 } else { 0 };
    format!("A-{account},{date},{}.00,{}.00,{money}.00\n", value(day), value(day + 1))
}

/// The source's and the sink's own keys, between them what every topology has.
pub fn topology(source: &str, sink: &str) -> String {
    format!(
        r#"
[sources.in]
{source}

[decoders.layouts]
inputs = ["in"]
vendors = "vendors"
instances = 2

[accumulators.returns]
inputs = ["layouts"]
instances = 2

[checkers.tolerance]
inputs = ["returns"]

[sinks.store]
inputs = ["tolerance"]
{sink}
linger = "10ms"
"#
    )
}

//! The performance vendor's time series: JSON, a file a month, returns as fractions of six places.
use super::Sample;
use super::calendar::{next, on};
use super::cast::House;
use super::said;
use super::story::{Account, Book, Day};
use super::text::{decimal, plain, rate};
use returns::Date;

pub fn files(book: &Book) -> Vec<Sample> {
    let mut files: Vec<Sample> = book.months().filter_map(|dates| month(book, dates)).collect();
    files.extend(restated(book));
    files
}

fn month(book: &Book, dates: &[Date]) -> Option<Sample> {
    let (first, last) = (*dates.first()?, *dates.last()?);
    let series: Vec<String> = accounts(book).filter_map(|a| one_series(a, first, last)).collect();
    let text = document(next(last), &series);
    Some(Sample::feed(&format!("tidemark_{}.json", first.strftime("%Y-%m")), text))
}

/// Its own accounts, and two of the custodian's.
fn accounts(book: &Book) -> impl Iterator<Item = &Account> {
    let shared = |a: &&Account| matches!(a.member.number, "MT-200-0003" | "MT-200-0016");
    book.of(House::Tidemark).chain(book.of(House::Meridian).filter(shared))
}

fn document(made: Date, series: &[String]) -> String {
    format!("{{\"generated\": \"{made}T03:00:00Z\", \"accounts\": [\n{}\n]}}\n", series.join(",\n"))
}

fn one_series(account: &Account, first: Date, last: Date) -> Option<String> {
    let number = account.member.number;
    let reports =
        |d: &&Day| d.date >= first && d.date <= last && (number != "MT-200-0016" || d.date <= on(2, 14));
    let mut elements: Vec<String> =
        account.days.iter().filter(reports).map(|d| element(account, d)).collect();
    if elements.is_empty() {
        return None;
    }
    if number == "TD-8010" && first == on(1, 2) {
        elements.insert(0, MOVED_IN.to_owned());
    }
    Some(series(number, &elements))
}

/// What the system before says of the account, up to the end of 2024.
const MOVED_IN: &str = "{\"date\": \"2024-12-31\", \"history\": {\"marketValue\": 250000.00, \"netDeposits\": 180000.00, \
\"inception\": \"2019-04-01\", \"cumulativeReturn\": 0.321500, \"cumulativeReturnGross\": 0.362000}}";

fn series(number: &str, elements: &[String]) -> String {
    let lines = elements.join(",\n  ");
    format!(" {{\"accountId\": \"{number}\", \"currency\": \"USD\", \"series\": [\n  {lines}\n ]}}")
}

fn element(account: &Account, day: &Day) -> String {
    let number = account.member.number;
    let mut said = said::first(number, day);
    if number == "MT-200-0003" && day.date == on(3, 10) {
        // It values a bond otherwise than the custodian does.
        said.end += 125_000;
    }
    let value = match (number, day.date) {
        ("TD-8004", d) if d == on(3, 18) => "\"pending\"".to_owned(),
        _ => plain(said.end),
    };
    let first = account.days.first().is_some_and(|d| d.date == day.date) && number != "TD-8010";
    line(&said, &value, reported(number, &said, day).filter(|_| !first), None)
}

/// (E + W) / (B + C) - 1, in millionths; without a figure where the vendor gives none.
fn reported(number: &str, said: &Day, day: &Day) -> Option<i64> {
    // It knows the right value, but where it values a bond in its own way.
    let own = if number == "MT-200-0003" { said.end } else { day.end };
    let (mut end, capital) = (own + day.distributions, day.begin + day.contributions);
    if number == "TD-8003" && day.date == on(2, 3) {
        // Gross of the fee, by mistake.
        end += day.fees;
    }
    rate(end, capital, 6).filter(|_| capital > 100)
}

fn line(said: &Day, value: &str, rate: Option<i64>, revision: Option<u32>) -> String {
    let fees = if said.fees == 0 {
        String::new()
    } else {
        format!(", \"fees\": {{\"advisory\": {}}}", plain(said.fees))
    };
    let rate = rate.map_or_else(String::new, |r| format!(", \"rateOfReturn\": {}", decimal(r, 6)));
    let revision = revision.map_or_else(String::new, |r| format!(", \"revision\": {r}"));
    format!(
        "{{\"date\": \"{}\", \"marketValue\": {value}, \"flows\": {{\"deposits\": {}, \"withdrawals\": {}}}{fees}{rate}{revision}}}",
        said.date,
        plain(said.contributions),
        plain(said.distributions),
    )
}

/// A day said anew, with the vendor's own version.
fn restated(book: &Book) -> Option<Sample> {
    let day = book.day("TD-8008", on(3, 13))?;
    let line = line(day, &plain(day.end), reported("TD-8008", day, day), Some(2));
    let text = document(on(4, 4), &[series("TD-8008", &[line])]);
    Some(Sample::feed("tidemark_restated_2025-04.json", text))
}

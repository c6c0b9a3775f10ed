//! The custodian's daily values: a quoted CSV with two lines before its header and a total after its rows.
use super::Sample;
use super::calendar::{next, on};
use super::cast::House;
use super::said;
use super::story::{Account, Book, Day};
use super::text::{american, compact, dollars};
use returns::Date;

const HEADER: &str = "\"Account\",\"Name\",\"As Of Date\",\"Beginning Value\",\"Additions\",\"Withdrawals\",\"Advisory Fees\",\
\"Accrued Income\",\"Ending Value\",\"Status\",\"Closed On\",\"Branch\"\r\n";

/// Days that are sent again, the morning after the first time.
const AGAIN: [Date; 3] = [on(1, 3), on(3, 5), on(3, 12)];
/// An account that is listed before it is opened; the file sent again lacks it.
const TOO_EARLY: (&str, Date) = ("MT-200-0015", on(1, 3));
/// A file that is sent twice, byte for byte.
const COPIED: Date = on(2, 3);

pub fn files(book: &Book) -> Vec<Sample> {
    let mut files = Vec::new();
    for &date in &book.dates {
        let bytes = file(book, date, next(date), said::first);
        let day = compact(date);
        if date == COPIED {
            files.push(Sample::feed(&format!("meridian_values_copy_{day}.csv"), bytes.clone()));
        }
        if AGAIN.contains(&date) {
            let mended = file(book, date, next(next(date)), said::again);
            files.push(Sample::feed(&format!("meridian_values_resent_{day}.csv"), mended));
        }
        files.push(Sample::feed(&format!("meridian_values_{day}.csv"), bytes));
    }
    files
}

/// Whether the custodian reports an account on a date.
pub fn reports(account: &Account, date: Date) -> bool {
    match account.member.number {
        // Closed accounts are dropped after a few days.
        "MT-200-0011" => date <= on(2, 19),
        "MT-200-0012" => date <= on(2, 20),
        "MT-200-0016" => date >= on(2, 3),
        _ => true,
    }
}

/// A day's file, made on a morning.
fn file(book: &Book, date: Date, made: Date, said: fn(&str, &Day) -> Day) -> Vec<u8> {
    let first_time = made == next(date);
    let mut text = format!(
        "\"Meridian Trust Company\",\"Daily Account Values\"\r\n\"Values as of {} 06:30:12 AM ET\"\r\n\r\n{HEADER}",
        american(made)
    );
    let (mut begin, mut end) = (0, 0);
    for account in book.of(House::Meridian).filter(|a| reports(a, date)) {
        let too_early =
            Day { date, begin: 0, contributions: 0, distributions: 0, fees: 0, accrued: 0, end: 0 };
        let listed = first_time && (account.member.number, date) == TOO_EARLY;
        let Some(day) = account.on(date).or(listed.then_some(&too_early)) else { continue };
        let day = said(account.member.number, day);
        (begin, end) = (begin + day.begin, end + day.end - day.accrued);
        let mut line = row(account, &day);
        if first_time && account.member.number == "MT-200-0007" && date == on(3, 12) {
            // A separator in the wrong place: no number.
            let value = dollars(day.end);
            line = line.replace(&value, &value.replace(',', ",,"));
        }
        text.push_str(&line);
    }
    text.push_str(&format!(
        "\"Total\",\"\",\"\",\"{}\",\"\",\"\",\"\",\"\",\"{}\",\"\",\"\",\"\"\r\n\"Values are made up.\"\r\n",
        dollars(begin),
        dollars(end)
    ));
    in_its_encoding(&text)
}

fn row(account: &Account, day: &Day) -> String {
    let member = account.member;
    let (status, closed_on) = match member.number {
        "MT-200-0011" if day.date >= on(2, 14) => ("Closed", american(on(2, 14))),
        "MT-200-0014" | "MT-200-0015" if day.date == member.opens => ("New", String::new()),
        "MT-200-0016" if day.date == on(2, 3) => ("New", String::new()),
        _ => ("Open", String::new()),
    };
    let or_dashes = |amount: i64| if amount == 0 { "--".to_owned() } else { dollars(amount) };
    format!(
        "\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{}\",\"{status}\",\"{closed_on}\",\"B-7\"\r\n",
        member.number,
        member.name,
        american(day.date),
        dollars(day.begin),
        dollars(day.contributions),
        dollars(-day.distributions),
        or_dashes(day.fees),
        or_dashes(day.accrued),
        dollars(day.end - day.accrued),
    )
}

/// CP1252, as far as the names need it.
fn in_its_encoding(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}

//! The clearing firm's nightly file: one fixed-width line a balance and one a position, between a header and a trailer that counts.
use super::Sample;
use super::calendar::{next, on};
use super::cast::House;
use super::said;
use super::story::{Book, Day};
use super::text::{american, compact};
use returns::Date;

/// Every line's length without its end.
const LENGTH: usize = 120;

/// Balances of one night: what is said, and what is odd about the file.
struct Night {
    date: Date,
    made: String,
    said: fn(&str, &Day) -> Day,
    /// Lines lost on the way, which the trailer counts all the same.
    lost: &'static str,
}

pub fn files(book: &Book) -> Vec<Sample> {
    let mut files = Vec::new();
    for &date in &book.dates {
        let lost = if date == on(3, 6) { "301000094" } else { "" };
        let made = format!("{} 02:15:00", american(next(date)));
        files.push(night(book, "quarry", &Night { date, made, said: said::first, lost }));
    }
    files.extend(again(book));
    files
}

/// Nights that are sent again, and why.
fn again(book: &Book) -> Vec<Sample> {
    let twice = |name, date, made: &str, said| {
        night(book, name, &Night { date, made: made.to_owned(), said, lost: "" })
    };
    vec![
        // A correction event had said so eight days before.
        twice("resent_quarry", on(2, 12), "02/20/2025 11:05:00", said::again),
        // A price that came late.
        twice("resent_quarry", on(2, 19), "02/21/2025 10:40:00", said::again),
        // Something else, and then what was said first once more.
        twice("resent_quarry", on(2, 26), "02/27/2025 09:00:00", dearer),
        twice("resent_quarry_second", on(2, 26), "02/27/2025 15:30:00", said::first),
        // The file that had lost a line.
        twice("resent_quarry", on(3, 6), "03/07/2025 08:20:00", said::first),
    ]
}

fn dearer(number: &str, day: &Day) -> Day {
    let mut said = *day;
    if number == "301000052" {
        said.end += 5_000;
    }
    said
}

fn night(book: &Book, name: &str, night: &Night) -> Sample {
    let date = american(night.date);
    let (mut lines, mut count) = (Vec::new(), 0);
    for account in book.of(House::Quarry) {
        let number = account.member.number;
        let Some(day) = account.on(night.date) else { continue };
        let day = (night.said)(number, day);
        let mut own = vec![balance(number, &day)];
        if matches!(number, "301000011" | "301000110") {
            own.extend(positions(number, &day));
        }
        count += own.len();
        if number != night.lost {
            lines.append(&mut own);
        }
    }
    let last_of_month = next(night.date).month() != night.date.month();
    if last_of_month {
        // What the firm's own system reads is not counted.
        lines.push("CPAGE BREAK".to_owned());
    }
    if night.date == on(1, 31) {
        // A type of line that no layout describes.
        lines.push("Q301000011 SEGREGATION".to_owned());
        count += 1;
    }
    let mut text =
        line(&format!("BOF      QUARRY CLEARING  POSITIONS     {date} MADE {} REFRESHED", night.made), 'A');
    lines.iter().for_each(|l| text.push_str(&line(l, 'X')));
    text.push_str(&line(&format!("EOF      QUARRY CLEARING  TOTAL DETAIL RECORDS:       {count:010}"), 'Z'));
    Sample::feed(&format!("{name}_{}.qps", compact(night.date)), text)
}

fn line(text: &str, last: char) -> String {
    format!("{text:<width$}{last}\n", width = LENGTH - 1)
}

/// An amount with implied decimals and its sign in a place of its own.
fn signed(amount: i64, width: usize) -> String {
    format!("{:0width$}{}", amount.unsigned_abs(), if amount < 0 { '-' } else { '+' })
}

fn balance(number: &str, day: &Day) -> String {
    format!(
        "V{number:<10}{}{}{:015}{:015}{}{}",
        signed(day.begin, 15),
        signed(day.end - day.accrued, 15),
        day.contributions,
        day.distributions,
        signed(day.fees, 15),
        signed(day.accrued, 15),
    )
}

/// A tenth in cash, the rest in 1,000 shares of one fund, so that the price is the value but for the point.
fn positions(number: &str, day: &Day) -> [String; 2] {
    let total = day.end - day.accrued;
    let (cash, shares) = (total / 10, total - total / 10);
    let position = |security: &str, quantity: i64, price: i64, value: i64| {
        format!("P{number}1{security:<9}{}{price:015}{}USD", signed(quantity, 18), signed(value * 10, 18))
    };
    [
        position("USD999997", cash * 1_000, 100_000_000, cash),
        position("922XXX363", 1_000 * 100_000, shares * 1_000, shares),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_as_long_as_the_layout_says() {
        for file in files(&Book::new()) {
            let text = String::from_utf8(file.bytes).unwrap();
            assert!(text.lines().all(|l| l.len() == LENGTH), "{}", file.path);
        }
    }
}

//! Where a vendor first says something else than what is so: late prices, flows booked wrong. What it says of the next day's beginning
//! is right again, as it is with vendors who mend their books overnight.
use super::calendar::on;
use super::story::Day;

/// What the vendor's first file of a day says.
pub fn first(number: &str, day: &Day) -> Day {
    let mut said = *day;
    match (number, day.date) {
        // A price typed with one digit too many.
        ("MT-200-0005", d) if d == on(2, 5) => said.end *= 10,
        ("MT-200-0008", d) if d == on(3, 14) => said.end += 150_000,
        ("MT-200-0009", d) if d == on(3, 5) => said.end -= 42_000,
        ("301000029", d) if d == on(2, 12) => said.end += 90_000,
        ("301000037", d) if d == on(2, 3) => said.fees = 0,
        ("301000045", d) if d == on(2, 19) => said.end += 25_000,
        // A withdrawal booked as a deposit.
        ("301000102", d) if d == on(3, 20) => {
            (said.contributions, said.distributions) = (said.distributions, said.contributions);
        }
        ("TD-8002", d) if d == on(1, 15) => said.contributions = 0,
        ("TD-8005", d) if d == on(2, 20) => said.end -= 30_000,
        ("TD-8008", d) if d == on(3, 13) => said.end += 61_000,
        ("U1100002", d) if d == on(1, 23) => said.end -= 80_000,
        ("U1100003", d) if d == on(3, 19) => said.distributions = 0,
        ("U1100004", d) if d == on(3, 11) => said.end += 33_300,
        _ => {}
    }
    said
}

/// What the file that is sent again says.
pub fn again(number: &str, day: &Day) -> Day {
    let mut said = *day;
    if number == "MT-200-0009" && day.date == on(3, 5) {
        // Neither what it said first nor what the correction says.
        said.end -= 12_000;
    }
    said
}

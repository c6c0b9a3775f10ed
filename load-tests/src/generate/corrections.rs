//! Correction events for the accounts of a feed, as EventBridge delivers them: one envelope a line.
use super::book::{AccountDay, Book};
use super::calendar::Calendar;
use super::draw::{Draw, For};
use super::lines::put_account;
use super::share::{Share, WHOLE};
use super::text::{put_iso_date, put_money, put_number};
use super::{Feed, GenerateError, Written, make_folder, to_file};
use std::io::{self, Write};
use std::path::Path;

/// The file's name; with `gzip` it ends in `.gz`.
pub const FILE_NAME: &str = "corrections.jsonl";

/// Writes corrections of about that share of a feed's account-days into a folder, made if it is not there.
///
/// # Errors
/// A feed out of its bounds, and whatever the file system says.
pub fn write_corrections(feed: &Feed, share: Share, folder: &Path) -> Result<Written, GenerateError> {
    let calendar = feed.checked()?;
    make_folder(folder)?;
    let path = folder.join(if feed.gzip { format!("{FILE_NAME}.gz") } else { FILE_NAME.to_owned() });
    let mut written = to_file(&path, feed.gzip, |out| put(feed, share, &calendar, out))?;
    written.files.push(path);
    Ok(written)
}

fn put(feed: &Feed, share: Share, calendar: &Calendar, out: &mut dyn Write) -> io::Result<Written> {
    let draw = Draw::new(feed.seed);
    let book = Book::new(draw, feed.flows);
    let mut line = Vec::with_capacity(512);
    let mut written = Written::default();
    for day in 0..u64::from(feed.days) {
        for account in 0..u64::from(feed.accounts) {
            let number = draw.number(For::Correction, account, day);
            if ((number >> 32) * WHOLE) >> 32 >= share.parts() {
                continue;
            }
            line.clear();
            put_event(&mut line, account, day, number, &book.day(account, day), calendar);
            out.write_all(&line)?;
            written.records += 1;
            written.bytes += u64::try_from(line.len()).unwrap_or(u64::MAX);
        }
    }
    Ok(written)
}

/// One event. What it corrects is drawn: mostly the ending value, else the flows or the fees; now and then it takes a correction away.
fn put_event(
    line: &mut Vec<u8>,
    account: u64,
    day: u64,
    number: u64,
    said: &AccountDay,
    calendar: &Calendar,
) {
    let date = calendar.date(day);
    line.extend_from_slice(b"{\"id\":\"c-");
    put_number(line, account, 8);
    put_number(line, day, 5);
    line.extend_from_slice(b"\",\"time\":\"");
    put_iso_date(line, date);
    line.extend_from_slice(b"T21:30:00Z\",\"source\":\"operations\",\"detail-type\":\"PerformanceCorrection\",\"detail\":{\"account\":\"");
    put_account(line, account);
    line.extend_from_slice(b"\",\"date\":\"");
    put_iso_date(line, date);
    line.extend_from_slice(b"\",");
    put_fields(line, number, said);
    line.extend_from_slice(b",\"reason\":\"late price\",\"who\":\"desk\",\"ticket\":\"T-");
    put_number(line, account, 8);
    put_number(line, day, 5);
    line.extend_from_slice(b"\"}}\n");
}

fn put_fields(line: &mut Vec<u8>, number: u64, said: &AccountDay) {
    // A hundredth of the value at most.
    let moved = said.end / 100 / (1 + i64::from(number.to_le_bytes()[0]));
    let amount = |line: &mut Vec<u8>, name: &str, cents: i64| {
        line.extend_from_slice(b"\"");
        line.extend_from_slice(name.as_bytes());
        line.extend_from_slice(b"\":\"");
        put_money(line, cents);
        line.extend_from_slice(b"\"");
    };
    match number % 8 {
        0 => amount(line, "contributions", said.contributions + moved),
        1 => amount(line, "fees", said.fees + moved / 100),
        2 => {
            amount(line, "end_value", said.end - moved);
            line.push(b',');
            amount(line, "distributions", said.distributions + moved);
        }
        3 => line.extend_from_slice(b"\"end_value\":null"),
        _ => amount(line, "end_value", said.end + moved),
    }
}

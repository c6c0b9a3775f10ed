//! The two vendors' layouts, as lines.
use super::book::{AccountDay, Book};
use super::calendar::Calendar;
use super::draw::{Draw, For};
use super::text::{put_fixed, put_grouped_money, put_iso_date, put_money, put_number, put_us_date};

/// Who sends a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    /// Every account, in the main layout.
    Bulk,
    /// Some of the accounts a second time, in another layout; now and then a few cents apart.
    Mirror,
}

/// Of this many accounts the second vendor sends one.
const MIRRORED_OF: u64 = 4;
/// Of this many values the second vendor sees one differently.
const DIFFERS_OF: u64 = 64;
/// By less than this many cents.
const DIFFERS_BY: u64 = 300;

const MODELS: [&str; 4] = ["Growth 80/20", "Balanced 60", "Income 30/70", "Preservation"];
const CUSTODIANS: [&str; 3] = ["Harbor Trust", "North Clear", "Alder Custody"];

impl Vendor {
    pub const ALL: [Vendor; 2] = [Vendor::Bulk, Vendor::Mirror];

    pub fn name(self) -> &'static str {
        match self {
            Vendor::Bulk => "bulk",
            Vendor::Mirror => "mirror",
        }
    }

    /// Its `mapping.toml`.
    pub fn mapping(self) -> &'static str {
        match self {
            Vendor::Bulk => include_str!("../../vendors/bulk/mapping.toml"),
            Vendor::Mirror => include_str!("../../vendors/mirror/mapping.toml"),
        }
    }

    pub fn file_name(self) -> &'static str {
        match self {
            Vendor::Bulk => "bulk.csv",
            Vendor::Mirror => "mirror.psv",
        }
    }

    /// The first line of a feed.
    pub fn header(self) -> &'static str {
        match self {
            Vendor::Bulk => {
                "Account,Household,Model,Date,Begin,Contributions,Distributions,Fees,End,Return,Custodian,Currency,Sequence\n"
            }
            Vendor::Mirror => "AsOf|Acct|Market Value|Added|Withdrawn|Advisory Fee|Return %\n",
        }
    }

    /// Whether the vendor has that account.
    pub fn has(self, draw: Draw, account: u64) -> bool {
        self == Vendor::Bulk || draw.below(For::SecondVendor, account, 0, MIRRORED_OF) == 0
    }
}

/// Writes the lines of one vendor.
pub struct Lines<'f> {
    pub vendor: Vendor,
    pub draw: Draw,
    pub book: Book,
    pub calendar: &'f Calendar,
}

impl Lines<'_> {
    /// Appends the line of an account and day, with its end.
    pub fn put(&self, account: u64, day: u64, out: &mut Vec<u8>) {
        match self.vendor {
            Vendor::Bulk => self.put_bulk(account, day, out),
            Vendor::Mirror => self.put_mirror(account, day, out),
        }
    }

    fn put_bulk(&self, account: u64, day: u64, out: &mut Vec<u8>) {
        let said = self.book.day(account, day);
        put_account(out, account);
        out.extend_from_slice(b",HH-");
        put_number(out, account / 3, 6);
        out.push(b',');
        out.extend_from_slice(pick(&MODELS, account));
        out.push(b',');
        put_iso_date(out, self.calendar.date(day));
        let amounts = [said.begin, said.contributions, said.distributions, said.fees, said.end];
        for amount in amounts {
            out.push(b',');
            put_money(out, amount);
        }
        out.push(b',');
        put_fixed(out, said.return_e8(), 8, false);
        out.push(b',');
        out.extend_from_slice(pick(&CUSTODIANS, account));
        out.extend_from_slice(b",USD,");
        // A name for the record: the same whatever the order of the feed.
        put_number(out, account, 8);
        put_number(out, day, 5);
        out.push(b'\n');
    }

    fn put_mirror(&self, account: u64, day: u64, out: &mut Vec<u8>) {
        let said = self.seen_by_mirror(account, day);
        put_us_date(out, self.calendar.date(day));
        out.push(b'|');
        put_account(out, account);
        for amount in [said.end, said.contributions, said.distributions, said.fees] {
            out.push(b'|');
            put_grouped_money(out, amount);
        }
        out.push(b'|');
        put_fixed(out, said.return_e8(), 6, false);
        out.push(b'\n');
    }

    fn seen_by_mirror(&self, account: u64, day: u64) -> AccountDay {
        let said = self.book.day(account, day);
        if self.draw.below(For::Difference, account, day, DIFFERS_OF) != 0 {
            return said;
        }
        let cents = self.draw.below(For::Amount, account, day, DIFFERS_BY);
        AccountDay { end: said.end + i64::try_from(cents).unwrap_or(0), ..said }
    }

    /// Appends the line of an account and day, damaged: every kind is one that a layout must refuse.
    pub fn put_damaged(&self, account: u64, day: u64, out: &mut Vec<u8>) {
        let start = out.len();
        self.put(account, day, out);
        out.pop();
        let delimiter = if self.vendor == Vendor::Bulk { b',' } else { b'|' };
        match self.draw.below(For::Damage, account, day, 5) {
            // A line cut off in its middle.
            0 => out.truncate(start + (out.len() - start) / 2),
            // A column too many.
            1 => out.extend_from_slice(&[delimiter, b'?']),
            // Nobody's.
            2 => replace(out, start, delimiter, self.vendor.account_column(), b""),
            // A day that is none.
            3 => replace(out, start, delimiter, self.vendor.date_column(), b"2025-02-31"),
            // A value that is no number.
            _ => replace(out, start, delimiter, self.vendor.end_column(), b"12x4.50"),
        }
        out.push(b'\n');
    }
}

impl Vendor {
    fn account_column(self) -> usize {
        if self == Vendor::Bulk { 0 } else { 1 }
    }

    fn date_column(self) -> usize {
        if self == Vendor::Bulk { 3 } else { 0 }
    }

    fn end_column(self) -> usize {
        if self == Vendor::Bulk { 8 } else { 2 }
    }
}

/// An account's number, as both vendors and we write it.
pub fn put_account(out: &mut Vec<u8>, account: u64) {
    out.extend_from_slice(b"ACC-");
    put_number(out, account, 8);
}

fn pick(of: &[&'static str], account: u64) -> &'static [u8] {
    let n = account % u64::try_from(of.len()).unwrap_or(1);
    usize::try_from(n).ok().and_then(|n| of.get(n)).map_or(b"", |text| text.as_bytes())
}

/// Puts another text in a column of the line that begins at `start`.
fn replace(out: &mut Vec<u8>, start: usize, delimiter: u8, column: usize, with: &[u8]) {
    let mut ends = out[start..].iter().enumerate().filter(|(_, b)| **b == delimiter).map(|(n, _)| start + n);
    let from = column.checked_sub(1).and_then(|n| ends.nth(n)).map_or(start, |n| n + 1);
    let to = ends.next().unwrap_or(out.len());
    out.splice(from..to, with.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_replaced_in_the_last_line_alone() {
        for (column, expected) in [(0, "a,b\nX,d,e"), (1, "a,b\nc,X,e"), (2, "a,b\nc,d,X")] {
            let mut out = b"a,b\nc,d,e".to_vec();
            replace(&mut out, 4, b',', column, b"X");
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}

//! Spellings of dates, compiled once.
use super::Moment;
use super::cursor::{Cursor, Misfit, Parts};
use jiff::civil::Date;

#[derive(Clone, Debug)]
pub(super) struct Spelling {
    pub(super) text: Box<str>,
    pub(super) form: Form,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Form {
    /// `%Y-%m-%d`
    Dashed,
    /// `%Y%m%d`
    Packed,
    Iso,
    Ofx,
    /// Since 1970 UTC, in units of so many microseconds.
    Unix(i64),
    Pattern(Vec<Item>),
}

/// A piece of a pattern. `short` numbers may have one digit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item {
    Literal(u8),
    Year,
    Year2,
    Month { short: bool },
    Day { short: bool },
    MonthName,
    MonthAbbreviated,
    Hour { short: bool },
    Hour12 { short: bool },
    Minute { short: bool },
    Second { short: bool },
    Fraction,
    Meridiem,
    Offset,
}

impl Item {
    fn directive(letter: u8, short: bool) -> Option<Item> {
        Some(match letter {
            b'Y' => Item::Year,
            b'y' => Item::Year2,
            b'm' => Item::Month { short },
            b'd' => Item::Day { short },
            b'B' => Item::MonthName,
            b'b' => Item::MonthAbbreviated,
            b'H' => Item::Hour { short },
            b'I' => Item::Hour12 { short },
            b'M' => Item::Minute { short },
            b'S' => Item::Second { short },
            b'f' => Item::Fraction,
            b'p' => Item::Meridiem,
            b'z' => Item::Offset,
            b'%' => Item::Literal(b'%'),
            _ => return None,
        })
    }
}

impl Spelling {
    pub(super) fn compile(text: &str) -> Result<Spelling, String> {
        let form = match text {
            "%Y-%m-%d" => Form::Dashed,
            "%Y%m%d" => Form::Packed,
            "iso" => Form::Iso,
            "ofx" => Form::Ofx,
            "unix_s" => Form::Unix(1_000_000),
            "unix_ms" => Form::Unix(1_000),
            pattern => Form::Pattern(items(pattern)?),
        };
        Ok(Spelling { text: text.into(), form })
    }

    /// The two spellings most feeds use; `None` means: look closer.
    pub(super) fn fast(&self, value: &[u8]) -> Option<Date> {
        let digits = match (&self.form, value) {
            (Form::Dashed, [a, b, c, d, b'-', e, f, b'-', g, h]) => [a, b, c, d, e, f, g, h],
            (Form::Packed, [a, b, c, d, e, f, g, h]) => [a, b, c, d, e, f, g, h],
            _ => return None,
        };
        let [a, b, c, d, e, f, g, h] = digits.map(|b| b.wrapping_sub(b'0'));
        if [a, b, c, d, e, f, g, h].iter().any(|digit| *digit > 9) {
            return None;
        }
        let year = i16::from(a) * 1000 + i16::from(b) * 100 + i16::from(c) * 10 + i16::from(d);
        // Two digits are at most 99, which an i8 holds.
        let two = |tens: u8, ones: u8| (tens * 10 + ones).cast_signed();
        Date::new(year, two(e, f), two(g, h)).ok()
    }

    pub(super) fn read(&self, value: &[u8]) -> Result<Moment, Misfit> {
        let mut cursor = Cursor { rest: value };
        let moment = match &self.form {
            Form::Dashed => cursor.dashed()?.moment()?,
            Form::Packed => cursor.packed()?.moment()?,
            Form::Iso => cursor.iso()?.moment()?,
            Form::Ofx => cursor.ofx()?.moment()?,
            Form::Unix(unit) => return cursor.unix(*unit),
            Form::Pattern(items) => {
                let mut parts = Parts::default();
                for item in items {
                    cursor.item(*item, &mut parts)?;
                }
                parts.moment()?
            }
        };
        if cursor.rest.is_empty() { Ok(moment) } else { Err(Misfit::Shape) }
    }
}

/// Compiles a pattern of directives.
fn items(pattern: &str) -> Result<Vec<Item>, String> {
    let bytes = pattern.as_bytes();
    let mut items = Vec::new();
    let mut n = 0;
    while n < bytes.len() {
        if bytes[n] != b'%' {
            items.push(Item::Literal(bytes[n]));
            n += 1;
            continue;
        }
        // A number may be short where what follows ends it: anything but a directive or a digit.
        let short = bytes.get(n + 2).is_none_or(|next| *next != b'%' && !next.is_ascii_digit());
        let item = bytes.get(n + 1).and_then(|letter| Item::directive(*letter, short));
        items.push(item.ok_or_else(|| format!("`{pattern}`: unknown directive at byte {n}; known are %Y %y %m %d %B %b %H %I %M %S %f %p %z %%"))?);
        n += 2;
    }
    let has = |wanted: fn(&Item) -> bool| items.iter().filter(|i| wanted(i)).count() == 1;
    let year = has(|i| matches!(i, Item::Year | Item::Year2));
    let month = has(|i| matches!(i, Item::Month { .. } | Item::MonthName | Item::MonthAbbreviated));
    let day = has(|i| matches!(i, Item::Day { .. }));
    if !(year && month && day) {
        return Err(format!("`{pattern}` must name one year, one month and one day"));
    }
    let twelve = items.iter().any(|i| matches!(i, Item::Hour12 { .. }));
    if twelve != items.contains(&Item::Meridiem) {
        return Err(format!("`{pattern}`: %I and %p go together"));
    }
    Ok(items)
}

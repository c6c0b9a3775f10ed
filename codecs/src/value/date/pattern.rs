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
            (Form::Dashed, [a, b, c, d, b'-', e, f, b'-', g, h]) => [*a, *b, *c, *d, *e, *f, *g, *h],
            (Form::Packed, [a, b, c, d, e, f, g, h]) => [*a, *b, *c, *d, *e, *f, *g, *h],
            _ => return None,
        };
        let [century, year, month, day] = pairs(digits)?;
        Date::new(i16::from(century) * 100 + i16::from(year), month, day).ok()
    }

    pub(super) fn read(&self, value: &[u8]) -> Result<Moment, Misfit> {
        self.begin(value)
            .and_then(|(moment, rest)| if rest.is_empty() { Ok(moment) } else { Err(Misfit::Shape) })
    }

    /// Reads what a text begins with, and gives what follows it.
    pub(super) fn begin<'v>(&self, value: &'v [u8]) -> Result<(Moment, &'v [u8]), Misfit> {
        let mut cursor = Cursor { rest: value };
        let moment = match &self.form {
            Form::Dashed => cursor.dashed()?.moment()?,
            Form::Packed => cursor.packed()?.moment()?,
            Form::Iso => cursor.iso()?.moment()?,
            Form::Ofx => cursor.ofx()?.moment()?,
            Form::Unix(unit) => return cursor.unix(*unit).map(|moment| (moment, &[][..])),
            Form::Pattern(items) => {
                let mut parts = Parts::default();
                for item in items {
                    cursor.item(*item, &mut parts)?;
                }
                parts.moment()?
            }
        };
        Ok((moment, cursor.rest))
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

/// Eight digits as four numbers of two, all at once: each byte of a word takes a digit.
fn pairs(digits: [u8; 8]) -> Option<[i8; 4]> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let word = u64::from_le_bytes(digits);
    // A byte above '9' reaches its high bit with 0x46 more, one below '0' with 0x30 less.
    if (word.wrapping_add(0x4646_4646_4646_4646) | word.wrapping_sub(ZEROS)) & HIGH != 0 {
        return None;
    }
    let word = word - ZEROS;
    let [a, _, b, _, c, _, d, _] = (word * 10 + (word >> 8)).to_le_bytes();
    Some([a, b, c, d].map(u8::cast_signed))
}

//! Dates and times as vendors spell them. A field declares its spellings as a list; the first that fits the whole value counts.
//!
//! | directive | reads |
//! | --- | --- |
//! | `%Y` `%y` | a year of four digits; of two (00 to 68 are 2000 to 2068, as in POSIX) |
//! | `%m` `%d` | month, day: two digits, or one where no digit follows in the pattern |
//! | `%B` `%b` | an English month, `January`; its first three letters, `Jan` |
//! | `%H` `%I` `%M` `%S` | hour of 24, hour of 12, minute, second |
//! | `%f` | a fraction of a second, one to nine digits, read to the microsecond |
//! | `%p` | `AM` or `PM` |
//! | `%z` | an offset: `Z`, `+0500`, `-05:00`, `+05` |
//! | `%%` | a percent sign |
//!
//! Whole spellings have a name: `iso` (`2023-05-26`, then perhaps `T16:00:00.000` and an offset), `ofx`
//! (`20230526160000.000[-5:EST]`, without an offset UTC), `unix_s` and `unix_ms` (seconds and milliseconds since 1970 UTC).
//!
//! In every spelling `04/17/2023 as of 04/15/2023` is the posted date and, after `as of`, the effective one.
use super::money::{Placeholders, ValueError, shown, trim};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::fmt;

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// What a value says of time: a date, perhaps a time of day, perhaps how far that is from UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    pub date: Date,
    pub time: Option<Time>,
    /// Seconds east of UTC. Without it the time is local to the mapping's zone.
    pub offset: Option<i32>,
    /// The "as of" date that stands beside the posted one.
    pub effective: Option<Date>,
}

impl Moment {
    /// The instant, microseconds since 1970 UTC: by the value's own offset, else local in `zone`, where a repeated hour is the first
    /// one and a skipped hour moves on by as much as was skipped. `None` without a time of day.
    pub fn instant(&self, zone: &TimeZone) -> Option<Micros> {
        self.time.and_then(|time| self.at(time, zone))
    }

    /// The instant, taking midnight where no time of day is given: what an arrival stated as a date means.
    pub fn instant_or_midnight(&self, zone: &TimeZone) -> Option<Micros> {
        self.at(self.time.unwrap_or(Time::midnight()), zone)
    }

    fn at(&self, time: Time, zone: &TimeZone) -> Option<Micros> {
        let local = DateTime::from_parts(self.date, time);
        let stamp = match self.offset {
            Some(seconds) => jiff::tz::Offset::from_seconds(seconds).ok()?.to_timestamp(local).ok()?,
            None => zone.to_timestamp(local).ok()?,
        };
        Some(stamp.as_microsecond())
    }
}

/// The spellings of a field, compiled once.
///
/// ```
/// use codecs::value::date::DateSpelling;
/// let spelling = DateSpelling::new(&["%Y-%m-%d", "%m/%d/%Y"]).unwrap();
/// let moment = spelling.parse(b"04/17/2023 as of 04/15/2023").unwrap().unwrap();
/// assert_eq!(moment.date.to_string(), "2023-04-17");
/// assert_eq!(moment.effective.unwrap().to_string(), "2023-04-15");
/// ```
#[derive(Clone, Debug)]
pub struct DateSpelling {
    spellings: Vec<Spelling>,
    pub missing: Placeholders,
}

impl DateSpelling {
    /// Compiles a list of spellings. An empty value is missing; declare more in [`DateSpelling::missing`].
    ///
    /// # Errors
    /// Says which spelling is wrong, and how.
    pub fn new<S: AsRef<str>>(spellings: &[S]) -> Result<Self, String> {
        if spellings.is_empty() {
            return Err("no spelling of a date is declared".into());
        }
        let spellings = spellings.iter().map(|s| Spelling::compile(s.as_ref())).collect::<Result<_, _>>()?;
        Ok(DateSpelling { spellings, missing: Placeholders::from_iter([""]) })
    }

    /// Reads a value; `None` where it is declared as missing.
    ///
    /// # Errors
    /// `bad_date` if no spelling fits, or the date is not in the calendar.
    pub fn parse(&self, value: &[u8]) -> Result<Option<Moment>, ValueError> {
        if let Some(date) = self.spellings.first().and_then(|s| s.fast(value)) {
            return Ok(Some(Moment { date, time: None, offset: None, effective: None }));
        }
        let trimmed = trim(value);
        if self.missing.contains(trimmed) {
            return Ok(None);
        }
        self.spelled(trimmed).map(Some)
    }

    fn spelled(&self, value: &[u8]) -> Result<Moment, ValueError> {
        const AS_OF: &[u8] = b" as of ";
        match memchr::memmem::find(value, AS_OF) {
            None => self.one(value),
            Some(at) => {
                let posted = self.one(trim(&value[..at]))?;
                let effective = self.one(trim(&value[at + AS_OF.len()..]))?;
                Ok(Moment { effective: Some(effective.date), ..posted })
            }
        }
    }

    fn one(&self, value: &[u8]) -> Result<Moment, ValueError> {
        let mut impossible = None;
        for spelling in &self.spellings {
            match spelling.read(value) {
                Ok(moment) => return Ok(moment),
                Err(Misfit::Impossible(why)) => impossible = Some(why),
                Err(Misfit::Shape) => {}
            }
        }
        let why =
            impossible.map_or_else(|| format!("expected {}", Spellings(&self.spellings)), str::to_owned);
        Err(ValueError::new("bad_date", None, format!("`{}` is no date: {why}", shown(value))))
    }
}

/// Reads `YYYY-MM-DD`, as our own events write dates.
///
/// # Errors
/// `bad_date`.
pub fn iso_date(value: &[u8]) -> Result<Date, ValueError> {
    only(Form::Dashed, "%Y-%m-%d", value).map(|moment| moment.date)
}

/// Reads an ISO instant with its offset, such as `2026-01-05T16:00:00Z`, as microseconds since 1970 UTC.
///
/// # Errors
/// `bad_date`, also where time or offset is missing.
pub fn iso_instant(value: &[u8]) -> Result<Micros, ValueError> {
    let moment = only(Form::Iso, "iso", value)?;
    moment.offset.and_then(|_| moment.instant(&TimeZone::UTC)).ok_or_else(|| {
        let text = format!("`{}` is no instant: expected as in 2026-01-05T16:00:00Z", shown(value));
        ValueError::new("bad_date", None, text)
    })
}

fn only(form: Form, text: &str, value: &[u8]) -> Result<Moment, ValueError> {
    DateSpelling { spellings: vec![Spelling { text: text.into(), form }], missing: Placeholders::default() }
        .one(value)
}

/// Why a spelling does not give a date.
enum Misfit {
    /// The value does not look like this.
    Shape,
    /// It does, and it is not in the calendar or on the clock.
    Impossible(&'static str),
}

const NO_DAY: Misfit = Misfit::Impossible("that month has no such day");
const NO_MONTH: Misfit = Misfit::Impossible("there is no such month");
const NO_TIME: Misfit = Misfit::Impossible("there is no such time of day");

struct Spellings<'a>(&'a [Spelling]);

impl fmt::Display for Spellings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, spelling) in self.0.iter().enumerate() {
            write!(f, "{}`{}`", if n > 0 { " or " } else { "" }, spelling.text)?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
struct Spelling {
    text: Box<str>,
    form: Form,
}

#[derive(Clone, Debug, PartialEq)]
enum Form {
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
enum Item {
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
    fn compile(text: &str) -> Result<Spelling, String> {
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
    fn fast(&self, value: &[u8]) -> Option<Date> {
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

    fn read(&self, value: &[u8]) -> Result<Moment, Misfit> {
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

/// What has been read of a value.
#[derive(Default)]
struct Parts {
    year: i16,
    month: i8,
    day: i8,
    hour: Option<i8>,
    minute: i8,
    second: i8,
    nanosecond: i32,
    afternoon: Option<bool>,
    offset: Option<i32>,
}

impl Parts {
    fn moment(self) -> Result<Moment, Misfit> {
        if !(1..=12).contains(&self.month) {
            return Err(NO_MONTH);
        }
        let date = Date::new(self.year, self.month, self.day).map_err(|_| NO_DAY)?;
        let hour = match (self.hour, self.afternoon) {
            (Some(12), Some(afternoon)) => Some(if afternoon { 12 } else { 0 }),
            (Some(hour @ 1..=11), Some(afternoon)) => Some(if afternoon { hour + 12 } else { hour }),
            (Some(_), Some(_)) => return Err(NO_TIME),
            (hour, None) => hour,
            (None, Some(_)) => None,
        };
        let time = hour
            .map(|hour| {
                // Micros are all we keep; the rest of the digits is cut, so that an instant never lies in the next second.
                Time::new(hour, self.minute, self.second, self.nanosecond / 1000 * 1000).map_err(|_| NO_TIME)
            })
            .transpose()?;
        Ok(Moment { date, time, offset: self.offset, effective: None })
    }
}

const MONTHS: [&[u8]; 12] = [
    b"january",
    b"february",
    b"march",
    b"april",
    b"may",
    b"june",
    b"july",
    b"august",
    b"september",
    b"october",
    b"november",
    b"december",
];

/// Reads a value from the left.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl Cursor<'_> {
    fn item(&mut self, item: Item, parts: &mut Parts) -> Result<(), Misfit> {
        match item {
            Item::Literal(b) => self.literal(b)?,
            Item::Year => parts.year = self.year()?,
            Item::Year2 => {
                let short = i16::from(self.number(false)?);
                parts.year = short + if short < 69 { 2000 } else { 1900 };
            }
            Item::Month { short } => parts.month = self.number(short)?,
            Item::Day { short } => parts.day = self.number(short)?,
            Item::MonthName => parts.month = self.month(false)?,
            Item::MonthAbbreviated => parts.month = self.month(true)?,
            Item::Hour { short } | Item::Hour12 { short } => parts.hour = Some(self.number(short)?),
            Item::Minute { short } => parts.minute = self.number(short)?,
            Item::Second { short } => parts.second = self.number(short)?,
            Item::Fraction => parts.nanosecond = self.fraction()?,
            Item::Meridiem => parts.afternoon = Some(self.meridiem()?),
            Item::Offset => parts.offset = Some(self.offset()?),
        }
        Ok(())
    }

    fn take(&mut self, token: &[u8]) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, b: u8) -> Result<(), Misfit> {
        if self.take(&[b]) { Ok(()) } else { Err(Misfit::Shape) }
    }

    fn digit(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        let digit = first.is_ascii_digit().then(|| first - b'0')?;
        self.rest = rest;
        Some(digit)
    }

    /// A number of two digits, or of one where `short` allows it.
    fn number(&mut self, short: bool) -> Result<i8, Misfit> {
        let first = self.digit().ok_or(Misfit::Shape)?;
        match self.digit() {
            Some(second) => Ok((first * 10 + second).cast_signed()),
            None if short => Ok(first.cast_signed()),
            None => Err(Misfit::Shape),
        }
    }

    fn year(&mut self) -> Result<i16, Misfit> {
        Ok(i16::from(self.number(false)?) * 100 + i16::from(self.number(false)?))
    }

    fn month(&mut self, abbreviated: bool) -> Result<i8, Misfit> {
        let names = (1i8..).zip(MONTHS.iter().map(|name| if abbreviated { &name[..3] } else { name }));
        for (month, name) in names {
            if self.rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Ok(month);
            }
        }
        Err(Misfit::Shape)
    }

    /// One to nine digits after the point, as nanoseconds.
    fn fraction(&mut self) -> Result<i32, Misfit> {
        let (mut nanoseconds, mut unit) = (0, 1_000_000_000);
        while unit > 1
            && let Some(digit) = self.digit()
        {
            unit /= 10;
            nanoseconds += i32::from(digit) * unit;
        }
        if unit == 1_000_000_000 { Err(Misfit::Shape) } else { Ok(nanoseconds) }
    }

    fn meridiem(&mut self) -> Result<bool, Misfit> {
        let afternoon = match self.rest.first() {
            Some(b'P' | b'p') => true,
            Some(b'A' | b'a') => false,
            _ => return Err(Misfit::Shape),
        };
        if !matches!(self.rest.get(1), Some(b'M' | b'm')) {
            return Err(Misfit::Shape);
        }
        self.rest = &self.rest[2..];
        Ok(afternoon)
    }

    /// `Z`, `+05`, `+0530`, `+05:30`, as seconds east of UTC.
    fn offset(&mut self) -> Result<i32, Misfit> {
        if self.take(b"Z") || self.take(b"z") {
            return Ok(0);
        }
        let sign = if self.take(b"-") {
            -1
        } else {
            self.literal(b'+')?;
            1
        };
        let hours = i32::from(self.number(false)?);
        let minutes = if self.take(b":") || self.rest.first().is_some_and(u8::is_ascii_digit) {
            i32::from(self.number(false)?)
        } else {
            0
        };
        seconds_east(sign, hours, minutes)
    }

    fn dashed(&mut self) -> Result<Parts, Misfit> {
        let year = self.year()?;
        self.literal(b'-')?;
        let month = self.number(false)?;
        self.literal(b'-')?;
        Ok(Parts { year, month, day: self.number(false)?, ..Parts::default() })
    }

    fn packed(&mut self) -> Result<Parts, Misfit> {
        let (year, month, day) = (self.year()?, self.number(false)?, self.number(false)?);
        Ok(Parts { year, month, day, ..Parts::default() })
    }

    fn iso(&mut self) -> Result<Parts, Misfit> {
        let mut parts = self.dashed()?;
        if self.rest.is_empty() {
            return Ok(parts);
        }
        if !(self.take(b"T") || self.take(b"t") || self.take(b" ")) {
            return Err(Misfit::Shape);
        }
        parts.hour = Some(self.number(false)?);
        self.literal(b':')?;
        parts.minute = self.number(false)?;
        if self.take(b":") {
            parts.second = self.number(false)?;
            if self.take(b".") || self.take(b",") {
                parts.nanosecond = self.fraction()?;
            }
        }
        if !self.rest.is_empty() {
            parts.offset = Some(self.offset()?);
        }
        Ok(parts)
    }

    /// `YYYYMMDD`, then perhaps `HHMMSS`, `.XXX`, and an offset in hours with a name: `[-5:EST]`.
    fn ofx(&mut self) -> Result<Parts, Misfit> {
        let mut parts = self.packed()?;
        if self.rest.first().is_some_and(u8::is_ascii_digit) {
            parts.hour = Some(self.number(false)?);
            parts.minute = self.number(false)?;
            parts.second = self.number(false)?;
            parts.offset = Some(0);
            if self.take(b".") {
                parts.nanosecond = self.fraction()?;
            }
        }
        if self.take(b"[") {
            parts.offset = Some(self.ofx_offset()?);
        }
        Ok(parts)
    }

    /// `-5:EST]`, `5.30]`: hours, after a point minutes, after a colon a name that says nothing more.
    fn ofx_offset(&mut self) -> Result<i32, Misfit> {
        let sign = if self.take(b"-") {
            -1
        } else {
            self.take(b"+");
            1
        };
        let hours = i32::from(self.number(true)?);
        let minutes = if self.take(b".") { i32::from(self.number(false)?) } else { 0 };
        let end = memchr::memchr(b']', self.rest).ok_or(Misfit::Shape)?;
        if !matches!(self.rest.first(), Some(b':' | b']')) {
            return Err(Misfit::Shape);
        }
        self.rest = &self.rest[end + 1..];
        seconds_east(sign, hours, minutes)
    }

    fn unix(&mut self, unit: i64) -> Result<Moment, Misfit> {
        let text = std::str::from_utf8(self.rest).map_err(|_| Misfit::Shape)?;
        if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
            return Err(Misfit::Shape);
        }
        let count: i64 = text.parse().map_err(|_| Misfit::Shape)?;
        let micros = count.checked_mul(unit).ok_or(NO_TIME)?;
        let stamp = jiff::Timestamp::from_microsecond(micros).map_err(|_| NO_TIME)?;
        let utc = TimeZone::UTC.to_datetime(stamp);
        Ok(Moment { date: utc.date(), time: Some(utc.time()), offset: Some(0), effective: None })
    }
}

/// An offset in seconds; no zone is more than 18 hours from UTC.
fn seconds_east(sign: i32, hours: i32, minutes: i32) -> Result<i32, Misfit> {
    if hours > 18 || minutes > 59 {
        return Err(Misfit::Impossible("its offset from UTC is impossible"));
    }
    Ok(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests;

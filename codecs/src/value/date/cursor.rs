//! A value read from the left, piece by piece.
use super::Moment;
use super::pattern::Item;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// Why a spelling does not give a date.
pub(super) enum Misfit {
    /// The value does not look like this.
    Shape,
    /// It does, and it is not in the calendar or on the clock.
    Impossible(&'static str),
}

const NO_DAY: Misfit = Misfit::Impossible("that month has no such day");
const NO_MONTH: Misfit = Misfit::Impossible("there is no such month");
const NO_TIME: Misfit = Misfit::Impossible("there is no such time of day");

/// What has been read of a value.
#[derive(Default)]
pub(super) struct Parts {
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
    pub(super) fn moment(self) -> Result<Moment, Misfit> {
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
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
}

impl Cursor<'_> {
    pub(super) fn item(&mut self, item: Item, parts: &mut Parts) -> Result<(), Misfit> {
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

    pub(super) fn dashed(&mut self) -> Result<Parts, Misfit> {
        let year = self.year()?;
        self.literal(b'-')?;
        let month = self.number(false)?;
        self.literal(b'-')?;
        Ok(Parts { year, month, day: self.number(false)?, ..Parts::default() })
    }

    pub(super) fn packed(&mut self) -> Result<Parts, Misfit> {
        let (year, month, day) = (self.year()?, self.number(false)?, self.number(false)?);
        Ok(Parts { year, month, day, ..Parts::default() })
    }

    pub(super) fn iso(&mut self) -> Result<Parts, Misfit> {
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
    pub(super) fn ofx(&mut self) -> Result<Parts, Misfit> {
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

    pub(super) fn unix(&mut self, unit: i64) -> Result<Moment, Misfit> {
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

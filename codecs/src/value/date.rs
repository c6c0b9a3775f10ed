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
mod cursor;
mod pattern;

use super::money::{Placeholders, ValueError, shown, trim};
use cursor::Misfit;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use pattern::{Form, Spelling};
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
    #[inline]
    pub fn parse(&self, value: &[u8]) -> Result<Option<Moment>, ValueError> {
        if !self.missing.has_digits()
            && let Some(date) = self.spellings.first().and_then(|s| s.fast(value))
        {
            return Ok(Some(Moment { date, time: None, offset: None, effective: None }));
        }
        self.look_closer(trim(value))
    }

    /// The last date in a text, such as a file's name. Digits right before or after it are no part of a date.
    pub fn last_in(&self, text: &[u8]) -> Option<Date> {
        let is_digit = |n: usize| text.get(n).is_some_and(u8::is_ascii_digit);
        let begins = |n: &usize| !(is_digit(*n) && n.checked_sub(1).is_some_and(is_digit));
        let at = |n: usize| {
            let read = |s: &Spelling| {
                s.begin(&text[n..]).ok().filter(|(_, rest)| !rest.first().is_some_and(u8::is_ascii_digit))
            };
            self.spellings.iter().find_map(read).map(|(moment, _)| moment.date)
        };
        (0..text.len()).rev().filter(begins).find_map(at)
    }

    fn look_closer(&self, value: &[u8]) -> Result<Option<Moment>, ValueError> {
        if self.missing.contains(value) { Ok(None) } else { self.spelled(value).map(Some) }
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

struct Spellings<'a>(&'a [Spelling]);

impl fmt::Display for Spellings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, spelling) in self.0.iter().enumerate() {
            write!(f, "{}`{}`", if n > 0 { " or " } else { "" }, spelling.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

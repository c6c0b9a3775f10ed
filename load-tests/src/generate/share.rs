//! A share of all records.
use std::fmt;
use std::str::FromStr;

/// The parts that make the whole.
pub const WHOLE: u64 = 10_000;

/// A share in hundredths of a percent, from 0 to 100%. Reads and prints as `2%` or `0.25%`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(u16);

impl Share {
    pub const NONE: Share = Share(0);

    /// Whole percent; more than 100 is 100.
    pub const fn percent(percent: u16) -> Share {
        Share(if percent > 100 { 10_000 } else { percent * 100 })
    }

    /// In ten-thousandths.
    pub fn parts(self) -> u64 {
        self.0.into()
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % 100 {
            0 => write!(f, "{}%", self.0 / 100),
            part => write!(f, "{}.{part:02}%", self.0 / 100),
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Share, String> {
        let wrong = || format!("`{text}` is no share: write a percentage from 0 to 100% such as 2% or 0.25%");
        let digits = text.strip_suffix('%').unwrap_or(text);
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let number = |text: &str| {
            let plain = !text.is_empty() && text.len() <= 3 && text.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(wrong)
        };
        if part.len() > 2 {
            return Err(wrong());
        }
        let hundredths = if part.is_empty() { 0 } else { number(&format!("{part:0<2}"))? };
        let parts = u16::try_from(number(whole)? * 100 + hundredths).map_err(|_| wrong())?;
        if u64::from(parts) <= WHOLE { Ok(Share(parts)) } else { Err(wrong()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_reads_as_it_prints() {
        for (text, parts) in [("2%", 200), ("0.25%", 25), ("0%", 0), ("100%", 10_000)] {
            let share: Share = text.parse().unwrap();
            assert_eq!((share.parts(), share.to_string()), (parts, text.to_owned()));
        }
        assert_eq!("0.5".parse(), Ok(Share(50)));
    }

    #[test]
    fn what_is_no_share_is_refused() {
        for text in ["", "%", "101%", "100.01%", "-1%", "0.001%", "two", "1.%5", "999%", "9999%"] {
            assert!(text.parse::<Share>().is_err(), "{text}");
        }
    }
}

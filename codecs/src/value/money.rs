//! Amounts as vendors spell them, read exactly: digits in, a decimal out, no float on the way and nothing allocated.
mod spelled;

use rust_decimal::Decimal;
use spelled::spelled;

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct ValueError {
    /// `bad_number`, `amount_range` or `bad_date`.
    pub code: &'static str,
    /// What is wrong, for a person.
    pub text: String,
    /// Byte offset in the value, where known.
    pub at: Option<u32>,
}

impl ValueError {
    pub(crate) fn new(code: &'static str, at: Option<usize>, text: String) -> Self {
        ValueError { code, text, at: at.and_then(|n| u32::try_from(n).ok()) }
    }
}

/// A value as it may stand in a message: at most 40 characters of it.
pub(crate) fn shown(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(&value[..value.len().min(160)]);
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() || value.len() > 160 {
        short.push('…');
    }
    short
}

/// Texts that stand for "no value" in a column, such as `--` or `N/A`. They are compared after spaces around are cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders {
    texts: Vec<Box<[u8]>>,
    digits: bool,
}

impl Placeholders {
    pub fn contains(&self, value: &[u8]) -> bool {
        self.texts.iter().any(|t| **t == *value)
    }

    /// Whether one of them could be read as a number or a date, so that it has to be looked for first.
    pub(crate) fn has_digits(&self) -> bool {
        self.digits
    }
}

impl<S: AsRef<str>> FromIterator<S> for Placeholders {
    fn from_iter<I: IntoIterator<Item = S>>(texts: I) -> Self {
        let texts: Vec<Box<[u8]>> = texts.into_iter().map(|t| trim(t.as_ref().as_bytes()).into()).collect();
        let digits = texts.iter().any(|t| t.iter().any(u8::is_ascii_digit));
        Placeholders { texts, digits }
    }
}

/// How many digits a number may have before and after its point; more is `amount_range`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    pub before: u8,
    pub after: u8,
}

impl Digits {
    /// Money, quantities and prices.
    pub const AMOUNT: Digits = Digits { before: 15, after: 8 };
    /// Returns and rates, as fractions. Together no more than the 28 digits a decimal always holds.
    pub const RATE: Digits = Digits { before: 10, after: 18 };
}

/// How a column spells its numbers: what a mapping declares.
///
/// A sign may stand before or after the digits (`-5`, `5-`, `$-5`, `-$5`) or be a pair of parentheses.
///
/// ```
/// use codecs::value::money::{MoneySpelling, parse};
/// let us = MoneySpelling::default();
/// assert_eq!(parse(b"($1,234.50)", &us).unwrap().unwrap().to_string(), "-1234.5");
/// let german = MoneySpelling { point: b',', grouping: Some(b'.'), ..us };
/// assert_eq!(parse(b"1.234,50", &german).unwrap().unwrap().to_string(), "1234.5");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoneySpelling {
    /// What stands before the decimals: `.` or `,`.
    pub point: u8,
    /// What may stand between thousands (`,`, `.`, `'` or a space), and only there; `None` if nothing may.
    pub grouping: Option<u8>,
    /// The number is written without its point: this many of its last digits are decimals.
    pub implied: Option<u8>,
    /// The number is a percentage and is read as a fraction: `1.5` or `1.5%` is 0.015.
    pub percent: bool,
    /// `1.5e3` is allowed.
    pub scientific: bool,
    /// Currency signs or codes that may stand before or after the number; any other is an error.
    pub symbols: Vec<Box<str>>,
    pub missing: Placeholders,
    /// Rounds half-even to so many places, for vendors that print more than an amount may have. Off unless declared.
    pub round: Option<u8>,
    pub digits: Digits,
}

impl Default for MoneySpelling {
    /// `1234.50`, `1,234.50`, `$5`; an empty value is missing.
    fn default() -> Self {
        MoneySpelling {
            point: b'.',
            grouping: Some(b','),
            implied: None,
            percent: false,
            scientific: false,
            symbols: vec!["$".into()],
            missing: Placeholders::from_iter([""]),
            round: None,
            digits: Digits::AMOUNT,
        }
    }
}

impl MoneySpelling {
    /// Numbers as JSON writes them: a point, no grouping, perhaps an exponent.
    pub fn json() -> Self {
        MoneySpelling { grouping: None, scientific: true, symbols: Vec::new(), ..Self::default() }
    }

    /// What is wrong with the spelling itself, for the check of a mapping.
    pub fn fault(&self) -> Option<&'static str> {
        if Some(self.point) == self.grouping {
            return Some("the decimal point and the separator of thousands are the same");
        }
        if self.point.is_ascii_digit() || self.grouping.is_some_and(|g| g.is_ascii_digit()) {
            return Some("a digit cannot be a point or a separator");
        }
        (self.digits.before.saturating_add(self.digits.after) > 28)
            .then_some("a decimal holds at most 28 digits, before and after the point together")
    }

    /// Decimals that are not among the digits written: what is implied, and a percentage's two.
    fn shift(&self) -> i32 {
        i32::from(self.implied.unwrap_or(0)) + if self.percent { 2 } else { 0 }
    }
}

/// Reads a number; `None` where the value is declared as missing. The result has no trailing zeros and is never -0.
///
/// # Errors
/// `bad_number` if it is not a number in this spelling, `amount_range` if it has more digits than allowed.
pub fn parse(value: &[u8], spelling: &MoneySpelling) -> Result<Option<Decimal>, ValueError> {
    if !spelling.missing.has_digits()
        && let Some(plain) = plain(value, spelling)
    {
        return Ok(Some(plain));
    }
    let trimmed = trim(value);
    if spelling.missing.contains(trimmed) {
        return Ok(None);
    }
    spelled(trimmed, false, spelling).map(Some).map_err(|fault| fault.of(trimmed))
}

/// Reads a number whose sign stands in a field of its own: `-`, `+`, or nothing for plus.
///
/// # Errors
/// As [`parse`]; also if the sign is anything else, or if the number has a sign as well.
pub fn parse_with_sign(
    value: &[u8],
    sign: &[u8],
    spelling: &MoneySpelling,
) -> Result<Option<Decimal>, ValueError> {
    let trimmed = trim(value);
    if spelling.missing.contains(trimmed) {
        return Ok(None);
    }
    let negative = match trim(sign) {
        b"" | b"+" => false,
        b"-" => true,
        other => {
            let text = format!("`{}` is no sign: expected `+`, `-` or a space", shown(other));
            return Err(ValueError::new("bad_number", None, text));
        }
    };
    let unsigned = spelled(trimmed, true, spelling).map_err(|fault| fault.of(trimmed))?;
    Ok(Some(if negative && !unsigned.is_zero() { -unsigned } else { unsigned }))
}

/// The common case: an optional minus, digits, perhaps one point. `None` means: look closer.
fn plain(value: &[u8], spelling: &MoneySpelling) -> Option<Decimal> {
    let (negative, digits) = match value {
        [b'-', rest @ ..] => (true, rest),
        all => (false, all),
    };
    // 18 digits and a point: no overflow of 64 bits.
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (n, b) in digits.iter().enumerate() {
        let digit = b.wrapping_sub(b'0');
        if digit < 10 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if *b == spelling.point && point.is_none() && spelling.implied.is_none() && n > 0 {
            point = Some(n);
        } else {
            return None;
        }
    }
    if point.is_none() && digits.len() > 18 {
        return None;
    }
    let written = point.map_or(0, |n| digits.len() - n - 1);
    let mut scale = i32::try_from(written).ok()? + spelling.shift();
    while scale > 0 && mantissa.is_multiple_of(10) && mantissa != 0 {
        mantissa /= 10;
        scale -= 1;
    }
    if spelling.round.is_some_and(|places| scale > i32::from(places)) {
        return None;
    }
    fit_plain(mantissa, scale, negative, spelling.digits)
}

const POWERS: [u128; 29] = {
    let mut powers = [1; 29];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

const SMALL_POWERS: [u64; 20] = {
    let mut powers = [1; 20];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// As [`fit`], in 64 bits, which is what nearly every number of a feed needs.
fn fit_plain(mantissa: u64, scale: i32, negative: bool, digits: Digits) -> Option<Decimal> {
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= u32::from(digits.after))?;
    // A power beyond 64 bits is above every mantissa.
    let beyond = SMALL_POWERS.get(usize::from(digits.before) + scale as usize);
    if beyond.is_some_and(|beyond| mantissa >= *beyond) {
        return None;
    }
    let [b0, b1, b2, b3, b4, b5, b6, b7] = mantissa.to_le_bytes();
    let (low, middle) = (u32::from_le_bytes([b0, b1, b2, b3]), u32::from_le_bytes([b4, b5, b6, b7]));
    Some(Decimal::from_parts(low, middle, 0, negative, scale))
}

/// A decimal of `mantissa / 10^scale`, which has no trailing zeros, if it is within the bounds.
fn fit(mantissa: u128, scale: i32, negative: bool, digits: Digits) -> Option<Decimal> {
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    let scale = u32::try_from(scale).ok().filter(|scale| *scale <= u32::from(digits.after))?;
    // As many digits before the point as allowed, and the scale's after it: the mantissa stays below that power.
    let beyond = POWERS.get(usize::from(digits.before) + scale as usize).copied().unwrap_or(POWERS[28]);
    if mantissa >= beyond {
        return None;
    }
    let mantissa = i128::try_from(mantissa).ok()?;
    Decimal::try_from_i128_with_scale(if negative { -mantissa } else { mantissa }, scale).ok()
}

/// Cuts spaces, tabs, line ends and no-break spaces (in UTF-8) off both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

fn trim_start(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [0xC2, 0xA0, rest @ ..] => rest,
            [b, rest @ ..] if b.is_ascii_whitespace() => rest,
            _ => return bytes,
        };
    }
}

fn trim_end(mut bytes: &[u8]) -> &[u8] {
    loop {
        bytes = match bytes {
            [rest @ .., 0xC2, 0xA0] => rest,
            [rest @ .., b] if b.is_ascii_whitespace() => rest,
            _ => return bytes,
        };
    }
}

#[cfg(test)]
mod tests;

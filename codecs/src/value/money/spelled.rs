//! The careful way: a number with all that may stand around its digits.
use super::{Digits, MoneySpelling, ValueError, fit, shown, trim_end, trim_start};
use rust_decimal::Decimal;

/// What is wrong with a value, before it is put into words.
pub(super) enum Fault {
    /// Not a number: why, and the byte it shows at.
    Bad(&'static str, usize),
    Range(Digits),
}

impl Fault {
    pub(super) fn of(self, value: &[u8]) -> ValueError {
        match self {
            Fault::Bad(why, at) => {
                ValueError::new("bad_number", Some(at), format!("`{}` is no number: {why}", shown(value)))
            }
            Fault::Range(Digits { before, after }) => ValueError::new(
                "amount_range",
                None,
                format!(
                    "`{}` is out of range: at most {before} digits before and {after} after the point",
                    shown(value)
                ),
            ),
        }
    }
}

/// A number with what may stand around its digits: sign, parentheses, currency, percent sign.
pub(super) fn spelled(value: &[u8], sign_apart: bool, spelling: &MoneySpelling) -> Result<Decimal, Fault> {
    let mut rest = Trimmed { bytes: value, start: 0 };
    let mut signs = 0;
    let mut negative = false;
    let mut symbols = 0;
    let mut percents = 0;
    loop {
        rest.trim();
        if let [b'(', inner @ .., b')'] = rest.bytes {
            rest = Trimmed { bytes: inner, start: rest.start + 1 };
            (signs, negative) = (signs + 1, true);
        } else if let Some(minus) = rest.take_sign() {
            signs += 1;
            negative |= minus;
        } else if spelling.percent && rest.take(b"%") {
            percents += 1;
        } else if spelling.symbols.iter().any(|s| rest.take(s.as_bytes())) {
            symbols += 1;
        } else {
            break;
        }
    }
    if signs > 1 || (sign_apart && signs > 0) {
        return Err(Fault::Bad(if sign_apart { "its sign stands apart" } else { "it has two signs" }, 0));
    }
    if symbols > 1 || percents > 1 {
        return Err(Fault::Bad("a currency or percent sign stands twice", 0));
    }
    let number = digits(&rest, spelling)?;
    settle(number, negative, spelling)
}

/// What is left of a value, and where in it that begins.
struct Trimmed<'a> {
    bytes: &'a [u8],
    start: usize,
}

impl Trimmed<'_> {
    fn trim(&mut self) {
        let after = trim_start(self.bytes);
        self.start += self.bytes.len() - after.len();
        self.bytes = trim_end(after);
    }

    /// Takes a token off the front or the end.
    fn take(&mut self, token: &[u8]) -> bool {
        if token.is_empty() {
            return false;
        }
        if let Some(rest) = self.bytes.strip_prefix(token) {
            (self.bytes, self.start) = (rest, self.start + token.len());
            return true;
        }
        match self.bytes.strip_suffix(token) {
            Some(rest) => {
                self.bytes = rest;
                true
            }
            None => false,
        }
    }

    /// Takes a sign; says whether it is a minus (a hyphen or the typographer's U+2212).
    fn take_sign(&mut self) -> Option<bool> {
        if self.take(b"-") || self.take("\u{2212}".as_bytes()) {
            Some(true)
        } else {
            self.take(b"+").then_some(false)
        }
    }
}

/// The digits of a number: `mantissa / 10^scale`.
struct Number {
    mantissa: u128,
    scale: i32,
}

impl Number {
    fn push(&mut self, digit: u8, digits: Digits) -> Result<(), Fault> {
        let longer = self.mantissa.checked_mul(10).and_then(|m| m.checked_add(u128::from(digit - b'0')));
        self.mantissa = longer.ok_or(Fault::Range(digits))?;
        Ok(())
    }
}

fn digits(text: &Trimmed, spelling: &MoneySpelling) -> Result<Number, Fault> {
    let mut number = Number { mantissa: 0, scale: 0 };
    let bytes = text.bytes;
    let bad = |why, n: usize| Fault::Bad(why, text.start + n);
    let (mut n, mut seen) = (0, 0);
    // Digits since the last separator; the first group may be shorter.
    let (mut group, mut grouped) = (0, false);
    while let Some(&b) = bytes.get(n) {
        if b.is_ascii_digit() {
            number.push(b, spelling.digits)?;
            (group, seen) = (group + 1, seen + 1);
            n += 1;
        } else if let Some(length) = separator(&bytes[n..], spelling) {
            if group == 0 || group > 3 || (grouped && group != 3) {
                return Err(bad("a separator stands where no thousand ends", n));
            }
            (group, grouped, n) = (0, true, n + length);
        } else {
            break;
        }
    }
    if grouped && group != 3 {
        return Err(bad("after a separator of thousands three digits must follow", n));
    }
    if bytes.get(n) == Some(&spelling.point) {
        if spelling.implied.is_some() {
            return Err(bad("its decimals are implied, so it has no point", n));
        }
        n += 1;
        while let Some(b) = bytes.get(n).filter(|b| b.is_ascii_digit()) {
            number.push(*b, spelling.digits)?;
            (number.scale, seen, n) = (number.scale + 1, seen + 1, n + 1);
        }
    }
    if seen == 0 {
        return Err(bad("it has no digits", n));
    }
    if spelling.scientific && matches!(bytes.get(n), Some(b'e' | b'E')) {
        let (exponent, end) = exponent(bytes, n + 1).ok_or_else(|| bad("its exponent has no digits", n))?;
        (number.scale, n) = (number.scale - exponent, end);
    }
    if n < bytes.len() {
        return Err(bad("an unexpected character", n));
    }
    Ok(number)
}

/// How long the separator of thousands is that stands here. A space may be a no-break one, also a narrow one, and an apostrophe the
/// typographer's.
fn separator(bytes: &[u8], spelling: &MoneySpelling) -> Option<usize> {
    match (spelling.grouping?, bytes) {
        (grouping, [b, ..]) if *b == grouping => Some(1),
        (b' ', [0xC2, 0xA0, ..]) => Some(2),
        (b' ', [0xE2, 0x80, 0xAF, ..]) | (b'\'', [0xE2, 0x80, 0x99, ..]) => Some(3),
        _ => None,
    }
}

/// An exponent and the byte after it. Beyond what any amount can need it stays at a thousand, which is out of range.
fn exponent(bytes: &[u8], mut n: usize) -> Option<(i32, usize)> {
    let negative = bytes.get(n) == Some(&b'-');
    if matches!(bytes.get(n), Some(b'-' | b'+')) {
        n += 1;
    }
    let first = n;
    let mut exponent = 0i32;
    while let Some(b) = bytes.get(n).filter(|b| b.is_ascii_digit()) {
        exponent = (exponent * 10 + i32::from(b - b'0')).min(1000);
        n += 1;
    }
    (n > first).then_some((if negative { -exponent } else { exponent }, n))
}

/// Applies scale and rounding, and holds the result against the bounds.
fn settle(number: Number, negative: bool, spelling: &MoneySpelling) -> Result<Decimal, Fault> {
    let Number { mut mantissa, scale } = number;
    let mut scale = scale + spelling.shift();
    if mantissa == 0 {
        return Ok(Decimal::ZERO);
    }
    while scale > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        scale -= 1;
    }
    while scale < 0 {
        mantissa = mantissa.checked_mul(10).ok_or(Fault::Range(spelling.digits))?;
        scale += 1;
    }
    if let Some(places) = spelling.round.map(i32::from).filter(|places| scale > *places) {
        mantissa = half_even(mantissa, scale - places);
        scale = places;
        while scale > 0 && mantissa.is_multiple_of(10) && mantissa != 0 {
            mantissa /= 10;
            scale -= 1;
        }
    }
    fit(mantissa, scale, negative, spelling.digits).ok_or(Fault::Range(spelling.digits))
}

/// `mantissa / 10^drop`, rounded half-even.
fn half_even(mantissa: u128, drop: i32) -> u128 {
    let Some(unit) = u32::try_from(drop).ok().and_then(|d| 10u128.checked_pow(d)) else { return 0 };
    let (quotient, rest) = (mantissa / unit, mantissa % unit);
    let up = rest > unit - rest || (rest == unit - rest && quotient % 2 == 1);
    quotient + u128::from(up)
}

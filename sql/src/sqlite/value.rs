//! Numbers and dates as text, without going through a formatter: there are a dozen of them in each row.
use record::Position;
use returns::Decimal;
use returns::date::Date;

/// A decimal needs 29 digits, a point, a zero before it and a sign; a position in a file up to 52.
const WIDTH: usize = 56;

/// A short text in place.
pub(super) struct Text {
    bytes: [u8; WIDTH],
    start: usize,
}

impl Text {
    /// The end of a text, as much of it as fits.
    fn copy(text: &str) -> Text {
        let kept = text.len().min(WIDTH);
        let start = WIDTH - kept;
        let mut bytes = [0; WIDTH];
        bytes[start..].copy_from_slice(&text.as_bytes()[text.len() - kept..]);
        Text { bytes, start }
    }

    pub fn as_str(&self) -> &str {
        // Only digits, points, dashes and a sign are ever written.
        std::str::from_utf8(&self.bytes[self.start..]).unwrap_or_default()
    }
}

/// A decimal in the report's form: plain, no exponent, no trailing zeros, no -0.
pub(super) fn decimal(value: Decimal) -> Text {
    let mut bytes = [0u8; WIDTH];
    let start = write_decimal(value, &mut bytes);
    Text { bytes, start }
}

/// Fills the buffer from its end; returns where the text begins.
fn write_decimal(value: Decimal, buffer: &mut [u8; WIDTH]) -> usize {
    let mut rest = value.mantissa().unsigned_abs();
    let mut places = value.scale();
    if rest == 0 {
        buffer[WIDTH - 1] = b'0';
        return WIDTH - 1;
    }
    while places > 0 && rest.is_multiple_of(10) {
        rest /= 10;
        places -= 1;
    }
    let mut at = WIDTH;
    while rest > 0 || places > 0 {
        at -= 1;
        buffer[at] = last_digit(&mut rest);
        if places > 0 {
            places -= 1;
            if places == 0 {
                at -= 1;
                buffer[at] = b'.';
                if rest == 0 {
                    at -= 1;
                    buffer[at] = b'0';
                }
            }
        }
    }
    if value.is_sign_negative() {
        at -= 1;
        buffer[at] = b'-';
    }
    at
}

/// Takes the last digit off; by 64 bits where they do, which is nearly always and several times as fast.
fn last_digit(rest: &mut u128) -> u8 {
    match u64::try_from(*rest) {
        Ok(small) => {
            *rest = u128::from(small / 10);
            b'0' + (small % 10) as u8
        }
        Err(_) => {
            let digit = (*rest % 10) as u8;
            *rest /= 10;
            b'0' + digit
        }
    }
}

/// A date in ISO form.
pub(super) fn date(value: Date) -> Text {
    let Ok(year) = u16::try_from(value.year()) else { return Text::copy(&value.to_string()) };
    let (month, day) = (u16::from(value.month().unsigned_abs()), u16::from(value.day().unsigned_abs()));
    let digit = |n: u16| b'0' + (n % 10) as u8;
    let start = WIDTH - 10;
    let mut bytes = [b'-'; WIDTH];
    bytes[start..start + 4].copy_from_slice(&[year / 1000, year / 100, year / 10, year].map(digit));
    bytes[start + 5..start + 7].copy_from_slice(&[month / 10, month].map(digit));
    bytes[start + 8..].copy_from_slice(&[day / 10, day].map(digit));
    Text { bytes, start }
}

/// A position, where its numbers fit 64 bits: always in a file.
pub(super) fn position(value: Position) -> Option<Text> {
    let sequence = u64::try_from(value.sequence).ok()?;
    let mut bytes = [b'.'; WIDTH];
    let item = write_number(value.item.into(), &mut bytes, WIDTH);
    let sub = write_number(value.sub, &mut bytes, item - 1);
    let start = write_number(sequence, &mut bytes, sub - 1);
    Some(Text { bytes, start })
}

/// Writes a number that ends before `end`; returns where it begins.
fn write_number(mut rest: u64, bytes: &mut [u8; WIDTH], end: usize) -> usize {
    let mut at = end;
    loop {
        at -= 1;
        bytes[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    #[test]
    fn decimals_look_as_in_the_report() {
        for (given, text) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("100", "100"),
            ("1000", "1000"),
            ("1.50", "1.5"),
            ("-5.00", "-5"),
            ("0.001", "0.001"),
            ("-0.10", "-0.1"),
            ("1.023333333333333333", "1.023333333333333333"),
            ("0.0000000000000000000000000001", "0.0000000000000000000000000001"),
            ("-7922816251426433759354395033.5", "-7922816251426433759354395033.5"),
            ("-0.7922816251426433759354395033", "-0.7922816251426433759354395033"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
        ] {
            let value = Decimal::from_str(given).unwrap();
            assert_eq!(decimal(value).as_str(), text);
            assert_eq!(value.normalize().to_string(), if text == "0" { "0" } else { text });
            assert_eq!(Decimal::from_str_exact(text).unwrap(), value);
        }
    }

    #[test]
    fn positions_look_as_they_print() {
        for text in ["0.0.0", "120.3.0", "18446744073709551615.18446744073709551615.4294967295"] {
            assert_eq!(position(text.parse().unwrap()).unwrap().as_str(), text);
        }
        let kinesis = "49590338271490256608559692538361571095921575989136588898.0.9";
        assert!(position(kinesis.parse().unwrap()).is_none());
    }

    #[test]
    fn dates_look_as_jiff_prints_them() {
        for date in [(2026, 11, 24), (1970, 1, 1), (999, 9, 9), (9999, 12, 31), (-44, 3, 15)] {
            let value = Date::new(date.0, date.1, date.2).unwrap();
            assert_eq!(super::date(value).as_str(), value.to_string());
        }
    }
}

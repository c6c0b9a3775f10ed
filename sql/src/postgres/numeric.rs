//! `numeric` on Postgres' binary wire, from and to [`Decimal`], to the last digit and with its number of decimal places.
//!
//! The wire form is four 16-bit numbers (how many digits, weight of the first, sign, decimal places) and then digits to base 10000. A
//! [`Decimal`] is a 96-bit whole number and a number of decimal places, so both ways are whole-number arithmetic.
use rust_decimal::Decimal;

const BASE: u16 = 10_000;
const NEGATIVE: u16 = 0x4000;
/// 2^96 padded by up to three decimal places has 33 decimal digits.
const MOST_DIGITS: usize = 9;

/// Appends the value with its length before it. The casts lose nothing: there are at most 28 places and nine digits below 10000.
pub fn put(out: &mut Vec<u8>, value: Decimal) {
    let scale = value.scale() as u16;
    let (digits, count, fraction) = split(value);
    let zeros = digits[..count].iter().take_while(|d| **d == 0).count();
    let kept = count - zeros;
    let sign = if value.is_sign_negative() && kept > 0 { NEGATIVE } else { 0 };
    out.extend_from_slice(&(8 + 2 * kept as i32).to_be_bytes());
    out.extend_from_slice(&(kept as u16).to_be_bytes());
    out.extend_from_slice(&(count as i16 - 1 - fraction).to_be_bytes());
    out.extend_from_slice(&sign.to_be_bytes());
    out.extend_from_slice(&scale.to_be_bytes());
    for digit in digits[zeros..count].iter().rev() {
        out.extend_from_slice(&digit.to_be_bytes());
    }
}

/// The digits to base 10000, lowest first, how many there are, and how many of them are behind the point.
fn split(value: Decimal) -> ([u16; MOST_DIGITS], usize, i16) {
    let pad = (4 - value.scale() % 4) % 4;
    let mut wide = value.mantissa().unsigned_abs() * 10u128.pow(pad);
    let mut digits = [0u16; MOST_DIGITS];
    let mut count = 0;
    while wide > u128::from(u64::MAX) {
        digits[count] = (wide % u128::from(BASE)) as u16;
        wide /= u128::from(BASE);
        count += 1;
    }
    // 64-bit division is several times faster, and all that most amounts need.
    let mut narrow = wide as u64;
    while narrow > 0 {
        digits[count] = (narrow % u64::from(BASE)) as u16;
        narrow /= u64::from(BASE);
        count += 1;
    }
    (digits, count, ((value.scale() + pad) / 4) as i16)
}

/// Reads what [`put`] writes, without the length, and any other numeric that a [`Decimal`] holds exactly.
pub fn take(wire: &[u8]) -> Result<Decimal, String> {
    let mut words = wire.chunks_exact(2).map(|w| u16::from_be_bytes([w[0], w[1]]));
    let mut word = || words.next().ok_or_else(|| "a numeric is cut short".to_owned());
    let (count, weight, sign, scale) = (word()?, word()? as i16, word()?, word()?);
    if sign != 0 && sign != NEGATIVE {
        return Err("a numeric is no number (NaN or infinite)".into());
    }
    let too_large = || "a numeric is too large for 28 digits".to_owned();
    let mut value = 0u128;
    for _ in 0..count {
        value = value
            .checked_mul(BASE.into())
            .and_then(|v| v.checked_add(word().ok()?.into()))
            .ok_or_else(too_large)?;
    }
    // The last digit stands for 10000^(weight + 1 - count); bring the whole number to `scale` decimal places.
    let exponent = 4 * (i32::from(weight) + 1 - i32::from(count)) + i32::from(scale);
    let power = 10u128.checked_pow(exponent.unsigned_abs()).ok_or_else(too_large)?;
    let value = if exponent < 0 { value / power } else { value.checked_mul(power).ok_or_else(too_large)? };
    let value = i128::try_from(value).map_err(|_| too_large())?;
    let signed = if sign == NEGATIVE { -value } else { value };
    Decimal::try_from_i128_with_scale(signed, scale.into()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(value: Decimal) -> Vec<u8> {
        let mut out = vec![];
        put(&mut out, value);
        assert_eq!(i32::from_be_bytes(out[..4].try_into().unwrap()) as usize, out.len() - 4);
        out.split_off(4)
    }

    proptest! {
        #[test]
        fn every_decimal_goes_there_and_back_with_its_places(low in any::<u32>(), mid in any::<u32>(), high in any::<u32>(),
            negative in any::<bool>(), scale in 0u32..=28) {
            for (mid, high) in [(mid, high), (mid, 0), (0, 0)] {
                let value = Decimal::from_parts(low, mid, high, negative, scale);
                let back = take(&wire(value)).unwrap();
                prop_assert_eq!(back, value);
                prop_assert_eq!(back.scale(), scale);
            }
        }
    }

    #[test]
    fn known_values_have_the_digits_postgres_gives_them() {
        // From `select numeric_send(...)`.
        let cases: [(&str, &[u16]); 5] = [
            ("0", &[0, 0xffff, 0, 0]),
            ("1", &[1, 0, 0, 0, 1]),
            ("-12345.6789", &[3, 1, 0x4000, 4, 1, 2345, 6789]),
            ("0.001", &[1, 0xffff, 0, 3, 10]),
            ("100000000", &[1, 2, 0, 0, 1]),
        ];
        for (text, words) in cases {
            let value: Decimal = text.parse().unwrap();
            let expected: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            if text != "0" {
                assert_eq!(wire(value), expected, "{text}");
            }
            assert_eq!(take(&expected), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_no_decimal_holds_is_refused() {
        let words = |w: &[u16]| w.iter().flat_map(|w| w.to_be_bytes()).collect::<Vec<_>>();
        assert!(take(&words(&[0, 0, 0xc000, 0])).is_err(), "NaN");
        assert!(take(&words(&[1, 20, 0, 0, 1])).is_err(), "10^80");
        assert!(take(&words(&[2, 0, 0, 0, 1])).is_err(), "cut short");
    }
}

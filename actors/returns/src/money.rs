//! Amounts of money: exact, bounded, and written in one way.
//!
//! An amount has at most [`WHOLE_DIGITS`] digits before and [`PLACES`] after the point. A [`Decimal`] has a mantissa below 2^96,
//! about 7.9 x 10^28, so at 8 places it holds every sum up to 7.9 x 10^20: sums of amounts are exact here as long as they
//! stay below 10^20, and what does not fit is reported by `None`. The operators of `Decimal` are not used on amounts: they panic
//! when a result is too large and silently drop places when a common scale does not fit.
use rust_decimal::Decimal;
use std::fmt;
use thiserror::Error;

/// Most digits of an amount before the point.
pub const WHOLE_DIGITS: u32 = 15;
/// Most digits of an amount after the point.
pub const PLACES: u32 = 8;

const POWERS: [i128; 29] = {
    let mut powers = [1; 29];
    let mut i = 1;
    while i < powers.len() {
        powers[i] = powers[i - 1] * 10;
        i += 1;
    }
    powers
};

/// 10 to the power of `exponent`, which is at most 28 (the largest scale of a [`Decimal`]).
pub(crate) const fn power_of_ten(exponent: u32) -> i128 {
    POWERS[exponent as usize]
}

/// Why a number cannot be an amount: `amount_range` in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AmountError {
    #[error(
        "{0} has more than {WHOLE_DIGITS} digits before the point; check the column's position and its implied decimals"
    )]
    TooLarge(Decimal),
    #[error(
        "{0} has more than {PLACES} digits after the point; check the column's position and its implied decimals"
    )]
    TooFine(Decimal),
}

/// The one way an amount is written inside Dietz: no trailing zeros, no -0, within the bounds above.
pub fn canonical(amount: Decimal) -> Result<Decimal, AmountError> {
    let trimmed = amount.normalize();
    if trimmed.scale() > PLACES {
        return Err(AmountError::TooFine(amount));
    }
    if trimmed.mantissa().unsigned_abs() >= power_of_ten(WHOLE_DIGITS + trimmed.scale()).unsigned_abs() {
        return Err(AmountError::TooLarge(amount));
    }
    Ok(trimmed)
}

/// The exact sum, with the finer scale of the two; `None` when it does not fit a [`Decimal`] without losing places.
pub fn add(a: Decimal, b: Decimal) -> Option<Decimal> {
    let scale = a.scale().max(b.scale());
    let sum = at_scale(a, scale)?.checked_add(at_scale(b, scale)?)?;
    Decimal::try_from_i128_with_scale(sum, scale).ok()
}

/// The exact difference, as [`add`].
pub fn sub(a: Decimal, b: Decimal) -> Option<Decimal> {
    add(a, -b)
}

/// The amount as a whole number of 10^-8; `None` if it has finer places. Below 8 x 10^36 for every [`Decimal`], so that
/// about twenty of them add up without a check.
#[inline]
pub(crate) fn to_units(amount: Decimal) -> Option<i128> {
    at_scale(amount, PLACES)
}

/// The amount of that many 10^-8, without trailing zeros; `None` beyond 7.9 x 10^20.
pub(crate) fn from_units(units: i128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(units, PLACES).ok().map(|amount| amount.normalize())
}

/// The mantissa of a number at a scale of at most 28; `None` where that would lose places, or does not fit.
#[inline]
pub(crate) fn at_scale(number: Decimal, scale: u32) -> Option<i128> {
    let (mantissa, own) = (number.mantissa(), number.scale());
    match scale.checked_sub(own) {
        // 96 bits by 30 always fit; the check costs more than the product, on the hot path.
        Some(missing @ 0..=9) => Some(mantissa * power_of_ten(missing)),
        Some(missing) => mantissa.checked_mul(power_of_ten(missing)),
        None => {
            let power = power_of_ten(own - scale);
            (mantissa % power == 0).then(|| mantissa / power)
        }
    }
}

/// A number as reports and stores print it: plain, no exponent, no trailing zeros, -0 as 0.
#[derive(Clone, Copy, Debug)]
pub struct Plain(pub Decimal);

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn an_amount_is_written_in_one_way() {
        for (given, kept) in [
            ("1.500", "1.5"),
            ("-0.00", "0"),
            ("100", "100"),
            ("0.00000001", "0.00000001"),
            ("-7.10", "-7.1"),
        ] {
            let amount = canonical(dec(given)).unwrap();
            assert_eq!(amount.to_string(), kept);
            assert!(!(amount.is_zero() && amount.is_sign_negative()));
        }
    }

    #[test]
    fn an_amount_beyond_fifteen_and_eight_digits_is_refused() {
        assert!(canonical(dec("999999999999999.99999999")).is_ok());
        assert!(canonical(dec("-999999999999999.99999999")).is_ok());
        assert_eq!(canonical(dec("1000000000000000")), Err(AmountError::TooLarge(dec("1000000000000000"))));
        assert_eq!(
            canonical(dec("-1000000000000000.5")),
            Err(AmountError::TooLarge(dec("-1000000000000000.5")))
        );
        assert_eq!(canonical(dec("0.000000001")), Err(AmountError::TooFine(dec("0.000000001"))));
        assert_eq!(canonical(dec("0.1000000000")).unwrap(), dec("0.1"));
    }

    #[test]
    fn sums_up_to_ten_to_the_twenty_keep_every_place() {
        let most = dec("99999999999999999999.99999999");
        assert_eq!(sub(most, dec("0.00000001")).unwrap().to_string(), "99999999999999999999.99999998");
        assert_eq!(add(most, dec("0.00000001")).unwrap(), dec("100000000000000000000"));
        assert_eq!(add(Decimal::MAX, dec("1")), None);
        assert_eq!(add(Decimal::MAX, dec("0.1")), None, "the operator would round this");
    }

    #[test]
    fn a_number_prints_plainly() {
        assert_eq!(Plain(dec("1.0200000")).to_string(), "1.02");
        assert_eq!(Plain(-dec("0.00")).to_string(), "0");
        assert_eq!(Plain(dec("0.000000000000000001")).to_string(), "0.000000000000000001");
        assert_eq!(Plain(dec("1000")).to_string(), "1000");
    }

    proptest! {
        #[test]
        fn units_go_there_and_back(mantissa in -10i128.pow(23)..10i128.pow(23), scale in 0u32..=8) {
            let amount = Decimal::from_i128_with_scale(mantissa / power_of_ten(8 - scale), scale);
            prop_assert_eq!(from_units(to_units(amount).unwrap()).unwrap(), amount);
            prop_assert_eq!(sub(add(amount, Decimal::ONE).unwrap(), Decimal::ONE).unwrap(), amount);
        }
    }
}

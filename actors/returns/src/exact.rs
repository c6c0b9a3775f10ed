//! Exact quotients, rounded once, half-even.
//!
//! A rate or a growth index is a [`Decimal`] of scale 18, an annualised rate one of scale 12; trailing zeros stay on and are
//! dropped by printing ([`crate::money::Plain`]), equality is by value. A mantissa is below 2^96, so an index ends at about
//! 7.9 x 10^10. What lies beyond is `None`: never a wrap, never fewer places.
//!
//! Products of two mantissas run through 128 bits where they fit, else 256; the many sub-periods of one day through integers
//! of any length.
use crate::money::{at_scale, power_of_ten};
use num_bigint::BigUint;
use ruint::aliases::U256;
use rust_decimal::Decimal;
use std::ops::Sub;

/// Places of a return and of a growth index.
pub const RATE_PLACES: u32 = 18;
/// 1 at [`RATE_PLACES`].
pub(crate) const ONE: u128 = power_of_ten(RATE_PLACES).unsigned_abs();

/// `a * b / divisor`, rounded half-even; `None` beyond 128 bits or for a divisor of 0.
pub(crate) fn mul_div(a: u128, b: u128, divisor: u128) -> Option<u128> {
    if divisor == 0 {
        return None;
    }
    match a.checked_mul(b) {
        Some(product) => {
            let (quotient, rest) = (product / divisor, product % divisor);
            quotient.checked_add(u128::from(rounds_up(rest, divisor, quotient & 1 == 1)))
        }
        None => mul_div_wide(a, b, divisor),
    }
}

fn mul_div_wide(a: u128, b: u128, divisor: u128) -> Option<u128> {
    let divisor = U256::from(divisor);
    let (quotient, rest) = (U256::from(a) * U256::from(b)).div_rem(divisor);
    let up = rounds_up(rest, divisor, quotient.bit(0));
    u128::try_from(quotient).ok()?.checked_add(u128::from(up))
}

/// Whether a quotient with this remainder goes up: beyond the half, or on it to the even neighbour.
pub(crate) fn rounds_up<T: Copy + PartialOrd + Sub<Output = T>>(rest: T, divisor: T, odd: bool) -> bool {
    let missing = divisor - rest;
    rest > missing || (rest == missing && odd)
}

/// The mantissa of an index or a rate >= 0 at 18 places; `None` for a negative one or one with finer places.
pub(crate) fn index(number: Decimal) -> Option<u128> {
    u128::try_from(at_scale(number, RATE_PLACES)?).ok()
}

/// The number with that mantissa at 18 places; `None` beyond 96 bits.
pub(crate) fn from_index(mantissa: u128) -> Option<Decimal> {
    Decimal::try_from_i128_with_scale(i128::try_from(mantissa).ok()?, RATE_PLACES).ok()
}

/// `n / d - 1` of two indices or values of one scale, rounded once to 18 places; `None` out of range or for d = 0.
pub(crate) fn rate(n: u128, d: u128) -> Option<Decimal> {
    signed_rate(mul_div(n.abs_diff(d), ONE, d)?, n < d)
}

fn signed_rate(mantissa: u128, negative: bool) -> Option<Decimal> {
    let mantissa = i128::try_from(mantissa).ok()?;
    Decimal::try_from_i128_with_scale(if negative { -mantissa } else { mantissa }, RATE_PLACES).ok()
}

/// A product of exact quotients: the return of a day over its sub-periods is one quotient, rounded at its end alone.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Product {
    Narrow(u128, u128),
    Wide(Box<(BigUint, BigUint)>),
}

impl Product {
    pub(crate) const ONE: Product = Product::Narrow(1, 1);

    /// Takes one more factor `n / d`, d > 0.
    pub(crate) fn times(&mut self, n: u128, d: u128) {
        match self {
            Product::Narrow(have_n, have_d) => match (have_n.checked_mul(n), have_d.checked_mul(d)) {
                (Some(n), Some(d)) => *self = Product::Narrow(n, d),
                _ => {
                    *self = Product::Wide(Box::new((BigUint::from(*have_n) * n, BigUint::from(*have_d) * d)));
                }
            },
            Product::Wide(product) => {
                product.0 *= n;
                product.1 *= d;
            }
        }
    }

    /// The product less 1, rounded to 18 places; `None` out of range.
    pub(crate) fn rate(&self) -> Option<Decimal> {
        let (n, d) = match self {
            Product::Narrow(n, d) => return rate(*n, *d),
            Product::Wide(product) => (&product.0, &product.1),
        };
        let negative = n < d;
        let gain = if negative { d - n } else { n - d } * ONE;
        let (quotient, rest) = (&gain / d, &gain % d);
        let missing = d - &rest;
        let up = rest > missing || (rest == missing && quotient.bit(0));
        signed_rate(u128::try_from(quotient).ok()?.checked_add(u128::from(up))?, negative)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    /// Half-even by the book: the nearest whole number, of two the even one.
    fn half_even(x: &BigRational) -> BigInt {
        let floor = x.floor().to_integer();
        let twice = (x - BigRational::from(floor.clone())) * BigRational::from(BigInt::from(2));
        let one = BigRational::from(BigInt::from(1));
        let odd = floor.bit(0);
        if twice > one || (twice == one && odd) { floor + 1 } else { floor }
    }

    #[test]
    fn a_half_goes_to_the_even_neighbour() {
        assert_eq!(mul_div(5, 1, 2), Some(2));
        assert_eq!(mul_div(7, 1, 2), Some(4));
        assert_eq!(mul_div(5, u128::MAX, 2), None);
        assert_eq!(mul_div_wide(5, 1, 2), Some(2));
        assert_eq!(mul_div_wide(7, 1, 2), Some(4));
        assert_eq!(mul_div(1, 1, 0), None);
    }

    #[test]
    fn a_rate_beyond_the_type_is_none() {
        assert!(rate(79_228_162_515, 1).is_some());
        assert_eq!(rate(79_228_162_516, 1), None);
        assert_eq!(from_index(1 << 96), None);
        assert!(from_index((1 << 96) - 1).is_some());
        assert_eq!(rate(0, 5).unwrap(), Decimal::NEGATIVE_ONE);
    }

    proptest! {
        #[test]
        fn a_quotient_is_the_rational_rounded_once(a in any::<u128>(), b in 0u128..1 << 100, d in 1u128.., shift in 0u32..128) {
            let (a, d) = (a >> shift, (d >> (shift / 2)).max(1));
            let exact = half_even(&BigRational::new(BigInt::from(a) * b, BigInt::from(d)));
            prop_assert_eq!(mul_div(a, b, d), u128::try_from(exact).ok());
        }

        #[test]
        fn a_product_of_any_length_is_rounded_once(factors in prop::collection::vec((0u128..1 << 90, 1u128..1 << 90), 1..9)) {
            let mut product = Product::ONE;
            let mut exact = BigRational::from(BigInt::from(1));
            for (n, d) in factors {
                product.times(n, d);
                exact *= BigRational::new(BigInt::from(n), BigInt::from(d));
            }
            let scaled = (exact - BigRational::from(BigInt::from(1))) * BigRational::from(BigInt::from(ONE));
            let expected = i128::try_from(half_even(&scaled)).ok().and_then(|m| Decimal::try_from_i128_with_scale(m, RATE_PLACES).ok());
            prop_assert_eq!(product.rate(), expected);
        }
    }
}

//! F4: a cumulative return as a yearly one, (1 + cumulative)^(1/y) - 1, to 12 places and without floats.
//!
//! Logarithm and exponential are series in fixed point with 128 binary places: about 2^-115 of relative error, 22 decimal
//! digits below the twelfth place for a return of ordinary size, 12 for the largest there is. A tie at the thirteenth place
//! cannot occur: it would need y = k/13 with k at most 18, and no count of days over 365, 366 or 365.25 gives that.
use crate::date::{Date, days_between};
use crate::exact::{ONE, RATE_PLACES, rounds_up};
use crate::money::{at_scale, power_of_ten};
use ruint::aliases::U256;
use rust_decimal::Decimal;
use std::sync::LazyLock;

/// Places of an annualised return.
pub const PLACES: u32 = 12;

/// How the years of a window are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum YearCount {
    /// Whole anniversaries, and the days left over the days of that anniversary's year; the anniversary of a 29 February
    /// is the 28th in a year without one.
    #[default]
    Anniversary,
    /// Days / 365.
    Act365,
    /// Days / 365.25.
    Act36525,
}

impl YearCount {
    pub const ALL: [YearCount; 3] = [YearCount::Anniversary, YearCount::Act365, YearCount::Act36525];

    pub fn as_str(self) -> &'static str {
        match self {
            YearCount::Anniversary => "anniversary",
            YearCount::Act365 => "act365",
            YearCount::Act36525 => "act365.25",
        }
    }
}

/// A length in years, as the fraction `n / d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Years {
    pub n: u32,
    pub d: u32,
}

/// The years from the close of one date to the close of another; `None` unless longer than one calendar year: a shorter
/// return is not annualised.
pub fn years(from: Date, to: Date, count: YearCount) -> Option<Years> {
    if to <= anniversary(from, 1)? {
        return None;
    }
    let days = u32::try_from(days_between(from, to)).ok()?;
    match count {
        YearCount::Act365 => Some(Years { n: days, d: 365 }),
        YearCount::Act36525 => Some(Years { n: days.checked_mul(4)?, d: 1461 }),
        YearCount::Anniversary => {
            let reached = to.year() - from.year();
            let whole = if anniversary(from, reached)? > to { reached - 1 } else { reached };
            let start = anniversary(from, whole)?;
            let left = u32::try_from(days_between(start, to)).ok()?;
            let length = u32::try_from(days_between(start, anniversary(from, whole + 1)?)).ok()?;
            Some(Years { n: u32::try_from(whole).ok()?.checked_mul(length)?.checked_add(left)?, d: length })
        }
    }
}

fn anniversary(date: Date, years: i16) -> Option<Date> {
    let month = Date::new(date.year().checked_add(years)?, date.month(), 1).ok()?;
    Date::new(month.year(), month.month(), date.day().min(month.days_in_month())).ok()
}

/// The yearly return, rounded once to 12 places; -1 for a total loss. `None` below -1, for a return with more than 18 places
/// and for less than a year (which would leave the decimal type).
pub fn annualised(cumulative: Decimal, years: Years) -> Option<Decimal> {
    if years.d == 0 || years.n < years.d {
        return None;
    }
    let mantissa = at_scale(cumulative, RATE_PLACES)?;
    let growth = u128::try_from(mantissa.checked_add(i128::try_from(ONE).ok()?)?).ok()?;
    let one = power_of_ten(PLACES);
    let yearly = if growth == 0 { 0 } else { power(growth, years)? };
    Decimal::try_from_i128_with_scale(yearly - one, PLACES).ok()
}

/// Fixed point with this many binary places; every number here is below 2^128 before the point.
const BITS: usize = 128;
static LN_2: LazyLock<U256> = LazyLock::new(|| atanh(fraction(1, 3)) << 1);
static LN_ONE: LazyLock<U256> = LazyLock::new(|| ln(ONE));

/// (growth / 10^18)^(d/n), as a whole number of 10^-12.
fn power(growth: u128, years: Years) -> Option<i128> {
    let (log, one) = (ln(growth), *LN_ONE);
    let exponent = log.abs_diff(one) * U256::from(years.d) / U256::from(years.n);
    let (twos, rest) = exponent.div_rem(*LN_2);
    let twos = usize::try_from(twos).ok()?;
    // exp(exponent) = 2^twos * exp(rest), and exp(-exponent) = 2^-(twos + 1) * exp(ln 2 - rest).
    let (scaled, shift) =
        if log >= one { (exp(rest), BITS.checked_sub(twos)?) } else { (exp(*LN_2 - rest), BITS + twos + 1) };
    let scaled = scaled * U256::from(power_of_ten(PLACES).unsigned_abs());
    let whole = scaled >> shift;
    let rest = scaled - (whole << shift);
    let up = rounds_up(rest, U256::from(1) << shift, whole.bit(0));
    i128::try_from(whole).ok()?.checked_add(i128::from(up))
}

/// ln(x) for x >= 1, with x = 2^k m and 1 <= m < 2: k ln 2 + 2 atanh((m - 1)/(m + 1)).
fn ln(x: u128) -> U256 {
    let k = x.ilog2();
    let whole = 1u128 << k;
    // (m - 1)/(m + 1) = (x - 2^k)/(x + 2^k), below 1/3.
    let series = atanh(fraction(x - whole, x + whole)) << 1;
    let twos = if k == 0 { U256::ZERO } else { *LN_2 * U256::from(k) };
    twos + series
}

/// z + z^3/3 + z^5/5 + ... for z <= 1/3.
fn atanh(z: U256) -> U256 {
    let square = times(z, z);
    let (mut sum, mut power, mut odd) = (U256::ZERO, z, 1u64);
    while !power.is_zero() {
        sum += power / U256::from(odd);
        power = times(power, square);
        odd += 2;
    }
    sum
}

/// 1 + x + x^2/2 + ... for x <= ln 2.
fn exp(x: U256) -> U256 {
    let (mut sum, mut term, mut n) = (U256::ZERO, fraction(1, 1), 1u64);
    while !term.is_zero() {
        sum += term;
        term = times(term, x) / U256::from(n);
        n += 1;
    }
    sum
}

/// The product of two numbers, neither above 1.
fn times(a: U256, b: U256) -> U256 {
    if a >> BITS != U256::ZERO { b } else { (a * b) >> BITS }
}

fn fraction(n: u128, d: u128) -> U256 {
    (U256::from(n) << BITS) / U256::from(d)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use num_bigint::BigUint;
    use proptest::prelude::*;

    fn yearly(cumulative: &str, n: u32, d: u32) -> String {
        annualised(cumulative.parse().unwrap(), Years { n, d }).unwrap().to_string()
    }

    #[test]
    fn known_roots_come_out_to_the_last_place() {
        assert_eq!(yearly("0.21", 2, 1), "0.100000000000");
        assert_eq!(yearly("0.331", 3, 1), "0.100000000000");
        assert_eq!(yearly("1", 2, 1), "0.414213562373", "the root of 2 is 1.41421356237309504...");
        assert_eq!(yearly("1", 3, 1), "0.259921049895", "the cube root of 2 is 1.25992104989487316...");
        assert_eq!(yearly("-0.75", 2, 1), "-0.500000000000");
        assert_eq!(yearly("-0.5", 2, 1), "-0.292893218813", "the root of 1/2 is 0.70710678118654752...");
        assert_eq!(yearly("0", 3, 2), "0.000000000000");
        assert_eq!(yearly("-1", 5, 1), "-1.000000000000");
        assert_eq!(yearly("79228162513", 366, 365).len(), "70000000000.000000000000".len());
        assert_eq!(annualised("-1.5".parse().unwrap(), Years { n: 2, d: 1 }), None);
    }

    #[test]
    fn only_more_than_a_calendar_year_is_annualised() {
        let from = date(2024, 2, 29);
        assert_eq!(years(from, date(2025, 2, 28), YearCount::Anniversary), None);
        assert_eq!(years(from, date(2025, 2, 28), YearCount::Act365), None);
        assert_eq!(years(from, date(2025, 3, 1), YearCount::Anniversary), Some(Years { n: 366, d: 365 }));
        assert_eq!(
            years(date(2023, 1, 1), date(2024, 12, 31), YearCount::Act365),
            Some(Years { n: 730, d: 365 })
        );
        assert_eq!(
            years(date(2023, 1, 1), date(2024, 12, 31), YearCount::Act36525),
            Some(Years { n: 2920, d: 1461 })
        );
    }

    #[test]
    fn days_left_are_parts_of_their_own_anniversary_year() {
        let y = |from, to| years(from, to, YearCount::Anniversary);
        assert_eq!(
            y(date(2022, 12, 31), date(2024, 12, 31)),
            Some(Years { n: 730, d: 365 }),
            "2 years exactly"
        );
        assert_eq!(y(date(2022, 6, 30), date(2023, 12, 31)), Some(Years { n: 366 + 184, d: 366 }));
        assert_eq!(y(date(2020, 2, 29), date(2024, 2, 29)), Some(Years { n: 4 * 365, d: 365 }), "4 years");
        assert_eq!(
            y(date(2020, 2, 29), date(2024, 2, 28)),
            Some(Years { n: 3 * 366 + 365, d: 366 }),
            "a day short"
        );
    }

    /// x = 1 + yearly is right to the last place if (x - h)^n < growth^d < (x + h)^n with h half a unit.
    fn is_nearest(growth: u128, years: Years, yearly: Decimal) -> bool {
        let double = BigUint::try_from(2 * (yearly.mantissa() + power_of_ten(PLACES))).unwrap();
        let ten = BigUint::from(10u8);
        let target = BigUint::from(growth).pow(years.d);
        // In halves of 10^-12: compare ((double -+ 1) / (2 * 10^12))^n with (growth / 10^18)^d.
        let below = if double == BigUint::ZERO {
            BigUint::ZERO
        } else {
            (&double - 1u8).pow(years.n) * ten.pow(18 * years.d)
        };
        let above = (&double + 1u8).pow(years.n) * ten.pow(18 * years.d);
        let target = target * (ten.pow(PLACES) * 2u8).pow(years.n);
        below < target && target < above
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn an_annualised_return_is_the_nearest_there_is(
            growth in prop_oneof![1u128..10, ONE / 2..2 * ONE, 1..ONE * 79_228_162_513], d in 1u32..13, more in 0u32..60,
        ) {
            let years = Years { n: d + more, d };
            let cumulative = Decimal::from_i128_with_scale(i128::try_from(growth).unwrap() - 10i128.pow(18), 18);
            let yearly = annualised(cumulative, years).unwrap();
            prop_assert!(is_nearest(growth, years, yearly), "{growth} {years:?} {yearly}");
        }

        #[test]
        fn real_counts_of_days_are_nearest_too(growth in ONE / 2..3 * ONE, whole in 1u32..4, left in 1u32..365) {
            let years = Years { n: whole * 365 + left, d: 365 };
            let cumulative = Decimal::from_i128_with_scale(i128::try_from(growth).unwrap() - 10i128.pow(18), 18);
            let yearly = annualised(cumulative, years).unwrap();
            prop_assert!(is_nearest(growth, years, yearly), "{growth} {years:?} {yearly}");
        }
    }
}

//! Exact fractions. Nothing is rounded except where the contract rounds.
use num_bigint::{BigInt, Sign};
use num_rational::BigRational;
use returns::Decimal;

pub type Q = BigRational;

pub fn int(n: i64) -> Q {
    Q::from_integer(n.into())
}

pub fn zero() -> Q {
    int(0)
}

pub fn is_zero(x: &Q) -> bool {
    x.numer().sign() == Sign::NoSign
}

pub fn is_negative(x: &Q) -> bool {
    x.numer().sign() == Sign::Minus
}

pub fn is_positive(x: &Q) -> bool {
    x.numer().sign() == Sign::Plus
}

pub fn abs(x: &Q) -> Q {
    if is_negative(x) { -x } else { x.clone() }
}

fn ten_to(places: u32) -> BigInt {
    BigInt::from(10).pow(places)
}

/// A decimal as the fraction it is.
pub fn exact(d: Decimal) -> Q {
    Q::new(d.mantissa().into(), ten_to(d.scale()))
}

/// To so many places, half to even.
pub fn round(x: &Q, places: u32) -> Q {
    let scaled = x * Q::from_integer(ten_to(places));
    let floor = scaled.floor().to_integer();
    let rest = scaled - Q::from_integer(floor.clone());
    let half = Q::new(1.into(), 2.into());
    let odd = &floor % BigInt::from(2) != BigInt::from(0);
    let up = rest > half || (rest == half && odd);
    Q::new(if up { floor + 1 } else { floor }, ten_to(places))
}

/// Whether a number of 18 places fits the decimal type: 96 bits.
pub fn fits(x: &Q) -> bool {
    let scaled = (x * Q::from_integer(ten_to(18))).to_integer();
    scaled.magnitude().bits() <= 96
}

/// `x` to the power `q / p` at so many places, half to even, for x > 0: the candidate is found by halving and decided by whole powers.
pub fn root(x: &Q, q: u32, p: u32, places: u32) -> Q {
    let target = power(x, q);
    let half = |n: &BigInt| Q::new(n * 2 + 1, ten_to(places) * 2);
    let (mut low, mut high) = (BigInt::from(0), BigInt::from(1));
    while power(&half(&high), p) < target {
        high *= 2;
    }
    // The least n whose upper half-way point is not below the answer.
    while low < high {
        let middle: BigInt = (&low + &high) / 2;
        if power(&half(&middle), p) < target {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let tie = power(&half(&low), p) == target && &low % BigInt::from(2) != BigInt::from(0);
    Q::new(if tie { low + 1 } else { low }, ten_to(places))
}

fn power(x: &Q, n: u32) -> Q {
    // Numerator and denominator have no common factor, so neither have their powers.
    Q::new_raw(x.numer().pow(n), x.denom().pow(n))
}

#[test]
fn a_half_goes_to_the_even_neighbour() {
    let at = |n: i64, d: i64| round(&Q::new(n.into(), d.into()), 1);
    assert_eq!(at(25, 100), at(2, 10));
    assert_eq!(at(35, 100), at(4, 10));
    assert_eq!(at(-25, 100), at(-2, 10));
    assert_eq!(at(-26, 100), at(-3, 10));
}

#[test]
fn three_years_of_ten_percent_are_ten_percent_a_year() {
    let cumulative = Q::new(1331.into(), 1000.into());
    assert_eq!(root(&cumulative, 1, 3, 12), Q::new(11.into(), 10.into()));
    assert_eq!(root(&int(2), 1, 2, 12), Q::new(1_414_213_562_373i64.into(), 1_000_000_000_000i64.into()));
}

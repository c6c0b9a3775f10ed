//! Figures as people read them, and exactly.
use returns::money::Plain;
use returns::{Decimal, Row};
use rust_decimal::RoundingStrategy;

/// Money with two places and thousands grouped.
pub fn money(amount: Decimal) -> String {
    let rounded = amount.round_dp_with_strategy(2, RoundingStrategy::MidpointNearestEven);
    let text = format!("{:.2}", rounded.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut out = String::new();
    if rounded.is_sign_negative() && !rounded.is_zero() {
        out.push('-');
    }
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    format!("{out}.{cents}")
}

/// A rate as percent with four places; unknown is never 0.
pub fn percent(rate: Option<Decimal>) -> String {
    match rate.and_then(|r| r.checked_mul(Decimal::ONE_HUNDRED)) {
        Some(p) => format!("{:.4}%", p.round_dp_with_strategy(4, RoundingStrategy::MidpointNearestEven)),
        None => String::new(),
    }
}

/// A row's return for people: "n/m" (not meaningful) where it is undefined, a dash where there is none.
pub fn row_return(row: &Row, rate: Option<Decimal>) -> String {
    match (rate, row.status) {
        (Some(_), _) => percent(rate),
        (None, s) if s.is_undefined() => "n/m".into(),
        (None, _) => "-".into(),
    }
}

/// A cumulative return for people.
pub fn cumulative(row: &Row) -> String {
    match row.cumulative_twrr() {
        Some(r) => percent(Some(r)),
        None if row.incepted => "n/m".into(),
        None => "-".into(),
    }
}

/// An exact decimal, empty for null.
pub fn exact(number: Option<Decimal>) -> String {
    number.map(|n| Plain(n).to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn money_is_grouped_and_rounded_half_even() {
        assert_eq!(money(dec("1234567.125")), "1,234,567.12");
        assert_eq!(money(dec("-0.001")), "0.00");
        assert_eq!(money(dec("-1000")), "-1,000.00");
    }

    #[test]
    fn unknown_is_never_zero_percent() {
        assert_eq!(percent(None), "");
        assert_eq!(percent(Some(dec("-1"))), "-100.0000%");
        assert_eq!(exact(Some(dec("0.100"))), "0.1");
        assert_eq!(exact(Some(dec("-0.0"))), "0");
    }
}

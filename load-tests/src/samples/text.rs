//! Amounts and dates as vendors write them.
use returns::Date;

/// `-1234.50`.
pub fn plain(cents: i64) -> String {
    let sign = if cents < 0 { "-" } else { "" };
    let size = cents.unsigned_abs();
    format!("{sign}{}.{:02}", size / 100, size % 100)
}

/// `$1,234.50`, and `($1,234.50)` for a negative amount.
pub fn dollars(cents: i64) -> String {
    let size = cents.unsigned_abs();
    let digits = (size / 100).to_string();
    let mut whole = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            whole.push(',');
        }
        whole.push(digit);
    }
    let amount = format!("${whole}.{:02}", size % 100);
    if cents < 0 { format!("({amount})") } else { amount }
}

/// `01/31/2025`.
pub fn american(date: Date) -> String {
    date.strftime("%m/%d/%Y").to_string()
}

/// `20250131`.
pub fn compact(date: Date) -> String {
    date.strftime("%Y%m%d").to_string()
}

/// A quotient less 1, in units of 10^-`places`, rounded half away from zero; `None` where there is no capital.
pub fn rate(end: i64, capital: i64, places: u32) -> Option<i64> {
    let unit = 10i128.pow(places);
    let (gain, capital) = (i128::from(end) - i128::from(capital), i128::from(capital));
    if capital <= 0 {
        return None;
    }
    let doubled = 2 * gain * unit;
    let rounded = (doubled + doubled.signum() * capital) / (2 * capital);
    i64::try_from(rounded).ok()
}

/// A number of units of 10^-`places`, as a decimal.
pub fn decimal(units: i64, places: u32) -> String {
    let unit = 10u64.pow(places);
    let sign = if units < 0 { "-" } else { "" };
    let (whole, rest) = (units.unsigned_abs() / unit, units.unsigned_abs() % unit);
    format!("{sign}{whole}.{rest:0width$}", width = places as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_spelled_as_people_write_them() {
        assert_eq!(plain(-5), "-0.05");
        assert_eq!(plain(123_450), "1234.50");
        for (cents, text) in
            [(0, "$0.00"), (99_999, "$999.99"), (100_000, "$1,000.00"), (12_345_678_901, "$123,456,789.01")]
        {
            assert_eq!(dollars(cents), text);
        }
        assert_eq!(dollars(-123_450), "($1,234.50)");
    }

    #[test]
    fn rates_are_rounded_once_half_away_from_zero() {
        assert_eq!(rate(10_100, 10_000, 6), Some(10_000));
        assert_eq!(rate(3, 2, 0), Some(1));
        assert_eq!(rate(1, 2, 0), Some(-1));
        assert_eq!(rate(1, 0, 6), None);
        assert_eq!(decimal(-1_500, 6), "-0.001500");
    }
}

//! Numbers and dates as digits, without the formatting machinery: a feed of a hundred million lines is written in minutes.
use returns::Date;

/// Cents as `1234.56`.
pub fn put_money(out: &mut Vec<u8>, cents: i64) {
    put_fixed(out, cents, 2, false);
}

/// Cents as `1,234.56`.
pub fn put_grouped_money(out: &mut Vec<u8>, cents: i64) {
    put_fixed(out, cents, 2, true);
}

/// A number with that many of its digits after the point.
pub fn put_fixed(out: &mut Vec<u8>, number: i64, places: u32, grouped: bool) {
    if number < 0 {
        out.push(b'-');
    }
    let unit = 10u64.pow(places);
    let number = number.unsigned_abs();
    let whole = number / unit;
    match grouped {
        true => put_grouped(out, whole),
        false => put_number(out, whole, 1),
    }
    out.push(b'.');
    put_number(out, number % unit, usize::try_from(places).unwrap_or(0));
}

fn put_grouped(out: &mut Vec<u8>, number: u64) {
    if number < 1_000 {
        return put_number(out, number, 1);
    }
    put_grouped(out, number / 1_000);
    out.push(b',');
    put_number(out, number % 1_000, 3);
}

/// A number with leading zeros up to that width, at most 20.
pub fn put_number(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

/// `2025-01-31`.
pub fn put_iso_date(out: &mut Vec<u8>, date: Date) {
    put_number(out, date.year().unsigned_abs().into(), 4);
    out.push(b'-');
    put_number(out, date.month().unsigned_abs().into(), 2);
    out.push(b'-');
    put_number(out, date.day().unsigned_abs().into(), 2);
}

/// `01/31/2025`.
pub fn put_us_date(out: &mut Vec<u8>, date: Date) {
    put_number(out, date.month().unsigned_abs().into(), 2);
    out.push(b'/');
    put_number(out, date.day().unsigned_abs().into(), 2);
    out.push(b'/');
    put_number(out, date.year().unsigned_abs().into(), 4);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(put: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        put(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_print_as_people_write_them() {
        assert_eq!(text(|o| put_money(o, 123_456)), "1234.56");
        assert_eq!(text(|o| put_money(o, 5)), "0.05");
        assert_eq!(text(|o| put_money(o, -100)), "-1.00");
        assert_eq!(text(|o| put_grouped_money(o, 100_000_007)), "1,000,000.07");
        assert_eq!(text(|o| put_grouped_money(o, 99_900)), "999.00");
        assert_eq!(text(|o| put_fixed(o, -123, 8, false)), "-0.00000123");
        assert_eq!(text(|o| put_number(o, u64::MAX, 20)), u64::MAX.to_string());
        assert_eq!(text(|o| put_number(o, 42, 5)), "00042");
        assert_eq!(text(|o| put_us_date(o, jiff::civil::date(2025, 1, 31))), "01/31/2025");
        assert_eq!(text(|o| put_iso_date(o, jiff::civil::date(2025, 1, 31))), "2025-01-31");
    }
}

use super::*;
use proptest::prelude::*;

fn read(text: &str, spelling: &MoneySpelling) -> Result<Option<String>, &'static str> {
    parse(text.as_bytes(), spelling).map(|v| v.map(|v| v.to_string())).map_err(|e| e.code)
}

fn us() -> MoneySpelling {
    MoneySpelling::default()
}

fn placeholders(texts: &[&str]) -> MoneySpelling {
    MoneySpelling { missing: Placeholders::from_iter(texts), ..us() }
}

#[track_caller]
fn gives(text: &str, spelling: &MoneySpelling, expected: &str) {
    assert_eq!(read(text, spelling), Ok(Some(expected.to_owned())), "{text:?}");
}

#[track_caller]
fn refuses(text: &str, spelling: &MoneySpelling, code: &str) {
    assert_eq!(read(text, spelling).unwrap_err(), code, "{text:?}");
}

#[test]
fn every_american_spelling_is_one_number() {
    for (text, expected) in [
        ("1234.50", "1234.5"),
        ("$1,234.50", "1234.5"),
        ("  $ 1,234.50 ", "1234.5"),
        ("1,234.50 $", "1234.5"),
        ("-$5", "-5"),
        ("$-5", "-5"),
        ("-$3320.05", "-3320.05"),
        ("(5.00)", "-5"),
        ("($1,234.50)", "-1234.5"),
        ("5-", "-5"),
        ("5.00 -", "-5"),
        ("+7", "7"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-.5", "-0.5"),
        ("9,999.99", "9999.99"),
        ("1,234,567", "1234567"),
        ("00012.10", "12.1"),
        ("\u{2212}5", "-5"),
        ("\u{a0}5\u{a0}", "5"),
    ] {
        gives(text, &us(), expected);
    }
}

#[test]
fn zero_has_no_sign_and_no_decimals() {
    for text in ["0", "-0", "0.00", "-0.000", "(0)", "0-", "$-0.0", "000"] {
        let zero = parse(text.as_bytes(), &us()).unwrap().unwrap();
        assert!(zero.is_sign_positive() && zero.scale() == 0, "{text:?}");
    }
    let apart = parse_with_sign(b"000", b"-", &us()).unwrap().unwrap();
    assert!(apart.is_sign_positive());
}

#[test]
fn a_decimal_comma_is_read_where_declared_and_nowhere_else() {
    let german =
        MoneySpelling {
            point: b',', grouping: Some(b'.'), symbols: vec!["EUR".into(), "€".into()], ..us()
        };
    gives("1.234,50", &german, "1234.5");
    gives("1.234.567,5", &german, "1234567.5");
    gives("-1.234,50 EUR", &german, "-1234.5");
    gives("€ 0,5", &german, "0.5");
    gives("1234,5", &german, "1234.5");
    refuses("1.23", &german, "bad_number");
    refuses("1234.50", &german, "bad_number");
    refuses("1.234,50", &us(), "bad_number");
    // SWIFT writes the comma always, with nothing after it where there is nothing.
    let swift = MoneySpelling { point: b',', grouping: None, ..us() };
    gives("0,", &swift, "0");
    gives("1000,", &swift, "1000");
    gives("1000,25", &swift, "1000.25");
    refuses(",", &swift, "bad_number");
}

#[test]
fn separators_stand_where_thousands_end_or_not_at_all() {
    for bad in ["1,23", "12,34,567", "1,2345", ",123", "1,,234", "1234,567", "1,234,", "1,234.5,6", "1,23.00"]
    {
        refuses(bad, &us(), "bad_number");
    }
    let none = MoneySpelling { grouping: None, ..us() };
    refuses("1,234", &none, "bad_number");
    let space = MoneySpelling { point: b',', grouping: Some(b' '), ..us() };
    gives("1 234 567,5", &space, "1234567.5");
    refuses("1 2", &space, "bad_number");
}

#[test]
fn implied_decimals_differ_by_column() {
    let implied = |n| MoneySpelling { implied: Some(n), grouping: None, ..us() };
    gives("000000123450", &implied(2), "1234.5");
    gives("000000123450", &implied(3), "123.45");
    gives("000000123450", &implied(5), "1.2345");
    gives("0000000000", &implied(2), "0");
    gives("5-", &implied(2), "-0.05");
    refuses("12.50", &implied(2), "bad_number");
    assert_eq!(
        parse_with_sign(b"00000123450", b"-", &implied(2)).unwrap(),
        Some(Decimal::new(-123_450, 2).normalize())
    );
    assert_eq!(parse_with_sign(b"00005", b" ", &implied(0)).unwrap(), Some(Decimal::from(5)));
    assert_eq!(parse_with_sign(b"-5", b"-", &us()).unwrap_err().code, "bad_number");
    assert_eq!(
        parse_with_sign(b"5", b"N", &us()).unwrap_err().text,
        "`N` is no sign: expected `+`, `-` or a space"
    );
}

#[test]
fn a_percentage_becomes_a_fraction() {
    let percent = MoneySpelling { percent: true, digits: Digits::RATE, ..us() };
    gives("99%", &percent, "0.99");
    gives("1.5", &percent, "0.015");
    gives("-0.25 %", &percent, "-0.0025");
    gives("(0.25%)", &percent, "-0.0025");
    gives("0.050688891", &percent, "0.00050688891");
    gives("100", &percent, "1");
    refuses("5%%", &percent, "bad_number");
    refuses("99%", &us(), "bad_number");
}

#[test]
fn what_is_declared_missing_is_not_zero() {
    let vendor = placeholders(&["", "--", "N/A", "-", "999999"]);
    for missing in ["", "  ", "--", "N/A", " - ", "999999", "\u{a0}"] {
        assert_eq!(read(missing, &vendor), Ok(None), "{missing:?}");
    }
    gives("99999", &vendor, "99999");
    for bad in ["--", "N/A", "-", "n/a"] {
        refuses(bad, &us(), "bad_number");
    }
    refuses("", &placeholders(&["--"]), "bad_number");
}

#[test]
fn an_amount_has_15_digits_before_and_8_after_its_point() {
    gives("999999999999999", &us(), "999999999999999");
    gives("999999999999999.12345678", &us(), "999999999999999.12345678");
    gives("0.12345678000", &us(), "0.12345678");
    gives("000000000000000000000001", &us(), "1");
    for over in [
        "1000000000000000",
        "0.123456789",
        "99999999999999999999999999999999999999999999",
        "1,000,000,000,000,000",
    ] {
        refuses(over, &us(), "amount_range");
    }
    let rate = MoneySpelling { digits: Digits::RATE, ..us() };
    gives("-0.123456789012345678", &rate, "-0.123456789012345678");
    gives("9999999999.999999999999999999", &rate, "9999999999.999999999999999999");
    refuses("0.1234567890123456789", &rate, "amount_range");
}

#[test]
fn rounding_happens_only_where_declared_and_half_even() {
    let eight = MoneySpelling { round: Some(8), ..us() };
    gives("7674.265297533", &eight, "7674.26529753");
    let two = MoneySpelling { round: Some(2), ..us() };
    gives("1.005", &two, "1");
    gives("1.015", &two, "1.02");
    gives("1.0051", &two, "1.01");
    gives("-1.025", &two, "-1.02");
    gives("0.001", &two, "0");
    gives("12.34", &two, "12.34");
}

#[test]
fn an_exponent_is_exact_and_only_where_declared() {
    let json = MoneySpelling::json();
    gives("1.5e3", &json, "1500");
    gives("1E-8", &json, "0.00000001");
    gives("-12.345E+1", &json, "-123.45");
    gives("0e999999999999", &json, "0");
    refuses("1e-9", &json, "amount_range");
    refuses("1e15", &json, "amount_range");
    refuses("1e999999999999", &json, "amount_range");
    refuses("1e", &json, "bad_number");
    refuses("1e3", &us(), "bad_number");
}

#[test]
fn what_is_no_number_is_refused_with_its_place() {
    for bad in [
        "abc", "1.2.3", "--5", "-(5)", "(5", "5)", "1 2", "$$5", "5 EUR", "1_000", "0x10", "١٢", "NaN",
        "inf", "$", "()", "%",
    ] {
        refuses(bad, &us(), "bad_number");
    }
    let error = parse(b"12a4", &us()).unwrap_err();
    assert_eq!((error.at, error.text.as_str()), (Some(2), "`12a4` is no number: an unexpected character"));
    let long = parse("x".repeat(10_000).as_bytes(), &us()).unwrap_err();
    assert!(long.text.len() < 200, "a message stays short");
}

#[test]
fn a_spelling_that_contradicts_itself_is_told() {
    assert_eq!(us().fault(), None);
    assert!(MoneySpelling { point: b',', ..us() }.fault().is_some());
    assert!(MoneySpelling { digits: Digits { before: 15, after: 18 }, ..us() }.fault().is_some());
}

/// Prints as a spelling would: an independent, slow way there.
fn print(value: Decimal, spelling: &MoneySpelling, form: u8) -> String {
    let text = value.abs().to_string();
    let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
    let mut digits = String::new();
    for (n, c) in whole.chars().enumerate() {
        if n > 0
            && (whole.len() - n).is_multiple_of(3)
            && let Some(g) = spelling.grouping.filter(|_| form & 1 == 0)
        {
            digits.push(char::from(g));
        }
        digits.push(c);
    }
    if !part.is_empty() {
        digits.push(char::from(spelling.point));
        digits.push_str(part);
    }
    let sign = if value.is_sign_negative() { "-" } else { "" };
    let symbol = spelling.symbols.first().map_or("", |s| s);
    match form >> 1 {
        0 => format!("{sign}{digits}"),
        1 => format!("{sign}{symbol}{digits}"),
        2 => format!("{symbol}{sign}{digits}"),
        3 => format!("{digits}{sign}"),
        4 => format!("{sign}{digits} {symbol}"),
        _ if value.is_sign_negative() => format!("({symbol}{digits})"),
        _ => format!("{symbol} {digits} "),
    }
}

fn amounts() -> impl Strategy<Value = Decimal> {
    (-99_999_999_999_999_999_999_999i128..=99_999_999_999_999_999_999_999, 0u32..=8)
        .prop_map(|(m, scale)| {
            let keep = 10i128.pow(15 + scale);
            Decimal::from_i128_with_scale(m % keep, scale).normalize()
        })
        .prop_map(|d| if d.is_zero() { Decimal::ZERO } else { d })
}

proptest! {
    #[test]
    fn what_is_printed_in_a_spelling_reads_back_the_same(value in amounts(), form in 0u8..12, german in any::<bool>()) {
        let spelling = if german {
            MoneySpelling { point: b',', grouping: Some(b'.'), symbols: vec!["EUR".into()], ..us() }
        } else {
            us()
        };
        let text = print(value, &spelling, form);
        prop_assert_eq!(parse(text.as_bytes(), &spelling), Ok(Some(value)), "{}", text);
        let scale = |d: Option<Decimal>| d.map(|d| d.scale());
        prop_assert_eq!(scale(parse(text.as_bytes(), &spelling).unwrap()), Some(value.scale()));
    }

    #[test]
    fn implied_decimals_read_back_the_same(value in amounts()) {
        let spelling = MoneySpelling { implied: Some(8), ..us() };
        let mut scaled = value;
        scaled.rescale(8);
        let text = format!("{:030}", scaled.mantissa().unsigned_abs());
        let sign: &[u8] = if value.is_sign_negative() { b"-" } else { b" " };
        prop_assert_eq!(parse_with_sign(text.as_bytes(), sign, &spelling), Ok(Some(value)));
    }

    #[test]
    fn the_fast_way_and_the_careful_one_agree(text in "-?[0-9]{0,20}\\.?[0-9]{0,20}", implied in proptest::option::of(0u8..6),
            percent in any::<bool>(), round in proptest::option::of(0u8..9)) {
        let spelling = MoneySpelling { implied, percent, round, ..us() };
        if let Some(fast) = plain(text.as_bytes(), &spelling) {
            let careful = spelled(text.as_bytes(), false, &spelling);
            prop_assert_eq!(careful.ok(), Some(fast));
        }
    }

    #[test]
    fn no_bytes_make_it_panic_and_what_it_reads_is_canonical(bytes in proptest::collection::vec(any::<u8>(), 0..40), sign in any::<u8>()) {
        for spelling in [us(), MoneySpelling::json(), MoneySpelling { percent: true, round: Some(4), point: b',', grouping: Some(b' '), ..us() }] {
            for result in [parse(&bytes, &spelling), parse_with_sign(&bytes, &[sign], &spelling)] {
                if let Ok(Some(d)) = result {
                    prop_assert_eq!(d.scale(), d.normalize().scale());
                    prop_assert!(!(d.is_zero() && d.is_sign_negative()));
                }
            }
        }
    }

    #[test]
    fn number_like_bytes_do_not_make_it_panic(text in "[-+$(),.0-9 eE%]{0,24}") {
        for spelling in [us(), MoneySpelling::json(), MoneySpelling { percent: true, scientific: true, implied: Some(30), ..us() }] {
            let _ = parse(text.as_bytes(), &spelling);
        }
    }
}

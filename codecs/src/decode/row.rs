//! Verbs applied to one record.
use super::fault::{Fault, Outcome, storable};
use crate::format::{Fields, Slot, offset};
use crate::mapping::model::*;
use crate::mapping::pattern::LOOKUP_COLUMNS;
use crate::value::date::Moment;
use crate::value::money::{self, Digits, MoneySpelling, Placeholders, ValueError};
use rust_decimal::Decimal;

/// One record with its fields found.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    pub record: &'a [u8],
    pub fields: &'a Fields,
    /// Texts that stand for "not stated".
    pub missing: &'a Placeholders,
}

/// The longest text that is kept of a field, in bytes.
const TEXT_LIMIT: usize = 1024;

impl<'a> Row<'a> {
    /// A text; `None` where it is not stated: no such field, blank, or a placeholder.
    pub fn text(&self, text: &'a Text) -> Outcome<Option<&'a [u8]>> {
        let found = match &text.source {
            TextSource::Slot(n) => self.fields.get(self.record, usize::from(*n)),
            TextSource::Const(value) => Some(value.as_bytes()),
            TextSource::Lookup(lookup) => Some(self.look_up(lookup)?),
        };
        let stated = found.map(|bytes| trim(bytes, &text.trim)).filter(|b| !self.missing.contains(b));
        if text.one_of.is_empty() || stated.is_none() || self.fits(text, stated, &text.one_of) {
            return Ok(stated);
        }
        let value = money::shown(stated.unwrap_or_default());
        let fault = Fault::of_field(
            "unknown_code",
            &text.label,
            format!("{}: `{value}` is not one of those declared", text.label),
        );
        Err(Box::new(Fault { at: self.place(text), ..*fault }))
    }

    /// A text that must be stated.
    pub fn needed(&self, text: &'a Text) -> Outcome<&'a [u8]> {
        self.text(text)?.ok_or_else(|| missing(&text.label))
    }

    /// A text as it is kept in a fact.
    pub fn kept(&self, text: &'a Text) -> Outcome<Option<&'a str>> {
        self.text(text)?.map(|bytes| utf8(bytes, &text.label)).transpose()
    }

    fn look_up(&self, lookup: &'a Lookup) -> Outcome<&'a [u8]> {
        let mut values = [None; LOOKUP_COLUMNS];
        let count = lookup.columns.len().min(values.len());
        for (value, column) in values.iter_mut().zip(&lookup.columns) {
            *value = self.text(column)?;
        }
        let fitting = |row: &&(Vec<Pattern>, Box<str>)| {
            let mut cells = row.0.iter().zip(&lookup.columns).zip(&values);
            cells.all(|((pattern, column), value)| self.fit(column, *value, pattern))
        };
        if let Some((_, result)) = lookup.rows.iter().find(fitting) {
            return Ok(result.as_bytes());
        }
        let shown: Vec<String> =
            values[..count].iter().map(|v| format!("`{}`", money::shown(v.unwrap_or_default()))).collect();
        let labels: Vec<&str> = lookup.columns.iter().map(|c| &*c.label).collect();
        let text = format!("{} is in no row of the lookup over {}", shown.join(", "), labels.join(", "));
        let field = labels.first().copied().unwrap_or_default();
        let at = lookup.columns.first().and_then(|c| self.place(c));
        Err(Box::new(Fault { at, ..*Fault::of_field("unknown_code", field, text) }))
    }

    pub fn holds(&self, condition: &'a Condition) -> Outcome<bool> {
        for test in condition {
            if !self.fits(&test.text, self.text(&test.text)?, &test.patterns) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn fits(&self, text: &Text, value: Option<&[u8]>, patterns: &[Pattern]) -> bool {
        patterns.iter().any(|p| self.fit(text, value, p))
    }

    fn fit(&self, text: &Text, value: Option<&[u8]>, pattern: &Pattern) -> bool {
        let sign = |wanted: fn(Decimal) -> bool| self.as_number(text, value).is_some_and(wanted);
        match pattern {
            Pattern::Exact(text) => value == Some(text),
            Pattern::Prefix(text) => value.is_some_and(|v| v.starts_with(text)),
            Pattern::Any => value.is_some(),
            Pattern::Blank => value.is_none(),
            Pattern::Whatever => true,
            Pattern::Below0 => sign(|d| d.is_sign_negative() && !d.is_zero()),
            Pattern::Above0 => sign(|d| d.is_sign_positive() && !d.is_zero()),
            Pattern::Equals0 => sign(|d| d.is_zero()),
            Pattern::Not(inner) => !self.fit(text, value, inner),
        }
    }

    /// A text as a number in its field's spelling; `None` if it is none, which no sign fits.
    fn as_number(&self, text: &Text, value: Option<&[u8]>) -> Option<Decimal> {
        let written = text.number.as_ref()?;
        self.parsed(value?, written.sign, &written.spelling).ok().flatten()
    }

    fn parsed(
        &self,
        value: &[u8],
        sign: Option<u16>,
        spelling: &MoneySpelling,
    ) -> Result<Option<Decimal>, ValueError> {
        match sign.and_then(|s| self.fields.get(self.record, usize::from(s))) {
            Some(sign) => money::parse_with_sign(value, sign, spelling),
            None => money::parse(value, spelling),
        }
    }

    /// A number; `None` where it is not stated.
    #[inline]
    pub fn amount(&self, amount: &'a Amount) -> Outcome<Option<Decimal>> {
        let value = match &amount.source {
            AmountSource::Direct { slot, text, spelling } => self.direct(*slot, text, spelling)?,
            AmountSource::Number { text, spelling, sign } => self.number(text, spelling, *sign)?,
            AmountSource::Sum(parts) => self.sum(parts, amount.digits)?,
            AmountSource::Product(parts) => self.product(parts, amount.digits)?,
            AmountSource::First(parts) => self.first(parts)?,
        };
        let Some(value) = value else { return Ok(None) };
        let negate = match &amount.negate {
            Negate::Never => false,
            Negate::Always => true,
            Negate::When(condition) => self.holds(condition)?,
        };
        Ok(Some(if negate && !value.is_zero() { -value } else { value }))
    }

    #[inline]
    /// An amount as it is written, for messages: where it is put together from several fields, what is wrong with it.
    pub fn as_it_stands(&self, amount: &'a Amount) -> String {
        let text = match &amount.source {
            AmountSource::Direct { text, .. } | AmountSource::Number { text, .. } => {
                self.text(text).ok().flatten()
            }
            _ => None,
        };
        let wrong = || self.amount(amount).err().map_or_else(String::new, |fault| fault.text);
        storable(text.map_or_else(wrong, money::shown))
    }

    pub fn maybe(&self, amount: &'a Option<Amount>) -> Outcome<Option<Decimal>> {
        amount.as_ref().map_or(Ok(None), |a| self.amount(a))
    }

    pub fn needed_amount(&self, amount: &'a Amount) -> Outcome<Decimal> {
        self.amount(amount)?.ok_or_else(|| missing(amount.label()))
    }

    #[inline]
    fn direct(&self, slot: u16, text: &'a Text, spelling: &'a MoneySpelling) -> Outcome<Option<Decimal>> {
        let Some(value) = self.fields.get(self.record, usize::from(slot)) else { return Ok(None) };
        match money::parse(value, spelling) {
            Ok(number) => Ok(number),
            Err(e) => Err(Fault::of_value(e, &text.label, self.place(text))),
        }
    }

    fn number(
        &self,
        text: &'a Text,
        spelling: &'a MoneySpelling,
        sign: Option<u16>,
    ) -> Outcome<Option<Decimal>> {
        let Some(value) = self.text(text)? else { return Ok(None) };
        self.parsed(value, sign, spelling).map_err(|e| Fault::of_value(e, &text.label, self.place(text)))
    }

    /// The sum of what is stated; unknown if a part that is not `optional` is.
    fn sum(&self, parts: &'a [Amount], digits: Digits) -> Outcome<Option<Decimal>> {
        let mut sum = None;
        for part in parts {
            match self.amount(part)? {
                Some(value) => {
                    let total: Decimal = sum.unwrap_or_default();
                    sum = Some(total.checked_add(value).ok_or_else(|| out_of_range("a sum", digits))?);
                }
                None if part.optional => {}
                None => return Ok(None),
            }
        }
        sum.map(|s| within(s, digits)).transpose()
    }

    /// The exact product, rounded half-even to the places an amount may have.
    fn product(&self, parts: &'a [Amount], digits: Digits) -> Outcome<Option<Decimal>> {
        let mut product: Option<Decimal> = None;
        for part in parts {
            match self.amount(part)? {
                Some(value) => {
                    let next = product.map_or(Some(value), |p| multiply(p, value, digits.after));
                    product = Some(next.ok_or_else(|| out_of_range("a product", digits))?);
                }
                None if part.optional => {}
                None => return Ok(None),
            }
        }
        product.map(|p| within(p, digits)).transpose()
    }

    fn first(&self, parts: &'a [Amount]) -> Outcome<Option<Decimal>> {
        for part in parts {
            if let Some(value) = self.amount(part)? {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// A date or time; `None` where it is not stated.
    pub fn moment(&self, date: &'a DateOf) -> Outcome<Option<Moment>> {
        let Some(value) = self.text(&date.text)? else { return Ok(None) };
        date.spelling.parse(value).map_err(|e| Fault::of_value(e, &date.text.label, self.place(&date.text)))
    }

    pub fn needed_moment(&self, date: &'a DateOf) -> Outcome<Moment> {
        self.moment(date)?.ok_or_else(|| missing(&date.text.label))
    }

    /// Texts joined by `/`; `None` if one of them is not stated or there are none.
    pub fn joined(&self, texts: &'a [Text]) -> Outcome<Option<String>> {
        let mut joined = String::new();
        for text in texts {
            let Some(part) = self.kept(text)? else {
                if text.optional {
                    continue;
                }
                return Ok(None);
            };
            if !joined.is_empty() {
                joined.push('/');
            }
            joined.push_str(part);
        }
        Ok((!joined.is_empty()).then_some(joined))
    }

    /// Where in the record a text begins, for the caret of a message.
    fn place(&self, text: &Text) -> Option<u32> {
        let TextSource::Slot(n) = text.source else { return None };
        match self.fields.slots.get(usize::from(n)) {
            Some(Slot::Record { start, end }) => {
                let bytes = self.record.get(*start as usize..*end as usize)?;
                let blank = bytes.iter().take_while(|b| b.is_ascii_whitespace()).count();
                Some(start + if blank < bytes.len() { offset(blank) } else { 0 })
            }
            _ => None,
        }
    }
}

#[cold]
pub fn missing(label: &str) -> Box<Fault> {
    Fault::of_field("missing_field", label, format!("{label} is not stated"))
}

#[cold]
fn out_of_range(what: &str, Digits { before, after }: Digits) -> Box<Fault> {
    Fault::new(
        "amount_range",
        format!("{what} is out of range: at most {before} digits before and {after} after the point"),
    )
}

/// A fact keeps short texts only, so that a record cannot make it large.
pub fn utf8<'a>(bytes: &'a [u8], label: &str) -> Outcome<&'a str> {
    if bytes.len() > TEXT_LIMIT {
        return Err(Fault::of_field(
            "text_too_long",
            label,
            format!("{label} has {} bytes; at most {TEXT_LIMIT} are kept", bytes.len()),
        ));
    }
    // No store keeps a NUL in a text, and one refused by the store would stop all that is with it.
    if memchr::memchr(0, bytes).is_some() {
        let text = format!("{label} holds a NUL (U+0000), which no text can: have it sent without");
        return Err(Fault::of_field("bad_text", label, text));
    }
    std::str::from_utf8(bytes)
        .map_err(|_| Fault::of_field("encoding", label, format!("{label} is no UTF-8 text")))
}

#[inline]
fn trim<'a>(bytes: &'a [u8], how: &Trim) -> &'a [u8] {
    match how {
        Trim::Nothing => bytes,
        Trim::Blanks => match bytes {
            // Nothing to cut: the common case.
            [b'!'..=b'~', .., b'!'..=b'~'] => bytes,
            _ => money::trim(bytes),
        },
        Trim::Also(also) => {
            let mut rest = money::trim(bytes);
            while let Some((_, inner)) = rest.split_first().filter(|(b, _)| also.contains(b)) {
                rest = inner;
            }
            while let Some((_, inner)) = rest.split_last().filter(|(b, _)| also.contains(b)) {
                rest = inner;
            }
            rest
        }
    }
}

/// A number without trailing zeros, if it is within the bounds.
fn within(value: Decimal, digits: Digits) -> Outcome<Decimal> {
    let value = value.normalize();
    let fits = value.scale() <= u32::from(digits.after)
        && value.trunc().mantissa().unsigned_abs() < 10u128.pow(u32::from(digits.before));
    if fits { Ok(value) } else { Err(out_of_range("a result", digits)) }
}

/// `a * b` exactly, then rounded half-even to `places`; `None` beyond 38 digits.
fn multiply(a: Decimal, b: Decimal, places: u8) -> Option<Decimal> {
    let (a, b) = (a.normalize(), b.normalize());
    let mut mantissa = a.mantissa().checked_mul(b.mantissa())?;
    let mut scale = a.scale() + b.scale();
    let drop = scale.saturating_sub(u32::from(places));
    if drop > 0 {
        mantissa = half_even(mantissa, 10i128.checked_pow(drop)?);
        scale -= drop;
    }
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

fn half_even(mantissa: i128, unit: i128) -> i128 {
    let (quotient, rest) = (mantissa.div_euclid(unit), mantissa.rem_euclid(unit));
    let up = rest > unit - rest || (rest == unit - rest && quotient.rem_euclid(2) == 1);
    quotient + i128::from(up)
}

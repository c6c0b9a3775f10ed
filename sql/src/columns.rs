//! The columns of the two wide tables, once for both stores: their order, type and meaning, and how a row or a fact becomes columns
//! and is read back exactly.
//!
//! A store implements [`ColumnWriter`] and [`ColumnReader`] for its own wire; [`daily`] and [`fact`] call them once per column, in the
//! order of the lists. So a column is named in one place, and neither store knows what a row means.
pub mod daily;
pub mod fact;
mod said;

use record::{Position, Symbol};
use returns::date::{Date, Micros};
use returns::ledger::FirstValues;
use returns::{Reasons, Vendor};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::sync::Arc;

/// How a column is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// Postgres `bigint`; SQLite `INTEGER`.
    Integer,
    /// Postgres `integer`; SQLite `INTEGER`.
    Short,
    /// Postgres `boolean`; SQLite `INTEGER`, 0 or 1.
    Flag,
    /// Postgres `date`; SQLite `TEXT`, `YYYY-MM-DD`.
    Date,
    /// Postgres `timestamptz`; SQLite `TEXT`, ISO 8601 in UTC with microseconds.
    Time,
    /// Postgres `numeric`; SQLite `TEXT`, plain and without trailing zeros.
    Decimal,
    /// `text`.
    Text,
    /// Postgres `bytea`; SQLite `BLOB`.
    Bytes,
    /// Postgres `text`, SQLite `TEXT`: three numbers, `a.b.c`.
    Position,
    /// Postgres `text[]`; SQLite `TEXT` with commas. Null when there is none.
    Reasons,
}

/// One column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: ColumnType,
    pub nullable: bool,
    pub meaning: &'static str,
}

const fn required(name: &'static str, kind: ColumnType, meaning: &'static str) -> Column {
    Column { name, kind, nullable: false, meaning }
}

const fn nullable(name: &'static str, kind: ColumnType, meaning: &'static str) -> Column {
    Column { name, kind, nullable: true, meaning }
}

/// The names of columns, each with `prefix` before it, as SQL wants a list.
pub fn list(columns: &[Column], prefix: &str) -> String {
    columns.iter().map(|c| format!("{prefix}{}", c.name)).collect::<Vec<_>>().join(", ")
}

/// Takes the values of one row, in the order of its columns.
pub trait ColumnWriter {
    fn integer(&mut self, value: Option<i64>);
    fn short(&mut self, value: Option<i32>);
    fn flag(&mut self, value: Option<bool>);
    fn date(&mut self, value: Option<Date>);
    fn time(&mut self, value: Option<Micros>);
    fn decimal(&mut self, value: Option<Decimal>);
    fn text(&mut self, value: Option<&str>);
    fn bytes(&mut self, value: Option<&[u8]>);
    fn position(&mut self, value: Option<Position>);
    fn reasons(&mut self, value: Reasons);
}

/// Gives the values of one row, in the order of its columns.
pub trait ColumnReader {
    fn integer(&mut self) -> Result<Option<i64>, ColumnError>;
    fn short(&mut self) -> Result<Option<i32>, ColumnError>;
    fn flag(&mut self) -> Result<Option<bool>, ColumnError>;
    fn date(&mut self) -> Result<Option<Date>, ColumnError>;
    fn time(&mut self) -> Result<Option<Micros>, ColumnError>;
    fn decimal(&mut self) -> Result<Option<Decimal>, ColumnError>;
    fn text(&mut self) -> Result<Option<Arc<str>>, ColumnError>;
    fn bytes(&mut self) -> Result<Option<Vec<u8>>, ColumnError>;
    fn position(&mut self) -> Result<Option<Position>, ColumnError>;
    fn reasons(&mut self) -> Result<Reasons, ColumnError>;
}

/// A value that cannot be written, or that this program did not write.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    #[error("vendor number {0} has no name in this process")]
    UnknownVendor(u16),
    #[error("column `{0}` is null, which its meaning does not allow")]
    Null(&'static str),
    #[error("column `{column}` holds `{value}`, which is none of its values")]
    Unknown { column: &'static str, value: String },
    #[error("column {index} cannot be read: {problem}")]
    Unreadable { index: usize, problem: String },
}

/// Names by number, looked at once per batch.
#[derive(Clone, Copy, Debug)]
pub struct NamesView<'a> {
    pub vendors: &'a [Arc<str>],
    /// [`record::Symbols::view`].
    pub texts: &'a [Arc<str>],
}

impl<'a> NamesView<'a> {
    pub fn vendor(&self, vendor: Vendor) -> Result<&'a str, ColumnError> {
        self.vendors.get(usize::from(vendor.0)).map(|n| &**n).ok_or(ColumnError::UnknownVendor(vendor.0))
    }

    /// The text of a symbol; symbols are made by this process and never end.
    pub fn text(&self, symbol: Symbol) -> &'a str {
        &self.texts[symbol.0 as usize]
    }
}

/// A value that must be there.
pub fn need<T>(value: Option<T>, column: &'static str) -> Result<T, ColumnError> {
    value.ok_or(ColumnError::Null(column))
}

/// The member of a closed list by the text it is stored as.
pub fn one_of<T: Copy>(
    all: &[T],
    name: impl Fn(T) -> &'static str,
    text: &str,
    column: &'static str,
) -> Result<T, ColumnError> {
    all.iter()
        .copied()
        .find(|x| name(*x) == text)
        .ok_or_else(|| ColumnError::Unknown { column, value: text.to_owned() })
}

/// A whole number that must fit a narrower type.
pub fn narrow<T: TryFrom<i64>>(value: i64, column: &'static str) -> Result<T, ColumnError> {
    T::try_from(value).map_err(|_| ColumnError::Unknown { column, value: value.to_string() })
}

/// A whole number of 64 bits without sign, kept as a decimal since SQL's integers have a sign.
pub fn unsigned(value: Option<Decimal>, column: &'static str) -> Result<Option<u64>, ColumnError> {
    value.map(|d| d.to_u64().ok_or_else(|| ColumnError::Unknown { column, value: d.to_string() })).transpose()
}

/// Content hashes are 16 bytes.
pub fn content(value: &[u8], column: &'static str) -> Result<returns::Content, ColumnError> {
    let bytes = <[u8; 16]>::try_from(value)
        .map_err(|_| ColumnError::Unknown { column, value: format!("{} bytes", value.len()) })?;
    Ok(returns::Content(bytes))
}

/// An account's first values by vendor (F7) as texts `YYYY-MM-DD vendor`: Postgres keeps them as `text[]`, SQLite by lines.
pub fn first_values(values: &[(Vendor, Date)], names: NamesView<'_>) -> Result<Vec<String>, ColumnError> {
    values.iter().map(|(vendor, date)| Ok(format!("{date} {}", names.vendor(*vendor)?))).collect()
}

/// The inverse of [`first_values`].
pub fn parse_first_values<'a>(
    texts: impl IntoIterator<Item = &'a str>,
    names: &crate::Names,
) -> Result<FirstValues, ColumnError> {
    let parse = |text: &str| {
        let (date, vendor) = text.split_once(' ')?;
        Some((names.vendor(vendor), date.parse().ok()?))
    };
    let unknown = |text: &str| ColumnError::Unknown { column: "first_values", value: text.to_owned() };
    texts.into_iter().map(|text| parse(text).ok_or_else(|| unknown(text))).collect()
}

/// An ISO 4217 code of three bytes.
pub fn currency(text: Option<Arc<str>>) -> Result<Option<[u8; 3]>, ColumnError> {
    let parse = |t: Arc<str>| {
        <[u8; 3]>::try_from(t.as_bytes())
            .map_err(|_| ColumnError::Unknown { column: "currency", value: t.to_string() })
    };
    text.map(parse).transpose()
}

/// The inverse of [`currency`].
pub fn currency_text(code: [u8; 3]) -> Arc<str> {
    String::from_utf8_lossy(&code).into()
}

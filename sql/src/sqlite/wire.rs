//! Columns as SQLite binds and gives them.
//!
//! | value | column | form |
//! | --- | --- | --- |
//! | decimal | TEXT | as the report prints it; never compared or ordered in SQL |
//! | date | TEXT | ISO 8601, so that text orders as dates do |
//! | time | INTEGER | microseconds since 1970 UTC |
//! | flag | INTEGER | 0 or 1 |
//! | position | TEXT | `a.b.c`; compared for equality alone |
//! | reasons | TEXT | names with commas between; null when there is none |
use super::value;
use crate::columns::{ColumnError, ColumnReader, ColumnWriter};
use record::Position;
use returns::date::{Date, Micros};
use returns::{Decimal, Reason, Reasons};
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, Decode, Encode, Row, Sqlite, Type};
use std::sync::Arc;

/// Binds values row after row. Texts and dates repeat down a column (vendor, status, date), so the one bound last in each is
/// kept and shared instead of copied; so is a number that stands in a row twice, as gross figures do beside equal net ones.
pub(super) struct Values {
    arguments: SqliteArguments,
    columns: usize,
    column: usize,
    last: Vec<Arc<str>>,
    zero: Arc<str>,
    /// The numbers of the row in hand, by digits and places.
    numbers: Vec<(i128, u32, Arc<str>)>,
}

impl Values {
    pub fn new(columns: usize) -> Values {
        let empty: Arc<str> = "".into();
        let arguments = SqliteArguments::default();
        let last = vec![empty; columns];
        Values { arguments, columns, column: 0, last, zero: "0".into(), numbers: Vec::new() }
    }

    pub fn add<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) {
        // Nothing this crate binds can fail to encode: numbers, texts, bytes and nulls.
        let added = self.arguments.add(value);
        debug_assert!(added.is_ok(), "{added:?}");
        self.column += 1;
        if self.column == self.columns {
            self.column = 0;
            self.numbers.clear();
        }
    }

    /// Hands the values over and begins anew; what is kept for sharing stays.
    pub fn take(&mut self, rows: usize) -> SqliteArguments {
        debug_assert_eq!(self.arguments.len(), self.columns * rows);
        let mut next = SqliteArguments::default();
        next.reserve(self.columns * rows, 0);
        std::mem::replace(&mut self.arguments, next)
    }

    fn shared(&mut self, text: &str) {
        let last = &mut self.last[self.column];
        if &**last != text {
            *last = text.into();
        }
        let text = last.clone();
        self.add(text);
    }

    fn number(&mut self, number: Decimal) {
        let (digits, places) = (number.mantissa(), number.scale());
        let known = self.numbers.iter().find(|(d, p, _)| (*d, *p) == (digits, places));
        let text = known.map_or_else(|| value::decimal(number).as_str().into(), |(.., text)| text.clone());
        if known.is_none() {
            self.numbers.push((digits, places, Arc::clone(&text)));
        }
        self.add(text);
    }
}

impl ColumnWriter for Values {
    fn integer(&mut self, value: Option<i64>) {
        self.add(value);
    }
    fn short(&mut self, value: Option<i32>) {
        self.add(value);
    }
    fn flag(&mut self, value: Option<bool>) {
        self.add(value);
    }
    fn date(&mut self, value: Option<Date>) {
        match value {
            Some(date) => self.shared(value::date(date).as_str()),
            None => self.add(None::<i64>),
        }
    }
    fn time(&mut self, value: Option<Micros>) {
        self.add(value);
    }
    fn decimal(&mut self, value: Option<Decimal>) {
        match value {
            Some(d) if d.is_zero() => self.add(self.zero.clone()),
            Some(d) => self.number(d),
            None => self.add(None::<i64>),
        }
    }
    fn text(&mut self, value: Option<&str>) {
        match value {
            Some(text) => self.shared(text),
            None => self.add(None::<i64>),
        }
    }
    fn bytes(&mut self, value: Option<&[u8]>) {
        self.add(value);
    }
    fn position(&mut self, value: Option<Position>) {
        match value {
            Some(p) => match value::position(p) {
                Some(text) => self.add::<Arc<str>>(text.as_str().into()),
                None => self.add(p.to_string()),
            },
            None => self.add(None::<i64>),
        }
    }
    fn reasons(&mut self, value: Reasons) {
        let names = || value.iter().map(Reason::as_str).collect::<Vec<_>>().join(",");
        self.add((!value.is_empty()).then(names));
    }
}

/// Reads the columns of one row from `at` on.
pub(super) struct Columns<'r> {
    row: &'r SqliteRow,
    at: usize,
}

impl<'r> Columns<'r> {
    pub fn new(row: &'r SqliteRow, at: usize) -> Self {
        Columns { row, at }
    }

    fn next<T: Decode<'r, Sqlite> + Type<Sqlite>>(&mut self) -> Result<Option<T>, ColumnError> {
        let index = self.at;
        self.at += 1;
        // A summary is read without the columns in which it has nothing.
        if index >= self.row.len() {
            return Ok(None);
        }
        self.row.try_get(index).map_err(|e| ColumnError::Unreadable { index, problem: e.to_string() })
    }

    fn parse<T>(&mut self, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, ColumnError> {
        let index = self.at;
        let Some(text) = self.next::<&str>()? else { return Ok(None) };
        let unreadable =
            || ColumnError::Unreadable { index, problem: format!("`{text}` is not in this program's form") };
        parse(text).map(Some).ok_or_else(unreadable)
    }
}

impl ColumnReader for Columns<'_> {
    fn integer(&mut self) -> Result<Option<i64>, ColumnError> {
        self.next()
    }
    fn short(&mut self) -> Result<Option<i32>, ColumnError> {
        self.next()
    }
    fn flag(&mut self) -> Result<Option<bool>, ColumnError> {
        self.next()
    }
    fn date(&mut self) -> Result<Option<Date>, ColumnError> {
        self.parse(|text| text.parse().ok())
    }
    fn time(&mut self) -> Result<Option<Micros>, ColumnError> {
        self.next()
    }
    fn decimal(&mut self) -> Result<Option<Decimal>, ColumnError> {
        self.parse(|text| Decimal::from_str_exact(text).ok())
    }
    fn text(&mut self) -> Result<Option<Arc<str>>, ColumnError> {
        Ok(self.next::<&str>()?.map(Arc::from))
    }
    fn bytes(&mut self) -> Result<Option<Vec<u8>>, ColumnError> {
        self.next()
    }
    fn position(&mut self) -> Result<Option<Position>, ColumnError> {
        self.parse(|text| text.parse().ok())
    }
    fn reasons(&mut self) -> Result<Reasons, ColumnError> {
        let all = |text: &str| {
            let mut reasons = Reasons::default();
            for name in text.split(',') {
                reasons.insert(Reason::ALL.iter().copied().find(|r| r.as_str() == name)?);
            }
            Some(reasons)
        };
        Ok(self.parse(all)?.unwrap_or_default())
    }
}

/// A date as stored.
pub(super) fn text_date(date: Date) -> String {
    value::date(date).as_str().to_owned()
}

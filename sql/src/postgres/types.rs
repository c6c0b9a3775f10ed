//! Values of a result row, and of parameters: dates, instants and decimals as this house has them.
use super::copy::{EPOCH_DAYS, EPOCH_MICROS};
use super::numeric;
use crate::columns::{ColumnError, ColumnReader};
use record::Position;
use returns::date::{Date, Micros, days, from_days};
use returns::row::Reason;
use returns::{Decimal, Reasons};
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgRow, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Encode, Postgres, Row, Type};
use std::sync::Arc;

/// A `date`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day(pub Date);

/// A `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instant(pub Micros);

/// A `numeric`, read to the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub Decimal);

macro_rules! wire_type {
    ($type:ty, $name:literal, $array:literal, |$value:ident, $out:ident| $put:expr, |$bytes:ident| $take:expr) => {
        impl Type<Postgres> for $type {
            fn type_info() -> PgTypeInfo {
                PgTypeInfo::with_name($name)
            }
        }
        impl PgHasArrayType for $type {
            fn array_type_info() -> PgTypeInfo {
                PgTypeInfo::with_name($array)
            }
        }
        impl Encode<'_, Postgres> for $type {
            fn encode_by_ref(&self, $out: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let $value = self.0;
                $put;
                Ok(IsNull::No)
            }
        }
        impl<'r> Decode<'r, Postgres> for $type {
            fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
                if value.format() != PgValueFormat::Binary {
                    return Err("expected the binary format".into());
                }
                let $bytes = value.as_bytes()?;
                $take
            }
        }
    };
}

/// Days since 2000-01-01. Postgres begins in 4713 BC: what lies before, such as the bound of a read from the beginning, is its -infinity.
fn on_the_wire(date: Date) -> i32 {
    const FIRST: i16 = -4712;
    if date.year() < FIRST { i32::MIN } else { days(date) - EPOCH_DAYS }
}

wire_type!(
    Day,
    "date",
    "date[]",
    |date, out| out.extend_from_slice(&on_the_wire(date).to_be_bytes()),
    |bytes| {
        let count = i32::from_be_bytes(bytes.try_into()?);
        let date = count.checked_add(EPOCH_DAYS).and_then(from_days);
        Ok(Day(date.ok_or("a date beyond the years -9999 to 9999")?))
    }
);

wire_type!(
    Instant,
    "timestamptz",
    "timestamptz[]",
    |micros, out| out.extend_from_slice(&micros.saturating_sub(EPOCH_MICROS).to_be_bytes()),
    |bytes| Ok(Instant(i64::from_be_bytes(bytes.try_into()?).saturating_add(EPOCH_MICROS)))
);

wire_type!(
    Number,
    "numeric",
    "numeric[]",
    |value, out| {
        let mut wire = vec![];
        numeric::put(&mut wire, value);
        out.extend_from_slice(&wire[4..]);
    },
    |bytes| Ok(Number(numeric::take(bytes)?))
);

/// Reads the columns of a result row one after the other.
pub struct RowReader<'r> {
    row: &'r PgRow,
    next: usize,
}

impl<'r> RowReader<'r> {
    /// From the column of that number on.
    pub fn from(row: &'r PgRow, column: usize) -> Self {
        RowReader { row, next: column }
    }

    /// The next column, of any type that sqlx knows.
    pub fn get<T>(&mut self) -> Result<T, ColumnError>
    where
        T: Decode<'r, Postgres> + Type<Postgres>,
    {
        let index = self.next;
        self.next += 1;
        self.row.try_get(index).map_err(|e| ColumnError::Unreadable { index, problem: e.to_string() })
    }
}

impl ColumnReader for RowReader<'_> {
    fn integer(&mut self) -> Result<Option<i64>, ColumnError> {
        self.get()
    }
    fn short(&mut self) -> Result<Option<i32>, ColumnError> {
        self.get()
    }
    fn flag(&mut self) -> Result<Option<bool>, ColumnError> {
        self.get()
    }
    fn date(&mut self) -> Result<Option<Date>, ColumnError> {
        Ok(self.get::<Option<Day>>()?.map(|d| d.0))
    }
    fn time(&mut self) -> Result<Option<Micros>, ColumnError> {
        Ok(self.get::<Option<Instant>>()?.map(|t| t.0))
    }
    fn decimal(&mut self) -> Result<Option<Decimal>, ColumnError> {
        Ok(self.get::<Option<Number>>()?.map(|n| n.0))
    }
    fn text(&mut self) -> Result<Option<Arc<str>>, ColumnError> {
        Ok(self.get::<Option<&str>>()?.map(Into::into))
    }
    fn bytes(&mut self) -> Result<Option<Vec<u8>>, ColumnError> {
        self.get()
    }
    fn position(&mut self) -> Result<Option<Position>, ColumnError> {
        let parse = |text: &str| {
            text.parse().map_err(|_| ColumnError::Unknown { column: "position", value: text.to_owned() })
        };
        self.get::<Option<&str>>()?.map(parse).transpose()
    }
    fn reasons(&mut self) -> Result<Reasons, ColumnError> {
        let mut reasons = Reasons::default();
        for text in self.get::<Option<Vec<String>>>()?.unwrap_or_default() {
            let known = Reason::ALL.iter().copied().find(|r| r.as_str() == text);
            reasons.insert(known.ok_or(ColumnError::Unknown { column: "reasons", value: text })?);
        }
        Ok(reasons)
    }
}

//! Rows on the wire of `COPY ... FROM STDIN (FORMAT binary)`.
use super::numeric;
use crate::columns::ColumnWriter;
use record::{Position, Sequence};
use returns::date::{Date, Micros, days};
use returns::{Decimal, Reasons};

/// Days from 1970-01-01 to 2000-01-01, where Postgres counts from.
pub const EPOCH_DAYS: i32 = 10_957;
pub const EPOCH_MICROS: i64 = EPOCH_DAYS as i64 * 86_400_000_000;
/// The type number of `text`, which an array names.
const TEXT_OID: i32 = 25;

/// A piece of a COPY: whole rows. One buffer, used again for each piece.
#[derive(Debug, Default)]
pub struct CopyBuffer {
    bytes: Vec<u8>,
}

impl CopyBuffer {
    pub fn with_capacity(bytes: usize) -> Self {
        CopyBuffer { bytes: Vec::with_capacity(bytes) }
    }

    /// What stands before the first row.
    pub fn header(&mut self) {
        self.bytes.extend_from_slice(b"PGCOPY\n\xff\r\n\0");
        self.bytes.extend_from_slice(&[0; 8]);
    }

    /// What stands before each row.
    pub fn row(&mut self, columns: i16) {
        self.bytes.extend_from_slice(&columns.to_be_bytes());
    }

    /// What stands after the last row.
    pub fn trailer(&mut self) {
        self.bytes.extend_from_slice(&(-1i16).to_be_bytes());
    }

    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    fn null(&mut self) {
        self.bytes.extend_from_slice(&(-1i32).to_be_bytes());
    }

    fn field(&mut self, value: Option<&[u8]>) {
        let Some(value) = value else { return self.null() };
        // A field longer than 2 GiB cannot be: raw bytes are kept up to 1 MiB, lines up to a bound.
        let length = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
    }

    /// Writes a field in place and then its length before it.
    fn measured(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.null();
        write(&mut self.bytes);
        let length = i32::try_from(self.bytes.len() - start - 4).unwrap_or(i32::MAX);
        self.bytes[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }

    pub fn texts<'a>(&mut self, values: impl Iterator<Item = &'a str>) {
        self.measured(|out| {
            let start = out.len();
            for word in [1, 0, TEXT_OID, 0, 1] {
                out.extend_from_slice(&i32::to_be_bytes(word));
            }
            let mut count = 0i32;
            for value in values {
                out.extend_from_slice(&i32::try_from(value.len()).unwrap_or(i32::MAX).to_be_bytes());
                out.extend_from_slice(value.as_bytes());
                count += 1;
            }
            out[start + 12..start + 16].copy_from_slice(&count.to_be_bytes());
        });
    }
}

impl ColumnWriter for CopyBuffer {
    fn integer(&mut self, value: Option<i64>) {
        self.field(value.map(i64::to_be_bytes).as_ref().map(|b| &b[..]));
    }
    fn short(&mut self, value: Option<i32>) {
        self.field(value.map(i32::to_be_bytes).as_ref().map(|b| &b[..]));
    }
    fn flag(&mut self, value: Option<bool>) {
        self.field(value.map(|b| [u8::from(b)]).as_ref().map(|b| &b[..]));
    }
    fn date(&mut self, value: Option<Date>) {
        self.short(value.map(|d| days(d) - EPOCH_DAYS));
    }
    fn time(&mut self, value: Option<Micros>) {
        self.integer(value.map(|t| t.saturating_sub(EPOCH_MICROS)));
    }
    fn decimal(&mut self, value: Option<Decimal>) {
        match value {
            Some(value) => numeric::put(&mut self.bytes, value),
            None => self.null(),
        }
    }
    fn text(&mut self, value: Option<&str>) {
        self.field(value.map(str::as_bytes));
    }
    fn bytes(&mut self, value: Option<&[u8]>) {
        self.field(value);
    }
    fn position(&mut self, value: Option<Position>) {
        match value {
            Some(position) => self.measured(|out| put_position(out, position)),
            None => self.null(),
        }
    }
    fn reasons(&mut self, value: Reasons) {
        match value.is_empty() {
            true => self.null(),
            false => self.texts(value.iter().map(|r| r.as_str())),
        }
    }
}

/// `a.b.c`, without the formatting machinery where 64 bits do.
fn put_position(out: &mut Vec<u8>, position: Position) {
    match u64::try_from(position.sequence) {
        Ok(sequence) => put_number(out, sequence),
        Err(_) => out.extend_from_slice(wide(position.sequence).as_bytes()),
    }
    out.push(b'.');
    put_number(out, position.sub);
    out.push(b'.');
    put_number(out, position.item.into());
}

fn wide(sequence: Sequence) -> String {
    sequence.to_string()
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_position_is_written_as_it_prints(limbs in any::<[u64; 3]>(), sub in any::<u64>(), item in any::<u32>()) {
            for limbs in [limbs, [limbs[0], 0, 0], [limbs[0] % 1000, 0, 0]] {
                let position = Position { sequence: Sequence::from_limbs(limbs), sub, item };
                let mut out = vec![];
                put_position(&mut out, position);
                prop_assert_eq!(String::from_utf8(out).unwrap(), position.to_string());
            }
        }
    }
}

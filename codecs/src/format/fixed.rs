//! Fixed-width text: fields at places of their own, several types of record told apart by a mark.
use super::delimited::carry;
use super::{Fields, Format, FormatError, Selector, Slot, offset};
use crate::framing::lines::LineContext;
use crate::value::text::Encoding;
use record::Context;

/// The records of a fixed layout.
#[derive(Debug)]
pub struct Fixed {
    /// What every record must be as long as, in bytes.
    pub length: Option<usize>,
    pub encoding: Encoding,
    pub types: Vec<RecordType>,
    /// How many selectors a mapping has.
    pub selectors: usize,
}

/// One type of record.
#[derive(Debug)]
pub struct RecordType {
    pub name: String,
    pub role: RecordRole,
    /// Where the mark stands, from 0, and what it may be; empty: every record that is of no type before this.
    pub at: usize,
    pub marks: Vec<Vec<u8>>,
    pub fields: Vec<Field>,
    /// What is read: (selector, start, end), filled in by [`Fixed::prepare`].
    pub reads: Vec<(u16, usize, usize)>,
}

/// What a type of record is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordRole {
    Detail,
    Header,
    Trailer,
    Ignore,
}

/// One field of a record type.
#[derive(Clone, Debug)]
pub struct Field {
    pub name: String,
    /// From 0.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// Decimals that are not written.
    pub decimals: u8,
    /// The place of a sign that stands apart, from 0.
    pub sign: Option<usize>,
}

/// The selector's name of the sign that belongs to a field.
pub fn sign_of(field: &str) -> String {
    format!("{field}\u{b1}")
}

impl Fixed {
    /// Notes which fields of which type a mapping reads. Fields of header and trailer records are named with a leading `@`.
    pub fn prepare(&mut self, selectors: &[Selector]) {
        self.selectors = selectors.len();
        for kind in &mut self.types {
            let carried = if kind.is_carried() { "@" } else { "" };
            kind.reads = reads(&kind.fields, carried, selectors);
        }
    }

    pub fn type_of(&self, record: &[u8]) -> Option<usize> {
        self.types.iter().position(|t| t.matches(record))
    }

    fn check_length(&self, record: &[u8], needed: usize) -> Result<(), FormatError> {
        let expected = match self.length {
            Some(exact) if exact != record.len() => format!("exactly {exact}"),
            None if record.len() < needed => format!("at least {needed}"),
            _ => return Ok(()),
        };
        let text = format!("the record is {} bytes long, the layout says {expected}", record.len());
        Err(FormatError { code: "record_length", text, at: None })
    }
}

fn reads(fields: &[Field], prefix: &str, selectors: &[Selector]) -> Vec<(u16, usize, usize)> {
    let mut reads = Vec::new();
    for (number, selector) in selectors.iter().enumerate() {
        let Selector::Field(wanted) = selector else { continue };
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        for field in fields {
            let name = format!("{prefix}{}", field.name);
            if *wanted == name {
                reads.push((number, field.start, field.end));
            } else if let Some(sign) = field.sign.filter(|_| *wanted == sign_of(&name)) {
                reads.push((number, sign, sign + 1));
            }
        }
    }
    reads
}

impl RecordType {
    /// Header and trailer records give their fields to the records after them.
    pub fn is_carried(&self) -> bool {
        matches!(self.role, RecordRole::Header | RecordRole::Trailer)
    }

    fn matches(&self, record: &[u8]) -> bool {
        let rest = record.get(self.at..).unwrap_or_default();
        self.marks.is_empty() || self.marks.iter().any(|m| rest.starts_with(m))
    }
}

impl Format for Fixed {
    fn parse(
        &self,
        record: &[u8],
        context: Option<&Context>,
        fields: &mut Fields,
    ) -> Result<(), FormatError> {
        fields.reset(self.selectors);
        let plain = self.encoding.check(record)?;
        let Some(number) = self.type_of(record) else {
            let text = "no type of record of this layout begins so".to_owned();
            return Err(FormatError { code: "unknown_record", text, at: Some(0) });
        };
        let kind = &self.types[number];
        for (selector, start, end) in &kind.reads {
            fields.slots[usize::from(*selector)] = Slot::Record { start: offset(*start), end: offset(*end) };
        }
        if !plain {
            self.encoding.transcode(record, fields);
        }
        if let Some(context) = context.and_then(|c| c.downcast_ref::<LineContext>()) {
            carry(context, fields);
        }
        fields.record_type = u16::try_from(number).ok();
        // Last, so that a record cut short still names its account.
        self.check_length(record, kind.reads.iter().map(|r| r.2).max().unwrap_or(0))
    }
}

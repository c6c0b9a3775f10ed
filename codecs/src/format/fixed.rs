//! Fixed-width text: fields at places of their own, several types of record told apart by a mark. A record may go on over lines
//! that are parts of it.
use super::delimited::carry;
use super::{Fields, Format, FormatError, Selector, Slot, offset};
use crate::framing::lines::LineContext;
use crate::value::money::trim;
use crate::value::text::Encoding;
use memchr::memchr;
use record::Context;

/// The records of a fixed layout.
#[derive(Debug)]
pub struct Fixed {
    /// What every record must be as long as, in bytes.
    pub length: Option<usize>,
    pub encoding: Encoding,
    pub types: Vec<RecordType>,
    /// Some type is a part of the record before it.
    pub has_parts: bool,
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
    /// A line that goes on with the record before it.
    Part,
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

    /// Reads the line of a record that begins at `start`; notes the first thing wrong, and says where the next line begins.
    fn line(
        &self,
        record: &[u8],
        start: usize,
        fields: &mut Fields,
        wrong: &mut Option<FormatError>,
    ) -> usize {
        let rest = &record[start..];
        let end = if self.has_parts { memchr(b'\n', rest) } else { None }.unwrap_or(rest.len());
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        let at = Some(offset(start));
        match self.type_of(line) {
            Some(number) => {
                let is_part = self.types[number].role == RecordRole::Part;
                if is_part && start == 0 {
                    let text = "this line goes on with a record, and no record is before it".to_owned();
                    wrong.get_or_insert(FormatError { code: "unknown_record", text, at });
                } else if !is_part {
                    fields.record_type = u16::try_from(number).ok();
                }
                if let Err(fault) = self.read(record, (start, line), number, fields) {
                    wrong.get_or_insert(fault);
                }
            }
            None => {
                let text = "no type of record of this layout begins so".to_owned();
                wrong.get_or_insert(FormatError { code: "unknown_record", text, at });
            }
        }
        start + end + 1
    }

    /// Finds the fields of a line. One that an earlier line of the record had must say the same: lines of two records that were taken
    /// for one would mix their accounts.
    fn read(
        &self,
        record: &[u8],
        (start, line): (usize, &[u8]),
        number: usize,
        fields: &mut Fields,
    ) -> Result<(), FormatError> {
        let kind = &self.types[number];
        for (selector, from, to) in &kind.reads {
            let Some(value) = line.get(*from..*to) else { continue };
            let selector = usize::from(*selector);
            if fields.get(record, selector).is_some_and(|before| trim(before) != trim(value)) {
                let text =
                    format!("the line `{}` of a record says otherwise than a line before it", kind.name);
                return Err(FormatError { code: "parts_differ", text, at: Some(offset(start + from)) });
            }
            let slot = Slot::Record { start: offset(start + from), end: offset(start + to) };
            fields.slots[selector] = slot;
        }
        self.check_length(line, kind.reads.iter().map(|r| r.2).max().unwrap_or(0))
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
        let mut wrong = None;
        let mut start = self.line(record, 0, fields, &mut wrong);
        while start < record.len() {
            start = self.line(record, start, fields, &mut wrong);
        }
        if !plain {
            self.encoding.transcode(record, fields);
        }
        if let Some(context) = context.and_then(|c| c.downcast_ref::<LineContext>()) {
            carry(context, fields);
        }
        // Last, so that a record cut short still names its account.
        wrong.map_or(Ok(()), Err)
    }
}

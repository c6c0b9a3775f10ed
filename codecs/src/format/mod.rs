//! Formats: what a record says. A mapping names the fields it reads ([`Selector`]); a format finds them all in one pass over the record.
pub mod delimited;
pub mod eventbridge;
pub mod fixed;
pub mod ibkr_flex;
pub mod json;
mod scan;

use record::Context;

/// A field of a record, as a mapping names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// By name: a header's column, a field of a fixed layout, an XML attribute.
    Field(String),
    /// By column number, from 1.
    Column(usize),
    /// By path, such as `summary.values[0].amount`; `..` goes up (JSON).
    Path(String),
}

/// Where a field's value lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Slot {
    /// Not in this record. Missing is not zero, and not empty.
    #[default]
    Missing,
    /// Bytes of the record.
    Record { start: u32, end: u32 },
    /// Bytes of [`Fields::scratch`]: the value had to be unescaped or transcoded.
    Scratch { start: u32, end: u32 },
}

/// The fields of one record; reused from record to record.
#[derive(Debug, Default)]
pub struct Fields {
    /// One per selector the format was prepared with.
    pub slots: Vec<Slot>,
    pub scratch: Vec<u8>,
    /// Which kind of record this is, where a layout has several (a fixed layout's record type, a section's name).
    pub record_type: Option<u16>,
    /// A sum over the names in the record that no selector reads, the same for the same names in any order: by it a new name is
    /// noticed at the cost of an addition. 0 where there are none, and of records whose names stand in a header.
    pub unread: u64,
}

impl Fields {
    pub fn reset(&mut self, selectors: usize) {
        self.slots.clear();
        self.slots.resize(selectors, Slot::Missing);
        self.scratch.clear();
        self.record_type = None;
        self.unread = 0;
    }

    /// The bytes of a field; `None` if the record has no such field.
    pub fn get<'a>(&'a self, record: &'a [u8], selector: usize) -> Option<&'a [u8]> {
        match *self.slots.get(selector)? {
            Slot::Missing => None,
            Slot::Record { start, end } => record.get(start as usize..end as usize),
            Slot::Scratch { start, end } => self.scratch.get(start as usize..end as usize),
        }
    }
}

/// Why a record, or a field of it, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatError {
    /// A reason code such as `syntax`, `column_count`, `encoding`.
    pub code: &'static str,
    pub text: String,
    /// Byte offset in the record, where known: for the caret.
    pub at: Option<u32>,
}

/// Reads records of one layout. Prepared once with the selectors of the mapping; holds no state between records.
pub trait Format: Send + Sync {
    /// Finds the selected fields of a record. The context is what the framer kept for it (a header, a statement).
    fn parse(&self, record: &[u8], context: Option<&Context>, fields: &mut Fields)
    -> Result<(), FormatError>;

    /// The names in a record that no selector reads and the mapping does not list, as a mapping would write them; of a layout whose
    /// names stand in a header, none.
    fn unread(&self, _record: &[u8]) -> Vec<String> {
        Vec::new()
    }
}

/// A name's part of [`Fields::unread`]. `place` tells apart the same name in different objects of a record.
#[inline]
fn part_of_sum(place: u64, name: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64_with_seed(name, place)
}

/// Whether a mapping lists a name as known and not read: as it is, or by a beginning with `*`.
fn is_listed(name: &str, list: &[String]) -> bool {
    list.iter().any(|known| match known.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => known == name,
    })
}

/// A length or place in a record as spans carry it. Records, headers and the texts of a batch are bounded far below 4 GiB; what
/// is not saturates, and a span that does not fit reads as a missing field.
pub(crate) fn offset(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

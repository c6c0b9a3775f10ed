//! Drift: names in a feed that its mapping does not know. They are no error, but somebody should look; each is told once.
//!
//! All that is kept and told is bounded, whatever a feed sends: so many headers, sets of names and names.
use super::reader::Reader;
use super::{Decoded, base};
use crate::format::delimited::Columns;
use crate::framing::lines::LineContext;
use record::{Position, RawBatch};
use std::collections::HashSet;
use std::sync::Arc;

/// Names of a feed that the mapping does not know: columns, members of JSON objects, attributes. Told only of a header that is one
/// beyond doubt (it has the columns the mapping needs) and of records that could be read, so that no data comes into a log by this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// At most 20, each cut to 64 characters.
    pub columns: Vec<String>,
    /// The header, or the first record that has them.
    pub position: Position,
}

/// How many headers are remembered, so that a feed of many headers is not told of one twice in a row.
const HEADERS: usize = 64;
/// How many sets of names that records had are remembered.
const SHAPES: usize = 1024;
/// How many records of a batch are looked at for their names, and how many names are told of records in all.
const LOOKS: usize = 32;
const NAMES: usize = 256;
/// How much is told at once: names, and characters of each.
const TOLD: (usize, usize) = (20, 64);

/// What was told of one layout's feeds.
#[derive(Default)]
pub struct Told {
    /// The latest last.
    headers: Vec<Arc<Columns>>,
    /// By the sum that a format makes of the names nobody reads.
    shapes: HashSet<u64>,
    names: HashSet<String>,
    /// The last record's, and how many records of the batch were looked at.
    last: u64,
    looks: usize,
}

impl Told {
    /// Tells of the headers of a batch, before its records.
    pub fn of_headers(&mut self, reader: &Reader, batch: &RawBatch, out: &mut Decoded) {
        (self.last, self.looks) = (0, 0);
        for (number, context) in batch.contexts.iter().enumerate() {
            let lines = base(context).downcast_ref::<LineContext>();
            let Some((section, columns)) = lines.and_then(|c| Some((c.section, c.columns.as_ref()?))) else {
                continue;
            };
            if columns.new.is_empty() || !reader.knows_header(section, &columns.absent) {
                continue;
            }
            if self.headers.iter().any(|c| Arc::ptr_eq(c, columns) || c.new == columns.new) {
                continue;
            }
            if self.headers.len() == HEADERS {
                self.headers.remove(0);
            }
            self.headers.push(columns.clone());
            let first = batch.records.iter().find(|r| usize::from(r.context) == number);
            let position = first.map(|r| r.position).unwrap_or_default();
            let columns = columns.new.iter().take(TOLD.0).map(|name| printable(name)).collect();
            out.drift.push(Drift { columns, position });
        }
    }

    /// Tells of a record that the reader has just read. Records come in long runs that have the same names.
    #[inline]
    pub fn of_record(&mut self, reader: &Reader, raw: &[u8], position: Position, out: &mut Decoded) {
        let shape = reader.unread();
        if shape != self.last {
            self.last = shape;
            self.look(shape, reader, raw, position, out);
        }
    }

    #[cold]
    fn look(&mut self, shape: u64, reader: &Reader, raw: &[u8], position: Position, out: &mut Decoded) {
        let done = self.looks == LOOKS || self.names.len() >= NAMES;
        if shape == 0 || done || self.shapes.contains(&shape) {
            return;
        }
        if self.shapes.len() == SHAPES {
            self.shapes.clear();
        }
        self.shapes.insert(shape);
        self.looks += 1;
        let mut columns: Vec<String> = Vec::new();
        for name in reader.unread_names(raw).iter().map(|name| printable(name)) {
            if columns.len() < TOLD.0 && self.names.insert(name.clone()) {
                columns.push(name);
            }
        }
        if !columns.is_empty() {
            out.drift.push(Drift { columns, position });
        }
    }
}

/// A name as it may stand in a log line.
fn printable(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).take(TOLD.1).collect()
}

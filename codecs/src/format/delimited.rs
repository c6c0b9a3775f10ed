//! Delimited text: columns apart by one byte, fields quoted or not.
use super::{Fields, Format, FormatError, Selector, Slot, is_listed, offset, scan};
use crate::framing::lines::LineContext;
use crate::value::text::Encoding;
use memchr::memchr;
use record::Context;
use std::sync::Arc;

/// How lines are split, and which fields a mapping reads.
#[derive(Debug)]
pub struct Delimited {
    pub delimiter: u8,
    pub quote: Option<u8>,
    pub encoding: Encoding,
    /// Rows may have fewer or more columns than their header.
    pub ragged: bool,
    pub selectors: Vec<Selector>,
    /// Columns that are known and not read: they are no drift.
    pub other_columns: Vec<String>,
}

/// What a header line says, prepared for the rows under it.
#[derive(Debug, Default, PartialEq)]
pub struct Columns {
    /// How many columns a row has; `None` where nothing says so.
    pub count: Option<usize>,
    /// (column, selector), by column.
    reads: Vec<(usize, u16)>,
    /// Selectors that name a column which is not there.
    pub absent: Vec<u16>,
    /// Columns nobody knows.
    pub new: Vec<String>,
    /// A name that is read and stands twice.
    twice: Option<String>,
}

impl Delimited {
    /// Prepares the columns of a header, or of a list declared in its place.
    pub fn columns(&self, names: &[String]) -> Columns {
        let mut columns = Columns { count: Some(names.len()), ..Columns::default() };
        for (number, selector) in (0u16..).zip(&self.selectors) {
            let place = match selector {
                Selector::Field(name) if name.starts_with('@') => continue,
                Selector::Field(name) => {
                    let mut places = (0..names.len()).filter(|n| names[*n] == *name);
                    let first = places.next();
                    if places.next().is_some() {
                        columns.twice = Some(name.clone());
                    }
                    first
                }
                Selector::Column(n) => (*n <= names.len()).then(|| n - 1),
                Selector::Path(_) => None,
            };
            match place {
                Some(column) => columns.reads.push((column, number)),
                None => columns.absent.push(number),
            }
        }
        columns.reads.sort_unstable();
        columns.new = names.iter().filter(|n| !n.is_empty() && !self.is_known(n)).cloned().collect();
        columns
    }

    /// Rows without a header: only column numbers can be read.
    pub fn bare_columns(&self) -> Columns {
        let mut columns = Columns::default();
        for (number, selector) in (0u16..).zip(&self.selectors) {
            match selector {
                Selector::Column(n) => columns.reads.push((n - 1, number)),
                Selector::Field(name) if name.starts_with('@') => {}
                _ => columns.absent.push(number),
            }
        }
        columns.reads.sort_unstable();
        columns
    }

    /// Why rows under these columns cannot be read, whatever is in them.
    pub fn fault(columns: &Columns) -> Option<FormatError> {
        let name = columns.twice.as_ref()?;
        let text = format!(
            "the header has two columns `{name}`: read the one that is meant by its number, with `column`"
        );
        Some(FormatError { code: "duplicate_key", text, at: None })
    }

    fn is_known(&self, name: &str) -> bool {
        let read = |s: &Selector| matches!(s, Selector::Field(n) if n == name);
        self.selectors.iter().any(read) || is_listed(name, &self.other_columns)
    }

    /// The cells of a line as text, for headers and headings.
    pub fn cells(&self, line: &[u8]) -> Vec<String> {
        let mut fields = Fields::default();
        let mut cells = Vec::new();
        let mut at = Some(0);
        while let Some(start) = at {
            let whole = Slot::Record { start: offset(start), end: offset(line.len()) };
            let (slot, next) = self.cell(line, start, &mut fields.scratch).unwrap_or((whole, None));
            fields.slots = vec![slot];
            let bytes = fields.get(line, 0).unwrap_or_default();
            cells.push(self.encoding.to_text(bytes).trim().to_owned());
            at = next;
        }
        cells
    }

    /// The cell that begins at `start`, and where the next one begins.
    fn cell(
        &self,
        line: &[u8],
        start: usize,
        scratch: &mut Vec<u8>,
    ) -> Result<(Slot, Option<usize>), FormatError> {
        let rest = &line[start..];
        if self.quote.is_none() || rest.first() != self.quote.as_ref() {
            let length = memchr(self.delimiter, rest);
            let end = start + length.unwrap_or(rest.len());
            return Ok((Slot::Record { start: offset(start), end: offset(end) }, length.map(|_| end + 1)));
        }
        self.quoted_cell(line, start, scratch)
    }

    fn quoted_cell(
        &self,
        line: &[u8],
        start: usize,
        scratch: &mut Vec<u8>,
    ) -> Result<(Slot, Option<usize>), FormatError> {
        let quote = self.quote.unwrap_or(b'"');
        let unclosed = || FormatError {
            code: "syntax",
            text: "a quote opens here and never closes".to_owned(),
            at: Some(offset(start)),
        };
        let kept = offset(scratch.len());
        let (mut from, mut doubled) = (start + 1, false);
        let close = loop {
            let place = from + memchr(quote, &line[from..]).ok_or_else(unclosed)?;
            if line.get(place + 1) != Some(&quote) {
                break place;
            }
            doubled = true;
            scratch.extend_from_slice(&line[from..=place]);
            from = place + 2;
        };
        let slot = if doubled {
            scratch.extend_from_slice(&line[from..close]);
            Slot::Scratch { start: kept, end: offset(scratch.len()) }
        } else {
            Slot::Record { start: offset(start) + 1, end: offset(close) }
        };
        match line.get(close + 1) {
            None => Ok((slot, None)),
            Some(b) if *b == self.delimiter => Ok((slot, Some(close + 2))),
            Some(_) => Err(FormatError {
                code: "syntax",
                text: "text goes on after a closing quote".to_owned(),
                at: Some(offset(close) + 1),
            }),
        }
    }

    fn split_plain(&self, line: &[u8], columns: &Columns, slots: &mut [Slot]) -> usize {
        let mut reads = columns.reads.iter();
        let mut next = reads.next();
        let (mut column, mut start) = (0, 0);
        let mut cell = |end: usize| {
            let end = offset(end);
            while let Some((_, selector)) = next.filter(|(wanted, _)| *wanted == column) {
                slots[usize::from(*selector)] = Slot::Record { start, end };
                next = reads.next();
            }
            start = end + 1;
            column += 1;
        };
        scan::each(line, self.delimiter, &mut cell);
        cell(line.len());
        column
    }

    fn split_quoted(
        &self,
        line: &[u8],
        columns: &Columns,
        fields: &mut Fields,
    ) -> Result<usize, FormatError> {
        self.check_beginning(line)?;
        let mut reads = columns.reads.iter().peekable();
        let (mut column, mut at) = (0, Some(0));
        while let Some(start) = at {
            let (slot, next) = self.cell(line, start, &mut fields.scratch)?;
            while let Some((_, selector)) = reads.next_if(|(c, _)| *c == column) {
                fields.slots[usize::from(*selector)] = slot;
            }
            at = next;
            column += 1;
        }
        Ok(column)
    }

    /// A quote inside a first cell that does not begin with one is the rest of a quoted field with a line end in it. It may well
    /// have as many columns as a row has, and would be an account nobody has.
    fn check_beginning(&self, line: &[u8]) -> Result<(), FormatError> {
        let first = &line[..memchr(self.delimiter, line).unwrap_or(line.len())];
        match self.quote.and_then(|q| memchr(q, first)) {
            None | Some(0) => Ok(()),
            Some(at) => Err(FormatError {
                code: "syntax",
                text: "a quote stands inside the first column: if fields hold line ends, declare `multiline`"
                    .to_owned(),
                at: Some(offset(at)),
            }),
        }
    }

    /// A row ends like its header: a cut line is no record. One empty column too many is a habit of many exports.
    fn check_count(&self, line: &[u8], found: usize, columns: &Columns) -> Result<(), FormatError> {
        let Some(expected) = columns.count.filter(|_| !self.ragged) else { return Ok(()) };
        let trailing = found == expected + 1 && line.last() == Some(&self.delimiter);
        if found == expected || trailing {
            return Ok(());
        }
        let text = format!("{found} columns, the header has {expected}");
        Err(FormatError { code: "column_count", text, at: None })
    }
}

impl Format for Delimited {
    fn parse(
        &self,
        record: &[u8],
        context: Option<&Context>,
        fields: &mut Fields,
    ) -> Result<(), FormatError> {
        fields.reset(self.selectors.len());
        let context = context.and_then(|c| c.downcast_ref::<LineContext>());
        let columns = context.and_then(|c| c.columns.as_deref());
        let (Some(context), Some(columns)) = (context, columns) else {
            let text = "a row without a header line before it".to_owned();
            return Err(FormatError { code: "missing_header", text, at: None });
        };
        if let Some(fault) = Self::fault(columns) {
            return Err(fault);
        }
        let plain = self.encoding.check(record)?;
        let quoted = self.quote.is_some_and(|q| memchr(q, record).is_some());
        let found = if quoted {
            self.split_quoted(record, columns, fields)?
        } else {
            self.split_plain(record, columns, &mut fields.slots)
        };
        self.check_count(record, found, columns)?;
        if !plain {
            self.encoding.transcode(record, fields);
        }
        carry(context, fields);
        fields.record_type = context.section;
        Ok(())
    }
}

/// Values of earlier lines join the record's own.
pub fn carry(context: &LineContext, fields: &mut Fields) {
    for (selector, value) in &context.carried {
        let start = offset(fields.scratch.len());
        fields.scratch.extend_from_slice(value);
        fields.slots[usize::from(*selector)] = Slot::Scratch { start, end: offset(fields.scratch.len()) };
    }
}

/// Columns shared by the rows under one header.
pub type SharedColumns = Arc<Columns>;

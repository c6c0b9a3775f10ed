//! IBKR Flex: the attributes of an element, and those of the statement around it.
//!
//! A selector is an attribute's name; `parent.accountId` is the statement's attribute `accountId`; `name()` is the element's name,
//! such as `ChangeInNAV`, for mappings that read several. An attribute that is there and empty is an empty value, not a missing one.
use super::{Fields, Format, FormatError, Selector, Slot, is_listed, part_of_sum};
use crate::framing::xml::{XmlContext, XmlNames, start_tag};
use quick_xml::events::Event;
use quick_xml::{Reader, XmlVersion};
use record::Context;
use std::borrow::Cow;

/// What a name is of, for the sum of those nobody reads.
const ATTRIBUTE: u64 = 1;
const ELEMENT: u64 = 2;

const PARENT: &str = "parent.";
const NAME: &str = "name()";

/// Reads the elements of a Flex report.
#[derive(Debug)]
pub struct IbkrFlex {
    selectors: usize,
    /// Attributes of the element and of the statement, each with the selector that asks for it.
    own: Vec<(Box<str>, usize)>,
    parent: Vec<(Box<str>, usize)>,
    name: Vec<usize>,
    records: Vec<Box<str>>,
    /// Names that are known and not read.
    other_fields: Vec<String>,
}

impl IbkrFlex {
    /// Prepares for the selectors of a mapping, and the names it knows and does not read. The record type of a record is the place of its name among the names' records.
    ///
    /// # Errors
    /// `selector`, for a column number: attributes have names.
    pub fn new(
        selectors: &[Selector],
        names: &XmlNames,
        other_fields: Vec<String>,
    ) -> Result<Self, FormatError> {
        let mut flex = IbkrFlex {
            selectors: selectors.len(),
            own: Vec::new(),
            parent: Vec::new(),
            name: Vec::new(),
            records: names.records.clone(),
            other_fields,
        };
        for (n, selector) in selectors.iter().enumerate() {
            match selector {
                Selector::Field(name) | Selector::Path(name) if name == NAME => flex.name.push(n),
                Selector::Field(name) | Selector::Path(name) => match name.strip_prefix(PARENT) {
                    Some(name) => flex.parent.push((name.into(), n)),
                    None => flex.own.push((name.as_str().into(), n)),
                },
                Selector::Column(_) => {
                    let text = "an attribute is selected by its name, not by a column's number".into();
                    return Err(FormatError { code: "selector", text, at: None });
                }
            }
        }
        Ok(flex)
    }

    fn read_own(&self, tag: &str, fields: &mut Fields) -> Result<(), FormatError> {
        let start = start_tag(tag);
        let name = start.name().0;
        for n in &self.name {
            fields.slots[*n] = span("<".len(), name.len())?;
        }
        fields.record_type =
            self.records.iter().position(|r| **r == *name).and_then(|n| u16::try_from(n).ok());
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|e| syntax(&e))?;
            let key = attribute.key.0;
            let mut wanted = self.own.iter().filter(|(name, _)| **name == *key).peekable();
            let Some((_, first)) = wanted.peek() else {
                fields.unread = fields.unread.wrapping_add(part_of_sum(ATTRIBUTE, key.as_bytes()));
                continue;
            };
            if fields.slots[*first] != Slot::Missing {
                let text = format!("attribute `{key}` stands twice");
                return Err(FormatError { code: "duplicate_key", text, at: None });
            }
            let slot = match attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| syntax(&e))? {
                Cow::Borrowed(value) => span(offset(tag, value), value.len())?,
                Cow::Owned(value) => append(&value, fields)?,
            };
            wanted.for_each(|(_, n)| fields.slots[*n] = slot);
        }
        Ok(())
    }
}

impl Format for IbkrFlex {
    fn parse(
        &self,
        record: &[u8],
        context: Option<&Context>,
        fields: &mut Fields,
    ) -> Result<(), FormatError> {
        fields.reset(self.selectors);
        let text = std::str::from_utf8(record).map_err(|e| FormatError {
            code: "encoding",
            text: "the record is not UTF-8".into(),
            at: u32::try_from(e.valid_up_to()).ok(),
        })?;
        let tag = first_tag(text)?;
        self.read_own(tag, fields)?;
        if tag.len() < text.len() {
            each_inner(text, |name| fields.unread = fields.unread.wrapping_add(part_of_sum(ELEMENT, name)));
        }
        let Some(statement) = context.and_then(|c| c.downcast_ref::<XmlContext>()) else { return Ok(()) };
        for (name, n) in &self.parent {
            if let Some(value) = statement.get(name) {
                fields.slots[*n] = append(value, fields)?;
            }
        }
        Ok(())
    }

    fn unread(&self, record: &[u8]) -> Vec<String> {
        let text = std::str::from_utf8(record).unwrap_or_default();
        let Ok(tag) = first_tag(text) else { return Vec::new() };
        let is_read = |key: &str| self.own.iter().any(|(name, _)| **name == *key);
        let tag = start_tag(tag);
        let mut attributes = tag.attributes();
        let keys = attributes.with_checks(false).flatten().map(|attribute| attribute.key.0);
        let mut names: Vec<String> = keys.filter(|key| !is_read(key)).map(str::to_owned).collect();
        each_inner(text, |name| names.push(format!("<{}>", String::from_utf8_lossy(name))));
        names.retain(|name| !is_listed(name, &self.other_fields));
        names
    }
}

/// The names of the elements in an element.
fn each_inner(text: &str, mut found: impl FnMut(&[u8])) {
    let mut reader = Reader::from_str(text);
    let mut outer = true;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag) | Event::Empty(tag)) if !std::mem::take(&mut outer) => {
                found(tag.name().0.as_bytes());
            }
            Ok(Event::Eof) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The start tag of an element.
fn first_tag(text: &str) -> Result<&str, FormatError> {
    let mut quote = None;
    let end = text.bytes().position(|b| {
        match quote {
            Some(open) if b == open => quote = None,
            None if matches!(b, b'"' | b'\'') => quote = Some(b),
            _ => {}
        }
        b == b'>' && quote.is_none()
    });
    match end {
        Some(end) if text.starts_with('<') => Ok(&text[..=end]),
        _ => Err(FormatError { code: "syntax", text: "this is no XML element".into(), at: Some(0) }),
    }
}

fn syntax(error: &dyn std::fmt::Display) -> FormatError {
    FormatError { code: "syntax", text: format!("an attribute is broken: {error}"), at: None }
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr().saturating_sub(text.as_ptr().addr())
}

fn span(start: usize, length: usize) -> Result<Slot, FormatError> {
    match (u32::try_from(start), u32::try_from(start + length)) {
        (Ok(start), Ok(end)) => Ok(Slot::Record { start, end }),
        _ => Err(FormatError { code: "record_too_long", text: "longer than 4 GiB".into(), at: None }),
    }
}

fn append(value: &str, fields: &mut Fields) -> Result<Slot, FormatError> {
    let begin = fields.scratch.len();
    fields.scratch.extend_from_slice(value.as_bytes());
    match (u32::try_from(begin), u32::try_from(fields.scratch.len())) {
        (Ok(start), Ok(end)) => Ok(Slot::Scratch { start, end }),
        _ => Err(FormatError { code: "record_too_long", text: "longer than 4 GiB".into(), at: None }),
    }
}

#[cfg(test)]
mod tests;

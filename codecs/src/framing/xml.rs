//! XML cut into records: the elements of declared names, each with the attributes of the statement around it.
//!
//! What IBKR Flex and its kin send: a root, statements in it (one per account and period), and in each statement elements whose
//! attributes are the data. No document type is accepted and no entity but the five of XML itself is known, so nothing expands.
//!
//! Where a tag is broken, too long or too deep, what follows is refused up to the next tag of a record or a statement.
mod lex;

use super::place::Place;
use super::steps::{Cursor, Stepwise, Went, frame};
use lex::{Found, Kind, Lex};
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use record::{Context, Framed, Framer, FramingError};
use std::sync::Arc;

/// How deeply a record may nest.
pub const DEPTH_LIMIT: u32 = 64;

/// The names that matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlNames {
    /// The element around records, whose attributes they share.
    pub statement: Box<str>,
    /// The elements that are records.
    pub records: Vec<Box<str>>,
    /// The element around the statements, whose attribute `count` says how many there are.
    pub counted: Box<str>,
}

impl XmlNames {
    /// IBKR Flex, with the sections to read, such as `ChangeInNAV`.
    pub fn flex<S: AsRef<str>>(sections: &[S]) -> Self {
        XmlNames {
            statement: "FlexStatement".into(),
            records: sections.iter().map(|s| s.as_ref().into()).collect(),
            counted: "FlexStatements".into(),
        }
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        [&*self.statement, &*self.counted].into_iter().chain(self.records.iter().map(|r| &**r))
    }
}

/// The attributes of the statement a record stands in, unescaped; none if it stands in no statement.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct XmlContext {
    pub attributes: Vec<(Box<str>, Box<str>)>,
}

impl XmlContext {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| **known == *name).map(|(_, value)| &**value)
    }
}

/// Cuts XML into records. It has to be fed from a feed's first byte.
pub struct XmlFramer {
    names: XmlNames,
    limit: usize,
    place: Place,
    statement: Context,
    /// The root's name, while it is open.
    root: Option<Box<[u8]>>,
    state: State,
    /// Bytes after the first one not done with that were looked at before.
    scanned: usize,
    declared: Option<u64>,
    statements: u64,
    /// Whether an element that is known has come; `None` before the first element at all.
    found: Option<bool>,
}

enum State {
    /// Between tags. In a record, how many of its elements are open.
    Text {
        open: u32,
    },
    /// In a tag or the like that began so many bytes after the first byte not done with.
    Markup {
        open: u32,
        start: usize,
        lex: Lex,
    },
    Lost(Box<FramingError>),
}

impl XmlFramer {
    pub fn new(names: XmlNames, limit: usize) -> Self {
        XmlFramer {
            names,
            limit,
            place: Place::default(),
            statement: Arc::new(XmlContext::default()),
            root: None,
            state: State::Text { open: 0 },
            scanned: 0,
            declared: None,
            statements: 0,
            found: None,
        }
    }

    /// The control count: statements the feed declares, if it does, and statements begun so far.
    pub fn control_count(&self) -> (Option<u64>, u64) {
        (self.declared, self.statements)
    }

    /// Passes over text to the next tag.
    fn text(&mut self, open: u32, at: &mut Cursor) -> Went {
        let found = memchr::memchr(b'<', &at.input[at.scan..]);
        let passed = &at.input[at.scan..found.map_or(at.input.len(), |n| at.scan + n)];
        if open == 0
            && self.root.is_none()
            && let Some(n) = passed.iter().position(|b| !is_blank(*b))
        {
            at.base = at.scan + n;
            return self.lose("xml_syntax", "this is no XML: text outside of every element".into(), at);
        }
        at.scan = found.map_or(at.input.len(), |n| at.scan + n);
        if open == 0 {
            at.base = at.scan;
        }
        if at.scan - at.base > self.limit {
            return self.too_long(at);
        }
        if found.is_none() {
            self.state = State::Text { open };
            return Went::Wait;
        }
        self.state = State::Markup { open, start: at.scan - at.base, lex: Lex::default() };
        Went::On
    }

    fn too_long(&mut self, at: &mut Cursor) -> Went {
        let text = format!("a record of more than {} bytes", self.limit);
        self.lose("record_too_long", text, at)
    }

    fn markup(&mut self, open: u32, start: usize, mut lex: Lex, at: &mut Cursor, out: &mut Framed) -> Went {
        let bytes = &at.input[at.base + start..];
        let found = lex.run(bytes);
        at.scan = at.base + start + lex.at;
        match found {
            _ if at.scan - at.base > self.limit => self.too_long(at),
            Found::More => {
                self.state = State::Markup { open, start, lex };
                Went::Wait
            }
            Found::Broken => self.lose("xml_syntax", "a tag is broken: a `<` in it".into(), at),
            Found::End(kind) => match std::str::from_utf8(&bytes[..lex.at]) {
                Ok(tag) if matches!(kind, Kind::Open | Kind::Close) => self.tag(kind, tag, open, at, out),
                Err(_) if matches!(kind, Kind::Open | Kind::Close) => {
                    self.lose("encoding", "a tag is not UTF-8".into(), at)
                }
                _ => self.other(kind, open, at, out),
            },
        }
    }

    /// A comment, CDATA, an instruction, or a document type.
    fn other(&mut self, kind: Kind, open: u32, at: &mut Cursor, out: &mut Framed) -> Went {
        if kind == Kind::Declaration {
            let text =
                "a document type is not accepted: it could define entities that expand without end".into();
            if open > 0 {
                return self.lose("xml_doctype", text, at);
            }
            out.refused.push(self.place.refuse(at.input, (at.base, at.scan), "xml_doctype", text));
        }
        self.state = State::Text { open };
        if open == 0 {
            at.base = at.scan;
        }
        Went::On
    }

    fn tag(&mut self, kind: Kind, tag: &str, open: u32, at: &mut Cursor, out: &mut Framed) -> Went {
        let alone = tag.ends_with("/>");
        let known = self.names.all().any(|name| name == name_of(tag));
        self.found = Some(known || self.found == Some(true));
        let depth = match (open, kind) {
            (0, Kind::Close) => return self.close(tag, at),
            (0, _) if !self.is_record(tag) => return self.open(tag, alone, at),
            (_, Kind::Close) => open - 1,
            (_, _) if alone => open,
            (_, _) => open + 1,
        };
        if depth > DEPTH_LIMIT {
            return self.lose("xml_depth", format!("a record nests deeper than {DEPTH_LIMIT} elements"), at);
        }
        if depth > 0 {
            self.state = State::Text { open: depth };
            return Went::On;
        }
        if !self.place.emit(at.input, (at.base, at.scan), Some(&self.statement), out) {
            at.scan = at.base;
            return Went::Full;
        }
        at.base = at.scan;
        Went::On
    }

    fn is_record(&self, tag: &str) -> bool {
        let name = name_of(tag);
        self.names.records.iter().any(|r| **r == *name)
    }

    /// An element that is no record begins.
    fn open(&mut self, tag: &str, alone: bool, at: &mut Cursor) -> Went {
        let name = name_of(tag);
        if *name == *self.names.statement || *name == *self.names.counted {
            let context = match context(tag) {
                Ok(context) => context,
                Err(why) => return self.lose("xml_syntax", why, at),
            };
            if *name == *self.names.counted {
                self.declared = context.get("count").and_then(|n| n.parse().ok()).or(self.declared);
            } else {
                self.statements += 1;
                self.statement = Arc::new(if alone { XmlContext::default() } else { context });
            }
        }
        if self.root.is_none() && !alone {
            self.root = Some(name.as_bytes().into());
        }
        at.base = at.scan;
        Went::On
    }

    /// An element that is no record ends.
    fn close(&mut self, tag: &str, at: &mut Cursor) -> Went {
        let name = name_of(tag);
        if *name == *self.names.statement {
            self.statement = Arc::new(XmlContext::default());
        }
        match &self.root {
            None => return self.lose("xml_syntax", format!("`</{name}>` closes nothing"), at),
            Some(root) if **root == *name.as_bytes() => self.root = None,
            Some(_) => {}
        }
        at.base = at.scan;
        Went::On
    }

    /// What begins at the first byte not done with is refused, up to a tag that is known.
    fn lose(&mut self, code: &'static str, text: String, at: &mut Cursor) -> Went {
        // Past its `<` at least, so that the same tag is not found again.
        let end = (at.base + 1).min(at.input.len());
        let error = self.place.refuse(at.input, (at.base, end), code, text);
        at.done(end);
        self.state = State::Lost(Box::new(error));
        Went::On
    }

    fn lost(&mut self, mut error: Box<FramingError>, at: &mut Cursor, last: bool, out: &mut Framed) -> Went {
        let rest = &at.input[at.base..];
        let longest = self.names.all().map(str::len).max().unwrap_or(0);
        let mut tags = memchr::memchr_iter(b'<', rest);
        let found = tags.find(|n| (!last && rest.len() - n < longest + 3) || self.is_known(&rest[n + 1..]));
        let end = at.base + found.unwrap_or(rest.len());
        self.place.refuse_more(&mut error, at.input, (at.base, end));
        at.done(end);
        if found.is_none() || !self.is_known(&at.input[end + 1..]) {
            self.state = State::Lost(error);
            return Went::Wait;
        }
        out.refused.push(*error);
        Went::On
    }

    /// Whether this, after a `<`, is the tag of a record or a statement, or the root's end.
    fn is_known(&self, rest: &[u8]) -> bool {
        let begins = |text: &[u8], name: &[u8]| {
            text.strip_prefix(name)
                .and_then(<[u8]>::first)
                .is_some_and(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>'))
        };
        match rest.strip_prefix(b"/") {
            Some(end) => {
                begins(end, self.names.statement.as_bytes())
                    || self.root.as_ref().is_some_and(|root| begins(end, root))
            }
            None => self.names.all().any(|name| begins(rest, name.as_bytes())),
        }
    }
}

impl Stepwise for XmlFramer {
    fn standing(&mut self) -> (&mut Place, &mut usize) {
        (&mut self.place, &mut self.scanned)
    }

    fn step(&mut self, at: &mut Cursor, last: bool, out: &mut Framed) -> Went {
        match std::mem::replace(&mut self.state, State::Text { open: 0 }) {
            State::Text { open } => self.text(open, at),
            State::Markup { open, start, lex } => self.markup(open, start, lex, at, out),
            State::Lost(error) => self.lost(error, at, last, out),
        }
    }

    fn finish(&mut self, at: &mut Cursor, out: &mut Framed) {
        let rest = (at.base, at.input.len());
        let state = std::mem::replace(&mut self.state, State::Text { open: 0 });
        if let State::Lost(mut error) = state {
            self.place.refuse_more(&mut error, at.input, rest);
            out.refused.push(*error);
        } else if self.root.is_some() || !matches!(state, State::Text { open: 0 }) {
            let text = "the feed ends before its last element does: it was cut short".into();
            out.refused.push(self.place.refuse(at.input, rest, "truncated", text));
        } else if self.found.take() == Some(false) {
            let text =
                format!("the feed has no `<{}>` and no element that the mapping reads", self.names.counted);
            out.refused.push(self.place.refuse(at.input, rest, "xml_shape", text));
        }
        self.root = None;
        at.done(rest.1);
    }
}

impl Framer for XmlFramer {
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        frame(self, input, last, out)
    }

    fn record_limit(&self) -> usize {
        self.limit
    }
}

/// White space, or a byte-order mark.
fn is_blank(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, 0xEF | 0xBB | 0xBF)
}

/// The name in a tag, opening or closing.
fn name_of(tag: &str) -> &str {
    let inner = tag.trim_start_matches('<').trim_start_matches('/');
    let end = inner.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'));
    &inner[..end.unwrap_or(inner.len())]
}

/// A start tag for its attributes: `<Name a="1" b='2'/>` or `<Name a="1">`.
pub(crate) fn start_tag(tag: &str) -> BytesStart<'_> {
    let inner = tag.strip_prefix('<').unwrap_or(tag);
    let inner = inner.strip_suffix("/>").or_else(|| inner.strip_suffix('>')).unwrap_or(inner);
    BytesStart::from_content(inner, name_of(tag).len())
}

/// The attributes of a statement.
fn context(tag: &str) -> Result<XmlContext, String> {
    let mut attributes = Vec::new();
    for attribute in start_tag(tag).attributes() {
        let attribute = attribute.map_err(|e| format!("an attribute of the statement is broken: {e}"))?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|e| format!("an attribute of the statement is broken: {e}"))?;
        attributes.push((attribute.key.0.into(), (*value).into()));
    }
    Ok(XmlContext { attributes })
}

#[cfg(test)]
mod tests;

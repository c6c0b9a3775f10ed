//! A feed cut into messages for a stream: each can be read alone, and says exactly what its records say in the feed.
//!
//! # Layout
//! - [`MessageCutter`]: takes a feed piece by piece, and gives messages.
//! - `lines`: the lines that have to stand before a row, so that it is read as in its feed.
//! - `document`: the same for an element of a JSON document.
//! - `held`: the bytes that are not done with; `alone`: a message read alone.
//! - `key`: whose record it is, which is the message's key.
//!
//! # What goes, and what does not
//! - Every record goes: also one that will be left out by the mapping, and one that will be quarantined.
//! - Lines that are no rows (headings, headers, section marks) go in front of the rows that need them, and nowhere else; footers and
//!   tables that nobody reads stay behind. A feed without a row goes as it is.
//! - A feed that declares its end (a control count, a total, a trailer, XML) is one message, or none: nobody could tell from a part of it
//!   whether all has come.
//!
//! Consecutive records of one account share a message up to [`Limits::group`]. Memory is bounded by [`Limits::message`].
mod alone;
mod document;
mod held;
mod key;
mod lines;

use crate::framing::AnyFramer;
use crate::layout::Layout;
use alone::{context, framed_alone, rows};
use document::Document;
use held::Held;
use key::Keys;
use lines::Before;
use record::{Context, Framed, Framer, FramingError, RawRecord};
use std::sync::Arc;

/// How large messages may be, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, its key included.
    pub message: usize,
    /// Up to here consecutive records of one account share a message.
    pub group: usize,
}

impl Default for Limits {
    /// The longest record that Kinesis takes unless a stream is set otherwise.
    fn default() -> Self {
        Limits { message: 1 << 20, group: 16 << 10 }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The account as its vendor sends it; of records that name none, and of a delivery of many accounts, the layout's name.
    pub key: String,
    pub payload: Vec<u8>,
    /// Records in it, those that will be quarantined included.
    pub records: u64,
}

/// Why a feed cannot go as messages. Messages that were given before are whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    #[error(
        "line {line}: with what has to stand before it the record is longer than a message of {limit} bytes"
    )]
    RecordTooLong { line: u64, limit: usize },
    #[error(
        "it is longer than a message of {limit} bytes, and {layout} declares what a whole feed holds, so that it cannot be cut"
    )]
    FeedTooLong { limit: usize, layout: String },
    #[error(
        "it is longer than a message of {limit} bytes, and no record was found in it: {layout} is not its layout"
    )]
    NoRecord { limit: usize, layout: String },
    #[error("line {line}: {text}")]
    Uncut { line: u64, text: String },
}

/// Cuts one feed into messages, from its first byte on.
pub struct MessageCutter {
    layout: Arc<Layout>,
    limits: Limits,
    keys: Keys,
    way: Way,
    framer: AnyFramer,
    /// What of the feed is still needed: from the end of the last record on.
    held: Held,
    /// How the feed begins, until its first record has come.
    head: Option<Vec<u8>>,
    group: Option<Group>,
}

/// How messages are made.
enum Way {
    Whole,
    Lines(Before),
    Document(Document),
}

/// Records of one account, on their way into a message.
struct Group {
    key: String,
    records: Vec<Vec<u8>>,
    bytes: usize,
}

impl Layout {
    /// A cutter at the start of a feed.
    ///
    /// ```
    /// use codecs::{Layout, message::Limits};
    /// let mapping = r#"
    /// name = "harbor"
    /// version = 1
    /// [format]
    /// type = "delimited"
    /// [[observation]]
    /// kind = "summary"
    /// account = "Account"
    /// as_of = "Date"
    /// end = "Value"
    /// "#;
    /// let layout = std::sync::Arc::new(Layout::compile(mapping, "mapping.toml").unwrap());
    /// let mut messages = Vec::new();
    /// let feed = b"Account,Date,Value\nA-1,2025-01-06,10\nA-2,2025-01-06,20\n";
    /// layout.messages(Limits::default()).push(feed, true, &mut messages).unwrap();
    /// assert_eq!(messages[1].key, "A-2");
    /// assert_eq!(messages[1].payload, b"Account,Date,Value\nA-2,2025-01-06,20");
    /// ```
    pub fn messages(self: &Arc<Self>, limits: Limits) -> MessageCutter {
        let way = match self.json_path() {
            _ if self.is_controlled() => Way::Whole,
            Some(path) => Way::Document(Document::new(path)),
            None => Way::Lines(Before::new(self)),
        };
        MessageCutter {
            layout: self.clone(),
            limits,
            keys: Keys::new(self),
            way,
            framer: self.plain_framer(),
            held: Held::default(),
            head: Some(Vec::new()),
            group: None,
        }
    }
}

impl MessageCutter {
    /// The next bytes of the feed, unpacked; `last` with its last. Messages are put behind what `out` holds.
    ///
    /// # Errors
    /// What does not fit into a message, or cannot stand alone. The feed is not cut any further then.
    pub fn push(&mut self, piece: &[u8], last: bool, out: &mut Vec<Message>) -> Result<(), MessageError> {
        self.note_head(piece);
        if matches!(self.way, Way::Whole) {
            return if last { self.whole(out) } else { self.fits_whole() };
        }
        self.held.bytes.extend_from_slice(piece);
        loop {
            let mut framed = Framed::default();
            let used = self.framer.frame(&self.held.bytes[self.held.framed..], last, &mut framed);
            self.held.framed += used;
            self.take_all(&mut framed, out)?;
            self.held.forget(self.limits.message);
            if used == 0 || self.held.framed == self.held.bytes.len() {
                break;
            }
        }
        if !last {
            return Ok(());
        }
        self.close(out);
        if self.head.is_some() { self.whole(out) } else { Ok(()) }
    }

    /// Until a record has come it is not known whether the feed has one.
    fn note_head(&mut self, piece: &[u8]) {
        if let Some(head) = &mut self.head {
            let room = (self.limits.message + 1).saturating_sub(head.len());
            head.extend_from_slice(&piece[..piece.len().min(room)]);
        }
    }

    /// All of the feed as one message.
    fn whole(&mut self, out: &mut Vec<Message>) -> Result<(), MessageError> {
        self.fits_whole()?;
        let Some(payload) = self.head.take().filter(|bytes| !bytes.is_empty()) else { return Ok(()) };
        let framed = framed_alone(&self.layout, &payload);
        let mut accounts: Vec<Option<String>> = rows(&framed)
            .map(|r| {
                self.keys.account(&framed.payload[r.start as usize..r.end as usize], context(&framed, r))
            })
            .collect();
        let records = (accounts.len() + framed.refused.len()) as u64;
        accounts.dedup();
        let only = if accounts.len() == 1 { accounts.pop().flatten() } else { None };
        out.push(Message { key: only.unwrap_or_else(|| self.layout.name().to_owned()), payload, records });
        Ok(())
    }

    fn fits_whole(&self) -> Result<(), MessageError> {
        let (limit, layout) = (self.limits.message, self.layout.name().to_owned());
        let length = self.head.as_ref().map_or(0, Vec::len) + KEY_ROOM;
        match self.way {
            _ if length <= limit => Ok(()),
            Way::Whole => Err(MessageError::FeedTooLong { limit, layout }),
            _ => Err(MessageError::NoRecord { limit, layout }),
        }
    }

    /// Records and refused pieces in their order.
    fn take_all(&mut self, framed: &mut Framed, out: &mut Vec<Message>) -> Result<(), MessageError> {
        let mut refused = std::mem::take(&mut framed.refused);
        refused.sort_by_key(|error| error.position);
        let mut refused = refused.into_iter().peekable();
        for record in &framed.records {
            while let Some(error) = refused.next_if(|error| error.position <= record.position) {
                self.take_refused(&error, out)?;
            }
            let bytes = &framed.payload[record.start as usize..record.end as usize];
            self.take(bytes, context(framed, record), record, out)?;
            self.held.done(record.position.offset());
        }
        for error in refused {
            self.take_refused(&error, out)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        bytes: &[u8],
        context: Option<&Context>,
        record: &RawRecord,
        out: &mut Vec<Message>,
    ) -> Result<(), MessageError> {
        let line = record.position.sub;
        if matches!(&self.way, Way::Lines(before) if before.is_new(context))
            || matches!(&self.way, Way::Document(document) if document.is_new(context))
        {
            self.close(out);
        }
        match &mut self.way {
            Way::Lines(before) => {
                let head = self.head.as_deref().unwrap_or_default();
                if !before.take(&self.layout, bytes, context, head).map_err(|text| uncut(line, text))? {
                    return Ok(());
                }
            }
            Way::Document(document) => {
                document.take(&self.layout, bytes, context).map_err(|text| uncut(line, text))?
            }
            Way::Whole => return Ok(()),
        }
        self.head = None;
        let key = self.keys.account(bytes, context).unwrap_or_else(|| self.layout.name().to_owned());
        self.gather(key, bytes, line, out)
    }

    fn gather(
        &mut self,
        key: String,
        bytes: &[u8],
        line: u64,
        out: &mut Vec<Message>,
    ) -> Result<(), MessageError> {
        let around = self.way.around() + key.len();
        if around + bytes.len() + BETWEEN > self.limits.message {
            return Err(MessageError::RecordTooLong { line, limit: self.limits.message });
        }
        let room = self.limits.group.min(self.limits.message);
        let takes = |g: &Group| g.key == key && around + g.bytes + bytes.len() + BETWEEN <= room;
        if !self.group.as_ref().is_some_and(takes) {
            self.close(out);
        }
        let group = self.group.get_or_insert_with(|| Group { key, records: Vec::new(), bytes: 0 });
        group.bytes += bytes.len() + BETWEEN;
        group.records.push(bytes.to_vec());
        Ok(())
    }

    fn close(&mut self, out: &mut Vec<Message>) {
        let Some(Group { key, records, .. }) = self.group.take() else { return };
        let payload = self.way.message(&records);
        out.push(Message { key, payload, records: records.len() as u64 });
    }

    /// A piece that is no record goes alone, so that it does no harm to others, in the form in which it is refused again.
    fn take_refused(&mut self, error: &FramingError, out: &mut Vec<Message>) -> Result<(), MessageError> {
        let line = error.position.sub;
        let end = error.position.offset();
        // What the feed as a whole lacks is told of it as a whole.
        if error.length == 0 && self.head.is_some() {
            return Ok(());
        }
        self.close(out);
        let raw = match self.held.raw(error, end, matches!(self.way, Way::Lines(_))) {
            Some(raw) if raw.len() + KEY_ROOM <= self.limits.message => raw,
            _ => return Err(MessageError::RecordTooLong { line, limit: self.limits.message }),
        };
        self.held.done(end);
        if error.length == 0 {
            return Ok(());
        }
        let payload = self.refused_again(error, raw).ok_or_else(|| {
            uncut(line, format!("it is damaged ({}), and the damage cannot be sent alone", error.text))
        })?;
        self.head = None;
        out.push(Message { key: self.layout.name().to_owned(), payload, records: 1 });
        Ok(())
    }

    /// The form in which a piece is refused for the same reason; else one in which it is refused at all, and gives nothing.
    fn refused_again(&mut self, error: &FramingError, raw: Vec<u8>) -> Option<Vec<u8>> {
        let mut forms = vec![self.way.message(std::slice::from_ref(&raw)), raw];
        let seen: Vec<Framed> = forms.iter().map(|form| framed_alone(&self.layout, form)).collect();
        let has_rows = |f: &Framed| rows(f).next().is_some();
        let is_same = |f: &Framed| !has_rows(f) && f.refused.len() == 1 && f.refused[0].code == error.code;
        let keys = &mut self.keys;
        let mut gives_nothing = |f: &Framed| {
            let bytes = |r: &RawRecord| &f.payload[r.start as usize..r.end as usize];
            (has_rows(f) || !f.refused.is_empty()) && !rows(f).any(|r| keys.can_read(bytes(r), context(f, r)))
        };
        let found = seen.iter().position(is_same).or_else(|| seen.iter().position(&mut gives_nothing))?;
        Some(forms.swap_remove(found)).filter(|form| form.len() + KEY_ROOM <= self.limits.message)
    }
}

/// Room for a key that is a layout's name or an account.
const KEY_ROOM: usize = 64;
/// Room for what stands between two records.
const BETWEEN: usize = 3;

impl Way {
    /// Bytes around the records of a message.
    fn around(&self) -> usize {
        match self {
            Way::Whole => 0,
            Way::Lines(before) => before.bytes(),
            Way::Document(document) => document.bytes(),
        }
    }

    fn message(&self, records: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Way::Whole => records.concat(),
            Way::Lines(before) => before.message(records),
            Way::Document(document) => document.message(records),
        }
    }
}

fn uncut(line: u64, text: String) -> MessageError {
    MessageError::Uncut { line, text }
}

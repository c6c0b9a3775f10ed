//! Records that are lines. What a line is (heading, data, total) is decided by [`LineRules`], which a layout supplies.
use crate::format::offset;
use memchr::{memchr, memchr_iter};
use record::{Context, Framed, Framer, FramingError, Position, RawRecord};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How much of a refused record is kept.
pub const KEPT_OF_REFUSED: usize = 64 * 1024;

/// What a line is, and what stands before it and is needed to read it.
#[derive(Debug, Default)]
pub struct LineContext {
    pub role: Role,
    /// The section the line stands in, as a number of the layout's record types.
    pub section: Option<u16>,
    pub columns: Option<Arc<crate::format::delimited::Columns>>,
    /// Values of earlier lines, by selector.
    pub carried: Vec<(u16, Box<[u8]>)>,
}

/// What a line is for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Role {
    #[default]
    Data,
    /// Names the columns of the rows after it.
    Header,
    /// Left out and counted under this class.
    Leave(Arc<str>),
}

impl Role {
    /// The class a line is counted under if it is no row.
    pub fn class(&self) -> Option<&str> {
        match self {
            Role::Data => None,
            Role::Header => Some("header"),
            Role::Leave(class) => Some(class),
        }
    }
}

/// Tells lines apart. Sees every line, in order.
pub trait LineRules: Send {
    /// What the line stands under; `None` for a line that is no record at all, such as an empty one.
    fn classify(&mut self, line: &[u8]) -> Option<&Context>;

    /// Whether records may go on over several lines, so that the line after one has to be seen.
    fn has_parts(&self) -> bool {
        false
    }

    /// Whether a line goes on with the record before it.
    fn is_part(&self, _line: &[u8]) -> bool {
        false
    }

    /// Whether a record that begins with this line may go on over the next.
    fn may_go_on(&self, _line: &[u8]) -> bool {
        true
    }

    /// Whether a line begins another feed, by being such as can only be the first, and like the `first` of this one.
    fn begins_another(&self, _first: &[u8], _line: &[u8]) -> bool {
        false
    }

    /// What was learned from the lines up to now, and new rules that have [`LineRules::learn`]ed it tell the next lines apart as these do.
    fn learned(&self) -> Learned;
    fn learn(&mut self, learned: Learned);

    /// Whether every line from here on is a row under what is known now, whatever the lines between say.
    fn only_rows(&self) -> bool {
        false
    }

    /// Ready for another feed, as new rules are; false if only new ones will do.
    fn restart(&mut self) -> bool {
        false
    }

    /// Asked when the feed is over: if no line was the header it must have, what was looked for.
    fn missing_header(&self) -> Option<String> {
        None
    }
}

/// What lines tell of those after them, to be kept until those come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learned {
    /// Values of earlier lines, by selector.
    pub carried: Vec<(u16, Box<[u8]>)>,
    /// The rest is of delimited feeds: lines so far, as far as they matter, whether a header or a section has come, and which section it is.
    pub seen: usize,
    pub begun: bool,
    pub section: Option<String>,
    /// What the header before the next line says, if one does.
    pub columns: Option<Vec<String>>,
    pub state: super::delimited::State,
}

/// A framer of lines between two of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLines {
    offset: u64,
    line: u64,
    learned: Learned,
}

impl KeptLines {
    /// Values of earlier lines, by selector.
    pub fn carried(&self) -> &[(u16, Box<[u8]>)] {
        &self.learned.carried
    }
}

/// Cuts at line ends (LF or CRLF); a record that goes on over several lines is all of them. A UTF-8 mark at the very start is left out.
///
/// A carriage return alone is no line end, since it may stand inside a text. Where the first line has one, the feed is most likely
/// one line of a file with old Mac line ends, and that line is refused.
pub struct LineFramer {
    rules: Box<dyn LineRules>,
    limit: usize,
    /// A quoted field may hold line ends: the quote, and what must stand before an opening one.
    quoted: Option<(u8, u8)>,
    offset: u64,
    line: u64,
    skipping: Option<Skipped>,
    /// What the feed lacks was told.
    told: bool,
}

/// A line longer than the limit, on its way to its end.
struct Skipped {
    raw: Vec<u8>,
    length: u64,
    /// Its last byte so far is a carriage return, which belongs to a line end.
    returns: bool,
}

impl LineFramer {
    pub fn new(rules: Box<dyn LineRules>, limit: usize, quoted: Option<(u8, u8)>) -> Self {
        LineFramer { rules, limit, quoted, offset: 0, line: 0, skipping: None, told: false }
    }

    /// How it stands; only between two lines, and not inside of one that is too long.
    pub fn keep(&self) -> KeptLines {
        KeptLines { offset: self.offset, line: self.line, learned: self.rules.learned() }
    }

    /// A new framer goes on where another stood.
    pub fn resume(&mut self, kept: KeptLines) {
        (self.offset, self.line) = (kept.offset, kept.line);
        self.rules.learn(kept.learned);
    }

    pub fn begins_another(&self, first: &[u8], line: &[u8]) -> bool {
        self.rules.begins_another(first, line)
    }

    /// Where the line at the start of `input` ends (its LF), if it does.
    fn line_end(&self, input: &[u8]) -> Option<usize> {
        let Some((quote, delimiter)) = self.quoted else { return memchr(b'\n', input) };
        let (mut inside, mut checked) = (false, 0);
        for end in memchr_iter(b'\n', input) {
            inside = ends_inside_quotes(&input[checked..end], quote, delimiter, inside);
            if !inside {
                return Some(end);
            }
            checked = end + 1;
        }
        None
    }

    /// Where the record at the start of `input` ends (the LF of its last line). Where a line may go on with it, that is seen by the
    /// line after it only. `None`: more input is needed, and with `last` the record is all of it.
    fn record_end(&self, input: &[u8], last: bool) -> Option<usize> {
        let mut end = self.line_end(input)?;
        // An empty line is no record, so that nothing goes on with it.
        let is_alone = matches!(&input[..end], b"" | b"\r") || !self.rules.may_go_on(&input[..end]);
        if !self.rules.has_parts() || is_alone {
            return Some(end);
        }
        while end <= self.limit {
            let next = &input[end + 1..];
            let length = self.line_end(next);
            if length.is_none() && !last && next.len() <= self.limit {
                return None;
            }
            let line = &next[..length.unwrap_or(next.len())];
            if !self.rules.is_part(line) {
                break;
            }
            end += 1 + length?;
        }
        Some(end)
    }

    /// Takes one record, its line end left out.
    fn take(&mut self, line: &[u8], out: &mut Framed) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > self.limit || self.is_of_old_mac(line) {
            let kept = line[..line.len().min(KEPT_OF_REFUSED)].to_vec();
            return self.refuse(kept, line.len() as u64, out);
        }
        let Some(context) = self.rules.classify(line) else { return };
        let start = offset(out.payload.len());
        out.payload.extend_from_slice(line);
        out.records.push(RawRecord {
            start,
            end: offset(out.payload.len()),
            position: Position::in_file(self.offset, self.line, 0),
            context: context_number(&mut out.contexts, context),
            message: 0,
        });
    }

    fn is_of_old_mac(&self, line: &[u8]) -> bool {
        self.line == 1 && has_bare_return(line)
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, raw: Vec<u8>, length: u64, out: &mut Framed) {
        let (code, text) = if self.is_of_old_mac(&raw) {
            // It is reason enough: that no header came after it needs not be told as well.
            self.told = true;
            let text = "a carriage return stands alone in the first line, as in files with old Mac line ends: \
                        save the file with LF or CRLF";
            ("line_ends", text.to_owned())
        } else {
            ("record_too_long", format!("a line of {length} bytes; the layout allows {}", self.limit))
        };
        let position = Position::in_file(self.offset, self.line, 0);
        out.refused.push(FramingError { position, code, text, raw, length });
    }

    /// Goes on through a line that is too long; returns the bytes done with.
    fn skip(&mut self, mut skipped: Skipped, input: &[u8], last: bool, out: &mut Framed) -> usize {
        let end = memchr(b'\n', input);
        let piece = &input[..end.unwrap_or(input.len())];
        let room = KEPT_OF_REFUSED.saturating_sub(skipped.raw.len());
        skipped.raw.extend_from_slice(&piece[..piece.len().min(room)]);
        skipped.length += piece.len() as u64;
        skipped.returns = piece.last().map_or(skipped.returns, |b| *b == b'\r');
        let used = end.map_or(input.len(), |n| n + 1);
        self.offset += used as u64;
        if end.is_some() || last {
            self.refuse_skipped(skipped, out);
        } else {
            self.skipping = Some(skipped);
        }
        used
    }

    /// A line that was skipped has ended.
    fn refuse_skipped(&mut self, skipped: Skipped, out: &mut Framed) {
        let Skipped { mut raw, length, returns } = skipped;
        let length = length - u64::from(returns);
        raw.truncate(usize::try_from(length).unwrap_or(usize::MAX));
        self.line += 1;
        self.refuse(raw, length, out);
    }

    fn has_room(out: &Framed) -> bool {
        out.contexts.len() < usize::from(u16::MAX) && out.payload.len() < (u32::MAX / 2) as usize
    }
}

/// Whether a carriage return stands in a line without the line feed that belongs to it. Any number may end the line.
#[cold]
#[inline(never)]
fn has_bare_return(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    memchr_iter(b'\r', line).any(|n| !matches!(line.get(n + 1), Some(b'\r' | b'\n')))
}

/// Whether a quoted field is open at the end of a piece. A quote opens only where a field begins.
fn ends_inside_quotes(piece: &[u8], quote: u8, delimiter: u8, mut inside: bool) -> bool {
    let mut at = 0;
    while let Some(n) = memchr(quote, &piece[at..]) {
        let place = at + n;
        at = place + 1;
        if inside {
            // A doubled quote stands for one.
            if piece.get(at) == Some(&quote) {
                at += 1;
            } else {
                inside = false;
            }
        } else {
            inside = place == 0 || piece[place - 1] == delimiter;
        }
    }
    inside
}

/// The number of a context in a batch; noted if new. Only the latest few are looked through: contexts come in runs.
fn context_number(contexts: &mut Vec<Context>, context: &Context) -> u16 {
    let recent = contexts.len().saturating_sub(8);
    let found = contexts[recent..].iter().rposition(|c| Arc::ptr_eq(c, context));
    let number = found.map_or(contexts.len(), |n| recent + n);
    if found.is_none() {
        contexts.push(context.clone());
    }
    // There is room: a batch ends before it has as many contexts as that.
    u16::try_from(number).unwrap_or(u16::MAX)
}

impl Framer for LineFramer {
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        let mut used = 0;
        if self.offset == 0 && input.starts_with(b"\xEF\xBB\xBF") {
            used = 3;
            self.offset = 3;
        } else if self.offset == 0 && !last && input.len() < 3 {
            return 0;
        }
        while used < input.len() && Self::has_room(out) {
            let rest = &input[used..];
            if let Some(skipped) = self.skipping.take() {
                used += self.skip(skipped, rest, last, out);
                continue;
            }
            let end = self.record_end(rest, last);
            if end.is_none() && rest.len() > self.limit && self.line_end(rest).is_none() {
                self.skipping = Some(Skipped { raw: Vec::new(), length: 0, returns: false });
                continue;
            }
            if end.is_none() && !last {
                break;
            }
            let length = end.unwrap_or(rest.len());
            let whole = end.map_or(length, |n| n + 1);
            self.offset += whole as u64;
            self.line += 1;
            self.take(&rest[..length], out);
            if self.quoted.is_some() || self.rules.has_parts() {
                // A record is of the line it begins on; the next one begins after all of its lines.
                self.line += memchr_iter(b'\n', &rest[..length]).count() as u64;
            }
            used += whole;
        }
        if last && used == input.len() {
            self.finish(out);
        }
        out.consumed += used as u64;
        used
    }

    /// A record on several lines says which it begins on, not which it ends on, so that the next one's line would not be known.
    fn skip_to(&mut self, at: Position) -> bool {
        let known = at.sub > 0 && at.item == 0 && self.skipping.is_none() && at.offset() >= self.offset;
        if !known || self.quoted.is_some() || self.rules.has_parts() || !self.rules.only_rows() {
            return false;
        }
        (self.offset, self.line) = (at.offset(), at.sub);
        true
    }

    fn record_limit(&self) -> usize {
        self.limit
    }

    fn restart(&mut self) -> bool {
        (self.offset, self.line, self.skipping, self.told) = (0, 0, None, false);
        self.rules.restart()
    }
}

impl LineFramer {
    /// The feed is over.
    fn finish(&mut self, out: &mut Framed) {
        // A line too long that ended with the feed: nothing more comes to skip.
        if let Some(skipped) = self.skipping.take() {
            self.refuse_skipped(skipped, out);
        }
        if std::mem::replace(&mut self.told, true) || self.offset == 0 {
            return;
        }
        if let Some(text) = self.rules.missing_header() {
            // Its place is behind that of the last line, which may be a record.
            let position = Position::in_file(self.offset, self.line.max(1), 1);
            let (raw, length) = (Vec::new(), 0);
            out.refused.push(FramingError { position, code: "missing_header", text, raw, length });
        }
    }
}

//! One pass over a JSON text: all of it is checked, what is selected is noted.
use super::plan::Node;
use crate::format::{Fields, FormatError, Slot, part_of_sum};
use crate::framing::json::DEPTH_LIMIT;

/// Reads one JSON text whole. With `copy`, values are copied, because the text is not the record.
pub(super) fn read(text: &[u8], node: &Node, copy: bool, fields: &mut Fields) -> Result<(), FormatError> {
    if let Err(e) = std::str::from_utf8(text) {
        let text = "the record is not UTF-8".into();
        return Err(FormatError { code: "encoding", text, at: u32::try_from(e.valid_up_to()).ok() });
    }
    if u32::try_from(text.len()).is_err() {
        return Err(FormatError { code: "record_too_long", text: "longer than 4 GiB".into(), at: None });
    }
    let mut reader = Reader { text, at: 0, depth: 0, copy, fields };
    reader.blanks();
    reader.value(Some(node))?;
    reader.blanks();
    if reader.at < text.len() {
        return reader.wrong("something follows the value");
    }
    Ok(())
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    depth: u32,
    copy: bool,
    fields: &'a mut Fields,
}

type Read<T = ()> = Result<T, FormatError>;

impl Reader<'_> {
    fn error(&self, code: &'static str, text: String) -> FormatError {
        FormatError { code, text, at: u32::try_from(self.at).ok() }
    }

    fn wrong<T>(&self, why: &str) -> Read<T> {
        Err(self.error("syntax", format!("this is no JSON at byte {}: {why}", self.at)))
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// A value at a place that selectors name (`Some`) or not.
    fn value(&mut self, node: Option<&Node>) -> Read {
        let start = self.at;
        match self.peek() {
            Some(b'{') => self.nested(node, Self::object),
            Some(b'[') => self.nested(node, Self::array),
            Some(b'"') => {
                let escaped = self.string()?;
                node.map_or(Ok(()), |node| self.found(node, (start + 1, self.at - 1), escaped))
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                node.map_or(Ok(()), |node| self.found(node, (start, self.at), false))
            }
            Some(b't') => self.word(b"true", node),
            Some(b'f') => self.word(b"false", node),
            Some(b'n') => self.word(b"null", None),
            _ => self.wrong("a value is missing"),
        }
    }

    fn nested(&mut self, node: Option<&Node>, read: fn(&mut Self, Option<&Node>) -> Read) -> Read {
        if node.is_some_and(|node| !node.ends.is_empty()) {
            let text = "a selected field is an object or an array, not a single value".into();
            return Err(self.error("not_scalar", text));
        }
        if self.depth == DEPTH_LIMIT {
            return Err(self.error("json_depth", format!("it nests deeper than {DEPTH_LIMIT} levels")));
        }
        self.depth += 1;
        self.at += 1;
        self.blanks();
        read(self, node)?;
        self.depth -= 1;
        Ok(())
    }

    fn object(&mut self, node: Option<&Node>) -> Read {
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let members = node.map_or(&[][..], |node| &node.members);
        let (mut seen, mut next) = (0u128, 0);
        loop {
            let start = self.at;
            if self.peek() != Some(b'"') {
                return self.wrong("a name in quotes is missing");
            }
            let escaped = self.string()?;
            let name = (start + 1, self.at - 1);
            let found = if members.is_empty() { None } else { self.find(members, next, name, escaped)? };
            if found.is_none() && !members.is_empty() && !self.copy {
                let place = std::ptr::from_ref(members).addr() as u64;
                let part = part_of_sum(place, &self.text[name.0..name.1]);
                self.fields.unread = self.fields.unread.wrapping_add(part);
            }
            if let Some(n) = found {
                if seen & 1 << n != 0 {
                    let text = format!("`{}` stands twice in one object", members[n].0);
                    return Err(self.error("duplicate_key", text));
                }
                seen |= 1 << n;
                next = n + 1;
            }
            self.blanks();
            if self.peek() != Some(b':') {
                return self.wrong("expected `:`");
            }
            self.at += 1;
            self.blanks();
            self.value(found.map(|n| &members[n].1))?;
            if self.is_closed(b'}')? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, node: Option<&Node>) -> Read {
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        let elements = node.map_or(&[][..], |node| &node.elements);
        for index in 0.. {
            let selected = elements.iter().find(|(n, _)| *n == index).map(|(_, node)| node);
            self.value(selected)?;
            if self.is_closed(b']')? {
                break;
            }
        }
        Ok(())
    }

    /// After an element: whether its container ends here; if not, the next one is waiting.
    fn is_closed(&mut self, end: u8) -> Read<bool> {
        self.blanks();
        match self.peek() {
            Some(b) if b == end => {
                self.at += 1;
                Ok(true)
            }
            Some(b',') => {
                self.at += 1;
                self.blanks();
                Ok(false)
            }
            _ => self.wrong("expected `,` or the end of the object or array"),
        }
    }

    /// Which selected member this name is. Vendors keep an order, so the one after the last found comes first.
    fn find(
        &mut self,
        members: &[(Box<str>, Node)],
        next: usize,
        span: (usize, usize),
        escaped: bool,
    ) -> Read<Option<usize>> {
        let among = |key: &[u8]| {
            let is = |n: &usize| members[*n].0.as_bytes() == key;
            (next..members.len()).find(is).or_else(|| (0..next).find(is))
        };
        if !escaped {
            return Ok(among(&self.text[span.0..span.1]));
        }
        let kept = self.fields.scratch.len();
        self.unescape(span)?;
        let found = among(&self.fields.scratch[kept..]);
        self.fields.scratch.truncate(kept);
        Ok(found)
    }

    /// Passes over a string, quotes included; says whether it has escapes.
    fn string(&mut self) -> Read<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            let rest = &self.text[self.at..];
            self.at += rest.iter().take_while(|b| !matches!(b, b'"' | b'\\' | 0..=0x1F)).count();
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return self.wrong("a control character in a string"),
                None => return self.wrong("a string has no end"),
            }
        }
    }

    fn escape(&mut self) -> Read {
        let long = match self.text.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u') if hex(self.text, self.at + 2).is_some() => 6,
            _ => return self.wrong("an unknown escape in a string"),
        };
        self.at += long;
        Ok(())
    }

    fn number(&mut self) -> Read {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Read {
        let count = self.text[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        if count == 0 {
            return self.wrong("a number needs a digit here");
        }
        self.at += count;
        Ok(())
    }

    fn word(&mut self, word: &[u8], node: Option<&Node>) -> Read {
        let start = self.at;
        if !self.text[start..].starts_with(word) {
            return self.wrong("expected true, false, null, a number, a string, an object or an array");
        }
        self.at += word.len();
        node.map_or(Ok(()), |node| self.found(node, (start, self.at), false))
    }

    /// Notes a value for the selectors that end here.
    fn found(&mut self, node: &Node, span: (usize, usize), escaped: bool) -> Read {
        if node.ends.is_empty() {
            return Ok(());
        }
        let slot = if escaped || self.copy {
            let start = self.fields.scratch.len();
            if escaped {
                self.unescape(span)?;
            } else {
                self.fields.scratch.extend_from_slice(&self.text[span.0..span.1]);
            }
            Slot::Scratch { start: short(start), end: short(self.fields.scratch.len()) }
        } else {
            Slot::Record { start: short(span.0), end: short(span.1) }
        };
        for selector in &node.ends {
            self.fields.slots[*selector] = slot;
        }
        Ok(())
    }

    /// Appends a string's text to the scratch. Its escapes are well formed; only their pairing is to be seen.
    fn unescape(&mut self, (start, end): (usize, usize)) -> Read {
        let mut rest = start;
        while let Some(n) = memchr::memchr(b'\\', &self.text[rest..end]) {
            let at = rest + n;
            self.fields.scratch.extend_from_slice(&self.text[rest..at]);
            let (letter, long) = match self.text[at + 1] {
                b'b' => ('\u{8}', 2),
                b'f' => ('\u{c}', 2),
                b'n' => ('\n', 2),
                b'r' => ('\r', 2),
                b't' => ('\t', 2),
                b'u' => match scalar(&self.text[..end], at) {
                    Some(found) => found,
                    None => return self.wrong("half a surrogate pair in a string"),
                },
                other => (char::from(other), 2),
            };
            let mut utf8 = [0; 4];
            self.fields.scratch.extend_from_slice(letter.encode_utf8(&mut utf8).as_bytes());
            rest = at + long;
        }
        self.fields.scratch.extend_from_slice(&self.text[rest..end]);
        Ok(())
    }
}

/// A place in a text that is known to be no longer than 4 GiB.
fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Four hexadecimal digits.
fn hex(text: &[u8], at: usize) -> Option<u32> {
    text.get(at..at + 4)?.iter().try_fold(0, |n, b| Some(n * 16 + char::from(*b).to_digit(16)?))
}

/// The character a `\u` escape at `at` stands for, with the second half of a surrogate pair where there is one, and its length.
fn scalar(text: &[u8], at: usize) -> Option<(char, usize)> {
    let first = hex(text, at + 2)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    if !(0xD800..0xDC00).contains(&first) || text.get(at + 6..at + 8)? != b"\\u" {
        return None;
    }
    let second = hex(text, at + 8).filter(|n| (0xDC00..0xE000).contains(n))?;
    char::from_u32(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00)).map(|c| (c, 12))
}

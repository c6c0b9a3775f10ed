//! Where a value ends. Looks at brackets and quotes only, and at each byte once.
use super::DEPTH_LIMIT;

/// Finds the end of one value, from its first byte on.
#[derive(Clone, Copy, Default)]
pub(super) struct Scan {
    /// The open brackets, one bit each: 1 for an object. The lowest is the innermost.
    kinds: u128,
    depth: u32,
    text: Text,
    started: bool,
    last: Last,
    /// Counts brackets and looks at nothing else: the value is refused already.
    pub(super) counts: bool,
}

/// What came last, white space aside.
#[derive(Clone, Copy, Default, PartialEq)]
enum Last {
    #[default]
    Opening,
    Comma,
    Colon,
    /// A value, or a name.
    Value,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Text {
    #[default]
    Outside,
    Inside,
    /// After a backslash.
    Escape,
}

pub(super) enum Found {
    /// The value ends before the place reached.
    End,
    More,
    TooDeep,
    /// At the place reached.
    Broken,
}

impl Scan {
    pub(super) fn counting() -> Self {
        Scan { counts: true, ..Scan::default() }
    }

    /// A number or a word goes on until something else comes.
    pub(super) fn is_scalar(&self) -> bool {
        self.started && self.depth == 0 && self.text == Text::Outside
    }

    pub(super) fn run(&mut self, bytes: &[u8], at: &mut usize) -> Found {
        while *at < bytes.len() {
            let found = match self.text {
                Text::Escape if bytes[*at] == b'\n' => Some(Found::Broken),
                Text::Escape => {
                    self.text = Text::Inside;
                    *at += 1;
                    None
                }
                Text::Inside => self.string(bytes, at),
                Text::Outside => self.outside(bytes, at),
            };
            if let Some(found) = found {
                return found;
            }
        }
        Found::More
    }

    fn string(&mut self, bytes: &[u8], at: &mut usize) -> Option<Found> {
        let Some(n) = memchr::memchr3(b'"', b'\\', b'\n', &bytes[*at..]) else {
            *at = bytes.len();
            return None;
        };
        *at += n;
        match bytes[*at] {
            b'\n' => return Some(Found::Broken),
            b'\\' => self.text = Text::Escape,
            _ => (self.text, self.last) = (Text::Outside, Last::Value),
        }
        *at += 1;
        (self.text == Text::Outside && self.depth == 0).then_some(Found::End)
    }

    fn outside(&mut self, bytes: &[u8], at: &mut usize) -> Option<Found> {
        let rest = bytes[*at..].iter();
        let plain =
            rest.take_while(|b| !matches!(b, b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':' | 0..=b' '));
        let n = plain.count();
        if n > 0 {
            (self.started, self.last) = (true, Last::Value);
        }
        *at += n;
        let b = *bytes.get(*at)?;
        match b {
            // A string, or a bracket, begins a value but ends a bare word.
            _ if self.depth == 0 && self.started => return Some(Found::End),
            b'"' => self.text = Text::Inside,
            b'{' | b'[' => {
                if !self.counts && !self.may_nest() {
                    // Where this begins a line, the record before was cut off: its line end is where to go on.
                    *at -= usize::from(*at > 0 && bytes[*at - 1] == b'\n');
                    return Some(Found::Broken);
                }
                if self.depth == DEPTH_LIMIT && !self.counts {
                    return Some(Found::TooDeep);
                }
                self.last = Last::Opening;
                self.kinds = self.kinds << 1 | u128::from(b == b'{');
                // More than four thousand million open brackets in a refused value are as good as that many.
                self.depth = self.depth.saturating_add(1);
            }
            b'}' | b']' => {
                if self.depth == 0 || !self.counts && (self.kinds & 1 == 1) != (b == b'}') {
                    return Some(Found::Broken);
                }
                self.kinds >>= 1;
                self.depth -= 1;
                self.last = Last::Value;
                if self.depth == 0 {
                    *at += 1;
                    return Some(Found::End);
                }
            }
            b',' => self.last = Last::Comma,
            b':' => self.last = Last::Colon,
            _ => {}
        }
        *at += 1;
        None
    }

    /// Whether an object or an array may begin here: at the start, as a member's value, or as an element.
    fn may_nest(&self) -> bool {
        let in_array = self.kinds & 1 == 0;
        match self.last {
            Last::Colon => true,
            Last::Opening | Last::Comma => self.depth == 0 || in_array,
            Last::Value => false,
        }
    }
}

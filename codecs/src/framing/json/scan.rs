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
    /// Counts brackets and looks at nothing else: the value is refused already.
    pub(super) counts: bool,
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
            _ => self.text = Text::Outside,
        }
        *at += 1;
        (self.text == Text::Outside && self.depth == 0).then_some(Found::End)
    }

    fn outside(&mut self, bytes: &[u8], at: &mut usize) -> Option<Found> {
        let rest = bytes[*at..].iter();
        let plain =
            rest.take_while(|b| !matches!(b, b'"' | b'{' | b'[' | b'}' | b']' | b',' | b':' | 0..=b' '));
        let n = plain.count();
        self.started |= n > 0;
        *at += n;
        let b = *bytes.get(*at)?;
        match b {
            // A string, or a bracket, begins a value but ends a bare word.
            _ if self.depth == 0 && self.started => return Some(Found::End),
            b'"' => self.text = Text::Inside,
            b'{' | b'[' => {
                if self.depth == DEPTH_LIMIT && !self.counts {
                    return Some(Found::TooDeep);
                }
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
                if self.depth == 0 {
                    *at += 1;
                    return Some(Found::End);
                }
            }
            _ => {}
        }
        *at += 1;
        None
    }
}

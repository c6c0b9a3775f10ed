//! Where a tag, a comment or the like ends. Looks at each byte once.

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Open,
    Close,
    Comment,
    Data,
    Instruction,
    /// `<!DOCTYPE` and all else that begins with `<!`.
    Declaration,
}

impl Kind {
    /// What begins here; `None` if too little of it is there to tell.
    fn of(bytes: &[u8]) -> Option<Kind> {
        const COMMENT: &[u8] = b"<!--";
        const DATA: &[u8] = b"<![CDATA[";
        match bytes {
            [b'<', b'?', ..] => Some(Kind::Instruction),
            [b'<', b'/', ..] => Some(Kind::Close),
            [b'<', b'!', ..] if bytes.starts_with(COMMENT) => Some(Kind::Comment),
            [b'<', b'!', ..] if bytes.starts_with(DATA) => Some(Kind::Data),
            [b'<', b'!', ..] if COMMENT.starts_with(bytes) || DATA.starts_with(bytes) => None,
            [b'<', b'!', ..] => Some(Kind::Declaration),
            [_, _, ..] => Some(Kind::Open),
            _ => None,
        }
    }
}

/// Finds the end of a tag, comment or the like.
#[derive(Default)]
pub(super) struct Lex {
    /// Bytes looked at.
    pub(super) at: usize,
    quote: Option<u8>,
    brackets: u32,
}

pub(super) enum Found {
    /// It ends before `at`.
    End(Kind),
    More,
    Broken,
}

impl Lex {
    pub(super) fn run(&mut self, bytes: &[u8]) -> Found {
        let Some(kind) = Kind::of(bytes) else { return Found::More };
        match kind {
            Kind::Comment => self.until(bytes, b"-->", 4, kind),
            Kind::Data => self.until(bytes, b"]]>", 9, kind),
            Kind::Instruction => self.until(bytes, b"?>", 2, kind),
            Kind::Open | Kind::Close | Kind::Declaration => self.tag(bytes, kind),
        }
    }

    fn until(&mut self, bytes: &[u8], end: &[u8], first: usize, kind: Kind) -> Found {
        // What ends it may have begun in the piece before.
        let from = self.at.saturating_sub(end.len() - 1).max(first).min(bytes.len());
        match memchr::memmem::find(&bytes[from..], end) {
            Some(n) => {
                self.at = from + n + end.len();
                Found::End(kind)
            }
            None => {
                self.at = bytes.len();
                Found::More
            }
        }
    }

    fn tag(&mut self, bytes: &[u8], kind: Kind) -> Found {
        self.at = self.at.max(1);
        while let Some(&b) = bytes.get(self.at) {
            match (self.quote, b) {
                (_, b'<') if kind != Kind::Declaration => return Found::Broken,
                (Some(quote), _) if b == quote => self.quote = None,
                (Some(_), _) => self.skip_quoted(bytes, kind),
                (None, b'"' | b'\'') => self.quote = Some(b),
                (None, b'>') if self.brackets == 0 => {
                    self.at += 1;
                    return Found::End(kind);
                }
                (None, b'[') => self.brackets += u32::from(kind == Kind::Declaration),
                (None, b']') => self.brackets = self.brackets.saturating_sub(1),
                (None, _) => {}
            }
            self.at += 1;
        }
        Found::More
    }

    /// Goes to the byte before the next one that matters inside quotes.
    fn skip_quoted(&mut self, bytes: &[u8], kind: Kind) {
        let quote = self.quote.unwrap_or(b'"');
        let other = if kind == Kind::Declaration { quote } else { b'<' };
        let rest = &bytes[self.at..];
        self.at += memchr::memchr2(quote, other, rest).unwrap_or(rest.len()).saturating_sub(1);
    }
}

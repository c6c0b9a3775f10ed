//! Text encodings of feeds. Fields leave here as UTF-8.
use crate::format::{Fields, FormatError, Slot, offset};
use encoding_rs::WINDOWS_1252;
use std::borrow::Cow;

/// How a feed writes text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    #[default]
    Utf8,
    /// Windows code page 1252. Its five unassigned bytes are refused.
    Cp1252,
}

impl Encoding {
    /// Checks a record. True if it is ASCII, so that nothing needs to be transcoded.
    pub fn check(self, record: &[u8]) -> Result<bool, FormatError> {
        // All bytes, without stopping at the first that is not: the processor looks at many of them at a time.
        if record.iter().fold(true, |plain, byte| plain & matches!(byte, 1..=0x7F)) {
            return Ok(true);
        }
        // A NUL is the mark of UTF-16 read as something else; no layout has one.
        let bad = memchr::memchr(0, record).or_else(|| match self {
            Encoding::Utf8 => std::str::from_utf8(record).err().map(|e| e.valid_up_to()),
            Encoding::Cp1252 => record.iter().position(|b| matches!(b, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D)),
        });
        match bad {
            None => Ok(self == Encoding::Utf8),
            Some(at) => Err(self.wrong(record, at)),
        }
    }

    fn wrong(self, record: &[u8], at: usize) -> FormatError {
        let byte = record.get(at).copied().unwrap_or_default();
        let name = match self {
            Encoding::Utf8 => "UTF-8",
            Encoding::Cp1252 => "CP1252",
        };
        let text =
            format!("byte {byte:#04X} is no {name} text: does the mapping's `encoding` fit this feed?");
        FormatError { code: "encoding", text, at: u32::try_from(at).ok() }
    }

    /// Rewrites the fields of a checked record that are not ASCII.
    pub fn transcode(self, record: &[u8], fields: &mut Fields) {
        if self == Encoding::Utf8 {
            return;
        }
        for n in 0..fields.slots.len() {
            let Some(bytes) = fields.get(record, n).filter(|b| !b.is_ascii()) else { continue };
            let text = self.to_text(bytes).into_owned();
            let start = offset(fields.scratch.len());
            fields.scratch.extend_from_slice(text.as_bytes());
            fields.slots[n] = Slot::Scratch { start, end: offset(fields.scratch.len()) };
        }
    }

    /// Text for a person or for a name; bytes that are no text become U+FFFD.
    pub fn to_text(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            Encoding::Cp1252 => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        }
    }
}

//! Why a record becomes a quarantine row.
use crate::format::FormatError;
use crate::value::money::ValueError;

/// What is wrong with a record. Boxed in results, so that good records carry no room for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// One of the codes that README.md beside this crate lists.
    pub code: &'static str,
    pub text: String,
    /// The field as the mapping names it.
    pub field: Option<String>,
    /// Byte offset in the record.
    pub at: Option<u32>,
}

pub type Outcome<T> = Result<T, Box<Fault>>;

impl Fault {
    #[cold]
    pub fn new(code: &'static str, text: impl Into<String>) -> Box<Fault> {
        Box::new(Fault { code, text: text.into(), field: None, at: None })
    }

    #[cold]
    pub fn of_field(code: &'static str, field: &str, text: impl Into<String>) -> Box<Fault> {
        let field = field.trim_matches('`').to_owned();
        Box::new(Fault { code, text: text.into(), field: Some(field), at: None })
    }

    #[cold]
    pub fn of_value(error: ValueError, field: &str, start: Option<u32>) -> Box<Fault> {
        let at = start.map(|s| s + error.at.unwrap_or(0));
        Box::new(Fault { at, ..*Fault::of_field(error.code, field, format!("{field}: {}", error.text)) })
    }
}

/// A text that is stored, with U+FFFD for each NUL: Postgres keeps none in a text.
pub fn storable(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{FFFD}") } else { text }
}

impl From<FormatError> for Box<Fault> {
    #[cold]
    fn from(error: FormatError) -> Self {
        Box::new(Fault { code: error.code, text: error.text, field: None, at: error.at })
    }
}

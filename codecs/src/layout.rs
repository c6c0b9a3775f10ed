//! A vendor's layout as one thing: framing, format and mapping, compiled and immutable.
use crate::assembly::Assembly;
use crate::decode::Decoder;
use crate::equals::NumberingFramer;
use crate::format::delimited::Delimited;
use crate::format::fixed::Fixed;
use crate::format::ibkr_flex::IbkrFlex;
use crate::format::json::Json;
use crate::format::{Format, FormatError};
use crate::framing::AnyFramer;
use crate::framing::delimited::{DelimitedLines, DelimitedRules};
use crate::framing::fixed::FixedLines;
use crate::framing::json::{JsonFramer, RECORD_LIMIT};
use crate::framing::lines::LineFramer;
use crate::framing::xml::{XmlFramer, XmlNames};
use crate::mapping::format::FormatPlan;
use crate::mapping::model::Delivery;
use crate::mapping::{self, Mapping};
use crate::problem::Problem;
use crate::survey::{FramingSurveyor, Surveyor};
use record::Framer;
use returns::{Kind, Vendor, VendorPolicy};
use std::fmt;
use std::sync::Arc;

/// A compiled layout. Immutable, shared as an `Arc`.
pub struct Layout {
    name: String,
    version: u32,
    hash: [u8; 32],
    body: Body,
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout")
            .field("name", &self.name)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What a layout does with its records.
pub(crate) enum Body {
    Mapped(Arc<Mapped>),
    /// Correction events in EventBridge's envelope.
    Events,
}

/// A mapping with its format at hand.
pub(crate) struct Mapped {
    pub mapping: Mapping,
    pub format: Arc<dyn Format>,
    framing: Framing,
}

enum Framing {
    Delimited { rules: Arc<DelimitedRules>, format: Arc<Delimited>, multiline: bool, limit: usize },
    Fixed { format: Arc<Fixed>, limit: usize },
    Json { records: Option<String>, limit: usize },
    Xml { names: XmlNames, limit: usize },
}

/// The layout of correction events is part of Dietz, so its version is one of ours.
const EVENTS: (&str, u32) = ("corrections", 1);

impl Layout {
    /// Compiles a `mapping.toml`. `file` names it in messages.
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its place and, where it can be said, what to write instead.
    ///
    /// ```
    /// let text = r#"
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
    /// assert_eq!(codecs::Layout::compile(text, "mapping.toml").unwrap().name(), "harbor");
    /// let wrong = codecs::Layout::compile(&text.replace("account =", "acount ="), "mapping.toml");
    /// let problems: Vec<String> = wrong.err().unwrap().iter().map(|p| p.to_string()).collect();
    /// assert_eq!(problems[1], "mapping.toml:8:1: unknown key `acount` (did you mean `account`?)");
    /// ```
    pub fn compile(text: &str, file: &str) -> Result<Layout, Vec<Problem>> {
        let (mapping, plan) = mapping::compile(text, file)?;
        let (name, version) = (mapping.name.clone(), mapping.version);
        let mapped = Mapped::new(mapping, plan).map_err(|error| {
            vec![Problem { file: file.to_owned(), line: 1, column: 1, message: error.text, help: None }]
        })?;
        let hash = *blake3::hash(text.as_bytes()).as_bytes();
        Ok(Layout { name, version, hash, body: Body::Mapped(Arc::new(mapped)) })
    }

    /// The built-in layout of `format = "eventbridge"`: corrections as events.
    pub fn eventbridge() -> Layout {
        let hash = *blake3::hash(b"dietz corrections 1").as_bytes();
        Layout { name: EVENTS.0.to_owned(), version: EVENTS.1, hash, body: Body::Events }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn version(&self) -> u32 {
        self.version
    }

    /// BLAKE3 of the mapping's text: the same version with another hash is an error of its author.
    pub fn hash(&self) -> [u8; 32] {
        self.hash
    }

    /// The vendor's conventions as the mapping says them. Its name is the vendor's: layouts of one vendor share it.
    pub fn vendor_policy(&self) -> VendorPolicy {
        match &self.body {
            Body::Mapped(mapped) => mapped.mapping.policy.clone(),
            Body::Events => VendorPolicy::new(self.name.as_str()),
        }
    }

    /// The template of an account number made from a vendor's account.
    pub fn account_no(&self) -> &str {
        match &self.body {
            Body::Mapped(mapped) => &mapped.mapping.account_no,
            Body::Events => "{vendor_account}",
        }
    }

    /// A feed says everything of its date and kinds, so that what it lacks is withdrawn; otherwise it says what is new.
    pub fn is_full(&self) -> bool {
        match &self.body {
            Body::Mapped(mapped) => mapped.mapping.feed.delivery == Delivery::Full,
            Body::Events => false,
        }
    }

    /// A newer feed withdraws what it lacks of older ones: it is full, and says its business date.
    pub fn withdraws(&self) -> bool {
        let Body::Mapped(mapped) = &self.body else { return false };
        self.is_full() && !mapped.mapping.feed.business_date.is_empty()
    }

    /// The kinds of observations the layout gives.
    pub fn kinds(&self) -> Vec<Kind> {
        let Body::Mapped(mapped) = &self.body else { return vec![Kind::Correction] };
        let mut kinds: Vec<Kind> = mapped.mapping.blocks.iter().map(|b| b.fields.kind()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// Whether a feed declares how many records it has, so that it is in as a whole or not at all.
    pub fn is_controlled(&self) -> bool {
        let Body::Mapped(mapped) = &self.body else { return false };
        let feed = &mapped.mapping.feed;
        feed.count.is_some()
            || feed.trailer.is_some()
            || !feed.totals.is_empty()
            || matches!(mapped.framing, Framing::Xml { .. })
    }

    /// Whether the mapping says how its payloads are known.
    pub fn is_detectable(&self) -> bool {
        match &self.body {
            Body::Mapped(mapped) => {
                let detect = &mapped.mapping.detect;
                !(detect.file.is_empty() && detect.head.is_empty())
            }
            Body::Events => true,
        }
    }

    /// Whether a payload looks like this layout's, by its `[detect]`. Without one it never does. One without a name (empty) is looked at alone.
    pub fn detect(&self, file_name: &str, head: &[u8]) -> bool {
        let Body::Mapped(mapped) = &self.body else {
            return memchr::memmem::find(head, b"\"PerformanceCorrection\"").is_some();
        };
        let detect = &mapped.mapping.detect;
        if detect.file.is_empty() && detect.head.is_empty() {
            return false;
        }
        // A message of a stream has no name: it is known by how it begins.
        let nameless = file_name.is_empty() && !detect.head.is_empty();
        let named = nameless
            || detect.file.is_empty()
            || detect.file.iter().any(|p| fits(p.as_bytes(), file_name.as_bytes()));
        named && detect.head.iter().all(|text| memchr::memmem::find(head, text.as_bytes()).is_some())
    }

    /// Cuts a feed into records, from its first byte on.
    pub fn framer(&self) -> Box<dyn Framer> {
        match &self.body {
            Body::Events => Box::new(json_framer(None, RECORD_LIMIT)),
            Body::Mapped(mapped) if mapped.mapping.numbers_equals() => {
                Box::new(NumberingFramer::new(mapped.framer(), mapped.clone()))
            }
            Body::Mapped(mapped) => Box::new(mapped.framer()),
        }
    }

    /// The framer without the numbers that tell equals apart: on a stream the ledger does that.
    pub(crate) fn plain_framer(&self) -> AnyFramer {
        match &self.body {
            Body::Events => json_framer(None, RECORD_LIMIT),
            Body::Mapped(mapped) => mapped.framer(),
        }
    }

    /// Of JSON: the way to its records, or none where each value is one. `None` for any other format.
    pub(crate) fn json_path(&self) -> Option<Option<&str>> {
        match &self.body {
            Body::Events => Some(None),
            Body::Mapped(mapped) => match &mapped.framing {
                Framing::Json { records, .. } => Some(records.as_deref()),
                _ => None,
            },
        }
    }

    /// Lines that a feed begins with and that are left out by their number.
    pub(crate) fn preamble(&self) -> usize {
        let Body::Mapped(mapped) = &self.body else { return 0 };
        if let Framing::Delimited { rules, .. } = &mapped.framing { rules.preamble } else { 0 }
    }

    /// Whether a record may go on over several lines.
    pub(crate) fn has_parts(&self) -> bool {
        matches!(&self.body, Body::Mapped(mapped) if mapped.counts_lines())
    }

    /// Reads a feed through once before it is streamed. `name` is its file's, without folders and without a suffix of compression.
    pub fn surveyor(&self, name: &str) -> Box<dyn Surveyor> {
        match &self.body {
            Body::Events => Box::new(FramingSurveyor::new(json_framer(None, RECORD_LIMIT), None, name)),
            Body::Mapped(mapped) => {
                Box::new(FramingSurveyor::new(mapped.framer(), Some(mapped.clone()), name))
            }
        }
    }

    /// A delivery that comes in several messages: at its start, or where what was `kept` of it with this version of the mapping stands. `None` for
    /// layouts whose deliveries are no lines, or do not say where they end; and where what was kept cannot be read.
    pub fn assembly(&self, kept: Option<&[u8]>) -> Option<Assembly> {
        let Body::Mapped(mapped) = &self.body else { return None };
        let AnyFramer::Lines(framer) = mapped.framer() else { return None };
        match kept {
            _ if !self.is_controlled() => None,
            Some(kept) => Assembly::resume(mapped.clone(), framer, kept),
            None => Some(Assembly::new(mapped.clone(), framer)),
        }
    }

    pub fn decoder(self: &Arc<Self>, vendor: Vendor) -> Decoder {
        Decoder::new(self, vendor)
    }

    pub(crate) fn body(&self) -> &Body {
        &self.body
    }
}

impl Mapped {
    fn new(mapping: Mapping, plan: FormatPlan) -> Result<Mapped, FormatError> {
        let (format, framing): (Arc<dyn Format>, Framing) = match plan {
            FormatPlan::Delimited { format, rules, multiline, limit } => {
                let format: Arc<Delimited> = format.into();
                (format.clone(), Framing::Delimited { rules: rules.into(), format, multiline, limit })
            }
            FormatPlan::Fixed { format, limit } => {
                let format = Arc::new(format);
                (format.clone(), Framing::Fixed { format, limit })
            }
            FormatPlan::Json { records, other_fields, limit } => {
                (Arc::new(Json::new(&mapping.selectors, other_fields)?), Framing::Json { records, limit })
            }
            FormatPlan::IbkrFlex { other_fields, limit } => {
                let names = XmlNames::flex(&mapping.types);
                let format = IbkrFlex::new(&mapping.selectors, &names, other_fields)?;
                (Arc::new(format), Framing::Xml { names, limit })
            }
        };
        Ok(Mapped { mapping, format, framing })
    }

    /// Whether a control count is of lines, of which a record may have several.
    pub fn counts_lines(&self) -> bool {
        matches!(&self.framing, Framing::Fixed { format, .. } if format.has_parts)
    }

    fn framer(&self) -> AnyFramer {
        match &self.framing {
            Framing::Delimited { rules, format, multiline, limit } => {
                let quoted = format.quote.filter(|_| *multiline).map(|q| (q, format.delimiter));
                let lines = DelimitedLines::new(rules.clone(), format.clone());
                AnyFramer::Lines(LineFramer::new(Box::new(lines), *limit, quoted))
            }
            Framing::Fixed { format, limit } => {
                let lines = FixedLines::new(format.clone());
                AnyFramer::Lines(LineFramer::new(Box::new(lines), *limit, None))
            }
            Framing::Json { records, limit } => json_framer(records.as_deref(), *limit),
            Framing::Xml { names, limit } => AnyFramer::Xml(XmlFramer::new(names.clone(), *limit)),
        }
    }
}

/// A framer of JSON. Its path was checked with the mapping.
fn json_framer(records: Option<&str>, limit: usize) -> AnyFramer {
    match JsonFramer::new(records, limit) {
        Ok(framer) => AnyFramer::Json(framer),
        Err(wrong) => unreachable!("a path that the check of its mapping let through: {wrong}"),
    }
}

/// Whether a name fits a pattern of `*` (any run) and `?` (any one byte).
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go back to: after the last `*`, with one more byte taken by it.
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(b) if *b == b'?' || *b == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((after, taken)) => {
                    (p, n) = (after, taken + 1);
                    star = Some((after, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn a_pattern_fits_by_stars_and_question_marks() {
        for (pattern, name, expected) in [
            ("*.csv", "a.csv", true),
            ("POS_*.csv", "POS_2025.csv", true),
            ("POS_????.csv", "POS_2025.csv", true),
            ("POS_???.csv", "POS_2025.csv", false),
            ("*a*b", "xaxxbxb", true),
            ("*a*b", "xaxxbxc", false),
            ("", "", true),
            ("*", "", true),
        ] {
            assert_eq!(fits(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }
}

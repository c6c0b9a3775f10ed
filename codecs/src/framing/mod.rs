//! Framing: where a record begins and ends. Each framer implements [`record::Framer`].
pub mod delimited;
pub mod fixed;
pub mod json;
pub mod lines;
mod place;
mod steps;
pub mod xml;

use record::{Framed, Framer, Position};

/// Any of the framers.
pub enum AnyFramer {
    Lines(lines::LineFramer),
    Json(json::JsonFramer),
    Xml(xml::XmlFramer),
}

impl AnyFramer {
    /// The control count a format has of itself, whatever a mapping says: declared, and found so far.
    pub fn control_count(&self) -> Option<(u64, u64)> {
        match self {
            AnyFramer::Lines(_) | AnyFramer::Json(_) => None,
            AnyFramer::Xml(framer) => {
                let (declared, found) = framer.control_count();
                Some((declared?, found))
            }
        }
    }
}

impl Framer for AnyFramer {
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        match self {
            AnyFramer::Lines(framer) => framer.frame(input, last, out),
            AnyFramer::Json(framer) => framer.frame(input, last, out),
            AnyFramer::Xml(framer) => framer.frame(input, last, out),
        }
    }

    fn skip_to(&mut self, at: Position) -> bool {
        match self {
            AnyFramer::Lines(framer) => framer.skip_to(at),
            AnyFramer::Json(framer) => framer.skip_to(at),
            AnyFramer::Xml(framer) => framer.skip_to(at),
        }
    }

    fn record_limit(&self) -> usize {
        match self {
            AnyFramer::Lines(framer) => framer.record_limit(),
            AnyFramer::Json(framer) => framer.record_limit(),
            AnyFramer::Xml(framer) => framer.record_limit(),
        }
    }

    fn restart(&mut self) -> bool {
        match self {
            AnyFramer::Lines(framer) => framer.restart(),
            AnyFramer::Json(framer) => framer.restart(),
            AnyFramer::Xml(_) => false,
        }
    }
}

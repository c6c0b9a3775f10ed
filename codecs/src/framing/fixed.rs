//! What a line of a fixed-width feed is: header, trailer, detail, or left out.
use super::lines::{Learned, LineContext, LineRules, Role};
use crate::format::fixed::{Fixed, RecordRole};
use record::Context;
use std::sync::Arc;

/// Tells the lines of a fixed layout apart by their marks.
pub struct FixedLines {
    format: Arc<Fixed>,
    carried: Vec<(u16, Box<[u8]>)>,
    data: Option<Context>,
    left: Vec<(usize, Context)>,
}

impl FixedLines {
    pub fn new(format: Arc<Fixed>) -> Self {
        FixedLines { format, carried: Vec::new(), data: None, left: Vec::new() }
    }

    fn context(&self, role: Role) -> Context {
        Arc::new(LineContext { role, carried: self.carried.clone(), ..LineContext::default() })
    }

    /// Keeps the fields of a header or trailer for the records after it.
    fn carry(&mut self, line: &[u8], kind: usize) {
        for (selector, start, end) in &self.format.types[kind].reads {
            let Some(value) = line.get(*start..(*end).min(line.len())) else { continue };
            let text = self.format.encoding.to_text(value).into_owned();
            self.carried.retain(|(s, _)| s != selector);
            self.carried.push((*selector, text.into_bytes().into()));
        }
        self.data = None;
        self.left.clear();
    }

    fn leave(&mut self, kind: usize) -> Option<&Context> {
        let place = self.left.iter().position(|(k, _)| *k == kind).unwrap_or_else(|| {
            let class = match self.format.types[kind].role {
                RecordRole::Header => "header",
                RecordRole::Trailer => "trailer",
                RecordRole::Ignore | RecordRole::Detail | RecordRole::Part => &self.format.types[kind].name,
            };
            let context = self.context(Role::Leave(class.into()));
            self.left.push((kind, context));
            self.left.len() - 1
        });
        self.left.get(place).map(|(_, context)| context)
    }
}

impl LineRules for FixedLines {
    fn restart(&mut self) -> bool {
        if !self.carried.is_empty() {
            self.carried.clear();
            self.data = None;
            self.left.clear();
        }
        true
    }

    fn has_parts(&self) -> bool {
        self.format.has_parts
    }

    /// A header or trailer may come anywhere; where one gives fields to the records after it, they depend on lines not seen.
    fn only_rows(&self) -> bool {
        !self.format.types.iter().any(|t| t.is_carried() && !t.reads.is_empty())
    }

    fn is_part(&self, line: &[u8]) -> bool {
        self.format.type_of(line).is_some_and(|kind| self.format.types[kind].role == RecordRole::Part)
    }

    /// Headers and trailers are lines of their own.
    fn may_go_on(&self, line: &[u8]) -> bool {
        self.format.type_of(line).is_none_or(|kind| !self.format.types[kind].is_carried())
    }

    fn begins_another(&self, first: &[u8], line: &[u8]) -> bool {
        let kind = self.format.type_of(line);
        let is_header = kind.is_some_and(|kind| self.format.types[kind].role == RecordRole::Header);
        is_header && self.format.type_of(first) == kind
    }

    fn learned(&self) -> Learned {
        Learned { carried: self.carried.clone(), ..Learned::default() }
    }

    fn learn(&mut self, learned: Learned) {
        self.carried = learned.carried;
        self.data = None;
        self.left.clear();
    }

    fn classify(&mut self, line: &[u8]) -> Option<&Context> {
        if line.is_empty() {
            return None;
        }
        let kind = self.format.type_of(line);
        let role = kind.map_or(RecordRole::Detail, |k| self.format.types[k].role);
        // A part that stands here has no record before it: for the decoder to refuse.
        let is_row = matches!(role, RecordRole::Detail | RecordRole::Part);
        if let (Some(kind), false) = (kind, is_row) {
            if self.format.types[kind].is_carried() {
                self.carry(line, kind);
            }
            return self.leave(kind);
        }
        if self.data.is_none() {
            self.data = Some(self.context(Role::Data));
        }
        self.data.as_ref()
    }
}

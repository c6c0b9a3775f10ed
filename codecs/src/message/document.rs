//! What has to stand around an element of a JSON document.
use super::framed_alone;
use crate::framing::json::{JsonContext, around_records};
use crate::layout::Layout;
use record::Context;
use std::sync::Arc;

/// The document around the records in hand.
pub(super) struct Document {
    /// The way to the records; none where each value stands for itself.
    path: Option<String>,
    /// What the records stand under.
    context: Option<Context>,
    begun: bool,
    opening: Vec<u8>,
    closing: Vec<u8>,
}

impl Document {
    pub(super) fn new(path: Option<&str>) -> Document {
        let path = path.map(str::to_owned);
        Document { path, context: None, begun: false, opening: Vec::new(), closing: Vec::new() }
    }

    /// Whether the next record stands under something else than the last.
    pub(super) fn is_new(&self, context: Option<&Context>) -> bool {
        !self.begun
            || match (context, &self.context) {
                (Some(a), Some(b)) => !Arc::ptr_eq(a, b),
                (None, None) => false,
                _ => true,
            }
    }

    /// The next record. Proves once for all records under one thing that they stand under the same in a message.
    pub(super) fn take(
        &mut self,
        layout: &Layout,
        record: &[u8],
        context: Option<&Context>,
    ) -> Result<(), String> {
        if !self.is_new(context) {
            return Ok(());
        }
        let here = said(context);
        let enclosing = here.map_or(&[][..], |c| &c.enclosing);
        if let Some(path) = &self.path {
            (self.opening, self.closing) = around_records(path, enclosing)?;
        }
        (self.context, self.begun) = (context.cloned(), true);
        let framed = framed_alone(layout, &self.message(&[record.to_vec()]));
        let is_alone = framed.refused.is_empty() && framed.records.len() == 1;
        if is_alone && said(framed.contexts.first()) == here && framed.payload == record {
            return Ok(());
        }
        Err("a document around it alone does not give it the meaning it has in the feed".into())
    }

    pub(super) fn bytes(&self) -> usize {
        self.opening.len() + self.closing.len() + 1
    }

    pub(super) fn message(&self, records: &[Vec<u8>]) -> Vec<u8> {
        let between: &[u8] = if self.path.is_some() { b",\n" } else { b"\n" };
        let mut out = self.opening.clone();
        out.extend_from_slice(&records.join(between));
        out.extend_from_slice(&self.closing);
        out
    }
}

fn said(context: Option<&Context>) -> Option<&JsonContext> {
    context?.downcast_ref()
}

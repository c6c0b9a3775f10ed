//! A delivery that comes in several messages of a stream, put together: framed on from message to message, counted, and held against what it
//! declares. A message ends where a line does.
//!
//! What it takes to read the next message is small whatever came before ([`Assembly::keep`]), so that it can be kept with what was read: whoever
//! reads on later needs no message again.
use crate::decode::reader::row_of;
use crate::format::Fields;
use crate::format::delimited::carry;
use crate::framing::lines::{KeptLines, LineContext, LineFramer};
use crate::layout::Mapped;
use crate::survey::tally::Tally;
use record::{Context, Framed, Framer, Survey};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How much of a delivery's first line is kept, to know another's by it.
const FIRST_LINE: usize = 512;

/// A delivery of lines, as far as it has come.
pub struct Assembly {
    mapped: Arc<Mapped>,
    framer: LineFramer,
    tally: Tally,
    /// What may go on with the next message.
    rest: Vec<u8>,
    framed: Framed,
    first_line: Vec<u8>,
    /// Carries what header and trailer said.
    end: Option<Context>,
    /// All that it declares stood ahead of its first row, so that no trailer tells its end; not known before a row.
    ahead: Option<bool>,
    /// How it stands with what was read; nothing while more is to come.
    over: Option<Survey>,
}

/// An assembly between two messages, as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    framer: KeptLines,
    records: u64,
    counted: u64,
    sums: Vec<Option<i128>>,
    rest: Vec<u8>,
    first_line: Vec<u8>,
    ahead: Option<bool>,
}

impl Assembly {
    pub(crate) fn new(mapped: Arc<Mapped>, framer: LineFramer) -> Assembly {
        Assembly {
            framer,
            tally: Tally::new(Some(mapped.clone())),
            mapped,
            rest: Vec::new(),
            framed: Framed::default(),
            first_line: Vec::new(),
            end: None,
            ahead: None,
            over: None,
        }
    }

    /// Goes on from what was kept with the same version of the mapping. `None`: that cannot be read.
    pub(crate) fn resume(mapped: Arc<Mapped>, framer: LineFramer, kept: &[u8]) -> Option<Assembly> {
        let kept: Kept = serde_json::from_slice(kept).ok()?;
        let mut assembly = Assembly::new(mapped.clone(), framer);
        let carried = kept.framer.carried().to_vec();
        assembly.end = Some(Arc::new(LineContext { carried, ..LineContext::default() }));
        assembly.framer.resume(kept.framer);
        assembly.tally = Tally::resume(mapped, kept.records, kept.counted, kept.sums);
        (assembly.rest, assembly.first_line, assembly.ahead) = (kept.rest, kept.first_line, kept.ahead);
        Some(assembly)
    }

    /// What is needed to read the next message: some kilobytes, and at most a record that is not whole yet.
    pub fn keep(&self) -> Vec<u8> {
        let kept = Kept {
            framer: self.framer.keep(),
            records: self.tally.survey.records,
            counted: self.tally.survey.counted,
            sums: self.tally.sums().to_vec(),
            rest: self.rest.clone(),
            first_line: self.first_line.clone(),
            ahead: self.ahead,
        };
        serde_json::to_vec(&kept).unwrap_or_default()
    }

    /// Whether a message is not of this delivery, for it begins as this one did.
    pub fn begins_another(&self, message: &[u8]) -> bool {
        !self.first_line.is_empty() && self.framer.begins_another(&self.first_line, first_line(message))
    }

    /// Frames the next message, all of it; `each` takes what was framed, piece by piece.
    pub fn take(&mut self, message: &[u8], each: &mut dyn FnMut(&mut Framed)) {
        if self.first_line.is_empty() {
            self.first_line = first_line(message).to_vec();
        }
        let mut input = std::mem::take(&mut self.rest);
        input.extend_from_slice(message);
        if !input.ends_with(b"\n") {
            input.push(b'\n');
        }
        let (mut used, mut said) = (0, false);
        loop {
            let mut framed = std::mem::take(&mut self.framed);
            framed.clear();
            let step = self.framer.frame(&input[used..], false, &mut framed);
            used += step;
            said |= self.count(&framed);
            each(&mut framed);
            self.framed = framed;
            if step == 0 || used == input.len() {
                break;
            }
        }
        input.drain(..used);
        self.rest = input;
        if said || self.ahead == Some(true) {
            self.judge();
        }
    }

    /// True: a line came that is no row, and may say something of the whole.
    fn count(&mut self, framed: &Framed) -> bool {
        let rows = self.tally.add(framed);
        if let (None, Some((first, _))) = (self.ahead, rows) {
            let context = framed.contexts.get(usize::from(framed.records[first].context));
            self.ahead = Some(!self.held_against(context).unfinished);
        }
        if let Some(last) = framed.records.last() {
            self.end = framed.contexts.get(usize::from(last.context)).cloned();
        }
        let mut lines = framed.contexts.iter().filter_map(|c| c.downcast_ref::<LineContext>());
        lines.any(|context| context.role.class().is_some())
    }

    /// What the delivery comes to under what was said up to a line.
    fn held_against(&mut self, context: Option<&Context>) -> Survey {
        let mut fields = Fields::default();
        fields.reset(self.mapped.mapping.selectors.len());
        if let Some(lines) = context.and_then(|c| c.downcast_ref::<LineContext>()) {
            carry(lines, &mut fields);
        }
        self.tally.hold_against(&self.mapped, &row_of(&self.mapped, &[], &fields));
        self.tally.survey.clone()
    }

    /// A delivery is over with its trailer. One that declares all ahead is with the record that makes its count agree, or is one too many.
    fn judge(&mut self) {
        let survey = self.survey();
        let reached = |declared| survey.counted > declared || survey.agrees();
        let is_over = self.ahead != Some(true) || survey.declared.is_some_and(reached);
        self.over = (!survey.unfinished && is_over).then_some(survey);
    }

    /// What it holds and declares up to now.
    pub fn survey(&mut self) -> Survey {
        let end = self.end.clone();
        self.held_against(end.as_ref())
    }

    /// Bytes that wait for the next message.
    pub fn pending(&self) -> usize {
        self.rest.len()
    }

    /// How it came out, once it is over.
    pub fn over(&self) -> Option<&Survey> {
        self.over.as_ref()
    }
}

/// The first line of a message that is not empty, as much as is kept of it.
fn first_line(message: &[u8]) -> &[u8] {
    let message = message.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(message);
    let lines = message.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = lines.into_iter().find(|line| !line.is_empty()).unwrap_or_default();
    &line[..line.len().min(FIRST_LINE)]
}

//! A message read alone, as whoever takes it from the stream does.
use crate::framing::lines::{LineContext, Role};
use crate::layout::Layout;
use record::{Context, Framed, Framer, RawRecord};

/// A message as who reads it frames it.
pub(super) fn framed_alone(layout: &Layout, message: &[u8]) -> Framed {
    let (mut framer, mut framed, mut used) = (layout.plain_framer(), Framed::default(), 0);
    while used < message.len() {
        let step = framer.frame(&message[used..], true, &mut framed);
        used += step;
        if step == 0 {
            break;
        }
    }
    framed
}

pub(super) fn context<'f>(framed: &'f Framed, record: &RawRecord) -> Option<&'f Context> {
    framed.contexts.get(usize::from(record.context))
}

/// The records that are rows.
pub(super) fn rows(framed: &Framed) -> impl Iterator<Item = &RawRecord> {
    let is_row = |r: &&RawRecord| {
        let lines = context(framed, r).and_then(|c| c.downcast_ref::<LineContext>());
        lines.is_none_or(|c| c.role == Role::Data)
    };
    framed.records.iter().filter(is_row)
}

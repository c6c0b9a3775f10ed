//! Whose record it is.
use crate::decode::Decoded;
use crate::decode::reader::{Reader, View, Writer, check_account, nowhere};
use crate::format::eventbridge;
use crate::framing::lines::LineContext;
use crate::layout::{Body, Layout};
use record::Context;

/// Reads the account of a record, as its vendor sends it.
pub(super) struct Keys {
    /// `None`: correction events.
    reader: Option<Box<Reader>>,
    scratch: Decoded,
}

impl Keys {
    pub(super) fn new(layout: &Layout) -> Keys {
        let reader = match layout.body() {
            Body::Mapped(mapped) => Some(Box::new(Reader::new(mapped.clone()))),
            Body::Events => None,
        };
        Keys { reader, scratch: Decoded::default() }
    }

    /// Whether the record gives anything, or is left out: not whether it is refused.
    pub(super) fn can_read(&mut self, record: &[u8], context: Option<&Context>) -> bool {
        let Some(reader) = &mut self.reader else { return eventbridge::decode(record).is_ok() };
        self.scratch.clear();
        reader.forget();
        reader.read(record, &view(context), &nowhere(), &mut Writer::new(&mut self.scratch)).is_ok()
    }

    /// The account a record is of: of one that will be quarantined, the account it names. `None` where it names none.
    pub(super) fn account(&mut self, record: &[u8], context: Option<&Context>) -> Option<String> {
        if self.reader.is_none() {
            return event(record);
        }
        let read = self.can_read(record, context);
        let reader = self.reader.as_ref()?;
        let said = self.scratch.observations.first().filter(|_| read);
        let account = match said {
            Some(observation) => Some(self.scratch.account(observation).to_owned()),
            None => reader.names(record).0,
        };
        account.filter(|a| !a.is_empty())
    }
}

fn view(context: Option<&Context>) -> View<'_> {
    let lines = context.and_then(|c| c.downcast_ref::<LineContext>());
    let absent = lines.and_then(|c| c.columns.as_ref()).map_or(&[][..], |c| &c.absent);
    View { context, ordinals: &[], absent }
}

fn event(record: &[u8]) -> Option<String> {
    let account = match eventbridge::decode(record) {
        Ok(event) => Some(event.account),
        Err(_) => eventbridge::names(record).0,
    };
    account.filter(|a| !a.is_empty() && check_account(a, "").is_ok())
}

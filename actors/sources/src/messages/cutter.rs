//! Cuts the messages of one partition into pieces: each message is framed by its layout, and pieces keep the bounds of batches and the steps.
use super::Message;
use super::unpack::{Damage, refused, unpacked};
use crate::{Compression, HEAD, Layouts, OpenLayout};
use bytes::Bytes;
use record::{BatchLimit, Context, Framed, Framer, FramingError, Position, Progress, RawRecord, Survey};
use std::collections::VecDeque;
use std::sync::Arc;

const DAY: i64 = 86_400_000_000;

/// One batch, without the names of what it belongs to.
pub(crate) struct Piece {
    /// `None`: no layout was found, and all of it is refused.
    pub layout: Option<Arc<dyn OpenLayout>>,
    /// The feed: midnight of the day of arrival, microseconds since 1970 UTC.
    pub day: i64,
    /// Of a message that does not hold what it declares, so that its facts wait.
    pub gated: Option<Arc<Waits>>,
    pub from: Progress,
    pub to: Progress,
    pub payload: Bytes,
    pub records: Vec<RawRecord>,
    pub contexts: Vec<Context>,
    pub refused: Vec<FramingError>,
    pub arrivals: Vec<i64>,
    pub bytes: u64,
}

/// A message that holds a whole delivery, and not what that declares.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Waits {
    /// What reading it through told.
    pub survey: Survey,
    /// BLAKE3 of its bytes, unpacked: as a feed it is known by them.
    pub hash: [u8; 32],
}

/// The state of cutting one partition.
pub(crate) struct MessageCutter {
    layouts: Arc<dyn Layouts>,
    compression: Compression,
    record_limit: usize,
    /// What was handed out, or committed before.
    handed: Progress,
    /// Of the last message, to be used again for the next of its layout.
    framer: Option<(Arc<dyn OpenLayout>, Box<dyn Framer>)>,
    framed: Framed,
    open: Option<Open>,
    ready: VecDeque<Piece>,
}

/// What the records of a piece have in common.
#[derive(Clone)]
struct Common {
    layout: Option<Arc<dyn OpenLayout>>,
    day: i64,
    gated: Option<Arc<Waits>>,
}

impl Common {
    /// Layouts are told apart by their names. A message that waits goes with no other: its piece is closed behind it.
    fn is(&self, other: &Common) -> bool {
        let layouts = match (&self.layout, &other.layout) {
            (Some(one), Some(other)) => one.vendor() == other.vendor(),
            (one, other) => one.is_none() && other.is_none(),
        };
        layouts && self.day == other.day && self.gated == other.gated
    }
}

/// A piece that takes more messages.
struct Open {
    common: Common,
    to: Position,
    payload: Vec<u8>,
    records: Vec<RawRecord>,
    contexts: Vec<Context>,
    refused: Vec<FramingError>,
    arrivals: Vec<i64>,
    bytes: u64,
}

impl MessageCutter {
    pub(crate) fn new(
        layouts: Arc<dyn Layouts>,
        compression: Compression,
        record_limit: usize,
        committed: Progress,
    ) -> MessageCutter {
        MessageCutter {
            layouts,
            compression,
            record_limit,
            handed: committed,
            framer: None,
            framed: Framed::default(),
            open: None,
            ready: VecDeque::new(),
        }
    }

    /// The next message. Positions grow; what was taken in already is left out, so that a message may come again.
    pub(crate) fn push(&mut self, message: &Message, limit: &BatchLimit) {
        let last = Position { sequence: message.sequence, sub: message.sub, item: u32::MAX };
        if Progress::At(last) <= self.reached() {
            return;
        }
        let unpacked = unpacked(&message.payload, self.compression);
        match unpacked.and_then(|payload| Ok((self.layout_of(message, &payload)?, payload))) {
            Ok((Some(layout), payload)) => self.take(message, layout, &payload, limit),
            Ok((None, _)) => self.step_over(message),
            Err(damage) => self.refuse(message, damage, limit),
        }
    }

    /// A piece that is full. With `all`, whatever there is.
    pub(crate) fn next(&mut self, all: bool) -> Option<Piece> {
        if all && self.ready.is_empty() {
            self.close();
        }
        self.ready.pop_front()
    }

    /// The partition has no more: what is left of it, and with the last piece the step to its end.
    pub(crate) fn end(&mut self) -> Option<Piece> {
        if let Some(piece) = self.next(true) {
            return Some(piece);
        }
        if self.handed == Progress::End {
            return None;
        }
        let piece =
            Open::new(Common { layout: None, day: 0, gated: None }).into_piece(self.handed, Progress::End);
        self.handed = Progress::End;
        Some(piece)
    }

    /// How far messages were taken in.
    pub(crate) fn reached(&self) -> Progress {
        self.open.as_ref().map_or(self.handed, |open| Progress::At(open.to))
    }

    /// Bytes held for pieces that were not taken.
    pub(crate) fn held(&self) -> usize {
        let open = self.open.as_ref().map_or(0, |open| open.payload.len());
        open + self.ready.iter().map(|piece| piece.payload.len()).sum::<usize>()
    }

    /// `None`: the message holds nothing.
    fn layout_of(&self, message: &Message, payload: &[u8]) -> Result<Option<Arc<dyn OpenLayout>>, Damage> {
        if payload.is_empty() {
            return Ok(None);
        }
        let name = message.name.as_deref().unwrap_or_default();
        let chosen = self.layouts.choose(name, &payload[..payload.len().min(HEAD)]);
        chosen.map(Some).map_err(|why| (why.code, why.text))
    }

    fn take(&mut self, message: &Message, layout: Arc<dyn OpenLayout>, payload: &[u8], limit: &BatchLimit) {
        let gated = layout.declares_its_end().then(|| self.disagreement(&*layout, payload)).flatten();
        let mut framer = self.framer_of(&layout);
        let common = Common { layout: Some(layout.clone()), day: midnight(message.arrival), gated };
        let mut place = Taking { message, common, item: 0, bytes: payload.len() as u64 };
        let mut used = 0;
        while used < payload.len() {
            let mut framed = std::mem::take(&mut self.framed);
            framed.clear();
            let taken = framer.frame(&payload[used..], true, &mut framed);
            used += taken;
            let stuck = taken == 0 && framed.records.is_empty() && framed.refused.is_empty();
            self.take_framed(&mut place, &mut framed, limit);
            self.framed = framed;
            if stuck {
                let why =
                    ("framing", "the layout's framer takes nothing of it: this is a fault in Dietz".into());
                self.take_refused(&mut place, refused(&payload[used..], why), limit);
                break;
            }
        }
        self.took(place);
        self.framer = Some((layout, framer));
    }

    /// What the message declares of itself and does not hold.
    fn disagreement(&self, layout: &dyn OpenLayout, payload: &[u8]) -> Option<Arc<Waits>> {
        let mut surveyor = layout.surveyor(self.record_limit);
        surveyor.feed(payload);
        let survey = surveyor.finish();
        (!survey.agrees()).then(|| Arc::new(Waits { survey, hash: blake3::hash(payload).into() }))
    }

    /// A framer at the start of a feed: the one of the message before, where it can be used again.
    fn framer_of(&mut self, layout: &Arc<dyn OpenLayout>) -> Box<dyn Framer> {
        let again = self.framer.take().filter(|(last, _)| last.vendor() == layout.vendor());
        let again = again.and_then(|(_, mut framer)| framer.restart().then_some(framer));
        again.unwrap_or_else(|| layout.framer(self.record_limit))
    }

    fn refuse(&mut self, message: &Message, why: Damage, limit: &BatchLimit) {
        let common = Common { layout: None, day: midnight(message.arrival), gated: None };
        let mut place = Taking { message, common, item: 0, bytes: message.payload.len() as u64 };
        self.take_refused(&mut place, refused(&message.payload, why), limit);
        self.took(place);
    }

    /// A message without a record moves the position all the same.
    fn step_over(&mut self, message: &Message) {
        let layout = self.framer.as_ref().map(|(layout, _)| layout.clone());
        let common = Common { layout, day: midnight(message.arrival), gated: None };
        self.took(Taking { message, common, item: 0, bytes: 0 });
    }

    /// Records and refused pieces of a message in their order, from the first that was not taken in before.
    fn take_framed(&mut self, place: &mut Taking, framed: &mut Framed, limit: &BatchLimit) {
        framed.refused.sort_by_key(|r| r.position);
        let mut refused = framed.refused.drain(..).peekable();
        for record in &framed.records {
            while let Some(error) = refused.next_if(|error| error.position <= record.position) {
                self.take_refused(place, error, limit);
            }
            self.take_record(place, record, (&framed.payload, &framed.contexts), limit);
        }
        for error in refused {
            self.take_refused(place, error, limit);
        }
    }

    fn take_record(
        &mut self,
        place: &mut Taking,
        record: &RawRecord,
        (payload, contexts): (&[u8], &[Context]),
        limit: &BatchLimit,
    ) {
        let Some(position) = self.next_place(place) else { return };
        let bytes = payload.get(record.start as usize..record.end as usize).unwrap_or_default();
        let open = self.room(place, bytes.len(), limit);
        let message = open.arrival(place.message);
        // Room was made for both.
        let start = u32::try_from(open.payload.len()).unwrap_or(u32::MAX);
        open.payload.extend_from_slice(bytes);
        let end = u32::try_from(open.payload.len()).unwrap_or(u32::MAX);
        let context = open.context(contexts.get(usize::from(record.context)));
        open.records.push(RawRecord { start, end, position, context, message });
        open.to = position;
    }

    fn take_refused(&mut self, place: &mut Taking, error: FramingError, limit: &BatchLimit) {
        let Some(position) = self.next_place(place) else { return };
        let open = self.room(place, error.raw.len(), limit);
        open.arrival(place.message);
        open.refused.push(FramingError { position, ..error });
        open.to = position;
    }

    /// The place of the message's next item; `None` if that was taken in before.
    fn next_place(&self, place: &mut Taking) -> Option<Position> {
        let Message { sequence, sub, .. } = *place.message;
        let position = Position { sequence, sub, item: place.item };
        place.item = place.item.saturating_add(1);
        (Progress::At(position) > self.reached()).then_some(position)
    }

    /// The piece that takes the next item.
    fn room(&mut self, place: &Taking, bytes: usize, limit: &BatchLimit) -> &mut Open {
        if self.open.as_ref().is_some_and(|open| !open.takes(&place.common, bytes, limit)) {
            self.close();
        }
        let open = self.open.get_or_insert_with(|| Open::new(place.common.clone()));
        if open.is_empty() {
            open.common = place.common.clone();
        }
        open
    }

    /// All of a message is in.
    fn took(&mut self, place: Taking) {
        let Message { sequence, sub, .. } = *place.message;
        let last = Position { sequence, sub, item: place.item.saturating_sub(1) };
        let open = self.open.get_or_insert_with(|| Open::new(place.common));
        open.arrival(place.message);
        open.to = open.to.max(last);
        open.bytes += place.bytes;
        if open.common.gated.is_some() {
            self.close();
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let to = Progress::At(open.to);
            // A message that came again may hold nothing new.
            if to > self.handed {
                self.ready.push_back(open.into_piece(self.handed, to));
                self.handed = to;
            }
        }
    }
}

/// A message being taken in.
struct Taking<'m> {
    message: &'m Message,
    common: Common,
    /// Which of its records and refused pieces comes next.
    item: u32,
    /// Of it, unpacked.
    bytes: u64,
}

/// Records of a batch number their contexts with 16 bits.
const CONTEXTS: usize = 65_000;

impl Open {
    fn new(common: Common) -> Open {
        Open {
            common,
            to: Position::default(),
            payload: Vec::new(),
            records: Vec::new(),
            contexts: Vec::new(),
            refused: Vec::new(),
            arrivals: Vec::new(),
            bytes: 0,
        }
    }

    fn is_empty(&self) -> bool {
        self.records.is_empty() && self.refused.is_empty()
    }

    /// Whether a next record may go with what is here; one always fits.
    fn takes(&self, common: &Common, bytes: usize, limit: &BatchLimit) -> bool {
        let full = self.records.len() + self.refused.len() >= limit.records
            || self.payload.len() + bytes > limit.bytes
            || self.contexts.len() >= CONTEXTS;
        self.is_empty() || !full && self.common.is(common)
    }

    /// The number of a message's arrival.
    fn arrival(&mut self, message: &Message) -> u32 {
        let place = (message.sequence, message.sub);
        if (self.to.sequence, self.to.sub) != place || self.arrivals.is_empty() {
            self.arrivals.push(message.arrival);
        }
        u32::try_from(self.arrivals.len() - 1).unwrap_or(u32::MAX)
    }

    fn context(&mut self, context: Option<&Context>) -> u16 {
        let Some(context) = context else { return 0 };
        if !self.contexts.last().is_some_and(|last| Arc::ptr_eq(last, context)) {
            self.contexts.push(context.clone());
        }
        u16::try_from(self.contexts.len() - 1).unwrap_or(u16::MAX)
    }

    fn into_piece(self, from: Progress, to: Progress) -> Piece {
        let Common { layout, day, gated } = self.common;
        Piece {
            layout,
            day,
            gated,
            from,
            to,
            payload: self.payload.into(),
            records: self.records,
            contexts: self.contexts,
            refused: self.refused,
            arrivals: self.arrivals,
            bytes: self.bytes,
        }
    }
}

/// The start of a time's day, UTC.
fn midnight(at: i64) -> i64 {
    at - at.rem_euclid(DAY)
}

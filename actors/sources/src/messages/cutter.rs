//! Cuts the messages of one partition into pieces: each message is framed by its layout, and pieces keep the bounds of batches and the steps.
use super::Message;
use super::deliveries::{Deliveries, GivenUp, Ongoing};
use super::piece::{Common, Open, Piece, Waits, midnight};
use super::unpack::{Damage, refused, unpacked};
use crate::{Compression, HEAD, Layouts, OpenDelivery, OpenLayout};
use record::{BatchLimit, Context, Delivery, Framed, Framer, FramingError, Position, Progress, RawRecord};
use std::collections::VecDeque;
use std::sync::Arc;

/// As the item of a position: all of a message is in, though some of it may come with the next one of its delivery. Steps that give a delivery
/// up stand behind it. No message has so many items.
const WHOLE: u32 = u32::MAX - 1_024;

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
    deliveries: Deliveries,
    /// How the delivery in hand stood before its message, where that may go over several pieces.
    before: Option<Delivery>,
    open: Option<Open>,
    ready: VecDeque<Piece>,
}

impl MessageCutter {
    pub(crate) fn new(
        layouts: Arc<dyn Layouts>,
        compression: Compression,
        record_limit: usize,
        committed: Progress,
        deliveries: Vec<OpenDelivery>,
    ) -> MessageCutter {
        MessageCutter {
            deliveries: Deliveries::resume(deliveries, &*layouts, record_limit),
            before: None,
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
        let last = Position { sequence: message.sequence, sub: message.sub, item: WHOLE };
        if Progress::At(last) <= self.reached() {
            return;
        }
        let unpacked = unpacked(&message.payload, self.compression);
        match unpacked.and_then(|payload| Ok((self.layout_of(message, &payload)?, payload))) {
            Ok((Some(layout), payload)) if layout.declares_its_end() => {
                self.take_controlled(message, layout, &payload, limit);
            }
            Ok((Some(layout), payload)) => self.take(message, layout, &payload, None, limit),
            Ok((None, _)) => self.step_over(message),
            Err(damage) => self.refuse(message, damage, limit),
        }
        while let Some(given_up) = self.deliveries.given_up() {
            self.tell(given_up);
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
        self.deliveries.give_up_all();
        while let Some(given_up) = self.deliveries.given_up() {
            self.tell(given_up);
        }
        if let Some(piece) = self.next(true) {
            return Some(piece);
        }
        let piece = Open::new(Common::default()).into_piece(self.handed, Progress::End, None);
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
        // Only the first message of a delivery says whose it is.
        let chosen = chosen.or_else(|why| self.deliveries.only().cloned().ok_or(why));
        chosen.map(Some).map_err(|why| (why.code, why.text))
    }

    /// Of a layout that declares its end: the next message of a delivery, the first of one, or all of it.
    fn take_controlled(
        &mut self,
        message: &Message,
        layout: Arc<dyn OpenLayout>,
        payload: &[u8],
        limit: &BatchLimit,
    ) {
        match self.deliveries.take(layout.vendor()) {
            Some(before) if before.is_over_before(message, payload) => self.deliveries.give_up(before),
            Some(ongoing) => return self.take_part(ongoing, message, payload, limit),
            None => {}
        }
        let waits = self.disagreement(&*layout, payload);
        let begin = || Ongoing::begin(message, &layout, midnight(message.arrival), self.record_limit);
        if waits.is_some()
            && begin().is_some_and(|first| first.goes_on(payload))
            && let Some(first) = begin()
        {
            return self.take_part(first, message, payload, limit);
        }
        self.take(message, layout, payload, waits, limit);
    }

    /// A message of a delivery that goes over several.
    fn take_part(&mut self, mut ongoing: Ongoing, message: &Message, payload: &[u8], limit: &BatchLimit) {
        let (layout, delivery) = (Some(ongoing.layout.clone()), Some(ongoing.id.clone()));
        let common = Common { layout, day: ongoing.id.day, gated: None, delivery };
        let same = self.open.as_ref().filter(|open| open.common.is(&common));
        let lines = memchr::memchr_iter(b'\n', payload).count() + 2;
        let bytes = payload.len() + ongoing.assembly.pending();
        let fits = same.unwrap_or(&Open::new(common.clone())).fits(lines, bytes, limit);
        self.before = (!fits).then(|| ongoing.keep());
        let mut place = Taking { message, common, item: 0, bytes: payload.len() as u64 };
        ongoing.assembly.take(payload, &mut |framed| self.take_framed(&mut place, framed, limit));
        if self.open.as_ref().is_some_and(|open| !open.is_free() && !open.common.is(&place.common)) {
            self.close();
        }
        self.before = None;
        let last = Position { sequence: message.sequence, sub: message.sub, item: WHOLE };
        let open = self.open.get_or_insert_with(|| Open::new(place.common.clone()));
        open.common = place.common;
        open.arrival(message);
        open.to = last;
        open.bytes += place.bytes;
        let Some(survey) = ongoing.assembly.over().cloned() else { return self.deliveries.put(ongoing) };
        open.over = Some(if survey.agrees() { Delivery::Whole(survey) } else { Delivery::Waits(survey) });
        self.close();
    }

    /// A delivery is over whose end did not come: a step says so.
    fn tell(&mut self, given_up: GivenUp) {
        self.close();
        let Progress::At(at) = self.handed else { return };
        let to = Progress::At(Position { item: at.item.max(WHOLE) + 1, ..at });
        let GivenUp { id, layout, survey } = given_up;
        let common = Common { layout, day: id.day, gated: None, delivery: Some(id) };
        let stands = Some(Delivery::Waits(survey));
        self.ready.push_back(Open::new(common).into_piece(self.handed, to, stands));
        self.handed = to;
    }

    /// A message that is framed by itself.
    fn take(
        &mut self,
        message: &Message,
        layout: Arc<dyn OpenLayout>,
        payload: &[u8],
        gated: Option<Arc<Waits>>,
        limit: &BatchLimit,
    ) {
        let mut framer = self.framer_of(&layout);
        let day = midnight(message.arrival);
        let common = Common { layout: Some(layout.clone()), day, gated, delivery: None };
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
        let common = Common { day: midnight(message.arrival), ..Common::default() };
        let mut place = Taking { message, common, item: 0, bytes: message.payload.len() as u64 };
        self.take_refused(&mut place, refused(&message.payload, why), limit);
        self.took(place);
    }

    /// A message without a record moves the position all the same.
    fn step_over(&mut self, message: &Message) {
        let layout = self.framer.as_ref().map(|(layout, _)| layout.clone());
        let common = Common { layout, day: midnight(message.arrival), ..Common::default() };
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
        if open.is_free() {
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
        if let Some(mut open) = self.open.take() {
            let to = Progress::At(open.to);
            // A message that came again may hold nothing new.
            if to > self.handed {
                let stands =
                    open.over.take().or_else(|| self.deliveries.stands(open.common.delivery.as_deref()?));
                let stands = stands.or_else(|| self.before.clone());
                self.ready.push_back(open.into_piece(self.handed, to, stands));
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

//! Deliveries that began in a message of a partition and are not over.
use super::Message;
use crate::{Assembly, Layouts, OpenDelivery, OpenLayout};
use bincode::{Decode, Encode};
use record::{Delivery, Position, Survey};
use std::sync::Arc;

/// A delivery that comes in several messages, by the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryId {
    /// Its layout's.
    pub vendor: Arc<str>,
    pub mapping_version: u32,
    /// Where its first message stands.
    pub begins: Position,
    /// The day (midnight, microseconds since 1970 UTC) that message arrived on.
    pub day: i64,
}

/// A delivery of which more is to come.
pub(super) struct Ongoing {
    pub id: Arc<DeliveryId>,
    pub layout: Arc<dyn OpenLayout>,
    pub assembly: Box<dyn Assembly>,
    /// The file it was sent from, where the stream says so.
    file: Option<Box<str>>,
}

/// One of which nothing more is taken in, and what it came to.
pub(super) struct GivenUp {
    pub id: Arc<DeliveryId>,
    pub layout: Option<Arc<dyn OpenLayout>>,
    pub survey: Survey,
}

/// What is kept of one. Nobody but the partition's own reader understands it; what it does not is given up.
#[derive(Encode, Decode)]
struct Kept {
    begins: String,
    day: i64,
    file: Option<String>,
    assembly: Vec<u8>,
}

/// The longest that is kept, in bytes: beyond it a delivery is not put together.
const LONGEST: usize = 4 << 20;

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LONGEST>()
}

impl Ongoing {
    /// `None`: deliveries of this layout are whole messages.
    pub fn begin(message: &Message, layout: &Arc<dyn OpenLayout>, day: i64, limit: usize) -> Option<Ongoing> {
        let begins = Position { sequence: message.sequence, sub: message.sub, item: 0 };
        let (vendor, mapping_version) = (layout.vendor().into(), layout.mapping_version());
        Some(Ongoing {
            id: Arc::new(DeliveryId { vendor, mapping_version, begins, day }),
            layout: layout.clone(),
            assembly: layout.assembly(limit, None)?,
            file: message.name.clone(),
        })
    }

    /// Whether more is to come behind its first message.
    pub fn goes_on(mut self, payload: &[u8]) -> bool {
        self.assembly.take(payload, &mut |_| {});
        self.assembly.over().is_none()
    }

    /// Whether a message begins another delivery of the layout.
    pub fn is_over_before(&self, message: &Message, payload: &[u8]) -> bool {
        message.name.is_some() && message.name != self.file || self.assembly.begins_another(payload)
    }

    pub fn keep(&self) -> Delivery {
        let kept = Kept {
            begins: self.id.begins.to_string(),
            day: self.id.day,
            file: self.file.as_deref().map(str::to_owned),
            assembly: self.assembly.keep(),
        };
        // What cannot be written cannot be read: then it is given up where it is read on.
        Delivery::Open { kept: bincode::encode_to_vec(kept, config()).unwrap_or_default() }
    }

    fn resume(id: DeliveryId, kept: &Kept, layout: Arc<dyn OpenLayout>, limit: usize) -> Option<Ongoing> {
        let same = layout.mapping_version() == id.mapping_version;
        let assembly = layout.assembly(limit, Some(&kept.assembly)).filter(|_| same)?;
        Some(Ongoing { id: Arc::new(id), layout, assembly, file: kept.file.as_deref().map(Box::from) })
    }
}

/// Those of one partition: one of each layout, at most.
#[derive(Default)]
pub(super) struct Deliveries {
    ongoing: Vec<Ongoing>,
    given_up: Vec<GivenUp>,
}

impl Deliveries {
    /// As they stand where the partition is committed. What cannot be read on is given up with the next message.
    pub fn resume(open: Vec<OpenDelivery>, layouts: &dyn Layouts, limit: usize) -> Deliveries {
        let mut all = Deliveries::default();
        for delivery in open {
            let OpenDelivery { vendor, mapping_version, kept } = delivery;
            let kept = bincode::decode_from_slice::<Kept, _>(&kept, config()).ok().map(|(kept, _)| kept);
            let begins = kept.as_ref().and_then(|kept| kept.begins.parse().ok());
            let (Some(kept), Some(begins)) = (kept, begins) else {
                tracing::error!(%vendor, "what the store kept of a delivery cannot be read: it goes on waiting");
                continue;
            };
            let id = DeliveryId { vendor, mapping_version, begins, day: kept.day };
            let layout = layouts.named(&id.vendor);
            match layout.clone().and_then(|layout| Ongoing::resume(id.clone(), &kept, layout, limit)) {
                Some(ongoing) => all.put(ongoing),
                None => {
                    tracing::warn!(vendor = %id.vendor, begins = %id.begins, "a delivery was begun with another version of its mapping, and is not read on: have it sent again");
                    let survey = Survey { unfinished: true, ..Survey::default() };
                    all.given_up.push(GivenUp { id: Arc::new(id), layout, survey });
                }
            }
        }
        all
    }

    /// Takes the one of a layout out, to go on with it.
    pub fn take(&mut self, vendor: &str) -> Option<Ongoing> {
        let place = self.ongoing.iter().position(|ongoing| &*ongoing.id.vendor == vendor)?;
        Some(self.ongoing.swap_remove(place))
    }

    /// One of a layout that has another going on takes its place.
    pub fn put(&mut self, ongoing: Ongoing) {
        if let Some(before) = self.take(&ongoing.id.vendor) {
            self.give_up(before);
        }
        self.ongoing.push(ongoing);
    }

    /// Its end did not come.
    pub fn give_up(&mut self, mut ongoing: Ongoing) {
        let survey = Survey { unfinished: true, ..ongoing.assembly.survey() };
        self.given_up.push(GivenUp { id: ongoing.id, layout: Some(ongoing.layout), survey });
    }

    pub fn give_up_all(&mut self) {
        while let Some(ongoing) = self.ongoing.pop() {
            self.give_up(ongoing);
        }
    }

    pub fn given_up(&mut self) -> Option<GivenUp> {
        self.given_up.pop()
    }

    /// The layout of the delivery that goes on, if it is one alone: a message that no layout knows is of it.
    pub fn only(&self) -> Option<&Arc<dyn OpenLayout>> {
        match self.ongoing.as_slice() {
            [one] => Some(&one.layout),
            _ => None,
        }
    }

    /// How one stands.
    pub fn stands(&self, id: &DeliveryId) -> Option<Delivery> {
        self.ongoing.iter().find(|ongoing| *ongoing.id == *id).map(Ongoing::keep)
    }
}

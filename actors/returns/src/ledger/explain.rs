//! What became of each fact of a day, and the day that was linked: for people who ask why.
use super::day::{self, Flows, Value};
use super::head::Head;
use super::live::{Live, add_lost, live};
use super::make::Scene;
use super::overlay::{Overlay, Pinned};
use super::undated::{Seen, settle_undated};
use super::version::{Said, Voices, by_key, is_partial, voices, waits_outside};
use super::withdrawn::Withdrawn;
use super::{Ground, Profile, StoredFact, WaitingReason};
use crate::date::Date;
use crate::fact::{Body, Fact, Kind, Origin};
use crate::link::{SubPeriod, WeightedFlow};
use crate::policy::{FlowTiming, Vendor};
use crate::row::{Row, Status};
use rust_decimal::Decimal;
use std::fmt;

/// What became of a fact. Numbers are places in the list of facts that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is part of the figure.
    Counts,
    /// It is the value the row is traced to; of so many contents of its key.
    Won {
        rivals: usize,
    },
    /// A higher version of its key won: the one at this place, or one on another date.
    Superseded {
        by: Option<usize>,
    },
    /// It says what an earlier one says, which counts.
    Witness {
        of: usize,
    },
    /// A correction that holds at least one field.
    Overlays,
    /// A correction the vendor has confirmed: it lets go for good.
    Released,
    /// A correction of which no field is its own any more.
    Overruled,
    Cancelled,
    Withdrawn,
    /// A newer full feed of the same date says nothing of it.
    Lacked,
    /// Its delivery was read again with a later version of the mapping: that reading counts.
    ReadAgain,
    /// It is of such a reading, of which not all is in yet.
    Reading,
    Waiting(WaitingReason),
    /// Another vendor feeds the account: compared only.
    OtherVendor,
    /// The vendor's values or flows come from another kind of fact: compared only.
    OtherKind,
    /// A record in quarantine that holds the day.
    Holds,
    /// It acts on other facts: a cancel or a withdrawal.
    Acts,
    /// It came after the day had closed, and belongs to the next row.
    NextRow,
    /// A flow with the vendor's own id whose version that counts is dated outside of the row's days.
    OtherDate,
}

impl fmt::Display for Became {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Became::Counts => "counts",
            Became::Won { rivals: 0 } => "won: the only one of its key",
            Became::Won { rivals } => return write!(f, "won over {rivals} of its key: the highest version"),
            Became::Superseded { by: Some(by) } => {
                return write!(f, "superseded by [{by}], a higher version of its key");
            }
            Became::Superseded { by: None } => "superseded by a version of its key on another date",
            Became::Witness { of } => return write!(f, "says what [{of}] said before it"),
            Became::Overlays => "overlays the vendor's figures",
            Became::Released => "confirmed by the vendor, and released for good",
            Became::Overruled => "holds no field: a later correction has them, or it gave them back itself",
            Became::Cancelled => "cancelled",
            Became::Withdrawn => "withdrawn",
            Became::Lacked => "withdrawn: a newer full feed of the same date lacks it",
            Became::ReadAgain => "read again with a later version of its mapping, which counts instead",
            Became::Reading => "counts when all of its feed is read again with this version of the mapping",
            Became::Waiting(reason) => return write!(f, "waits ({})", reason.as_str()),
            Became::OtherVendor => "compared only: another vendor feeds the account",
            Became::OtherKind => "compared only: the vendor's figures come from elsewhere",
            Became::Holds => "holds the day until it is settled",
            Became::Acts => "acts on other facts",
            Became::NextRow => "after the day's close: belongs to the next row",
            Became::OtherDate => "counts on its own date, for another row",
        };
        f.write_str(text)
    }
}

/// The amounts of a day as they were linked.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedDay {
    pub end_value: Decimal,
    pub contributions: Decimal,
    pub distributions: Decimal,
    pub fees: Decimal,
    pub fees_outside: Decimal,
    pub timing: FlowTiming,
    /// With `timed`: each flow and the part of the period left after it.
    pub flows: Vec<WeightedFlow>,
    /// Two or more, or none.
    pub parts: Vec<SubPeriod>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Explained {
    /// One per fact given.
    pub became: Vec<Became>,
    /// `None` for an imported day.
    pub day: Option<ExplainedDay>,
    /// Where the vendor changed under a correction that holds.
    pub pinned: Vec<Pinned>,
}

/// Explains a row by the facts dated after the row before it, up to its date, and, of whatever date, the other versions of undated flows
/// among them and the withdrawals and cancels that touch any of these.
pub fn explain_day(
    facts: &[StoredFact],
    row: &Row,
    before: Option<&Row>,
    base_currency: Option<[u8; 3]>,
    ground: Ground,
) -> Explained {
    let withdrawn = Withdrawn::of(facts, ground.feeds);
    let seen = Seen::by(std::iter::empty());
    let voices = voices(facts, &withdrawn, &seen, ground);
    let mut lost = Vec::new();
    let said = settle_undated(&voices, facts, &seen, &mut lost);
    let mut live = live(&said, None, base_currency, ground);
    add_lost(&mut live, &lost, ground);
    let head = before.map(Head::from);
    let mut window = live.clone();
    window.retain(|l| is_of(row, l) && !matches!(l.fact.kind(), Kind::Account | Kind::Withdrawal));
    let profile = Profile {
        first_values: [(row.value_vendor, Date::MIN)].into_iter().collect(),
        base_currency,
        ..Profile::default()
    };
    let scene = Scene {
        as_of: row.as_of,
        before: head.as_ref(),
        opens: None,
        window: &window,
        spills: false,
        said: &voices.said,
        profile: &profile,
        ground,
    };
    let vendor = row.value_vendor;
    let value = day::value(&window, vendor, row.as_of, ground);
    let taken = value.map(|value| Taken::new(&scene, vendor, value));
    let view = View {
        facts,
        withdrawn: &withdrawn,
        voices: &voices,
        lost: &lost,
        live: &live,
        row,
        taken: taken.as_ref(),
        ground,
    };
    let became = (0..facts.len()).map(|n| view.became(n)).collect();
    let pinned = taken.as_ref().map(|taken| taken.overlay.pinned.clone()).unwrap_or_default();
    let day = taken.filter(|_| row.status != Status::Imported).map(|taken| taken.day(&scene, vendor));
    Explained { became, day, pinned }
}

/// Whether something counts on one of a row's days.
fn is_of(row: &Row, live: &Live) -> bool {
    live.date <= row.as_of && row.previous_as_of.is_none_or(|before| live.date > before)
}

/// What the feeding vendor says of the day, corrected.
struct Taken<'a> {
    value: Value<'a>,
    flows: Flows,
    overlay: Overlay,
}

impl<'a> Taken<'a> {
    fn new(scene: &Scene<'a, '_>, vendor: Vendor, value: Value<'a>) -> Self {
        let flows = day::flows(scene.window, vendor, scene.as_of, &value, scene.ground);
        let overlay = scene.overlay(vendor, &value, &flows);
        Taken { value, flows, overlay }
    }

    fn day(&self, scene: &Scene<'a, '_>, vendor: Vendor) -> ExplainedDay {
        let (amounts, shape) = scene.shape(vendor, &self.value, &self.flows, &self.overlay);
        ExplainedDay {
            end_value: amounts.end,
            contributions: amounts.contributions,
            distributions: amounts.distributions,
            fees: amounts.fees,
            fees_outside: amounts.fees_outside,
            timing: shape.timing,
            flows: shape.flows,
            parts: shape.parts,
        }
    }
}

struct View<'a, 'l> {
    facts: &'l [StoredFact],
    withdrawn: &'l Withdrawn<'a>,
    voices: &'l Voices<'a>,
    lost: &'l [Said<'a>],
    live: &'l [Live<'a>],
    row: &'l Row,
    taken: Option<&'l Taken<'a>>,
    ground: Ground<'l>,
}

impl View<'_, '_> {
    fn became(&self, n: usize) -> Became {
        let stored = &self.facts[n];
        match stored.waiting.filter(|_| waits_outside(stored.waiting)) {
            Some(reason) => return Became::Waiting(reason),
            None if self.ground.feeds.is_aside(stored.fact.feed) => {
                let coming = self.ground.feeds.is_coming(stored.fact.feed);
                return if coming { Became::Reading } else { Became::ReadAgain };
            }
            None if is_partial(&stored.fact, self.ground) => return Became::Waiting(WaitingReason::Trailer),
            None if self.withdrawn.covers(&stored.fact) => return Became::Withdrawn,
            None if self.voices.lacked.contains(&n) => return Became::Lacked,
            None if self.is_lost(n) => return Became::Superseded { by: self.winner_over(&stored.fact) },
            None => {}
        }
        let contents: Vec<&Said> =
            self.voices.said.iter().filter(|s| by_key(s.fact, &stored.fact).is_eq()).collect();
        let own = contents.iter().find(|s| s.fact.content == stored.fact.content);
        if let Some(first) = own.filter(|s| s.index != n) {
            return Became::Witness { of: first.index };
        }
        match self.live.iter().find(|l| l.index == n) {
            Some(live) => self.of_live(live, contents.len().saturating_sub(1)),
            None => Became::Superseded { by: contents.last().map(|s| s.index) },
        }
    }

    fn is_lost(&self, n: usize) -> bool {
        self.lost.iter().any(|said| self.voices.witnesses(said.span).contains(&n))
    }

    /// Where the version is that counts of an undated flow, if it is among the facts.
    fn winner_over(&self, fact: &Fact) -> Option<usize> {
        self.live.iter().find(|l| !l.ended && by_key(l.fact, fact).is_eq()).map(|l| l.index)
    }

    fn of_live(&self, live: &Live, rivals: usize) -> Became {
        match (&live.fact.body, live.waits) {
            (_, Some(reason)) => Became::Waiting(reason),
            (Body::Quarantined(_), None) if live.ended => Became::Released,
            (_, None) if live.ended => Became::Cancelled,
            (Body::Quarantined(_), None) => Became::Holds,
            (Body::Cancel(_) | Body::Withdrawal(_), None) => Became::Acts,
            (Body::Correction(_), None) => self.of_correction(live.fact),
            _ if live.fact.origin != Origin::Vendor(self.row.value_vendor) => Became::OtherVendor,
            _ if live.fact.content == self.row.content && live.fact.place == self.row.place => {
                Became::Won { rivals }
            }
            _ => self.of_vendor(live),
        }
    }

    fn of_correction(&self, fact: &Fact) -> Became {
        let overlay = self.taken.map(|taken| &taken.overlay);
        let is_in = |list: &[crate::fact::Content]| list.contains(&fact.content);
        match overlay {
            Some(overlay) if is_in(&overlay.released) => Became::Released,
            Some(overlay) if is_in(&overlay.holding) => Became::Overlays,
            _ => Became::Overruled,
        }
    }

    fn of_vendor(&self, live: &Live) -> Became {
        let Some(taken) = self.taken else { return Became::OtherKind };
        let used = match &live.fact.body {
            _ if day::is_late(live, self.row.as_of, taken.value.closes) => return Became::NextRow,
            Body::Account(_) => true,
            Body::Flow(_) if !is_of(self.row, live) => return Became::OtherDate,
            Body::Flow(_) => day::takes_flow(live, taken.flows.place),
            Body::Summary(_) => taken.flows.place.from_summary || taken.flows.place.fees_from_summary,
            // One before the close cuts the day in parts.
            Body::Valuation(_) => self.row.sub_periods > 1,
            Body::Holding(_) => taken.value.fact.kind() == Kind::Holding,
            _ => false,
        };
        if used { Became::Counts } else { Became::OtherKind }
    }
}

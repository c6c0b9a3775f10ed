//! What became of each fact of a day, and the day that was linked: for people who ask why.
use super::day::{self, Flows, Value};
use super::head::Head;
use super::live::{Live, add_lost, as_cancel, live, names};
use super::make::Scene;
use super::overlay::{Overlay, Pinned};
use super::undated::{Seen, settle_undated};
use super::version::{Said, Voices, by_key, is_partial, voices, waits_outside};
use super::withdrawn::Withdrawn;
use super::{Ground, Profile, StoredFact, WaitingReason};
use crate::date::Date;
use crate::fact::{Body, Cancel, Fact, Kind, Origin, Stated};
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
    /// By the cancel at this place; `None` where several could have.
    Cancelled {
        by: Option<usize>,
    },
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
    /// Its day has no row: it counts with the next day that has a value.
    NextValue,
    /// Its day has no row, and no other row rests on it.
    NoRow,
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
            Became::Cancelled { by: Some(by) } => return write!(f, "cancelled by [{by}]"),
            Became::Cancelled { by: None } => "cancelled",
            Became::Withdrawn => "withdrawn",
            Became::Lacked => "withdrawn: a newer full feed of the same date lacks it",
            Became::ReadAgain => "read again with a later version of its mapping: what that gives holds",
            Became::Reading => "counts when all of its feed is read again with this version of the mapping",
            Became::Waiting(reason) => return write!(f, "waits ({})", reason.as_str()),
            Became::OtherVendor => "compared only: another vendor feeds the account",
            Became::OtherKind => "compared only: the vendor's figures come from elsewhere",
            Became::Holds => "holds the day until it is settled",
            Became::Acts => "acts on other facts",
            Became::NextRow => "after the day's close: belongs to the next row",
            Became::OtherDate => "counts on its own date, for another row",
            Became::NextValue => "belongs to the next day that has a value",
            Became::NoRow => {
                "no figure rests on it: the vendor that feeds the account gives the day no value"
            }
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

/// The day that is asked about.
struct Asked<'l> {
    as_of: Date,
    /// The row before it.
    before: Option<&'l Row>,
    /// Its own, if it has one.
    row: Option<&'l Row>,
}

impl Asked<'_> {
    /// The vendor that feeds the day, as far as rows tell.
    fn vendor(&self) -> Option<Vendor> {
        self.row.or(self.before).map(|row| row.value_vendor)
    }

    /// Whether something counts on one of the days since the row before.
    fn covers(&self, live: &Live) -> bool {
        live.date <= self.as_of && self.before.is_none_or(|before| live.date > before.as_of)
    }
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
    explain(facts, Asked { as_of: row.as_of, before, row: Some(row) }, base_currency, ground)
}

/// Explains a day without a row, by the facts that would explain one: what became of each.
pub fn explain_rowless(
    facts: &[StoredFact],
    as_of: Date,
    before: Option<&Row>,
    base_currency: Option<[u8; 3]>,
    ground: Ground,
) -> Explained {
    explain(facts, Asked { as_of, before, row: None }, base_currency, ground)
}

fn explain(facts: &[StoredFact], asked: Asked, base_currency: Option<[u8; 3]>, ground: Ground) -> Explained {
    let withdrawn = Withdrawn::of(facts, ground.feeds);
    let seen = Seen::by(std::iter::empty());
    let voices = voices(facts, &withdrawn, &seen, ground);
    let mut lost = Vec::new();
    let said = settle_undated(&voices, facts, &seen, &mut lost);
    let mut live = live(&said, None, base_currency, ground);
    add_lost(&mut live, &lost, ground);
    let head = asked.before.map(Head::from);
    let mut window = live.clone();
    window.retain(|l| asked.covers(l) && !matches!(l.fact.kind(), Kind::Account | Kind::Withdrawal));
    let vendor = asked.row.map(|row| row.value_vendor);
    let profile = Profile {
        first_values: vendor.map(|vendor| (vendor, Date::MIN)).into_iter().collect(),
        base_currency,
        ..Profile::default()
    };
    let scene = Scene {
        as_of: asked.as_of,
        before: head.as_ref(),
        opens: None,
        window: &window,
        spills: false,
        said: &voices.said,
        profile: &profile,
        ground,
    };
    let taken = vendor.and_then(|vendor| {
        let value = day::value(&window, vendor, asked.as_of, ground)?;
        Some((vendor, Taken::new(&scene, vendor, value)))
    });
    let view = View {
        facts,
        withdrawn: &withdrawn,
        voices: &voices,
        lost: &lost,
        live: &live,
        asked: &asked,
        taken: taken.as_ref().map(|(_, taken)| taken),
        ground,
    };
    let became = (0..facts.len()).map(|n| view.became(n)).collect();
    let pinned = taken.as_ref().map(|(_, taken)| taken.overlay.pinned.clone()).unwrap_or_default();
    let is_linked = asked.row.is_some_and(|row| row.status != Status::Imported);
    let day = taken.filter(|_| is_linked).map(|(vendor, taken)| taken.day(&scene, vendor));
    Explained { became, day, pinned }
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
    asked: &'l Asked<'l>,
    taken: Option<&'l Taken<'a>>,
    ground: Ground<'l>,
}

impl View<'_, '_> {
    fn became(&self, n: usize) -> Became {
        let stored = &self.facts[n];
        match stored.waiting.filter(|_| waits_outside(stored, self.ground)) {
            Some(reason) => return Became::Waiting(reason),
            None if self.ground.feeds.is_aside(stored.fact.feed) => {
                let coming = self.ground.feeds.is_coming(stored.fact.feed);
                return if coming { Became::Reading } else { Became::ReadAgain };
            }
            None if is_partial(&stored.fact, self.ground) => return Became::Waiting(WaitingReason::Trailer),
            None if self.withdrawn.covers(&stored.fact) => return Became::Withdrawn,
            None if self.voices.lacked.contains(&n) => return Became::Lacked,
            None if self.is_lost(n) => return self.of_lost(&stored.fact),
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

    /// An undated flow that lost its date: to a cancel that names it, or to a higher version.
    fn of_lost(&self, fact: &Fact) -> Became {
        match self.cancel_naming(fact) {
            Some(by) => Became::Cancelled { by: Some(by) },
            None => Became::Superseded { by: self.winner_over(fact) },
        }
    }

    fn cancel_naming(&self, fact: &Fact) -> Option<usize> {
        let named = |s: &&Said| {
            let original = as_cancel(s.fact).and_then(|cancel| cancel.original.as_deref());
            fact.kind() == Kind::Flow && original.is_some_and(|original| names(original, fact, s.fact))
        };
        self.voices.said.iter().find(named).map(|s| s.index)
    }

    /// The cancel that took a flow: the one that names it, else the only one that describes it.
    fn cancel_of(&self, fact: &Fact) -> Option<usize> {
        let describes = |s: &&Said| as_cancel(s.fact).is_some_and(|cancel| describes(cancel, s.fact, fact));
        let mut describing = self.voices.said.iter().filter(describes).map(|s| s.index);
        let only = || describing.next().filter(|_| describing.next().is_none());
        self.cancel_naming(fact).or_else(only)
    }

    /// Where the version is that counts of an undated flow, if it is among the facts.
    fn winner_over(&self, fact: &Fact) -> Option<usize> {
        self.live.iter().find(|l| !l.ended && by_key(l.fact, fact).is_eq()).map(|l| l.index)
    }

    fn of_live(&self, live: &Live, rivals: usize) -> Became {
        match (&live.fact.body, live.waits) {
            (_, Some(reason)) => Became::Waiting(reason),
            (Body::Quarantined(_), None) if live.ended => Became::Released,
            (_, None) if live.ended => Became::Cancelled { by: self.cancel_of(live.fact) },
            (Body::Quarantined(_), None) => Became::Holds,
            (Body::Cancel(_) | Body::Withdrawal(_), None) => Became::Acts,
            (Body::Correction(_), None) if self.asked.row.is_some() => self.of_correction(live.fact),
            (Body::Correction(_), None) => Became::NoRow,
            (Body::Account(_), None) => Became::Counts,
            _ if self.asked.vendor().is_some_and(|v| live.fact.origin != Origin::Vendor(v)) => {
                Became::OtherVendor
            }
            _ => self.of_vendor(live, rivals),
        }
    }

    fn of_vendor(&self, live: &Live, rivals: usize) -> Became {
        match self.asked.row {
            Some(row) if live.fact.content == row.content && live.fact.place == row.place => {
                Became::Won { rivals }
            }
            Some(row) => self.beside_value(live, row),
            None if moves(live.fact) => Became::NextValue,
            None => Became::NoRow,
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

    fn beside_value(&self, live: &Live, row: &Row) -> Became {
        let Some(taken) = self.taken else { return Became::OtherKind };
        let used = match &live.fact.body {
            _ if day::is_late(live, row.as_of, taken.value.closes) => return Became::NextRow,
            Body::Flow(_) if !self.asked.covers(live) => return Became::OtherDate,
            Body::Flow(_) => day::takes_flow(live, taken.flows.place),
            Body::Summary(_) => taken.flows.place.from_summary || taken.flows.place.fees_from_summary,
            // One before the close cuts the day in parts.
            Body::Valuation(_) => row.sub_periods > 1,
            Body::Holding(_) => taken.value.fact.kind() == Kind::Holding,
            _ => false,
        };
        if used { Became::Counts } else { Became::OtherKind }
    }
}

/// Whether a cancel that names nothing fits a flow.
fn describes(cancel: &Cancel, by: &Fact, fact: &Fact) -> bool {
    let Body::Flow(flow) = &fact.body else { return false };
    cancel.original.is_none()
        && (by.origin, by.as_of) == (fact.origin, fact.as_of)
        && (cancel.class, cancel.amount, &cancel.security) == (flow.class, flow.amount, &flow.security)
}

/// Whether it says something of flows or fees.
fn moves(fact: &Fact) -> bool {
    let fields =
        [Stated::CONTRIBUTIONS, Stated::DISTRIBUTIONS, Stated::FEES, Stated::FEES_OUTSIDE].into_iter();
    match &fact.body {
        Body::Flow(_) => true,
        Body::Summary(s) => fields.into_iter().any(|field| s.stated.has(field)),
        _ => false,
    }
}

//! Rows built one after the other, until the chain meets what is stored.
use super::head::Head;
use super::live::Live;
use super::make::{Made, Scene, keep_late};
use super::version::Voices;
use super::{Ground, Profile, clock, day};
use crate::date::{Date, Micros};
use crate::fact::{Kind, Origin, Stated};
use crate::link::chain_meets;
use crate::row::{Reason, Row};

/// What rows are built from.
pub(super) struct Plan<'a, 'l> {
    pub base: Option<&'l Head>,
    pub counted: Counted<'a, 'l>,
    pub profile: &'l Profile,
    pub ground: Ground<'l>,
    /// The rows stored after the base.
    pub stored: &'l [Row],
    /// The last date whose facts changed: after it the chain may meet.
    pub until: Date,
    /// The last date that is known; [`Date::MAX`] when nothing lies beyond.
    pub known_to: Date,
}

/// What counts of the facts known.
#[derive(Clone, Copy)]
pub(super) struct Counted<'a, 'l> {
    /// By date.
    pub live: &'l [Live<'a>],
    pub voices: &'l Voices<'a>,
}

pub(super) struct Built {
    pub rows: Vec<(Row, Option<usize>)>,
    /// The date from which on nothing changes: its row is the last of `rows`.
    pub met: Option<Date>,
}

impl Plan<'_, '_> {
    pub(super) fn build(&self) -> Built {
        let mut built = Built { rows: Vec::new(), met: None };
        let mut head = self.base.cloned();
        let (mut window, mut opens) = self.left_over();
        let start = head.as_ref().map_or(Date::MIN, |head| head.as_of);
        let from = self.counted.live.partition_point(|l| self.base.is_some() && l.date <= start);
        for day in self.counted.live[from..].chunk_by(|a, b| a.date == b.date) {
            let as_of = day[0].date;
            if as_of > self.known_to {
                break;
            }
            window.extend_from_slice(day);
            // Asked of the day alone: the window of an account all of whose days wait has them all.
            if !may_have_row(day) {
                continue;
            }
            let scene = self.scene(as_of, head.as_ref(), opens, &window);
            let Some(Made { row, carried, closes }) = scene.make() else { continue };
            let met = self.meets(&row);
            head = Some(Head::from(&row));
            built.rows.push((row, carried));
            if met {
                built.met = Some(as_of);
                return built;
            }
            keep_late(&mut window, as_of, closes);
            opens = closes;
        }
        if self.known_to == Date::MAX {
            self.mark_open(&mut built);
        }
        built
    }
}

impl<'a> Plan<'a, '_> {
    fn scene<'s>(
        &'s self,
        as_of: Date,
        before: Option<&'s Head>,
        opens: Option<Micros>,
        window: &'s [Live<'a>],
    ) -> Scene<'a, 's> {
        let Plan { counted: Counted { voices, .. }, profile, ground, .. } = *self;
        let (spills, said) = (self.spills(as_of), voices.said.as_slice());
        Scene { as_of, before, opens, window, spills, said, profile, ground }
    }

    /// Whether something dated on a day counts on the next: a valuation after the cut-off.
    fn spills(&self, as_of: Date) -> bool {
        let next = self.counted.live.partition_point(|l| l.date <= as_of);
        let mut tomorrow =
            self.counted.live[next..].iter().take_while(|l| as_of.tomorrow().is_ok_and(|t| t == l.date));
        tomorrow.any(|l| !l.ended && l.fact.as_of == as_of)
    }

    /// What of the base's own date belongs to the row after it, and when that day closed.
    fn left_over(&self) -> (Vec<Live<'a>>, Option<Micros>) {
        let Some(base) = self.base else { return (Vec::new(), None) };
        let same_date = |l: &&Live| l.date == base.as_of;
        let mut window: Vec<Live> = self.counted.live.iter().filter(same_date).copied().collect();
        let closes = self.scene(base.as_of, None, None, &window).closes();
        keep_late(&mut window, base.as_of, closes);
        (window, closes)
    }

    /// Whether all that follows a row is as it is stored. The last row of all is never met: whether its day is open depends on what
    /// follows it.
    fn meets(&self, row: &Row) -> bool {
        let Ok(n) = self.stored.binary_search_by(|old| old.as_of.cmp(&row.as_of)) else { return false };
        let last = self.known_to == Date::MAX && n + 1 == self.stored.len();
        let old = &self.stored[n];
        row.as_of > self.until
            && !last
            && chain_meets(old, row)
            && old.value_vendor == row.value_vendor
            && !old.reasons.has(Reason::Incomplete)
    }

    /// Marks the last row as incomplete where its vendor says what a day needs and that has not come (F6).
    fn mark_open(&self, built: &mut Built) {
        let Some((row, _)) = built.rows.last_mut() else { return };
        let as_of = row.as_of;
        let policy = self.ground.policy.vendor(row.value_vendor);
        let vendor = Origin::Vendor(row.value_vendor);
        let own = |l: &&Live| !l.ended && l.fact.origin == vendor;
        let goes_on = |(origin, date): &(Origin, Date)| *origin == vendor && *date > as_of;
        let later = self.counted.live.iter().filter(own).any(|l| l.fact.as_of > as_of);
        if later || self.counted.voices.partial.iter().any(goes_on) {
            return;
        }
        let today = || self.counted.live.iter().filter(own).filter(|l| l.date == as_of);
        let both = Stated::CONTRIBUTIONS.with(Stated::DISTRIBUTIONS);
        let of_day = today().flat_map(|l| self.counted.voices.feeds(l.span)).copied();
        let complete = self.ground.feeds.complete(row.value_vendor, as_of, of_day);
        let flows_in = || today().any(|l| day::summary(l).is_some_and(|s| s.stated.has(both)));
        let lacks_flows = policy.needs_flows && !complete.flows && !flows_in();
        let lacks_value = policy.close.filter(|_| !complete.values).is_some_and(|minutes| {
            let close = clock::instant(policy, as_of, minutes);
            let after = |l: &Live| day::valuation(l).is_some_and(|v| v.at.is_none_or(|at| at >= close));
            !today().any(after)
        });
        if lacks_flows || lacks_value {
            row.reasons.insert(Reason::Incomplete);
        }
    }
}

/// Whether anything of a day can give it a row: a value that does not wait, or history moved in.
fn may_have_row(day: &[Live]) -> bool {
    let moved_in = |l: &Live| matches!(l.fact.kind(), Kind::Opening | Kind::Return);
    day.iter().any(|l| !l.ended && (moved_in(l) || (l.waits.is_none() && day::may_value(l))))
}

//! Which dates a change of facts can touch, and what is known of the account by its facts.
use super::day;
use super::live::Live;
use super::undated::reference;
use super::version::{Said, by_version};
use super::{FirstValues, Ground, Profile, StoredFact, clock};
use crate::date::Date;
use crate::fact::{AccountInfo, Body, Fact, Kind, Origin};
use crate::policy::{FlowDate, ValueFrom, Vendor};

/// No fact is dated before; every store can write it.
pub(super) const BEGINNING: Date = Date::constant(1, 1, 1);

/// A span of dates, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extent {
    pub from: Date,
    pub until: Date,
}

impl Extent {
    pub(super) const NOTHING: Extent = Extent { from: Date::MAX, until: Date::MIN };
    pub(super) const ALL: Extent = Extent { from: Date::MIN, until: Date::MAX };

    pub(super) fn add(&mut self, date: Date) {
        self.from = self.from.min(date);
        self.until = self.until.max(date);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.from > self.until
    }
}

/// The dates a changed fact touches, by what else is known under its key. `None`: it may be any.
pub(super) fn touch(
    extent: &mut Extent,
    fact: &Fact,
    known: &[StoredFact],
    profile: &Profile,
    ground: Ground,
) -> Option<()> {
    match &fact.body {
        Body::Withdrawal(_) => return None,
        Body::Account(said) => return agrees(said, profile).then_some(()),
        _ => {}
    }
    let mut same = vec![fact];
    if !fact.is_dated() {
        let id = reference(fact);
        let is_same = |f: &&Fact| f.origin == fact.origin && !f.is_dated() && reference(f) == id;
        same.extend(known.iter().map(|s| &s.fact).filter(is_same));
    }
    for f in &same {
        extent.add(f.as_of);
        extent.add(clock::counts_on(f, ground));
    }
    // What of a date's flows wins or is cancelled may change with any of them; by effective date they count elsewhere.
    let effective = ground.policy.vendors.iter().any(|v| v.flow_date == FlowDate::Effective);
    if effective && matches!(fact.kind(), Kind::Flow | Kind::Cancel) {
        let beside = |f: &&Fact| f.kind() == Kind::Flow && same.iter().any(|s| s.as_of == f.as_of);
        known.iter().map(|s| &s.fact).filter(beside).for_each(|f| extent.add(clock::counts_on(f, ground)));
    }
    Some(())
}

/// Whether reference data says nothing that is not known.
pub(super) fn agrees(said: &AccountInfo, profile: &Profile) -> bool {
    (said.base_currency.is_none() || said.base_currency == profile.base_currency)
        && (said.performance_start.is_none() || said.performance_start == profile.performance_start)
        && (said.closed_on.is_none() || said.closed_on == profile.closed_on)
}

/// What all account facts say together: of each field the latest date that states it. A field that no fact ever stated stays.
pub(super) fn reference_data(
    before: &Profile,
    facts: &[StoredFact],
    said: &[Said],
    ground: Ground,
) -> Profile {
    let mut profile = before.clone();
    for stored in facts {
        if let Body::Account(info) = &stored.fact.body {
            info.base_currency.is_some().then(|| profile.base_currency = None);
            info.performance_start.is_some().then(|| profile.performance_start = None);
            info.closed_on.is_some().then(|| profile.closed_on = None);
        }
    }
    let rank = |f: &Fact| match f.origin {
        Origin::Vendor(v) => ground.policy.precedence.iter().position(|p| *p == v),
        Origin::Correction => None,
    };
    let mut infos: Vec<&Fact> = said.iter().map(|s| s.fact).filter(|f| f.kind() == Kind::Account).collect();
    infos.sort_by(|a, b| {
        let later = a.as_of.cmp(&b.as_of).then_with(|| rank(b).cmp(&rank(a)));
        later.then_with(|| by_version(a, b, ground))
    });
    for fact in infos {
        if let Body::Account(info) = &fact.body {
            profile.base_currency = info.base_currency.or(profile.base_currency);
            profile.performance_start = info.performance_start.or(profile.performance_start);
            profile.closed_on = info.closed_on.or(profile.closed_on);
        }
    }
    profile
}

/// The part of the history that is known: after `after` (all, without), up to `to`.
#[derive(Clone, Copy)]
pub(super) struct KnownPart {
    pub after: Option<Date>,
    pub to: Date,
}

/// Each vendor's first value, from what is known of them before and what the live facts of a part of the history say. Where one moved,
/// the days between may be fed by another vendor. `None`: the part is too small to tell.
pub(super) fn first_values(
    before: &[(Vendor, Date)],
    live: &[Live],
    part: KnownPart,
    extent: &mut Extent,
    ground: Ground,
) -> Option<FirstValues> {
    let mut found: Vec<(Vendor, Date)> = Vec::new();
    for l in live.iter().filter(|l| gives_value(l, ground)) {
        let Origin::Vendor(vendor) = l.fact.origin else { continue };
        if !found.iter().any(|(v, _)| *v == vendor) && part.after.is_none_or(|after| l.date > after) {
            found.push((vendor, l.date));
        }
    }
    let mut firsts = FirstValues::new();
    let mut vendors: Vec<Vendor> = before.iter().chain(&found).map(|(v, _)| *v).collect();
    vendors.sort_unstable();
    vendors.dedup();
    let alone = vendors.len() == 1;
    for vendor in vendors {
        let of = |list: &[(Vendor, Date)]| list.iter().find(|(v, _)| *v == vendor).map(|(_, date)| *date);
        let old = of(before);
        let earlier = old.filter(|old| part.after.is_some_and(|after| *old <= after));
        let beyond = old.filter(|old| *old > part.to);
        let new = match (earlier, of(&found), beyond) {
            (Some(kept), _, _) => Some(kept),
            (None, Some(found), beyond) => Some(beyond.map_or(found, |b| b.min(found))),
            (None, None, Some(beyond)) => Some(beyond),
            (None, None, None) if part.to < Date::MAX && old.is_some() => return None,
            (None, None, None) => None,
        };
        if new != old {
            old.into_iter().chain(new).for_each(|date| extent.add(date));
            if !alone && (old.is_none() || new.is_none()) {
                extent.add(Date::MAX);
            }
        }
        firsts.extend(new.map(|date| (vendor, date)));
    }
    firsts.sort_unstable_by_key(|(vendor, date)| (*date, *vendor));
    Some(firsts)
}

/// Whether a fact alone gives its date a value.
fn gives_value(live: &Live, ground: Ground) -> bool {
    let Origin::Vendor(vendor) = live.fact.origin else { return false };
    let as_holdings = ground.policy.vendor(vendor).value_from == ValueFrom::Holdings;
    let holding = live.fact.kind() != Kind::Holding || (as_holdings && live.waits.is_none());
    !live.ended && holding && day::may_value(live)
}

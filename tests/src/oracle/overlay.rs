//! Corrections over a vendor's winner, and their confirmation (F7).
use super::book::Fields;
use super::number::{Q, exact};
use super::standing::{Names, Stamp, contents, correction_order, stamp};
use jiff::civil::Date;
use returns::fact::{Correction, Patch};
use returns::{Body, Fact};
use std::collections::HashSet;

const FIELDS: [fn(&Correction) -> Patch; 4] =
    [|c| c.end_value, |c| c.contributions, |c| c.distributions, |c| c.fees];

fn spoken(fields: &Fields) -> [Option<Q>; 4] {
    [
        fields.end_value.clone(),
        fields.contributions.clone(),
        fields.distributions.clone(),
        fields.fees.clone(),
    ]
}

/// What corrections put in the place of the vendor's fields on a date. `says` reads those fields from what had come so far.
pub fn overlay(standing: &[Fact], names: &Names, date: Date, says: impl Fn(&[Fact]) -> Fields) -> Fields {
    let is_correction = |f: &&Fact| f.as_of == date && matches!(f.body, Body::Correction(_));
    if !standing.iter().any(|f| is_correction(&f)) {
        return Fields::default();
    }
    let mut corrections = contents(standing, names);
    corrections.retain(|f| is_correction(&f));
    corrections.sort_by(correction_order);
    let released = confirmed(standing, names, &corrections, says);
    let [end_value, contributions, distributions, fees] =
        FIELDS.map(|patch| match owner(&corrections, patch) {
            Some((n, Patch::Set(amount))) if !released.contains(&n) => Some(exact(amount)),
            _ => None,
        });
    Fields { end_value, contributions, distributions, fees }
}

/// The highest correction that speaks of a field, with what it says.
fn owner(corrections: &[Fact], patch: fn(&Correction) -> Patch) -> Option<(usize, Patch)> {
    corrections.iter().enumerate().rev().find_map(|(n, fact)| match &fact.body {
        Body::Correction(c) if patch(c) != Patch::Absent => Some((n, patch(c))),
        _ => None,
    })
}

/// The corrections with which the vendor's winner agreed, at any moment from their arrival on, in all fields still their own.
fn confirmed(
    standing: &[Fact],
    names: &Names,
    corrections: &[Fact],
    says: impl Fn(&[Fact]) -> Fields,
) -> HashSet<usize> {
    let mut moments: Vec<Stamp> = standing.iter().map(|f| stamp(f, names)).collect();
    moments.sort();
    moments.dedup();
    let mut released = HashSet::new();
    for moment in &moments {
        let so_far = |f: &&Fact| stamp(f, names) <= *moment;
        let then: Vec<Fact> = standing.iter().filter(so_far).cloned().collect();
        let vendor_says = spoken(&says(&then));
        // Those not here yet own nothing yet.
        let arrived: Vec<(usize, &Fact)> =
            corrections.iter().enumerate().filter(|(_, f)| so_far(f)).collect();
        let here: Vec<Fact> = arrived.iter().map(|(_, f)| (*f).clone()).collect();
        for (place, (n, _)) in arrived.iter().enumerate() {
            if agrees(&here, place, &vendor_says) {
                released.insert(*n);
            }
        }
    }
    released
}

fn agrees(here: &[Fact], place: usize, vendor_says: &[Option<Q>; 4]) -> bool {
    let mut own = 0;
    for (patch, said) in FIELDS.into_iter().zip(vendor_says) {
        if let Some((owner, Patch::Set(amount))) = owner(here, patch)
            && owner == place
        {
            own += 1;
            if *said != Some(exact(amount)) {
                return false;
            }
        }
    }
    own > 0
}

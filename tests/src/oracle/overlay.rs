//! Corrections over a vendor's winner, and their confirmation (F7).
use super::book::{Book, Fields};
use super::number::{Q, exact};
use super::standing::{Names, Stamp, contents, correction_order, stamp};
use jiff::civil::Date;
use returns::fact::{Correction, Patch};
use returns::policy::Vendor;
use returns::{Body, Fact, Policy};
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

/// What corrections put in the place of the vendor's fields on a date.
pub fn overlay(
    standing: &[Fact],
    names: &Names,
    policy: &Policy,
    base_currency: Option<[u8; 3]>,
    vendor: Vendor,
    date: Date,
) -> Fields {
    let mut corrections: Vec<Fact> = contents(standing, names)
        .into_iter()
        .filter(|f| f.as_of == date && matches!(f.body, Body::Correction(_)))
        .collect();
    corrections.sort_by(correction_order);
    let released = confirmed(standing, names, policy, base_currency, vendor, date, &corrections);
    let mut left = [None, None, None, None];
    for (slot, patch) in left.iter_mut().zip(FIELDS) {
        let owner = owner(&corrections, patch);
        if let Some((n, Patch::Set(amount))) = owner
            && !released.contains(&n)
        {
            *slot = Some(exact(amount));
        }
    }
    let [end_value, contributions, distributions, fees] = left;
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
    policy: &Policy,
    base_currency: Option<[u8; 3]>,
    vendor: Vendor,
    date: Date,
    corrections: &[Fact],
) -> HashSet<usize> {
    let mut moments: Vec<Stamp> = standing.iter().map(|f| stamp(f, names)).collect();
    moments.sort();
    moments.dedup();
    let mut released = HashSet::new();
    for moment in &moments {
        let so_far = |f: &&Fact| stamp(f, names) <= *moment;
        let then: Vec<Fact> = standing.iter().filter(so_far).cloned().collect();
        let vendor_says = spoken(&Book::new(&then, names, policy, base_currency).fields(vendor, date));
        // Those not here yet own nothing yet.
        let arrived: Vec<(usize, &Fact)> = corrections.iter().enumerate().filter(|(_, f)| so_far(f)).collect();
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

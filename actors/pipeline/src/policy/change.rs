//! What a change of policy touches, by the lines in which two canonical texts differ.
use super::{CALENDAR, PRECEDENCE, RETURN_DIGITS, RETURN_TRUNCATED, RULES, VENDORS};
use std::collections::{BTreeMap, BTreeSet};
use store::Touched;

/// What of a store is not as another policy would have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Accounts outside have the same rows under both policies, to the last digit and reason.
    pub touched: Touched,
    /// Whether figures may move; else only a tolerance rule looks at what changed, and rows are judged anew.
    pub figures: bool,
}

/// What the step from one policy to another touches. A line this program does not know touches everything: so texts of other versions
/// of it are safe.
pub fn change(before: &str, now: &str) -> Change {
    let (before, now) = (lines(before), lines(now));
    let mut touched = Some(BTreeSet::new());
    let mut figures = false;
    for key in before.keys().chain(now.keys()).collect::<BTreeSet<_>>() {
        let (old, new) = (before.get(key).copied(), now.get(key).copied());
        if old != new {
            let concern = concern(key, old, new);
            figures |= concern.figures && concern.vendors.as_ref().is_none_or(|v| !v.is_empty());
            touched = touched.zip(concern.vendors).map(|(all, more)| &all | &more);
        }
    }
    let of_vendors = |vendors: BTreeSet<&str>| vendors.into_iter().map(Into::into).collect();
    Change { touched: touched.map_or(Touched::All, |v| Touched::OfVendors(of_vendors(v))), figures }
}

fn lines(text: &str) -> BTreeMap<&str, &str> {
    text.lines().map(|line| line.split_once(" = ").unwrap_or((line, ""))).collect()
}

/// Whom a line concerns.
struct Concern<'t> {
    /// `None`: everybody.
    vendors: Option<BTreeSet<&'t str>>,
    figures: bool,
}

fn concern<'t>(key: &'t str, old: Option<&'t str>, new: Option<&'t str>) -> Concern<'t> {
    match (key.split('.').collect::<Vec<_>>().as_slice(), old, new) {
        ([PRECEDENCE], Some(old), Some(new)) => Concern { vendors: Some(reordered(old, new)), figures: true },
        ([VENDORS, name, own], ..) => {
            let judged = [RETURN_DIGITS, RETURN_TRUNCATED].contains(own);
            Concern { vendors: Some([*name].into()), figures: !judged }
        }
        ([CALENDAR] | [RULES, ..], ..) => Concern { vendors: None, figures: false },
        _ => Concern { vendors: None, figures: true },
    }
}

/// Vendors of both orders that do not stand to each other as they did. One that is new, or gone, moves none of the others.
fn reordered<'t>(old: &'t str, new: &'t str) -> BTreeSet<&'t str> {
    let rank: BTreeMap<&str, usize> = new.split(", ").zip(0..).collect();
    let kept: Vec<&str> = old.split(", ").filter(|v| rank.contains_key(v)).collect();
    let mut found = BTreeSet::new();
    for (n, first) in kept.iter().enumerate() {
        for then in kept[n + 1..].iter().filter(|then| rank[*then] < rank[first]) {
            found.extend([*first, *then]);
        }
    }
    found
}

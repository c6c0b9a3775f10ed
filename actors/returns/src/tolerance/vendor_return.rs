//! The vendor's own return against ours, and what would explain a difference.
use super::compare::{Breach, Compared};
use super::rule::{Rule, Rules};
use crate::fact::Span;
use crate::money::add;
use crate::policy::{FlowTiming, Policy, VendorPolicy};
use crate::row::{Row, difference};
use rust_decimal::Decimal;

/// Compares over the span that the vendor reports. A span that needs other rows than this one (month, quarter, year to date), or
/// an own return that is undefined, is not compared here.
pub(super) fn check(row: &Row, rules: &Rules, policy: &Policy) -> Option<Breach> {
    let (vendor, own) = (row.reported_return?, own(row)?);
    let printed = printed(policy.vendor(row.value_vendor));
    let capital = Terms::net(row).capital(row.flow_timing);
    let slack = printed.saturating_add(cent_of(capital.or(Terms::net(row).capital(FlowTiming::Split))));
    let compared =
        Compared { rule: Rule::VendorReturn, expected: own, actual: vendor, of: Decimal::ONE, slack };
    let breach = compared.breach(rules)?;
    Some(Breach { hint: Some(hint(row, vendor, printed)), ..breach })
}

/// Ours over the span that the vendor reports. Since inception there is one only in the first segment.
fn own(row: &Row) -> Option<Decimal> {
    match row.reported_span {
        Span::Day | Span::Period => row.twrr,
        Span::Inception => row.cumulative_twrr().filter(|_| row.segment == 1),
        Span::Mtd | Span::Qtd | Span::Ytd => None,
    }
}

/// What the vendor's printing can hide: half its last unit, all of it where it truncates, and a millionth for rounding inside.
fn printed(vendor: &VendorPolicy) -> Decimal {
    let digits = u32::from(vendor.return_digits.min(27));
    let unit = if vendor.return_truncated { Decimal::new(1, digits) } else { Decimal::new(5, digits + 1) };
    unit + Decimal::new(1, 6)
}

/// What a cent of value moves a return by.
fn cent_of(capital: Option<Decimal>) -> Decimal {
    capital.and_then(|d| Decimal::new(1, 2).checked_div(d)).unwrap_or_default().round_dp(18)
}

/// One sub-period as a fee basis sees it.
#[derive(Clone, Copy)]
struct Terms {
    begin: Decimal,
    contributions: Decimal,
    distributions: Decimal,
    /// N - D.
    earned: Decimal,
    /// D of `timed`: the row does not keep the weights of its flows, but its return tells.
    timed: Option<Decimal>,
}

impl Terms {
    fn net(row: &Row) -> Terms {
        let earned = difference(row.gain(), row.fees_outside);
        let is_timed = row.flow_timing == FlowTiming::Timed && row.sub_periods == 1;
        Terms {
            begin: row.begin_value,
            contributions: row.contributions,
            distributions: row.distributions,
            earned,
            timed: row.twrr.filter(|_| is_timed).and_then(|r| earned.checked_div(r)),
        }
    }

    /// D, if there is any.
    fn capital(&self, timing: FlowTiming) -> Option<Decimal> {
        let net = difference(self.contributions, self.distributions);
        let added = match timing {
            FlowTiming::Split => self.contributions,
            FlowTiming::Start => net,
            FlowTiming::End => Decimal::ZERO,
            FlowTiming::Mid => net.checked_div(Decimal::TWO)?,
            FlowTiming::Timed => return self.timed.filter(|d| *d > Decimal::ZERO),
        };
        add(self.begin, added).filter(|d| *d > Decimal::ZERO)
    }

    /// Whether this is the vendor's figure, as far as its printing tells.
    fn gives(&self, timing: FlowTiming, vendor: Decimal, printed: Decimal) -> bool {
        self.capital(timing).is_some_and(|capital| {
            let near = printed.saturating_add(cent_of(Some(capital)));
            self.earned.checked_div(capital).is_some_and(|r| r.saturating_sub(vendor).abs() <= near)
        })
    }
}

/// Net of fees as we count them, then other fee bases, each as a sentence says it of the vendor's figure.
fn bases(row: &Row) -> Vec<(Option<&'static str>, Terms)> {
    let net = Terms::net(row);
    let gain = row.gain();
    let mut bases = vec![(None, net)];
    if row.fees.is_zero() && row.fees_outside.is_zero() {
        return bases;
    }
    let gross = difference(gain, -row.fees);
    bases.push((Some("is gross of fees"), Terms { earned: gross, ..net }));
    if !row.fees.is_zero() {
        bases.push((Some("leaves out the fees paid elsewhere"), Terms { earned: gain, ..net }));
        let listed = Terms {
            distributions: difference(row.distributions, row.fees),
            earned: difference(net.earned, row.fees),
            timed: None,
            ..net
        };
        bases.push((Some("counts the fees among the distributions"), listed));
    }
    bases
}

/// Which flow timing, or which fee basis, gives the vendor's figure to what it prints: the least change that does.
fn hint(row: &Row, vendor: Decimal, printed: Decimal) -> String {
    let found = match row.reported_span {
        Span::Inception => gross_since_inception(row, vendor, printed),
        _ => other_basis(row, vendor, printed).or_else(|| other_timing(row, vendor, printed)),
    };
    match found {
        Some(found) => format!("the vendor's figure {found}"),
        None => "no flow timing or fee basis explains it".into(),
    }
}

fn gross_since_inception(row: &Row, vendor: Decimal, printed: Decimal) -> Option<String> {
    let gross = row.cumulative_twrr_gross()?;
    (gross.saturating_sub(vendor).abs() <= printed).then(|| "is gross of fees".into())
}

fn other_basis(row: &Row, vendor: Decimal, printed: Decimal) -> Option<String> {
    if row.sub_periods > 1 {
        let gross = row.twrr_gross.filter(|gross| Some(*gross) != row.twrr)?;
        return (gross.saturating_sub(vendor).abs() <= printed).then(|| "is gross of fees".into());
    }
    let mut others =
        bases(row).into_iter().filter(|(_, terms)| terms.gives(row.flow_timing, vendor, printed));
    others.find_map(|(says, _)| says).map(str::to_owned)
}

/// Of a day in several sub-periods: any timing of the day as one.
fn other_timing(row: &Row, vendor: Decimal, printed: Decimal) -> Option<String> {
    let whole = row.sub_periods > 1;
    let is_other = |timing: &FlowTiming| whole || *timing != row.flow_timing;
    bases(row).into_iter().find_map(|(says, terms)| {
        let gives = |timing: &FlowTiming| terms.gives(*timing, vendor, printed);
        let timings = FlowTiming::ALL.into_iter().filter(is_other).filter(gives);
        let names: Vec<String> = timings.map(|timing| format!("`{}`", timing.as_str())).collect();
        if names.is_empty() {
            return None;
        }
        let day = if whole { " for the day as one sub-period" } else { "" };
        let basis = says.map(|says| format!(", and {says}")).unwrap_or_default();
        Some(format!("is what flow timing {} gives{day}{basis}", names.join(" or ")))
    })
}

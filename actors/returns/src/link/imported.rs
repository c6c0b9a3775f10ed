//! F9: history moved in, as far as a row.
use super::{Chain, Day, Linked};
use crate::exact::{RATE_PLACES, from_index, index, mul_div};
use crate::fact::{ImportedReturn, Opening};
use crate::money::{add, at_scale, power_of_ten};
use crate::row::{Growth, Reasons, Status};
use rust_decimal::Decimal;

/// What was moved in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Import {
    /// A standing: the chain begins here, whatever came before.
    Opening(Opening),
    /// A return that links to the row before.
    Return(ImportedReturn),
}

/// The row of an imported day. `day` has its value and flows where known, and 0 for E where not (a return says none): the
/// first value after such a row is an anchor inside the chain, which goes on from the imported index.
///
/// The status is `imported`; a return of -100% leaves the index at 0, one below or beyond the decimal type ends the figure
/// with the status that says so.
pub fn link_imported(before: Option<&Chain>, day: &Day, import: Import) -> Linked {
    match import {
        Import::Opening(opening) => stand(before, day, &opening),
        Import::Return(returned) => link_return(before, day, &returned),
    }
}

fn stand(before: Option<&Chain>, day: &Day, opening: &Opening) -> Linked {
    let net = factor(Decimal::ONE, opening.cumulative_twrr);
    let gross = opening.cumulative_twrr_gross.and_then(|gross| factor(Decimal::ONE, gross).ok());
    Linked {
        begin_value: Decimal::ZERO,
        cumulative_net_flow: opening.cumulative_net_flow,
        twrr: None,
        twrr_gross: None,
        net: growth(net.ok()),
        gross: growth(gross.filter(|_| net.is_ok())),
        incepted: true,
        segment: before.map_or(1, |chain| chain.segment),
        sub_periods: 1,
        status: net.err().unwrap_or(Status::Imported),
        value_since: day.value_since(before),
        reasons: Reasons::default(),
    }
}

fn link_return(before: Option<&Chain>, day: &Day, returned: &ImportedReturn) -> Linked {
    let restarts = before.is_some_and(|chain| chain.incepted && chain.is_over());
    let chain = before.filter(|_| !restarts);
    let start = chain.map_or(Some(Decimal::ONE), |chain| chain.net.growth);
    let start_gross = chain.map_or(Some(Decimal::ONE), |chain| chain.gross.growth);
    let net = factor(start.unwrap_or(Decimal::ONE), returned.net);
    let gross = start_gross.zip(returned.gross).and_then(|(start, rate)| factor(start, rate).ok());
    let flow = day.cumulative_net_flow(before);
    let status = match (net, flow) {
        (Err(status), _) => status,
        (Ok(_), None) => Status::OutOfRange,
        (Ok(_), Some(_)) => Status::Imported,
    };
    let told = status == Status::Imported;
    Linked {
        begin_value: before.map_or(Decimal::ZERO, |chain| chain.end_value),
        cumulative_net_flow: flow.or(before.map(|chain| chain.cumulative_net_flow)).unwrap_or_default(),
        twrr: rounded(returned.net).filter(|_| told),
        twrr_gross: returned.gross.and_then(rounded).filter(|_| told && gross.is_some()),
        net: growth(net.ok().filter(|_| told)),
        gross: growth(gross.filter(|_| told)),
        incepted: true,
        segment: before.map_or(1, |chain| chain.segment.saturating_add(u16::from(restarts))),
        sub_periods: 1,
        status,
        value_since: day.value_since(before),
        reasons: Reasons::default(),
    }
}

/// No run leads on from an imported index: the next row begins one.
fn growth(growth: Option<Decimal>) -> Growth {
    Growth { growth, link: None }
}

/// `start * (1 + rate)`, exact and rounded once to 18 places.
fn factor(start: Decimal, rate: Decimal) -> Result<Decimal, Status> {
    let factor = add(Decimal::ONE, rate).ok_or(Status::OutOfRange)?;
    let mantissa = u128::try_from(factor.mantissa()).map_err(|_| Status::LossGt100)?;
    let start = index(start).ok_or(Status::OutOfRange)?;
    let one = power_of_ten(factor.scale()).unsigned_abs();
    match mul_div(start, mantissa, one) {
        Some(0) if start > 0 && mantissa > 0 => Err(Status::OutOfRange),
        linked => linked.and_then(from_index).ok_or(Status::OutOfRange),
    }
}

/// A rate as it was given, at 18 places.
fn rounded(rate: Decimal) -> Option<Decimal> {
    let mantissa = match at_scale(rate, RATE_PLACES) {
        Some(mantissa) => mantissa.unsigned_abs(),
        None if rate.scale() > RATE_PLACES => {
            let finer = power_of_ten(rate.scale() - RATE_PLACES).unsigned_abs();
            mul_div(rate.mantissa().unsigned_abs(), 1, finer)?
        }
        None => return None,
    };
    let size = from_index(mantissa)?;
    Some(if rate.is_sign_negative() { -size } else { size })
}

//! A day's values and flows.
use super::fault::{Fault, Outcome};
use super::row::{Row, missing};
use crate::mapping::model::{FeesIn, SummaryFields};
use returns::Decimal;
use returns::fact::{Stated, Summary};

/// Reads a summary into `s`.
#[inline]
pub fn read<'a>(row: &Row<'a>, fields: &'a SummaryFields, s: &mut Summary) -> Outcome<()> {
    if let Some(end) = &fields.end {
        match row.amount(end)? {
            Some(value) => state(&mut s.end, &mut s.stated, Stated::END, Some(value)),
            None if end.optional => {}
            None => return Err(missing(end.label())),
        }
    }
    state(&mut s.begin, &mut s.stated, Stated::BEGIN, row.maybe(&fields.begin)?);
    state(&mut s.accrued, &mut s.stated, Stated::ACCRUED, row.maybe(&fields.accrued)?);
    state(&mut s.contributions, &mut s.stated, Stated::CONTRIBUTIONS, row.maybe(&fields.contributions)?);
    state(&mut s.distributions, &mut s.stated, Stated::DISTRIBUTIONS, row.maybe(&fields.distributions)?);
    state(&mut s.fees_outside, &mut s.stated, Stated::FEES_OUTSIDE, row.maybe(&fields.fees_outside)?);
    if let Some(net) = row.maybe(&fields.net_flow)? {
        (s.contributions, s.distributions) = (net, Decimal::ZERO);
        s.stated = s.stated.with(Stated::CONTRIBUTIONS).with(Stated::DISTRIBUTIONS);
    }
    let reported = row.maybe(&fields.reported_return)?;
    state(&mut s.reported_return, &mut s.stated, Stated::REPORTED_RETURN, reported);
    place_fees(s, row.maybe(&fields.fees)?, fields.fees_in);
    turn_negative_flows(s);
    if s.stated == Stated::default() {
        return Err(Fault::new("missing_field", "the record states no value, flow, fee or return"));
    }
    if fields.flows_of_period {
        s.stated = s.stated.with(Stated::FLOWS_OF_PERIOD);
    }
    Ok(())
}

fn state(field: &mut Decimal, stated: &mut Stated, bit: Stated, value: Option<Decimal>) {
    if let Some(value) = value {
        *field = value;
        *stated = stated.with(bit);
    }
}

/// Fees by where the vendor puts them (F1).
fn place_fees(s: &mut Summary, fees: Option<Decimal>, fees_in: FeesIn) {
    let Some(fees) = fees else { return };
    if fees_in == FeesIn::Outside {
        return state(&mut s.fees_outside, &mut s.stated, Stated::FEES_OUTSIDE, Some(fees));
    }
    state(&mut s.fees, &mut s.stated, Stated::FEES, Some(fees));
    if fees_in == FeesIn::Distributions && s.stated.has(Stated::DISTRIBUTIONS) {
        s.distributions = (s.distributions - fees).normalize();
    }
}

/// A negative contribution is a distribution and the reverse.
fn turn_negative_flows(s: &mut Summary) {
    let turn = |from: &mut Decimal, to: &mut Decimal| {
        if from.is_sign_negative() && !from.is_zero() {
            *to = (*to - *from).normalize();
            *from = Decimal::ZERO;
            return true;
        }
        false
    };
    let turned = turn(&mut s.contributions, &mut s.distributions);
    if turn(&mut s.distributions, &mut s.contributions) || turned {
        s.stated = s.stated.with(Stated::CONTRIBUTIONS).with(Stated::DISTRIBUTIONS);
    }
}

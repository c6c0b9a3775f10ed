//! The figure of a day: its values, the formula with its numbers filled in, and the link to the row before.
use super::time;
use crate::figure::exact;
use returns::ledger::ExplainedDay;
use returns::money::{add, sub};
use returns::policy::FlowTiming;
use returns::{Decimal, Row, Status};
use std::fmt::{self, Write};
use store::Published;

/// Where an amount is beyond the decimal type.
const BEYOND: &str = "more than can be held exactly";

pub(super) fn write(
    out: &mut String,
    p: &Published,
    before: Option<&Row>,
    day: Option<&ExplainedDay>,
) -> fmt::Result {
    let r = &p.row;
    let reasons: Vec<&str> = p.reasons.iter().map(|x| x.as_str()).collect();
    let reasons = if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) };
    writeln!(out, "\nstatus {}, verdict {}{reasons}", r.status.as_str(), p.verdict.as_str())?;
    writeln!(out, "known since {}", time(p.known_from))?;
    values(out, r)?;
    match r.status {
        Status::Anchor => {}
        Status::Imported => moved_in(out, r)?,
        _ => formula(out, r, day)?,
    }
    link(out, r, before)
}

fn values(out: &mut String, r: &Row) -> fmt::Result {
    let begin = match (r.status, r.previous_as_of) {
        (Status::Imported, _) if r.twrr.is_none() => "history moved in begins the chain".into(),
        (_, Some(date)) => format!("the end value of {date}"),
        (Status::Anchor, None) => "first value of the account: no return".into(),
        (Status::Imported, None) => "no row before the history moved in".into(),
        (_, None) => "the vendor's own beginning value, since this is the first row".into(),
    };
    writeln!(out, "\nvalues")?;
    let amounts = [
        ("B  begin value  ", r.begin_value),
        ("C  contributions", r.contributions),
        ("W  distributions", r.distributions),
        ("A  fees         ", r.fees),
        ("X  fees outside ", r.fees_outside),
        ("E  end value    ", r.end_value),
    ];
    for (n, (name, amount)) in amounts.iter().enumerate() {
        let note = if n == 0 { format!("  {begin}") } else { String::new() };
        writeln!(out, "  {name}  {:>20}{note}", exact(Some(*amount)))?;
    }
    Ok(())
}

/// A row of imported history has a return that was told, or the standing of all before it.
fn moved_in(out: &mut String, r: &Row) -> fmt::Result {
    writeln!(out, "\nhistory moved in")?;
    match r.twrr {
        Some(rate) => {
            writeln!(out, "  r = {}, as it was told", exact(Some(rate)))?;
            match r.twrr_gross {
                Some(gross) => writeln!(out, "  gross of fees: {}", exact(Some(gross))),
                None => Ok(()),
            }
        }
        None => writeln!(
            out,
            "  no return of this day: what came of all before it was told, and is linked on from"
        ),
    }
}

/// The formula with its numbers filled in.
fn formula(out: &mut String, r: &Row, day: Option<&ExplainedDay>) -> fmt::Result {
    let (b, c, w) = (r.begin_value, r.contributions, r.distributions);
    let gain = r.known_gain();
    let [e0, b0, c0, w0] = [r.end_value, b, c, w].map(|v| exact(Some(v)));
    writeln!(out, "\nformula (flow timing {})", r.flow_timing.as_str())?;
    writeln!(out, "  gain = E - B - C + W = {e0} - {b0} - {c0} + {w0} = {}", amount(gain))?;
    if r.sub_periods > 1 {
        return parts(out, r, day);
    }
    let net = sub(c, w);
    let capital = match r.flow_timing {
        FlowTiming::Split => Some(("B + C", add(b, c))),
        FlowTiming::Start => Some(("B + C - W", net.and_then(|net| add(b, net)))),
        FlowTiming::End => Some(("B", Some(b))),
        FlowTiming::Mid => Some(("B + (C - W)/2", net.and_then(half).and_then(|half| add(b, half)))),
        FlowTiming::Timed => None,
    };
    match capital {
        Some((text, d)) => {
            let n = d.zip(gain).and_then(|(d, gain)| sub(add(d, gain)?, r.fees_outside));
            writeln!(out, "  D = {text} = {}", amount(d))?;
            writeln!(out, "  N = D + gain - X = {}", amount(n))?;
        }
        None => weighted(out, b, day)?,
    }
    match r.twrr {
        Some(rate) => writeln!(out, "  r = N/D - 1 = {}", exact(Some(rate)))?,
        None => writeln!(out, "  r is not defined: {}", why(r.status))?,
    }
    match r.twrr_gross.filter(|gross| Some(*gross) != r.twrr) {
        Some(gross) => writeln!(out, "  gross of fees: (N + A + X)/D - 1 = {}", exact(Some(gross))),
        None => Ok(()),
    }
}

fn half(amount: Decimal) -> Option<Decimal> {
    amount.checked_div(Decimal::TWO)
}

fn amount(amount: Option<Decimal>) -> String {
    amount.map_or_else(|| BEYOND.into(), |amount| exact(Some(amount)))
}

fn parts(out: &mut String, r: &Row, day: Option<&ExplainedDay>) -> fmt::Result {
    let count = r.sub_periods;
    writeln!(
        out,
        "  {count} valuations in the day: one sub-period each, linked; the return is one quotient over them"
    )?;
    for (i, part) in day.map_or(&[][..], |d| &d.parts).iter().enumerate() {
        let [c, w, e] = [part.contributions, part.distributions, part.end_value].map(|v| exact(Some(v)));
        writeln!(out, "    {}: C {c}, W {w}, value at its end {e}", i + 1)?;
    }
    match r.twrr {
        Some(rate) => writeln!(out, "  r = {}", exact(Some(rate))),
        None => writeln!(out, "  r is not defined: {}", why(r.status)),
    }
}

fn weighted(out: &mut String, b: Decimal, day: Option<&ExplainedDay>) -> fmt::Result {
    writeln!(out, "  D = B + sum of w F, w the part of the time left after each flow")?;
    write!(out, "    = {}", exact(Some(b)))?;
    for f in day.map_or(&[][..], |d| &d.flows) {
        write!(out, " + {}/{} x {}", f.left, f.span, exact(Some(f.amount)))?;
    }
    writeln!(out)
}

/// The link from the row before, and the run it stands in.
fn link(out: &mut String, r: &Row, before: Option<&Row>) -> fmt::Result {
    writeln!(out, "\nlink (segment {})", r.segment)?;
    let from = before.map_or_else(|| "1 (no row before)".to_owned(), |b| index(b.net.growth));
    writeln!(out, "  index of the row before  {from}")?;
    writeln!(out, "  index of this row        {}", index(r.net.growth))?;
    let cumulative = r.cumulative_twrr().map_or_else(|| "none".into(), |c| exact(Some(c)));
    writeln!(out, "  cumulative return        {cumulative}")?;
    writeln!(out, "  cumulative net flow      {}", exact(Some(r.cumulative_net_flow)))?;
    match r.net.link {
        Some(run) => {
            let (growth, capital) = (exact(Some(run.growth)), exact(Some(run.capital)));
            writeln!(
                out,
                "  run: began on index {growth} with capital {capital}; while no money flows, the index is {growth} x N/{capital}, rounded once"
            )
        }
        None => writeln!(out, "  run: {}", end_of_run(r)),
    }
}

/// Why no run leads on from a row.
fn end_of_run(r: &Row) -> String {
    match r.status {
        Status::Anchor => "the next row begins one".into(),
        Status::Imported => "history moved in stands in none; the next row begins one".into(),
        Status::NoCapital | Status::Residual => {
            format!("ends here because {}; the index is carried over, and the next row begins one", why(r.status))
        }
        Status::TotalLoss => format!("ends here because {}", why(r.status)),
        status if status.is_undefined() && !r.incepted => {
            format!("none: {}; a row before inception is left out", why(status))
        }
        status if status.is_undefined() => {
            format!("ends here because {}; the next row with capital starts a new segment", why(status))
        }
        _ => "ends here because N is not E: money flowed out, or fees were paid elsewhere; the next row begins one".into(),
    }
}

/// What a status means, as the end of a sentence.
fn why(status: Status) -> &'static str {
    match status {
        Status::Ok => "there is a return",
        Status::Anchor => "it is the first value",
        Status::NoCapital => "there was no capital and nothing was gained",
        Status::Residual => "the money left is too small to measure",
        Status::GainWithoutCapital => "money appeared where there was no capital",
        Status::NegativeCapital => "capital was negative",
        Status::LossGt100 => "the loss was more than the capital",
        Status::TotalLoss => "all was lost: the cumulative return stays at -1",
        Status::OutOfRange => "the figure is beyond what can be held exactly",
        Status::Imported => "it was moved in",
    }
}

fn index(growth: Option<Decimal>) -> String {
    growth.map_or_else(|| "none: the figure is ended".into(), |g| exact(Some(g)))
}

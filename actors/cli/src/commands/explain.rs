//! `dietz explain`: how one figure came about.
use crate::exit::Exit;
use crate::figure::exact;
use crate::{Outcome, TopologyArg, open};
use returns::fact::{Body, Patch};
use returns::ledger::{Explained, ExplainedDay, Ground, StoredFact, explain_day};
use returns::policy::FlowTiming;
use returns::{Date, Decimal, Fact, Origin, Policy, Row, Status};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Evidence, Names, Published, Reader, StoreError};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
    /// The account's number
    account_no: String,
    /// The date of the figure
    date: Date,
}

pub fn run(args: Args) -> Outcome {
    let topology = open::topology(&args.topology.topology)?;
    open::runtime()?.block_on(async {
        let names = Arc::new(Names::default());
        let layouts = open::layouts(&topology, &names)?;
        let store = open::filled_store(&topology, names.clone()).await?;
        store.ready().await?;
        let reader = store.reader();
        let missing =
            || Exit::NotFound(format!("nothing is known of account {} on {}", args.account_no, args.date));
        let evidence = reader.evidence(&args.account_no, args.date).await?.ok_or_else(missing)?;
        if evidence.published.is_none() && evidence.facts.is_empty() && evidence.quarantine.is_empty() {
            return Err(missing());
        }
        let places = places(reader, &evidence).await?;
        let became = became(&evidence, &layouts.policy, &names);
        print(&args, &evidence, &became, &places, &names);
        policy(reader, &evidence).await
    })
}

/// Feed names by key, asked for once each.
async fn places(
    reader: &dyn Reader,
    evidence: &Evidence,
) -> Result<HashMap<record::FeedKey, String>, StoreError> {
    let mut found = HashMap::new();
    for stored in &evidence.facts {
        let key = stored.fact.feed;
        if !found.contains_key(&key)
            && let Some(feed) = reader.feed_name(key).await?
        {
            found.insert(key, feed.name);
        }
    }
    Ok(found)
}

/// What became of each fact of the day, and the amounts that were linked; nothing without a row.
fn became(e: &Evidence, policy: &Policy, names: &Names) -> Option<Explained> {
    let row = &e.published.as_ref()?.row;
    let ground = Ground { policy, partitions: &names.partitions };
    Some(explain_day(&e.facts, row, e.before.as_ref().map(|b| &b.row), None, ground))
}

fn print(
    args: &Args,
    e: &Evidence,
    explained: &Option<Explained>,
    feeds: &HashMap<record::FeedKey, String>,
    names: &Names,
) {
    println!("account {} on {}", args.account_no, args.date);
    match &e.published {
        Some(p) => figure(p, e.before.as_ref(), explained.as_ref().and_then(|x| x.day.as_ref())),
        None => println!("\nno figure: the day has no value"),
    }
    println!("\nfacts since the row before, each with where it came from");
    for (i, stored) in e.facts.iter().enumerate() {
        fact(i, stored, feeds, names);
        match (stored.waiting, explained.as_ref().and_then(|x| x.became.get(i))) {
            (Some(reason), _) => println!("      waits ({})", reason.as_str()),
            (None, Some(became)) => println!("      {became}"),
            (None, None) => println!("      the day has no row"),
        }
    }
    if e.facts.is_empty() {
        println!("  none");
    }
    for q in &e.quarantine {
        println!("  in quarantine  {} line {} ({}): {}", q.partition, q.line.unwrap_or(0), q.code, q.text);
    }
    if !e.breaks.is_empty() {
        println!("\nbreaks");
        for b in &e.breaks {
            let hint = b.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
            let (want, got, tol) = (exact(b.expected), exact(b.actual), exact(b.tolerance));
            println!(
                "  {} ({}, {}): expected {want}, got {got}, tolerance {tol}{hint}",
                b.rule, b.severity, b.status
            );
        }
    }
    if !e.superseded.is_empty() {
        println!("\nwhat it said before");
        for s in &e.superseded {
            let r = &s.published.row;
            let (from, to) = (time(s.published.known_from), time(s.known_to));
            let cause = s.cause.as_deref().unwrap_or("not recorded");
            println!("  {from} to {to}: end value {}, return {}", exact(Some(r.end_value)), exact(r.twrr));
            println!("    replaced because of {cause}");
        }
    }
}

fn figure(p: &Published, before: Option<&Published>, day: Option<&ExplainedDay>) {
    let r = &p.row;
    let reasons: Vec<&str> = p.reasons.iter().map(|x| x.as_str()).collect();
    println!("\nstatus {}, verdict {}{}", r.status.as_str(), p.verdict.as_str(), listed(&reasons));
    println!("known since {}", time(p.known_from));
    println!("\nvalues");
    let b = match (r.previous_as_of, before) {
        (Some(date), _) => format!("the end value of {date}"),
        (None, _) if r.status == Status::Anchor => "first value of the account: no return".into(),
        (None, _) => "the vendor's own beginning value, since this is the first row".into(),
    };
    println!("  B  begin value     {:>20}  {b}", exact(Some(r.begin_value)));
    println!("  C  contributions   {:>20}", exact(Some(r.contributions)));
    println!("  W  distributions   {:>20}", exact(Some(r.distributions)));
    println!("  A  fees            {:>20}", exact(Some(r.fees)));
    println!("  X  fees outside    {:>20}", exact(Some(r.fees_outside)));
    println!("  E  end value       {:>20}", exact(Some(r.end_value)));
    formula(r, day);
    run_of(r, before.map(|b| &b.row));
}

/// The formula with its numbers filled in.
fn formula(r: &Row, day: Option<&ExplainedDay>) {
    if r.status == Status::Anchor || r.status == Status::Imported {
        return;
    }
    let (b, c, w, e, x) = (r.begin_value, r.contributions, r.distributions, r.end_value, r.fees_outside);
    let gain = r.gain();
    println!("\nformula (flow timing {})", r.flow_timing.as_str());
    println!("  gain = E - B - C + W = {e} - {b} - {c} + {w} = {}", exact(Some(gain)));
    if r.sub_periods > 1 {
        println!(
            "  {} valuations in the day: one sub-period each, linked; the return is one quotient over them",
            r.sub_periods
        );
        for (i, part) in day.map_or(&[][..], |d| &d.parts).iter().enumerate() {
            let [c, w, e] = [part.contributions, part.distributions, part.end_value].map(|v| exact(Some(v)));
            println!("    {}: C {c}, W {w}, value at its end {e}", i + 1);
        }
        println!("  r = {}", exact(r.twrr));
        return;
    }
    let capital = match r.flow_timing {
        FlowTiming::Split => Some(("B + C", b + c)),
        FlowTiming::Start => Some(("B + C - W", b + c - w)),
        FlowTiming::End => Some(("B", b)),
        FlowTiming::Mid => (c - w).checked_div(Decimal::TWO).map(|h| ("B + (C - W)/2", b + h)),
        FlowTiming::Timed => None,
    };
    match capital {
        Some((text, d)) => {
            println!("  D = {text} = {}", exact(Some(d)));
            println!("  N = D + gain - X = {}", exact(Some(d + gain - x)));
        }
        None => weighted(b, day),
    }
    match r.twrr {
        Some(rate) => println!("  r = N/D - 1 = {}", exact(Some(rate))),
        None => println!("  r is not defined: status {}", r.status.as_str()),
    }
    if let Some(gross) = r.twrr_gross.filter(|g| Some(*g) != r.twrr) {
        println!("  gross of fees: (N + A + X)/D - 1 = {}", exact(Some(gross)));
    }
}

fn weighted(b: Decimal, day: Option<&ExplainedDay>) {
    println!("  D = B + sum of w F, w the part of the time left after each flow");
    print!("    = {b}");
    for f in day.map_or(&[][..], |d| &d.flows) {
        print!(" + {}/{} x {}", f.left, f.span, exact(Some(f.amount)));
    }
    println!();
}

/// The link from the row before, and the run it stands in.
fn run_of(r: &Row, before: Option<&Row>) {
    println!("\nlink (segment {})", r.segment);
    let from = before.map_or_else(|| "1 (no row before)".to_owned(), |b| index(b.net.growth));
    println!("  index of the row before  {from}");
    println!("  index of this row        {}", index(r.net.growth));
    match r.cumulative_twrr() {
        Some(c) => println!("  cumulative return        {}", exact(Some(c))),
        None => println!("  cumulative return        none"),
    }
    match (r.net.link, r.status) {
        (Some(run), _) => println!(
            "  run: began on index {} with capital {}; while no money flows, the index is {} x N/{}, rounded once",
            exact(Some(run.growth)),
            exact(Some(run.capital)),
            exact(Some(run.growth)),
            exact(Some(run.capital)),
        ),
        (None, Status::Anchor) => println!("  run: the next row begins one"),
        (None, _) => {
            println!("  run: ends here, since money flowed out or fees were paid; the next row begins one")
        }
    }
}

fn index(growth: Option<Decimal>) -> String {
    growth.map_or_else(|| "none: the figure is ended".into(), |g| exact(Some(g)))
}

fn fact(number: usize, stored: &StoredFact, feeds: &HashMap<record::FeedKey, String>, names: &Names) {
    let f = &stored.fact;
    println!("  [{number}] {} {} {}: {}", f.as_of, who(f, names), f.kind().as_str(), said(&f.body));
    let partition = names.partitions.get(f.place.partition);
    let partition = partition.as_ref().map_or("?", |p| p.as_str());
    println!("      from {partition}, line {}, position {}", f.place.position.sub, f.place.position);
    let feed = feeds.get(&f.feed).map_or("?", String::as_str);
    let arrival = f.arrival.0.map_or_else(|| "no time stated".into(), time);
    let revision = f.revision.map_or_else(|| "none".into(), |r| r.to_string());
    println!(
        "      feed {feed}, arrival {arrival}, revision {revision}, mapping version {}",
        f.mapping_version
    );
}

fn who(f: &Fact, names: &Names) -> String {
    match f.origin {
        Origin::Vendor(v) => names.vendor_name(v).map_or_else(|| "?".into(), |n| n.to_string()),
        Origin::Correction => "correction".into(),
    }
}

fn said(body: &Body) -> String {
    match body {
        Body::Summary(s) => {
            use returns::fact::Stated;
            let fields = [
                ("begin", Stated::BEGIN, s.begin),
                ("contributions", Stated::CONTRIBUTIONS, s.contributions),
                ("distributions", Stated::DISTRIBUTIONS, s.distributions),
                ("fees", Stated::FEES, s.fees),
                ("fees outside", Stated::FEES_OUTSIDE, s.fees_outside),
                ("accrued", Stated::ACCRUED, s.accrued),
                ("end", Stated::END, s.end),
                ("vendor's return", Stated::REPORTED_RETURN, s.reported_return),
            ];
            let stated = fields.iter().filter(|(_, f, _)| s.stated.has(*f));
            stated.map(|(n, _, v)| format!("{n} {}", exact(Some(*v)))).collect::<Vec<_>>().join(", ")
        }
        Body::Valuation(v) => {
            let at = v.at.map_or_else(|| "at the close".into(), |at| format!("at {}", time(at)));
            format!("{} {at}", exact(Some(v.value)))
        }
        Body::Flow(f) => {
            let amount = f.amount.map_or_else(|| "not priced".into(), |a| exact(Some(a)));
            format!("{} {amount}", f.class.as_str())
        }
        Body::Correction(c) => {
            let fields = [
                ("end value", c.end_value),
                ("contributions", c.contributions),
                ("distributions", c.distributions),
                ("fees", c.fees),
            ];
            let set = fields.iter().filter_map(|(n, p)| match p {
                Patch::Absent => None,
                Patch::TakenAway => Some(format!("{n} no longer corrected")),
                Patch::Set(v) => Some(format!("{n} {}", exact(Some(*v)))),
            });
            let set = set.collect::<Vec<_>>().join(", ");
            format!("{set}; ticket {}, by {}: {} (event {})", c.ticket, c.who, c.reason, c.event_id)
        }
        Body::Cancel(c) => format!("cancels {}", c.original.as_deref().unwrap_or("the latest match")),
        Body::Holding(h) => format!("{} {}", h.security, exact(Some(h.value))),
        Body::Quarantined(q) => format!("a record of this day is in quarantine ({})", q.code),
        Body::Account(_) => "reference data".into(),
        Body::Opening(o) => format!("history moved in: end value {}", exact(Some(o.end))),
        Body::Return(r) => format!("return moved in: {} from {}", exact(Some(r.net)), r.from),
        Body::Withdrawal(w) => {
            format!("{} by {}: {}", if w.reinstate { "reinstated" } else { "withdrawn" }, w.who, w.reason)
        }
    }
}

async fn policy(reader: &dyn Reader, e: &Evidence) -> Outcome {
    let Some(p) = &e.published else { return Ok(()) };
    if reader.policy(p.row.policy_id).await?.is_some() {
        println!("\nmade under policy {}", p.row.policy_id);
    }
    Ok(())
}

fn listed(reasons: &[&str]) -> String {
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join(", ")) }
}

/// An instant in UTC, to the second.
fn time(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros);
    at.map_or_else(|_| micros.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

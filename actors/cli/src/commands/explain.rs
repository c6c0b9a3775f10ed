//! `dietz explain`: how one figure came about.
use crate::exit::Exit;
use crate::figure::exact;
use crate::{Outcome, TopologyArg, argument, open};
use pipeline::followed::Followed;
use record::{FeedKey, PartitionId};
use returns::ledger::{Explained, Feeds, Ground, Pinned, explain_day, explain_rowless};
use returns::{Date, Fact, Origin, Policy};
use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Arc;
use store::{BreakRow, Evidence, FeedRow, Names, Reader, RowFilter, StoreError, Superseded};

mod figure;
mod said;

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
    /// The account's number
    account_no: String,
    /// The date of the figure
    #[arg(value_parser = argument::date)]
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
        let (number, date) = (&args.account_no, args.date);
        let evidence = reader.evidence(number, date).await?;
        let evidence = evidence.ok_or_else(|| Exit::NotFound(format!("there is no account {number}")))?;
        if evidence.published.is_none() && evidence.facts.is_empty() && evidence.quarantine.is_empty() {
            let near = near(number, &evidence, reader).await?;
            return Err(Exit::NotFound(format!("nothing is known of account {number} on {date}; {near}")));
        }
        let whole = Followed::of(&layouts).feeds(&*store).await?;
        let explained = explained(&evidence, date, &layouts.policy, &whole, &names);
        let told = Told {
            feeds: feeds(reader, &evidence).await?,
            policy: policy(reader, &evidence).await?,
            evidence: &evidence,
            explained: &explained,
            names: &names,
        };
        let mut text = format!("account {} on {}\n", args.account_no, args.date);
        told.write(&mut text).map_err(|e| Exit::Other(e.to_string()))?;
        std::io::stdout().lock().write_all(text.as_bytes()).map_err(Exit::from)
    })
}

/// Which row of an account is near a day without one.
async fn near(number: &str, evidence: &Evidence, reader: &dyn Reader) -> Result<String, StoreError> {
    if let Some(before) = &evidence.before {
        return Ok(format!("its row before is of {}", before.row.as_of));
    }
    let whole = RowFilter { account_no: Some(number.to_owned()), ..RowFilter::default() };
    let first = reader.rows(&whole, None, 1).await?.pop();
    Ok(first.map_or_else(|| "it has no rows".into(), |p| format!("its first row is of {}", p.row.as_of)))
}

/// The feeds that facts came in, asked for once each.
async fn feeds(reader: &dyn Reader, evidence: &Evidence) -> Result<HashMap<FeedKey, FeedRow>, StoreError> {
    let mut found = HashMap::new();
    for stored in &evidence.facts {
        let key = stored.fact.feed;
        if !found.contains_key(&key)
            && let Some(feed) = reader.feed_name(key).await?
        {
            found.insert(key, feed);
        }
    }
    Ok(found)
}

/// The policy the row was made under, where the store has it.
async fn policy(reader: &dyn Reader, evidence: &Evidence) -> Result<Option<i64>, StoreError> {
    let Some(published) = &evidence.published else { return Ok(None) };
    let id = published.row.policy_id;
    Ok(reader.policy(id).await?.map(|_| id))
}

/// What became of each fact of the day, and, where it has a row, the amounts that were linked.
fn explained(e: &Evidence, as_of: Date, policy: &Policy, feeds: &Feeds, names: &Names) -> Explained {
    let ground = Ground { policy, partitions: &names.partitions, feeds };
    let before = e.before.as_ref().map(|b| &b.row);
    match &e.published {
        Some(published) => explain_day(&e.facts, &published.row, before, e.base_currency, ground),
        None => explain_rowless(&e.facts, as_of, before, e.base_currency, ground),
    }
}

/// All there is to tell of one day.
struct Told<'a> {
    evidence: &'a Evidence,
    explained: &'a Explained,
    feeds: HashMap<FeedKey, FeedRow>,
    policy: Option<i64>,
    names: &'a Names,
}

impl Told<'_> {
    fn write(&self, out: &mut String) -> fmt::Result {
        let e = self.evidence;
        match &e.published {
            Some(published) => {
                let day = self.explained.day.as_ref();
                figure::write(out, published, e.before.as_ref().map(|b| &b.row), day)?;
            }
            None => writeln!(out, "\nno figure: the day has no value")?,
        }
        self.facts(out)?;
        breaks(out, &e.breaks, &self.explained.pinned)?;
        superseded(out, &e.superseded)?;
        match self.policy {
            Some(id) => writeln!(out, "\nmade under policy {id}"),
            None => Ok(()),
        }
    }

    fn facts(&self, out: &mut String) -> fmt::Result {
        let e = self.evidence;
        writeln!(out, "\nfacts since the row before, each with where it came from")?;
        for (number, stored) in e.facts.iter().enumerate() {
            self.fact(out, number, &stored.fact)?;
            if let Some(became) = self.explained.became.get(number) {
                writeln!(out, "      {became}")?;
            }
        }
        if e.facts.is_empty() {
            writeln!(out, "  none")?;
        }
        for q in &e.quarantine {
            let line = q.line.map(|line| format!(" line {line}")).unwrap_or_default();
            let stands =
                if q.status == "open" { "" } else { "; read since by a later version of its mapping" };
            writeln!(out, "  in quarantine  {}{line} ({}): {}{stands}", q.partition, q.code, q.text)?;
        }
        Ok(())
    }

    fn fact(&self, out: &mut String, number: usize, f: &Fact) -> fmt::Result {
        let kind = f.kind().as_str();
        writeln!(out, "  [{number}] {} {} {kind}: {}", f.as_of, self.who(f), said::said(&f.body))?;
        let partition = self.names.partitions.get(f.place.partition).unwrap_or_else(|| PartitionId::new("?"));
        let place = partition.place(f.place.position);
        writeln!(out, "      from {partition}, {place}, position {}", f.place.position)?;
        let partition = partition.as_str();
        let feed = self.feeds.get(&f.feed).map_or_else(|| "?".into(), |feed| feed_of(feed, partition));
        let arrival = f.arrival.0.map_or_else(|| "no time stated".into(), time);
        let revision = f.revision.map_or_else(|| "none".into(), |r| r.to_string());
        writeln!(
            out,
            "      feed {feed}, arrival {arrival}, revision {revision}, mapping version {}",
            f.mapping_version
        )
    }

    fn who(&self, f: &Fact) -> String {
        match f.origin {
            Origin::Vendor(v) => self.names.vendor_name(v).map_or_else(|| "?".into(), |n| n.to_string()),
            Origin::Correction => "correction".into(),
        }
    }
}

/// A feed by the name under which the fact came. A file is known by its bytes and registered under the name it first came by; a copy of
/// an earlier arrival gives the place.
fn feed_of(feed: &FeedRow, partition: &str) -> String {
    let path = partition.strip_prefix(&*feed.source).and_then(|rest| rest.strip_prefix('/'));
    let path = path.and_then(|path| path.rsplit_once('@')).map(|(path, _)| path);
    match path.filter(|path| feed.hash.is_some() && !path.ends_with(&*feed.name)) {
        Some(path) => format!("{path} (the same bytes came as {} too)", feed.name),
        None => match &feed.object_version {
            Some(version) => format!("{} (object version {version})", feed.name),
            None => feed.name.clone(),
        },
    }
}

fn breaks(out: &mut String, breaks: &[BreakRow], pinned: &[Pinned]) -> fmt::Result {
    if breaks.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nbreaks")?;
    for b in breaks {
        let amounts = [("expected", b.expected), ("got", b.actual), ("tolerance", b.tolerance)];
        let amounts =
            amounts.iter().filter_map(|(name, amount)| Some(format!("{name} {}", exact(Some((*amount)?)))));
        let amounts = amounts.collect::<Vec<_>>().join(", ");
        let told = [Some(amounts).filter(|text| !text.is_empty()), b.hint.clone()];
        let told = told.into_iter().flatten().collect::<Vec<_>>().join("; ");
        let colon = if told.is_empty() { "" } else { ": " };
        writeln!(out, "  {} ({}, {}){colon}{told}", b.rule, b.severity, b.status)?;
        for p in pinned.iter().filter(|_| b.rule == "pinned" && b.status == "open") {
            let said = |amount| if Option::is_some(&amount) { exact(amount) } else { "nothing".into() };
            let (then, now) = (said(p.said_then), said(p.says_now));
            let to = exact(Some(p.corrected_to));
            writeln!(
                out,
                "    {}: the vendor said {then} when it was corrected to {to}, and says {now} now",
                p.field
            )?;
        }
    }
    Ok(())
}

fn superseded(out: &mut String, before: &[Superseded]) -> fmt::Result {
    if before.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nwhat it said before")?;
    for s in before {
        let r = &s.published.row;
        let (from, to) = (time(s.published.known_from), time(s.known_to));
        let cause = s.cause.as_deref().unwrap_or("not recorded");
        let rate = r.twrr.map_or_else(|| r.status.as_str().to_owned(), |rate| exact(Some(rate)));
        writeln!(out, "  {from} to {to}: end value {}, return {rate}", exact(Some(r.end_value)))?;
        writeln!(out, "    replaced because of {cause}")?;
    }
    Ok(())
}

/// An instant in UTC, to the millisecond.
fn time(micros: i64) -> String {
    let at = jiff::Timestamp::from_microsecond(micros);
    at.map_or_else(|_| micros.to_string(), |t| t.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(name: &str, hash: Option<&str>) -> FeedRow {
        FeedRow {
            id: 1,
            source: "s".into(),
            vendor: "alpha".into(),
            name: name.into(),
            object_version: None,
            hash: hash.map(Into::into),
            arrival: None,
            business_date: None,
            declared: None,
            counted: None,
            status: "complete".into(),
        }
    }

    #[test]
    fn a_feed_is_named_by_the_copy_whose_place_is_kept() {
        let registered = feed("late_0115.csv", Some("a05f"));
        assert_eq!(feed_of(&registered, "s/in/late_0115.csv@a05f"), "late_0115.csv");
        assert_eq!(
            feed_of(&registered, "s/in/early_0109.csv@a05f"),
            "in/early_0109.csv (the same bytes came as late_0115.csv too)"
        );
        assert_eq!(feed_of(&feed("2025-01-06", None), "s/shard-0"), "2025-01-06");
        let object = FeedRow { object_version: Some("Ie.x".into()), ..registered };
        assert_eq!(feed_of(&object, "s/in/late_0115.csv@a05f"), "late_0115.csv (object version Ie.x)");
        assert!(!feed_of(&object, "s/in/early_0109.csv@a05f").contains("Ie.x"), "that is of the other copy");
    }

    #[test]
    fn times_are_told_to_the_millisecond() {
        assert_eq!(time(1_736_899_200_123_456), "2025-01-15 00:00:00.123Z");
    }
}

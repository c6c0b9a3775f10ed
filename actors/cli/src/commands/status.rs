//! `dietz status`: who is at work on the store, how far each partition is, and what waits.
use crate::commands::progress::{counted, grouped};
use crate::exit::Exit;
use crate::table::{Lean, Table};
use crate::{Outcome, TopologyArg, open};
use clap::ValueEnum;
use record::{Counts, Progress};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use store::{CheckpointRow, FeedRow, GapRow, Ownership, Pending, Reader, StoreError, WorkerRow};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    topology: TopologyArg,
    /// A table for people, or JSON
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

pub fn run(args: Args) -> Outcome {
    let topology = open::topology(&args.topology.topology)?;
    let status = open::runtime()?.block_on(async {
        let store = open::filled_store(&topology, Arc::default()).await?;
        store.ready().await?;
        Ok::<_, Exit>(Status::read(store.reader()).await?)
    })?;
    let text = match args.format {
        Format::Table => status.table(),
        Format::Json => format!("{:#}\n", status.json()),
    };
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush().map_err(Exit::from)
}

/// What the store tells, read table by table: beside a running pipeline one may be a commit ahead of another.
struct Status {
    ownership: Ownership,
    checkpoints: Vec<CheckpointRow>,
    /// Those whose control count disagrees.
    feeds: Vec<FeedRow>,
    gaps: Vec<GapRow>,
    pending: Pending,
}

impl Status {
    async fn read(reader: &dyn Reader) -> Result<Status, StoreError> {
        let feeds = reader.feeds().await?.into_iter().filter(|f| f.status == "waiting").collect();
        Ok(Status {
            checkpoints: reader.checkpoints().await?,
            feeds,
            gaps: reader.gaps().await?,
            pending: reader.pending().await?,
            ownership: reader.ownership().await?,
        })
    }

    /// All partitions' counts together.
    fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.checkpoints.iter().for_each(|c| sum += c.counts);
        sum
    }

    /// Who holds each partition that somebody holds.
    fn owners(&self) -> BTreeMap<&str, &str> {
        self.ownership.partitions.iter().map(|(p, owner)| (p.as_str(), owner.as_str())).collect()
    }

    fn slots_of(&self, owner: &str) -> Vec<String> {
        ranges(self.ownership.slots.iter().filter(|(_, o)| o == owner).map(|(slot, _)| *slot))
    }

    fn partitions_of(&self, owner: &str) -> usize {
        self.ownership.partitions.iter().filter(|(_, o)| o == owner).count()
    }

    fn alive(&self, worker: &WorkerRow) -> bool {
        worker.expires_at > self.ownership.now
    }

    /// Whole seconds from a time until now; 0 if it lies ahead.
    fn age(&self, at: i64) -> u64 {
        u64::try_from(self.ownership.now.saturating_sub(at)).unwrap_or(0) / 1_000_000
    }

    fn table(&self) -> String {
        let parts = [self.workers(), self.partitions(), self.waits(), self.lost(), self.sums()];
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("\n")
    }

    fn workers(&self) -> String {
        use Lean::{Left, Right};
        if self.ownership.workers.is_empty() {
            return "nobody is at work on the store\n".into();
        }
        let heads = [("process", Left), ("role", Left), ("since", Left), ("lease", Left), ("slots", Left)];
        let mut table = Table::new(&[&heads[..], &[("partitions", Right)]].concat());
        for w in &self.ownership.workers {
            let lease = match self.alive(w) {
                true => format!(
                    "ends in {}",
                    span(w.expires_at.saturating_sub(self.ownership.now).unsigned_abs() / 1_000_000)
                ),
                false => format!("ended {} ago", span(self.age(w.expires_at))),
            };
            let since = format!("{} ago", span(self.age(w.since)));
            let (slots, partitions) =
                (self.slots_of(&w.name).join(","), self.partitions_of(&w.name).to_string());
            table.row(vec![w.name.clone(), w.role.clone(), since, lease, slots, partitions]);
        }
        table.page()
    }

    /// Those that have more to come, one by one; those at their end only counted.
    fn partitions(&self) -> String {
        use Lean::Left;
        let (ended, open): (Vec<_>, Vec<_>) =
            self.checkpoints.iter().partition(|c| c.progress == Progress::End);
        let owners = self.owners();
        let mut table = Table::new(&[
            ("partition", Left),
            ("read by", Left),
            ("checkpoint", Left),
            ("committed", Left),
            ("read until", Left),
        ]);
        for c in &open {
            let owner = owners.get(c.id.as_str()).copied().unwrap_or("nobody");
            let committed = c.updated_at.map(|at| format!("{} ago", span(self.age(at)))).unwrap_or_default();
            let until = c.read_until.map(|at| format!("{} ({} ago)", time(at), span(self.age(at))));
            let cells =
                [&c.id.to_string(), owner, &c.progress.to_string(), &committed, &until.unwrap_or_default()];
            table.row(cells.iter().map(|cell| (*cell).to_owned()).collect());
        }
        let mut out = if open.is_empty() { String::new() } else { table.page() };
        if !ended.is_empty() {
            out.push_str(&format!("{} at the end\n", counted(ended.len() as u64, "partition")));
        }
        out
    }

    fn waits(&self) -> String {
        let p = &self.pending;
        let mut out: String = self
            .feeds
            .iter()
            .map(|f| format!("feed {} of {} waits: its control count disagrees\n", f.name, f.vendor))
            .collect();
        let waiting = [
            (p.marked, "account", "to be folded"),
            (p.breaks_open, "break", "open"),
            (p.quarantined, "record", "in quarantine"),
        ];
        for (n, what, how) in waiting.iter().filter(|(n, ..)| *n > 0) {
            out.push_str(&format!("{} {how}\n", counted(*n, what)));
        }
        out
    }

    fn lost(&self) -> String {
        let line = |g: &GapRow| {
            let when = |at: Option<i64>| at.map_or_else(|| "an unknown time".to_owned(), time);
            let kept = g.retention_hours.map(|h| format!("; the stream keeps {h} h")).unwrap_or_default();
            format!(
                "{}: what arrived between {} and {} may be lost{kept}; noticed {} ago\n",
                g.partition,
                when(g.from_arrival),
                when(g.to_arrival),
                span(self.age(g.noticed_at))
            )
        };
        self.gaps.iter().map(line).collect()
    }

    /// The two sums that must agree.
    fn sums(&self) -> String {
        let c = self.counts();
        let off =
            |n: i128| if n == 0 { String::new() } else { format!("  UNACCOUNTED: {n}; please report it") };
        let n = |count: u64| grouped(count);
        format!(
            "records       {} read = {} decoded + {} ignored + {} quarantined{}\n\
             observations  {} = {} accepted + {} unchanged + {} stale + {} waiting{}\n",
            n(c.read),
            n(c.decoded),
            n(c.ignored),
            n(c.quarantined),
            off(c.records_unaccounted()),
            n(c.observed),
            n(c.accepted),
            n(c.unchanged),
            n(c.stale),
            n(c.waiting),
            off(c.observations_unaccounted())
        )
    }

    fn json(&self) -> Value {
        let (c, owners) = (self.counts(), self.owners());
        json!({
            "now": time(self.ownership.now),
            "workers": self.ownership.workers.iter().map(|w| json!({
                "name": w.name,
                "role": w.role,
                "generation": w.generation,
                "since": time(w.since),
                "expires_at": time(w.expires_at),
                "alive": self.alive(w),
                "slots": self.slots_of(&w.name),
                "partitions": self.partitions_of(&w.name),
            })).collect::<Vec<_>>(),
            "partitions": self.checkpoints.iter().map(|p| json!({
                "partition": p.id.as_str(),
                "source": p.source,
                "owner": owners.get(p.id.as_str()),
                "checkpoint": p.progress.to_string(),
                "committed_at": p.updated_at.map(time),
                "age_seconds": p.updated_at.map(|at| self.age(at)),
                "read_until": p.read_until.map(time),
                "records": p.counts.read,
            })).collect::<Vec<_>>(),
            "feeds_waiting": self.feeds.iter().map(|f| json!({
                "source": f.source, "vendor": f.vendor, "name": f.name, "object_version": f.object_version, "declared": f.declared, "counted": f.counted,
            })).collect::<Vec<_>>(),
            "accounts_to_fold": self.pending.marked,
            "breaks_open": self.pending.breaks_open,
            "records_quarantined": self.pending.quarantined,
            "retention_gaps": self.gaps.iter().map(|g| json!({
                "partition": g.partition.as_str(),
                "source": g.source,
                "from": g.from.to_string(),
                "from_arrival": g.from_arrival.map(time),
                "to": g.to.map(|to| to.to_string()),
                "to_arrival": g.to_arrival.map(time),
                "retention_hours": g.retention_hours,
                "noticed_at": time(g.noticed_at),
            })).collect::<Vec<_>>(),
            "records": {
                "read": c.read, "decoded": c.decoded, "ignored": c.ignored, "quarantined": c.quarantined,
                "unaccounted": c.records_unaccounted().to_string(),
            },
            "observations": {
                "observed": c.observed, "accepted": c.accepted, "unchanged": c.unchanged, "stale": c.stale, "waiting": c.waiting,
                "unaccounted": c.observations_unaccounted().to_string(),
            },
        })
    }
}

/// Microseconds since 1970 as a time in UTC, to the second.
fn time(micros: i64) -> String {
    let at = jiff::Timestamp::from_second(micros.div_euclid(1_000_000));
    at.map_or_else(|_| "beyond all calendars".to_owned(), |at| at.to_string())
}

/// Seconds as `42 s`, `3 min`, `5 h` or `2 d`, rounded down.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Numbers in order as ranges: `0-127`, `200`.
fn ranges(slots: impl Iterator<Item = u8>) -> Vec<String> {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for slot in slots {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(slot) => *last = slot,
            _ => ranges.push((slot, slot)),
        }
    }
    let text = |(a, b): &(u8, u8)| if a == b { a.to_string() } else { format!("{a}-{b}") };
    ranges.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_that_follow_each_other_are_told_as_one_range() {
        assert_eq!(ranges(0..=255), ["0-255"]);
        assert_eq!(ranges([0, 1, 2, 7, 9, 10, 255].into_iter()), ["0-2", "7", "9-10", "255"]);
        assert!(ranges(std::iter::empty()).is_empty());
    }

    #[test]
    fn spans_are_told_in_the_unit_people_would_use() {
        let told = [0, 119, 120, 7_199, 7_200, 172_799, 172_800].map(span);
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h", "47 h", "2 d"]);
    }
}

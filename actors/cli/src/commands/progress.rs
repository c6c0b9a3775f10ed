//! The live line on a terminal, and the closing summary.
use pipeline::board::{Board, Seen};
use sources::Standing;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::{FeedRow, Totals};

/// A line that is drawn until it is stopped.
pub struct Line {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Draws the line while standard error is a terminal; else nothing.
pub fn start(board: Arc<Board>) -> Line {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    let thread = stderr().is_terminal().then(|| std::thread::spawn(move || draw(&board, &seen)));
    Line { stop, thread }
}

impl Line {
    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread {
            thread.thread().unpark();
            // A thread that only draws has nothing to tell.
            let _ = thread.join();
        }
    }
}

/// Waiting feeds named in the summary, at most.
const NAMED: usize = 20;

const PERIOD: Duration = Duration::from_millis(200);

fn draw(board: &Board, stop: &AtomicBool) {
    let began = Instant::now();
    while !stop.load(Ordering::Relaxed) {
        let text = line(&board.seen(), began.elapsed());
        let _ = write!(stderr(), "\r\x1b[2K{text}");
        let _ = stderr().flush();
        std::thread::park_timeout(PERIOD);
    }
    let _ = write!(stderr(), "\r\x1b[2K");
}

fn line(seen: &Seen, elapsed: Duration) -> String {
    let rate = per_second(seen.records_read, elapsed);
    let mut out = format!(
        "{} records  {rate}/s  {} accounts  {} rows  {} quarantined  {} breaks",
        grouped(seen.records_read),
        grouped(seen.accounts),
        grouped(seen.receipt.inserted + seen.receipt.changed),
        grouped(seen.counts.quarantined),
        grouped(seen.receipt.breaks_opened),
    );
    for (source, standing) in &seen.sources {
        let _ = write!(out, "  {source} {}", position(standing));
    }
    out.chars().take(width()).collect()
}

/// How far a source is: which of its files, and how far into the one being read.
fn position(standing: &Standing) -> String {
    let all = standing.ended + standing.open.len() as u64 + standing.pending;
    let mut out = format!("{}/{all}", standing.ended);
    for p in &standing.open {
        let percent =
            p.total.filter(|t| *t > 0).map(|t| (u128::from(p.offset) * 100 / u128::from(t)).min(100));
        match percent {
            Some(percent) => out.push_str(&format!(" ({percent}%)")),
            None => out.push_str(&format!(" ({} bytes)", grouped(p.offset))),
        }
    }
    out
}

/// The feeds of this run that wait as a whole: how many, and which.
fn write_waiting(out: &mut String, feeds: &[FeedRow]) -> std::fmt::Result {
    if feeds.is_empty() {
        return Ok(());
    }
    let n = grouped(feeds.len() as u64);
    writeln!(out, "feeds         {n} waiting as a whole, of which nothing counts")?;
    for feed in feeds.iter().take(NAMED) {
        let why = match (feed.declared, feed.counted) {
            (Some(declared), Some(counted)) if declared != counted => {
                format!("declares {declared} records and has {counted}")
            }
            (Some(_), _) => "a total it declares is not the sum of its records".into(),
            (None, _) => "its trailer is missing or cannot be read".into(),
        };
        writeln!(out, "              {} ({}): {why}", feed.name, feed.vendor)?;
    }
    match feeds.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(out, "              and {more} more"),
    }
}

/// The terminal's width where the shell says it; a narrow one otherwise, so that the line never wraps.
pub fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100)
}

/// What a run did, in words a person can check: both sums are printed as sums.
pub fn summary(seen: &Seen, totals: &Totals, waiting: &[FeedRow], took: Duration) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    let _ = write_summary(&mut out, seen, totals, waiting, took);
    out
}

fn write_summary(
    out: &mut String,
    seen: &Seen,
    totals: &Totals,
    waiting: &[FeedRow],
    took: Duration,
) -> std::fmt::Result {
    let (c, r) = (&seen.counts, &seen.receipt);
    for (source, s) in &seen.sources {
        let mut notes = vec![format!("{} at {} end", s.ended, if s.ended == 1 { "its" } else { "their" })];
        notes.extend((s.unchanged > 0).then(|| format!("{} of them before this run", s.unchanged)));
        notes.extend((!s.open.is_empty()).then(|| format!("{} open", s.open.len())));
        notes.extend((s.refused > 0).then(|| format!("{} refused", s.refused)));
        writeln!(out, "source        {source}: {}", notes.join(", "))?;
    }
    let [read, decoded, ignored, quarantined] = [c.read, c.decoded, c.ignored, c.quarantined].map(grouped);
    writeln!(
        out,
        "records       {read} read = {decoded} decoded + {ignored} ignored + {quarantined} quarantined"
    )?;
    let [o, a, u, s, w] = [c.observed, c.accepted, c.unchanged, c.stale, c.waiting].map(grouped);
    writeln!(out, "observations  {o} = {a} accepted + {u} unchanged + {s} stale + {w} waiting")?;
    let [inserted, changed, removed] = [r.inserted, r.changed, r.removed].map(grouped);
    writeln!(
        out,
        "rows          {inserted} new, {changed} changed, {removed} removed; {}",
        counted(r.restated, "restatement")
    )?;
    writeln!(
        out,
        "breaks        {} opened, {} resolved",
        grouped(r.breaks_opened),
        grouped(r.breaks_resolved)
    )?;
    let (accounts, rows) = (counted(totals.accounts, "account"), counted(totals.rows, "row"));
    let (open, held) = (counted(totals.breaks_open, "break"), counted(totals.quarantined, "record"));
    writeln!(out, "store         {accounts}, {rows}, {open} open, {held} in quarantine")?;
    write_waiting(out, waiting)?;
    let rate = per_second(c.read, took);
    writeln!(out, "time          {:.2} s, {rate} records/s", took.as_secs_f32())
}

pub fn per_second(n: u64, time: Duration) -> String {
    let micros = time.as_micros().max(1);
    grouped(u64::try_from(u128::from(n) * 1_000_000 / micros).unwrap_or(u64::MAX))
}

/// `1 record`, `5 records`.
pub fn counted(n: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(n), if n == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_thousands() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1, 1_000].map(|n| counted(n, "row")), ["0 rows", "1 row", "1,000 rows"]);
    }

    fn feed(name: &str, counts: Option<(i64, i64)>) -> FeedRow {
        FeedRow {
            id: 1,
            source: "s".into(),
            vendor: "alpha".into(),
            name: name.into(),
            object_version: None,
            hash: None,
            arrival: None,
            business_date: None,
            declared: counts.map(|c| c.0),
            counted: counts.map(|c| c.1),
            status: "waiting".into(),
        }
    }

    fn told(feeds: &[FeedRow]) -> String {
        summary(&Seen::default(), &Totals::default(), feeds, Duration::from_secs(1))
    }

    #[test]
    fn the_summary_names_the_feeds_that_wait_and_why() {
        assert!(!told(&[]).contains("feeds"), "{}", told(&[]));
        let two = told(&[feed("a.csv", Some((16, 15))), feed("b.csv", None)]);
        assert!(two.contains("feeds         2 waiting"), "{two}");
        assert!(two.contains("a.csv (alpha): declares 16 records and has 15\n"), "{two}");
        assert!(two.contains("b.csv (alpha): its trailer is missing or cannot be read\n"), "{two}");
    }

    #[test]
    fn the_summary_is_short_however_many_feeds_wait() {
        let many = told(&vec![feed("a.csv", None); NAMED + 7]);
        assert_eq!(many.matches("a.csv").count(), NAMED);
        assert!(many.contains("and 7 more\n"), "{many}");
    }
}

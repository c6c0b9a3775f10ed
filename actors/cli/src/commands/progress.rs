//! The live line on a terminal, and the closing summary.
use pipeline::board::{Board, Seen};
use sources::Standing;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _, stderr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use store::Totals;

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

/// The terminal's width where the shell says it; a narrow one otherwise, so that the line never wraps.
fn width() -> usize {
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).unwrap_or(100)
}

/// What a run did, in words a person can check: both sums are printed as sums.
pub fn summary(seen: &Seen, totals: &Totals, took: Duration) {
    let (c, r) = (&seen.counts, &seen.receipt);
    for (source, s) in &seen.sources {
        let mut notes = vec![format!("{} at their end", s.ended)];
        notes.extend((s.unchanged > 0).then(|| format!("{} of them before this run", s.unchanged)));
        notes.extend((!s.open.is_empty()).then(|| format!("{} open", s.open.len())));
        notes.extend((s.refused > 0).then(|| format!("{} refused", s.refused)));
        println!("source        {source}: {}", notes.join(", "));
    }
    let [read, decoded, ignored, quarantined] = [c.read, c.decoded, c.ignored, c.quarantined].map(grouped);
    println!("records       {read} read = {decoded} decoded + {ignored} ignored + {quarantined} quarantined");
    let [o, a, u, s, w] = [c.observed, c.accepted, c.unchanged, c.stale, c.waiting].map(grouped);
    println!("observations  {o} = {a} accepted + {u} unchanged + {s} stale + {w} waiting");
    let [inserted, changed, removed] = [r.inserted, r.changed, r.removed].map(grouped);
    println!(
        "rows          {inserted} new, {changed} changed, {removed} removed; {} restatements",
        grouped(r.restated)
    );
    println!("breaks        {} opened, {} resolved", grouped(r.breaks_opened), grouped(r.breaks_resolved));
    let [accounts, rows, open, held] =
        [totals.accounts, totals.rows, totals.breaks_open, totals.quarantined].map(grouped);
    println!(
        "store         {accounts} accounts, {rows} rows, {open} breaks open, {held} records in quarantine"
    );
    let rate = per_second(c.read, took);
    println!("time          {:.2} s, {rate} records/s", took.as_secs_f32());
}

fn per_second(n: u64, time: Duration) -> String {
    let micros = time.as_micros().max(1);
    grouped(u64::try_from(u128::from(n) * 1_000_000 / micros).unwrap_or(u64::MAX))
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
    }
}

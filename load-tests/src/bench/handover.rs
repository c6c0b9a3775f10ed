//! One process stopped or killed under load until the next has committed its first row.
use super::input::{Input, Messages};
use super::live::{LOOK, Live, PATIENCE, Process, Settled};
use super::report::{Figure, Goal, Milli, Report};
use super::{BenchError, Options, runtime};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Between one event and the next, all the while.
const GAP: Duration = Duration::from_millis(20);
/// What the sink is told of it.
const LEASE: Duration = Duration::from_secs(5);
const SETTLED: Settled = Settled { source: "", sink: "lease = \"5s\"" };

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Stopped,
    Killed,
}

impl Ending {
    fn name(self) -> &'static str {
        match self {
            Ending::Stopped => "asked to stop",
            Ending::Killed => "kill -9",
        }
    }

    /// Another reads on within a second, or within the lease time; in thousandths of a millisecond.
    fn goal(self) -> Goal {
        let within = if self == Ending::Stopped { Duration::from_secs(1) } else { LEASE };
        Goal::AtMost(micros(within))
    }
}

pub fn run(options: &Options) -> Result<Report, BenchError> {
    let messages = Input::new(&options.feed())?.messages(1);
    let runtime = runtime()?;
    let mut figures = Vec::new();
    for (store, postgres) in [("SQLite", None), ("Postgres", options.postgres.as_deref())] {
        if store == "Postgres" && postgres.is_none() {
            continue;
        }
        for ending in [Ending::Stopped, Ending::Killed] {
            let gaps = gaps(ending, options.repeats, postgres, &messages, &runtime)?;
            let name = format!("{store}, {} to the next one's first row", ending.name());
            figures.push(Figure::new(name, "ms", gaps).goal(ending.goal()));
        }
    }
    let about = format!(
        "processes that read one shard of the fake Kinesis by polling, an event every {} ms, a lease of {} s; {} hand-overs of each kind",
        GAP.as_millis(),
        LEASE.as_secs(),
        options.repeats
    );
    Ok(Report { bench: "handover", about, figures })
}

/// How long each of so many hand-overs took.
fn gaps(
    ending: Ending,
    repeats: u32,
    postgres: Option<&str>,
    messages: &Messages,
    runtime: &Runtime,
) -> Result<Vec<Milli>, BenchError> {
    let live = runtime.block_on(Live::new(SETTLED, postgres))?;
    let stop = AtomicBool::new(false);
    let (gaps, put) = std::thread::scope(|scope| {
        let putting = scope.spawn(|| put(&live, messages, &stop));
        let gaps = hand_over(&live, ending, repeats, runtime);
        stop.store(true, Ordering::Relaxed);
        let put = putting
            .join()
            .unwrap_or_else(|_| Err(BenchError::Undone("the one who puts events broke".into())));
        (gaps, put)
    });
    let ((gaps, mut last), put) = (gaps?, put?);
    until(&last, "the rest of the events", || Ok(runtime.block_on(live.committed())? >= put))?;
    last.stop()?;
    runtime.block_on(async {
        live.all_are_rows(put).await?;
        live.end().await
    })?;
    Ok(gaps)
}

/// Puts one event after the other until it is told to stop; how many.
fn put(live: &Live, messages: &Messages, stop: &AtomicBool) -> Result<u64, BenchError> {
    for (put, message) in (0..).zip(messages) {
        if stop.load(Ordering::Relaxed) {
            return Ok(put);
        }
        live.put(message)?;
        std::thread::sleep(GAP);
    }
    Err(BenchError::Undone(format!(
        "{} events are too few for so many hand-overs: more --days",
        messages.len()
    )))
}

fn hand_over(
    live: &Live,
    ending: Ending,
    repeats: u32,
    runtime: &Runtime,
) -> Result<(Vec<Milli>, Process), BenchError> {
    let is = |process: &Process, role: &str| runtime.block_on(live.is(process, role));
    let committed = || runtime.block_on(live.committed());
    let mut active = live.start()?;
    until(&active, "the first events", || Ok(committed()? > 0))?;
    let mut gaps = Vec::new();
    for _ in 0..repeats {
        let next = live.start()?;
        until(&next, "a process that stands by", || is(&next, "standby"))?;
        let since = Instant::now();
        match ending {
            Ending::Stopped => active.stop()?,
            Ending::Killed => active.kill()?,
        }
        // Who has ended commits nothing more.
        let before = committed()?;
        until(&next, "a row of who took over", || Ok(committed()? > before))?;
        gaps.push(micros(since.elapsed()));
        if !is(&next, "active")? {
            return Err(next.undone("rows came, and who stood by is not active"));
        }
        active = next;
    }
    Ok((gaps, active))
}

/// Looks until it is so; `process` tells why it is not.
fn until(
    process: &Process,
    what: &str,
    mut so: impl FnMut() -> Result<bool, BenchError>,
) -> Result<(), BenchError> {
    let since = Instant::now();
    while !so()? {
        if since.elapsed() > PATIENCE {
            return Err(process.undone(&format!("{what} did not come about in a minute")));
        }
        std::thread::sleep(LOOK);
    }
    Ok(())
}

fn micros(time: Duration) -> Milli {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

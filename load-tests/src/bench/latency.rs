//! An event put to a stream until its row is in the store: one shard, light load, beside when a bare client of the stream has it.
use super::bare::{Seen, Way, client, seen};
use super::input::{Input, Messages};
use super::live::{LOOK, Live, PATIENCE, Settled};
use super::report::{Figure, Report};
use super::{BenchError, Options, runtime};
use std::time::{Duration, Instant};
use tokio::sync::Barrier;
use tokio::time::{interval, sleep, timeout};

/// Between one event and the next: no part or multiple of the times at which anybody asks, so that events fall anywhere between them.
const GAP: Duration = Duration::from_millis(61);

/// What is measured: a name, how records come, and what is set for that.
const CASES: [(&str, Way, Settled); 3] = [
    ("polling", Way::Polling, Settled { source: "", sink: "" }),
    ("fan-out", Way::FanOut, Settled { source: FAN_OUT, sink: "" }),
    ("fan-out, linger 0ms", Way::FanOut, Settled { source: FAN_OUT, sink: "linger = \"0ms\"" }),
];
const FAN_OUT: &str = "consumer = \"fan_out\"";

/// Delays of one run, sorted, in nanoseconds.
struct Run {
    committed: Vec<u64>,
    bare: Vec<u64>,
}

pub fn run(options: &Options) -> Result<Report, BenchError> {
    let messages = Input::new(&options.feed())?.messages(1);
    if messages.len() < 2 {
        return Err(BenchError::Undone("the first event is not measured, so two are wanted at least".into()));
    }
    let runtime = runtime()?;
    let mut figures = Vec::new();
    for (store, postgres) in [("SQLite", None), ("Postgres", options.postgres.as_deref())] {
        if store == "Postgres" && postgres.is_none() {
            continue;
        }
        for (name, way, settled) in CASES {
            let runs =
                (0..options.repeats).map(|_| runtime.block_on(once(way, settled, postgres, &messages)));
            figures.extend(self::figures(&format!("{store}, {name}"), &runs.collect::<Result<Vec<_>, _>>()?));
        }
    }
    let about = format!(
        "{} events, one every {} ms, through one shard of the fake Kinesis: from the put until a process of its own has committed the row, and \
         until a client that only reads has the record; {} runs",
        messages.len() - 1,
        GAP.as_millis(),
        options.repeats
    );
    Ok(Report { bench: "latency", about, figures })
}

fn figures(case: &str, runs: &[Run]) -> Vec<Figure> {
    let of = |what: &str, share: usize, pick: fn(&Run) -> &Vec<u64>| {
        // Thousandths of a millisecond are microseconds.
        let runs = runs.iter().map(|run| percentile(pick(run), share) / 1_000).collect();
        Figure::new(format!("{case}, put to {what}, p{share}"), "ms", runs)
    };
    vec![
        of("committed", 50, |run| &run.committed),
        of("committed", 99, |run| &run.committed),
        of("a bare client", 50, |run| &run.bare),
        of("a bare client", 99, |run| &run.bare),
    ]
}

/// The smallest of the sorted values that so many in a hundred do not exceed.
fn percentile(sorted: &[u64], share: usize) -> u64 {
    sorted.get((sorted.len() * share).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

async fn once(
    way: Way,
    settled: Settled,
    postgres: Option<&str>,
    messages: &Messages,
) -> Result<Run, BenchError> {
    let live = Live::new(settled, postgres).await?;
    let mut dietz = live.start()?;
    let (client, count) = (client(&live.fake), messages.len());
    // The first message shows that both read, and is not measured.
    let ready = Barrier::new(3);
    let all = async {
        tokio::try_join!(
            put(&live, messages, &ready),
            committed(&live, count, &ready),
            seen(&client, way, count, &ready)
        )
    };
    let bound = PATIENCE + GAP * u32::try_from(count).unwrap_or(u32::MAX);
    let Ok(ended) = timeout(bound, all).await else {
        return Err(dietz.undone("not all events came within a minute of the last"));
    };
    let (put, committed, bare) = ended?;
    dietz.stop()?;
    live.all_are_rows(count as u64).await?;
    live.end().await?;
    Ok(Run { committed: delays(&put, &committed), bare: delays(&put, &bare) })
}

async fn put(live: &Live, messages: &Messages, ready: &Barrier) -> Result<Vec<Instant>, BenchError> {
    let mut put = Vec::with_capacity(messages.len());
    let mut due = interval(GAP);
    for message in messages {
        due.tick().await;
        put.push(live.put(message)?);
        if put.len() == 1 {
            ready.wait().await;
            due.reset();
        }
    }
    Ok(put)
}

/// When each of so many messages was seen to be committed: one shard keeps their order.
async fn committed(live: &Live, count: usize, ready: &Barrier) -> Result<Vec<Instant>, BenchError> {
    let mut seen = Seen { at: Vec::with_capacity(count), count, ready };
    loop {
        let there = usize::try_from(live.committed().await?).unwrap_or(usize::MAX).min(count);
        if seen.now(there).await {
            return Ok(seen.at);
        }
        sleep(LOOK).await;
    }
}

/// From each put until it was seen, without the first; sorted.
fn delays(put: &[Instant], seen: &[Instant]) -> Vec<u64> {
    let delay = |(put, seen): (&Instant, &Instant)| {
        u64::try_from(seen.duration_since(*put).as_nanos()).unwrap_or(u64::MAX)
    };
    let mut delays: Vec<u64> = put.iter().zip(seen).skip(1).map(delay).collect();
    delays.sort_unstable();
    delays
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (50, 99));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99)), (7, 7));
        assert_eq!(percentile(&[1, 2, 3], 99), 3);
    }

    #[test]
    fn delays_leave_the_first_out_and_come_sorted() {
        let now = Instant::now();
        let after = |ms: [u64; 3]| ms.map(|ms| now + Duration::from_millis(ms));
        let delays = delays(&after([0, 10, 20]), &after([100, 40, 25]));
        assert_eq!(delays, [5_000_000, 30_000_000]);
    }
}

//! Bytes to rows in memory: decoding, the account of each record, and its link to the day before. Records come date by date over all
//! accounts, so that each finds its account out of the caches; in the same order every day, as vendors write them, and in another each day.
use super::clock::{Cpu, Spent, Stopwatch};
use super::decode::all_decoded;
use super::input::Input;
use super::ledger::Ledger;
use super::report::{Figure, Goal, Report, each, megabytes_per_second, per_second};
use super::{BenchError, Options, machine};
use codecs::Decoded;
use record::Counts;
use returns::Vendor;

/// The most CPU time a record of about 120 bytes may take for decoding and accumulating together, in thousandths of a nanosecond.
const CPU_GOAL: Goal = Goal::AtMost(1_000_000);
/// The most bytes an account may take beside the map, in thousandths.
const MEMORY_GOAL: Goal = Goal::AtMost(256_000);

#[derive(Debug)]
struct Run {
    all: Spent,
    /// Of that: framing and decoding.
    decode: Spent,
    /// Of all: records that came when every account was known, and their CPU time.
    known: (u64, u64),
    accounts: u64,
    state_bytes: u64,
    map_bytes: u64,
    /// What the process grew by while the accounts came.
    growth: u64,
}

pub fn run(options: &Options) -> Result<Report, BenchError> {
    machine::forget_peak();
    let input = Input::new(&options.feed())?;
    let runs = (0..options.repeats)
        .map(|_| once(&input, options.accounts.into()))
        .collect::<Result<Vec<Run>, _>>()?;
    let (peak, about) = (machine::peak(), options.about(&input));
    let (records, size) = (input.records, input.size());
    let shuffled = input.shuffled(options.accounts, options.seed);
    let scattered = (0..options.repeats)
        .map(|_| once(&shuffled, options.accounts.into()))
        .collect::<Result<Vec<Run>, _>>()?;
    let scattered = scattered.iter().map(|r| each(r.all.cpu, records)).collect();
    let of = |pick: &dyn Fn(&Run) -> u64| runs.iter().map(pick).collect::<Vec<u64>>();
    // Later runs find the memory that earlier ones gave back, so only the first shows how the process grows.
    let growth = runs.iter().take(1).map(|r| each(r.growth, r.accounts)).collect();
    let mut figures = vec![
        Figure::new("records", "1/s", of(&|r| per_second(records, r.all.wall))),
        Figure::new("bytes", "MB/s", of(&|r| megabytes_per_second(size, r.all.wall))),
        Figure::new("CPU of a record", "ns", of(&|r| each(r.all.cpu, records))).goal(CPU_GOAL),
        Figure::new("CPU of framing and decoding", "ns", of(&|r| each(r.decode.cpu, records))),
        Figure::new("CPU of accumulating", "ns", of(&|r| each(r.all.cpu - r.decode.cpu, records))),
        Figure::new("CPU of a record, accounts in another order each day", "ns", scattered),
        Figure::new("state of an account", "bytes", of(&|r| each(r.state_bytes, r.accounts)))
            .goal(MEMORY_GOAL),
        Figure::new("its share of the map", "bytes", of(&|r| each(r.map_bytes, r.accounts))),
        Figure::new("growth of the process for an account, names included", "bytes", growth),
        Figure::new("peak memory", "MiB", vec![each(peak, 1 << 20)]),
    ];
    // A small feed has no batch that begins after its first day.
    if runs.iter().all(|r| r.known.0 > 0) {
        let known = of(&|r| each(r.known.1, r.known.0));
        figures.insert(3, Figure::new("CPU of a record once all accounts are known", "ns", known));
    }
    Ok(Report { bench: "accumulate", about, figures })
}

fn once(input: &Input, accounts: u64) -> Result<Run, BenchError> {
    let mut ledger = Ledger::new(&input.layout);
    let mut decoder = input.layout.decoder(Vendor(0));
    let (mut out, mut counts, mut rows) = (Decoded::default(), Counts::default(), Vec::new());
    let mut batches = input.batches().peekable();
    // Rooms that are used from batch to batch are made before memory is looked at.
    if let Some(first) = batches.peek() {
        decoder.decode(first, &mut out);
        rows.reserve(out.observations.len());
        out.clear();
    }
    let before = machine::resident();
    let (all, mut decode, mut known) = (Stopwatch::start(Cpu::Thread), Spent::default(), (0, 0));
    let mut made = 0u64;
    loop {
        let (piece, met) = (Stopwatch::start(Cpu::Thread), ledger.count());
        let Some(batch) = batches.next() else { break };
        decoder.decode(&batch, &mut out);
        decode += piece.spent();
        counts += out.counts;
        ledger.take(&mut out, &mut rows)?;
        // The accounts of a day come before any of them comes again.
        if met == accounts {
            known = (known.0 + rows.len() as u64, known.1 + piece.spent().cpu);
        }
        made += rows.len() as u64;
        rows.clear();
        out.clear();
    }
    let all = all.spent();
    let growth = machine::resident().saturating_sub(before);
    all_decoded(input, &counts)?;
    if made != input.records {
        return Err(BenchError::Undone(format!("{made} rows came of {} records", input.records)));
    }
    Ok(Run {
        all,
        decode: Spent { cpu: decode.cpu.min(all.cpu), ..decode },
        known,
        accounts: ledger.count(),
        state_bytes: ledger.state_bytes(),
        map_bytes: ledger.map_bytes(),
        growth,
    })
}

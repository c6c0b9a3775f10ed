//! Bytes to observations: framing, format and mapping, with no account looked at.
use super::clock::{Cpu, Spent, timed};
use super::input::Input;
use super::report::{Figure, Report, each, megabytes_per_second, per_second};
use super::{BenchError, Options, machine};
use codecs::Decoded;
use record::{Counts, RawBatch};
use returns::Vendor;

/// Decodes a feed in memory, once with its batches framed beforehand, and once from its bytes.
pub fn run(options: &Options) -> Result<Report, BenchError> {
    machine::forget_peak();
    let input = Input::new(&options.feed())?;
    let framed: Vec<RawBatch> = input.batches().collect();
    let (mut alone, mut together) = (Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        alone.push(decode(&input, framed.iter())?);
        together.push(decode(&input, input.batches())?);
    }
    let mut figures = figures(&input, "framed beforehand", &alone);
    figures.extend(self::figures(&input, "framing included", &together));
    figures.push(Figure::new("peak memory", "MiB", vec![each(machine::peak(), 1 << 20)]));
    Ok(Report { bench: "decode", about: options.about(&input), figures })
}

fn figures(input: &Input, what: &str, runs: &[Spent]) -> Vec<Figure> {
    let of = |pick: fn(&Input, &Spent) -> u64| runs.iter().map(|spent| pick(input, spent)).collect();
    vec![
        Figure::new(format!("records, {what}"), "1/s", of(|i, s| per_second(i.records, s.wall))),
        Figure::new(format!("bytes, {what}"), "MB/s", of(|i, s| megabytes_per_second(i.size(), s.wall))),
        Figure::new(format!("CPU of a record, {what}"), "ns", of(|i, s| each(s.cpu, i.records))),
    ]
}

/// Decodes all batches. What was found is counted and forgotten, its room used again.
fn decode(
    input: &Input,
    batches: impl Iterator<Item = impl std::borrow::Borrow<RawBatch>>,
) -> Result<Spent, BenchError> {
    let mut decoder = input.layout.decoder(Vendor(0));
    let mut out = Decoded::default();
    let mut counts = Counts::default();
    let ((), spent) = timed(Cpu::Thread, || {
        for batch in batches {
            decoder.decode(batch.borrow(), &mut out);
            counts += out.counts;
            out.clear();
        }
    });
    all_decoded(input, &counts)?;
    Ok(spent)
}

/// A benchmark of work that was not done would be fast. The header is a line that was read and left out.
pub fn all_decoded(input: &Input, counts: &Counts) -> Result<(), BenchError> {
    if counts.read == input.records + counts.ignored && counts.decoded == input.records {
        return Ok(());
    }
    let Counts { read, decoded, quarantined, .. } = counts;
    Err(BenchError::Undone(format!(
        "of {} records {read} were read, {decoded} decoded and {quarantined} quarantined",
        input.records
    )))
}

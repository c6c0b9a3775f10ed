//! `type = "kinesis"`.
use super::{Begin, begin, on_gap, prefetch, required};
use crate::topology::config::{HOUR, bounded};
use crate::topology::problem::Problems;
use crate::topology::reader::Reader;
use sources::KinesisConfig;
use sources::kinesis::{Consumer, Start};
use std::time::Duration;

pub(super) fn kinesis(r: &mut Reader, p: &mut Problems) -> KinesisConfig {
    KinesisConfig {
        stream: required(r, "stream", "the stream's name or ARN", p),
        consumer: consumer(r, p),
        start: match begin(r, "trim_horizon", p) {
            Begin::Oldest => Start::TrimHorizon,
            Begin::Latest => Start::Latest,
            Begin::At(at) => Start::AtTimestamp(at),
        },
        on_gap: on_gap(r, p),
        read_share: u8::try_from(bounded(r.number("read_share", 1..=100, p), 100)).unwrap_or(100),
        poll: r.duration("poll", Duration::from_millis(10)..=HOUR, p).unwrap_or(Duration::from_millis(250)),
        discover: r
            .duration("discover", Duration::from_millis(100)..=HOUR, p)
            .unwrap_or(Duration::from_secs(30)),
        prefetch: prefetch(r, p),
        compression: super::compression(r, p),
        record_limit: super::RECORD_LIMIT,
    }
}

fn consumer(r: &mut Reader, p: &mut Problems) -> Consumer {
    let fans_out = r.choice("consumer", &[("polling", false), ("fan_out", true)], p).unwrap_or(false);
    let (stands, name) = (r.place("consumer_name"), r.word("consumer_name", p));
    match (fans_out, stands) {
        (true, _) => Consumer::FanOut { name: name.map_or_else(|| "dietz".into(), |word| word.text) },
        (false, Some(span)) => {
            let help = Some("write consumer = \"fan_out\", or leave it out".into());
            p.add(span, format!("`{}.consumer_name`: who polls has no name", r.path), help);
            Consumer::Polling
        }
        (false, None) => Consumer::Polling,
    }
}

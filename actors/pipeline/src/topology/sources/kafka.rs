//! `type = "kafka"`.
use super::{Begin, begin, on_gap, prefetch, required};
use crate::topology::problem::Problems;
use crate::topology::reader::Reader;
use sources::KafkaConfig;
use sources::kafka::Start;

pub(super) fn kafka(r: &mut Reader, p: &mut Problems) -> KafkaConfig {
    let topics = r.words("topics", p).unwrap_or_default();
    if topics.is_empty() {
        p.add(r.span.clone(), format!("`{}` needs `topics`: the names of one or more topics", r.path), None);
    }
    let settings = r.texts("settings", p);
    let config = KafkaConfig {
        brokers: required(r, "brokers", "hosts and ports, as in \"broker-1:9092,broker-2:9092\"", p),
        topics: topics.into_iter().map(|word| word.text).collect(),
        group: if r.has("group") {
            required(r, "group", "the consumer group's id", p)
        } else {
            "dietz".into()
        },
        start: match begin(r, "earliest", p) {
            Begin::Oldest => Start::Earliest,
            Begin::Latest => Start::Latest,
            Begin::At(at) => Start::AtTimestamp(at),
        },
        on_gap: on_gap(r, p),
        prefetch: prefetch(r, p),
        compression: super::compression(r, p),
        record_limit: super::RECORD_LIMIT,
        settings: settings.iter().map(|(name, word)| (name.clone(), word.text.clone())).collect(),
    };
    for (name, wrong) in config.wrong_settings() {
        let span = settings.get(&name).map_or(r.span.clone(), |word| word.span.clone());
        p.add(span, format!("`{}.settings.{name}`: {wrong}", r.path), None);
    }
    config
}

//! The consumer's own cost without the network, for the benchmarks: an answer of a shard becomes pieces of batches.
use super::graph::HashRange;
use super::keys::KeySample;
use super::stream::Incoming;
use super::work::take_in;
use crate::messages::MessageCutter;
use crate::{Compression, Layouts};
use bytes::Bytes;
use record::{BatchLimit, Progress, Sequence};
use std::collections::VecDeque;
use std::sync::Arc;

/// What an answer came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    pub user_records: u64,
    /// Records of the layout, and what it refused.
    pub records: u64,
    pub batches: u64,
    /// Payload bytes, as the stream gave them.
    pub bytes: u64,
}

/// Takes aggregates apart, frames and cuts, as a shard's reader does with an answer. `answer`: partition keys and payloads.
pub fn hand_over(layouts: Arc<dyn Layouts>, answer: &[(String, Bytes)], limit: &BatchLimit) -> Measured {
    let mut cutter = MessageCutter::new(layouts, Compression::Auto, usize::MAX, Progress::Start, Vec::new());
    let incoming = |(n, (key, data)): (u64, &(String, Bytes))| Incoming {
        sequence: Sequence::from(n),
        arrival: 0,
        partition_key: key.clone(),
        data: data.clone(),
    };
    let mut waiting: VecDeque<Incoming> = (1..).zip(answer).map(incoming).collect();
    let range = Some(HashRange { first: 0, last: u128::MAX });
    let (keys, mut all) = (KeySample::default(), Measured::default());
    all.bytes = answer.iter().map(|(_, data)| data.len() as u64).sum();
    while !waiting.is_empty() {
        all.user_records += take_in(&mut cutter, &mut waiting, range, limit, &keys).user_records;
        while let Some(piece) = cutter.next(waiting.is_empty()) {
            all.batches += 1;
            all.records += (piece.records.len() + piece.refused.len()) as u64;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinesis::aggregate::Aggregate;
    use crate::testing::{LinesLayout, Shared};

    #[test]
    fn what_is_measured_is_all_of_an_answer() {
        let plain = (0..100).map(|n| (format!("U{n}"), Bytes::from(format!("h\n{n}\n{n}\n"))));
        let mut aggregate = Aggregate::new(1 << 20);
        for n in 0..50 {
            assert!(aggregate.add(&format!("U{n}"), None, format!("h\n{n}\n").into()));
        }
        let record = aggregate.finish().unwrap();
        let answer: Vec<_> = plain.chain([(record.partition_key, record.data)]).collect();
        let limit = BatchLimit { records: 100, bytes: 1 << 20, wait: std::time::Duration::ZERO };
        let layouts = Arc::new(Shared(Arc::new(LinesLayout::default())));
        let measured = hand_over(layouts, &answer, &limit);
        assert_eq!((measured.user_records, measured.records, measured.batches), (150, 250, 3));
    }
}

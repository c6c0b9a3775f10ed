//! A feed through a layout, as the pipeline would send it.

use bytes::Bytes;
use codecs::{Decoded, Layout};
use record::{Feed, FeedKey, Framed, Partition, PartitionId, PartitionKey, Progress, RawBatch};
use returns::Vendor;
use std::sync::Arc;

pub fn layout(mapping: &str) -> Arc<Layout> {
    match Layout::compile(mapping, "mapping.toml") {
        Ok(layout) => Arc::new(layout),
        Err(problems) => panic!("{}", problems.iter().map(|p| format!("{p}\n")).collect::<String>()),
    }
}

/// The feed framed in pieces of that many bytes, all its records in one.
pub fn frame(layout: &Layout, feed: &[u8], piece: usize) -> Framed {
    let mut framer = layout.framer();
    let mut all = Framed::default();
    let (mut from, mut have) = (0, 0);
    loop {
        let last = have == feed.len();
        let used = framer.frame(&feed[from..have], last, &mut all);
        from += used;
        if last && from == feed.len() {
            return all;
        }
        have = feed.len().min(have + piece);
    }
}

pub fn batch(layout: &Layout, framed: Framed, feed: &[u8], ends: bool) -> RawBatch {
    let Framed { payload, records, contexts, refused, consumed } = framed;
    RawBatch {
        number: 1,
        partition: partition(),
        feed: Arc::new(Feed {
            hash: Some(*blake3::hash(feed).as_bytes()),
            ends,
            ..Feed::new(FeedKey(1), layout.name())
        }),
        from: Progress::Start,
        to: Progress::End,
        payload: Bytes::from(payload),
        records,
        contexts,
        refused,
        bytes: consumed,
        arrivals: Vec::new(),
        read_until: None,
    }
}

fn partition() -> Arc<Partition> {
    Arc::new(Partition {
        key: PartitionKey(1),
        id: PartitionId::new("test/feed"),
        source: "test".into(),
        token: 1,
        opened: Progress::Start,
    })
}

pub fn decode(layout: &Arc<Layout>, feed: &[u8]) -> Decoded {
    decode_in_pieces(layout, feed, feed.len().max(1))
}

pub fn decode_in_pieces(layout: &Arc<Layout>, feed: &[u8], piece: usize) -> Decoded {
    let framed = frame(layout, feed, piece);
    let mut out = Decoded::default();
    layout.decoder(Vendor(0)).decode(&batch(layout, framed, feed, true), &mut out);
    assert_eq!(out.counts.records_unaccounted(), 0);
    out
}

//! A generated feed in memory, and its batches as a source would send them.
use super::BenchError;
use crate::generate::draw::{Draw, For};
use crate::generate::{self, Feed, Vendor};
use bytes::Bytes;
use codecs::Layout;
use record::{
    Feed as Delivery, FeedKey, Framed, Framer, Partition, PartitionId, PartitionKey, Progress, RawBatch,
};
use std::mem;
use std::sync::Arc;

/// A feed of the main layout.
pub struct Input {
    pub layout: Arc<Layout>,
    pub bytes: Vec<u8>,
    pub records: u64,
    partition: Arc<Partition>,
    delivery: Arc<Delivery>,
}

/// Partition keys and payloads of a stream.
pub type Messages = Vec<(String, Bytes)>;

/// Bytes of a line, at most about.
const LINE: usize = 128;

/// Bytes read at a time: about as many records as a source puts into a batch.
const PIECE: usize = 512 * 1024;

impl Input {
    pub fn new(feed: &Feed) -> Result<Input, BenchError> {
        let layout = Layout::compile(Vendor::Bulk.mapping(), "vendors/bulk/mapping.toml")
            .map_err(|problems| BenchError::Layout(problems.iter().map(|p| format!("{p}\n")).collect()))?;
        // Room for all of it, so that memory does not grow by what only making it takes.
        let mut bytes = Vec::with_capacity(feed.accounts as usize * feed.days as usize * LINE);
        let calendar = feed.checked()?;
        let written = generate::put(feed, Vendor::Bulk, &calendar, &mut bytes).map_err(BenchError::Io)?;
        let key = PartitionKey(1);
        Ok(Input {
            layout: Arc::new(layout),
            records: written.records,
            bytes,
            partition: Arc::new(Partition {
                key,
                id: PartitionId::new("bench/bulk.csv"),
                source: "bench".into(),
                token: 1,
                opened: Progress::Start,
            }),
            delivery: Arc::new(Delivery { ends: true, ..Delivery::new(FeedKey(1), Vendor::Bulk.name()) }),
        })
    }

    /// The same lines, day by day, but within a day each time in another order: no account is where the processor expects it.
    pub fn shuffled(mut self, accounts: u32, seed: u64) -> Input {
        let mut lines: Vec<&[u8]> = self.bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let draw = Draw::new(seed);
        for (day, lines) in (0..).zip(lines[1..].chunks_mut(accounts as usize)) {
            // The shuffle of Fisher and Yates.
            for place in (1..lines.len() as u64).rev() {
                let other = draw.below(For::Order, place, day, place + 1);
                lines.swap(place as usize, other as usize);
            }
        }
        self.bytes = lines.concat();
        self
    }

    pub fn size(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }

    /// The lines as messages of so many, each with the header before them.
    pub fn messages(&self, lines: usize) -> Messages {
        let mut all = self.bytes.split_inclusive(|b| *b == b'\n');
        let header = all.next().unwrap_or_default();
        let rows: Vec<&[u8]> = all.collect();
        let message = |(n, rows): (usize, &[&[u8]])| {
            let payload = [&[header], rows].concat().concat();
            (format!("ACC-{n:08}"), Bytes::from(payload))
        };
        rows.chunks(lines).enumerate().map(message).collect()
    }

    /// Cuts the feed into batches, one at a time.
    pub fn batches(&self) -> Batches<'_> {
        Batches { input: self, framer: self.layout.framer(), at: 0, number: 0, reached: Progress::Start }
    }
}

/// See [`Input::batches`].
pub struct Batches<'i> {
    input: &'i Input,
    framer: Box<dyn Framer>,
    /// Bytes the framer is done with.
    at: usize,
    number: u64,
    reached: Progress,
}

impl Iterator for Batches<'_> {
    type Item = RawBatch;

    fn next(&mut self) -> Option<RawBatch> {
        let bytes = &self.input.bytes;
        let mut end = (self.at + PIECE).min(bytes.len());
        while self.at < bytes.len() {
            let mut framed = Framed { payload: Vec::with_capacity(end - self.at), ..Framed::default() };
            let used = self.framer.frame(&bytes[self.at..end], end == bytes.len(), &mut framed);
            self.at += used;
            if used > 0 {
                return Some(self.batch(framed, used));
            }
            end = (end + PIECE).min(bytes.len());
        }
        None
    }
}

impl Batches<'_> {
    fn batch(&mut self, framed: Framed, used: usize) -> RawBatch {
        self.number += 1;
        let last = framed.records.last().map_or(self.reached, |r| Progress::At(r.position));
        let to = if self.at == self.input.bytes.len() { Progress::End } else { last };
        RawBatch {
            number: self.number,
            partition: self.input.partition.clone(),
            feed: self.input.delivery.clone(),
            from: mem::replace(&mut self.reached, to),
            to,
            payload: Bytes::from(framed.payload),
            records: framed.records,
            contexts: framed.contexts,
            refused: framed.refused,
            bytes: u64::try_from(used).unwrap_or(u64::MAX),
            arrivals: Vec::new(),
            read_until: None,
        }
    }
}

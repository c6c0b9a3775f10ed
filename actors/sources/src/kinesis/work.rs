//! The work on records of a shard: aggregates taken apart, messages framed and cut into pieces. It is all of the consumer's own cost, so large
//! answers are worked on off the async threads, and some at a time.
use super::graph::HashRange;
use super::keys::KeySample;
use super::shared::Shared;
use super::stream::Incoming;
use super::unpack::{Met, messages};
use crate::SourceError;
use crate::job::Job;
use crate::messages::{MessageCutter, Piece};
use record::{BatchLimit, Progress};
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of pieces after which those are handed over first.
const STEP: usize = 4 << 20;
/// Below this many bytes of records another thread is not worth the way there.
const SMALL: usize = 64 << 10;

/// The cutter of one shard, and the records it is to take in.
pub(super) struct Work {
    /// Out while another thread works.
    cutter: Option<MessageCutter>,
    waiting: VecDeque<Incoming>,
    range: Option<HashRange>,
    limit: BatchLimit,
    reached: Progress,
}

impl Work {
    pub(super) fn new(cutter: MessageCutter, range: Option<HashRange>, limit: BatchLimit) -> Work {
        let reached = cutter.reached();
        Work { cutter: Some(cutter), waiting: VecDeque::new(), range, limit, reached }
    }

    pub(super) fn add(&mut self, records: Vec<Incoming>) {
        self.waiting.extend(records);
    }

    pub(super) fn is_done(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How far records were taken in.
    pub(super) fn reached(&self) -> Progress {
        self.reached
    }

    /// Takes in some records; what they gave is to be taken with [`Work::next_piece`].
    pub(super) async fn step(&mut self, shared: &Arc<Shared>) -> Result<Met, SourceError> {
        let lost = || SourceError::Transient("a reader stopped in the middle of its work".into());
        let mut cutter = self.cutter.take().ok_or_else(lost)?;
        let mut waiting = std::mem::take(&mut self.waiting);
        let (range, limit) = (self.range, self.limit);
        let large = waiting.iter().map(|r| r.data.len()).sum::<usize>() > SMALL;
        let met = if large {
            let shared = shared.clone();
            let mut job = Job::spawn(move || {
                let met = take_in(&mut cutter, &mut waiting, range, &limit, &shared.keys);
                (cutter, waiting, met)
            });
            let (back, left, met) = job.done().await?;
            (cutter, waiting) = (back, left);
            met
        } else {
            take_in(&mut cutter, &mut waiting, range, &limit, &shared.keys)
        };
        self.reached = cutter.reached();
        (self.cutter, self.waiting) = (Some(cutter), waiting);
        Ok(met)
    }

    /// The next piece: full ones, and the rest once all records are in.
    pub(super) fn next_piece(&mut self) -> Option<Piece> {
        let all = self.waiting.is_empty();
        self.cutter.as_mut()?.next(all)
    }

    /// With the step to the end.
    pub(super) fn end(&mut self) -> Option<Piece> {
        self.cutter.as_mut()?.end()
    }
}

pub(super) fn take_in(
    cutter: &mut MessageCutter,
    waiting: &mut VecDeque<Incoming>,
    range: Option<HashRange>,
    limit: &BatchLimit,
    keys: &KeySample,
) -> Met {
    let mut met = Met::default();
    while cutter.held() < STEP
        && let Some(record) = waiting.pop_front()
    {
        messages(record, range, keys, &mut met, |message| cutter.push(&message, limit));
    }
    met
}

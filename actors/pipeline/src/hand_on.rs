//! The ordered part of a decoder's work: a batch is handed on when its turn in its partition has come.
use crate::followed::{Followed, Tally};
use crate::guard::{End, Failure, Guard};
use crate::mailbox::{Mailbox, Room};
use crate::messages::{AccountBatch, Flowing, Rejected};
use crate::pieces::{bad_share, controls_hold};
use crate::turns::{OutOfTurn, Turn};
use foldhash::HashSet;
use futures_util::FutureExt;
use record::{Progress, RawBatch};
use returns::tolerance::Rules;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use store::Store;

/// What it takes to hand a batch on.
pub(crate) struct HandOn {
    pub store: Arc<dyn Store>,
    pub followed: Followed,
    pub rules: Arc<Rules>,
    /// Layouts whose feeds declare counts or totals.
    pub controlled: HashSet<Arc<str>>,
    pub out: Vec<Mailbox<Flowing<AccountBatch>>>,
    /// The decoder's own: its end is told by being dropped, so nobody else keeps it.
    pub guard: Weak<Guard>,
}

/// A batch that is decoded and split.
pub(crate) struct Ready {
    pub raw: RawBatch,
    pub pieces: Vec<Option<AccountBatch>>,
    pub turn: Turn,
    /// Its place in the decoder's mailbox, so that what waits for its turn is bounded by it.
    pub room: Room,
}

impl From<OutOfTurn> for Failure {
    fn from(echo: OutOfTurn) -> Self {
        // The decoder that dropped the turn tells the cause before.
        Failure::transient(echo)
    }
}

impl HandOn {
    /// Waits for the batch's turn, sends its pieces and lets the next one go. A piece is in its mailbox before the turn passes, so each
    /// accumulator gets a partition in its order.
    pub async fn hand_on(&self, ready: Ready) -> Result<(), Failure> {
        let Ready { raw, mut pieces, mut turn, room } = ready;
        match self.in_turn(&raw, &mut pieces, &mut turn).await {
            Ok(met) => {
                turn.pass(met);
                drop(room);
                Ok(())
            }
            Err(failure) => {
                // Before the turn is dropped: who waits for it would speak first, and of nothing but that.
                self.tell(&failure);
                drop(turn);
                Err(failure)
            }
        }
    }

    /// The same where nobody looks at the result at once: a panic is told too.
    pub async fn hand_on_aside(&self, ready: Ready) -> Result<(), Failure> {
        let result = AssertUnwindSafe(self.hand_on(ready)).catch_unwind().await;
        result.unwrap_or_else(|_| {
            if let Some(guard) = self.guard.upgrade() {
                guard.tell(End::Panicked);
            }
            Err(Failure::transient("it panicked"))
        })
    }

    pub async fn drain(&self) -> Result<(), Failure> {
        for out in &self.out {
            out.send(Flowing::Drain).await?;
        }
        Ok(())
    }

    /// Tells the supervisor of trouble; only what is told first counts.
    pub fn tell(&self, failure: &Failure) {
        if let Some(guard) = self.guard.upgrade() {
            guard.failed(failure.clone());
        }
    }

    async fn in_turn(
        &self,
        raw: &RawBatch,
        pieces: &mut Vec<Option<AccountBatch>>,
        turn: &mut Turn,
    ) -> Result<Option<Tally>, Failure> {
        let met = turn.come().await?;
        let tally = self.before(raw, met).await?;
        let met = self.after(raw, tally, pieces);
        for (out, piece) in self.out.iter().zip(pieces.drain(..)) {
            if let Some(piece) = piece {
                out.send(Flowing::Batch(piece)).await?;
            }
        }
        Ok(met)
    }

    /// What was met of the batch's feed before it; what an earlier run read of it is in the store.
    async fn before(&self, raw: &RawBatch, met: Option<Tally>) -> Result<Tally, Failure> {
        let (key, from) = (raw.partition.key, raw.from);
        match met {
            Some(tally) => Ok(tally),
            None if raw.feed.ends && from != Progress::Start => {
                Ok(self.store.bad_records(raw.feed.key, key, from).await?.into())
            }
            None => Ok(Tally::default()),
        }
    }

    /// Adds the batch to what was met; with the last one the feed is judged, and nothing of it is kept.
    fn after(&self, raw: &RawBatch, mut tally: Tally, pieces: &mut [Option<AccountBatch>]) -> Option<Tally> {
        if !raw.feed.ends {
            return None;
        }
        let rejects = pieces.iter().flatten().flat_map(|piece| &piece.rejects);
        tally.unread |= rejects.clone().any(Rejected::names_nothing);
        tally.bad += rejects.count() as u64;
        if raw.to != Progress::End {
            return Some(tally);
        }
        self.end_of_feed(raw, &tally, pieces);
        None
    }

    fn end_of_feed(&self, raw: &RawBatch, tally: &Tally, pieces: &mut [Option<AccountBatch>]) {
        // Whether all of it could be read is known only now.
        let feed = self.followed.of_batch(raw, tally.unread).map(Arc::new);
        pieces.iter_mut().flatten().for_each(|piece| piece.feed.clone_from(&feed));
        if let Some(Some(first)) = pieces.first_mut() {
            first.breaks.extend(bad_share(raw, tally, &self.rules));
            let controlled = self.controlled.contains(&raw.feed.vendor);
            first.breaks.extend(controls_hold(raw).into_iter().filter(|_| controlled));
        }
    }
}

#[cfg(test)]
mod tests;

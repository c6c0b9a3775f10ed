//! What actors say to each other. Forward messages are batches; each carries the header of the source's batch it came from.
use crate::turns::Turn;
use record::{Counts, Partition, Progress, RawBatch, Symbol};
use returns::ledger::{RowChange, StoredFact, WholeFeed};
use returns::{Date, Fact, Reasons, Verdict};
use std::sync::Arc;
use store::{FeedStep, QuarantineWrite};

/// Forward: a message, or the word that its sender has said everything.
pub enum Flowing<M> {
    Batch(M),
    /// Comes behind all data. A stage with several inputs waits for one from each, passes on what it holds, and says so itself.
    Drain,
}

/// Which batch of which partition this is, and which piece of it. The step is applied when all pieces are in.
#[derive(Clone, Debug)]
pub struct Header {
    pub number: u64,
    pub part: Part,
    pub partition: Arc<Partition>,
    pub from: Progress,
    pub to: Progress,
    /// What the step tells of its feed, where that has an end.
    pub feed: Option<FeedStep>,
    /// [`RawBatch::read_until`] of the batch.
    pub read_until: Option<i64>,
}

/// What of a batch a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// One of so many pieces; with the last of them the step is applied.
    Piece { of: u32 },
    /// More that belongs to the batch, ahead of its piece.
    More,
    /// No step at all: a batch of an accumulator's own making.
    Alone,
}

/// Source to decoder.
pub type Raw = Flowing<Dealt>;

/// A batch and its turn among those of its partition, which other decoders may have.
pub struct Dealt {
    pub raw: RawBatch,
    pub(crate) turn: Turn,
}

/// Decoder to accumulator k: the observations of accounts in its slots.
pub struct AccountBatch {
    pub header: Header,
    pub facts: Vec<(Symbol, Fact)>,
    pub intake: Intake,
    /// The feed, where it is followed to its end; its last batch goes to every accumulator.
    pub feed: Option<Arc<WholeFeed>>,
    /// Vendor accounts seen for the first time: (vendor, vendor account) leads to this account from now on.
    pub aliases: Vec<NewAlias>,
    /// Piece 1 carries what belongs to the batch as a whole.
    pub rejects: Vec<Rejected>,
    /// Breaks of the feed as a whole.
    pub breaks: Vec<store::BreakWrite>,
    pub counts: Counts,
}

/// How the facts of a batch are taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// Folded as they come.
    Fold,
    /// The feed's control count disagrees, or its trailer is still to come: its facts are stored and wait. `whole`: with this batch its trailer is
    /// in and agrees, so that all of them count.
    Wait { whole: bool },
    /// The feed is read again with a later version of its mapping: its facts are stored, and count when all of it is in.
    Aside,
    /// The feed runs backwards: its facts are stored, and accounts folded once, with its last batch; so order costs at most twice.
    StoreFirst { last: bool },
}

#[derive(Clone, Debug)]
pub struct NewAlias {
    pub account: Symbol,
    pub vendor: Arc<str>,
    pub vendor_account: Symbol,
}

/// A record for quarantine, and the account-day it names, where it names one.
pub struct Rejected {
    pub write: QuarantineWrite,
    pub account: Option<Symbol>,
}

impl Rejected {
    /// It names no account and date, so that it holds no day.
    pub fn names_nothing(&self) -> bool {
        self.account.is_none() || self.write.as_of.is_none()
    }
}

/// Accumulator to checker: what changes.
#[derive(Clone)]
pub struct ReturnsBatch {
    pub header: Header,
    /// New accounts, changed profiles, first aliases.
    pub accounts: Vec<store::AccountWrite>,
    /// Account id and change, in the order they came about.
    pub rows: Vec<(i64, RowChange)>,
    pub facts: Vec<(i64, StoredFact)>,
    /// What caused restatements in this batch: (account, date, cause).
    pub causes: Vec<(i64, Date, Arc<str>)>,
    pub quarantine: Vec<QuarantineWrite>,
    pub breaks: Vec<store::BreakWrite>,
    /// Accounts with facts that are stored and not folded, and accounts whose facts are all folded now.
    pub marked: Vec<i64>,
    pub folded: Vec<i64>,
    /// Accounts that came into memory with it.
    pub brought_in: u64,
    pub counts: Counts,
}

impl ReturnsBatch {
    pub fn new(header: Header, counts: Counts) -> Self {
        ReturnsBatch {
            header,
            accounts: Vec::new(),
            rows: Vec::new(),
            facts: Vec::new(),
            causes: Vec::new(),
            quarantine: Vec::new(),
            breaks: Vec::new(),
            marked: Vec::new(),
            folded: Vec::new(),
            brought_in: 0,
            counts,
        }
    }
}

/// Checker to sink: the same, judged.
pub struct CheckedBatch {
    pub returns: Arc<ReturnsBatch>,
    /// One per row.
    pub verdicts: Vec<(Verdict, Reasons)>,
    /// Each with the row change it belongs to.
    pub breaks: Vec<(u32, store::BreakWrite)>,
}

/// Sink back to sources and accumulators: these batches are committed. Losing it costs memory, never a figure.
#[derive(Clone, Debug)]
pub struct Committed {
    pub batches: Arc<Vec<CommittedBatch>>,
}

#[derive(Clone, Debug)]
pub struct CommittedBatch {
    pub number: u64,
    pub partition: Arc<Partition>,
    pub to: Progress,
}

impl actix::Message for Committed {
    type Result = ();
}

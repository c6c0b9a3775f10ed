//! A member of the consumer group, on a thread of its own: librdkafka blocks, and calls back while it is polled.
//!
//! The thread decides nothing. What the group wants it tells, what it is told it does, and what is fetched it hands on while there is room. It polls
//! whatever else happens, so that the group never thinks it dead; back-pressure is not taking messages out of the partitions' queues.
use super::KafkaConfig;
use super::begin::Held;
use super::context::Context;
use super::look::{Asker, Found};
use super::metrics::Figures;
use super::place::Place;
use super::serving::Serving;
use super::trouble::Trouble;

use crate::messages::Message;
use rdkafka::consumer::BaseConsumer;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, Thread};
use std::time::Duration;
use tokio::sync::mpsc;

/// Chunks on their way. What they hold comes on top of `prefetch`.
const CHUNKS: usize = 4;
/// How long who drops a member waits for it to leave the group.
const FAREWELL: Duration = Duration::from_secs(3);

/// What the member is told.
#[derive(Debug)]
pub(super) enum Command {
    Join,
    /// Answers [`News::Take`]: each from its offset.
    Assign {
        round: u64,
        places: Vec<(Place, i64)>,
    },
    /// Of [`News::GiveBack`], one that nobody waits for any more; with the last of them the group is answered.
    LetGo(Place),
    /// Goes on elsewhere in a partition that is assigned.
    Reread {
        round: u64,
        place: Place,
        offset: i64,
    },
    /// Of a partition the messages before this offset are committed in the store.
    Committed(Place, i64),
}

/// What the member tells.
#[derive(Debug)]
pub(super) enum News {
    /// The topics' partitions, and where `start` would have each begin. Nothing is read before [`Command::Join`].
    Found(Vec<(Found, super::begin::Begin)>),
    Take(Vec<Found>),
    GiveBack {
        places: Vec<Place>,
        lost: bool,
    },
    Trouble(Trouble),
}

/// Messages of one partition in their order, and what became of it behind them.
#[derive(Debug)]
pub(super) struct Chunk {
    pub place: Place,
    /// The assignment it was fetched under, as the source numbered it.
    pub round: u64,
    pub messages: Vec<Message>,
    pub then: Option<Then>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nothing more is there now.
    AtEnd,
    /// The offset that should come next is not there.
    OutOfRange(Held),
}

/// The source's end of a member. Dropping it takes the member out of the group.
pub(super) struct Member {
    commands: Option<Sender<Command>>,
    pub news: mpsc::UnboundedReceiver<News>,
    pub chunks: mpsc::Receiver<Chunk>,
    thread: Thread,
    gone: Receiver<()>,
}

impl Member {
    /// Starts the thread; that is all that can fail here.
    pub(super) fn start(
        source: &Arc<str>,
        config: Arc<KafkaConfig>,
        figures: Arc<Figures>,
    ) -> std::io::Result<Member> {
        let (commands, told) = channel();
        let (tell, news) = mpsc::unbounded_channel();
        let (hand_on, chunks) = mpsc::channel(CHUNKS);
        let (going, gone) = channel();
        let name = source.clone();
        let thread = thread::Builder::new().name(format!("kafka {source}")).spawn(move || {
            let work = Work { source: name, config, figures, told, tell, hand_on };
            if let Err(trouble) = work.run() {
                // The thread ends with it, so it does not pass.
                let told = match trouble {
                    Trouble::Passing(text) => Trouble::Again(text),
                    other => other,
                };
                work.tell(News::Trouble(told));
            }
            // The source waits for this word alone.
            let _ = going.send(());
        })?;
        Ok(Member { commands: Some(commands), news, chunks, thread: thread.thread().clone(), gone })
    }

    /// A member that is gone has told why, or does so now.
    pub(super) fn tell(&self, command: Command) {
        let _ = self.commands.as_ref().map(|commands| commands.send(command));
        self.wake();
    }

    /// Something was taken, so there may be room.
    pub(super) fn wake(&self) {
        self.thread.unpark();
    }
}

impl Drop for Member {
    /// Waits a moment: a member that says farewell makes room at once, one that does not is missed only after the group's session timeout.
    fn drop(&mut self) {
        self.commands = None;
        self.chunks.close();
        self.wake();
        if let Err(RecvTimeoutError::Timeout) = self.gone.recv_timeout(FAREWELL) {
            tracing::info!(
                "the consumer group does not answer the farewell; it will miss this member by itself"
            );
        }
    }
}

/// What the thread works with.
pub(super) struct Work {
    pub source: Arc<str>,
    pub config: Arc<KafkaConfig>,
    pub figures: Arc<Figures>,
    pub told: Receiver<Command>,
    tell: mpsc::UnboundedSender<News>,
    pub hand_on: mpsc::Sender<Chunk>,
}

impl Work {
    pub(super) fn tell(&self, news: News) {
        // Nobody listens when the source is gone; then the next command says so.
        let _ = self.tell.send(news);
    }

    fn context(&self) -> Context {
        Context::new(&self.source, self.figures.clone())
    }

    fn run(&self) -> Result<(), Trouble> {
        let partitions = self.look()?;
        let client = self.config.member(partitions);
        let created: Result<BaseConsumer<Context>, _> = client.create_with_context(self.context());
        let mut consumer = created.map_err(|e| Trouble::of(&e, "consumer", ""))?;
        let me = thread::current();
        consumer.set_nonempty_callback(move || me.unpark());
        Serving::new(self, Arc::new(consumer)).serve();
        Ok(())
    }

    /// What there is to read, before a group is joined: which says what is wrong with brokers, names and rights too.
    fn look(&self) -> Result<usize, Trouble> {
        let created: Result<BaseConsumer<Context>, _> =
            self.config.asking().create_with_context(self.context());
        let consumer = created.map_err(|e| Trouble::of(&e, "consumer", ""))?;
        let asker = Asker { consumer: &consumer, config: &self.config };
        let places = asker.partitions()?;
        let found = places.iter().map(|place| asker.held(place)).collect::<Result<Vec<_>, _>>()?;
        let begins = asker.begins(&found)?;
        self.tell(News::Found(found.into_iter().zip(begins).collect()));
        Ok(places.len())
    }
}

//! What a member of the group does on its thread: answers the group, hands on what is fetched, and never stops polling.
use super::context::{Context, Wish};
use super::look::Asker;
use super::member::{Chunk, Command, News, Then, Work};
use super::message::taken;
use super::place::{Place, list, offsets};
use super::trouble::Trouble;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::thread;
use std::time::{Duration, Instant};

/// How much is handed on at once, at most, but one message always.
const CHUNK_MESSAGES: usize = 1_024;
const CHUNK_BYTES: usize = 256 * 1024;

/// The longest sleep between two looks; callbacks and commands wake the thread before.
const NAP: Duration = Duration::from_millis(100);
const RETRY: Duration = Duration::from_millis(500);

/// How often the group is told what is committed, at most.
const COURTESY: Duration = Duration::from_secs(1);

/// A partition that is read.
struct Reading {
    queue: PartitionQueue<Context>,
    round: u64,
}

/// What the group waits for.
enum Owed {
    Nothing,
    /// What the partitions hold is to be found out, again from this moment on.
    Look(Vec<Place>, Instant),
    Assign,
    /// These are not let go yet; all of them go together.
    LetGo {
        all: Vec<Place>,
        left: Vec<Place>,
    },
}

pub(super) struct Serving<'w> {
    work: &'w Work,
    consumer: Arc<BaseConsumer<Context>>,
    reading: BTreeMap<Place, Reading>,
    owed: Owed,
    rereads: Vec<(u64, Place, i64)>,
    committed: HashMap<Place, i64>,
    next_courtesy: Instant,
    /// Which partition is asked first, so that none starves.
    turn: usize,
    /// Trouble told last, and when: the same is not told over and over.
    told: Option<(String, Instant)>,
    /// It was told that messages come without a time.
    timeless_told: bool,
}

impl<'w> Serving<'w> {
    pub(super) fn new(work: &'w Work, consumer: Arc<BaseConsumer<Context>>) -> Serving<'w> {
        Serving {
            work,
            consumer,
            reading: BTreeMap::new(),
            owed: Owed::Nothing,
            rereads: Vec::new(),
            committed: HashMap::new(),
            next_courtesy: Instant::now(),
            turn: 0,
            told: None,
            timeless_told: false,
        }
    }

    /// Until the source is gone.
    pub(super) fn serve(mut self) {
        loop {
            let mut busy = false;
            loop {
                match self.work.told.try_recv() {
                    Ok(command) => self.obey(command),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return self.leave(),
                }
                busy = true;
            }
            busy |= self.poll();
            busy |= self.deliver();
            self.look_at_what_is_given();
            self.reread();
            self.tell_the_group(false);
            if !busy {
                thread::park_timeout(NAP);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Join => {
                let topics: Vec<&str> = self.work.config.topics.iter().map(String::as_str).collect();
                let joined = self.consumer.subscribe(&topics);
                self.expect(joined, "joining the group");
            }
            Command::Assign { round, places } => self.assign(round, &places),
            Command::LetGo(place) => self.let_go(&place),
            Command::Reread { round, place, offset } => self.rereads.push((round, place, offset)),
            Command::Committed(place, offset) => {
                self.work.figures.committed(&place, offset);
                self.committed.insert(place, offset);
            }
        }
    }

    /// Events of the group, the brokers and the statistics.
    fn poll(&mut self) -> bool {
        let mut busy = false;
        for _ in 0..64 {
            match self.consumer.clone().poll(Duration::ZERO) {
                None if self.consumer.context().was_called() => {}
                None => break,
                Some(Ok(message)) => {
                    // A partition has its own queue before it is assigned, so this cannot be; if it were, a message would be lost.
                    let text = format!("a message of {} came out of turn", Place::of(&message));
                    self.work.tell(News::Trouble(Trouble::Again(text)));
                }
                Some(Err(e)) => self.trouble(&e, "consumer group"),
            }
            busy = true;
        }
        while let Some(wish) = self.consumer.context().wish() {
            self.heed(wish);
            busy = true;
        }
        busy
    }

    fn heed(&mut self, wish: Wish) {
        match wish {
            Wish::Take(places) => self.owed = Owed::Look(places, Instant::now()),
            Wish::GiveBack { places, lost } => {
                // From now on nothing more of them is read.
                self.reading.retain(|place, _| !places.contains(place));
                self.rereads.retain(|(_, place, _)| !places.contains(place));
                if places.is_empty() {
                    return self.unassign(&places);
                }
                self.owed = Owed::LetGo { all: places.clone(), left: places.clone() };
                self.work.tell(News::GiveBack { places, lost });
            }
        }
    }

    /// What new partitions hold decides where they are read from, so it is asked until it is answered.
    fn look_at_what_is_given(&mut self) {
        let Owed::Look(places, when) = &self.owed else { return };
        if *when > Instant::now() {
            return;
        }
        let asker = Asker { consumer: &self.consumer, config: &self.work.config };
        let found = places.iter().map(|place| asker.held(place)).collect::<Result<Vec<_>, _>>();
        match found {
            Ok(found) => {
                self.owed = Owed::Assign;
                self.work.tell(News::Take(found));
            }
            Err(trouble) => {
                self.owed = Owed::Look(places.clone(), Instant::now() + RETRY);
                self.pass_on(trouble);
            }
        }
    }

    fn assign(&mut self, round: u64, given: &[(Place, i64)]) {
        for (place, offset) in given {
            self.work.figures.committed(place, *offset);
            let queue = self.consumer.split_partition_queue(&place.topic, place.partition);
            let Some(mut queue) = queue else { continue };
            let me = thread::current();
            queue.set_nonempty_callback(move || me.unpark());
            self.reading.insert(place.clone(), Reading { queue, round });
        }
        let given = offsets(given.iter().map(|(place, offset)| (place, *offset)));
        let assigned = given.and_then(|list| self.consumer.incremental_assign(&list));
        self.expect(assigned, "taking partitions");
        self.owed = Owed::Nothing;
    }

    fn let_go(&mut self, place: &Place) {
        let Owed::LetGo { all, left } = &mut self.owed else { return };
        left.retain(|other| other != place);
        if left.is_empty() {
            let all = std::mem::take(all);
            self.tell_the_group(true);
            self.unassign(&all);
        }
    }

    fn unassign(&mut self, places: &[Place]) {
        let answered = self.consumer.incremental_unassign(&list(places));
        self.expect(answered, "giving partitions back");
        self.committed.retain(|place, _| !places.contains(place));
        self.work.figures.let_go(places);
        self.owed = Owed::Nothing;
    }

    /// A partition that stands still is taken anew from another offset. Between two wishes of the group: an answer to one would be taken for an answer
    /// to the other.
    fn reread(&mut self) {
        if !matches!(self.owed, Owed::Nothing) {
            return;
        }
        for (round, place, offset) in std::mem::take(&mut self.rereads) {
            if self.reading.remove(&place).is_some() {
                let put_down = self.consumer.incremental_unassign(&list([&place]));
                self.expect(put_down, "reading on behind a gap");
                self.assign(round, &[(place, offset)]);
            }
        }
    }

    /// Hands on what is fetched while there is room.
    fn deliver(&mut self) -> bool {
        let places: Vec<Place> = self.reading.keys().cloned().collect();
        let mut busy = false;
        self.turn = self.turn.wrapping_add(1);
        for i in 0..places.len() {
            let Ok(room) = self.work.hand_on.clone().try_reserve_owned() else { break };
            let place = &places[(i + self.turn) % places.len()];
            if let Some(chunk) = self.chunk(place) {
                room.send(chunk);
                busy = true;
            }
        }
        busy
    }

    fn chunk(&mut self, place: &Place) -> Option<Chunk> {
        let reading = self.reading.get(place)?;
        let figures = &self.work.figures;
        let (mut messages, mut bytes, mut timeless, mut failed) = (Vec::new(), 0, 0, None);
        while messages.len() < CHUNK_MESSAGES && bytes < CHUNK_BYTES {
            match reading.queue.poll(Duration::ZERO) {
                None => break,
                Some(Ok(message)) => {
                    let taken = taken(&message);
                    bytes += taken.message.payload.len();
                    figures.tombstones.increment(u64::from(taken.tombstone));
                    timeless += u64::from(taken.timeless);
                    messages.push(taken.message);
                }
                Some(Err(e)) => {
                    failed = Some(e);
                    break;
                }
            }
        }
        figures.messages.increment(messages.len() as u64);
        figures.bytes.increment(bytes as u64);
        figures.timeless.increment(timeless);
        let round = reading.round;
        if timeless > 0 {
            self.tell_of_timeless(place);
        }
        let then = failed.and_then(|e| self.what_then(place, &e));
        let any = !messages.is_empty() || then.is_some();
        any.then(|| Chunk { place: place.clone(), round, messages, then })
    }

    /// Once: it is a property of who sends, and a counter counts them.
    fn tell_of_timeless(&mut self, place: &Place) {
        if !std::mem::replace(&mut self.timeless_told, true) {
            tracing::warn!(source = %self.work.source, "{place}: messages come without a time, and count as arrived before all others (1970-01-01): what \
                 else says the same day of an account is taken for newer. Have their sender set one, or the brokers: `message.timestamp.type=LogAppendTime` \
                 of the topic");
        }
    }

    /// What an error in a partition's queue means.
    fn what_then(&mut self, place: &Place, error: &KafkaError) -> Option<Then> {
        if let KafkaError::PartitionEOF(_) = error {
            return Some(Then::AtEnd);
        }
        if !matches!(
            error.rdkafka_error_code(),
            Some(Code::AutoOffsetReset | Code::OffsetOutOfRange | Code::LogTruncation)
        ) {
            self.trouble(error, &place.to_string());
            return None;
        }
        let asker = Asker { consumer: &self.consumer, config: &self.work.config };
        match asker.held(place) {
            Ok(found) => Some(Then::OutOfRange(found.held)),
            // Nothing more of it would come, so a fresh member has to find out.
            Err(trouble) => {
                self.work.tell(News::Trouble(Trouble::Again(trouble.text().to_owned())));
                None
            }
        }
    }

    fn trouble(&mut self, error: &KafkaError, doing: &str) {
        let reason = self.consumer.context().error().map_or(String::new(), |(_, reason)| reason);
        self.pass_on(Trouble::of(error, doing, &reason));
    }

    /// What passes is told once a minute.
    fn pass_on(&mut self, trouble: Trouble) {
        const QUIET: Duration = Duration::from_secs(60);
        let Trouble::Passing(text) = &trouble else { return self.work.tell(News::Trouble(trouble)) };
        let again = self.told.as_ref().is_some_and(|(last, when)| last == text && when.elapsed() < QUIET);
        if !again {
            self.told = Some((text.clone(), Instant::now()));
            self.work.tell(News::Trouble(trouble));
        }
    }

    /// A call that fails only where this file is wrong, or the group has ended meanwhile.
    fn expect(&self, result: Result<(), KafkaError>, doing: &str) {
        if let Err(e) = result {
            self.work.tell(News::Trouble(Trouble::Again(format!("{doing}: {e}"))));
        }
    }

    /// What is committed in the store, as a courtesy to those who watch the group.
    fn tell_the_group(&mut self, now: bool) {
        if self.committed.is_empty() || !now && Instant::now() < self.next_courtesy {
            return;
        }
        self.next_courtesy = Instant::now() + COURTESY;
        let list = offsets(self.committed.iter().map(|(place, offset)| (place, *offset)));
        self.committed.clear();
        let told = list.and_then(|list| self.consumer.commit(&list, CommitMode::Async));
        if let Err(e) = told {
            tracing::debug!(source = %self.work.source, "the group is not told what is committed: {e}");
        }
    }

    /// Out of the group. What it still waits for is granted: nothing under way is committed any more, or all of it is.
    fn leave(mut self) {
        self.tell_the_group(true);
        self.consumer.context().leave();
        self.reading.clear();
        self.work.figures.let_go_all();
        let answered = match &self.owed {
            Owed::Nothing => Ok(()),
            Owed::Look(..) | Owed::Assign => self.consumer.incremental_assign(&TopicPartitionList::new()),
            Owed::LetGo { all, .. } => self.consumer.incremental_unassign(&list(all)),
        };
        if let Err(e) = answered {
            tracing::debug!(source = %self.work.source, "leaving the group: {e}");
        }
        // Dropping the consumer leaves the group.
    }
}

//! What librdkafka calls back, on the member's thread while it polls. Nothing here waits: what the group wants is noted, and answered later.
use super::metrics::Figures;
use super::place::{Place, places};
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{Statistics, TopicPartitionList};
use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

/// What the group wants of this member. Until it is answered by assigning or letting go, the group's next turn waits.
#[derive(Debug)]
pub(super) enum Wish {
    Take(Vec<Place>),
    /// `lost`: the group has given them to others already.
    GiveBack {
        places: Vec<Place>,
        lost: bool,
    },
}

pub(super) struct Context {
    source: Arc<str>,
    pub figures: Arc<Figures>,
    noted: Mutex<Noted>,
    /// The member is on its way out: what the group wants is granted at once.
    leaving: AtomicBool,
    /// Something was called back since this was asked.
    called: AtomicBool,
}

#[derive(Default)]
struct Noted {
    wishes: VecDeque<Wish>,
    /// The last error of brokers or connections and the reason librdkafka gives for it.
    error: Option<(KafkaError, String)>,
}

impl Context {
    pub(super) fn new(source: &Arc<str>, figures: Arc<Figures>) -> Context {
        Context {
            source: source.clone(),
            figures,
            noted: Mutex::default(),
            leaving: AtomicBool::new(false),
            called: AtomicBool::new(false),
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(|e| e.into_inner())
    }

    pub(super) fn wish(&self) -> Option<Wish> {
        self.noted().wishes.pop_front()
    }

    pub(super) fn error(&self) -> Option<(KafkaError, String)> {
        mem::take(&mut self.noted().error)
    }

    /// Whether something was called back: a poll that gave nothing may have done so, and there may be more.
    pub(super) fn was_called(&self) -> bool {
        self.called.swap(false, Ordering::Relaxed)
    }

    fn called(&self) {
        self.called.store(true, Ordering::Relaxed);
    }

    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }
}

impl ConsumerContext for Context {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, wish: RDKafkaRespErr, list: &mut TopicPartitionList) {
        self.called();
        let takes = matches!(wish, RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS);
        if self.leaving.load(Ordering::SeqCst) {
            // Nothing new is begun, and what was read is committed or nobody's.
            let answer = match takes {
                true => consumer.incremental_assign(&TopicPartitionList::new()),
                false => consumer.incremental_unassign(list),
            };
            if let Err(e) = answer {
                tracing::debug!(source = %self.source, "leaving the group: {e}");
            }
            return;
        }
        self.figures.rebalances.increment(1);
        let places = places(list);
        let wish = match takes {
            true => Wish::Take(places),
            false => Wish::GiveBack { places, lost: consumer.assignment_lost() },
        };
        self.noted().wishes.push_back(wish);
    }

    fn commit_callback(&self, result: Result<(), KafkaError>, _: &TopicPartitionList) {
        self.called();
        if let Err(e) = result {
            tracing::debug!(source = %self.source, "the group was not told what is committed: {e}");
        }
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        self.called();
        self.figures.statistics(&statistics);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.called();
        self.figures.errors.increment(1);
        // What all brokers have in common says less than what one of them said before it.
        let code = error.rdkafka_error_code();
        let vague = code == Some(rdkafka::types::RDKafkaErrorCode::AllBrokersDown);
        let mut noted = self.noted();
        if !vague || noted.error.is_none() {
            noted.error = Some((error, reason.to_owned()));
        }
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        use RDKafkaLogLevel::{Alert, Critical, Debug, Emerg, Error, Info, Notice, Warning};
        self.called();
        let source = &self.source;
        // Errors come as errors too, and are told from there.
        match level {
            Emerg | Alert | Critical => tracing::error!(%source, facility, "{text}"),
            Error | Warning | Notice | Info => tracing::info!(%source, facility, "{text}"),
            Debug => tracing::debug!(%source, facility, "{text}"),
        }
    }
}

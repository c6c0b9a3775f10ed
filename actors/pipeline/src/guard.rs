//! Tells the supervisor how an actor ended, at once and by itself: dropped with the actor, whatever the reason.
use std::sync::Arc;
use std::sync::Mutex;
use tokio::sync::mpsc::UnboundedSender;

/// Why an actor ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It has passed on everything and has nothing more to do.
    Finished,
    /// It cannot go on; what kind of trouble decides what the supervisor does.
    Failed(Failure),
    Panicked,
    /// It was dropped with work left: its generation is ending.
    Dropped,
}

/// Trouble, by what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    pub class: Class,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Will pass: start the generation again.
    Transient,
    /// A batch keeps killing: take it apart.
    Poison,
    /// Another process owns the work now.
    LeaseLost,
    /// Will not pass: stop and say so.
    Fatal,
}

impl Failure {
    pub fn transient(text: impl ToString) -> Self {
        Failure { class: Class::Transient, text: text.to_string() }
    }
    pub fn fatal(text: impl ToString) -> Self {
        Failure { class: Class::Fatal, text: text.to_string() }
    }
}

impl From<crate::mailbox::Closed> for Failure {
    fn from(closed: crate::mailbox::Closed) -> Self {
        // The receiver's own guard tells the cause; this is the echo upstream.
        Failure::transient(closed)
    }
}

impl From<store::StoreError> for Failure {
    fn from(e: store::StoreError) -> Self {
        use store::StoreError::{Busy, LeaseLost, Refused, Schema, Unreachable};
        let class = match &e {
            Unreachable(_) => Class::Transient,
            Busy { .. } | LeaseLost => Class::LeaseLost,
            Schema(_) | Refused(_) => Class::Fatal,
        };
        Failure { class, text: e.to_string() }
    }
}

/// Whose end it was.
#[derive(Clone, Debug)]
pub struct Ended {
    pub actor: Arc<str>,
    pub end: End,
}

/// Held by an actor. Says [`End::Panicked`] or [`End::Dropped`] when dropped, unless the end was told before.
pub struct Guard {
    actor: Arc<str>,
    to: Mutex<Option<UnboundedSender<Ended>>>,
}

impl Guard {
    pub fn new(actor: &str, to: UnboundedSender<Ended>) -> Self {
        Guard { actor: actor.into(), to: Mutex::new(Some(to)) }
    }

    /// Tells the end; only the first telling counts.
    pub fn tell(&self, end: End) {
        let to = self.to.lock().unwrap_or_else(|e| e.into_inner()).take();
        if let Some(to) = to {
            // A supervisor that is gone needs no news.
            let _ = to.send(Ended { actor: self.actor.clone(), end });
        }
    }

    pub fn failed(&self, failure: Failure) {
        self.tell(End::Failed(failure));
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.tell(if std::thread::panicking() { End::Panicked } else { End::Dropped });
    }
}

#[cfg(test)]
mod tests;

//! Bounded, ordered edges between actors.
//!
//! actix's `do_send` ignores a mailbox's capacity and `send` does not wait for room, so the bound is kept here: a mailbox of `n` has `n`
//! permits, a message travels with its permit and gives it back when the receiver is done with it. A sender that finds no
//! permit waits: that is the back-pressure, all the way back to the source.
use actix::prelude::*;
use metrics::{Gauge, Histogram, gauge, histogram};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A message on its way, with the room it takes. Dropping it frees the room.
pub struct Parcel<M> {
    pub body: M,
    pub room: Room,
}

impl<M: 'static> Message for Parcel<M> {
    type Result = ();
}

/// One place in a mailbox, free again when dropped.
pub struct Room {
    _permit: OwnedSemaphorePermit,
    depth: Gauge,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.depth.decrement(1.0);
    }
}

/// The receiver is gone; its generation must end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the actor `{0}` no longer takes messages")]
pub struct Closed(pub Arc<str>);

/// The way into an actor's mailbox.
pub struct Mailbox<M: Send + 'static> {
    name: Arc<str>,
    to: Recipient<Parcel<M>>,
    room: Arc<Semaphore>,
    depth: Gauge,
    waits: Histogram,
}

impl<M: Send + 'static> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Mailbox {
            name: self.name.clone(),
            to: self.to.clone(),
            room: self.room.clone(),
            depth: self.depth.clone(),
            waits: self.waits.clone(),
        }
    }
}

/// Leaves the bound to permits alone. actix would count what comes by the back edge too, which has no bound: an actor busy while many commits
/// are told to it would seem full, and a full one cannot be told from one that is gone.
pub fn bound_by_permits<A: Actor<Context = Context<A>>>(ctx: &mut Context<A>) {
    ctx.set_mailbox_capacity(0);
}

impl<M: Send + 'static> Mailbox<M> {
    /// The mailbox of a started actor; `capacity` messages may be under way, whoever sends them.
    pub fn new(name: &str, to: Recipient<Parcel<M>>, capacity: usize) -> Self {
        gauge!("dietz_mailbox_capacity_messages", "actor" => name.to_owned()).set(capacity as f64);
        Mailbox {
            name: name.into(),
            to,
            room: Arc::new(Semaphore::new(capacity)),
            depth: gauge!("dietz_mailbox_depth_messages", "actor" => name.to_owned()),
            waits: histogram!("dietz_mailbox_wait_seconds", "actor" => name.to_owned()),
        }
    }

    /// Waits for room, then hands over. Messages of one sender arrive in the order of their calls.
    pub async fn send(&self, body: M) -> Result<(), Closed> {
        let permit = match self.room.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => {
                let since = Instant::now();
                let permit = self.room.clone().acquire_owned().await;
                self.waits.record(since.elapsed().as_secs_f64());
                permit.map_err(|_| Closed(self.name.clone()))?
            }
        };
        self.depth.increment(1.0);
        let room = Room { _permit: permit, depth: self.depth.clone() };
        self.to.try_send(Parcel { body, room }).map_err(|_| Closed(self.name.clone()))
    }
}

#[cfg(test)]
mod tests;

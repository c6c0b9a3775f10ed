//! Lets an actor's future use a runtime other than its arbiter's.
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// A future polled inside `handle`'s runtime, whatever thread polls it.
///
/// A database connection belongs to the runtime it was made in. An arbiter's runtime dies with its generation while the pool lives
/// on, so connections are always made in the one runtime that outlives all generations.
pub struct Entered<F> {
    handle: Handle,
    /// None once dropped.
    inner: Option<Pin<Box<F>>>,
}

pub fn entered<F: Future>(handle: &Handle, inner: F) -> Entered<F> {
    Entered { handle: handle.clone(), inner: Some(Box::pin(inner)) }
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let handle = self.handle.clone();
        let _inside = handle.enter();
        match &mut self.inner {
            Some(inner) => inner.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<F> Drop for Entered<F> {
    /// What the future holds (a connection of the pool) goes back in the runtime it came from.
    fn drop(&mut self) {
        let _inside = self.handle.enter();
        self.inner = None;
    }
}

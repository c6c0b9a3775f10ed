//! Work that blocks, off the async threads.
use crate::SourceError;
use std::future::Future;
use tokio::sync::oneshot;

/// A piece of blocking work under way. Waiting for it can be given up and taken up again; the result is kept until then.
pub(crate) struct Job<T>(oneshot::Receiver<T>);

impl<T: Send + 'static> Job<T> {
    /// On the runtime's blocking threads: for work that ends by itself.
    pub(crate) fn spawn(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (done, job) = oneshot::channel();
        // If nobody waits any more the source was dropped, and so is the result.
        tokio::task::spawn_blocking(move || drop(done.send(work())));
        Job(job)
    }

    /// On a thread of its own: for work that may wait for ever, and must not hold up the runtime's end.
    pub(crate) fn detached(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (done, job) = oneshot::channel();
        std::thread::spawn(move || drop(done.send(work())));
        Job(job)
    }

    /// Work that waits instead of blocking, as a task of its own: so that it goes on while nobody waits for it.
    pub(crate) fn task(work: impl Future<Output = T> + Send + 'static) -> Self {
        let (done, job) = oneshot::channel();
        tokio::spawn(async move { drop(done.send(work.await)) });
        Job(job)
    }

    pub(crate) async fn done(&mut self) -> Result<T, SourceError> {
        let stopped = |_| SourceError::Transient("a reader stopped in the middle of its work".into());
        (&mut self.0).await.map_err(stopped)
    }
}

//! Bodies of answers: whole, cut in the middle, or pushed as it comes.
use super::subscription::Cut;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Sleep;

pub(super) enum Content {
    Whole(Option<Bytes>),
    /// Half of what was promised, and the moment at which the connection closes.
    Half(Option<Bytes>, Pin<Box<Sleep>>),
    Pushed(mpsc::Receiver<Result<Bytes, Cut>>),
}

/// Long enough for the half to be written out before the connection closes.
const FLUSH: Duration = Duration::from_millis(5);

impl Content {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Content::Whole(Some(bytes.into()).filter(|b| !b.is_empty()))
    }

    pub(super) fn half_of(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Content::Half(Some(bytes.slice(..bytes.len() / 2)), Box::pin(tokio::time::sleep(FLUSH)))
    }
}

/// The connection was cut on command.
#[derive(Debug, thiserror::Error)]
#[error("cut by the fault plan")]
pub(super) struct CutOnCommand;

impl Body for Content {
    type Data = Bytes;
    type Error = CutOnCommand;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutOnCommand>>> {
        match &mut *self {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|b| Ok(Frame::data(b)))),
            Content::Half(bytes, close) => match bytes.take() {
                Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                None => {
                    ready!(close.as_mut().poll(cx));
                    Poll::Ready(Some(Err(CutOnCommand)))
                }
            },
            Content::Pushed(events) => match ready!(events.poll_recv(cx)) {
                Some(Ok(bytes)) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Err(Cut)) => Poll::Ready(Some(Err(CutOnCommand))),
                None => Poll::Ready(None),
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Content::Whole(bytes) => {
                let length = bytes.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            _ => SizeHint::default(),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Content::Whole(None))
    }
}

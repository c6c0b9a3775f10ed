//! The HTTP side: connections, requests, and the faults that hit them.
use super::calls::{Answer, Call, carry_out};
use super::content::Content;
use super::error::{ApiError, ErrorKind};
use super::operation::Operation;
use super::subscription::{Grant, push};
use super::{Shared, lock, signature};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use std::net::TcpListener;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

/// 10 MiB of records are 14 MiB of base64; no request of Kinesis is larger.
const LONGEST_REQUEST: usize = 20 * 1024 * 1024;
const JSON: &str = "application/x-amz-json-1.1";

/// Answers until it is told to stop; then all connections are closed where they stand.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => if let Ok((socket, _)) = accepted {
                connections.spawn(connection(socket, shared.clone()));
            }
        }
    }
}

async fn connection(socket: TcpStream, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    cut.mark_unchanged();
    // Answers are small and waited for.
    let _ = socket.set_nodelay(true);
    let service = service_fn(move |request| answer(request, shared.clone()));
    let builder = Builder::new(TokioExecutor::new());
    let served = builder.serve_connection(TokioIo::new(socket), service);
    tokio::select! {
        // What went wrong on a connection is its client's to notice.
        _ = served => {}
        _ = cut.changed() => {}
    }
}

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("hung up by the fault plan")]
struct HungUp;

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Content>, HungUp> {
    if request.method() == Method::GET {
        return Ok(Response::new(Content::whole("ok\n")));
    }
    let (head, body) = request.into_parts();
    let Some(operation) = target(&head.headers) else {
        return Ok(failed(&unknown_operation(&head.headers), &shared, false));
    };
    let body = match Limited::new(body, LONGEST_REQUEST).collect().await {
        Ok(body) => body.to_bytes(),
        // The client went away, or sends without end.
        Err(_) => return Err(HungUp),
    };
    let sufferings = lock(&shared.faults).at(operation);
    if !sufferings.latency.is_zero() {
        tokio::time::sleep(sufferings.latency).await;
    }
    if sufferings.hang_up {
        return Err(HungUp);
    }
    let now = shared.clock.now();
    let answer = match &sufferings.error {
        Some(kind) => Err(ApiError::new(*kind, kind.injected_message())),
        None => readable(&head.headers)
            .and_then(|()| signature::check(&head.headers, &shared.settings, now))
            .and_then(|()| {
                carry_out(operation, &Call { shared: &shared, body: &body, sufferings: &sufferings, now })
            }),
    };
    Ok(match answer {
        Ok(Answer::Json(json)) => respond(StatusCode::OK, json.into(), &shared, sufferings.cut),
        Ok(Answer::Subscription(grant)) => subscribed(*grant, &shared),
        Err(error) => {
            *lock(&shared.faults).counts.errors.entry((operation, error.kind)).or_default() += 1;
            failed(&error, &shared, sufferings.cut)
        }
    })
}

fn target(headers: &HeaderMap) -> Option<Operation> {
    let target = headers.get("x-amz-target")?.to_str().ok()?;
    Operation::named(target.strip_prefix("Kinesis_20131202.")?)
}

fn unknown_operation(headers: &HeaderMap) -> ApiError {
    let target = headers.get("x-amz-target").map_or("none", |t| t.to_str().unwrap_or("unreadable"));
    ApiError::new(ErrorKind::UnknownOperation, format!("the stand-in has no operation {target}"))
}

fn readable(headers: &HeaderMap) -> Result<(), ApiError> {
    let cbor = headers.get(CONTENT_TYPE).is_some_and(|t| t.as_bytes().starts_with(b"application/x-amz-cbor"));
    if cbor {
        let message = "the stand-in reads JSON only: switch CBOR off in the client (AWS_CBOR_DISABLE=true)";
        return Err(ApiError::new(ErrorKind::Validation, message));
    }
    Ok(())
}

fn failed(error: &ApiError, shared: &Shared, cut: bool) -> Response<Content> {
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, error.body().into(), shared, cut)
}

fn respond(status: StatusCode, body: Bytes, shared: &Shared, cut: bool) -> Response<Content> {
    let length = body.len();
    // An empty body has no middle.
    let cut = cut && length > 1;
    let mut response = Response::new(if cut { Content::half_of(body) } else { Content::whole(body) });
    *response.status_mut() = status;
    head(&mut response, JSON, shared);
    if cut {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    response
}

fn subscribed(grant: Grant, shared: &Arc<Shared>) -> Response<Content> {
    let (events, pushed) = mpsc::channel(1);
    tokio::spawn(push(shared.clone(), grant, events));
    let mut response = Response::new(Content::Pushed(pushed));
    head(&mut response, "application/vnd.amazon.eventstream", shared);
    response
}

fn head(response: &mut Response<Content>, content_type: &'static str, shared: &Shared) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("x-amzn-requestid", HeaderValue::from_static("00000000-0000-0000-0000-000000000000"));
    let now = jiff::Timestamp::from_millisecond(shared.clock.now()).unwrap_or_default();
    if let Ok(date) = HeaderValue::from_str(&now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()) {
        headers.insert(DATE, date);
    }
}

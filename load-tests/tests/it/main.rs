//! Promises of the generator and of the benches.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod benches;
mod feeds;
mod samples;

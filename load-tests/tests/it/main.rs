//! Promises of the generator and of the benches.
mod benches;
mod feeds;

//! The product as a user runs it: the binary, real files, real stores.
//!
//! - [`shipped`]: the repository's own topology, twice, on both stores.
//! - [`crash`]: killed at random moments, and going on.
//! - [`deliveries`]: a controlled feed forwarded line by line.
//! - [`objects`]: objects in S3, listed and told of by events.
//! - [`memory`]: accounts dropped from memory after each batch; orders of arrival.
//! - [`feeds`]: whole feeds, sent again.
//! - [`growing`]: files read as growing and as a whole.
//! - [`command_line`]: exit codes, messages, pictures.
//! - [`policy`]: conventions and mappings that change.
//! - [`handover`]: one pipeline after the other, stopped, killed and paused under load; what `status` says of it.
//! - [`kafka`]: topics as a source, killed and stopped under load.
//! - [`send`]: the samples over streams and into a bucket, by the binary itself.
//! - [`service`]: a pipeline that stays: growing files, metrics, health, standing by.
//! - [`sharing`]: one file, several decoders.
//! - [`https`]: a stream over TLS, as AWS is spoken to.
//! - [`kinesis`]: a stream that is split and merged while it is read, by pipelines that are killed.
//! - [`foreign`]: other people's clients and servers on the other side.
//! - [`aws`]: those clients.
//! - [`tour`]: the README's tour of streams and buckets.
//! - [`ingest`]: processes that ingest alone and share a stream's shards.
//! - [`house`]: which crates may lean on which.
//! - `dietz`, `harbor`: the binary in a folder of its own, and a plain vendor for it.
mod aws;
mod command_line;
mod crash;
mod deliveries;
mod dietz;
mod feeds;
mod foreign;
mod growing;
mod handover;
mod harbor;
mod house;
mod https;
mod ingest;
mod kafka;
mod kinesis;
mod memory;
mod objects;
mod policy;
mod rereading;
mod rules;
mod send;
mod service;
mod sharing;
mod shipped;
mod tour;

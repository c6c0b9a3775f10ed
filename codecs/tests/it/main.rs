//! Promises of the layouts, kept on whole feeds.
#![allow(clippy::unwrap_used, reason = "these are tests, helpers included")]
mod assembly;
mod currency;
mod delimited;
mod drift;
mod events;
mod flows;
mod golden;
mod headers;
mod messages;
mod parts;
mod pieces;
mod problems;
mod quarantine;
mod skipping;
mod support;
mod survey;
mod texts;
mod verbs;

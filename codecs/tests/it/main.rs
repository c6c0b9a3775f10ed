//! Promises of the layouts, kept on whole feeds.
mod delimited;
mod flows;
mod golden;
mod pieces;
mod problems;
mod quarantine;
mod support;

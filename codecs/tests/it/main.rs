//! Promises of the layouts, kept on whole feeds.
mod delimited;
mod golden;
mod support;

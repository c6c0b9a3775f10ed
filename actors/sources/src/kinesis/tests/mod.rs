//! A source against a Kinesis of our own.
mod faults;
mod gaps;
mod lasting;
mod metrics;
mod reading;
mod renewing;
mod resharding;
mod seen;
mod support;

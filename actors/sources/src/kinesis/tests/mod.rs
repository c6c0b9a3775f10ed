//! A source against a Kinesis of our own.
mod faults;
mod gaps;
mod reading;
mod resharding;
mod support;

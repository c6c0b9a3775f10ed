//! A source against a Kinesis of our own.

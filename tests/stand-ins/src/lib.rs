//! What tests and load tests run against in place of AWS.
pub mod kinesis;

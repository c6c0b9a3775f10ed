//! One suite of promises about Kinesis, held against our fake and against public stand-ins, so that the fake is honest.
mod promises;
mod rig;

//! Tests of the whole house, in one binary.
//!
//! - `oracle`: the figures computed a second time, by other means, and compared.
//! - `published`: worked examples from books, standards and other programs' tests, walked as a folder of cases.
//! - `end_to_end`: the binary, real files, real stores.
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod published;

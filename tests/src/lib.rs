//! Tests of the whole house, in one binary.
//!
//! - `oracle`: the figures computed a second time, by other means, and compared.
//! - `published`: worked examples from books, standards and other programs' tests, walked as a folder of cases.
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod published;

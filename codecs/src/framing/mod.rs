//! Framing: where a record begins and ends. Each framer implements [`record::Framer`].
pub mod delimited;
pub mod fixed;
pub mod json;
pub mod lines;
mod place;
pub mod xml;

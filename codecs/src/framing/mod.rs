//! Framing: where a record begins and ends. Each framer implements [`record::Framer`].
pub mod json;
mod place;
pub mod xml;

//! Values as vendors spell them.
pub mod date;
pub mod money;
pub mod text;

//! A second implementation of the figures, in exact fractions, as plain as can be: everything is computed anew from the
//! whole set of facts, and nothing of the product's own algorithms is used, its data types alone.
mod book;
pub mod chain;
pub mod fold;
mod given;
mod linking;
pub mod number;
mod overlay;
pub mod standing;
pub mod window;

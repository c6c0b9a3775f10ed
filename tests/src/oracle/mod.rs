//! A second implementation of the figures, in exact fractions, as plain as can be: everything is computed anew from the
//! whole set of facts, and nothing of the product's own algorithms is used, its data types alone.
mod book;
pub mod chain;
mod compare;
pub mod fold;
mod given;
mod linking;
pub mod number;
mod overlay;
mod said;
pub mod standing;
mod store;
mod whole;
pub mod window;

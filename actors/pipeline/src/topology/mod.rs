//! The topology file: what it says ([`config`]), whether it is a graph ([`check`]), how it looks ([`graph`], [`svg`]), and what may
//! not be meant ([`notes`](mod@notes)).
mod address;
pub mod check;
pub mod config;
pub mod graph;
pub mod layouts;
pub mod notes;
pub mod problem;
pub mod reader;
mod sources;
pub mod svg;

pub use config::Topology;
pub use problem::Problem;

//! Vendors' layouts: bytes in, observations out.
//!
//! A layout is framing (where a record ends) x format (what it says) x mapping (what that means in our terms). A vendor
//! is a folder with a `mapping.toml`, a `sample.*` and an `expected.json`, and no Rust.
//!
//! Pure: no I/O, no clock, nothing asynchronous.
pub mod format;

//! What is wrong in a topology file, where, and what to do.
pub use codecs::Problem;
use codecs::problem::place;
pub use codecs::problem::suggestion;
use std::ops::Range;
use std::path::Path;

/// Collects problems of one file, and knows where its bytes are.
#[derive(Debug)]
pub struct Problems<'a> {
    file: &'a Path,
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub fn new(file: &'a Path, text: &'a str) -> Self {
        Problems { file, text, found: Vec::new() }
    }

    pub fn add(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let (line, column) = place(self.text, span.start);
        self.found.push(Problem {
            file: self.file.display().to_string(),
            line,
            column,
            message: message.into(),
            help,
        });
    }

    /// All of them in the order of the file.
    pub fn in_order(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|p| (p.line, p.column));
        self.found
    }

    /// All of them in the order of the file, or the value.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<Problem>> {
        if self.found.is_empty() { Ok(value) } else { Err(self.in_order()) }
    }
}

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

    pub fn append(&mut self, others: Vec<Problem>) {
        self.found.extend(others);
    }

    /// All of them in the order of the file, or nothing.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Vec<Problem>> {
        if self.found.is_empty() {
            return Ok(value);
        }
        self.found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
        Err(self.found)
    }
}

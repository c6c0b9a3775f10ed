//! What is wrong in a topology file, where, and what to do.
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// One mistake. A check reports all of them at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub file: PathBuf,
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    pub column: usize,
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

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
        let (line, column) = line_and_column(self.text, span.start);
        self.found.push(Problem { file: self.file.to_owned(), line, column, message: message.into(), help });
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

fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..at.min(text.len())];
    let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |n| n + 1);
    let line = before.iter().filter(|b| **b == b'\n').count() + 1;
    (line, String::from_utf8_lossy(&before[start..]).chars().count() + 1)
}

/// The candidate that a person most likely meant: at most a third of its letters differ.
pub fn nearest<'c>(wrong: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    candidates
        .into_iter()
        .map(|c| (distance(wrong, c), c))
        .filter(|(d, c)| *d <= 1 + c.chars().count() / 3)
        .min()
        .map(|(_, c)| c)
}

/// Edits (insert, delete, replace) that turn one word into another: Levenshtein, two rows.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != *y);
            row.push(replaced.min(last[j + 1] + 1).min(row[j] + 1));
        }
        last = row;
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typo_finds_the_key_that_was_meant_and_nonsense_finds_none() {
        let keys = ["path", "vendors", "watch", "arrival"];
        assert_eq!(nearest("vendor", keys), Some("vendors"));
        assert_eq!(nearest("pth", keys), Some("path"));
        assert_eq!(nearest("zzzzzz", keys), None);
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        assert_eq!(line_and_column("a\nbü = 1", 0), (1, 1));
        assert_eq!(line_and_column("a\nbü = 1", 6), (2, 4));
    }
}

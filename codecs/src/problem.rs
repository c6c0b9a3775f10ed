//! What is wrong in a file a person wrote, with its place.
use std::fmt;

/// One thing wrong in a file that a person wrote: what, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The file as it was named to who read it.
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// What to write instead, where that can be said.
    pub help: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
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

impl std::error::Error for Problem {}

/// Line and column of a byte of a text, from 1, the column in characters.
pub fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let start = before.rfind('\n').map_or(0, |n| n + 1);
    (before.matches('\n').count() + 1, before[start..].chars().count() + 1)
}

/// "did you mean" for a slip of the pen, else all that is possible.
pub fn suggestion(word: &str, of: &[&str]) -> String {
    let nearest = of.iter().map(|w| (distance(word, w), *w)).min();
    match nearest {
        Some((d, w)) if d <= 1 + word.len() / 3 => format!("did you mean `{w}`?"),
        _ => format!("known: {}", of.join(", ")),
    }
}

/// Levenshtein's edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_pen_is_answered_with_the_right_word() {
        assert_eq!(suggestion("delimeter", &["delimiter", "quote"]), "did you mean `delimiter`?");
        assert_eq!(suggestion("zzz", &["delimiter", "quote"]), "known: delimiter, quote");
    }

    #[test]
    fn a_place_counts_lines_and_characters_from_one() {
        assert_eq!(place("a = 1\nü = 2", 9), (2, 3));
        assert_eq!(place("", 0), (1, 1));
    }
}

//! Tables for people: numbers to the right, text to the left, as wide as their content.
use std::fmt::Write;

/// Which way a column leans.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    Left,
    Right,
}

/// A table being filled.
pub struct Table {
    heads: Vec<(&'static str, Lean)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heads: &[(&'static str, Lean)]) -> Self {
        Table { heads: heads.to_vec(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heads.len());
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table, a line a row; no line ends in spaces.
    pub fn render(&self) -> String {
        let mut widths: Vec<usize> = self.heads.iter().map(|(h, _)| h.chars().count()).collect();
        for row in &self.rows {
            for (w, cell) in widths.iter_mut().zip(row) {
                *w = (*w).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        let heads: Vec<String> = self.heads.iter().map(|(h, _)| (*h).to_owned()).collect();
        self.line(&mut out, &heads, &widths);
        for row in &self.rows {
            self.line(&mut out, row, &widths);
        }
        out
    }

    fn line(&self, out: &mut String, cells: &[String], widths: &[usize]) {
        let start = out.len();
        for (i, ((cell, w), (_, lean))) in cells.iter().zip(widths).zip(&self.heads).enumerate() {
            if i > 0 {
                out.push_str("  ");
            }
            let _ = match lean {
                Lean::Left => write!(out, "{cell:<w$}"),
                Lean::Right => write!(out, "{cell:>w$}"),
            };
        }
        out.truncate(start + out[start..].trim_end().len());
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lean_right_and_no_line_ends_in_spaces() {
        let mut t = Table::new(&[("account", Lean::Left), ("value", Lean::Right), ("note", Lean::Left)]);
        t.row(vec!["A-1".into(), "1,000.00".into(), String::new()]);
        t.row(vec!["A-22".into(), "5.00".into(), "held".into()]);
        assert_eq!(t.render(), "account     value  note\nA-1      1,000.00\nA-22         5.00  held\n");
    }
}

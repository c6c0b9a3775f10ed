//! Tables for people: numbers to the right, text to the left, as wide as their content.
use std::fmt::Write;

/// Which way a column leans.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    Left,
    Right,
}

/// A table being filled, and printed whole or page by page.
pub struct Table {
    heads: Vec<(&'static str, Lean)>,
    rows: Vec<Vec<String>>,
    /// In characters, by column; they only grow.
    widths: Vec<usize>,
    begun: bool,
}

impl Table {
    pub fn new(heads: &[(&'static str, Lean)]) -> Self {
        let widths = heads.iter().map(|(h, _)| h.chars().count()).collect();
        Table { heads: heads.to_vec(), rows: Vec::new(), widths, begun: false }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.heads.len());
        self.rows.push(cells);
    }

    /// The rows since the last page, a line each; the heads above the first page. No line ends in spaces.
    pub fn page(&mut self) -> String {
        let rows = std::mem::take(&mut self.rows);
        for row in &rows {
            for (w, cell) in self.widths.iter_mut().zip(row) {
                *w = (*w).max(cell.chars().count());
            }
        }
        let mut out = String::new();
        if !std::mem::replace(&mut self.begun, true) {
            let heads: Vec<String> = self.heads.iter().map(|(h, _)| (*h).to_owned()).collect();
            self.line(&mut out, &heads);
        }
        for row in &rows {
            self.line(&mut out, row);
        }
        out
    }

    fn line(&self, out: &mut String, cells: &[String]) {
        let start = out.len();
        for (i, ((cell, w), (_, lean))) in cells.iter().zip(&self.widths).zip(&self.heads).enumerate() {
            let w = *w;
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
        assert_eq!(t.page(), "account     value  note\nA-1      1,000.00\nA-22         5.00  held\n");
    }

    #[test]
    fn a_later_page_has_no_heads_and_is_no_narrower() {
        let mut t = Table::new(&[("account", Lean::Left), ("value", Lean::Right)]);
        t.row(vec!["A-1".into(), "1,000.00".into()]);
        assert_eq!(t.page(), "account     value\nA-1      1,000.00\n");
        t.row(vec!["A-2".into(), "5.00".into()]);
        assert_eq!(t.page(), "A-2          5.00\n");
    }
}

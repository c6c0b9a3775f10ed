//! Patterns: what a text must be like, in lookups, tests and `one_of`.
use super::expression::{Compiler, some};
use super::model::*;
use super::reader::Node;
use crate::problem::suggestion;

const TEST_KEYS: &[&str] = &["field", "column", "path", "lookup", "trim", "one_of"];

/// How many columns a lookup may have.
pub const LOOKUP_COLUMNS: usize = 8;

impl<'t> Compiler<'t> {
    /// A lookup. `results` are the texts its table may give.
    pub fn lookup(&mut self, node: Node<'t>, results: Option<&[&str]>) -> Option<Lookup> {
        let table = node.table()?.closed(&["columns", "table"]);
        let mut columns = self.texts(table.need("columns"));
        if table.has("columns") && !(1..=LOOKUP_COLUMNS).contains(&columns.len()) {
            table.wrong(format!("a lookup has from 1 to {LOOKUP_COLUMNS} columns"));
        }
        let mut rows: Vec<(Vec<Pattern>, Box<str>)> = Vec::new();
        for row in table.need("table").map(|n| n.items()).unwrap_or_default() {
            let cells = row.items();
            if !row.is_array() || cells.len() != columns.len() + 1 {
                row.wrong(format!(
                    "a row of this table has {} columns and then what they give",
                    columns.len()
                ));
                continue;
            }
            let Some((last, cells)) = cells.split_last() else { continue };
            let patterns = cells.iter().filter_map(pattern).collect();
            let Some(result) = last.text() else { continue };
            if let Some(known) = results.filter(|known| !known.contains(&result)) {
                last.wrong_with(format!("`{result}` is not known here"), suggestion(result, known));
            }
            rows.push((patterns, result.into()));
        }
        for (n, column) in columns.iter_mut().enumerate() {
            if rows.iter().any(|(patterns, _)| patterns.get(n).is_some_and(Pattern::asks_sign)) {
                column.number = Some(Box::new(self.written(column, node)));
            }
        }
        Some(Lookup { columns, rows })
    }

    pub fn condition(&mut self, node: Option<Node<'t>>) -> Condition {
        let nodes = node.map(|n| n.items()).unwrap_or_default();
        nodes.into_iter().filter_map(|n| self.test(n)).collect()
    }

    fn test(&mut self, node: Node<'t>) -> Option<Test> {
        let table = node.table()?.closed(TEST_KEYS);
        table.need("one_of").map(some);
        let needs = self.needs.len();
        let mut text = self.text_of(node, TEST_KEYS)?;
        let patterns = std::mem::take(&mut text.one_of);
        // A test may ask whether a field is there at all, so only other uses of it demand its column.
        if patterns.contains(&Pattern::Blank) {
            self.needs.truncate(needs);
        }
        text.optional = true;
        Some(Test { text, patterns })
    }
}

pub(super) fn lookup_label(lookup: &Lookup) -> Box<str> {
    let columns: Vec<&str> = lookup.columns.iter().map(|c| &*c.label).collect();
    columns.join(", ").into()
}

pub(super) fn patterns(node: Option<Node<'_>>) -> Vec<Pattern> {
    node.map(|n| n.items()).unwrap_or_default().iter().filter_map(pattern).collect()
}

fn pattern(node: &Node<'_>) -> Option<Pattern> {
    node.text().map(read_pattern)
}

/// `*` any text, `` none, `**` anything, `AB*` a beginning, `<0` `>0` `=0` a number's sign, `!` before any of them: not.
fn read_pattern(text: &str) -> Pattern {
    match text {
        "" => Pattern::Blank,
        "*" => Pattern::Any,
        "**" => Pattern::Whatever,
        "<0" => Pattern::Below0,
        ">0" => Pattern::Above0,
        "=0" => Pattern::Equals0,
        _ => match (text.strip_prefix('!'), text.strip_suffix('*')) {
            (Some(rest), _) => Pattern::Not(Box::new(read_pattern(rest))),
            (_, Some(prefix)) => Pattern::Prefix(prefix.as_bytes().into()),
            _ => Pattern::Exact(text.as_bytes().into()),
        },
    }
}

//! TOML read with its places: closed lists of keys, every error at once, the nearest right word for a wrong one.
use crate::problem::{Problem, place, suggestion};
use std::cell::RefCell;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The file being read and what was found wrong in it so far.
pub struct Report<'t> {
    file: &'t str,
    text: &'t str,
    found: RefCell<Vec<Problem>>,
}

impl<'t> Report<'t> {
    pub fn new(file: &'t str, text: &'t str) -> Self {
        Report { file, text, found: RefCell::default() }
    }

    pub fn add(&self, span: &Range<usize>, message: impl Into<String>, help: Option<String>) {
        let (line, column) = place(self.text, span.start);
        let file = self.file.to_owned();
        self.found.borrow_mut().push(Problem { file, line, column, message: message.into(), help });
    }

    /// What was found, in the order of the file.
    pub fn into_problems(self) -> Vec<Problem> {
        let mut found = self.found.into_inner();
        found.sort_by_key(|p| (p.line, p.column));
        found.dedup();
        found
    }

    pub fn is_empty(&self) -> bool {
        self.found.borrow().is_empty()
    }
}

/// A value and the report that errors about it go to.
#[derive(Clone, Copy)]
pub struct Node<'t> {
    value: &'t Spanned<DeValue<'t>>,
    pub report: &'t Report<'t>,
}

impl<'t> Node<'t> {
    pub fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub fn wrong(&self, message: impl Into<String>) {
        self.report.add(&self.span(), message, None);
    }

    pub fn wrong_with(&self, message: impl Into<String>, help: impl Into<String>) {
        self.report.add(&self.span(), message, Some(help.into()));
    }

    fn expected(&self, what: &str) {
        self.wrong(format!("expected {what}, found {}", self.value.get_ref().type_str()));
    }

    pub fn as_text(&self) -> Option<&'t str> {
        self.value.get_ref().as_str()
    }

    pub fn as_flag(&self) -> Option<bool> {
        self.value.get_ref().as_bool()
    }

    pub fn is_table(&self) -> bool {
        self.value.get_ref().is_table()
    }

    pub fn text(&self) -> Option<&'t str> {
        let Some(text) = self.as_text() else {
            self.expected("a text");
            return None;
        };
        if text.contains('\0') {
            // It may become an account or a constant, and no store keeps one in a text.
            self.wrong("a text cannot hold a NUL (U+0000)");
            return None;
        }
        Some(text)
    }

    pub fn integer<T: TryFrom<i64>>(&self) -> Option<T> {
        let number = self.value.get_ref().as_integer();
        let Some(number) = number else {
            self.expected("a whole number");
            return None;
        };
        let value = i64::from_str_radix(&number.as_str().replace('_', ""), number.radix()).ok();
        value.and_then(|n| T::try_from(n).ok()).or_else(|| {
            self.wrong(format!("`{}` is out of range here", number.as_str()));
            None
        })
    }

    pub fn flag(&self) -> Option<bool> {
        self.as_flag().or_else(|| {
            self.expected("true or false");
            None
        })
    }

    /// The items of an array, or the one value that stands in place of an array of one.
    pub fn items(&self) -> Vec<Node<'t>> {
        match self.value.get_ref().as_array() {
            Some(array) => array.iter().map(|value| Node { value, report: self.report }).collect(),
            None => vec![*self],
        }
    }

    pub fn is_array(&self) -> bool {
        self.value.get_ref().is_array()
    }

    pub fn table(&self) -> Option<Table<'t>> {
        let Some(table) = self.value.get_ref().as_table() else {
            self.expected("a table");
            return None;
        };
        Some(Table { table, span: self.span(), report: self.report })
    }

    /// The value a word stands for, of a closed list.
    pub fn choice<T: Copy>(&self, of: &[(&str, T)]) -> Option<T> {
        let word = self.text()?;
        let found = of.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let words: Vec<&str> = of.iter().map(|(name, _)| *name).collect();
            self.wrong_with(format!("`{word}` is not known here"), suggestion(word, &words));
        }
        found
    }
}

/// A table and the report that errors about it go to.
#[derive(Clone)]
pub struct Table<'t> {
    table: &'t DeTable<'t>,
    pub span: Range<usize>,
    pub report: &'t Report<'t>,
}

impl<'t> Table<'t> {
    pub fn root(table: &'t Spanned<DeTable<'t>>, report: &'t Report<'t>) -> Self {
        // The root's own span is the whole file: an error about it points at the first line.
        Table { table: table.get_ref(), span: 0..0, report }
    }

    /// Reports every key that is not in the list.
    pub fn closed(self, keys: &[&str]) -> Self {
        for key in self.table.keys() {
            let name: &str = key.get_ref();
            if !keys.contains(&name) {
                let message = format!("unknown key `{name}`");
                self.report.add(&key.span(), message, Some(suggestion(name, keys)));
            }
        }
        self
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    pub fn get(&self, key: &str) -> Option<Node<'t>> {
        self.table.get(key).map(|value| Node { value, report: self.report })
    }

    pub fn wrong(&self, message: impl Into<String>) {
        self.report.add(&self.span, message, None);
    }

    pub fn need(&self, key: &str) -> Option<Node<'t>> {
        let found = self.get(key);
        if found.is_none() {
            self.wrong(format!("the key `{key}` is missing"));
        }
        found
    }

    pub fn text(&self, key: &str) -> Option<&'t str> {
        self.get(key)?.text()
    }

    pub fn integer<T: TryFrom<i64>>(&self, key: &str) -> Option<T> {
        self.get(key)?.integer()
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        self.get(key)?.flag()
    }

    pub fn choice<T: Copy>(&self, key: &str, of: &[(&str, T)]) -> Option<T> {
        self.get(key)?.choice(of)
    }

    /// A text or a list of texts; empty if the key is not there.
    pub fn texts(&self, key: &str) -> Vec<&'t str> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.items().iter().filter_map(Node::text).collect()
    }

    /// An array of tables; empty if the key is not there.
    pub fn tables(&self, key: &str) -> Vec<Table<'t>> {
        let Some(node) = self.get(key) else { return Vec::new() };
        node.items().iter().filter_map(Node::table).collect()
    }

    /// Every key of the table with its value, for tables whose keys are the author's own names.
    pub fn entries(&self) -> impl Iterator<Item = (&'t str, Node<'t>)> {
        let report = self.report;
        self.table.iter().map(move |(key, value)| (key.get_ref().as_ref(), Node { value, report }))
    }
}

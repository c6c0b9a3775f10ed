//! JSON records: one pass that checks the whole record and finds the selected values. Numbers keep the digits they were written
//! with, strings are unescaped, `null` is missing.
//!
//! A selector is a member's name ([`Selector::Field`]), an element of a record that is an array ([`Selector::Column`]), or a path:
//! `summary.values[0].amount`. Each `..` before a path goes up to an object around the record: `..account` is the object that holds
//! the array, `....name` the one around that. It sees what stood there before the array.
mod plan;
mod reader;
mod unread;

use super::{Fields, Format, FormatError, Selector, is_listed};
use crate::framing::json::JsonContext;
use plan::{MEMBERS, Node, follow, no_selector};
use reader::read;
use record::Context;

/// Reads JSON records.
#[derive(Debug)]
pub struct Json {
    selectors: usize,
    /// What to look for in the record, then in the objects around it, the innermost first.
    levels: Vec<Node>,
    /// Paths that are known and not read.
    other_fields: Vec<String>,
}

impl Json {
    /// Prepares for the selectors of a mapping, and the paths it knows and does not read.
    ///
    /// # Errors
    /// `selector`, if one of them is no path.
    pub fn new(selectors: &[Selector], other_fields: Vec<String>) -> Result<Self, FormatError> {
        let mut levels = vec![Node::default()];
        for (n, selector) in selectors.iter().enumerate() {
            let node = match selector {
                Selector::Field(name) => levels[0].member(name),
                Selector::Column(0) => return Err(no_selector("columns count from 1".into())),
                Selector::Column(column) => levels[0].element(column - 1),
                Selector::Path(path) => follow(path, &mut levels)?,
            };
            node.ends.push(n);
        }
        if levels.iter().any(Node::is_crowded) {
            return Err(no_selector(format!("more than {MEMBERS} members of one object are selected")));
        }
        Ok(Json { selectors: selectors.len(), levels, other_fields })
    }
}

/// Says what is wrong with a path, for the check of a mapping.
///
/// # Errors
/// What is wrong, in words.
pub fn check_path(path: &str) -> Result<(), String> {
    follow(path, &mut vec![Node::default()]).map(|_| ()).map_err(|e| e.text)
}

impl Format for Json {
    fn parse(
        &self,
        record: &[u8],
        context: Option<&Context>,
        fields: &mut Fields,
    ) -> Result<(), FormatError> {
        fields.reset(self.selectors);
        read(record, &self.levels[0], false, fields)?;
        if self.levels.len() == 1 {
            return Ok(());
        }
        let Some(around) = context.and_then(|c| c.downcast_ref::<JsonContext>()) else { return Ok(()) };
        for (object, node) in around.enclosing.iter().rev().zip(&self.levels[1..]) {
            read(object, node, true, fields).map_err(|e| FormatError {
                text: format!("in the object around the record: {}", e.text),
                at: None,
                ..e
            })?;
        }
        Ok(())
    }

    fn unread(&self, record: &[u8]) -> Vec<String> {
        let mut names = unread::unread(record, &self.levels[0]);
        names.retain(|name| !is_listed(name, &self.other_fields));
        names
    }
}

#[cfg(test)]
mod tests;

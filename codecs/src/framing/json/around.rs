//! What stands around the records: the containers entered on the way, and what they said so far.
use super::path::{Step, steps};
use record::Context;
use std::sync::Arc;

/// The longest value of an enclosing object that is kept for its records, and all of its values together.
pub(super) const MEMBER_LIMIT: usize = 4 * 1024;
const MEMBERS_LIMIT: usize = 64 * 1024;

/// What the objects around a record said before it.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonContext {
    /// One JSON object for each enclosing object, the outermost first, of the members read so far: long ones are left out.
    pub enclosing: Vec<Box<[u8]>>,
}

/// What stands before and behind records on their way of that name, where the objects around them say this (see [`JsonContext`]).
///
/// # Errors
/// Says what is wrong with the path, or that another number of objects is on it.
pub fn around_records(path: &str, enclosing: &[Box<[u8]>]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let (mut opening, mut closing) = (Vec::new(), Vec::new());
    let mut objects = enclosing.iter();
    for step in steps(path)? {
        match step {
            Step::Each => {
                opening.push(b'[');
                closing.push(b']');
            }
            Step::Member(name) => {
                let object = objects.next().and_then(|o| o.strip_suffix(b"}"));
                let object = object.ok_or_else(|| format!("an object on the way `{path}` is missing"))?;
                opening.extend_from_slice(object);
                if object.len() > 1 {
                    opening.push(b',');
                }
                opening.extend_from_slice(serde_json::Value::from(&*name).to_string().as_bytes());
                opening.push(b':');
                closing.push(b'}');
            }
        }
    }
    closing.reverse();
    Ok((opening, closing))
}

/// The containers entered; as many steps of the path are done.
#[derive(Default)]
pub(super) struct Around {
    levels: Vec<Level>,
    /// Made when a record needs it, and kept while nothing changes.
    context: Option<Context>,
}

enum Level {
    /// The members read so far, as the text of an object without its closing brace.
    Object(Vec<u8>),
    Array,
}

impl Around {
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    pub(super) fn is_top(&self) -> bool {
        self.levels.is_empty()
    }

    pub(super) fn is_in_object(&self) -> bool {
        matches!(self.levels.last(), Some(Level::Object(_)))
    }

    pub(super) fn enter_object(&mut self) {
        self.levels.push(Level::Object(vec![b'{']));
        self.context = None;
    }

    pub(super) fn enter_array(&mut self) {
        self.levels.push(Level::Array);
    }

    pub(super) fn leave(&mut self) {
        if matches!(self.levels.pop(), Some(Level::Object(_))) {
            self.context = None;
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Around::default();
    }

    /// Keeps a member of the innermost object; its name has its quotes.
    pub(super) fn keep(&mut self, name: &[u8], value: &[u8]) {
        let Some(Level::Object(members)) = self.levels.last_mut() else { return };
        if members.len() + name.len() + value.len() > MEMBERS_LIMIT {
            return;
        }
        if members.len() > 1 {
            members.push(b',');
        }
        members.extend_from_slice(name);
        members.push(b':');
        members.extend_from_slice(value);
        self.context = None;
    }

    /// The context of the records to come; none where no object is around them.
    pub(super) fn context(&mut self) -> Option<&Context> {
        if self.context.is_none() {
            let object = |level: &Level| match level {
                Level::Object(members) => Some([members.as_slice(), b"}"].concat().into()),
                Level::Array => None,
            };
            let enclosing: Vec<Box<[u8]>> = self.levels.iter().filter_map(object).collect();
            self.context = (!enclosing.is_empty()).then(|| Arc::new(JsonContext { enclosing }) as Context);
        }
        self.context.as_ref()
    }
}

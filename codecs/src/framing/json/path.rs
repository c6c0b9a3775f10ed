//! The way to the records: `accounts[].series[]`.
use std::fmt;

/// A step towards the records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Member(Box<str>),
    Each,
}

pub(super) struct Path<'a>(pub(super) &'a [Step]);

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("the feed");
        }
        for (n, step) in self.0.iter().enumerate() {
            match step {
                Step::Each => f.write_str("[]")?,
                Step::Member(name) => write!(f, "{}{name}", if n > 0 { "." } else { "" })?,
            }
        }
        Ok(())
    }
}

/// `accounts[].series[]` as steps.
pub(super) fn steps(path: &str) -> Result<Vec<Step>, String> {
    if !path.ends_with("[]") {
        return Err(format!("`{path}` must end in `[]`: the records are the elements of an array"));
    }
    let mut steps = Vec::new();
    for (n, part) in path.split('.').enumerate() {
        let name = part.trim_end_matches("[]");
        if name.contains(['[', ']']) || (name.is_empty() && (n > 0 || part.is_empty())) {
            return Err(format!("`{path}`: expected names with dots between, and `[]` after an array"));
        }
        if !name.is_empty() {
            steps.push(Step::Member(name.into()));
        }
        steps.extend((0..(part.len() - name.len()) / 2).map(|_| Step::Each));
    }
    if steps.len() > 16 {
        return Err(format!("`{path}` has more than 16 steps"));
    }
    Ok(steps)
}

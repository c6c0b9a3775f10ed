//! What to look for: the selectors of a mapping as a tree.
use crate::format::FormatError;

/// A place in the record that a selector names, or passes through.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// The selectors that end here.
    pub(super) ends: Vec<usize>,
    pub(super) members: Vec<(Box<str>, Node)>,
    pub(super) elements: Vec<(usize, Node)>,
}

/// At most so many members of one object may be selected: which of them came is kept in that many bits.
pub(super) const MEMBERS: usize = 128;

impl Node {
    pub(super) fn member(&mut self, name: &str) -> &mut Node {
        let n = self.members.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
            self.members.push((name.into(), Node::default()));
            self.members.len() - 1
        });
        &mut self.members[n].1
    }

    pub(super) fn element(&mut self, index: usize) -> &mut Node {
        let n = self.elements.iter().position(|(known, _)| *known == index).unwrap_or_else(|| {
            self.elements.push((index, Node::default()));
            self.elements.len() - 1
        });
        &mut self.elements[n].1
    }

    pub(super) fn is_crowded(&self) -> bool {
        self.members.len() > MEMBERS
            || self.members.iter().any(|(_, n)| n.is_crowded())
            || self.elements.iter().any(|(_, n)| n.is_crowded())
    }
}

pub(super) fn no_selector(text: String) -> FormatError {
    FormatError { code: "selector", text, at: None }
}

/// The node a path leads to.
pub(super) fn follow<'a>(path: &str, levels: &'a mut Vec<Node>) -> Result<&'a mut Node, FormatError> {
    let bad = |why: &str| no_selector(format!("`{path}`: {why}, as in `summary.values[0].amount`"));
    let (mut up, mut rest) = (0, path);
    while let Some(further) = rest.strip_prefix("..") {
        (up, rest) = (up + 1, further);
    }
    if up > 16 {
        return Err(bad("it goes up more than 16 levels"));
    }
    while levels.len() <= up {
        levels.push(Node::default());
    }
    let mut node = &mut levels[up];
    for (n, part) in rest.split('.').enumerate() {
        let (name, mut indexes) = part.find('[').map_or((part, ""), |at| part.split_at(at));
        if !name.is_empty() {
            node = node.member(name);
        } else if n > 0 || indexes.is_empty() {
            return Err(bad("expected names with dots between"));
        }
        while let Some((index, after)) = indexes.strip_prefix('[').and_then(|i| i.split_once(']')) {
            node = node.element(index.parse().map_err(|_| bad("expected a number in brackets"))?);
            indexes = after;
        }
        if !indexes.is_empty() {
            return Err(bad("expected a number in brackets"));
        }
    }
    Ok(node)
}

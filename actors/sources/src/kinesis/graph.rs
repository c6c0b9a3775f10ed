//! The shards of a stream, and which of them may be read now. Pure: what the stream lists, what the store has committed and what this process reads
//! come in, and what to do comes out.
//!
//! A split makes two shards of one, a merge one of two; the records of a key go on in the child. So:
//! - a child is read only when every parent known is **committed** to its end, not merely read to it;
//! - a parent that the stream no longer lists is done: all it held has passed retention. If it was not committed to its end, what was left of it
//!   is lost, and [`Graph::lost`] says so before any child is read;
//! - a parent never heard of is one that is no longer listed only if a whole listing held the child: a parent that named its child may know of more
//!   than the last listing did;
//! - shards of the first listing there ever was begin where the topology says; all that come later begin with their oldest record, else a gap would
//!   open between parent and child;
//! - what is committed is never forgotten, whatever is listed.
use super::position::Begin;
use record::Progress;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The name of a shard, as in `shardId-000000000003`.
pub(super) type ShardId = Arc<str>;

/// The hash keys that go to a shard, both bounds included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HashRange {
    pub first: u128,
    pub last: u128,
}

impl HashRange {
    pub(super) fn contains(&self, hash: u128) -> bool {
        (self.first..=self.last).contains(&hash)
    }
}

/// A shard as the stream tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShardInfo {
    pub id: ShardId,
    /// One after a split, two after a merge; a parent may be long gone.
    pub parents: Vec<ShardId>,
    pub range: Option<HashRange>,
}

/// All shards this process has heard of, from the stream or from the store.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: BTreeMap<ShardId, Node>,
}

#[derive(Debug)]
struct Node {
    parents: Vec<ShardId>,
    range: Option<HashRange>,
    begin: Begin,
    committed: Progress,
    /// The stream has it: the last whole listing held it, or a parent named it since.
    listed: bool,
    /// A whole listing held it, so that parents never heard of are gone.
    confirmed: bool,
    /// It is being read, or what was read of it is on its way to the store.
    reading: bool,
}

impl Graph {
    /// What the store knows of a shard. Progress only grows, so that an answer which is older than what we know changes nothing.
    pub(super) fn stored(&mut self, id: &ShardId, committed: Progress, begin: Begin) {
        let node = self.nodes.entry(id.clone()).or_insert_with(|| Node::new(begin));
        node.begin = begin;
        node.committed = node.committed.max(committed);
    }

    /// A whole listing: all pages, in any order. Says which shards are new and where they begin: they are to be registered before
    /// anything is read. `start` is for the first listing there ever was.
    pub(super) fn listed(&mut self, listing: &[ShardInfo], start: Begin) -> Vec<(ShardId, Begin)> {
        let begin = if self.nodes.is_empty() { start } else { Begin::Oldest };
        self.nodes.values_mut().for_each(|node| node.listed = false);
        listing.iter().filter_map(|shard| self.heard(shard, begin, true)).collect()
    }

    /// Shards that another named as its children; the same as [`Graph::listed`] for these alone.
    pub(super) fn children(&mut self, children: &[ShardInfo]) -> Vec<(ShardId, Begin)> {
        children.iter().filter_map(|shard| self.heard(shard, Begin::Oldest, false)).collect()
    }

    fn heard(&mut self, shard: &ShardInfo, begin: Begin, confirmed: bool) -> Option<(ShardId, Begin)> {
        let is_new = !self.nodes.contains_key(&shard.id);
        let node = self.nodes.entry(shard.id.clone()).or_insert_with(|| Node::new(begin));
        node.listed = true;
        node.confirmed |= confirmed;
        node.range = shard.range.or(node.range);
        // Children name parents that a listing, once these are gone, may leave out.
        for parent in &shard.parents {
            if !node.parents.contains(parent) {
                node.parents.push(parent.clone());
            }
        }
        is_new.then(|| (shard.id.clone(), begin))
    }

    /// So much of a shard is committed.
    pub(super) fn committed(&mut self, id: &str, upto: Progress) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.committed = node.committed.max(upto);
        }
    }

    /// It is read from now on.
    pub(super) fn begun(&mut self, id: &str) {
        self.set_reading(id, true);
    }

    /// It is not read any more: given away, or committed to its end.
    pub(super) fn let_go(&mut self, id: &str) {
        self.set_reading(id, false);
    }

    fn set_reading(&mut self, id: &str, reading: bool) {
        if let Some(node) = self.nodes.get_mut(id) {
            node.reading = reading;
        }
    }

    /// Shards that may be read now: there, not through, and all their parents done. Those being read are among them.
    pub(super) fn open(&self) -> Vec<ShardId> {
        let open = self.nodes.iter().filter(|(_, node)| self.is_open(node));
        open.map(|(id, _)| id.clone()).collect()
    }

    fn is_open(&self, node: &Node) -> bool {
        let may = node.listed && node.parents.iter().all(|parent| self.is_done(parent, node));
        node.committed != Progress::End && (may || node.reading)
    }

    /// Of a parent: nothing more can come of it.
    fn is_done(&self, parent: &str, child: &Node) -> bool {
        let Some(node) = self.nodes.get(parent) else { return child.confirmed };
        node.committed == Progress::End || !(node.listed || node.reading)
    }

    /// Shards that the stream no longer has and that are not committed to their end.
    pub(super) fn lost(&self) -> Vec<ShardId> {
        let lost = |node: &Node| !node.listed && !node.reading && node.committed != Progress::End;
        self.nodes.iter().filter(|(_, node)| lost(node)).map(|(id, _)| id.clone()).collect()
    }

    /// A shard waits for no more than a listing that says whether its parent is there.
    pub(super) fn wants_listing(&self) -> bool {
        let unheard = |node: &Node| node.parents.iter().any(|parent| !self.nodes.contains_key(parent));
        self.nodes.values().any(|node| node.listed && !node.confirmed && unheard(node))
    }

    pub(super) fn begin(&self, id: &str) -> Begin {
        self.nodes.get(id).map_or(Begin::Oldest, |node| node.begin)
    }

    pub(super) fn range(&self, id: &str) -> Option<HashRange> {
        self.nodes.get(id)?.range
    }

    pub(super) fn is_reading(&self, id: &str) -> bool {
        self.nodes.get(id).is_some_and(|node| node.reading)
    }

    pub(super) fn parents(&self, id: &str) -> &[ShardId] {
        self.nodes.get(id).map_or(&[], |node| &node.parents)
    }

    /// Shards committed to their end, and shards that wait for a parent.
    pub(super) fn counts(&self) -> (u64, u64) {
        let ended = self.nodes.values().filter(|node| node.committed == Progress::End).count();
        let open: BTreeSet<ShardId> = self.open().into_iter().collect();
        let waits =
            |id: &ShardId, node: &Node| node.listed && node.committed != Progress::End && !open.contains(id);
        (ended as u64, self.nodes.iter().filter(|(id, node)| waits(id, node)).count() as u64)
    }
}

impl Node {
    fn new(begin: Begin) -> Node {
        let (parents, committed) = (Vec::new(), Progress::Start);
        Node { parents, range: None, begin, committed, listed: false, confirmed: false, reading: false }
    }
}

#[cfg(test)]
mod tests;

//! Which process reads which partitions: shared out by plain counts, and as they lie where that is even.
use record::PartitionId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What one process does about the partitions of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// It holds them, and reads on.
    pub keep: Vec<PartitionId>,
    /// It holds them, and lets go of them once what it read of them is committed.
    pub give: Vec<PartitionId>,
    /// Nobody holds them.
    pub take: Vec<PartitionId>,
}

/// Shares partitions out among the processes that read a source; each goes with the process that holds it now, if one does.
///
/// Counts differ by one at most, and those that have most already get the one more, so that nothing moves without need. What is
/// given up is nobody's only when it is let go of: until then it is no other's to take, so no partition is ever read by two. The same
/// processes and partitions give the same shares, whoever computes them; `source` settles who among equals gets the one more, so
/// that of many small sources it is not always the same. A partition held by a process that is no member stays where it is.
pub fn balance(
    source: &str,
    members: &[Arc<str>],
    partitions: &[(PartitionId, Option<Arc<str>>)],
) -> BTreeMap<Arc<str>, Share> {
    let mut shares: BTreeMap<Arc<str>, Share> =
        members.iter().map(|m| (m.clone(), Share::default())).collect();
    let mut free = Vec::new();
    for (id, owner) in partitions {
        match owner {
            None => free.push(id.clone()),
            Some(owner) => {
                if let Some(share) = shares.get_mut(owner) {
                    share.keep.push(id.clone());
                }
            }
        }
    }
    free.sort();
    let quotas = quotas(source, &shares, free.len());
    let mut free = free.into_iter();
    for (share, quota) in shares.values_mut().zip(quotas) {
        share.keep.sort();
        let room = quota.saturating_sub(share.keep.len());
        share.give = share.keep.split_off(share.keep.len().min(quota));
        share.take = free.by_ref().take(room).collect();
    }
    shares
}

/// How many each shall have, in the order of the shares.
fn quotas(source: &str, shares: &BTreeMap<Arc<str>, Share>, free: usize) -> Vec<usize> {
    let all = free + shares.values().map(|s| s.keep.len()).sum::<usize>();
    let (least, more) = (all / shares.len().max(1), all % shares.len().max(1));
    let mut order: Vec<(usize, &Arc<str>, usize)> =
        shares.iter().enumerate().map(|(i, (name, share))| (i, name, share.keep.len())).collect();
    order
        .sort_by_cached_key(|(_, name, held)| (std::cmp::Reverse(*held), lot(source, name), (*name).clone()));
    let mut quotas = vec![least; shares.len()];
    order.iter().take(more).for_each(|(i, ..)| quotas[*i] += 1);
    quotas
}

/// A number that a name draws for a source, the same everywhere.
fn lot(source: &str, name: &str) -> [u8; 32] {
    *blake3::hash(format!("{source}\n{name}").as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests;

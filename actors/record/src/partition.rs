//! The name of a partition, and its order.
use crate::Position;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

/// A partition's name: the source's name, then what names the partition inside it (`/` between), such as
/// `custodian/2025/positions-9.csv` or `feeds/shardId-000000000003`. Never an absolute path, never a number
/// of a database: the same feed on another machine is the same partition.
///
/// Order is natural: runs of digits compare as numbers, all else as bytes.
///
/// ```
/// use record::PartitionId;
/// assert!(PartitionId::new("f/day-9.csv") < PartitionId::new("f/day-10.csv"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PartitionId(Arc<str>);

impl PartitionId {
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        PartitionId(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A place in it, for a person: `line 3` of a file or object, whose names end in `@` and what tells contents apart; of a stream the message.
    ///
    /// ```
    /// use record::{PartitionId, Position};
    /// let place = |id: &str| PartitionId::new(id).place(Position::in_file(120, 3, 0));
    /// assert_eq!(place("in/values.csv@93a4"), "line 3");
    /// assert_eq!(place("in/shardId-000000000003"), "message 120.3, record 1");
    /// ```
    pub fn place(&self, position: Position) -> String {
        let Position { sequence, sub, item } = position;
        if self.0.contains('@') {
            return format!("line {sub}");
        }
        let sub = if sub == 0 { String::new() } else { format!(".{sub}") };
        format!("message {sequence}{sub}, record {}", u64::from(item) + 1)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialOrd for PartitionId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PartitionId {
    fn cmp(&self, other: &Self) -> Ordering {
        // Equal as numbers but not as text (`1` and `01`): the text decides, so that the order is total.
        natural(self.0.as_bytes(), other.0.as_bytes()).then_with(|| self.0.cmp(&other.0))
    }
}

fn natural(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, _) => return Ordering::Less,
            (_, None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (m, rest_a) = digits(a);
                let (n, rest_b) = digits(b);
                let order = m.len().cmp(&n.len()).then_with(|| m.cmp(n));
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (rest_a, rest_b);
            }
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (Some(x), Some(y)) => return x.cmp(y),
        }
    }
}

/// The run of digits a text begins with, without leading zeros, and what follows it.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (run, rest) = text.split_at(end);
    let zeros = run.iter().take_while(|b| **b == b'0').count();
    (&run[zeros..], rest)
}

/// The number a store gave to a partition's name. It orders nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionKey(pub i64);

/// The partitions known to this process, by key. Shared; grows only.
#[derive(Debug, Default)]
pub struct Partitions(RwLock<HashMap<PartitionKey, PartitionId>>);

impl Partitions {
    /// Notes a name. Names never change, so the first one given stays.
    pub fn insert(&self, key: PartitionKey, id: PartitionId) {
        self.0.write().unwrap_or_else(|e| e.into_inner()).entry(key).or_insert(id);
    }

    pub fn get(&self, key: PartitionKey) -> Option<PartitionId> {
        self.0.read().unwrap_or_else(|e| e.into_inner()).get(&key).cloned()
    }

    /// The order of two partitions by their names; an unknown one comes first.
    pub fn compare(&self, a: PartitionKey, b: PartitionKey) -> Ordering {
        if a == b {
            return Ordering::Equal;
        }
        let names = self.0.read().unwrap_or_else(|e| e.into_inner());
        names.get(&a).cmp(&names.get(&b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_order_is_total_and_agrees_with_equality(a in "[a-c0-2/.]{0,6}", b in "[a-c0-2/.]{0,6}", c in "[a-c0-2/.]{0,6}") {
            let [a, b, c] = [a, b, c].map(PartitionId::new);
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
            if a <= b && b <= c { prop_assert!(a <= c); }
        }
    }

    #[test]
    fn runs_of_digits_compare_as_numbers() {
        let mut names = ["s/10", "s/9", "s/09", "s/a", "s/10b", "s/10a", "s"].map(PartitionId::new).to_vec();
        names.sort();
        let text: Vec<_> = names.iter().map(PartitionId::as_str).collect();
        assert_eq!(text, ["s", "s/09", "s/9", "s/10", "s/10a", "s/10b", "s/a"]);
    }

    #[test]
    fn keys_order_nothing() {
        let known = Partitions::default();
        known.insert(PartitionKey(7), PartitionId::new("s/2"));
        known.insert(PartitionKey(1), PartitionId::new("s/10"));
        assert_eq!(known.compare(PartitionKey(7), PartitionKey(1)), Ordering::Less);
    }
}

//! Many user records in one record of a stream, in the format of the Kinesis Producer Library: four bytes of magic, a protobuf message, and the
//! MD5 of that message. Reading and writing; nothing here touches a network.
//!
//! ```
//! use sources::kinesis::aggregate::{Aggregate, read};
//!
//! let mut aggregate = Aggregate::new(1 << 20);
//! assert!(aggregate.add("U1", None, "first".into()));
//! assert!(aggregate.add("U2", Some(7), "second".into()));
//! let record = aggregate.finish().unwrap();
//! assert_eq!(record.partition_key, "U1");
//! let unpacked = read(&record.data).unwrap();
//! let second = unpacked.records().nth(1).unwrap();
//! assert_eq!((second.partition_key, second.explicit_hash_key, &second.data[..]), ("U2", Some("7"), &b"second"[..]));
//! ```
use bytes::{BufMut, Bytes, BytesMut};
use md5::{Digest, Md5};
use prost::Message;
use prost::encoding::encoded_len_varint;
use std::collections::HashMap;

/// What an aggregate begins with.
pub const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];
/// Bytes of the MD5 at its end.
const SUM: usize = 16;

/// The protobuf message of an aggregate. Keys are in tables, so that each is there once.
#[derive(Clone, PartialEq, Message)]
struct Wire {
    #[prost(string, repeated, tag = "1")]
    partition_keys: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_keys: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<WireRecord>,
}

#[derive(Clone, PartialEq, Message)]
struct WireRecord {
    #[prost(uint64, required, tag = "1")]
    partition_key: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key: Option<u64>,
    #[prost(bytes = "bytes", required, tag = "3")]
    data: Bytes,
}

/// An aggregate that was read. Its user records share the bytes it was read from.
#[derive(Debug)]
pub struct Unpacked(Wire);

/// A record as a producer made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserRecord<'a> {
    pub partition_key: &'a str,
    /// The decimal hash key the producer chose, where it chose one.
    pub explicit_hash_key: Option<&'a str>,
    pub data: &'a Bytes,
}

/// The user records of an aggregate. `None`: it is none, its sum does not hold, or it is no sound message; then the record is what it is, and
/// is read as such.
pub fn read(record: &Bytes) -> Option<Unpacked> {
    let body = record.len().checked_sub(SUM).filter(|end| *end >= MAGIC.len())?;
    if record[..MAGIC.len()] != MAGIC || Md5::digest(&record[MAGIC.len()..body])[..] != record[body..] {
        return None;
    }
    let wire = Wire::decode(record.slice(MAGIC.len()..body)).ok()?;
    let known = |r: &WireRecord| {
        let explicit = r.explicit_hash_key;
        of(r.partition_key, &wire.partition_keys).is_some()
            && explicit.is_none_or(|key| of(key, &wire.explicit_hash_keys).is_some())
    };
    wire.records.iter().all(known).then_some(Unpacked(wire))
}

/// Whether it looks like an aggregate, sound or not.
pub fn is_marked(record: &[u8]) -> bool {
    record.starts_with(&MAGIC)
}

fn of(index: u64, table: &[String]) -> Option<&str> {
    table.get(usize::try_from(index).ok()?).map(String::as_str)
}

impl Unpacked {
    pub fn records(&self) -> impl ExactSizeIterator<Item = UserRecord<'_>> {
        let Unpacked(Wire { partition_keys, explicit_hash_keys, records }) = self;
        records.iter().map(move |r| UserRecord {
            partition_key: of(r.partition_key, partition_keys).unwrap_or_default(),
            explicit_hash_key: r.explicit_hash_key.and_then(|key| of(key, explicit_hash_keys)),
            data: &r.data,
        })
    }
}

impl UserRecord<'_> {
    /// The hash key by which a stream chooses the shard. `None`: the producer's own is no number of 128 bits.
    pub fn hash_key(&self) -> Option<u128> {
        match self.explicit_hash_key {
            Some(key) => key.parse().ok(),
            None => Some(hash_key(self.partition_key)),
        }
    }
}

/// The hash key of a partition key.
pub fn hash_key(partition_key: &str) -> u128 {
    let sum: [u8; SUM] = Md5::digest(partition_key.as_bytes()).into();
    u128::from_be_bytes(sum)
}

/// An aggregate being made. All its user records go to one shard, the one of its first.
#[derive(Debug)]
pub struct Aggregate {
    /// Bytes of the whole record, its partition key included, at most.
    limit: usize,
    /// The same, so far.
    size: usize,
    wire: Wire,
    keys: Table,
    explicit: Table,
}

/// The record an aggregate becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggregated {
    /// Of the first user record; so the hash key.
    pub partition_key: String,
    pub explicit_hash_key: Option<u128>,
    pub data: Bytes,
    pub user_records: usize,
}

/// Where keys are in their table.
type Table = HashMap<String, u64>;

impl Aggregate {
    /// `limit`: bytes of the record it becomes, its partition key included; a stream takes 1 MiB where nothing else is set.
    pub fn new(limit: usize) -> Aggregate {
        let size = MAGIC.len() + SUM;
        Aggregate { limit, size, wire: Wire::default(), keys: Table::new(), explicit: Table::new() }
    }

    /// Takes a user record in. False: it does not fit any more, and nothing was taken.
    #[must_use]
    pub fn add(&mut self, partition_key: &str, explicit_hash_key: Option<u128>, data: Bytes) -> bool {
        let explicit = explicit_hash_key.map(|key| key.to_string());
        let record = WireRecord {
            partition_key: place(partition_key, &self.keys),
            explicit_hash_key: explicit.as_ref().map(|key| place(key, &self.explicit)),
            data,
        };
        let new = |key: &str, table: &Table| if table.contains_key(key) { 0 } else { field(key.len()) };
        let outer = if self.is_empty() { partition_key.len() } else { 0 };
        let size = self.size
            + outer
            + field(record.encoded_len())
            + new(partition_key, &self.keys)
            + explicit.as_ref().map_or(0, |key| new(key, &self.explicit));
        if size > self.limit {
            return false;
        }
        self.size = size;
        enter(partition_key, &mut self.keys, &mut self.wire.partition_keys);
        if let Some(key) = explicit {
            enter(&key, &mut self.explicit, &mut self.wire.explicit_hash_keys);
        }
        self.wire.records.push(record);
        true
    }

    pub fn is_empty(&self) -> bool {
        self.wire.records.is_empty()
    }

    /// User records taken in.
    pub fn len(&self) -> usize {
        self.wire.records.len()
    }

    /// The record; the aggregate is empty again. `None`: nothing was taken in.
    pub fn finish(&mut self) -> Option<Aggregated> {
        let made = std::mem::replace(self, Aggregate::new(self.limit));
        let first = made.wire.records.first()?;
        let mut data = BytesMut::with_capacity(made.size);
        data.put_slice(&MAGIC);
        // A buffer that grows takes any message.
        made.wire.encode(&mut data).ok()?;
        let sum = Md5::digest(&data[MAGIC.len()..]);
        data.put_slice(&sum);
        let explicit = first.explicit_hash_key.and_then(|key| of(key, &made.wire.explicit_hash_keys));
        Some(Aggregated {
            partition_key: of(first.partition_key, &made.wire.partition_keys).unwrap_or_default().to_owned(),
            explicit_hash_key: explicit.and_then(|key| key.parse().ok()),
            data: data.freeze(),
            user_records: made.wire.records.len(),
        })
    }
}

/// Bytes of a field of so many bytes, with its tag and its length.
fn field(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

fn place(key: &str, table: &Table) -> u64 {
    table.get(key).copied().unwrap_or(table.len() as u64)
}

fn enter(key: &str, table: &mut Table, keys: &mut Vec<String>) {
    if !table.contains_key(key) {
        table.insert(key.to_owned(), keys.len() as u64);
        keys.push(key.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type User = (String, Option<u128>, Vec<u8>);

    fn users() -> impl Strategy<Value = Vec<User>> {
        let key = prop_oneof!["[A-Z]{1,2}[0-9]{0,3}", "\\PC{1,20}"];
        prop::collection::vec(
            (key, prop::option::of(any::<u128>()), prop::collection::vec(any::<u8>(), 0..60)),
            1..60,
        )
    }

    fn made(users: &[User], limit: usize) -> (Aggregated, usize) {
        let mut aggregate = Aggregate::new(limit);
        let mut taken = 0;
        while taken < users.len() && {
            let (key, explicit, data) = &users[taken];
            aggregate.add(key, *explicit, data.clone().into())
        } {
            taken += 1;
        }
        let size = aggregate.size;
        let made = aggregate.finish().unwrap_or(Aggregated {
            partition_key: String::new(),
            explicit_hash_key: None,
            data: Bytes::new(),
            user_records: 0,
        });
        if taken > 0 {
            assert_eq!(made.data.len() + made.partition_key.len(), size, "the size is known while it grows");
        }
        (made, taken)
    }

    proptest! {
        #[test]
        fn what_was_aggregated_comes_back_record_by_record(users in users()) {
            let (made, taken) = made(&users, 1 << 20);
            prop_assert_eq!(taken, users.len());
            let unpacked = read(&made.data).unwrap();
            let back: Vec<User> = unpacked
                .records()
                .map(|r| (r.partition_key.to_owned(), r.explicit_hash_key.map(|k| k.parse().unwrap()), r.data.to_vec()))
                .collect();
            prop_assert_eq!(&back, &users);
            prop_assert_eq!((&made.partition_key, made.explicit_hash_key), (&users[0].0, users[0].1));
        }

        #[test]
        fn an_aggregate_never_grows_beyond_its_limit_and_takes_all_that_fits(users in users(), limit in 20usize..3000) {
            let (made, taken) = made(&users, limit);
            prop_assert!(made.data.len() + made.partition_key.len() <= limit);
            prop_assert_eq!(made.user_records, taken);
        }

        #[test]
        fn one_byte_changed_makes_it_a_record_like_any_other(users in users(), at in any::<prop::sample::Index>(), flip in 1u8..) {
            let mut bytes = made(&users, 1 << 20).0.data.to_vec();
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            prop_assert!(read(&bytes.into()).is_none());
        }

        #[test]
        fn no_bytes_at_all_make_the_reader_panic(mut body in prop::collection::vec(any::<u8>(), 0..200), sound in any::<bool>()) {
            if sound {
                let sum = Md5::digest(&body);
                body.splice(0..0, MAGIC);
                body.extend_from_slice(&sum);
            }
            read(&body.into());
        }
    }

    #[test]
    fn an_index_outside_of_its_table_makes_it_no_aggregate() {
        for (partition_key, explicit_hash_key) in [(1, None), (0, Some(1)), (u64::MAX, None)] {
            let record = WireRecord { partition_key, explicit_hash_key, data: Bytes::from_static(b"x") };
            let wire = Wire {
                partition_keys: vec!["a".into()],
                explicit_hash_keys: vec!["1".into()],
                records: vec![record],
            };
            let body = wire.encode_to_vec();
            let mut bytes = MAGIC.to_vec();
            bytes.extend_from_slice(&body);
            bytes.extend_from_slice(&Md5::digest(&body));
            assert!(read(&bytes.into()).is_none());
        }
    }

    #[test]
    fn user_records_share_the_bytes_of_their_aggregate() {
        let mut aggregate = Aggregate::new(1 << 20);
        assert!(aggregate.add("k", None, Bytes::from(vec![7u8; 1000])));
        let data = aggregate.finish().unwrap().data;
        let unpacked = read(&data).unwrap();
        let inside = unpacked.records().next().unwrap().data.as_ptr();
        assert!(data.as_ptr_range().contains(&inside));
    }

    #[test]
    fn the_hash_key_is_the_producers_own_or_the_md5_of_the_partition_key() {
        let data = Bytes::new();
        let key =
            |explicit_hash_key| UserRecord { partition_key: "U1", explicit_hash_key, data: &data }.hash_key();
        assert_eq!(key(Some("340282366920938463463374607431768211455")), Some(u128::MAX));
        assert_eq!(key(Some("340282366920938463463374607431768211456")), None);
        assert_eq!(key(None), Some(hash_key("U1")));
        assert_eq!(hash_key(""), 0xd41d8cd98f00b204e9800998ecf8427e);
    }

    /// Made by hand from the published description of the format: two keys, an explicit hash key, two records.
    #[test]
    fn an_aggregate_has_the_bytes_that_the_format_says() {
        let mut aggregate = Aggregate::new(1 << 20);
        assert!(aggregate.add("a", None, "x".into()) && aggregate.add("b", Some(5), "yz".into()));
        let data = aggregate.finish().unwrap().data;
        let body: &[u8] = &[
            0x0a, 1, b'a', 0x0a, 1, b'b', 0x12, 1, b'5', 0x1a, 5, 0x08, 0, 0x1a, 1, b'x', 0x1a, 8, 0x08, 1,
            0x10, 0, 0x1a, 2, b'y', b'z',
        ];
        assert_eq!(&data[..4], MAGIC);
        assert_eq!(&data[4..data.len() - 16], body);
        assert_eq!(data[data.len() - 16..], Md5::digest(body)[..]);
    }
}

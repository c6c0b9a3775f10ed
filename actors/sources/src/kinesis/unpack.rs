//! From the records of a shard to messages: aggregates are taken apart here.
use super::aggregate;
use super::graph::HashRange;
use super::keys::KeySample;
use super::stream::Incoming;
use crate::messages::Message;

/// What was met in some records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub user_records: u64,
    /// User records of each aggregate.
    pub aggregates: Vec<u32>,
    pub unsound: u64,
    pub out_of_range: u64,
    /// The sample of keys is full, and they are not the accounts.
    pub odd_keys: bool,
}

/// The messages of a record, one after the other: its user records, or itself.
pub(super) fn messages(
    record: Incoming,
    range: Option<HashRange>,
    sample: &KeySample,
    met: &mut Met,
    mut each: impl FnMut(Message),
) {
    let Incoming { sequence, arrival, partition_key, data } = record;
    let message = |sub, payload| Message { sequence, sub, arrival, name: None, payload };
    let Some(unpacked) = aggregate::read(&data) else {
        met.unsound += u64::from(aggregate::is_marked(&data));
        met.user_records += 1;
        met.odd_keys |= sample.wants_more() && sample.add(&partition_key, &data);
        return each(message(0, data));
    };
    let records = unpacked.records();
    met.aggregates.push(u32::try_from(records.len()).unwrap_or(u32::MAX));
    met.user_records += records.len() as u64;
    if records.len() == 0 {
        // It holds nothing, and moves the position all the same.
        return each(message(0, bytes::Bytes::new()));
    }
    for (sub, user) in (0..).zip(records) {
        met.odd_keys |= sample.wants_more() && sample.add(user.partition_key, user.data);
        // Whoever aggregates by other rules than the stream's may put it anywhere. It is there, so it is read.
        let belongs = range.is_none_or(|range| user.hash_key().is_some_and(|hash| range.contains(hash)));
        met.out_of_range += u64::from(!belongs);
        each(message(sub, user.data.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aggregate::{Aggregate, hash_key};
    use bytes::Bytes;
    use record::Sequence;

    fn unpack(data: Bytes, range: Option<HashRange>) -> (Vec<(u64, String)>, Met) {
        let record = Incoming { sequence: Sequence::from(7u64), arrival: 9, partition_key: "k".into(), data };
        let (mut all, mut met) = (Vec::new(), Met::default());
        messages(record, range, &KeySample::default(), &mut met, |m| {
            assert_eq!((m.sequence, m.arrival), (Sequence::from(7u64), 9));
            all.push((m.sub, String::from_utf8_lossy(&m.payload).into_owned()));
        });
        (all, met)
    }

    #[test]
    fn user_records_are_numbered_in_their_aggregate() {
        let mut aggregate = Aggregate::new(1000);
        assert!(aggregate.add("a", None, "one".into()) && aggregate.add("b", None, "two".into()));
        let (all, met) = unpack(aggregate.finish().unwrap().data, None);
        assert_eq!(all, [(0, "one".to_owned()), (1, "two".to_owned())]);
        assert_eq!((met.user_records, met.aggregates), (2, vec![2]));
    }

    #[test]
    fn a_user_record_outside_of_the_shards_range_is_counted_and_kept() {
        let mut aggregate = Aggregate::new(1000);
        let mine = hash_key("a");
        let other = if mine < u128::MAX / 2 { u128::MAX } else { 0 };
        assert!(aggregate.add("a", None, "one".into()) && aggregate.add("a", Some(other), "two".into()));
        let range = HashRange { first: mine, last: mine };
        let (all, met) = unpack(aggregate.finish().unwrap().data, Some(range));
        assert_eq!((all.len(), met.out_of_range), (2, 1));
    }

    #[test]
    fn what_is_marked_as_an_aggregate_and_is_none_passes_on_as_it_is() {
        let mut bytes = aggregate::MAGIC.to_vec();
        bytes.extend_from_slice(b"and then nothing that an aggregate would hold");
        let (all, met) = unpack(bytes.clone().into(), None);
        assert_eq!(all, [(0, String::from_utf8_lossy(&bytes).into_owned())]);
        assert_eq!((met.unsound, met.user_records), (1, 1));
    }

    #[test]
    fn an_aggregate_of_nothing_is_a_message_of_nothing() {
        // The message of no bytes, and its sum.
        let mut bytes = aggregate::MAGIC.to_vec();
        bytes.extend_from_slice(&0xd41d8cd98f00b204e9800998ecf8427e_u128.to_be_bytes());
        assert_eq!(unpack(bytes.into(), None).0, [(0, String::new())]);
    }
}

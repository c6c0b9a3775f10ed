//! The operations the fake knows.

macro_rules! operations {
    ($($name:ident),+ $(,)?) => {
        /// An operation of the Kinesis API that the fake answers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Operation { $($name),+ }

        impl Operation {
            pub const ALL: &'static [Operation] = &[$(Operation::$name),+];

            /// Its name in `X-Amz-Target`.
            pub fn name(self) -> &'static str {
                match self { $(Operation::$name => stringify!($name)),+ }
            }
        }
    };
}

operations!(
    CreateStream,
    DeleteStream,
    DescribeStream,
    DescribeStreamSummary,
    DescribeLimits,
    ListStreams,
    ListShards,
    PutRecord,
    PutRecords,
    GetShardIterator,
    GetRecords,
    SplitShard,
    MergeShards,
    UpdateShardCount,
    UpdateMaxRecordSize,
    IncreaseStreamRetentionPeriod,
    DecreaseStreamRetentionPeriod,
    RegisterStreamConsumer,
    DescribeStreamConsumer,
    ListStreamConsumers,
    DeregisterStreamConsumer,
    SubscribeToShard,
);

impl Operation {
    pub(super) fn named(name: &str) -> Option<Operation> {
        Operation::ALL.iter().copied().find(|o| o.name() == name)
    }
}

//! The stand-ins: one of each for all tests. They end with this process, since they watch its end.
use crate::rig;
use aws_sdk_kinesis::Client;
use stand_ins::kinesis::{FakeKinesis, Settings};
use stand_ins::{KinesisLocal, Ministack};
use std::sync::LazyLock;

pub static FAKE: LazyLock<FakeKinesis> = LazyLock::new(|| FakeKinesis::start(Settings::default()).unwrap());
pub static MINISTACK: LazyLock<Ministack> =
    LazyLock::new(|| Ministack::start().unwrap_or_else(|e| panic!("{e}")));
static KINESIS_LOCAL: LazyLock<KinesisLocal> =
    LazyLock::new(|| KinesisLocal::start().unwrap_or_else(|e| panic!("{e}")));

pub fn fake() -> Client {
    rig::client(FAKE.url())
}

pub fn ministack() -> Client {
    rig::client(&MINISTACK.url())
}

pub fn kinesis_local() -> Client {
    rig::client(&KINESIS_LOCAL.url())
}

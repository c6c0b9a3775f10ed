//! What tests of several actors are made from.
pub mod accumulating;
pub mod decoding;

use crate::messages::{CheckedBatch, Header, Part, ReturnsBatch};
use record::{
    Counts, Feed, FeedKey, FramingError, Partition, PartitionId, PartitionKey, Position, Progress, RawBatch,
    RawRecord, Symbol,
};
use returns::date::from_days;
use returns::fact::{Body, Span, Stated, Summary};
use returns::ledger::RowChange;
use returns::row::Growth;
use returns::{
    Arrival, Content, Date, Decimal, Fact, FlowTiming, Origin, Place, Reasons, Row, Status, Vendor,
};
use std::sync::Arc;

/// A day of January 2025.
pub fn day(n: u8) -> Date {
    from_days(20_088 + i32::from(n)).unwrap()
}

pub fn at(n: u64) -> Progress {
    if n == 0 { Progress::Start } else { Progress::At(Position::in_file(n * 100, n, 0)) }
}

/// A partition opened at its start.
pub fn partition(key: i64) -> Arc<Partition> {
    let id = PartitionId::new(format!("s/{key}"));
    Arc::new(Partition { key: PartitionKey(key), id, source: "s".into(), token: 7, opened: Progress::Start })
}

/// One of so many pieces of a batch that reads step `step` (from 1) of a partition.
pub fn piece(number: u64, of: u32, partition: &Arc<Partition>, step: u64) -> Header {
    let (from, to) = (at(step - 1), at(step));
    Header {
        number,
        part: Part::Piece { of },
        partition: partition.clone(),
        from,
        to,
        feed: None,
        read_until: None,
    }
}

/// A row that carries its summary; the value makes the content.
pub fn row(date: Date, value: u8) -> Row {
    Row {
        as_of: date,
        previous_as_of: None,
        begin_value: Decimal::ZERO,
        contributions: Decimal::ZERO,
        distributions: Decimal::ZERO,
        cumulative_net_flow: Decimal::ZERO,
        fees: Decimal::ZERO,
        fees_outside: Decimal::ZERO,
        accrued: Decimal::ZERO,
        end_value: Decimal::from(value),
        twrr: None,
        twrr_gross: None,
        net: Growth { growth: Some(Decimal::ONE), link: None },
        gross: Growth { growth: Some(Decimal::ONE), link: None },
        incepted: false,
        segment: 1,
        sub_periods: 1,
        status: Status::Anchor,
        flow_timing: FlowTiming::Split,
        reasons: Reasons::default(),
        revision: None,
        value_since: date,
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: true,
        vendor_account: Symbol::default(),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::END,
        content: Content([value; 16]),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: PartitionKey(1), position: Position::in_file(u64::from(value), 1, 0) },
        arrival: Arrival(None),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 1,
    }
}

/// A day's value, as a vendor says it.
pub fn summary(date: Date, end: i64, line: u64) -> Fact {
    let body = Summary { end: Decimal::from(end), stated: Stated::END, ..Summary::default() };
    let mut content = [0; 16];
    content[..8].copy_from_slice(&end.to_be_bytes());
    Fact {
        origin: Origin::Vendor(Vendor(0)),
        as_of: date,
        reference: None,
        revision: None,
        arrival: Arrival(None),
        place: Place { partition: PartitionKey(1), position: Position::in_file(line * 100, line, 0) },
        feed: FeedKey(1),
        content: Content(content),
        vendor_account: Symbol::default(),
        mapping_version: 1,
        body: Body::Summary(body),
    }
}

/// A batch of rows that passed every rule.
pub fn checked(header: Header, counts: Counts, rows: Vec<(i64, RowChange)>) -> CheckedBatch {
    let verdicts = vec![Default::default(); rows.len()];
    let returns = ReturnsBatch { rows, ..ReturnsBatch::new(header, counts) };
    CheckedBatch { returns: Arc::new(returns), verdicts, breaks: Vec::new() }
}

/// The place of a line.
pub fn record(line: u64) -> Position {
    Position::in_file(line * 10, line, 0)
}

/// A batch of one letter a record, and a piece the framer refused.
pub fn raw(records: &str) -> RawBatch {
    let feed = Feed { ends: true, ..Feed::new(FeedKey(1), "harbor") };
    let spans = (0u32..).zip(records.bytes()).map(|(i, _)| RawRecord {
        start: i,
        end: i + 1,
        position: record(u64::from(i) + 1),
        context: 0,
        message: 0,
    });
    let refused = FramingError {
        position: record(99),
        code: "record_too_long",
        text: "too long".into(),
        raw: b"...".to_vec(),
        length: 3,
    };
    RawBatch {
        number: 4,
        partition: partition(1),
        feed: Arc::new(feed),
        from: at(0),
        to: at(1),
        payload: records.to_owned().into(),
        records: spans.collect(),
        contexts: Vec::new(),
        refused: vec![refused],
        bytes: 17,
        arrivals: Vec::new(),
        read_until: None,
    }
}

//! One plain row, fact, account, break: what a test says of it, and nothing unusual in the rest.
use record::{FeedKey, PartitionKey, Position, Symbol};
use returns::date::Date;
use returns::fact::{Class, Flow, Span, Stated};
use returns::ledger::{Profile, RowChange, StoredFact};
use returns::row::Growth;
use returns::{
    Arrival, Body, Content, Decimal, Fact, FlowTiming, Origin, Place, Reasons, Row, Status, Vendor, Verdict,
};
use store::{AccountWrite, BreakWrite, FactWrite, RowWrite, slot_of};

pub fn date(text: &str) -> Date {
    text.parse().unwrap()
}

pub fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A row with the figures of a plain day.
pub fn row(as_of: &str, end_value: &str) -> Row {
    let as_of = date(as_of);
    Row {
        as_of,
        previous_as_of: None,
        begin_value: Decimal::ZERO,
        contributions: Decimal::ZERO,
        distributions: Decimal::ZERO,
        cumulative_net_flow: Decimal::ZERO,
        fees: Decimal::ZERO,
        fees_outside: Decimal::ZERO,
        accrued: Decimal::ZERO,
        end_value: dec(end_value),
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
        value_since: as_of,
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: true,
        vendor_account: Symbol(0),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::END,
        content: Content([7; 16]),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: PartitionKey(1), position: Position::in_file(10, 1, 0) },
        arrival: Arrival(Some(1_700_000_000_000_000)),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 1,
    }
}

pub fn write(account: i64, change: RowChange) -> RowWrite {
    let reasons = change.row().map(|r| r.reasons).unwrap_or_default();
    RowWrite { account, change, verdict: Verdict::Final, reasons, cause: None }
}

/// The change of a row that restates it, and why.
pub fn restated(account: i64, row: Row, cause: &str) -> RowWrite {
    RowWrite { cause: Some(cause.into()), ..write(account, RowChange::Replaced { row, restates: true }) }
}

/// A flow with an id of its own.
pub fn flow(as_of: &str, id: &str, amount: &str) -> StoredFact {
    let body = Body::Flow(Flow {
        class: Class::Contribution,
        amount: Some(dec(amount)),
        currency: None,
        at: None,
        effective: None,
        security: None,
        counter_account: None,
        description: None,
        own_id: true,
    });
    fact(as_of, Some(id), body)
}

pub fn fact(as_of: &str, reference: Option<&str>, body: Body) -> StoredFact {
    let mut content = [0u8; 16];
    let text = format!("{as_of}{reference:?}{body:?}");
    for (i, byte) in text.bytes().enumerate() {
        content[i % 16] = content[i % 16].rotate_left(3) ^ byte;
    }
    StoredFact {
        fact: Fact {
            origin: Origin::Vendor(Vendor(0)),
            as_of: date(as_of),
            reference: reference.map(Into::into),
            revision: None,
            arrival: Arrival(Some(1_700_000_000_000_000)),
            place: Place { partition: PartitionKey(1), position: Position::in_file(20, 2, 0) },
            feed: FeedKey(1),
            content: Content(content),
            vendor_account: Symbol(0),
            mapping_version: 1,
            body,
        },
        in_row: false,
        waiting: None,
    }
}

pub fn account(id: i64, number: &str) -> AccountWrite {
    let profile = Profile::default();
    AccountWrite { id, account_no: number.into(), slot: slot_of(number), profile, aliases: vec![] }
}

pub fn facts(account: i64, facts: impl IntoIterator<Item = StoredFact>) -> Vec<FactWrite> {
    facts.into_iter().map(|stored| FactWrite { account, stored }).collect()
}

/// A break of a rule about the first account, by `difference`.
pub fn broken(rule: &'static str, difference: &str) -> BreakWrite {
    BreakWrite {
        rule,
        severity: "warn",
        account: Some(1),
        vendor: Some("alpha".into()),
        as_of: Some(date("2025-01-02")),
        feed: None,
        position: Some("10.1.0".into()),
        expected: Some(dec("1.5")),
        actual: Some(dec("2")),
        difference: Some(dec(difference)),
        difference_bp: None,
        tolerance: Some(dec("0.01")),
        hint: Some("look at the fees".into()),
        broken: true,
    }
}

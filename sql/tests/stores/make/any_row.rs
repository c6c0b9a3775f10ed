//! Any row at all.
use super::any_value::*;
use proptest::prelude::*;
use record::{FeedKey, Symbol};
use returns::fact::{Span, Stated};
use returns::{Arrival, Content, FlowTiming, Row, Status, Vendor};

/// Any row; its vendors are 0 and 1, its symbols below `symbols`.
pub fn any_row(symbols: u32) -> impl Strategy<Value = Row> {
    let figures = (
        (any_date(), proptest::option::of(any_date()), money(), money(), money(), money(), money(), money()),
        (
            money(),
            money(),
            proptest::option::of(rate()),
            proptest::option::of(rate()),
            any_growth(),
            any_growth(),
        ),
    );
    let settled = (
        (
            any::<bool>(),
            any::<u16>(),
            any::<u16>(),
            one_of(&Status::ALL),
            one_of(&FlowTiming::ALL),
            any_reasons(),
        ),
        (
            proptest::option::of(any::<u64>()),
            any_date(),
            0u16..2,
            proptest::option::of(0u16..2),
            any::<bool>(),
        ),
    );
    let lineage = (
        (
            0..symbols,
            proptest::option::of(money()),
            any::<u16>(),
            any::<[u8; 16]>(),
            any::<u32>(),
            any::<i64>(),
        ),
        (
            any_place(),
            proptest::option::of(any_time()),
            proptest::option::of(rate()),
            one_of(&Span::ALL),
            any::<i64>(),
        ),
    );
    (figures, settled, lineage).prop_map(|((f, g), (s, t), (l, m))| Row {
        as_of: f.0,
        previous_as_of: f.1,
        begin_value: f.2,
        contributions: f.3,
        distributions: f.4,
        cumulative_net_flow: f.5,
        fees: f.6,
        fees_outside: f.7,
        accrued: g.0,
        end_value: g.1,
        twrr: g.2,
        twrr_gross: g.3,
        net: g.4,
        gross: g.5,
        incepted: s.0,
        segment: s.1,
        sub_periods: s.2,
        status: s.3,
        flow_timing: s.4,
        reasons: s.5,
        revision: t.0,
        value_since: t.1,
        value_vendor: Vendor(t.2),
        flow_vendor: t.3.map(Vendor),
        carries: t.4,
        vendor_account: Symbol(l.0),
        vendor_begin: l.1,
        other_net_flow: l.1.map(|begin| -begin),
        stated: Stated(l.2),
        content: Content(l.3),
        mapping_version: l.4,
        feed: FeedKey(l.5),
        place: m.0,
        arrival: Arrival(m.1),
        reported_return: m.2,
        reported_span: m.3,
        policy_id: m.4,
    })
}

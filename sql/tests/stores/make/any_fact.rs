//! Any fact at all, of every kind that is stored.
use super::any_value::*;
use proptest::prelude::*;
use record::{FeedKey, Symbol};
use returns::fact::{
    AccountInfo, Cancel, Class, Correction, Flow, Holding, ImportedReturn, Opening, Quarantined, Span,
    Stated, Summary, Target, Valuation, Withdrawal,
};
use returns::ledger::{StoredFact, WaitingReason};
use returns::{Arrival, Body, Content, Fact, Origin, Vendor};

fn any_summary() -> impl Strategy<Value = Body> {
    (
        (money(), money(), money(), money()),
        (money(), money(), money(), rate()),
        one_of(&Span::ALL),
        any::<u16>(),
        any_currency(),
    )
        .prop_map(
            |(
                (begin, end, contributions, distributions),
                (fees, fees_outside, accrued, reported_return),
                reported_span,
                bits,
                currency,
            )| {
                Body::Summary(Summary {
                    begin,
                    end,
                    contributions,
                    distributions,
                    fees,
                    fees_outside,
                    accrued,
                    reported_return,
                    reported_span,
                    stated: Stated(bits),
                    currency,
                })
            },
        )
}

fn any_flow() -> impl Strategy<Value = Body> {
    let text = || proptest::option::of(any_text());
    let first = (
        one_of(&Class::ALL),
        proptest::option::of(money()),
        any_currency(),
        proptest::option::of(any_time()),
    );
    (first, proptest::option::of(any_date()), text(), text(), text(), any::<bool>()).prop_map(
        |((class, amount, currency, at), effective, security, counter_account, description, own_id)| {
            Body::Flow(Flow {
                class,
                amount,
                currency,
                at,
                effective,
                security,
                counter_account,
                description,
                own_id,
            })
        },
    )
}

fn any_holding() -> impl Strategy<Value = Body> {
    let some = || proptest::option::of(rate());
    (any_text(), money(), money(), some(), some(), any_currency()).prop_map(
        |(security, value, accrued, quantity, price, currency)| {
            Body::Holding(Holding { security, value, accrued, quantity, price, currency })
        },
    )
}

fn any_reference_body() -> impl Strategy<Value = Body> {
    let date = || proptest::option::of(any_date());
    let info = (any_currency(), date(), date(), proptest::option::of(any_text())).prop_map(
        |(base_currency, performance_start, closed_on, name)| {
            Body::Account(AccountInfo { base_currency, performance_start, closed_on, name })
        },
    );
    let opening = (money(), rate(), proptest::option::of(rate()), money(), any_date()).prop_map(
        |(end, cumulative_twrr, cumulative_twrr_gross, cumulative_net_flow, inception)| {
            Body::Opening(Opening {
                end,
                cumulative_twrr,
                cumulative_twrr_gross,
                cumulative_net_flow,
                inception,
            })
        },
    );
    let imported = (any_date(), rate(), proptest::option::of(rate()))
        .prop_map(|(from, net, gross)| Body::Return(ImportedReturn { from, net, gross }));
    prop_oneof![info, opening, imported]
}

fn any_correction() -> impl Strategy<Value = Body> {
    let patches = (any_patch(), any_patch(), any_patch(), any_patch());
    (patches, any_text(), any_time(), any_text(), any_text(), any_text()).prop_map(
        |((end_value, contributions, distributions, fees), event_id, event_time, ticket, who, reason)| {
            Body::Correction(Box::new(Correction {
                end_value,
                contributions,
                distributions,
                fees,
                event_id,
                event_time,
                ticket,
                who,
                reason,
            }))
        },
    )
}

fn any_tombstone() -> impl Strategy<Value = Body> {
    let text = || proptest::option::of(any_text());
    let cancel = (text(), one_of(&Class::ALL), proptest::option::of(money()), text()).prop_map(
        |(original, class, amount, security)| {
            Body::Cancel(Box::new(Cancel { original, class, amount, security }))
        },
    );
    let target = prop_oneof![
        any_place().prop_map(Target::Record),
        any::<i64>().prop_map(|f| Target::Feed(FeedKey(f))),
        any_text().prop_map(Target::Ticket),
    ];
    let withdrawal = (target, any::<bool>(), any_text(), any_time(), any_text(), any_text()).prop_map(
        |(target, reinstate, event_id, event_time, who, reason)| {
            Body::Withdrawal(Box::new(Withdrawal { target, reinstate, event_id, event_time, who, reason }))
        },
    );
    let quarantined = (any_text(), any::<bool>())
        .prop_map(|(code, released)| Body::Quarantined(Box::new(Quarantined { code, released })));
    prop_oneof![cancel, withdrawal, quarantined]
}

/// Any fact that lives in `fact`, of every kind.
pub fn any_fact(symbols: u32) -> impl Strategy<Value = StoredFact> {
    let valuation = (proptest::option::of(any_time()), money(), money(), any_currency()).prop_map(
        |(at, value, accrued, currency)| Body::Valuation(Valuation { at, value, accrued, currency }),
    );
    let body = prop_oneof![
        any_summary(),
        valuation,
        any_flow(),
        any_holding(),
        any_reference_body(),
        any_correction(),
        any_tombstone()
    ];
    let origin = prop_oneof![Just(Origin::Correction), (0u16..2).prop_map(|v| Origin::Vendor(Vendor(v)))];
    let said =
        (origin, any_date(), proptest::option::of(any_text()), proptest::option::of(any::<u64>()), body);
    let came = (
        proptest::option::of(any_time()),
        any_place(),
        any::<i64>(),
        any::<[u8; 16]>(),
        0..symbols,
        any::<u32>(),
    );
    let waiting = proptest::option::of(one_of(&WaitingReason::ALL));
    (said, came, waiting).prop_map(|(said, came, waiting)| {
        let (origin, as_of, reference, revision, body) = said;
        let (arrival, place, feed, content, symbol, mapping_version) = came;
        let fact = Fact {
            origin,
            as_of,
            reference,
            revision,
            arrival: Arrival(arrival),
            place,
            feed: FeedKey(feed),
            content: Content(content),
            vendor_account: Symbol(symbol),
            mapping_version,
            body,
        };
        StoredFact { fact, in_row: false, waiting }
    })
}

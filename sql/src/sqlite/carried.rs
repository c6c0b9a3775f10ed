//! Until the ledger's own is there.
use returns::Decimal;
use returns::fact::{Body, Fact, Origin, Stated, Summary};
use returns::row::Row;

pub fn summary_of(row: &Row) -> Fact {
    let stated = |field, amount: Decimal| if row.stated.has(field) { amount } else { Decimal::ZERO };
    Fact {
        origin: Origin::Vendor(row.value_vendor),
        as_of: row.as_of,
        reference: None,
        revision: row.revision,
        arrival: row.arrival,
        place: row.place,
        feed: row.feed,
        content: row.content,
        vendor_account: row.vendor_account,
        mapping_version: row.mapping_version,
        body: Body::Summary(Summary {
            begin: row.vendor_begin.unwrap_or_default(),
            end: stated(Stated::END, (row.end_value - row.accrued).normalize()),
            contributions: stated(Stated::CONTRIBUTIONS, row.contributions),
            distributions: stated(Stated::DISTRIBUTIONS, row.distributions),
            fees: stated(Stated::FEES, row.fees),
            fees_outside: stated(Stated::FEES_OUTSIDE, row.fees_outside),
            accrued: stated(Stated::ACCRUED, row.accrued),
            reported_return: row.reported_return.unwrap_or_default(),
            reported_span: row.reported_span,
            stated: row.stated,
        }),
    }
}

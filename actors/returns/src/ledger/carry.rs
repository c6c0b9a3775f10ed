//! What a row carries: the summary that won its day, stored once, in the row's own columns.
use crate::fact::{Body, Fact, Origin, Stated, Summary};
use crate::row::Row;
use rust_decimal::Decimal;

/// The summary that a row's columns state, as a fact. It is the one the row was made from if and only if the row `carries`.
pub fn summary_of(row: &Row) -> Fact {
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
        body: Body::Summary(stated(row)),
    }
}

fn stated(row: &Row) -> Summary {
    let stated = |field, amount: Decimal| if row.stated.has(field) { amount } else { Decimal::ZERO };
    Summary {
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
        currency: None,
    }
}

/// Whether the row's columns give this summary back unchanged.
pub(super) fn gives_back(row: &Row, fact: &Fact) -> bool {
    let Body::Summary(said) = &fact.body else { return false };
    let lineage = row.place == fact.place
        && row.arrival == fact.arrival
        && row.feed == fact.feed
        && row.content == fact.content
        && row.revision == fact.revision
        && row.as_of == fact.as_of
        && fact.reference.is_none()
        && fact.origin == Origin::Vendor(row.value_vendor);
    lineage && stated(row) == *said
}

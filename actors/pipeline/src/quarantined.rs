//! Records that could not become observations, as rows of quarantine and as facts that hold a day (F6).
use crate::crosswalk::Resolved;
use crate::decoder::VendorWork;
use crate::messages::Rejected;
use crate::pieces::owner;
use codecs::{Observation, Reject};
use record::{RawBatch, Symbol};
use returns::fact::{Body, Quarantined};
use returns::{Arrival, Fact, Kind, Origin, Place};
use std::sync::Arc;
use store::QuarantineWrite;

pub(crate) fn refusal(raw: &RawBatch, r: &record::FramingError) -> QuarantineWrite {
    QuarantineWrite {
        vendor: raw.feed.vendor.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(r.position),
        line: raw.line(r.position),
        feed: raw.feed.key,
        code: r.code.into(),
        text: r.text.clone(),
        field: None,
        raw: r.raw.clone(),
        length: r.length,
        raw_hash: blake3::hash(&r.raw).into(),
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 0,
    }
}

/// A record whose account has aliases, none of which covers its date.
pub(crate) fn unresolved(vendor: &VendorWork, raw: &RawBatch, o: &Observation, account: &str) -> Rejected {
    let position = o.fact.place.position;
    let record = raw.records.iter().find(|r| r.position == position);
    let bytes = record.map_or(&[][..], |r| raw.record(r));
    let write = QuarantineWrite {
        vendor: vendor.name.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(position),
        line: raw.line(position),
        feed: raw.feed.key,
        code: "no_alias_on_date".into(),
        text: format!("the account has aliases, but none on {}", o.fact.as_of),
        field: None,
        raw: bytes[..bytes.len().min(1 << 20)].to_vec(),
        length: bytes.len() as u64,
        raw_hash: blake3::hash(bytes).into(),
        account: None,
        vendor_account: Some(account.to_owned()),
        as_of: Some(o.fact.as_of),
        mapping_version: vendor.mapping_version,
    };
    Rejected { write, account: None }
}

/// A rejected record as a quarantine row; where it names an account and a date, that day is held by a fact (F6).
pub(crate) fn reject(
    vendor: &mut VendorWork,
    raw: &RawBatch,
    r: Reject,
    facts: &mut [Vec<(Symbol, Fact)>],
    outputs: usize,
) -> (usize, Rejected) {
    let (mut to, mut named) = (0, None);
    if let (Some(account), Some(as_of)) = (r.account.as_deref(), r.as_of)
        && let (symbol, Resolved::To(target)) = vendor.crosswalk.resolve(account.as_bytes(), as_of)
    {
        (to, named) = (owner(target.slot, outputs), Some(target.account));
        let hold = hold(vendor, raw, &r, as_of, symbol, account);
        facts[to].push((target.account, hold));
    }
    let write = QuarantineWrite {
        vendor: vendor.name.clone(),
        partition: raw.partition.key,
        position: record::Progress::At(r.position),
        line: r.line,
        feed: raw.feed.key,
        code: r.code.into(),
        text: r.text,
        field: r.field,
        raw_hash: blake3::hash(&r.raw).into(),
        raw: r.raw,
        length: r.length,
        account: None,
        vendor_account: r.account,
        as_of: r.as_of,
        mapping_version: vendor.mapping_version,
    };
    (to, Rejected { write, account: named })
}

fn hold(
    vendor: &VendorWork,
    raw: &RawBatch,
    r: &Reject,
    as_of: returns::Date,
    symbol: Symbol,
    account: &str,
) -> Fact {
    let body = Body::Quarantined(Box::new(Quarantined { code: r.code.into(), released: false }));
    let reference: Arc<str> = format!("{}@{}", r.position, raw.partition.id).into();
    let origin = Origin::Vendor(vendor.vendor);
    let content =
        returns::ledger::content(&body, origin, Kind::Quarantined, as_of, Some(&reference), None, account);
    Fact {
        origin,
        as_of,
        reference: Some(reference),
        revision: None,
        arrival: Arrival(raw.arrival_at(r.position)),
        place: Place { partition: raw.partition.key, position: r.position },
        feed: raw.feed.key,
        content,
        vendor_account: symbol,
        mapping_version: vendor.mapping_version,
        body,
    }
}

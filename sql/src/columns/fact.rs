//! `fact`: the key of a fact and where it came from, then what it says.
use super::ColumnType::{Bytes, Date as Day, Decimal as Number, Integer, Text, Time as Instant};
pub use super::said::SAID;
use super::said::Said;
use super::*;
use crate::Names;
use record::{FeedKey, PartitionKey};
use returns::ledger::{StoredFact, WaitingReason};
use returns::{Arrival, Fact, Kind, Origin, Place};

/// The origin of corrections, as stored; no vendor may have this name.
pub const CORRECTION: &str = "correction";

/// The columns of `fact`, in order: the key and where it came from, then what it says ([`SAID`]).
///
/// Identity, and a unique index of both stores: `account_id, origin, kind, key_as_of, ref, feed_id, content`, nulls being equal.
pub const PLACED: &[Column] = &[
    required("account_id", Integer, "the account it speaks of"),
    required("origin", Text, "who says so: a vendor, or `correction`"),
    required("kind", Text, "summary, valuation, flow, holding, account, opening, return, correction, ..."),
    required("as_of", Day, "the business date it speaks of"),
    nullable("key_as_of", Day, "the same, where the date is part of the key; null for a vendor's own id"),
    nullable("ref", Text, "what tells facts of one kind and date apart"),
    nullable("revision", Number, "the vendor's own revision"),
    nullable("arrival", Instant, "when it arrived, by what its source or feed states"),
    required("content", Bytes, "hash of what it says"),
    required("feed_id", Integer, "the delivery it came in"),
    required("partition_id", Integer, "the partition it came from"),
    required("position", ColumnType::Position, "its place in the partition"),
    required("vendor_account", Text, "the account as the vendor sent it"),
    required("mapping_version", Integer, "version of the mapping that read it"),
    nullable("waiting_reason", Text, "why it is stored but not folded yet"),
];

/// All columns of `fact`, in order.
pub fn columns() -> Vec<Column> {
    [PLACED, SAID].concat()
}

/// The first columns of `fact`, behind which those of a summary are null: half of them. Where many summaries go into `fact` and come out
/// of it again, the nulls would cost as much as what is said.
pub fn summary_columns() -> Vec<Column> {
    [PLACED, &SAID[..SUMMARY_SAYS]].concat()
}

/// The last that a summary says is its currency.
const SUMMARY_SAYS: usize = 15;

/// Writes the columns of [`PLACED`] and [`SAID`].
pub fn write<W: ColumnWriter>(
    account: i64,
    stored: &StoredFact,
    names: NamesView<'_>,
    w: &mut W,
) -> Result<(), ColumnError> {
    write_first(SAID.len(), account, stored, names, w)
}

/// Writes the columns of [`summary_columns`].
pub fn write_summary<W: ColumnWriter>(
    account: i64,
    stored: &StoredFact,
    names: NamesView<'_>,
    w: &mut W,
) -> Result<(), ColumnError> {
    debug_assert_eq!(stored.fact.kind(), Kind::Summary);
    write_first(SUMMARY_SAYS, account, stored, names, w)
}

fn write_first<W: ColumnWriter>(
    said: usize,
    account: i64,
    stored: &StoredFact,
    names: NamesView<'_>,
    w: &mut W,
) -> Result<(), ColumnError> {
    let fact = &stored.fact;
    w.integer(Some(account));
    w.text(Some(origin_text(fact.origin, names)?));
    w.text(Some(fact.kind().as_str()));
    w.date(Some(fact.as_of));
    w.date(fact.key().as_of);
    w.text(fact.reference.as_deref());
    w.decimal(fact.revision.map(Decimal::from));
    w.time(fact.arrival.0);
    w.bytes(Some(&fact.content.0));
    w.integer(Some(fact.feed.0));
    w.integer(Some(fact.place.partition.0));
    w.position(Some(fact.place.position));
    w.text(Some(names.text(fact.vendor_account)));
    w.integer(Some(fact.mapping_version.into()));
    w.text(stored.waiting.map(WaitingReason::as_str));
    Said::from(&fact.body).write_first(said, w);
    Ok(())
}

/// An origin as stored.
pub fn origin_text(origin: Origin, names: NamesView<'_>) -> Result<&str, ColumnError> {
    match origin {
        Origin::Vendor(vendor) => names.vendor(vendor),
        Origin::Correction => Ok(CORRECTION),
    }
}

/// Reads the columns of [`PLACED`] and [`SAID`]: the account and its fact, which no row carries. Of a summary those of
/// [`summary_columns`] are enough, where the reader gives null for what is not there.
pub fn read<R: ColumnReader>(r: &mut R, names: &Names) -> Result<(i64, StoredFact), ColumnError> {
    let account = need(r.integer()?, "account_id")?;
    let origin = match &*need(r.text()?, "origin")? {
        CORRECTION => Origin::Correction,
        vendor => Origin::Vendor(names.vendor(vendor)),
    };
    let kind = one_of(&Kind::ALL, Kind::as_str, &need(r.text()?, "kind")?, "kind")?;
    let as_of = need(r.date()?, "as_of")?;
    let dated = r.date()?.is_some();
    let reference = r.text()?;
    let revision = unsigned(r.decimal()?, "revision")?;
    let arrival = Arrival(r.time()?);
    let content = content(&need(r.bytes()?, "content")?, "content")?;
    let feed = FeedKey(need(r.integer()?, "feed_id")?);
    let partition = PartitionKey(need(r.integer()?, "partition_id")?);
    let place = Place { partition, position: need(r.position()?, "position")? };
    let vendor_account = names.symbols.intern(&need(r.text()?, "vendor_account")?);
    let mapping_version = narrow(need(r.integer()?, "mapping_version")?, "mapping_version")?;
    let waiting = r
        .text()?
        .map(|t| one_of(&WaitingReason::ALL, WaitingReason::as_str, &t, "waiting_reason"))
        .transpose()?;
    let body = Said::read(r)?.body(kind, dated)?;
    let fact = Fact {
        origin,
        as_of,
        reference,
        revision,
        arrival,
        place,
        feed,
        content,
        vendor_account,
        mapping_version,
        body,
    };
    Ok((account, StoredFact { fact, in_row: false, waiting }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_says_nothing_behind_its_currency() {
        assert_eq!(summary_columns().last().map(|c| c.name), Some("currency"));
        let meant_for = |c: &&Column| c.meaning.split(&[':', ',', ' ']).any(|word| word == "summary");
        assert!(SAID.iter().skip(SUMMARY_SAYS).all(|c| !meant_for(&c)), "a column of summaries is left out");
    }
}

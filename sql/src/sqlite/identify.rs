//! Whether facts are known already, wherever they live.
use super::SqliteStore;
use super::bulk::Bulk;
use super::errors::Failure;
use super::wire::{Columns, Values};
use crate::columns::{self, ColumnError, ColumnReader, ColumnWriter, NamesView, fact, need};
use crate::{Found, Probe};
use record::{PartitionKey, Position};
use returns::{Arrival, Key, Kind, Place};
use sqlx::sqlite::SqliteRow;
use std::sync::LazyLock;

impl SqliteStore {
    pub(super) async fn find_facts(&self, probes: &[Probe]) -> Result<Vec<Found>, Failure> {
        let mut found = vec![Found::No; probes.len()];
        let asked: Vec<(usize, &Probe)> = probes.iter().enumerate().collect();
        let carried: Vec<(usize, &Probe)> =
            asked.iter().copied().filter(|(_, p)| may_be_carried(&p.key)).collect();
        let mut tx = self.readers.begin().await?;
        for (question, probes) in [(&*IN_FACT, &asked), (&*IN_ROW, &carried)] {
            let encode = |chunk: &[(usize, &Probe)], values: &mut Values| {
                let vendors = self.names.vendors();
                let view = NamesView { vendors: &vendors, texts: &[] };
                chunk.iter().try_for_each(|(number, probe)| encode_probe(*number, probe, view, values))
            };
            for row in question.fetch(&mut tx, probes, encode).await? {
                let (number, same) = found_at(&row)?;
                if let Some(answer) = found.get_mut(number) {
                    *answer = same;
                }
            }
        }
        Ok(found)
    }
}

const PROBE: [&str; 8] = ["number", "account", "kind", "date", "origin", "ref", "feed", "content"];

/// On a stream, the same content is the same fact whatever the day it came on.
pub(super) static IN_FACT: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::asking(
        &PROBE,
        "SELECT asked.number, f.arrival, f.partition_id, f.position FROM asked CROSS JOIN fact f
         ON f.account_id = asked.account AND f.kind = asked.kind AND coalesce(f.key_as_of, '') = asked.date
         AND f.origin = asked.origin AND coalesce(f.ref, '') = asked.ref AND f.content = asked.content
         AND (f.feed_id = asked.feed OR (SELECT count(*) FROM feed WHERE id IN (f.feed_id, asked.feed) AND hash IS NULL) = 2)",
    )
});

pub(super) static IN_ROW: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::asking(
        &PROBE,
        "SELECT asked.number, d.arrived_at, d.partition_id, d.position FROM asked CROSS JOIN performance_daily d
         ON d.account_id = asked.account AND d.as_of = asked.date AND d.carries = 1
         AND d.value_vendor = asked.origin AND d.content = asked.content
         AND (d.feed_id = asked.feed OR (SELECT count(*) FROM feed WHERE id IN (d.feed_id, asked.feed) AND hash IS NULL) = 2)",
    )
});

fn may_be_carried(key: &Key) -> bool {
    key.kind == Kind::Summary && key.as_of.is_some() && key.reference.is_none()
}

fn encode_probe(
    number: usize,
    probe: &Probe,
    names: NamesView<'_>,
    values: &mut Values,
) -> Result<(), ColumnError> {
    values.integer(i64::try_from(number).ok());
    values.integer(Some(probe.account));
    values.text(Some(probe.key.kind.as_str()));
    match probe.key.as_of {
        Some(date) => values.date(Some(date)),
        None => values.text(Some("")),
    }
    values.text(Some(fact::origin_text(probe.key.origin, names)?));
    values.text(Some(probe.key.reference.as_deref().unwrap_or_default()));
    values.integer(Some(probe.feed.0));
    values.bytes(Some(&probe.content.0));
    Ok(())
}

fn found_at(row: &SqliteRow) -> Result<(usize, Found), Failure> {
    let mut c = Columns::new(row, 0);
    let number = columns::narrow(need(c.integer()?, "number")?, "number")?;
    let arrival = Arrival(c.time()?);
    let partition = PartitionKey(need(c.integer()?, "partition_id")?);
    let position: Position = need(c.position()?, "position")?;
    Ok((number, Found::Same { arrival, place: Place { partition, position } }))
}

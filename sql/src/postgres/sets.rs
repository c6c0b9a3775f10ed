//! Batches as arrays, one a column, for `unnest`.
use super::types::Day;
use crate::Probe;
use crate::columns::{ColumnError, NamesView, fact};
use returns::Key;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

/// Keys of facts of accounts, each with the number of the question it belongs to.
#[derive(Debug, Default)]
pub struct Keys {
    numbers: Vec<i64>,
    accounts: Vec<i64>,
    origins: Vec<String>,
    kinds: Vec<&'static str>,
    dates: Vec<Option<Day>>,
    references: Vec<Option<String>>,
}

impl Keys {
    pub fn push(
        &mut self,
        number: usize,
        account: i64,
        key: &Key,
        names: NamesView<'_>,
    ) -> Result<(), ColumnError> {
        self.numbers.push(i64::try_from(number).unwrap_or(i64::MAX));
        self.accounts.push(account);
        self.origins.push(fact::origin_text(key.origin, names)?.to_owned());
        self.kinds.push(key.kind.as_str());
        self.dates.push(key.as_of.map(Day));
        self.references.push(key.reference.as_deref().map(str::to_owned));
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Six parameters: number, account, origin, kind, date, reference.
    pub fn bind<'q>(self, query: Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments> {
        query
            .bind(self.numbers)
            .bind(self.accounts)
            .bind(self.origins)
            .bind(self.kinds)
            .bind(self.dates)
            .bind(self.references)
    }
}

/// [`Keys`] with feed and content: whole identities.
#[derive(Debug)]
pub struct Probes {
    keys: Keys,
    feeds: Vec<i64>,
    contents: Vec<Vec<u8>>,
}

impl Probes {
    pub fn of(probes: &[Probe], names: NamesView<'_>) -> Result<Probes, ColumnError> {
        let mut keys = Keys::default();
        for (number, probe) in probes.iter().enumerate() {
            keys.push(number, probe.account, &probe.key, names)?;
        }
        let feeds = probes.iter().map(|p| p.feed.0).collect();
        let contents = probes.iter().map(|p| p.content.0.to_vec()).collect();
        Ok(Probes { keys, feeds, contents })
    }

    /// Eight parameters: those of [`Keys::bind`], feed, content.
    pub fn bind<'q>(self, query: Query<'q, Postgres, PgArguments>) -> Query<'q, Postgres, PgArguments> {
        self.keys.bind(query).bind(self.feeds).bind(self.contents)
    }
}

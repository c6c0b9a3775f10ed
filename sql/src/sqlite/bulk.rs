//! Many rows in one statement.
use super::errors::Failure;
use super::wire::Values;
use crate::columns::ColumnError;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Parameters a statement takes at most; beyond, nothing is gained. SQLite's own bound is 32,766.
const PARAMETERS: usize = 2048;
/// Rows a statement takes at most, so that the statements of all sizes fit the connection's cache.
const ROWS: usize = 256;

/// A statement with a list of VALUES, prepared once for each power of two, so that the statement cache holds a few of them
/// however many rows come.
pub(super) struct Bulk {
    columns: usize,
    sizes: Vec<SqlStr>,
}

impl Bulk {
    /// `head VALUES (?, ?, ...), ... tail`, with so many columns a row.
    pub fn new(head: &str, columns: usize, tail: &str) -> Bulk {
        let row = format!("({})", vec!["?"; columns].join(","));
        let sized = |power: usize| {
            let rows = vec![row.as_str(); 1 << power].join(",");
            AssertSqlSafe(format!("{head} VALUES {rows} {tail}")).into_sql_str()
        };
        let largest = (PARAMETERS / columns).clamp(1, ROWS).ilog2() as usize;
        Bulk { columns, sizes: (0..=largest).map(sized).collect() }
    }

    /// A question about many things at once: `tail` reads from the table `asked`, which has these columns.
    pub fn asking(columns: &[&str], tail: &str) -> Bulk {
        Bulk::new(&format!("WITH asked ({}) AS (", columns.join(", ")), columns.len(), &format!(") {tail}"))
    }

    /// Runs the statement over all items; `encode` writes the values of a chunk, row by row, in the order of the columns.
    /// Returns how many rows the database changed.
    pub async fn run<T>(
        &self,
        connection: &mut SqliteConnection,
        items: &[T],
        mut encode: impl FnMut(&[T], &mut Values) -> Result<(), ColumnError>,
    ) -> Result<u64, Failure> {
        let mut changed = 0;
        let mut values = Values::new(self.columns);
        let mut chunks = self.chunks(items);
        let mut encode_next = || {
            let Some((sql, chunk)) = chunks.next() else { return Ok(None) };
            encode(chunk, &mut values)?;
            Ok::<_, ColumnError>(Some((sql, values.take(chunk.len()))))
        };
        let mut ready = encode_next()?;
        while let Some((sql, arguments)) = ready {
            // The database works on a thread of its own: meanwhile the next chunk is encoded here.
            let run = sqlx::query_with(sql, arguments).execute(&mut *connection);
            let (done, next) = tokio::join!(run, async { encode_next() });
            changed += done?.rows_affected();
            ready = next?;
        }
        Ok(changed)
    }

    /// Asks for all items; the rows come in no order.
    pub async fn fetch<T>(
        &self,
        connection: &mut SqliteConnection,
        items: &[T],
        mut encode: impl FnMut(&[T], &mut Values) -> Result<(), ColumnError>,
    ) -> Result<Vec<SqliteRow>, Failure> {
        let mut found = Vec::new();
        let mut values = Values::new(self.columns);
        for (sql, chunk) in self.chunks(items) {
            encode(chunk, &mut values)?;
            let arguments = values.take(chunk.len());
            found.extend(sqlx::query_with(sql, arguments).fetch_all(&mut *connection).await?);
        }
        Ok(found)
    }

    /// The statement for one item.
    #[cfg(test)]
    pub fn single(&self) -> &str {
        self.sizes[0].as_str()
    }

    fn chunks<'a, T>(&self, items: &'a [T]) -> impl Iterator<Item = (SqlStr, &'a [T])> {
        let mut rest = items;
        std::iter::from_fn(move || {
            let power = (rest.len().checked_ilog2()? as usize).min(self.sizes.len() - 1);
            let (chunk, tail) = rest.split_at(1 << power);
            rest = tail;
            Some((self.sizes[power].clone(), chunk))
        })
    }
}

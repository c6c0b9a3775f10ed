//! Many rows in one statement.
use super::errors::Failure;
use super::wire::Values;
use crate::columns::ColumnError;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// Rows a statement takes at most, as a power of two: 32. Beyond, nothing is gained; rows times columns must stay under
/// SQLite's bound of 32,766 parameters.
const LARGEST: usize = 5;

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
        Bulk { columns, sizes: (0..=LARGEST).map(sized).collect() }
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
        for (sql, chunk) in self.chunks(items) {
            encode(chunk, &mut values)?;
            let arguments = values.take(chunk.len());
            changed += sqlx::query_with(sql, arguments).execute(&mut *connection).await?.rows_affected();
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
            let power = (rest.len().checked_ilog2()? as usize).min(LARGEST);
            let (chunk, tail) = rest.split_at(1 << power);
            rest = tail;
            Some((self.sizes[power].clone(), chunk))
        })
    }
}

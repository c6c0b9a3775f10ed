//! A Postgres database of a bench's own.
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// Made for one measurement, and dropped after it.
#[derive(Debug)]
pub struct Database {
    pub url: String,
    name: String,
    /// The URL it was made through.
    base: String,
}

impl Database {
    pub async fn create(base: &str) -> Result<Database, sqlx::Error> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("dietz_bench_{}_{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        PgConnection::connect(base).await?.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        Ok(Database { url: in_database(base, &name), name, base: base.to_owned() })
    }

    pub async fn connect(&self) -> Result<PgConnection, sqlx::Error> {
        PgConnection::connect(&self.url).await
    }

    /// Connections that are still open are ended.
    pub async fn drop(self) -> Result<(), sqlx::Error> {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        PgConnection::connect(&self.base).await?.execute(AssertSqlSafe(sql)).await?;
        Ok(())
    }
}

/// The same URL, naming another database.
fn in_database(url: &str, name: &str) -> String {
    let (place, query) = url.split_once('?').map_or((url, String::new()), |(p, q)| (p, format!("?{q}")));
    let (scheme, rest) = place.split_once("://").unwrap_or(("postgres", place));
    let host = rest.split('/').next().unwrap_or(rest);
    format!("{scheme}://{host}/{name}{query}")
}

#[cfg(test)]
mod tests {
    use super::in_database;

    #[test]
    fn a_url_keeps_its_host_and_its_options() {
        for (url, expected) in [
            ("postgres://u@h:1/a", "postgres://u@h:1/b"),
            ("postgres://u@localhost/a?host=/tmp/s", "postgres://u@localhost/b?host=/tmp/s"),
            ("postgresql://h", "postgresql://h/b"),
        ] {
            assert_eq!(in_database(url, "b"), expected);
        }
    }
}

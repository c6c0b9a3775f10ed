//! The schema's versions.
use crate::StoreError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr};
use std::collections::BTreeSet;

/// All versions, in order: a number, a name, and the statements.
const VERSIONS: &[(i64, &str, &str)] =
    &[(1, "store", include_str!("../../migrations/postgres/0001_store.sql"))];

fn migrator() -> Migrator {
    let migration = |(number, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(*number, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    Migrator::with_migrations(VERSIONS.iter().map(migration).collect())
}

/// Applies what is missing, each version in a transaction, under a lock; says which.
pub async fn migrate(pool: &PgPool) -> Result<Vec<String>, StoreError> {
    let before = applied(pool).await?;
    migrator().run(pool).await.map_err(refused)?;
    let new = VERSIONS.iter().filter(|(number, ..)| !before.contains(number));
    Ok(new.map(|(number, name, _)| format!("{number:04}_{name}")).collect())
}

/// Fails unless exactly the versions of this program are applied.
pub async fn ready(pool: &PgPool) -> Result<(), StoreError> {
    let applied = applied(pool).await?;
    if let Some((number, name, _)) = VERSIONS.iter().find(|(number, ..)| !applied.contains(number)) {
        return Err(StoreError::Schema(format!(
            "the store lacks version {number} ({name}) of its schema: run `dietz migrate`"
        )));
    }
    match applied.iter().find(|number| !VERSIONS.iter().any(|(known, ..)| known == *number)) {
        Some(number) => Err(newer(*number)),
        None => Ok(()),
    }
}

async fn applied(pool: &PgPool) -> Result<BTreeSet<i64>, StoreError> {
    let exists: bool =
        sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    if !exists {
        return Ok(BTreeSet::new());
    }
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success").fetch_all(pool).await?;
    Ok(versions.into_iter().collect())
}

fn newer(number: i64) -> StoreError {
    StoreError::Schema(format!(
        "the store's schema has version {number}, which this program does not know: run a newer program"
    ))
}

fn refused(error: MigrateError) -> StoreError {
    match error {
        MigrateError::Execute(e) => e.into(),
        MigrateError::VersionMissing(number) => newer(number),
        other => StoreError::Schema(other.to_string()),
    }
}

//! Policies: kept by their hash, one of them in force, and the accounts a change of it touches.
use super::{PostgresStore, lease};
use crate::{Generation, PolicySpec, StoreError, Touched};
use sqlx::{AssertSqlSafe, PgConnection, PgPool};
use std::sync::Arc;

pub async fn keep(pool: &PgPool, spec: &PolicySpec) -> Result<i64, StoreError> {
    let sql = "INSERT INTO policy AS p (hash, text) VALUES ($1, $2)
               ON CONFLICT (hash) DO UPDATE SET hash = p.hash RETURNING id";
    Ok(sqlx::query_scalar(sql).bind(&spec.hash).bind(&spec.text).fetch_one(pool).await?)
}

/// The policy in force, and its id.
pub async fn in_force(conn: &mut PgConnection) -> Result<Option<(i64, PolicySpec)>, StoreError> {
    let sql = "SELECT id, hash, text FROM policy WHERE in_force_since IS NOT NULL
               ORDER BY in_force_since DESC, id DESC LIMIT 1";
    let found: Option<(i64, String, String)> = sqlx::query_as(sql).fetch_optional(conn).await?;
    Ok(found.map(|(id, hash, text)| (id, PolicySpec { hash, text })))
}

/// Whether an account `a` is touched: `$1` names the vendors, null all accounts.
const IS_TOUCHED: &str = "($1::text[] IS NULL OR EXISTS (
    SELECT FROM account_alias l WHERE l.account_id = a.id AND l.vendor = ANY ($1)))";

fn vendors(touched: &Touched) -> Option<Vec<String>> {
    match touched {
        Touched::All => None,
        Touched::OfVendors(vendors) => Some(vendors.iter().map(|v| v.to_string()).collect()),
    }
}

impl PostgresStore {
    pub(super) async fn put_in_force(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        lease::guard(&mut tx, Some(generation), &[0], &[]).await?;
        if in_force(&mut tx).await?.is_some_and(|(current, _)| current == id) {
            return Ok(0);
        }
        let enforce = "UPDATE policy SET in_force_since = clock_timestamp() WHERE id = $1";
        sqlx::query(enforce).bind(id).execute(&mut *tx).await?;
        let mark = format!(
            "INSERT INTO refold (account_id, cause) SELECT a.id, 'the policy changed' FROM account a WHERE {IS_TOUCHED}
             ON CONFLICT (account_id) DO NOTHING"
        );
        let mark = sqlx::query(AssertSqlSafe(mark)).bind(vendors(touched));
        let marked = mark.execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(marked)
    }

    pub(super) async fn touched_accounts(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, StoreError> {
        let page = format!(
            "SELECT a.account_no FROM account a WHERE {IS_TOUCHED} AND ($2::text IS NULL OR a.account_no > $2)
             ORDER BY a.account_no LIMIT $3"
        );
        let numbers: Vec<String> = sqlx::query_scalar(AssertSqlSafe(page))
            .bind(vendors(by))
            .bind(after)
            .bind(i64::from(limit))
            .fetch_all(&self.pool)
            .await?;
        Ok(numbers.into_iter().map(Arc::from).collect())
    }
}

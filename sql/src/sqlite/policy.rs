//! Policies: kept by their hash, one of them in force, and the accounts a change of it touches.
use super::errors::Failure;
use super::lease::check_tokens;
use super::{SqliteStore, clock};
use crate::{Generation, PolicySpec, Touched};
use sqlx::{AssertSqlSafe, SqliteConnection};
use std::sync::Arc;

impl SqliteStore {
    pub(super) async fn register_policy(&self, spec: &PolicySpec) -> Result<i64, Failure> {
        let insert = "INSERT INTO policy (hash, text, kept_at) VALUES (?, ?, ?)
            ON CONFLICT (hash) DO UPDATE SET hash = hash RETURNING id";
        let kept = sqlx::query_scalar(insert).bind(&spec.hash).bind(&spec.text).bind(clock());
        Ok(kept.fetch_one(&self.writer).await?)
    }

    pub(super) async fn put_in_force(
        &self,
        generation: &Generation,
        id: i64,
        touched: &Touched,
    ) -> Result<u64, Failure> {
        let mut tx = self.begin().await?;
        check_tokens(&mut tx, generation).await?;
        if in_force(&mut tx).await?.is_some_and(|(current, _)| current == id) {
            return Ok(0);
        }
        // Strictly later than the one before, whatever the clock does.
        let enforce = "UPDATE policy SET in_force_since = max(?, (SELECT coalesce(max(in_force_since), 0) + 1 FROM policy)) WHERE id = ?";
        sqlx::query(enforce).bind(clock()).bind(id).execute(&mut *tx).await?;
        let mark = format!(
            "INSERT INTO refold (account_id, cause, marked_at) SELECT a.id, 'the policy changed', ? FROM account a WHERE {}
            ON CONFLICT (account_id) DO NOTHING",
            is_touched(touched)
        );
        let mut mark = sqlx::query(AssertSqlSafe(mark)).bind(clock());
        for vendor in vendors(touched) {
            mark = mark.bind(&**vendor);
        }
        let marked = mark.execute(&mut *tx).await?.rows_affected();
        tx.commit().await?;
        Ok(marked)
    }

    pub(super) async fn touched_accounts(
        &self,
        by: &Touched,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Arc<str>>, Failure> {
        let page = format!(
            "SELECT a.account_no FROM account a WHERE (? IS NULL OR a.account_no > ?) AND {} ORDER BY a.account_no LIMIT ?",
            is_touched(by)
        );
        let mut page = sqlx::query_scalar(AssertSqlSafe(page)).bind(after).bind(after);
        for vendor in vendors(by) {
            page = page.bind(&**vendor);
        }
        let numbers: Vec<String> = page.bind(limit).fetch_all(&self.readers).await?;
        Ok(numbers.into_iter().map(Arc::from).collect())
    }
}

/// The policy in force, and its id.
pub(super) async fn in_force(
    connection: &mut SqliteConnection,
) -> Result<Option<(i64, PolicySpec)>, Failure> {
    let latest = "SELECT id, hash, text FROM policy WHERE in_force_since IS NOT NULL ORDER BY in_force_since DESC LIMIT 1";
    let found: Option<(i64, String, String)> = sqlx::query_as(latest).fetch_optional(connection).await?;
    Ok(found.map(|(id, hash, text)| (id, PolicySpec { hash, text })))
}

/// Whether an account `a` is touched; a parameter each for the vendors.
fn is_touched(touched: &Touched) -> String {
    let Touched::OfVendors(vendors) = touched else { return "true".into() };
    let list = vec!["?"; vendors.len()].join(", ");
    format!("EXISTS (SELECT 1 FROM account_alias l WHERE l.account_id = a.id AND l.vendor IN ({list}))")
}

fn vendors(touched: &Touched) -> &[Arc<str>] {
    match touched {
        Touched::All => &[],
        Touched::OfVendors(vendors) => vendors,
    }
}

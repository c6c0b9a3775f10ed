//! What a failure of sqlx means to the caller.
use crate::columns::ColumnError;
use crate::{CommitError, StoreError};
use sqlx::error::DatabaseError;

/// Unique violation: the key is there already.
const UNIQUE: &str = "23505";
/// No such table, column or function: the schema is older or newer than the program.
const UNDEFINED: [&str; 3] = ["42P01", "42703", "42883"];
/// Classes of SQLSTATE after which the same may work again: connection, resources, operator, lock not available, deadlock.
const PASSING: [&str; 6] = ["08", "53", "57", "55P03", "40", "25P03"];

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        match &error {
            sqlx::Error::Database(e) => of_database(&**e),
            sqlx::Error::PoolTimedOut => StoreError::Unreachable(
                "no connection to the database was free or could be made in time; see that it is up".into(),
            ),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolClosed
            // The connection is out of step, not the database: another may do.
            | sqlx::Error::BeginFailed
            | sqlx::Error::WorkerCrashed => StoreError::Unreachable(error.to_string()),
            _ => StoreError::Refused(error.to_string()),
        }
    }
}

fn of_database(error: &dyn DatabaseError) -> StoreError {
    let code = error.code().unwrap_or_default();
    let text = format!("{} ({code})", error.message());
    if UNDEFINED.contains(&&*code) {
        return StoreError::Schema(format!(
            "the schema does not fit this program: {text}; run `dietz migrate`"
        ));
    }
    match PASSING.iter().any(|class| code.starts_with(class)) {
        true => StoreError::Unreachable(text),
        false => StoreError::Refused(text),
    }
}

impl From<ColumnError> for StoreError {
    fn from(error: ColumnError) -> StoreError {
        StoreError::Refused(error.to_string())
    }
}

impl From<sqlx::Error> for CommitError {
    fn from(error: sqlx::Error) -> CommitError {
        match data_error(&error) {
            Some(text) => CommitError::Data(text),
            None => CommitError::Store(error.into()),
        }
    }
}

impl From<ColumnError> for CommitError {
    fn from(error: ColumnError) -> CommitError {
        CommitError::Data(error.to_string())
    }
}

/// The data itself is refused: by our encoder, or by the database for a range or a constraint.
fn data_error(error: &sqlx::Error) -> Option<String> {
    if let sqlx::Error::Encode(e) = error {
        return Some(e.to_string());
    }
    let e = error.as_database_error()?;
    let code = e.code()?;
    let constraint = e.constraint().map(|c| format!(", constraint {c}")).unwrap_or_default();
    (code.starts_with("22") || code.starts_with("23"))
        .then(|| format!("{} ({code}{constraint})", e.message()))
}

/// Whether a key was there already.
pub fn is_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(|e| e.code()).is_some_and(|code| code == UNIQUE)
}

/// The outcome of a COMMIT that failed: refused for sure, or unknown because the connection went before the answer came.
pub fn of_commit(error: sqlx::Error) -> CommitError {
    match CommitError::from(error) {
        CommitError::Store(StoreError::Unreachable(text)) => CommitError::Unknown(text),
        known => known,
    }
}

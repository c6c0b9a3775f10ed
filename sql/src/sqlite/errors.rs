//! SQLite's errors by what the caller must do.
use crate::columns::ColumnError;
use crate::{CommitError, StoreError};

const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const IO: i32 = 10;
const FULL: i32 = 13;
const CANNOT_OPEN: i32 = 14;
const TOO_BIG: i32 = 18;
const CONSTRAINT: i32 = 19;
const MISMATCH: i32 = 20;

/// What stops work inside this module, before it is known whether a read, a grant or a commit asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The primary code of SQLite; an extended one holds more in its upper bytes.
fn code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn store_error(error: sqlx::Error) -> StoreError {
    match code(&error) {
        Some(BUSY | LOCKED) => StoreError::Unreachable(format!(
            "another process has been writing to the database file for too long ({error})"
        )),
        None | Some(IO | FULL | CANNOT_OPEN) => StoreError::Unreachable(error.to_string()),
        Some(_) => StoreError::Refused(error.to_string()),
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Database(error) => store_error(error),
            Failure::Column(error) => {
                StoreError::Refused(format!("the database holds what this program did not write: {error}"))
            }
            Failure::Store(error) => error,
        }
    }
}

/// Of a statement before COMMIT: nothing of the transaction stays.
impl From<Failure> for CommitError {
    fn from(failure: Failure) -> CommitError {
        match failure {
            Failure::Database(error) => match code(&error) {
                Some(TOO_BIG | CONSTRAINT | MISMATCH) => CommitError::Data(error.to_string()),
                _ => CommitError::Store(store_error(error)),
            },
            Failure::Column(error) => CommitError::Data(error.to_string()),
            Failure::Store(error) => CommitError::Store(error),
        }
    }
}

/// Of COMMIT itself: a refusal leaves nothing, anything else may have happened.
pub(super) fn outcome(error: sqlx::Error) -> CommitError {
    match code(&error) {
        Some(BUSY | LOCKED | FULL) => CommitError::Store(store_error(error)),
        _ => CommitError::Unknown(error.to_string()),
    }
}

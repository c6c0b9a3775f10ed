//! What can go wrong, by what the caller must do.
use record::{PartitionId, Progress};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Nobody answers, or the connection broke: try again.
    #[error("the store does not answer: {0}")]
    Unreachable(String),
    /// Another pipeline is active.
    #[error("the store is in use by `{owner}`; its lease ends in {seconds} s unless it renews it")]
    Busy { owner: String, seconds: u64 },
    /// The lease went to another: the generation must end.
    #[error("the lease was lost to another process")]
    LeaseLost,
    /// The schema must be migrated, or is newer than this program.
    #[error("{0}")]
    Schema(String),
    /// The database refuses this; trying again will not help.
    #[error("the store refused: {0}")]
    Refused(String),
}

impl StoreError {
    /// A mapping was changed without a new version.
    /// Whether a mapping may be used beside the latest version of it that was: `Refused` where it may not.
    pub(crate) fn judge_mapping(
        name: &str,
        version: u32,
        hash: [u8; 32],
        latest: Option<(u32, Vec<u8>)>,
    ) -> Result<(), StoreError> {
        let refused = match latest {
            Some((latest, _)) if latest > version => format!(
                "the mapping `{name}` has version {version}, and the store was read with version {latest}: a version only grows, so that \
                 the later reading counts; give it version {} or more",
                u64::from(latest) + 1
            ),
            Some((latest, kept)) if latest == version && kept != hash => {
                format!(
                    "version {version} of the mapping `{name}` was used with other bytes before: raise its `version`"
                )
            }
            _ => return Ok(()),
        };
        Err(StoreError::Refused(refused))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A delta does not go on where the checkpoint stands; nothing was written.
    #[error("{partition}: the checkpoint is at {at}, the step begins at {from}")]
    Delta { partition: PartitionId, at: Progress, from: Progress },
    /// COMMIT was sent and no answer came: the checkpoint tells whether it happened.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(String),
    /// The database refuses the data itself (a constraint, a range): the unit must be made smaller to find the record.
    #[error("the store refuses the data: {0}")]
    Data(String),
}

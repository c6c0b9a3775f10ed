//! How far each partition is committed, and the steps that move it.
use crate::{PartitionId, Progress};
use std::collections::BTreeMap;

/// One step of one partition: everything after `from`, up to and including `to`. A half-open interval, so that
/// a step that was applied already, or one before which something is missing, is noticed when it is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointDelta {
    pub partition: PartitionId,
    pub from: Progress,
    pub to: Progress,
}

/// The position committed per partition.
///
/// # The algebra
/// With the checkpoint of a partition at `c`, a delta `(from, to]` is
///
/// ```text
///   ----------- committed -----------c
///                                    (from ------- to]    from = c, to > c   applied: c := to
///                    (from --- to]                        to <= c            Replayed: everything in it is committed
///                         (from ------- to]               from < c < to      Overlaps: part of it is committed
///                                         (from --- to]   from > c           Gap: something between is missing
///                                    (to ------- from]    to < from          Backwards: no step at all
/// ```
///
/// Only the first changes anything. Deltas compose: `(a, b]` then `(b, c]` is `(a, c]`, and applying the parts
/// is applying the whole. An empty step, `(a, a]`, is applied and changes nothing. A checkpoint never moves back, and nothing
/// follows [`Progress::End`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint(BTreeMap<PartitionId, Progress>);

/// Why a delta was not applied; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    #[error("{partition}: the step ({from}, {to}] is committed already (checkpoint {at})")]
    Replayed { partition: PartitionId, at: Progress, from: Progress, to: Progress },
    #[error("{partition}: part of the step ({from}, {to}] is committed already (checkpoint {at})")]
    Overlaps { partition: PartitionId, at: Progress, from: Progress, to: Progress },
    #[error("{partition}: between the checkpoint {at} and the step ({from}, {to}] something is missing")]
    Gap { partition: PartitionId, at: Progress, from: Progress, to: Progress },
    #[error("{partition}: the step ({from}, {to}] runs backwards (checkpoint {at})")]
    Backwards { partition: PartitionId, at: Progress, from: Progress, to: Progress },
}

impl CheckpointDelta {
    /// `(a, b]` and then `(b, c]` as `(a, c]`; `None` if the second does not go on where this one ends.
    pub fn then(&self, next: &CheckpointDelta) -> Option<CheckpointDelta> {
        (self.partition == next.partition && self.to == next.from).then(|| CheckpointDelta {
            partition: self.partition.clone(),
            from: self.from,
            to: next.to,
        })
    }
}

impl Checkpoint {
    /// How far a partition is; one never seen is at its start.
    pub fn get(&self, partition: &PartitionId) -> Progress {
        self.0.get(partition).copied().unwrap_or_default()
    }

    /// Moves a partition on, if and only if the delta goes on exactly where the checkpoint stands.
    pub fn try_apply(&mut self, delta: &CheckpointDelta) -> Result<(), Box<DeltaError>> {
        let CheckpointDelta { partition, from, to } = delta.clone();
        let at = self.get(&partition);
        if to < from {
            return Err(Box::new(DeltaError::Backwards { partition, at, from, to }));
        }
        if from == at {
            if to > at {
                self.0.insert(partition, to);
            }
            return Ok(());
        }
        Err(Box::new(if from > at {
            DeltaError::Gap { partition, at, from, to }
        } else if to <= at {
            DeltaError::Replayed { partition, at, from, to }
        } else {
            DeltaError::Overlaps { partition, at, from, to }
        }))
    }

    /// A partition read again from its start: the one lawful way back, used by `--from-start` alone.
    pub fn rewind(&mut self, partition: &PartitionId) {
        self.0.remove(partition);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PartitionId, Progress)> {
        self.0.iter().map(|(id, at)| (id, *at))
    }
}

impl FromIterator<(PartitionId, Progress)> for Checkpoint {
    fn from_iter<I: IntoIterator<Item = (PartitionId, Progress)>>(items: I) -> Self {
        Checkpoint(items.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Position;
    use proptest::prelude::*;

    fn at(n: u64) -> Progress {
        match n {
            0 => Progress::Start,
            9 => Progress::End,
            n => Progress::At(Position::in_file(n * 10, n, 0)),
        }
    }

    fn delta(from: u64, to: u64) -> CheckpointDelta {
        CheckpointDelta { partition: PartitionId::new("s/p"), from: at(from), to: at(to) }
    }

    fn standing(n: u64) -> Checkpoint {
        [(PartitionId::new("s/p"), at(n))].into_iter().collect()
    }

    proptest! {
        #[test]
        fn only_the_step_that_goes_on_exactly_changes_anything(c in 0u64..=9, from in 0u64..=9, to in 0u64..=9) {
            let mut checkpoint = standing(c);
            let before = checkpoint.get(&PartitionId::new("s/p"));
            let result = checkpoint.try_apply(&delta(from, to));
            let after = checkpoint.get(&PartitionId::new("s/p"));
            prop_assert!(after >= before, "a checkpoint never moves back");
            prop_assert_eq!(result.is_ok(), from == c && to >= from);
            if result.is_err() { prop_assert_eq!(after, before); } else { prop_assert_eq!(after, at(to)); }
        }

        #[test]
        fn applying_the_parts_is_applying_the_whole(a in 0u64..=9, b in 0u64..=9, c in 0u64..=9) {
            let (first, second) = (delta(a, b), delta(b, c));
            let whole = first.then(&second);
            prop_assert!(whole.is_some());
            let mut parts = standing(a);
            let both = parts.try_apply(&first).and_then(|()| parts.try_apply(&second));
            if both.is_ok() {
                let mut once = standing(a);
                prop_assert_eq!(once.try_apply(&whole.unwrap()), Ok(()));
                prop_assert_eq!(once, parts);
            }
        }

        #[test]
        fn a_step_twice_is_told_from_a_gap(a in 0u64..8, b in 1u64..9) {
            prop_assume!(a < b);
            let mut c = standing(a);
            prop_assert_eq!(c.try_apply(&delta(a, b)), Ok(()));
            let twice = matches!(c.try_apply(&delta(a, b)).map_err(|e| *e), Err(DeltaError::Replayed { .. }));
            prop_assert!(twice);
            let gap = b < 8 && !matches!(c.try_apply(&delta(b + 1, 9)).map_err(|e| *e), Err(DeltaError::Gap { .. }));
            prop_assert!(!gap);
        }
    }
}

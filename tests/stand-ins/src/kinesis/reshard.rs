//! Splitting and merging shards.
use super::clock::millis;
use super::error::{ApiError, ErrorKind};
use super::hash_key::HashRange;
use super::sequence::Numbers;
use super::settings::Settings;
use super::shard::{Closed, shard_id};
use super::stream::{Status, Stream};

/// What a change of shards needs besides the stream.
pub(super) struct Change<'a> {
    pub numbers: &'a mut Numbers,
    pub settings: &'a Settings,
    pub now: i64,
}

impl Stream {
    /// Splits the open shard `id` where `at` begins its upper half. The names of the halves.
    pub(super) fn split(
        &mut self,
        id: &str,
        at: u128,
        change: &mut Change<'_>,
    ) -> Result<[usize; 2], ApiError> {
        let (index, range) = self.open_shard(id, &change.settings.account)?;
        if at <= range.start.saturating_add(1) || at >= range.end {
            return Err(ApiError::invalid(format!(
                "NewStartingHashKey {at} used in SplitShard() on shard {id} in stream {} under account {} is not both greater than one plus the shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
                self.name, change.settings.account, range.start, range.end
            )));
        }
        self.close(index, change);
        let lower = HashRange { start: range.start, end: at - 1 };
        let upper = HashRange { start: at, end: range.end };
        let halves = [lower, upper].map(|range| self.add_shard(vec![index], range, change));
        self.is_updating(change);
        Ok(halves)
    }

    /// Merges two open shards whose ranges touch, in either order. The place of the child.
    pub(super) fn merge(
        &mut self,
        id: &str,
        adjacent: &str,
        change: &mut Change<'_>,
    ) -> Result<usize, ApiError> {
        let account = &change.settings.account;
        let (one, a) = self.open_shard(id, account)?;
        let (other, b) = self.open_shard(adjacent, account)?;
        let touch = a.end.checked_add(1) == Some(b.start) || b.end.checked_add(1) == Some(a.start);
        if !touch {
            return Err(ApiError::invalid(format!(
                "Shards {id} and {adjacent} in stream {} under account {account} are not an adjacent pair of shards eligible for merging",
                self.name
            )));
        }
        self.close(one, change);
        self.close(other, change);
        let range = HashRange { start: a.start.min(b.start), end: a.end.max(b.end) };
        let child = self.add_shard(vec![one, other], range, change);
        self.is_updating(change);
        Ok(child)
    }

    /// Splits and merges until `count` shards share all keys evenly. Shards that are only steps on the way close empty, as with AWS.
    pub(super) fn scale(&mut self, count: u32, change: &mut Change<'_>) -> Result<(), ApiError> {
        let targets = self.targets(count);
        for target in &targets {
            let crossing =
                self.open_shards().find(|s| s.range.start < target.start && s.range.holds(target.start));
            if let Some(id) = crossing.map(|s| s.id()) {
                self.split(&id, target.start, change)?;
            }
        }
        for target in &targets {
            while let [one, other, ..] = self.open_within(target)[..] {
                self.merge(&shard_id(one), &shard_id(other), change)?;
            }
        }
        Ok(())
    }

    /// Even shares of all keys, but where a shard begins a few keys beside one, as division leaves it, there.
    fn targets(&self, count: u32) -> Vec<HashRange> {
        let near = |start: u128| {
            let beside = |open: &&(u128, usize)| open.0.abs_diff(start) <= 2 * u128::from(count);
            self.open.iter().find(beside).map_or(start, |(open, _)| *open)
        };
        let mut starts: Vec<u128> = (0..count).map(|i| near(HashRange::share(i, count).start)).collect();
        starts.dedup();
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
        starts.iter().zip(ends).map(|(start, end)| HashRange { start: *start, end }).collect()
    }

    /// The open shards of a range, by their first key.
    fn open_within(&self, range: &HashRange) -> Vec<usize> {
        self.open.iter().filter(|(start, _)| range.holds(*start)).map(|(_, index)| *index).collect()
    }

    fn open_shard(&mut self, id: &str, account: &str) -> Result<(usize, HashRange), ApiError> {
        let name = self.name.clone();
        let shard = self.shard(id, account).map_err(|_| {
            let message = format!("Could not find shard {id} in stream {name} under account {account}.");
            ApiError::new(ErrorKind::ResourceNotFound, message)
        })?;
        if shard.closed.is_some() {
            return Err(ApiError::invalid(format!(
                "Shard {id} in stream {name} under account {account} has already been merged or split, and thus is not eligible for merging or splitting."
            )));
        }
        Ok((shard.index, shard.range))
    }

    fn close(&mut self, index: usize, change: &mut Change<'_>) {
        let ending = change.numbers.next(index);
        self.open.retain(|(_, open)| *open != index);
        if let Some(shard) = self.shards.get_mut(index) {
            shard.closed = Some(Closed { ending, at: change.now });
        }
    }

    fn is_updating(&mut self, change: &Change<'_>) {
        self.until = change.now.saturating_add(millis(change.settings.change_time));
        self.status = if self.until > change.now { Status::Updating } else { Status::Active };
    }
}

#[cfg(test)]
mod tests {
    use crate::kinesis::{FakeKinesis, Settings};

    #[test]
    fn any_count_of_shards_becomes_any_other_and_all_keys_have_one_open_shard() {
        let kinesis = FakeKinesis::start(Settings::default()).unwrap();
        kinesis.create_stream("s", 1).unwrap();
        for count in [2, 4, 3, 6, 7, 1, 5] {
            kinesis.scale("s", count).unwrap();
            let mut open: Vec<_> = kinesis.shards("s").unwrap().into_iter().filter(|s| s.open).collect();
            open.sort_by_key(|s| s.range.start);
            assert_eq!(open.len(), usize::try_from(count).unwrap());
            assert_eq!((open[0].range.start, open[open.len() - 1].range.end), (0, u128::MAX));
            assert!(open.windows(2).all(|w| w[0].range.end + 1 == w[1].range.start), "{count}");
        }
    }
}

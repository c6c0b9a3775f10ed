//! What newer full feeds withdraw: of an older one, all that they lack (F5).
use super::undated::{Seen, reference};
use super::withdrawn::Withdrawn;
use super::{Ground, StoredFact, WaitingReason};
use crate::date::Date;
use crate::fact::{Body, Fact, Key, Kind, Origin};
use record::FeedKey;
use std::collections::HashSet;

/// What the newer full feeds of a part of the history say, to tell what they lack.
#[derive(Default)]
pub(super) struct Lacking {
    said: HashSet<(FeedKey, Key)>,
    /// Account-days of which a feed has a record in quarantine: it says something there, though not what.
    unread: HashSet<(FeedKey, Date)>,
}

impl Lacking {
    pub(super) fn of(facts: &[StoredFact], withdrawn: &Withdrawn, ground: Ground) -> Lacking {
        let mut all = Lacking::default();
        if !ground.feeds.any_newer() {
            return all;
        }
        let released = released(facts, withdrawn);
        let counts = |fact: &&Fact| !ground.feeds.is_aside(fact.feed);
        for fact in facts.iter().map(|s| &s.fact).filter(counts) {
            match fact.kind() {
                Kind::Quarantined if withdrawn.covers(fact) || released.contains(&fact.key()) => {}
                Kind::Quarantined => drop(all.unread.insert((fact.feed, fact.as_of))),
                _ => drop(all.said.insert((fact.feed, fact.key()))),
            }
        }
        all
    }

    /// Whether a newer feed lacks a fact's key. Of an undated key that is only known in part its mark tells (see [`super::undated`]).
    pub(super) fn covers(
        &self,
        stored: &StoredFact,
        seen: &Seen,
        withdrawn: &Withdrawn,
        ground: Ground,
    ) -> bool {
        let fact = &stored.fact;
        if !seen.decides(stored) {
            return stored.waiting == Some(WaitingReason::Lacked);
        }
        let newer = ground.feeds.newer(fact.feed);
        let may_go = matches!(fact.origin, Origin::Vendor(_)) && fact.kind() != Kind::Quarantined;
        if newer.is_empty() || !may_go {
            return false;
        }
        let unread = |feed: FeedKey| match fact.is_dated() {
            true => self.unread.contains(&(feed, fact.as_of)),
            false => self.unread.iter().any(|(f, _)| *f == feed),
        };
        let key = fact.key();
        newer.iter().any(|feed| {
            !withdrawn.covers_feed(*feed) && !unread(*feed) && !self.said.contains(&(*feed, key.clone()))
        })
    }
}

/// Records of quarantine that hold nothing any more.
fn released(facts: &[StoredFact], withdrawn: &Withdrawn) -> HashSet<Key> {
    let is_release = |fact: &&Fact| matches!(&fact.body, Body::Quarantined(q) if q.released);
    let releases = facts.iter().map(|s| &s.fact).filter(is_release).filter(|fact| !withdrawn.covers(fact));
    releases.map(Fact::key).collect()
}

/// Whether what stands may change with a fact anywhere in the account: whether an undated key is lacked rests on what of the newer feed
/// sits in quarantine, on whatever date.
pub(super) fn reaches_all(fact: &Fact, facts: &[StoredFact], ground: Ground) -> bool {
    if !ground.feeds.any_newer() {
        return false;
    }
    let same = |s: &&StoredFact| !s.fact.is_dated() && reference(&s.fact) == reference(fact);
    let is_overtaken = |s: &StoredFact| !ground.feeds.newer(s.fact.feed).is_empty();
    match fact.kind() {
        Kind::Quarantined => true,
        _ => !fact.is_dated() && facts.iter().filter(same).any(is_overtaken),
    }
}

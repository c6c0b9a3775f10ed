use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NAMES: [&str; 5] = ["a/1", "a/2", "b/1", "c/9", "d/4"];

fn members(count: usize) -> Vec<Arc<str>> {
    NAMES[..count].iter().map(|n| Arc::from(*n)).collect()
}

/// Partitions held by members of these numbers, or by nobody.
fn held(owners: &[Option<usize>]) -> Vec<(PartitionId, Option<Arc<str>>)> {
    let id = |i: usize| PartitionId::new(format!("s/shard-{i}"));
    owners.iter().enumerate().map(|(i, o)| (id(i), o.map(|o| Arc::from(NAMES[o])))).collect()
}

fn counts(shares: &BTreeMap<Arc<str>, Share>) -> Vec<usize> {
    shares.values().map(|s| s.keep.len() + s.take.len()).collect()
}

/// The fewest partitions that can be given up: over all ways to say who has one more than the least.
fn fewest_moves(counts: &[usize], free: usize) -> usize {
    let all = free + counts.iter().sum::<usize>();
    let (least, more) = (all / counts.len(), all % counts.len());
    let choices = (0u32..1 << counts.len()).filter(|c| c.count_ones() as usize == more);
    let given = |choice: u32| -> usize {
        let quota = |i: usize| least + usize::from(choice >> i & 1 == 1);
        counts.iter().enumerate().map(|(i, c)| c.saturating_sub(quota(i))).sum()
    };
    choices.map(given).min().unwrap()
}

fn some_owners(members: usize) -> impl Strategy<Value = Vec<Option<usize>>> {
    prop::collection::vec(prop::option::of(0..members), 0..40)
}

fn a_case() -> impl Strategy<Value = (usize, Vec<Option<usize>>)> {
    (1..=NAMES.len()).prop_flat_map(|m| (Just(m), some_owners(m)))
}

proptest! {
    #[test]
    fn every_partition_has_one_owner_at_most_and_what_is_held_is_no_others_to_take((m, owners) in a_case()) {
        let (members, held) = (members(m), held(&owners));
        let shares = balance("s", &members, &held);
        let mut seen = BTreeSet::new();
        for (name, share) in &shares {
            for id in share.keep.iter().chain(&share.give).chain(&share.take) {
                prop_assert!(seen.insert(id.clone()), "{} is in two shares", id);
            }
            let owner = |id: &PartitionId| held.iter().find(|(h, _)| h == id).unwrap().1.clone();
            prop_assert!(share.keep.iter().chain(&share.give).all(|id| owner(id).as_ref() == Some(name)));
            prop_assert!(share.take.iter().all(|id| owner(id).is_none()));
            prop_assert!(share.give.is_empty() || share.take.is_empty());
        }
        prop_assert_eq!(seen.len(), held.len(), "none is forgotten");
    }

    #[test]
    fn as_few_are_given_up_as_can_be_and_an_even_share_stays_as_it_is((m, owners) in a_case()) {
        let shares = balance("s", &members(m), &held(&owners));
        let count = |m: usize| owners.iter().filter(|o| **o == Some(m)).count();
        let before: Vec<usize> = (0..m).map(count).collect();
        let free = owners.iter().filter(|o| o.is_none()).count();
        let given: usize = shares.values().map(|s| s.give.len()).sum();
        prop_assert_eq!(given, fewest_moves(&before, free));
        if free == 0 && before.iter().max().unwrap() - before.iter().min().unwrap() <= 1 {
            prop_assert!(shares.values().all(|s| s.give.is_empty() && s.take.is_empty()));
        }
    }

    #[test]
    fn the_order_in_which_things_are_told_makes_no_difference((m, owners) in a_case()) {
        let (mut names, mut held) = (members(m), held(&owners));
        let shares = balance("s", &names, &held);
        names.reverse();
        held.reverse();
        prop_assert_eq!(balance("s", &names, &held), shares);
    }

    /// Members act one at a time, in any order, and let go of what they give up when it suits them.
    #[test]
    fn whoever_acts_first_the_shares_become_even_and_stay(
        (m, owners) in a_case(),
        turns in prop::collection::vec((0..NAMES.len(), any::<u64>()), 0..60),
    ) {
        let (names, mut state) = (members(m), held(&owners));
        let turns = turns.into_iter().map(|(who, which)| (who % m, which));
        // In the end each gets its turns, and lets go of all.
        let rest = (0..3 * m).map(|i| (i % m, u64::MAX));
        for (who, which) in turns.chain(rest) {
            let mine = balance("s", &names, &state).remove(&names[who]).unwrap();
            let let_go = mine.give.iter().enumerate().filter(|(i, _)| which >> (i % 64) & 1 == 1);
            let let_go: Vec<&PartitionId> = let_go.map(|(_, id)| id).collect();
            for (id, owner) in &mut state {
                if let_go.contains(&&*id) {
                    *owner = None;
                } else if mine.take.contains(id) {
                    prop_assert!(owner.is_none());
                    *owner = Some(names[who].clone());
                }
            }
        }
        let shares = balance("s", &names, &state);
        prop_assert!(shares.values().all(|s| s.give.is_empty() && s.take.is_empty()));
        let counts = counts(&shares);
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{counts:?}");
    }
}

#[test]
fn what_a_process_holds_that_is_no_member_stays_where_it_is() {
    let shares = balance("s", &members(2), &held(&[Some(4), None, None, Some(4)]));
    assert_eq!(counts(&shares), [1, 1]);
}

#[test]
fn without_members_nobody_takes_anything() {
    assert!(balance("s", &[], &held(&[None, None])).is_empty());
}

#[test]
fn of_many_sources_with_one_partition_each_no_process_gets_all() {
    let names = members(2);
    let first = |n: usize| balance(&format!("s{n}"), &names, &held(&[None]))[&names[0]].take.len();
    let of_first: usize = (0..40).map(first).sum();
    assert!((10..=30).contains(&of_first), "{of_first} of 40");
}

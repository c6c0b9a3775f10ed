use super::*;
use crate::fixture::decoding::{Bench, PATIENCE, Size, Stage, batch, draw, until};
use crate::fixture::partition;
use crate::guard::{Class, End, Ended};
use crate::messages::AccountBatch;
use proptest::test_runner::{Config, TestRunner};
use record::Partition;
use returns::tolerance::Rules;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn tally(bad: u64) -> Tally {
    Tally { bad, unread: false }
}

fn turns<const N: usize>(rows: &mut Rows, of: [i64; N]) -> [Turn; N] {
    of.map(|key| rows.turn(PartitionKey(key), false))
}

#[test]
fn a_batch_waits_for_the_one_before_of_its_partition_alone() {
    let mut rows = Rows::default();
    let [mut first, mut second, mut other] = turns(&mut rows, [1, 1, 2]);
    assert!(first.has_come() && other.has_come() && !second.has_come());
    first.pass(None);
    assert!(second.has_come());
}

#[tokio::test]
async fn what_was_met_of_a_feed_goes_from_turn_to_turn() {
    let mut rows = Rows::default();
    let [mut first, mut second, mut third] = turns(&mut rows, [1, 1, 1]);
    assert_eq!(first.come().await, Ok(None), "nothing was before it");
    first.pass(Some(tally(3)));
    assert_eq!(second.come().await, Ok(Some(tally(3))));
    second.pass(Some(tally(4)));
    assert!(third.has_come(), "a look does not take it away");
    assert_eq!(third.come().await, Ok(Some(tally(4))));
}

#[tokio::test]
async fn who_waits_for_a_turn_that_was_dropped_is_told() {
    let mut rows = Rows::default();
    let [first, mut second, mut third] = turns(&mut rows, [1, 1, 1]);
    let waiting = tokio::spawn(async move { (second.come().await, second) });
    drop(first);
    let (told, second) = waiting.await.unwrap();
    assert_eq!(told, Err(OutOfTurn));
    drop(second);
    assert!(!third.has_come(), "it never will");
    assert_eq!(third.come().await, Err(OutOfTurn), "whether it was looked at before or not");
}

#[tokio::test]
async fn a_partition_that_is_through_is_forgotten_at_once() {
    let mut rows = Rows::default();
    let last = rows.turn(PartitionKey(1), true);
    assert!(rows.last.is_empty());
    drop(last);
    let mut anew = rows.turn(PartitionKey(1), false);
    assert_eq!(anew.come().await, Ok(None));
}

#[test]
fn partitions_without_an_end_are_forgotten_when_nothing_of_them_is_under_way() {
    let mut rows = Rows::default();
    let mut under_way = rows.turn(PartitionKey(-1), false);
    rows.turn(PartitionKey(-2), false).pass(Some(tally(1)));
    for key in 0..10 * ROWS as i64 {
        rows.turn(PartitionKey(key), false).pass(None);
    }
    assert!(rows.last.len() <= ROWS, "{} are kept", rows.last.len());
    assert!(!rows.turn(PartitionKey(-1), false).has_come(), "one that is under way is waited for");
    assert!(under_way.has_come());
    let mut half_read = rows.turn(PartitionKey(-2), false);
    assert!(half_read.has_come() && matches!(half_read.before, Before::HandedOn(Some(Tally { bad: 1, .. }))));
}

/// Deals batches of its partitions, which of them next by chance; says when there are no more.
async fn deal(to: Vec<Mailbox<Raw>>, partitions: Vec<Arc<Partition>>, batches: u64, mut chance: u64) {
    let mut dealer = Dealer::new(to);
    let mut left: Vec<(Arc<Partition>, u64)> = partitions.into_iter().map(|p| (p, 0)).collect();
    while !left.is_empty() {
        let i = draw(&mut chance, left.len() as u64) as usize;
        let (partition, step) = &mut left[i];
        *step += 1;
        // Few accounts, so that decoders meet the same ones; now and then a batch takes a hundred times as long.
        let records = [0, 1, 3, 7, 300][draw(&mut chance, 5) as usize];
        let accounts: Vec<String> = (0..records).map(|_| draw(&mut chance, 30).to_string()).collect();
        dealer.deal(batch(partition, (*step, batches), &accounts)).await.expect("decoders that run");
        if *step == batches {
            left.swap_remove(i);
        }
    }
    dealer.drain().await.expect("decoders that run");
}

/// How far each partition has come at an accumulator.
type Steps = BTreeMap<i64, Vec<(Progress, Progress)>>;

fn steps(kept: &[AccountBatch]) -> Steps {
    let mut steps = Steps::new();
    for AccountBatch { header, .. } in kept {
        steps.entry(header.partition.key.0).or_default().push((header.from, header.to));
    }
    steps
}

fn in_order(kept: &[AccountBatch]) {
    for (partition, steps) in steps(kept) {
        assert!(steps.is_sorted(), "pieces of {partition} came out of order: {steps:?}");
    }
}

/// Piece 1 always goes: the first accumulator sees every step, each where the one before ended.
fn complete(kept: &[AccountBatch], partitions: usize) {
    let steps = steps(kept);
    assert_eq!(steps.len(), partitions);
    for (partition, steps) in steps {
        let ends: Vec<_> = steps.iter().map(|s| s.1).collect();
        let begins: Vec<_> = [Progress::Start].into_iter().chain(ends.iter().copied()).collect();
        assert!(steps.iter().zip(&begins).all(|(step, end)| step.0 == *end), "{partition}: {steps:?}");
        assert_eq!(ends.last(), Some(&Progress::End));
    }
}

/// No fact of a vendor is ahead of the alias that leads its account to ours.
fn aliases_come_first(kept: &[AccountBatch]) {
    let mut known = BTreeSet::new();
    for batch in kept {
        known.extend(batch.aliases.iter().map(|a| a.vendor_account.0));
        assert!(batch.facts.iter().all(|(_, fact)| known.contains(&fact.vendor_account.0)));
    }
}

#[test]
fn pieces_come_in_the_order_of_their_partition_whoever_decodes_them_and_nobody_waits_for_ever() {
    let bench = Bench::new(Rules::default());
    let sizes = (1usize..=3, 1usize..=4, 1usize..=2, 1usize..=3, 1i64..=3, 1u64..=12, 1u64..);
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let held = TestRunner::new(config).run(
        &sizes,
        |(sources, decoders, mailbox, accumulators, each, batches, seed)| {
            let size = Size { sources, decoders, mailbox, accumulators };
            actix::System::new().block_on(async {
                let mut stage = Stage::start(&bench, size, seed);
                for source in 0..sources as i64 {
                    let partitions = (0..each).map(|p| partition(source * 10 + p)).collect();
                    bench.runtime.spawn(deal(
                        stage.decoders.clone(),
                        partitions,
                        batches,
                        seed ^ (source as u64 + 99),
                    ));
                }
                stage.drained().await;
                let kept: Vec<Vec<AccountBatch>> =
                    stage.kept.iter().map(|k| std::mem::take(&mut *k.lock().unwrap())).collect();
                complete(&kept[0], sources * each as usize);
                for kept in &kept {
                    in_order(kept);
                    aliases_come_first(kept);
                }
                stage.end();
            });
            Ok(())
        },
    );
    held.unwrap();
}

/// Two decoders and one partition, whose batch `n` has the account `n` alone. What goes to the second is at a stand.
struct Halted {
    stage: Stage,
    dealer: Dealer,
    partition: Arc<Partition>,
    release: std::sync::mpsc::Sender<()>,
}

impl Halted {
    fn new(bench: &Bench, mailbox: usize) -> Halted {
        let stage = Stage::start(bench, Size { sources: 1, decoders: 2, mailbox, accumulators: 1 }, 1);
        let (dealer, release) = (Dealer::new(stage.decoders.clone()), stage.pause(1));
        Halted { stage, dealer, partition: partition(1), release }
    }

    fn batch(&self, step: u64, of: u64) -> RawBatch {
        batch(&self.partition, (step, of), &[format!("account {step}")])
    }

    async fn deal(&mut self, raw: RawBatch) {
        self.dealer.deal(raw).await.expect("decoders that run");
    }

    fn kept(&self) -> usize {
        self.stage.kept[0].lock().unwrap().len()
    }

    async fn ended(&mut self) -> Ended {
        let ended = tokio::time::timeout(PATIENCE, self.stage.ended.recv()).await;
        ended.expect("an end is told").expect("who could tell")
    }
}

#[test]
fn a_decoder_that_stands_still_holds_up_its_partition_while_others_decode_one_batch_ahead() {
    let bench = Bench::new(Rules::default());
    actix::System::new().block_on(async {
        let mut h = Halted::new(&bench, 4);
        for step in 1..=8 {
            h.deal(h.batch(step, 8)).await;
        }
        // The third waits for its turn, the fifth for the third.
        until("the fifth is decoded", || bench.knows("account 5")).await;
        assert_eq!(h.kept(), 1, "nothing goes ahead of the second");
        assert!(!bench.knows("account 7"), "one is decoded ahead, no more");
        drop(h.release);
        h.dealer.drain().await.unwrap();
        h.stage.drained().await;
        let kept = std::mem::take(&mut *h.stage.kept[0].lock().unwrap());
        complete(&kept, 1);
        assert_eq!(kept.len(), 8);
        h.stage.end();
    });
}

#[test]
fn another_partition_goes_on_while_one_is_held_up() {
    let bench = Bench::new(Rules::default());
    actix::System::new().block_on(async {
        let mut h = Halted::new(&bench, 4);
        let other = partition(2);
        // To the first decoder, to the second, and so on: the other partition lies with the first alone.
        h.deal(h.batch(1, 2)).await;
        h.deal(h.batch(2, 2)).await;
        for step in 1..=3 {
            h.deal(batch(&other, (2 * step - 1, 6), &[])).await;
            let mut alone = Dealer::new(vec![h.stage.decoders[0].clone()]);
            std::mem::swap(&mut alone.rows, &mut h.dealer.rows);
            alone.deal(batch(&other, (2 * step, 6), &[])).await.unwrap();
            std::mem::swap(&mut alone.rows, &mut h.dealer.rows);
            h.dealer.next = 0;
        }
        until("it is through", || {
            steps(&h.stage.kept[0].lock().unwrap()).get(&2).is_some_and(|steps| steps.len() == 6)
        })
        .await;
        drop(h.release);
        h.dealer.drain().await.unwrap();
        h.stage.drained().await;
        h.stage.end();
    });
}

#[test]
fn a_decoder_that_fails_tells_its_trouble_before_those_who_wait_for_it_tell_the_echo() {
    let bench = Bench::new(Rules::default());
    for _ in 0..20 {
        actix::System::new().block_on(async {
            let mut h = Halted::new(&bench, 4);
            let mut of_no_layout = h.batch(2, 8);
            Arc::get_mut(&mut of_no_layout.feed).unwrap().vendor = "nobody".into();
            h.deal(h.batch(1, 8)).await;
            h.deal(of_no_layout).await;
            h.deal(h.batch(3, 8)).await;
            until("the first is handed on", || h.kept() == 1).await;
            drop(std::mem::replace(&mut h.release, std::sync::mpsc::channel().0));
            let told = [h.ended().await, h.ended().await];
            let class = |e: &Ended| match &e.end {
                End::Failed(failure) => Some(failure.class),
                _ => None,
            };
            let told: Vec<_> = told.iter().map(|e| (&*e.actor, class(e))).collect();
            assert_eq!(told, [("decoder-2", Some(Class::Fatal)), ("decoder-1", Some(Class::Transient))]);
            h.stage.end();
        });
    }
}

#[test]
fn a_decoder_that_is_dropped_leaves_nobody_waiting() {
    let bench = Bench::new(Rules::default());
    actix::System::new().block_on(async {
        let mut h = Halted::new(&bench, 4);
        for step in 1..=3 {
            h.deal(h.batch(step, 8)).await;
        }
        h.stage.kill(1);
        drop(std::mem::replace(&mut h.release, std::sync::mpsc::channel().0));
        let mut told = [h.ended().await, h.ended().await];
        told.sort_by(|a, b| a.actor.cmp(&b.actor));
        let echo = End::Failed(OutOfTurn.into());
        assert_eq!([&told[0].end, &told[1].end], [&echo, &End::Dropped]);
        h.stage.end();
    });
}

#[test]
fn dealing_is_even_whatever_partition_batches_are_of() {
    let bench = Bench::new(Rules::default());
    actix::System::new().block_on(async {
        let stage = Stage::start(&bench, Size { sources: 1, decoders: 2, mailbox: 3, accumulators: 1 }, 1);
        let held = [stage.pause(0), stage.pause(1)];
        let mut dealer = Dealer::new(stage.decoders.clone());
        for step in 1..=6 {
            let dealt = dealer.deal(batch(&partition(1), (step, 9), &[]));
            tokio::time::timeout(PATIENCE, dealt).await.expect("there is room for six").unwrap();
        }
        drop(held);
        stage.end();
    });
}

#[tokio::test]
async fn a_source_that_no_decoder_reads_says_so() {
    let failure = Dealer::new(Vec::new()).deal(crate::fixture::raw("a")).await.err().unwrap();
    assert_eq!(failure, Failure::fatal("no decoder takes what s reads"));
}

use crate::fixture::decoding::{Bench, Size, Stage, batch};
use crate::fixture::partition;
use crate::messages::AccountBatch;
use crate::turns::Dealer;
use returns::ledger::Stage as FeedStage;
use returns::tolerance::{Levels, Limit, Rule, Rules};

/// What the first accumulator gets of a feed whose batches have these accounts, dealt to so many decoders.
fn handed_on(rules: Rules, decoders: usize, batches: &[&[&str]]) -> Vec<AccountBatch> {
    let bench = Bench::new(rules);
    actix::System::new().block_on(async {
        let size = Size { sources: 1, decoders, mailbox: 2, accumulators: 1 };
        let mut stage = Stage::start(&bench, size, 1);
        let (mut dealer, partition) = (Dealer::new(stage.decoders.clone()), partition(1));
        for (step, accounts) in (1..).zip(batches) {
            let accounts: Vec<String> = accounts.iter().map(|a| (*a).to_owned()).collect();
            let raw = batch(&partition, (step, batches.len() as u64), &accounts);
            dealer.deal(raw).await.unwrap();
        }
        dealer.drain().await.unwrap();
        stage.drained().await;
        let kept = std::mem::take(&mut *stage.kept[0].lock().unwrap());
        stage.end();
        kept
    })
}

#[test]
fn a_feed_is_judged_at_its_end_by_what_all_decoders_met_of_it() {
    let mut rules = Rules::default();
    rules.set(
        Rule::BadShare,
        Levels { warn: Some(Limit { bp: 100.into(), ..Limit::default() }), block: None },
    );
    for decoders in 1..=3 {
        let kept = handed_on(
            rules.clone(),
            decoders,
            &[&["a", ""], &["", "b"], &["a", "c"], &["", "a"], &["b", "c"]],
        );
        let judged: Vec<_> = kept
            .iter()
            .flat_map(|batch| {
                batch.breaks.iter().filter(|b| b.rule == "bad_share").map(|b| (batch.header.to, b.actual))
            })
            .collect();
        assert_eq!(judged, [(record::Progress::End, Some(3.into()))], "{decoders} decoders");
    }
}

#[test]
fn a_record_that_names_nothing_is_remembered_to_the_end_of_its_feed() {
    let stages = |batches: &[&[&str]]| -> Vec<FeedStage> {
        let kept = handed_on(Rules::default(), 2, batches);
        kept.iter().map(|batch| batch.feed.as_ref().expect("a feed that is followed").stage).collect()
    };
    let coming = FeedStage::Coming;
    assert_eq!(stages(&[&["a"], &["b"], &["c"]]), [coming, coming, FeedStage::In { unread: false }]);
    assert_eq!(stages(&[&["a"], &[""], &["c"]]), [coming, coming, FeedStage::In { unread: true }]);
    assert_eq!(stages(&[&["a"], &["b"], &[""]]), [coming, coming, FeedStage::In { unread: true }]);
}

#[test]
fn two_decoders_that_meet_an_account_both_say_its_alias() {
    let kept = handed_on(Rules::default(), 2, &[&["a"], &["a"], &["a", "b"], &["a"]]);
    let said: Vec<usize> = kept.iter().map(|batch| batch.aliases.len()).collect();
    assert_eq!(said, [1, 1, 1, 0], "each decoder by itself, once");
}

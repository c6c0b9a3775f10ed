//! Verdicts (F6): marks, open days, anchors, undefined rows, and which of several wins.
use super::*;

/// Rules that are marks alone, each at the level given.
fn marks(levels: Levels) -> Rules {
    let mut rules = Rules::default();
    for rule in MARKS {
        rules.set(rule, levels);
    }
    rules
}

const MARKS: [Rule; 6] = [
    Rule::SourceSwitch,
    Rule::Pinned,
    Rule::Reverted,
    Rule::SameArrival,
    Rule::UnpricedTransfer,
    Rule::Currency,
];
const WARN: Levels = Levels { warn: Some(ANY), block: None };
const BLOCK: Levels = Levels { warn: None, block: Some(ANY) };
const BOTH: Levels = Levels { warn: Some(ANY), block: Some(ANY) };
const ANY: Limit = Limit { money: Decimal::ZERO, bp: Decimal::ZERO, days: 0 };

fn marked(reasons: &[Reason]) -> Row {
    let mut row = row(&QUIET);
    for reason in reasons {
        row.reasons.insert(*reason);
    }
    row
}

#[test]
fn a_mark_breaks_at_the_heaviest_level_that_is_set() {
    for rule in MARKS {
        let marked = marked(&[rule.reason().unwrap()]);
        let severities = [WARN, BLOCK, BOTH].map(|levels| judged(&marked, &marks(levels)).2[0].severity);
        assert_eq!(severities, [Severity::Warn, Severity::Block, Severity::Block], "{rule:?}");
        assert_eq!(judged(&marked, &Rules::default()).2, vec![], "no rule, no break");
        assert_eq!(judged(&row(&QUIET), &marks(BOTH)).2, vec![], "no mark, no break");
    }
    for rule in [Rule::SourceSwitch, Rule::Pinned, Rule::Reverted, Rule::SameArrival, Rule::Currency] {
        let verdict = |levels| judged(&marked(&[rule.reason().unwrap()]), &marks(levels)).0;
        assert_eq!((verdict(WARN), verdict(BLOCK)), (Verdict::Preliminary, Verdict::Held), "{rule:?}");
    }
}

#[test]
fn what_a_row_lacks_tells_its_verdict_without_any_rule() {
    let held = [Reason::QuarantinedInput, Reason::UnpricedTransfer, Reason::WaitingInput, Reason::HeldChange];
    let preliminary = [Reason::Incomplete, Reason::ResidualMoney, Reason::Currency, Reason::FeedUnconfirmed];
    for reason in Reason::ALL {
        let expected = match reason {
            r if held.contains(r) => Verdict::Held,
            r if preliminary.contains(r) => Verdict::Preliminary,
            _ => Verdict::Final,
        };
        let (verdict, reasons, _) = judged(&marked(&[*reason]), &Rules::default());
        assert_eq!(verdict, expected, "{reason:?}");
        assert!(reasons.has(*reason));
    }
}

#[test]
fn the_gravest_of_several_is_the_verdict_and_all_are_reasons() {
    let warned = Row { end_value: dec("1060"), twrr: Some(dec("0.06")), ..row(&QUIET) };
    assert_eq!(judged(&warned, &rules()).0, Verdict::Preliminary);
    let late = Row { previous_as_of: Some(date(2025, 2, 3)), ..warned };
    let (verdict, reasons, breaches) = judged(&late, &rules());
    assert_eq!((verdict, breaches.len()), (Verdict::Held, 2), "a block beside a warning");
    assert!(reasons.has(Reason::ReturnOutlier) && reasons.has(Reason::MissingDay));
    let mut quarantined = row(&Of { end: "1060", ..QUIET });
    quarantined.reasons.insert(Reason::QuarantinedInput);
    let (verdict, reasons, _) = judged(&quarantined, &rules());
    assert_eq!(verdict, Verdict::Held, "a hold beside a warning");
    assert!(reasons.has(Reason::QuarantinedInput) && reasons.has(Reason::ReturnOutlier));
    let blocked = Row { previous_as_of: Some(date(2025, 2, 3)), ..marked(&[Reason::Incomplete]) };
    assert_eq!(judged(&blocked, &rules()).0, Verdict::Held, "a block on an open day");
}

#[test]
fn an_open_day_is_preliminary_and_no_outlier() {
    let mut open = row(&Of { end: "2000", ..QUIET });
    assert_eq!(outcome(&open), Some((Rule::ReturnOutlier, Severity::Block)));
    open.reasons.insert(Reason::Incomplete);
    let (verdict, reasons, breaches) = judged(&open, &rules());
    assert_eq!((verdict, breaches), (Verdict::Preliminary, vec![]));
    assert!(reasons.has(Reason::Incomplete) && !reasons.has(Reason::ReturnOutlier));
}

#[test]
fn an_anchor_has_no_return_to_judge() {
    let first = with_flows(0, "1000", "1000", "0");
    let linked = chain(&defaults(), std::slice::from_ref(&first));
    let anchor = Row { reported_return: Some(dec("0.5")), ..row_of(&first, &linked[0]) };
    assert_eq!(anchor.status, Status::Anchor);
    let mut rules = rules();
    rules.set(Rule::NewValueWithoutFlow, BLOCK);
    assert_eq!(judged(&anchor, &rules), (Verdict::Final, Reasons::default(), vec![]));
}

#[test]
fn an_undefined_return_is_neither_an_outlier_nor_compared() {
    let undefined = [
        (Of { begin: "0", end: "500", ..QUIET }, Status::GainWithoutCapital),
        (Of { begin: "-100", end: "900", ..QUIET }, Status::NegativeCapital),
        (Of { begin: "100", end: "-50", ..QUIET }, Status::LossGt100),
    ];
    for (of, status) in undefined {
        let undefined = reporting(&of, "0.5");
        assert_eq!((undefined.status, undefined.twrr), (status, None));
        assert_eq!(judged(&undefined, &rules()), (Verdict::Final, Reasons::default(), vec![]), "{status:?}");
    }
    let lost = row(&Of { end: "0", ..QUIET });
    assert_eq!(lost.status, Status::TotalLoss);
    assert_eq!(outcome(&lost), Some((Rule::ReturnOutlier, Severity::Block)), "a return of -100% is one");
}

#[test]
fn a_negative_value_and_one_from_nowhere_are_marked() {
    let mut rules = Rules::default();
    rules.set(Rule::NegativeValue, WARN);
    rules.set(Rule::NewValueWithoutFlow, BLOCK);
    let found = |of: &Of| -> Vec<Rule> { judged(&row(of), &rules).2.iter().map(|b| b.rule).collect() };
    assert_eq!(found(&Of { end: "-0.01", ..QUIET }), [Rule::NegativeValue]);
    assert_eq!(found(&Of { end: "0", ..QUIET }), []);
    assert_eq!(found(&Of { begin: "0", end: "0.01", ..QUIET }), [Rule::NewValueWithoutFlow]);
    assert_eq!(found(&Of { begin: "0", end: "0", ..QUIET }), []);
    assert_eq!(found(&Of { begin: "0", contributions: "10", end: "10", ..QUIET }), []);
}

#[test]
fn breaches_of_rows_judged_before_stay_as_they_are() {
    let mut breaches = Vec::new();
    judge(&reporting(&QUIET, "0.5"), &rules(), &policy(), &mut breaches);
    let before = breaches.clone();
    let (verdict, reasons) = judge(&reporting(&QUIET, "0.001"), &rules(), &policy(), &mut breaches);
    assert_eq!((verdict, reasons), (Verdict::Final, Reasons::default()));
    assert_eq!(breaches, before);
}

#[test]
fn a_rule_and_the_reason_it_leaves_have_one_name() {
    for rule in Rule::ALL {
        assert!(rule.reason().is_none_or(|reason| reason.as_str() == rule.as_str()), "{rule:?}");
        let mut rules = Rules::default();
        rules.set(rule, WARN);
        assert_eq!(
            Rule::ALL.into_iter().filter(|other| rules.of(*other) == WARN).collect::<Vec<_>>(),
            [rule]
        );
    }
}

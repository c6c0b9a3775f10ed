//! Days linked by the product and by the oracle: the same figures to the last digit.
use super::chain::{Day, Figures, Index, Part, next};
use super::number::{Q, exact, int, is_positive, is_zero, zero};
use super::window::{self, Missing, Window};
use jiff::civil::Date;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use record::{FeedKey, PartitionKey, Position, Symbol};
use returns::fact::{Span, Stated};
use returns::link::{Chain, Linked, SubPeriod, WeightedFlow, link};
use returns::policy::{FlowTiming, OnUndefined, Vendor};
use returns::row::Growth;
use returns::windows::{self, Measured, Series};
use returns::{Arrival, Content, Decimal, Place, Policy, Reason, Row, Status, Verdict};

/// A sub-period by its own numbers.
#[derive(Clone, Debug)]
struct Given {
    days: i32,
    timing: usize,
    begin: Option<Decimal>,
    parts: Vec<GivenPart>,
}

#[derive(Clone, Debug)]
struct GivenPart {
    flows: Vec<(Decimal, i64)>,
    fee: Decimal,
    outside: Decimal,
    end: End,
}

/// An ending value: a number, or one that makes an edge.
#[derive(Clone, Debug)]
enum End {
    Is(Decimal),
    /// So that the gain is this.
    Gain(Decimal),
    /// So that N is this.
    Numerator(Decimal),
}

const SPAN: i64 = 7;

fn amount() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        6 => (50_000i64..200_000).prop_map(|n| Decimal::new(n, 2)),
        2 => Just(Decimal::ZERO),
        1 => (-9_000i64..9_000).prop_map(|n| Decimal::new(n, 2)),
        1 => (-20i64..60).prop_map(|n| Decimal::new(n, 8)),
        1 => Just(Decimal::new(99_999_999_999_999_999, 2)),
    ]
}

fn part() -> impl Strategy<Value = GivenPart> {
    let flows = prop_oneof![3 => Just(vec![]), 2 => vec((amount(), 0..=SPAN), 1..3), 1 => vec((amount().prop_map(|a| -a), 0..=SPAN), 1..3)];
    let fee = || prop_oneof![5 => Just(Decimal::ZERO), 1 => (-50i64..900).prop_map(|n| Decimal::new(n, 2))];
    let end = prop_oneof![
        6 => amount().prop_map(End::Is),
        3 => (-3_000i64..3_000).prop_map(|n| End::Gain(Decimal::new(n, 2))),
        1 => Just(End::Gain(Decimal::ZERO)),
        1 => Just(End::Numerator(Decimal::ZERO)),
        1 => (-3i64..3).prop_map(|n| End::Numerator(Decimal::new(n, 8))),
    ];
    (flows, fee(), fee(), end).prop_map(|(flows, fee, outside, end)| GivenPart { flows, fee, outside, end })
}

fn days() -> impl Strategy<Value = (Policy, Vec<Given>)> {
    let given = (
        1i32..4,
        0usize..5,
        weighted(0.3, amount()),
        prop_oneof![4 => vec(part(), 1..2), 1 => vec(part(), 2..4)],
    )
        .prop_map(|(days, timing, begin, parts)| Given { days, timing, begin, parts });
    let policy = (any::<bool>(), any::<bool>()).prop_map(|(residual, carry)| {
        let mut policy = Policy::new(vec![]);
        policy.residual = Decimal::from(if residual { 50 } else { 0 });
        policy.on_undefined = if carry { OnUndefined::Carry } else { OnUndefined::End };
        policy
    });
    // The contract does not say what carrying means for a part of a day.
    (policy, vec(given, 1..12)).prop_map(|(policy, mut days)| {
        if policy.on_undefined == OnUndefined::Carry {
            days.iter_mut().for_each(|day| day.parts.truncate(1));
        }
        (policy, days)
    })
}

/// One given day in both languages, when the day before ended with `begin`.
struct Both {
    oracle: Day,
    parts: Vec<SubPeriod>,
    flows: Vec<WeightedFlow>,
}

fn both(given: &Given, as_of: Date, before: Option<Decimal>) -> Option<Both> {
    let timing = FlowTiming::ALL[given.timing];
    let mut begin = before.or(given.begin).unwrap_or_default();
    let mut parts = Vec::new();
    for part in &given.parts {
        let c: Decimal = part.flows.iter().map(|(f, _)| *f).filter(|f| f.is_sign_positive()).sum();
        let w: Decimal =
            -part.flows.iter().map(|(f, _)| *f).filter(|f| f.is_sign_negative()).sum::<Decimal>();
        let end = match part.end {
            End::Is(amount) => amount,
            End::Gain(gain) => begin + c - w + gain,
            // N = D + gain - X, and D depends on the timing: exact only where the terms are.
            End::Numerator(n) => match timing {
                FlowTiming::Start => n + part.outside,
                FlowTiming::End => n + c - w + part.outside,
                _ => n - w + part.outside,
            },
        };
        if end.abs() >= Decimal::from(1_000_000_000_000_000i64) {
            return None;
        }
        let flows =
            part.flows.iter().map(|(f, left)| WeightedFlow { amount: *f, left: *left, span: SPAN }).collect();
        parts.push(SubPeriod {
            contributions: c,
            distributions: w,
            fees: part.fee,
            fees_outside: part.outside,
            flows,
            end_value: end,
        });
        begin = end;
    }
    let stated_begin = given.begin.map(exact);
    let oracle = Day { as_of, stated_begin, timing, parts: parts.iter().map(oracle_part).collect() };
    let flows = parts.iter().flat_map(|p| p.flows.clone()).collect();
    Some(Both { oracle, parts, flows })
}

fn oracle_part(part: &SubPeriod) -> Part {
    Part {
        contributions: exact(part.contributions),
        distributions: exact(part.distributions),
        fees: exact(part.fees),
        fees_outside: exact(part.fees_outside),
        weighted: part.flows.iter().map(|f| exact(f.amount) * int(f.left) / int(f.span)).sum(),
        end_value: exact(part.end_value),
    }
}

fn product_day<'a>(given: &Given, as_of: Date, both: &'a Both) -> returns::link::Day<'a> {
    let sum = |of: fn(&SubPeriod) -> Decimal| both.parts.iter().map(of).sum();
    returns::link::Day {
        as_of,
        stated_begin: given.begin,
        end_value: both.parts.last().unwrap().end_value,
        contributions: sum(|p| p.contributions),
        distributions: sum(|p| p.distributions),
        fees: sum(|p| p.fees),
        fees_outside: sum(|p| p.fees_outside),
        timing: FlowTiming::ALL[given.timing],
        flows: if both.parts.len() == 1 { &both.flows } else { &[] },
        parts: if both.parts.len() == 1 { &[] } else { &both.parts },
    }
}

/// A product's row in the oracle's words.
pub fn figures(day: &Day, linked: &Linked) -> Figures {
    let sum = |of: fn(&Part) -> &Q| day.parts.iter().map(|p| of(p).clone()).sum::<Q>();
    Figures {
        as_of: day.as_of,
        begin_value: exact(linked.begin_value),
        contributions: sum(|p| &p.contributions),
        distributions: sum(|p| &p.distributions),
        fees: sum(|p| &p.fees),
        fees_outside: sum(|p| &p.fees_outside),
        end_value: day.parts.last().unwrap().end_value.clone(),
        cumulative_net_flow: exact(linked.cumulative_net_flow),
        twrr: linked.twrr.map(exact),
        twrr_gross: linked.twrr_gross.map(exact),
        net: index(linked.net),
        gross: index(linked.gross),
        incepted: linked.incepted,
        segment: linked.segment,
        sub_periods: linked.sub_periods,
        status: linked.status,
        value_since: linked.value_since,
        residual_money: linked.reasons.has(Reason::ResidualMoney),
    }
}

pub fn index(growth: Growth) -> Index {
    Index {
        growth: growth.growth.map(exact),
        run: growth.link.map(|run| (exact(run.growth), exact(run.capital))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_days_link_to_the_same_digits((policy, given) in days()) {
        let mut as_of = jiff::civil::date(2026, 1, 1);
        let mut oracle: Option<Figures> = None;
        let mut chain: Option<Chain> = None;
        for given in &given {
            as_of = as_of.checked_add(jiff::Span::new().days(given.days)).unwrap();
            let Some(both) = both(given, as_of, chain.map(|c| c.end_value)) else { continue };
            let day = product_day(given, as_of, &both);
            let linked = link(chain.as_ref(), &day, &policy);
            let row = next(oracle.as_ref(), &both.oracle, &policy);
            prop_assert_eq!(figures(&both.oracle, &linked), row.clone(), "{:#?}", day);
            // A stored row is enough to go on from: the run resumes in the middle.
            chain = Some(Chain::from(&stored(&day, &linked)));
            prop_assert_eq!(chain, Some(Chain::after(&day, &linked)));
            oracle = Some(row);
        }
    }
}

/// A stored row of a day; its lineage does not matter to windows.
fn stored(day: &returns::link::Day, linked: &Linked) -> Row {
    Row {
        as_of: day.as_of,
        previous_as_of: None,
        begin_value: linked.begin_value,
        contributions: day.contributions,
        distributions: day.distributions,
        cumulative_net_flow: linked.cumulative_net_flow,
        fees: day.fees,
        fees_outside: day.fees_outside,
        accrued: Decimal::ZERO,
        end_value: day.end_value,
        twrr: linked.twrr,
        twrr_gross: linked.twrr_gross,
        net: linked.net,
        gross: linked.gross,
        incepted: linked.incepted,
        segment: linked.segment,
        sub_periods: linked.sub_periods,
        status: linked.status,
        flow_timing: day.timing,
        reasons: linked.reasons,
        revision: None,
        value_since: linked.value_since,
        value_vendor: Vendor(0),
        flow_vendor: None,
        carries: false,
        vendor_account: Symbol(0),
        vendor_begin: None,
        other_net_flow: None,
        stated: Stated::default(),
        content: Content::default(),
        mapping_version: 1,
        feed: FeedKey(1),
        place: Place { partition: PartitionKey(1), position: Position::default() },
        arrival: Arrival(None),
        reported_return: None,
        reported_span: Span::Day,
        policy_id: 0,
    }
}

fn same_window(name: &str, product: &Measured, oracle: &Window) -> Result<(), TestCaseError> {
    let told = |figure: &Result<windows::Return, windows::Missing>| {
        figure.map(|r| exact(r.cumulative)).map_err(|why| why.as_str())
    };
    prop_assert_eq!(told(&product.net), oracle.net.clone().map_err(Missing::as_str), "{} net", name);
    prop_assert_eq!(told(&product.gross), oracle.gross.clone().map_err(Missing::as_str), "{} gross", name);
    if let Some((base, last)) = oracle.rests_on {
        prop_assert_eq!((product.base_row, product.last_row), (Some(base), Some(last)), "{}", name);
    }
    if let (Some(product), Some(oracle)) = (&product.money, &oracle.money) {
        let (m, p) = (product, product.parts.unwrap_or_default());
        let money =
            [m.begin_value, p.contributions, p.distributions, p.fees, p.fees_outside, m.gain, m.end_value];
        prop_assert_eq!(&money.map(exact), oracle, "{}", name);
    }
    Ok(())
}

/// The dates of every offered window but the day, and whether its base row may be too old.
fn bounds(window: windows::Window, as_of: Date, first: &Figures) -> (Date, Date, bool) {
    let back = |to: Date, months: i8| (window::period_base(to, months), to, true);
    match window {
        windows::Window::MonthToDate => back(as_of, 1),
        windows::Window::QuarterToDate => back(as_of, 3),
        windows::Window::YearToDate => back(as_of, 12),
        windows::Window::PreviousMonth => back(window::period_base(as_of, 1), 1),
        windows::Window::PreviousQuarter => back(window::period_base(as_of, 3), 3),
        windows::Window::PreviousYear => back(window::period_base(as_of, 12), 12),
        windows::Window::Trailing { months } => (window::months_back(as_of, months.into()), as_of, true),
        windows::Window::Between { from, to } => (from, to, true),
        windows::Window::SinceInception if first.status == Status::Anchor => (first.as_of, as_of, false),
        windows::Window::SinceInception | windows::Window::Day => {
            (first.as_of.yesterday().unwrap(), as_of, false)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_window_has_the_same_figures((policy, given) in days(), stretch in 1i32..120, past in 0i32..40, start in 0i32..900) {
        let mut as_of = jiff::civil::date(2023, 9, 1).checked_add(jiff::Span::new().days(start)).unwrap();
        let mut rows: Vec<Row> = Vec::new();
        let mut figures: Vec<Figures> = Vec::new();
        for given in &given {
            // Near each other, or far.
            let gap = if given.timing % 2 == 0 { given.days } else { given.days * stretch };
            as_of = as_of.checked_add(jiff::Span::new().days(gap)).unwrap();
            let chain = rows.last().map(Chain::from);
            let Some(both) = both(given, as_of, chain.map(|c| c.end_value)) else { continue };
            let day = product_day(given, as_of, &both);
            let linked = link(chain.as_ref(), &day, &policy);
            rows.push(stored(&day, &linked));
            figures.push(next(figures.last(), &both.oracle, &policy));
        }
        prop_assume!(!rows.is_empty());
        let rows: Vec<_> = rows.iter().map(|row| (row, Verdict::Final)).collect();
        let series = Series { rows: &rows, imported_from: None, year_count: Default::default() };
        let to = as_of.checked_add(jiff::Span::new().days(past / 10)).unwrap();
        let from = to.checked_sub(jiff::Span::new().days(past * 11)).unwrap();
        let day = series.measure(windows::Window::Day, to).net.map(|r| exact(r.cumulative));
        let own = figures.iter().find(|row| row.as_of == to).map(|row| row.twrr.clone());
        prop_assert_eq!(day.clone().ok(), own.clone().flatten(), "the day");
        prop_assert_eq!(own.is_none(), day == Err(windows::Missing::NoValue), "no row of the day");
        for window in windows::Window::OFFERED.into_iter().chain([windows::Window::Between { from, to }]).filter(|w| *w != windows::Window::Day) {
            let product = series.measure(window, to);
            let (base, end, may_be_stale) = bounds(window, to, &figures[0]);
            let oracle = window::between(&figures, base, end, may_be_stale);
            same_window(&window.to_string(), &product, &oracle)?;
            if let (Ok(product), Ok(cumulative)) = (product.net, &oracle.net) {
                prop_assert_eq!(product.annualised.map(exact), window::annualised(cumulative, base, end), "{} a year", window);
            }
        }
    }
}

/// The example of F2: E on seven business days, the second of which is corrected.
#[test]
fn a_late_value_inside_a_run_moves_two_returns_and_no_digit_after() {
    let value = |second: i64, n: usize| [30_000, second, 30_250, 30_300, 30_450, 30_600, 30_700][n];
    let rows = |second: i64| {
        let mut rows: Vec<Figures> = Vec::new();
        for n in 0..7 {
            let part = Part {
                contributions: zero(),
                distributions: zero(),
                fees: zero(),
                fees_outside: zero(),
                weighted: zero(),
                end_value: int(value(second, n)),
            };
            let as_of = jiff::civil::date(2026, 1, 5 + n as i8);
            let day = Day { as_of, stated_begin: None, timing: FlowTiming::Split, parts: vec![part] };
            let row = next(rows.last(), &day, &Policy::new(vec![]));
            rows.push(row);
        }
        rows
    };
    let (before, after) = (rows(30_100), rows(30_050));
    let moved: Vec<usize> = (0..7).filter(|n| before[*n] != after[*n]).collect();
    assert_eq!(moved, [1, 2]);
    let digits = |text: &str| Some(exact(text.parse().unwrap()));
    assert_eq!(after[1].twrr, digits("0.001666666666666667"));
    assert_eq!(after[2].twrr, digits("0.006655574043261231"));
    assert_eq!(after[6].net.growth, digits("1.023333333333333333"));
    assert!(is_positive(&after[6].end_value) && is_zero(&after[6].cumulative_net_flow));
}

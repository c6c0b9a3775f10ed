//! Links against arithmetic in rationals of any size, and what must hold of every chain.
use super::*;
use num_bigint::BigInt;
use num_rational::BigRational;

fn rational(d: Decimal) -> BigRational {
    BigRational::new(BigInt::from(d.mantissa()), BigInt::from(10).pow(d.scale()))
}

/// To 18 places, half-even.
fn rounded(x: &BigRational) -> BigRational {
    let scale = BigInt::from(10).pow(18);
    let scaled = x * BigRational::from(scale.clone());
    let (floor, half) = (scaled.floor(), BigRational::new(BigInt::from(1), BigInt::from(2)));
    let rest = &scaled - &floor;
    let up = rest > half || (rest == half && floor.to_integer().bit(0));
    BigRational::new(floor.to_integer() + i32::from(up), scale)
}

/// What is drawn for a day: ending value, inflow, outflow, fees, fees outside, timing, and where in eight its flows fall.
type Draw = (u64, u64, u64, u64, u64, u8, u8);

fn draws(len: usize) -> impl Strategy<Value = Vec<Draw>> {
    let rare = |most: u64| prop_oneof![4 => Just(0u64), 1 => 0..most];
    let one =
        (1_000_000u64..9_000_000, rare(900_000), rare(900_000), rare(9_000), rare(9_000), 0u8..5, 0u8..9);
    prop::collection::vec(one, 2..len)
}

fn weighted(draws: &[Draw]) -> Vec<[WeightedFlow; 2]> {
    let flow =
        |amount: i64, left: u8| WeightedFlow { amount: Decimal::new(amount, 2), left: left.into(), span: 8 };
    let signed = |cents: u64| i64::try_from(cents).unwrap();
    draws.iter().map(|d| [flow(signed(d.1), d.6), flow(-signed(d.2), 8 - d.6)]).collect()
}

fn days<'a>(draws: &[Draw], flows: &'a [[WeightedFlow; 2]]) -> Vec<Day<'a>> {
    let cents = |cents: u64| Decimal::from_i128_with_scale(cents.into(), 2);
    draws
        .iter()
        .zip(flows)
        .zip(0..)
        .map(|((d, flows), n)| Day {
            end_value: cents(d.0),
            contributions: cents(d.1),
            distributions: cents(d.2),
            fees: cents(d.3),
            fees_outside: cents(d.4),
            timing: FlowTiming::ALL[usize::from(d.5)],
            flows,
            ..day(n, "0")
        })
        .collect()
}

/// D, net N and gross N by F1.
fn formula(begin: &BigRational, day: &Day) -> (BigRational, BigRational, BigRational) {
    let [c, w, a, x, e] =
        [day.contributions, day.distributions, day.fees, day.fees_outside, day.end_value].map(rational);
    let d = match day.timing {
        FlowTiming::Split => begin + &c,
        FlowTiming::Start => begin + &c - &w,
        FlowTiming::End => begin.clone(),
        FlowTiming::Mid => begin + (&c - &w) / BigRational::from(BigInt::from(2)),
        FlowTiming::Timed => day.flows.iter().fold(begin.clone(), |sum, flow| {
            sum + rational(flow.amount) * BigRational::new(flow.left.into(), flow.span.into())
        }),
    };
    let net = &d + (&e - begin - &c + &w) - &x;
    let gross = &net + a + x;
    (d, net, gross)
}

/// F2 by the book, for one figure.
struct Book {
    growth: BigRational,
    run: Option<(BigRational, BigRational)>,
}

impl Book {
    fn link(&mut self, begin: &BigRational, d: &BigRational, n: &BigRational, end: &BigRational) {
        let run = self.run.take().filter(|_| d == begin).unwrap_or((self.growth.clone(), d.clone()));
        self.growth = rounded(&(&run.0 * n / &run.1));
        self.run = (n == end).then_some(run);
    }

    fn agrees(&self, growth: Growth) -> bool {
        growth.growth.map(rational).as_ref() == Some(&self.growth)
            && growth.link.map(|run| (rational(run.growth), rational(run.capital))) == self.run
    }
}

/// Any number the type can hold, most of them no amount.
fn anything() -> impl Strategy<Value = Decimal> {
    let most = (1i128 << 96) - 1;
    prop_oneof![
        (-most..=most, 0u32..=28)
            .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale)),
        (-1000i128..1000, 0u32..=28)
            .prop_map(|(mantissa, scale)| Decimal::from_i128_with_scale(mantissa, scale)),
    ]
}

fn any_growth() -> impl Strategy<Value = Growth> {
    let run = (anything(), anything()).prop_map(|(growth, capital)| Run { growth, capital });
    (prop::option::of(anything()), prop::option::of(run)).prop_map(|(growth, link)| Growth { growth, link })
}

proptest! {
    #[test]
    fn no_number_makes_a_link_panic(
        amounts in prop::collection::vec(anything(), 7), net in any_growth(), gross in any_growth(),
        flags in any::<[bool; 3]>(), timing in 0usize..5, left in any::<i64>(), span in any::<i64>(),
    ) {
        let before = Chain {
            as_of: day(0, "0").as_of,
            end_value: amounts[0],
            cumulative_net_flow: amounts[1],
            net,
            gross,
            incepted: flags[0],
            segment: u16::MAX,
            status: Status::Ok,
            value_since: day(0, "0").as_of,
        };
        let flows = [WeightedFlow { amount: amounts[2], left, span }];
        let said = Day {
            end_value: amounts[3],
            contributions: amounts[2],
            distributions: amounts[4],
            fees: amounts[5],
            fees_outside: amounts[6],
            timing: FlowTiming::ALL[timing],
            flows: &flows,
            ..day(1, "0")
        };
        let on_undefined = if flags[1] { OnUndefined::Carry } else { OnUndefined::End };
        let policy = Policy { on_undefined, residual: if flags[2] { amounts[1].abs() } else { Decimal::ZERO }, ..policy() };
        let linked = link(Some(&before), &said, &policy);
        prop_assert!(linked.twrr.is_none() || !linked.status.is_undefined() || flags[1]);
        if linked.status.is_undefined() && linked.incepted && !flags[1] {
            prop_assert_eq!(linked.net, Growth::default());
        }
        let returned = ImportedReturn { from: said.as_of, net: amounts[5], gross: Some(amounts[6]) };
        link_imported(Some(&before), &said, Import::Return(returned));
    }

    #[test]
    fn every_digit_is_that_of_the_rational_formula(draws in draws(12)) {
        let flows = weighted(&draws);
        let days = days(&draws, &flows);
        let one = BigRational::from(BigInt::from(1));
        let book = || Book { growth: one.clone(), run: None };
        let (mut net, mut gross) = (book(), book());
        let linked = chain(&policy(), &days);
        for (pair, linked) in days.windows(2).zip(&linked[1..]) {
            let begin = rational(pair[0].end_value);
            let (d, n, g) = formula(&begin, &pair[1]);
            prop_assert_eq!(linked.status, Status::Ok);
            prop_assert_eq!(linked.twrr.map(rational), Some(rounded(&(&n / &d - &one))));
            prop_assert_eq!(linked.twrr_gross.map(rational), Some(rounded(&(&g / &d - &one))));
            let end = rational(pair[1].end_value);
            net.link(&begin, &d, &n, &end);
            gross.link(&begin, &d, &g, &end);
            prop_assert!(net.agrees(linked.net), "{:?}", linked);
            prop_assert!(gross.agrees(linked.gross), "{:?}", linked);
        }
    }

    #[test]
    fn a_chain_resumed_from_any_stored_row_goes_on_with_the_same_digits(draws in draws(12), at in 0usize..12) {
        let flows = weighted(&draws);
        let days = days(&draws, &flows);
        let whole = chain(&policy(), &days);
        let at = at % (days.len() - 1);
        let stored = row(&days[at], &whole[at]);
        // A store keeps values, not scales.
        let trim = |growth: Growth| Growth {
            growth: growth.growth.map(|g| g.normalize()),
            link: growth.link.map(|run| Run { growth: run.growth.normalize(), capital: run.capital.normalize() }),
        };
        let stored = Row { net: trim(stored.net), gross: trim(stored.gross), ..stored };
        let rest = chain_from(Some(Chain::from(&stored)), &policy(), &days[at + 1..]);
        prop_assert_eq!(&rest[..], &whole[at + 1..]);
    }

    #[test]
    fn a_late_value_inside_a_run_moves_two_returns_and_no_later_digit(
        values in prop::collection::vec(1u64..10_000_000, 4..20), at in 1usize..18, late in 1u64..10_000_000,
    ) {
        let at = 1 + at % (values.len() - 2);
        let all = |values: &[u64]| -> Vec<Linked> {
            let days: Vec<Day> = values.iter().zip(0..).map(|(v, n)| day(n, &v.to_string())).collect();
            chain(&policy(), &days)
        };
        let mut corrected = values.clone();
        corrected[at] = late;
        let (was, now) = (all(&values), all(&corrected));
        for i in 0..values.len() {
            if i != at {
                prop_assert_eq!(was[i].net, now[i].net);
            }
            if i != at && i != at + 1 {
                prop_assert_eq!(was[i].twrr, now[i].twrr);
            }
        }
    }

    #[test]
    fn sub_periods_link_as_days_would(draws in draws(8)) {
        let flows = weighted(&draws);
        let days = days(&draws, &flows);
        let timing = days[0].timing;
        let days: Vec<Day> = days.into_iter().map(|day| Day { timing, ..day }).collect();
        let parts: Vec<SubPeriod> = days[1..].iter().map(|day| SubPeriod {
            contributions: day.contributions,
            distributions: day.distributions,
            fees: day.fees,
            fees_outside: day.fees_outside,
            flows: day.flows.to_vec(),
            end_value: day.end_value,
        }).collect();
        let last = days.last().unwrap();
        let sum = |amount: fn(&SubPeriod) -> Decimal| parts.iter().map(amount).sum::<Decimal>();
        let one_day = Day {
            contributions: sum(|part| part.contributions),
            distributions: sum(|part| part.distributions),
            flows: &[],
            parts: &parts,
            as_of: days[1].as_of,
            ..last.clone()
        };
        let apart = chain(&policy(), &days);
        let together = link(Some(&Chain::after(&days[0], &apart[0])), &one_day, &policy());
        let end = apart.last().unwrap();
        prop_assert_eq!((together.net, together.gross), (end.net, end.gross));
        prop_assert_eq!(together.cumulative_net_flow, end.cumulative_net_flow);
        let one = BigRational::from(BigInt::from(1));
        let exact = days.windows(2).fold(one.clone(), |product, pair| {
            let (d, n, _) = formula(&rational(pair[0].end_value), &pair[1]);
            product * n / d
        });
        prop_assert_eq!(together.twrr.map(rational), Some(rounded(&(exact - one))));
    }
}

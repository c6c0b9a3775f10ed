use super::*;
use returns::policy::{FlowTiming, OnUndefined, VendorPolicy};
use returns::tolerance::{Calendar, Levels, Limit, Rule, Rules};
use returns::{Policy, Vendor};
use store::Touched;

/// Three vendors in order of precedence, and one tolerance.
fn before() -> (Policy, Rules) {
    let mut rules = Rules::default();
    rules.set(Rule::ReturnOutlier, Levels { warn: Some(Limit::default()), block: None });
    (Policy::new(["north", "calendar", "return_outlier"].map(VendorPolicy::new).into()), rules)
}

/// What becomes touched when both are changed so.
fn changed(by: impl Fn(&mut Policy, &mut Rules)) -> Change {
    let ((mut policy, mut rules), (old, tolerances)) = (before(), before());
    by(&mut policy, &mut rules);
    change(&spec(&old, &tolerances).text, &spec(&policy, &rules).text)
}

fn touches(vendors: &[&str], figures: bool) -> Change {
    Change { touched: Touched::OfVendors(vendors.iter().map(|v| (*v).into()).collect()), figures }
}

const ALL: Touched = Touched::All;

#[test]
fn the_same_policy_touches_nothing() {
    assert_eq!(changed(|_, _| {}), touches(&[], false));
    assert_eq!(
        changed(|policy, _| policy.id = 7),
        touches(&[], false),
        "its number in a store is no convention"
    );
}

#[test]
fn what_holds_for_all_touches_every_account() {
    let all = Change { touched: ALL, figures: true };
    assert_eq!(changed(|p, _| p.residual = 50.into()), all);
    assert_eq!(changed(|p, _| p.on_undefined = OnUndefined::Carry), all);
    assert_eq!(changed(|p, _| p.failover = true), all);
    assert_eq!(changed(|p, _| p.long_period_days = 5), all);
    assert_eq!(changed(|p, _| p.reopen_after = Some(30)), all);
}

#[test]
fn every_convention_of_a_vendor_touches_its_accounts_alone() {
    let (old, rules) = before();
    let text = spec(&old, &rules).text;
    let own: Vec<&str> = text.lines().filter(|line| line.starts_with("vendors.north.")).collect();
    assert_eq!(own.len(), 12, "{text}");
    for line in own {
        let (key, _) = line.split_once(" = ").unwrap();
        let now = text.replace(line, &format!("{key} = otherwise"));
        let figures = !key.contains(".return_");
        assert_eq!(change(&text, &now), touches(&["north"], figures), "{key}");
    }
}

#[test]
fn a_vendor_may_be_called_as_a_rule_or_a_key_is() {
    let of = |vendor: usize| changed(|p, _| p.vendors[vendor].flow_timing = FlowTiming::Mid);
    assert_eq!(of(1), touches(&["calendar"], true));
    assert_eq!(of(2), touches(&["return_outlier"], true));
}

#[test]
fn a_tolerance_moves_no_figure() {
    let judged = Change { touched: ALL, figures: false };
    assert_eq!(changed(|_, r| r.set(Rule::ReturnOutlier, Levels::default())), judged, "one less");
    let other = Levels { warn: None, block: Some(Limit { bp: 5.into(), ..Limit::default() }) };
    assert_eq!(changed(|_, r| r.set(Rule::LargeFlow, other)), judged, "one more");
    assert_eq!(changed(|_, r| r.calendar = Calendar::from_name("XNYS").unwrap()), judged);
    assert_eq!(changed(|p, _| p.vendors[0].return_digits = 4), touches(&["north"], false));
}

#[test]
fn several_changes_touch_what_each_of_them_touches() {
    let two = changed(|p, _| {
        p.vendors[0].flow_timing = FlowTiming::End;
        p.vendors[1].return_truncated = true;
    });
    assert_eq!(two, touches(&["calendar", "north"], true));
    let with_rule = changed(|p, r| {
        p.vendors[0].flow_timing = FlowTiming::End;
        r.set(Rule::ReturnOutlier, Levels::default());
    });
    assert_eq!(with_rule, Change { touched: ALL, figures: true });
}

#[test]
fn another_order_touches_the_vendors_that_changed_places() {
    let order = |order: [u16; 3]| changed(|p, _| p.precedence = order.map(Vendor).into());
    assert_eq!(order([1, 0, 2]), touches(&["calendar", "north"], true));
    assert_eq!(order([0, 2, 1]), touches(&["calendar", "return_outlier"], true));
    assert_eq!(order([2, 0, 1]), touches(&["calendar", "north", "return_outlier"], true));
}

#[test]
fn a_vendor_that_comes_or_goes_touches_no_account_of_another() {
    let (old, rules) = before();
    let text = spec(&old, &rules).text;
    for place in 0..4 {
        let mut more = old.clone();
        more.vendors.push(VendorPolicy::new("south"));
        more.precedence.insert(place, Vendor(3));
        let with_it = spec(&more, &rules).text;
        assert_eq!(change(&text, &with_it), touches(&["south"], true), "before place {place}");
        assert_eq!(change(&with_it, &text), touches(&["south"], true), "gone from place {place}");
    }
}

#[test]
fn a_line_that_is_not_known_touches_everything() {
    let (old, rules) = before();
    let text = spec(&old, &rules).text;
    for strange in
        ["rounding = half_up", "vendors.north = 1", "vendors.north.a.b = 1", "north.zone = UTC", "?"]
    {
        let change = change(&format!("{text}{strange}\n"), &text);
        assert_eq!(change, Change { touched: ALL, figures: true }, "{strange}");
    }
    assert_eq!(change("", &text).touched, ALL);
}

#[test]
fn vendors_are_told_in_order_of_name_whatever_their_numbers() {
    let (_, rules) = before();
    let of = |names: [&str; 2], precedence: [u16; 2]| {
        let mut policy = Policy::new(names.map(VendorPolicy::new).into());
        policy.precedence = precedence.map(Vendor).into();
        spec(&policy, &rules)
    };
    assert_eq!(of(["a", "b"], [0, 1]), of(["b", "a"], [1, 0]));
}

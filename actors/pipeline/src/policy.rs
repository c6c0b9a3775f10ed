//! The policy as a fact: its canonical text and hash, so that a row names the conventions it was made under; and what a change of it
//! touches ([`change`](fn@change)).
mod change;

pub use change::{Change, change};

use returns::Policy;
use returns::tolerance::{Rule, Rules};
use std::fmt::Write;
use store::PolicySpec;

// Keys of the text that its reader tells apart from others.
const PRECEDENCE: &str = "precedence";
const CALENDAR: &str = "calendar";
const VENDORS: &str = "vendors";
const RULES: &str = "rules";
const RETURN_DIGITS: &str = "return_digits";
const RETURN_TRUNCATED: &str = "return_truncated";

/// One line a convention, in a fixed order: the same conventions are the same text on every machine. What holds for all has a plain key;
/// a vendor's is `vendors.NAME.key`, a tolerance's `rules.NAME.level`. Names have no dots.
pub fn spec(policy: &Policy, rules: &Rules) -> PolicySpec {
    let mut text = text(policy);
    tolerances(rules, &mut text);
    PolicySpec { hash: blake3::hash(text.as_bytes()).to_hex().to_string(), text }
}

fn text(p: &Policy) -> String {
    let mut out = String::new();
    let mut line = |key: &str, value: String| {
        let _ = writeln!(out, "{key} = {value}");
    };
    line("on_undefined", format!("{:?}", p.on_undefined).to_lowercase());
    line("residual", p.residual.normalize().to_string());
    line("long_period_days", p.long_period_days.to_string());
    line("reopen_after", p.reopen_after.map_or_else(|| "never".into(), |d| d.to_string()));
    line("failover", p.failover.to_string());
    let order: Vec<&str> = p.precedence.iter().map(|v| &*p.vendor(*v).name).collect();
    line(PRECEDENCE, order.join(", "));
    let mut vendors: Vec<_> = p.vendors.iter().collect();
    vendors.sort_by(|a, b| a.name.cmp(&b.name));
    for v in vendors {
        let mut own = |key: &str, value: String| line(&format!("{VENDORS}.{}.{key}", v.name), value);
        own("flow_timing", v.flow_timing.as_str().into());
        own("flows_from", format!("{:?}", v.flows_from).to_lowercase());
        own("value_from", format!("{:?}", v.value_from).to_lowercase());
        own("flow_date", format!("{:?}", v.flow_date).to_lowercase());
        let base = v
            .base_currency
            .map_or_else(|| "as accounts say".into(), |c| String::from_utf8_lossy(&c).into_owned());
        own("base_currency", base);
        own("zone", v.zone.to_string());
        own("cut_off", v.cut_off.map_or_else(|| "24:00".into(), minutes));
        own("close", v.close.map_or_else(|| "none".into(), minutes));
        own("needs_flows", v.needs_flows.to_string());
        own("possible_duplicate", format!("{:?}", v.possible_duplicate).to_lowercase());
        own(RETURN_DIGITS, v.return_digits.to_string());
        own(RETURN_TRUNCATED, v.return_truncated.to_string());
    }
    out
}

/// The tolerances are policy too: under others, rows are judged anew.
fn tolerances(rules: &Rules, out: &mut String) {
    let calendar = blake3::hash(format!("{:?}", rules.calendar).as_bytes()).to_hex();
    let _ = writeln!(out, "{CALENDAR} = {}", &calendar[..16]);
    for rule in Rule::ALL {
        let levels = rules.of(rule);
        for (name, limit) in [("warn", levels.warn), ("block", levels.block)] {
            let Some(l) = limit else { continue };
            let (money, bp) = (l.money.normalize(), l.bp.normalize());
            let _ = writeln!(out, "{RULES}.{}.{name} = {money} + {bp} bp, {} days", rule.as_str(), l.days);
        }
    }
}

fn minutes(m: u16) -> String {
    format!("{:02}:{:02}", m / 60, m % 60)
}

#[cfg(test)]
mod tests;

//! `mapping.toml`: read, checked, compiled. README.md beside this crate is the author's document of every key and verb.
pub mod blocks;
pub mod expression;
pub mod feed;
pub mod format;
pub mod model;
pub mod names;
pub mod pattern;
pub mod reader;

use crate::format::Selector;
use crate::problem::Problem;
use crate::value::money::{MoneySpelling, Placeholders};
use blocks::{Blocks, FEES_IN};
use expression::Compiler;
use format::FormatPlan;
use jiff::tz::TimeZone;
use model::{Block, BlockFields, Detect, FeedRules, Ignore};
use names::{Names, ToldApart};
use reader::{Node, Report, Table};
use returns::VendorPolicy;
use returns::policy::{FlowDate, FlowTiming, FlowsFrom, PossibleDuplicate, ValueFrom};
use toml::de::DeTable;

const ROOT: &[&str] = &[
    "name",
    "vendor",
    "version",
    "account_no",
    "base_currency",
    "zone",
    "cut_off",
    "close",
    "flows_from",
    "value_from",
    "flow_date",
    "flow_timing",
    "day_needs",
    "possible_duplicate",
    "fees_in",
    "detect",
    "feed",
    "format",
    "observation",
    "ignore",
];

/// A mapping, checked and compiled.
#[derive(Debug)]
pub struct Mapping {
    pub name: String,
    pub version: u32,
    pub account_no: String,
    pub policy: VendorPolicy,
    pub zone: TimeZone,
    pub detect: Detect,
    pub feed: FeedRules,
    pub selectors: Vec<Selector>,
    /// Texts that stand for "not stated".
    pub missing: Placeholders,
    pub blocks: Vec<Block>,
    pub ignores: Vec<Ignore>,
    /// Names of record types or sections.
    pub types: Vec<String>,
}

impl Mapping {
    /// Whether an observation may have to be told from its equals by a number.
    pub fn numbers_equals(&self) -> bool {
        self.blocks.iter().any(|b| match &b.fields {
            BlockFields::Flow(flow) => {
                flow.id.is_empty() && flow.reference.is_empty() || flow.cancel_when.is_some()
            }
            BlockFields::Holding(_) => true,
            _ => false,
        })
    }
}

/// Reads and checks a mapping: what it means, and how its feed is written.
///
/// # Errors
/// Everything that is wrong in it, in the order of the file.
pub fn compile(text: &str, file: &str) -> Result<(Mapping, FormatPlan), Vec<Problem>> {
    let report = Report::new(file, text);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report.add(&error.span().unwrap_or_default(), error.message(), None);
    }
    if !errors.is_empty() {
        return Err(report.into_problems());
    }
    let mapping = read(&Table::root(&document, &report), &report);
    match mapping {
        Some(mapping) if report.is_empty() => Ok(mapping),
        _ => Err(report.into_problems()),
    }
}

fn version(node: Node<'_>) -> Option<u32> {
    let version = node.integer()?;
    if version == 0 {
        node.wrong("versions count from 1");
    }
    Some(version)
}

fn read<'t>(root: &Table<'t>, report: &'t Report<'t>) -> Option<(Mapping, FormatPlan)> {
    let root = root.clone().closed(ROOT);
    let name = name(&root, "name");
    let version = root.need("version").and_then(version);
    let account_no = account_no(&root);
    let mut compiler = Compiler {
        report,
        names: Names::default(),
        selectors: Vec::new(),
        needs: Vec::new(),
        record: None,
        spelling: MoneySpelling::default(),
        missing: Vec::new(),
        dates: vec!["%Y-%m-%d".into(), "iso".into()],
    };
    // Without a format its fields cannot be judged, and all else still is: one mistake hides no other.
    let plan = root.need("format").and_then(|n| n.table()).and_then(|t| format::read(&t, &mut compiler));
    let Records { blocks, ignores, feed, types } = records(&root, &mut compiler, plan.as_ref());
    let detect = root.get("detect").and_then(|n| n.table()).map(detect).unwrap_or_default();
    let (policy, zone) = policy(&root, name.unwrap_or_default());
    let mut plan = plan?;
    join(&mut plan, &compiler, &types);
    let mapping = Mapping {
        name: name?.to_owned(),
        version: version?,
        account_no,
        policy,
        zone,
        detect,
        feed,
        missing: compiler.placeholders(),
        selectors: compiler.selectors,
        blocks,
        ignores,
        types,
    };
    Some((mapping, plan))
}

/// What records mean, what the feed says of itself, and the names of the types or sections they are of.
struct Records {
    blocks: Vec<Block>,
    ignores: Vec<Ignore>,
    feed: FeedRules,
    types: Vec<String>,
}

fn records<'t>(root: &Table<'t>, compiler: &mut Compiler<'t>, plan: Option<&FormatPlan>) -> Records {
    let types = match plan {
        Some(FormatPlan::Fixed { format, .. }) => format.types.iter().map(|t| t.name.clone()).collect(),
        _ => Vec::new(),
    };
    let fees_in = root.choice("fees_in", FEES_IN).unwrap_or_default();
    let mut read = Blocks { compiler, types, fees_in };
    let blocks = root.tables("observation").iter().filter_map(|t| read.observation(t)).collect();
    let ignores = root.tables("ignore").iter().filter_map(|t| read.ignore(t)).collect();
    let lines = matches!(plan, Some(FormatPlan::Delimited { .. } | FormatPlan::Fixed { .. }));
    let feed = root.get("feed").and_then(|n| n.table());
    let feed = feed.map(|t| feed::read(&t, &mut read, lines)).unwrap_or_default();
    let (types, told_apart) = (read.types, read.compiler.names.told_apart);
    if !root.has("observation") {
        root.wrong("nothing is read from this feed: [[observation]]");
    } else if told_apart == ToldApart::BySection && types.is_empty() {
        root.wrong("nothing is read from this feed: no block names a `section` of it");
    }
    Records { blocks, ignores, feed, types }
}

/// A name that may stand in a topology, a path and a partition.
fn name<'t>(root: &Table<'t>, key: &str) -> Option<&'t str> {
    let node = root.need(key)?;
    let name = node.text()?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || !name.chars().all(fits) {
        node.wrong("a name has lower-case letters, digits, `_` and `-`");
    }
    Some(name)
}

fn account_no(root: &Table<'_>) -> String {
    let Some(node) = root.get("account_no") else { return "{vendor_account}".to_owned() };
    let template = node.text().unwrap_or_default();
    if template.matches("{vendor_account}").count() != 1 || template.matches('{').count() != 1 {
        node.wrong(
            "a template such as \"NT-{vendor_account}\": it names {vendor_account} once, and nothing else",
        );
    }
    template.to_owned()
}

/// Hands the selectors to the format and its framing, now that all are known.
fn join(plan: &mut FormatPlan, compiler: &Compiler<'_>, types: &[String]) {
    match plan {
        FormatPlan::Delimited { format, rules, .. } => {
            format.selectors = compiler.selectors.clone();
            rules.section_names = types.to_vec();
            format::resolve_captures(rules, &compiler.names.carried, &compiler.selectors);
        }
        FormatPlan::Fixed { format, .. } => format.prepare(&compiler.selectors),
        FormatPlan::Json { .. } | FormatPlan::IbkrFlex { .. } => {}
    }
}

fn detect(table: Table<'_>) -> Detect {
    let table = table.closed(&["file", "head"]);
    let texts = |key| table.texts(key).into_iter().map(str::to_owned).collect();
    Detect { file: texts("file"), head: texts("head") }
}

/// An ISO 4217 code.
fn currency(node: Node<'_>) -> Option<[u8; 3]> {
    let text = node.text()?;
    let code = <[u8; 3]>::try_from(text.as_bytes()).ok().filter(|c| c.iter().all(u8::is_ascii_uppercase));
    if code.is_none() {
        node.wrong_with(format!("`{text}` is no currency"), "three capital letters, such as `USD`");
    }
    code
}

fn policy(root: &Table<'_>, name: &str) -> (VendorPolicy, TimeZone) {
    let vendor = if root.has("vendor") { self::name(root, "vendor").unwrap_or(name) } else { name };
    let mut policy = VendorPolicy::new(vendor);
    let zone = root.text("zone").unwrap_or("UTC");
    policy.zone = zone.into();
    let known = TimeZone::get(zone).unwrap_or_else(|_| {
        if let Some(node) = root.get("zone") {
            node.wrong_with(format!("`{zone}` is no time zone"), "an IANA name such as `America/New_York`");
        }
        TimeZone::UTC
    });
    policy.base_currency = root.get("base_currency").and_then(currency);
    policy.cut_off = root.get("cut_off").and_then(minutes);
    policy.close = root.get("close").and_then(minutes);
    let timings: Vec<(&str, FlowTiming)> = FlowTiming::ALL.iter().map(|t| (t.as_str(), *t)).collect();
    policy.flow_timing = root.choice("flow_timing", &timings).unwrap_or_default();
    policy.value_from = root
        .choice("value_from", &[("valuation", ValueFrom::Valuation), ("holdings", ValueFrom::Holdings)])
        .unwrap_or_default();
    policy.flow_date = root
        .choice("flow_date", &[("posted", FlowDate::Posted), ("effective", FlowDate::Effective)])
        .unwrap_or_default();
    policy.possible_duplicate = root
        .choice(
            "possible_duplicate",
            &[
                ("wait", PossibleDuplicate::Wait),
                ("distinct", PossibleDuplicate::Distinct),
                ("same", PossibleDuplicate::Same),
            ],
        )
        .unwrap_or_default();
    policy.needs_flows = day_needs(root);
    policy.flows_from = flows_from(root);
    (policy, known)
}

fn day_needs(root: &Table<'_>) -> bool {
    let Some(node) = root.get("day_needs") else { return false };
    let needs: Vec<bool> =
        node.items().iter().filter_map(|n| n.choice(&[("values", false), ("flows", true)])).collect();
    if !needs.contains(&false) {
        node.wrong("a day always needs `values`; say `[\"values\", \"flows\"]` where it needs flows as well");
    }
    needs.contains(&true)
}

/// Flows of a day come from one place; a mapping that reads both says which. Its blocks are asked as they are written, so that
/// this is told beside whatever else is wrong in them.
fn flows_from(root: &Table<'_>) -> FlowsFrom {
    let blocks = root.tables("observation");
    let is = |b: &Table<'_>, kind| b.get("kind").and_then(|k| k.as_text()) == Some(kind);
    let detail = blocks.iter().any(|b| is(b, "flow"));
    let flows = ["contributions", "distributions", "net_flow"];
    let summary = blocks.iter().any(|b| is(b, "summary") && flows.iter().any(|key| b.has(key)));
    let said = root.choice("flows_from", &[("summary", FlowsFrom::Summary), ("detail", FlowsFrom::Detail)]);
    if said.is_none() && detail && summary {
        root.wrong("this mapping reads flows from summaries and from transactions: say which count, `flows_from = \"summary\"` or `\"detail\"`; the others are compared");
    }
    said.unwrap_or(if detail { FlowsFrom::Detail } else { FlowsFrom::Summary })
}

/// `"16:30"` as minutes after midnight.
fn minutes(node: Node<'_>) -> Option<u16> {
    let text = node.text()?;
    let parsed = text.split_once(':').and_then(|(h, m)| {
        let (h, m): (u16, u16) = (h.parse().ok()?, m.parse().ok()?);
        (h < 24 && m < 60).then_some(h * 60 + m)
    });
    if parsed.is_none() {
        node.wrong("expected a time of day such as \"16:30\"");
    }
    parsed
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../README.md");

    #[test]
    fn the_document_names_every_key() {
        let keys = [
            ROOT,
            feed::KEYS,
            expression::AMOUNT_KEYS,
            expression::TEXT_KEYS,
            blocks::COMMON,
            format::COMMON,
        ]
        .concat();
        let own =
            blocks::KINDS.iter().flat_map(|(kind, keys)| [*kind].into_iter().chain(keys.iter().copied()));
        let tables = ["feed", "detect", "format", "observation", "ignore"];
        for key in keys.into_iter().chain(own).filter(|k| !tables.contains(k)) {
            assert!(DOCUMENT.contains(&format!("`{key}`")), "README.md says nothing of `{key}`");
        }
    }

    #[test]
    fn the_document_s_first_mapping_compiles() {
        let text = DOCUMENT.split("```toml\n").nth(1).and_then(|t| t.split("```").next()).unwrap();
        assert!(text.starts_with("name = \"harbor\""));
        compile(text, "README.md").unwrap();
    }
}

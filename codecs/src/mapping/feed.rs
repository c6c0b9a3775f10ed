//! `[feed]`: what a feed says of itself.
use super::blocks::Blocks;
use super::expression::{Compiler, date_spellings};
use super::model::{BusinessDate, Delivery, FeedRules, Total};
use super::reader::{Node, Table};
use crate::format::Selector;
use crate::value::date::DateSpelling;

pub const KEYS: &[&str] =
    &["delivery", "business_date", "arrival", "count", "count_includes", "total", "trailer"];

/// `[feed]`. In a feed of `lines` only what is carried from other lines can be read here.
pub fn read<'t>(table: &Table<'t>, blocks: &mut Blocks<'_, 't>, lines: bool) -> FeedRules {
    let table = table.clone().closed(KEYS);
    let totals = table.tables("total").iter().filter_map(|t| total(t, blocks, lines)).collect();
    let compiler = &mut *blocks.compiler;
    compiler.record = None;
    let rules = FeedRules {
        delivery: table
            .choice("delivery", &[("full", Delivery::Full), ("delta", Delivery::Delta)])
            .unwrap_or_default(),
        business_date: business_date(&table, compiler, lines),
        arrival: table.get("arrival").and_then(|n| said(n, compiler, lines, Compiler::date)),
        count: table.get("count").and_then(|n| said(n, compiler, lines, Compiler::amount)),
        count_includes: table.texts("count_includes").into_iter().map(str::to_owned).collect(),
        totals,
        trailer: table.get("trailer").and_then(|n| said(n, compiler, lines, Compiler::text)),
    };
    if !rules.count_includes.is_empty() && rules.count.is_none() {
        table.wrong("`count_includes` says what `count` includes, and there is no `count`");
    }
    rules
}

/// Where the feed's date stands: a value that the feed states, its file's name, or a list of which the first counts that is stated.
fn business_date<'t>(table: &Table<'t>, compiler: &mut Compiler<'t>, lines: bool) -> Vec<BusinessDate> {
    let nodes = table.get("business_date").map(|n| n.items()).unwrap_or_default();
    let read = |node: Node<'t>| {
        let Some(own) = node.is_table().then(|| node.table()).flatten().filter(|t| t.has("name")) else {
            return said(node, compiler, lines, Compiler::date).map(BusinessDate::Said);
        };
        let spellings = own.closed(&["name"]).get("name").map(date_spellings)?;
        DateSpelling::new(&spellings).ok().map(BusinessDate::InName)
    };
    nodes.into_iter().filter_map(read).collect()
}

/// One thing a feed says of itself.
fn said<'t, T>(
    node: Node<'t>,
    compiler: &mut Compiler<'t>,
    lines: bool,
    read: fn(&mut Compiler<'t>, Node<'t>) -> Option<T>,
) -> Option<T> {
    let (value, selectors) = compiler.reads_of(|compiler| read(compiler, node));
    let is_carried = |s: &Selector| matches!(s, Selector::Field(name) if name.starts_with('@'));
    if lines && !selectors.iter().all(is_carried) {
        node.wrong("a feed speaks of itself in fields that are carried from its header, trailer or captured lines: their names begin with `@`");
    }
    value
}

/// A total: what is declared, and of what it is the sum.
fn total<'t>(table: &Table<'t>, blocks: &mut Blocks<'_, 't>, lines: bool) -> Option<Total> {
    let table = table.clone().closed(&["declared", "of", "record", "section", "when"]);
    blocks.compiler.record = None;
    let declared = table.need("declared").and_then(|n| said(n, blocks.compiler, lines, Compiler::amount));
    let (record, when) = blocks.scope(&table);
    let of = table.need("of").and_then(|n| blocks.compiler.amount(n));
    Some(Total { declared: declared?, of: of?, record, when })
}

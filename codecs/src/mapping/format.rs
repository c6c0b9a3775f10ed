//! `[format]`: how a feed is written.
use super::expression::{Compiler, date_spellings, decimals, number_spelling};
use super::names::{FieldPlace, Names, ToldApart, Type};
use super::reader::{Node, Table};
use crate::format::Selector;
use crate::format::delimited::Delimited;
use crate::format::fixed::{Field, Fixed, RecordRole, RecordType};
use crate::framing::delimited::{Capture, DelimitedRules, Sections, Take};
use crate::framing::json;
use crate::value::money::Digits;
use crate::value::text::Encoding;

/// Keys that every type of format knows.
pub const COMMON: &[&str] =
    &["type", "record_limit", "numbers", "currency_signs", "missing", "dates", "round", "scientific"];
const LINE_LIMIT: usize = 1024 * 1024;

/// A format as declared; [`super::compile`] joins the selectors to it when all are known.
#[derive(Debug)]
pub enum FormatPlan {
    Delimited { format: Box<Delimited>, rules: Box<DelimitedRules>, multiline: bool, limit: usize },
    Fixed { format: Fixed, limit: usize },
    Json { records: Option<String>, other_fields: Vec<String>, limit: usize },
    IbkrFlex { other_fields: Vec<String>, limit: usize },
}

/// Reads `[format]` and tells the compiler which names it makes.
pub fn read<'t>(table: &Table<'t>, compiler: &mut Compiler<'t>) -> Option<FormatPlan> {
    let kind = table.need("type")?.choice(&[
        ("delimited", Type::Delimited),
        ("fixed", Type::Fixed),
        ("json", Type::Json),
        ("ibkr_flex", Type::IbkrFlex),
    ])?;
    compiler.names.format = Some(kind);
    compiler.names.told_apart = match kind {
        Type::Delimited if table.has("sections") => ToldApart::BySection,
        Type::IbkrFlex => ToldApart::BySection,
        Type::Fixed => ToldApart::ByRecord,
        Type::Delimited | Type::Json => ToldApart::ByNothing,
    };
    values(table, compiler, kind == Type::Json);
    match kind {
        Type::Delimited => Some(delimited(table, compiler)),
        Type::Fixed => Some(fixed(table, compiler)),
        Type::Json => Some(json_plan(table)),
        Type::IbkrFlex => {
            closed(table, &["other_fields"]);
            Some(FormatPlan::IbkrFlex {
                other_fields: owned(table, "other_fields"),
                limit: limit(table, LINE_LIMIT),
            })
        }
    }
}

fn owned(table: &Table<'_>, key: &str) -> Vec<String> {
    table.texts(key).into_iter().map(str::to_owned).collect()
}

fn closed(table: &Table<'_>, own: &[&str]) {
    let keys: Vec<&str> = COMMON.iter().chain(own).copied().collect();
    table.clone().closed(&keys);
}

fn limit(table: &Table<'_>, default: usize) -> usize {
    let limit = table.integer("record_limit").unwrap_or(default);
    if limit == 0 || limit > 256 * 1024 * 1024 {
        table.wrong("`record_limit` is the longest record in bytes, from 1 to 268435456");
    }
    limit
}

/// How this vendor spells numbers and dates unless a field says otherwise.
fn values<'t>(table: &Table<'t>, compiler: &mut Compiler<'t>, json: bool) {
    let spelling = &mut compiler.spelling;
    if json {
        *spelling = crate::value::money::MoneySpelling::json();
    }
    if let Some((point, grouping)) = table.get("numbers").and_then(number_spelling) {
        (spelling.point, spelling.grouping) = (point, grouping);
    }
    if table.has("currency_signs") {
        spelling.symbols = table.texts("currency_signs").into_iter().map(Into::into).collect();
    }
    spelling.round = table.get("round").and_then(|node| {
        let places: u8 = node.integer()?;
        if places > Digits::AMOUNT.after {
            node.wrong(format!("money has at most {} places", Digits::AMOUNT.after));
        }
        Some(places)
    });
    spelling.scientific |= table.flag("scientific").unwrap_or(false);
    compiler.missing = table.texts("missing").into_iter().map(str::to_owned).collect();
    compiler.spelling.missing = compiler.placeholders();
    if let Some(node) = table.get("dates") {
        compiler.dates = date_spellings(node);
    }
}

fn encoding(table: &Table<'_>) -> Encoding {
    table.choice("encoding", &[("utf-8", Encoding::Utf8), ("cp1252", Encoding::Cp1252)]).unwrap_or_default()
}

fn json_plan(table: &Table<'_>) -> FormatPlan {
    closed(table, &["records", "other_fields"]);
    let records = table.text("records").map(str::to_owned);
    let limit = limit(table, json::RECORD_LIMIT);
    if let (Some(node), Err(wrong)) = (table.get("records"), json::JsonFramer::new(records.as_deref(), limit))
    {
        node.wrong(wrong);
    }
    FormatPlan::Json { records, other_fields: owned(table, "other_fields"), limit }
}

fn delimited<'t>(table: &Table<'t>, compiler: &mut Compiler<'t>) -> FormatPlan {
    closed(
        table,
        &[
            "delimiter",
            "quote",
            "encoding",
            "ragged",
            "multiline",
            "header",
            "header_starts",
            "columns",
            "other_columns",
            "preamble",
            "footer_starts",
            "sections",
            "capture",
        ],
    );
    let quote = match table.get("quote") {
        None => Some(b'"'),
        Some(node) if node.as_flag() == Some(false) => None,
        Some(node) => byte(node),
    };
    let delimiter = table.get("delimiter").and_then(byte).unwrap_or(b',');
    let columns: Option<Vec<String>> =
        table.has("columns").then(|| table.texts("columns").into_iter().map(str::to_owned).collect());
    let header = table.flag("header").unwrap_or(columns.is_none());
    if header && columns.is_some() {
        table.wrong(
            "`columns` declares the columns of a feed without a header line: write `header = false` with it",
        );
    }
    compiler.names.fields = columns.clone();
    let captures: Vec<Capture> =
        table.tables("capture").iter().filter_map(|t| capture(t, &mut compiler.names)).collect();
    let rules = DelimitedRules {
        preamble: table.integer("preamble").unwrap_or(0),
        header,
        header_starts: table.text("header_starts").map(|t| t.as_bytes().to_vec()),
        declared: columns,
        footer_starts: owned(table, "footer_starts").into_iter().map(String::into_bytes).collect(),
        sections: table.get("sections").and_then(|n| sections(&n.table()?)),
        section_names: Vec::new(),
        captures,
    };
    let format = Delimited {
        delimiter,
        quote,
        encoding: encoding(table),
        ragged: table.flag("ragged").unwrap_or(false),
        selectors: Vec::new(),
        other_columns: owned(table, "other_columns"),
    };
    let multiline = table.flag("multiline").unwrap_or(false);
    FormatPlan::Delimited {
        format: Box::new(format),
        rules: Box::new(rules),
        multiline,
        limit: limit(table, LINE_LIMIT),
    }
}

fn byte(node: Node<'_>) -> Option<u8> {
    match node.text()? {
        "tab" | "\t" => Some(b'\t'),
        text if text.len() == 1 && !text.starts_with(['\n', '\r']) => text.bytes().next(),
        _ => {
            node.wrong("expected one ASCII character, or \"tab\"");
            None
        }
    }
}

/// The number of a column, from 1.
fn column(node: Node<'_>) -> Option<usize> {
    let number = node.integer()?;
    if number == 0 {
        node.wrong("columns count from 1");
    }
    Some(number).filter(|n| *n > 0)
}

fn sections(table: &Table<'_>) -> Option<Sections> {
    let table = table.clone().closed(&["starts", "ends", "column", "kind_column", "header", "data"]);
    if let Some(starts) = table.text("starts") {
        let ends = table.text("ends").unwrap_or_default();
        return Some(Sections::Marked { starts: starts.into(), ends: ends.into() });
    }
    let [name, kind] = ["column", "kind_column"].map(|key| table.need(key).and_then(column));
    let word = |key, default: &str| table.text(key).unwrap_or(default).to_owned();
    let (header, data) = (word("header", "Header"), word("data", "Data"));
    Some(Sections::Columns { name: name?, kind: kind?, header, data })
}

/// A value kept from a line that is no row. Its selector is found when all are known.
fn capture(table: &Table<'_>, names: &mut Names) -> Option<Capture> {
    let table = table.clone().closed(&["name", "starts", "column", "after", "until", "begins"]);
    let name = table.need("name").and_then(|n| n.text());
    let starts = table.need("starts").and_then(|n| n.text());
    let take = if let Some(node) = table.get("column") {
        column(node).map(Take::Column)
    } else if let Some(after) = table.text("after") {
        Some(Take::Between(after.to_owned(), table.text("until").unwrap_or_default().to_owned()))
    } else {
        Some(Take::Presence)
    };
    if table.has("until") && !table.has("after") || table.has("after") && table.has("column") {
        table.wrong("a value is a `column` of its line, or stands `after` a text and perhaps before another (`until`)");
    }
    let begins = table.flag("begins").unwrap_or(false);
    let name = name?;
    // Known even if the rest of it is wrong, so that who reads it is not told of a field that is not there.
    names.carried.push(format!("@{name}"));
    Some(Capture { selector: None, starts: starts?.as_bytes().to_vec(), take: take?, begins })
}

/// Gives every capture the selector that reads it, if one does.
pub fn resolve_captures(rules: &mut DelimitedRules, names: &[String], selectors: &[Selector]) {
    for (capture, name) in rules.captures.iter_mut().zip(names) {
        let place = selectors.iter().position(|s| matches!(s, Selector::Field(f) if f == name));
        capture.selector = place.and_then(|n| u16::try_from(n).ok());
    }
}

fn fixed<'t>(table: &Table<'t>, compiler: &mut Compiler<'t>) -> FormatPlan {
    closed(table, &["encoding", "length", "record"]);
    let mut types = Vec::new();
    for record in table.tables("record") {
        if let Some(kind) = record_type(&record) {
            types.push(kind);
        }
    }
    if types.is_empty() {
        table.wrong("a fixed layout needs its records: [[format.record]]");
    }
    name_fields(&types, &mut compiler.names);
    let has_parts = types.iter().any(|t| t.role == RecordRole::Part);
    let length = table.integer("length");
    let format = Fixed { length, encoding: encoding(table), types, has_parts, selectors: 0 };
    FormatPlan::Fixed { format, limit: limit(table, LINE_LIMIT) }
}

fn record_type(table: &Table<'_>) -> Option<RecordType> {
    let table = table.clone().closed(&["name", "role", "at", "mark", "fields"]);
    let role = table.choice(
        "role",
        &[
            ("detail", RecordRole::Detail),
            ("part", RecordRole::Part),
            ("header", RecordRole::Header),
            ("trailer", RecordRole::Trailer),
            ("ignore", RecordRole::Ignore),
        ],
    );
    let mut fields = Vec::new();
    if let Some(table) = table.get("fields").and_then(|n| n.table()) {
        fields.extend(table.entries().filter_map(|(name, node)| field(name, node)));
    }
    let at = table.get("at").and_then(column).unwrap_or(1) - 1;
    Some(RecordType {
        // Without a name it still has its fields, so that who reads them is not told of fields that are not there.
        name: table.need("name").and_then(|n| n.text()).unwrap_or_default().to_owned(),
        role: role.unwrap_or(RecordRole::Detail),
        at,
        marks: table.texts("mark").into_iter().map(|t| t.as_bytes().to_vec()).collect(),
        fields,
        reads: Vec::new(),
    })
}

fn field(name: &str, node: Node<'_>) -> Option<Field> {
    let table = node.table()?.closed(&["start", "length", "from", "to", "decimals", "sign"]);
    let start: usize =
        if table.has("from") { table.integer("from") } else { table.need("start")?.integer() }?;
    let end = match table.integer::<usize>("to") {
        Some(to) => to,
        None => (start + table.need("length")?.integer::<usize>()?).saturating_sub(1),
    };
    if start == 0 || end < start {
        node.wrong("places count from 1, and the last byte of a field is not before its first");
        return None;
    }
    let sign = table.integer::<usize>("sign").and_then(|n| n.checked_sub(1));
    let decimals = table.get("decimals").and_then(decimals).unwrap_or(0);
    Some(Field { name: name.to_owned(), start: start - 1, end, decimals, sign })
}

/// Tells verbs which fields there are, and what of their numbers is not written.
fn name_fields(types: &[RecordType], names: &mut Names) {
    let mut known = Vec::new();
    for (number, kind) in (0u16..).zip(types) {
        for field in &kind.fields {
            let carried = kind.is_carried();
            let name = if carried { format!("@{}", field.name) } else { field.name.clone() };
            // What a header or a part says is read with other records.
            let own = kind.role == RecordRole::Detail || kind.role == RecordRole::Ignore;
            let (record, signed) = (Some(number).filter(|_| own), field.sign.is_some());
            names.places.push(FieldPlace { record, name: name.clone(), decimals: field.decimals, signed });
            if carried { names.carried.push(name) } else { known.push(name) }
        }
    }
    names.fields = Some(known);
    let parts = types.iter().filter(|t| t.role == RecordRole::Part);
    names.parts = parts.map(|t| t.name.clone()).collect();
}

//! Verbs: how a mapping says which text, number or date of a record it means.
use super::model::*;
use super::names::{Names, Type};
use super::pattern::{lookup_label, patterns};
use super::reader::{Node, Report, Table};
use crate::format::Selector;
use crate::format::fixed::sign_of;
use crate::format::json;
use crate::problem::suggestion;
use crate::value::date::DateSpelling;
use crate::value::money::{Digits, MoneySpelling, Placeholders};

pub const TEXT_KEYS: &[&str] = &["field", "column", "path", "const", "lookup", "trim", "one_of", "optional"];
const DATE_KEYS: &[&str] = &["field", "column", "path", "const", "lookup", "trim", "parse", "optional"];
pub const AMOUNT_KEYS: &[&str] = &[
    "field",
    "column",
    "path",
    "const",
    "lookup",
    "trim",
    "parse",
    "scale",
    "negate_when",
    "sum",
    "product",
    "optional",
];
/// Collects selectors while verbs are compiled.
pub struct Compiler<'t> {
    pub report: &'t Report<'t>,
    pub names: Names,
    pub selectors: Vec<Selector>,
    /// Selectors the block being compiled cannot do without.
    pub needs: Vec<u16>,
    /// The record type that block is for, where it says so.
    pub record: Option<u16>,
    pub spelling: MoneySpelling,
    pub missing: Vec<String>,
    pub dates: Vec<String>,
}

impl<'t> Compiler<'t> {
    pub fn select(&mut self, selector: Selector) -> u16 {
        let place = self.selectors.iter().position(|s| *s == selector).unwrap_or_else(|| {
            self.selectors.push(selector);
            self.selectors.len() - 1
        });
        // A mapping with 65,536 selectors would be longer than any file we read.
        u16::try_from(place).unwrap_or(u16::MAX)
    }

    /// What was read, and the selectors it cannot do without.
    pub fn reads_of<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> (T, Vec<Selector>) {
        let kept = std::mem::take(&mut self.needs);
        let value = read(self);
        let needs = std::mem::replace(&mut self.needs, kept);
        let selectors = needs.iter().filter_map(|n| self.selectors.get(usize::from(*n)).cloned());
        (value, selectors.collect())
    }

    /// The selector a table's `field`, `column` or `path` names.
    fn selector(&mut self, table: &Table<'t>) -> Option<Selector> {
        if let Some(node) = table.get("field") {
            return self.field(node);
        }
        if let Some(node) = table.get("column") {
            let number: usize = node.integer()?;
            if number == 0 {
                node.wrong("columns count from 1");
                return None;
            }
            if matches!(self.names.format, Some(Type::Fixed | Type::IbkrFlex)) {
                node.wrong("this format has no columns: a field is read by its name");
            }
            return Some(Selector::Column(number));
        }
        self.path(table.get("path")?)
    }

    fn path(&mut self, node: Node<'t>) -> Option<Selector> {
        let path = node.text()?;
        match self.names.format {
            Some(Type::Json) => {
                if let Err(wrong) = json::check_path(path) {
                    node.wrong(wrong);
                }
            }
            Some(Type::Delimited | Type::Fixed) => node.wrong("paths are of JSON: here a `field` is read"),
            Some(Type::IbkrFlex) | None => {}
        }
        Some(Selector::Path(path.to_owned()))
    }

    fn field(&mut self, node: Node<'t>) -> Option<Selector> {
        let name = node.text()?;
        let free = Some(Selector::Field(name.to_owned()));
        if self.names.format.is_none() {
            return free;
        }
        let fields = self.names.fields.as_ref();
        let known: Vec<&str> = if name.starts_with('@') {
            self.names.carried.iter().map(String::as_str).collect()
        } else if let Some(record) = self.record {
            self.names
                .places
                .iter()
                .filter(|p| p.record.is_none_or(|of| of == record))
                .map(|p| &*p.name)
                .collect()
        } else if let Some(fields) = fields {
            fields.iter().map(String::as_str).collect()
        } else {
            return free;
        };
        if known.contains(&name) {
            return free;
        }
        let of = if self.record.is_some() && !name.starts_with('@') { "record" } else { "layout" };
        node.wrong_with(format!("this {of} has no field `{name}`"), suggestion(name, &known));
        None
    }

    fn bare(&mut self, node: Node<'t>) -> Option<Selector> {
        if self.names.format == Some(Type::Json) { self.path(node) } else { self.field(node) }
    }

    pub fn text(&mut self, node: Node<'t>) -> Option<Text> {
        self.text_of(node, TEXT_KEYS)
    }

    /// A text, or a list of texts.
    pub fn texts(&mut self, node: Option<Node<'t>>) -> Vec<Text> {
        node.map(|n| n.items()).unwrap_or_default().into_iter().filter_map(|n| self.text(n)).collect()
    }

    pub(super) fn text_of(&mut self, node: Node<'t>, keys: &[&str]) -> Option<Text> {
        if node.as_text().is_some() {
            let selector = self.bare(node)?;
            return Some(self.slot(selector, Trim::Blanks, Vec::new(), false));
        }
        let table = node.table()?.closed(keys);
        self.sources(&table, &["field", "column", "path", "const", "lookup", "sum", "product"]);
        let trim = table.get("trim").map_or(Some(Trim::Blanks), trim).unwrap_or_default();
        let one_of = patterns(table.get("one_of"));
        let optional = table.flag("optional").unwrap_or(false);
        if let Some(selector) = self.selector(&table) {
            let mut text = self.slot(selector, trim, one_of, optional);
            if text.one_of.iter().any(Pattern::asks_sign) {
                text.number = Some(Box::new(self.written(&text, node)));
            }
            return Some(text);
        }
        if let Some(value) = table.get("const") {
            let text = constant(value)?;
            let label = format!("the constant `{text}`").into();
            return Some(Text {
                source: TextSource::Const(text.into()),
                trim,
                one_of,
                number: None,
                optional,
                label,
            });
        }
        let lookup = self.lookup(table.get("lookup")?, None)?;
        let label = lookup_label(&lookup);
        Some(Text {
            source: TextSource::Lookup(Box::new(lookup)),
            trim,
            one_of,
            number: None,
            optional,
            label,
        })
    }

    /// Exactly one verb says where a value comes from.
    fn sources(&self, table: &Table<'t>, verbs: &[&str]) {
        let given: Vec<&str> = verbs.iter().copied().filter(|v| table.has(v)).collect();
        match given.len() {
            1 => {}
            0 => table.wrong(format!("nothing says where the value comes from: one of {}", verbs.join(", "))),
            _ => table.wrong(format!("only one of {} can say where the value comes from", given.join(", "))),
        }
    }

    fn slot(&mut self, selector: Selector, trim: Trim, one_of: Vec<Pattern>, optional: bool) -> Text {
        let label = match &selector {
            Selector::Field(name) | Selector::Path(name) => format!("`{name}`"),
            Selector::Column(n) => format!("column {n}"),
        };
        let number = self.select(selector);
        if !optional {
            self.needs.push(number);
        }
        Text { source: TextSource::Slot(number), trim, one_of, number: None, optional, label: label.into() }
    }

    pub fn amount(&mut self, node: Node<'t>) -> Option<Amount> {
        self.number(node, Digits::AMOUNT, false)
    }

    /// A return or rate, as a fraction.
    pub fn rate(&mut self, node: Node<'t>, percent: bool) -> Option<Amount> {
        self.number(node, Digits::RATE, percent)
    }

    fn number(&mut self, node: Node<'t>, digits: Digits, percent: bool) -> Option<Amount> {
        if node.is_array() {
            some(node);
            let parts = node.items().into_iter().filter_map(|n| self.number(n, digits, percent)).collect();
            return Some(Amount {
                source: AmountSource::First(parts),
                negate: Negate::Never,
                optional: false,
                digits,
            });
        }
        if !node.is_table() {
            let text = self.text_of(node, TEXT_KEYS)?;
            return Some(self.plain_number(text, node, None, digits, percent));
        }
        let table = node.table()?.closed(AMOUNT_KEYS);
        let parts = table.get("sum").or_else(|| table.get("product"));
        let mut amount = if let Some(parts) = parts {
            self.sources(&table, &["field", "column", "path", "const", "lookup", "sum", "product"]);
            some(parts);
            let parts: Vec<Amount> =
                parts.items().into_iter().filter_map(|n| self.number(n, digits, percent)).collect();
            let source =
                if table.has("sum") { AmountSource::Sum(parts) } else { AmountSource::Product(parts) };
            let optional = table.flag("optional").unwrap_or(false);
            Amount { source, negate: Negate::Never, optional, digits }
        } else {
            let text = self.text_of(node, AMOUNT_KEYS)?;
            self.plain_number(text, node, Some(&table), digits, percent)
        };
        if let Some(when) = table.get("negate_when") {
            amount.negate = match when.as_flag() {
                Some(true) => Negate::Always,
                Some(false) => Negate::Never,
                None => Negate::When(self.condition(Some(when))),
            };
        }
        Some(amount)
    }

    /// How a text is written as an amount of money: by the feed's spelling, and in a fixed layout by its place.
    pub(super) fn written(&mut self, text: &Text, node: Node<'t>) -> Written {
        if let TextSource::Const(_) | TextSource::Lookup(_) = text.source {
            return Written { spelling: MoneySpelling::default(), sign: None };
        }
        let mut spelling = self.spelling.clone();
        let TextSource::Slot(n) = text.source else { return Written { spelling, sign: None } };
        let Some(Selector::Field(name)) = self.selectors.get(usize::from(n)).cloned() else {
            return Written { spelling, sign: None };
        };
        let decimals: Vec<u8> = self.names.places(&name, self.record).map(|p| p.decimals).collect();
        spelling.implied = decimals.first().copied().filter(|d| *d > 0);
        if decimals.iter().any(|d| Some(d) != decimals.first()) {
            node.wrong(format!(
                "records of this layout write `{name}` with different decimals: say by `record` which this is for"
            ));
        }
        let signed = self.names.places(&name, self.record).any(|p| p.signed);
        let sign = signed.then(|| self.select(Selector::Field(sign_of(&name))));
        Written { spelling, sign }
    }

    fn plain_number(
        &mut self,
        text: Text,
        node: Node<'t>,
        table: Option<&Table<'t>>,
        digits: Digits,
        percent: bool,
    ) -> Amount {
        let Written { spelling, sign } = self.written(&text, node);
        // A rate keeps all its places: only money is declared to be rounded.
        let round = spelling.round.filter(|_| digits == Digits::AMOUNT);
        let mut spelling = MoneySpelling { digits, percent, round, ..spelling };
        if let Some(node) = table.and_then(|t| t.get("parse")) {
            (spelling.point, spelling.grouping) =
                number_spelling(node).unwrap_or((spelling.point, spelling.grouping));
        }
        if let Some(implied) = table.and_then(|t| t.get("scale")).and_then(decimals) {
            spelling.implied = Some(implied);
        }
        let optional = text.optional;
        let spelling = Box::new(spelling);
        let source = match (&text.source, &text.trim, sign) {
            (TextSource::Slot(slot), Trim::Blanks, None) if text.one_of.is_empty() => {
                AmountSource::Direct { slot: *slot, text, spelling }
            }
            _ => AmountSource::Number { text, spelling, sign },
        };
        Amount { source, negate: Negate::Never, optional, digits }
    }

    pub fn date(&mut self, node: Node<'t>) -> Option<DateOf> {
        let text = self.text_of(node, DATE_KEYS);
        let parse = node.is_table().then(|| node.table()).flatten().and_then(|t| t.get("parse"));
        let spellings = parse.map_or_else(|| self.dates.clone(), date_spellings);
        let mut spelling = DateSpelling::new(&spellings).ok()?;
        spelling.missing = self.placeholders();
        Some(DateOf { text: text?, spelling })
    }

    /// What stands for "not stated" in any field.
    pub fn placeholders(&self) -> Placeholders {
        std::iter::once("").chain(self.missing.iter().map(String::as_str)).collect()
    }
}

/// Spellings of dates, each judged where it stands.
pub fn date_spellings(node: Node<'_>) -> Vec<String> {
    let items = node.items();
    if items.is_empty() {
        node.wrong("no spelling of a date is declared");
    }
    let judge = |item: &Node<'_>| {
        let text = item.text()?;
        DateSpelling::new(&[text]).map_err(|wrong| item.wrong(wrong)).ok()?;
        Some(text.to_owned())
    };
    items.iter().filter_map(judge).collect()
}

/// How many of a number's last digits are decimals.
pub fn decimals(node: Node<'_>) -> Option<u8> {
    let decimals = node.integer()?;
    if decimals > 18 {
        node.wrong("at most 18 digits of a number are decimals");
    }
    Some(decimals)
}

/// A list that says something.
pub(super) fn some(node: Node<'_>) {
    if node.items().is_empty() {
        node.wrong("an empty list says nothing");
    }
}

fn constant(node: Node<'_>) -> Option<String> {
    match node.as_text() {
        Some(_) => node.text().map(str::to_owned),
        None => node.integer::<i64>().map(|n| n.to_string()),
    }
}

fn trim(node: Node<'_>) -> Option<Trim> {
    match (node.as_flag(), node.as_text()) {
        (Some(true), _) => Some(Trim::Blanks),
        (Some(false), _) => Some(Trim::Nothing),
        (_, Some(also)) => Some(Trim::Also(also.as_bytes().into())),
        _ => {
            node.wrong("expected true, false or the characters to cut off");
            None
        }
    }
}

/// A number's spelling by an example of it: (point, grouping).
pub fn number_spelling(node: Node<'_>) -> Option<(u8, Option<u8>)> {
    node.choice(&[
        ("1,234.50", (b'.', Some(b','))),
        ("1.234,50", (b',', Some(b'.'))),
        ("1 234,50", (b',', Some(b' '))),
        ("1 234.50", (b'.', Some(b' '))),
        ("1'234.50", (b'.', Some(b'\''))),
        ("1234.50", (b'.', None)),
        ("1234,50", (b',', None)),
    ])
}

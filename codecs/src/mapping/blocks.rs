//! `[[observation]]` and `[[ignore]]`: what a record means.
use super::expression::Compiler;
use super::model::*;
use super::names::ToldApart;
use super::reader::Table;
use crate::problem::suggestion;
use returns::fact::{Class, Span};

pub const COMMON: &[&str] =
    &["kind", "record", "section", "when", "account", "account_no", "as_of", "revision"];

/// The keys of each kind, beside the common ones.
pub const KINDS: &[(&str, &[&str])] = &[
    (
        "summary",
        &[
            "begin",
            "end",
            "accrued",
            "contributions",
            "distributions",
            "net_flow",
            "fees",
            "fees_outside",
            "fees_in",
            "reported_return",
            "unit",
            "span",
            "flows_span",
            "currency",
        ],
    ),
    ("valuation", &["at", "value", "accrued", "currency"]),
    (
        "flow",
        &[
            "class",
            "amount",
            "currency",
            "at",
            "effective",
            "security",
            "counter_account",
            "description",
            "id",
            "ref",
            "cancels",
            "cancel_when",
        ],
    ),
    ("holding", &["security", "ref", "value", "accrued", "quantity", "price", "currency"]),
    ("account", &["base_currency", "performance_start", "closed_on", "name"]),
    ("opening", &["end", "cumulative", "cumulative_gross", "cumulative_net_flow", "inception", "unit"]),
    ("return", &["from", "net", "gross", "unit"]),
];

/// Reads the blocks. `types` are the record types or sections, grown here for sections.
pub struct Blocks<'c, 't> {
    pub compiler: &'c mut Compiler<'t>,
    pub types: Vec<String>,
    /// Where this vendor puts fees unless a block says otherwise.
    pub fees_in: FeesIn,
}

impl<'t> Blocks<'_, 't> {
    pub fn observation(&mut self, table: &Table<'t>) -> Option<Block> {
        let kinds: Vec<(&str, usize)> = KINDS.iter().enumerate().map(|(n, (name, _))| (*name, n)).collect();
        // Of a kind nobody knows, what all kinds have is read still.
        let kind = table.need("kind").and_then(|n| n.choice(&kinds)).map(|n| KINDS[n]);
        let keys: Vec<&str> = COMMON.iter().chain(kind.iter().flat_map(|(_, own)| *own)).copied().collect();
        let table = &if kind.is_some() { table.clone().closed(&keys) } else { table.clone() };
        self.compiler.needs.clear();
        let (record, when) = self.scope(table);
        let as_of = self.date(table, "as_of");
        let revision = self.amount(table, "revision");
        let account = self.account(table);
        let (kind, _) = kind?;
        let timed = matches!(kind, "valuation" | "flow") && table.has("at");
        if !table.has("as_of") && !timed {
            table.wrong("the key `as_of` is missing: every observation has a date");
        }
        let fields = self.fields(kind, table);
        let mut needs = std::mem::take(&mut self.compiler.needs);
        needs.sort_unstable();
        needs.dedup();
        let (account, is_account_no) = account?;
        Some(Block { record, when, account, is_account_no, as_of, revision, needs, fields: fields? })
    }

    fn account(&mut self, table: &Table<'t>) -> Option<(Text, bool)> {
        let vendors = self.text(table, "account").map(|text| (text, false));
        let ours = self.text(table, "account_no").map(|text| (text, true));
        if table.has("account") == table.has("account_no") {
            table.wrong("an observation says whose it is by `account` (as the vendor writes it) or by `account_no` (ours), one of them");
        }
        vendors.or(ours)
    }

    pub fn ignore(&mut self, table: &Table<'t>) -> Option<Ignore> {
        let table = table.clone().closed(&["class", "record", "section", "when"]);
        let class = table.need("class").and_then(|n| n.text());
        let (record, when) = self.scope(&table);
        if !["when", "record", "section"].iter().any(|key| table.has(key)) {
            table.wrong("this would leave out every record: say which by `when`, `record` or `section`");
        }
        Some(Ignore { class: class?.into(), record, when })
    }

    /// Which records a block is for. What it reads after this is read of them.
    pub fn scope(&mut self, table: &Table<'t>) -> (Option<u16>, Condition) {
        let record = self.record(table);
        self.compiler.record = record.filter(|_| self.compiler.names.told_apart == ToldApart::ByRecord);
        (record, self.compiler.condition(table.get("when")))
    }

    /// The record type or section a block reads.
    fn record(&mut self, table: &Table<'t>) -> Option<u16> {
        let told_apart = self.compiler.names.told_apart;
        let wrong = |key, why: &str| {
            if let Some(node) = table.get(key) {
                node.wrong(why);
            }
        };
        match told_apart {
            ToldApart::Unknown => return None,
            ToldApart::ByNothing => {
                let why = "this feed has one kind of record: tell them apart by `when` (tables in one file: declare `sections`)";
                wrong("record", why);
                wrong("section", why);
                return None;
            }
            ToldApart::ByRecord => wrong("section", "this format tells records apart by `record`"),
            ToldApart::BySection => wrong("record", "this format tells records apart by `section`"),
        }
        let declared = told_apart == ToldApart::ByRecord;
        let node = table.get(if declared { "record" } else { "section" })?;
        let name = node.text()?;
        if self.compiler.names.parts.iter().any(|part| part == name) {
            node.wrong(format!(
                "`{name}` is a part of other records: a block is for those, and reads its fields with theirs"
            ));
            return None;
        }
        let place = self.types.iter().position(|t| t == name);
        if place.is_none() && declared {
            let known: Vec<&str> = self.types.iter().map(String::as_str).collect();
            node.wrong_with(format!("no record is named `{name}`"), suggestion(name, &known));
            return None;
        }
        let place = place.unwrap_or_else(|| {
            self.types.push(name.to_owned());
            self.types.len() - 1
        });
        u16::try_from(place).ok()
    }

    fn fields(&mut self, kind: &str, table: &Table<'t>) -> Option<BlockFields> {
        Some(match kind {
            "summary" => BlockFields::Summary(Box::new(self.summary(table))),
            "valuation" => BlockFields::Valuation(Box::new(self.valuation(table)?)),
            "flow" => BlockFields::Flow(Box::new(self.flow(table)?)),
            "holding" => BlockFields::Holding(Box::new(self.holding(table)?)),
            "account" => BlockFields::Account(Box::new(self.reference_data(table))),
            "opening" => BlockFields::Opening(Box::new(self.opening(table)?)),
            _ => BlockFields::Return(Box::new(self.imported(table)?)),
        })
    }

    fn amount(&mut self, table: &Table<'t>, key: &str) -> Option<Amount> {
        table.get(key).and_then(|n| self.compiler.amount(n))
    }

    fn needed_amount(&mut self, table: &Table<'t>, key: &str) -> Option<Amount> {
        table.need(key).and_then(|n| self.compiler.amount(n))
    }

    fn rate(&mut self, table: &Table<'t>, key: &str) -> Option<Amount> {
        let node = table.get(key)?;
        let percent = table.choice("unit", &[("percent", true), ("fraction", false)]);
        if !table.has("unit") {
            node.wrong("a return has a `unit`: \"percent\" or \"fraction\"");
        }
        self.compiler.rate(node, percent.unwrap_or(false))
    }

    fn needed_rate(&mut self, table: &Table<'t>, key: &str) -> Option<Amount> {
        table.need(key);
        self.rate(table, key)
    }

    fn needed_date(&mut self, table: &Table<'t>, key: &str) -> Option<DateOf> {
        table.need(key).and_then(|n| self.compiler.date(n))
    }

    fn text(&mut self, table: &Table<'t>, key: &str) -> Option<Text> {
        table.get(key).and_then(|n| self.compiler.text(n))
    }

    fn date(&mut self, table: &Table<'t>, key: &str) -> Option<DateOf> {
        table.get(key).and_then(|n| self.compiler.date(n))
    }

    fn summary(&mut self, table: &Table<'t>) -> SummaryFields {
        let spans: Vec<(&str, Span)> = Span::ALL.iter().map(|s| (s.as_str(), *s)).collect();
        let fields = SummaryFields {
            begin: self.amount(table, "begin"),
            end: self.amount(table, "end"),
            accrued: self.amount(table, "accrued"),
            contributions: self.amount(table, "contributions"),
            distributions: self.amount(table, "distributions"),
            net_flow: self.amount(table, "net_flow"),
            fees: self.amount(table, "fees"),
            fees_outside: self.amount(table, "fees_outside"),
            fees_in: table.choice("fees_in", FEES_IN).unwrap_or(self.fees_in),
            reported_return: self.rate(table, "reported_return"),
            span: table.choice("span", &spans).unwrap_or_default(),
            flows_of_period: table.choice("flows_span", &[("day", false), ("period", true)]).unwrap_or(false),
            currency: self.text(table, "currency"),
        };
        if fields.net_flow.is_some() && (fields.contributions.is_some() || fields.distributions.is_some()) {
            table.wrong("`net_flow` is for vendors that give no `contributions` and `distributions`");
        }
        fields
    }

    fn valuation(&mut self, table: &Table<'t>) -> Option<ValuationFields> {
        let at = self.date(table, "at");
        let accrued = self.amount(table, "accrued");
        let currency = self.text(table, "currency");
        Some(ValuationFields { at, value: self.needed_amount(table, "value")?, accrued, currency })
    }

    // What must be there is asked for last, when all else was read: one mistake hides no other.

    fn flow(&mut self, table: &Table<'t>) -> Option<FlowFields> {
        if table.has("cancels") && !table.has("cancel_when") {
            table.wrong("`cancels` says which flow is cancelled; `cancel_when` says which records cancel");
        }
        let class = self.class(table);
        Some(FlowFields {
            amount: self.needed_amount(table, "amount"),
            currency: self.text(table, "currency"),
            at: self.date(table, "at"),
            effective: self.date(table, "effective"),
            security: self.text(table, "security"),
            counter_account: self.text(table, "counter_account"),
            description: self.text(table, "description"),
            id: self.compiler.texts(table.get("id")),
            reference: self.compiler.texts(table.get("ref")),
            cancels: self.compiler.texts(table.get("cancels")),
            cancel_when: table.get("cancel_when").map(|n| self.compiler.condition(Some(n))),
            class: class?,
        })
    }

    fn class(&mut self, table: &Table<'t>) -> Option<ClassOf> {
        let node = table.need("class")?;
        let classes: Vec<(&str, Class)> = Class::ALL.iter().map(|c| (c.as_str(), *c)).collect();
        if node.as_text().is_some() {
            return Some(ClassOf::Always(node.choice(&classes)?));
        }
        let names: Vec<&str> = classes.iter().map(|(name, _)| *name).collect();
        let inner = node.table()?;
        if let Some(lookup) = inner.get("lookup") {
            inner.closed(&["lookup"]);
            let lookup = self.compiler.lookup(lookup, Some(&names))?;
            let label = lookup.columns.iter().map(|c| &*c.label).collect::<Vec<_>>().join(", ").into();
            let source = TextSource::Lookup(Box::new(lookup));
            let text =
                Text { source, trim: Trim::Blanks, one_of: Vec::new(), number: None, optional: false, label };
            return Some(ClassOf::By(text));
        }
        self.compiler.text(node).map(ClassOf::By)
    }

    fn holding(&mut self, table: &Table<'t>) -> Option<HoldingFields> {
        let security = table.need("security").and_then(|n| self.compiler.text(n));
        let value = self.needed_amount(table, "value");
        Some(HoldingFields {
            reference: self.compiler.texts(table.get("ref")),
            accrued: self.amount(table, "accrued"),
            quantity: self.amount(table, "quantity"),
            price: self.amount(table, "price"),
            currency: self.text(table, "currency"),
            security: security?,
            value: value?,
        })
    }

    fn reference_data(&mut self, table: &Table<'t>) -> AccountFields {
        AccountFields {
            base_currency: self.text(table, "base_currency"),
            performance_start: self.date(table, "performance_start"),
            closed_on: self.date(table, "closed_on"),
            name: self.text(table, "name"),
        }
    }

    fn opening(&mut self, table: &Table<'t>) -> Option<OpeningFields> {
        let end = self.needed_amount(table, "end");
        let cumulative = self.needed_rate(table, "cumulative");
        let cumulative_net_flow = self.needed_amount(table, "cumulative_net_flow");
        let inception = self.needed_date(table, "inception");
        Some(OpeningFields {
            cumulative_gross: self.rate(table, "cumulative_gross"),
            end: end?,
            cumulative: cumulative?,
            cumulative_net_flow: cumulative_net_flow?,
            inception: inception?,
        })
    }

    fn imported(&mut self, table: &Table<'t>) -> Option<ReturnFields> {
        let from = self.needed_date(table, "from");
        let net = self.needed_rate(table, "net");
        Some(ReturnFields { gross: self.rate(table, "gross"), from: from?, net: net? })
    }
}

/// Where fees may be.
pub const FEES_IN: &[(&str, FeesIn)] =
    &[("value", FeesIn::Value), ("distributions", FeesIn::Distributions), ("outside", FeesIn::Outside)];

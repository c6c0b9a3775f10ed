//! A compiled mapping: what to read and what it means. Names are resolved, spellings compiled; nothing is looked up by text again.
use crate::value::date::DateSpelling;
use crate::value::money::{Digits, MoneySpelling};
use returns::fact::{Class, Kind, Span};

/// A text of the record.
#[derive(Debug)]
pub struct Text {
    pub source: TextSource,
    pub trim: Trim,
    /// What the text must be one of; empty: anything.
    pub one_of: Vec<Pattern>,
    /// How it is written as a number, where a pattern asks for its sign.
    pub number: Option<Box<Written>>,
    pub optional: bool,
    /// How the author named it, for messages.
    pub label: Box<str>,
}

#[derive(Debug)]
pub enum TextSource {
    /// A selector.
    Slot(u16),
    Const(Box<str>),
    Lookup(Box<Lookup>),
}

/// How a number is written.
#[derive(Debug)]
pub struct Written {
    pub spelling: MoneySpelling,
    /// The selector of a sign that stands apart.
    pub sign: Option<u16>,
}

/// What is cut off both ends of a text.
#[derive(Debug, Default)]
pub enum Trim {
    #[default]
    Blanks,
    Nothing,
    /// Blanks, and these as well.
    Also(Box<[u8]>),
}

/// The first row whose patterns fit all columns gives the text.
#[derive(Debug)]
pub struct Lookup {
    pub columns: Vec<Text>,
    pub rows: Vec<(Vec<Pattern>, Box<str>)>,
}

/// One cell of a lookup, or one word of `one_of`.
#[derive(Debug, PartialEq)]
pub enum Pattern {
    Exact(Box<[u8]>),
    Prefix(Box<[u8]>),
    /// Any text but none.
    Any,
    /// No text, or a field that is not there.
    Blank,
    /// Anything at all.
    Whatever,
    Below0,
    Above0,
    Equals0,
    Not(Box<Pattern>),
}

impl Pattern {
    pub fn asks_sign(&self) -> bool {
        match self {
            Pattern::Below0 | Pattern::Above0 | Pattern::Equals0 => true,
            Pattern::Not(inner) => inner.asks_sign(),
            _ => false,
        }
    }
}

/// Tests that must all hold.
pub type Condition = Vec<Test>;

#[derive(Debug)]
pub struct Test {
    pub text: Text,
    pub patterns: Vec<Pattern>,
}

/// A number of the record.
#[derive(Debug)]
pub struct Amount {
    pub source: AmountSource,
    pub negate: Negate,
    pub optional: bool,
    /// Bounds of the result.
    pub digits: Digits,
}

#[derive(Debug)]
pub enum AmountSource {
    /// A field as it stands: the spelling itself knows blanks and what stands for a missing number.
    Direct {
        slot: u16,
        text: Text,
        spelling: Box<MoneySpelling>,
    },
    /// A text on which other verbs work first.
    Number {
        text: Text,
        spelling: Box<MoneySpelling>,
        /// The selector of a sign that stands apart.
        sign: Option<u16>,
    },
    Sum(Vec<Amount>),
    Product(Vec<Amount>),
    /// The first that is stated.
    First(Vec<Amount>),
}

impl Amount {
    /// How the author named it, for messages.
    pub fn label(&self) -> &str {
        match &self.source {
            AmountSource::Direct { text, .. } | AmountSource::Number { text, .. } => &text.label,
            AmountSource::Sum(parts) | AmountSource::Product(parts) | AmountSource::First(parts) => {
                parts.first().map_or("an amount", Amount::label)
            }
        }
    }
}

#[derive(Debug, Default)]
pub enum Negate {
    #[default]
    Never,
    Always,
    When(Condition),
}

/// A date or time of the record.
#[derive(Debug)]
pub struct DateOf {
    pub text: Text,
    pub spelling: DateSpelling,
}

/// One `[[observation]]`: a record it applies to gives one observation.
#[derive(Debug)]
pub struct Block {
    /// The record type or section it applies to; `None`: every one.
    pub record: Option<u16>,
    pub when: Condition,
    pub account: Text,
    /// The text is our own account number, not the vendor's.
    pub is_account_no: bool,
    pub as_of: Option<DateOf>,
    pub revision: Option<Amount>,
    /// Selectors whose column must be there.
    pub needs: Vec<u16>,
    pub fields: BlockFields,
}

#[derive(Debug)]
pub enum BlockFields {
    Summary(Box<SummaryFields>),
    Valuation(Box<ValuationFields>),
    Flow(Box<FlowFields>),
    Holding(Box<HoldingFields>),
    Account(Box<AccountFields>),
    Opening(Box<OpeningFields>),
    Return(Box<ReturnFields>),
}

impl BlockFields {
    pub fn kind(&self) -> Kind {
        match self {
            BlockFields::Summary(_) => Kind::Summary,
            BlockFields::Valuation(_) => Kind::Valuation,
            BlockFields::Flow(_) => Kind::Flow,
            BlockFields::Holding(_) => Kind::Holding,
            BlockFields::Account(_) => Kind::Account,
            BlockFields::Opening(_) => Kind::Opening,
            BlockFields::Return(_) => Kind::Return,
        }
    }
}

/// Where the vendor puts advisory fees (F1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FeesIn {
    /// Taken out of the value, not among distributions.
    #[default]
    Value,
    /// Also among distributions.
    Distributions,
    /// Paid elsewhere.
    Outside,
}

#[derive(Debug)]
pub struct SummaryFields {
    pub begin: Option<Amount>,
    pub end: Option<Amount>,
    pub accrued: Option<Amount>,
    pub contributions: Option<Amount>,
    pub distributions: Option<Amount>,
    /// Contributions less distributions, where the vendor gives but one figure.
    pub net_flow: Option<Amount>,
    pub fees: Option<Amount>,
    pub fees_outside: Option<Amount>,
    pub fees_in: FeesIn,
    pub reported_return: Option<Amount>,
    pub span: Span,
    pub flows_of_period: bool,
    pub currency: Option<Text>,
}

impl SummaryFields {
    pub fn has_flows(&self) -> bool {
        self.contributions.is_some() || self.distributions.is_some() || self.net_flow.is_some()
    }
}

#[derive(Debug)]
pub struct ValuationFields {
    pub at: Option<DateOf>,
    pub value: Amount,
    pub accrued: Option<Amount>,
    pub currency: Option<Text>,
}

#[derive(Debug)]
pub struct FlowFields {
    pub class: ClassOf,
    pub amount: Option<Amount>,
    pub currency: Option<Text>,
    pub at: Option<DateOf>,
    pub effective: Option<DateOf>,
    pub security: Option<Text>,
    pub counter_account: Option<Text>,
    pub description: Option<Text>,
    /// The vendor's own id of the transaction.
    pub id: Vec<Text>,
    /// What names the flow where the vendor has no id.
    pub reference: Vec<Text>,
    pub cancels: Vec<Text>,
    pub cancel_when: Option<Condition>,
}

#[derive(Debug)]
pub enum ClassOf {
    Always(Class),
    /// A text that is a class's name.
    By(Text),
}

#[derive(Debug)]
pub struct HoldingFields {
    pub security: Text,
    /// What else tells positions of one security apart, such as lot or margin type.
    pub reference: Vec<Text>,
    pub value: Amount,
    pub accrued: Option<Amount>,
    pub quantity: Option<Amount>,
    pub price: Option<Amount>,
    pub currency: Option<Text>,
}

#[derive(Debug)]
pub struct AccountFields {
    pub base_currency: Option<Text>,
    pub performance_start: Option<DateOf>,
    pub closed_on: Option<DateOf>,
    pub name: Option<Text>,
}

#[derive(Debug)]
pub struct OpeningFields {
    pub end: Amount,
    pub cumulative: Amount,
    pub cumulative_gross: Option<Amount>,
    pub cumulative_net_flow: Amount,
    pub inception: DateOf,
}

#[derive(Debug)]
pub struct ReturnFields {
    pub from: DateOf,
    pub net: Amount,
    pub gross: Option<Amount>,
}

/// One `[[ignore]]`: records left out and counted under a class.
#[derive(Debug)]
pub struct Ignore {
    pub class: Box<str>,
    pub record: Option<u16>,
    pub when: Condition,
}

/// Whether a feed says everything of its date, or what changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    #[default]
    Full,
    Delta,
}

/// Where a feed's date stands.
#[derive(Debug)]
pub enum BusinessDate {
    Said(DateOf),
    /// In its file's name: the last date of that spelling.
    InName(DateSpelling),
}

/// A sum that a feed declares, and of what.
#[derive(Debug)]
pub struct Total {
    pub declared: Amount,
    /// Added up over the records it is for.
    pub of: Amount,
    pub record: Option<u16>,
    pub when: Condition,
}

/// What a feed says of itself: `[feed]`.
#[derive(Debug, Default)]
pub struct FeedRules {
    pub delivery: Delivery,
    /// The first of these that is stated.
    pub business_date: Vec<BusinessDate>,
    pub arrival: Option<DateOf>,
    /// The number of records the feed declares.
    pub count: Option<Amount>,
    /// Classes of lines left out that the declared number includes.
    pub count_includes: Vec<String>,
    /// What the feed declares its records to sum to.
    pub totals: Vec<Total>,
    /// A text that only a whole feed has.
    pub trailer: Option<Text>,
}

/// How a vendor's payload is known: `[detect]`.
#[derive(Debug, Default)]
pub struct Detect {
    /// Names with `*` and `?`; one must fit.
    pub file: Vec<String>,
    /// Texts that must all stand in the first bytes.
    pub head: Vec<String>,
}

//! Facts: what figures are a function of.
//!
//! A fact says something about one account (the account itself stands beside the fact, not in it). What it says is
//! never updated or deleted; which facts stand, and which of several wins, is decided by the fold in [`crate::ledger`].
use crate::date::{Date, Micros};
use crate::policy::Vendor;
use record::{FeedKey, PartitionKey, Position, Symbol};
use rust_decimal::Decimal;
use std::sync::Arc;

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    Vendor(Vendor),
    /// People who correct; a correction overlays single fields on the vendor's winner (F7).
    Correction,
}

/// When a fact came, by what its source or feed states, never by our clock: so a replay anywhere decides the same.
/// A feed that states no time (a bare name) sorts below every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arrival(pub Option<Micros>);

/// Where a fact came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    pub partition: PartitionKey,
    pub position: Position,
}

/// A hash of what a fact says: the mapped fields, the vendor's revision and the account as sent, with numbers normalised;
/// not its place, feed or mapping. Made by [`Fact::content_of`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content(pub [u8; 16]);

/// One thing said about one account. Identity is (key, feed, content); see [`Fact::key`].
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub origin: Origin,
    /// The business date it speaks of. For a flow the date the vendor's value knows it.
    pub as_of: Date,
    /// Empty (`None`) for a summary; the time for a valuation; the security (with what the mapping names, and the ordinal
    /// among equals) for a holding; the ticket for a correction; F5's rule for a flow; what is targeted for a withdrawal or a cancel.
    pub reference: Option<Arc<str>>,
    /// The vendor's own revision of what it says; none is lowest.
    pub revision: Option<u64>,
    pub arrival: Arrival,
    pub place: Place,
    pub feed: FeedKey,
    pub content: Content,
    /// The account as the vendor sent it.
    pub vendor_account: Symbol,
    pub mapping_version: u32,
    pub body: Body,
}

/// Kinds of facts, as keys and as stored text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    Summary = 1,
    Valuation = 2,
    Flow = 3,
    Holding = 4,
    Account = 5,
    Opening = 6,
    Return = 7,
    Correction = 8,
    Cancel = 9,
    Withdrawal = 10,
    Quarantined = 11,
}

impl Kind {
    pub const ALL: [Kind; 11] = [
        Kind::Summary,
        Kind::Valuation,
        Kind::Flow,
        Kind::Holding,
        Kind::Account,
        Kind::Opening,
        Kind::Return,
        Kind::Correction,
        Kind::Cancel,
        Kind::Withdrawal,
        Kind::Quarantined,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Summary => "summary",
            Kind::Valuation => "valuation",
            Kind::Flow => "flow",
            Kind::Holding => "holding",
            Kind::Account => "account",
            Kind::Opening => "opening",
            Kind::Return => "return",
            Kind::Correction => "correction",
            Kind::Cancel => "cancel",
            Kind::Withdrawal => "withdrawal",
            Kind::Quarantined => "quarantined",
        }
    }
}

/// What may hold one current content. A flow with the vendor's own id has no date in its key, so that its date can be corrected;
/// nor has the cancel of a named original.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub origin: Origin,
    pub kind: Kind,
    pub as_of: Option<Date>,
    pub reference: Option<Arc<str>>,
}

/// What is said. Amounts have at most 15 digits before and 8 after the point, no trailing zeros and no -0.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Summary(Summary),
    Valuation(Valuation),
    Flow(Flow),
    Holding(Holding),
    Account(AccountInfo),
    Opening(Opening),
    Return(ImportedReturn),
    Correction(Box<Correction>),
    Cancel(Box<Cancel>),
    Withdrawal(Box<Withdrawal>),
    /// A record that names this account and date sits in quarantine; it holds the day (F6).
    Quarantined(Box<Quarantined>),
}

/// A set of the fields a vendor stated; what is not stated is unknown, not zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Stated(pub u16);

impl Stated {
    pub const BEGIN: Stated = Stated(1);
    pub const END: Stated = Stated(2);
    pub const CONTRIBUTIONS: Stated = Stated(4);
    pub const DISTRIBUTIONS: Stated = Stated(8);
    pub const FEES: Stated = Stated(16);
    pub const FEES_OUTSIDE: Stated = Stated(32);
    pub const ACCRUED: Stated = Stated(64);
    pub const REPORTED_RETURN: Stated = Stated(128);
    /// The flows are those of the whole period since the row before, not of this date (F1).
    pub const FLOWS_OF_PERIOD: Stated = Stated(256);

    pub fn has(self, field: Stated) -> bool {
        self.0 & field.0 == field.0
    }
    pub fn with(self, field: Stated) -> Stated {
        Stated(self.0 | field.0)
    }
}

/// A day's values and flows. A field that is not in `stated` is 0 here and means nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The vendor's own beginning value: compared, used only for a first row.
    pub begin: Decimal,
    /// Ending value without `accrued` where the vendor gives it apart.
    pub end: Decimal,
    pub contributions: Decimal,
    pub distributions: Decimal,
    /// Advisory fees taken out of the account (A). A rebate is negative.
    pub fees: Decimal,
    /// Advisory fees of this account paid elsewhere (X).
    pub fees_outside: Decimal,
    pub accrued: Decimal,
    /// The vendor's own return as a fraction, over `reported_span`.
    pub reported_return: Decimal,
    pub reported_span: Span,
    pub stated: Stated,
    /// Of all its amounts, ISO 4217; `None` is the account's base currency. A row does not carry a summary that states one.
    pub currency: Option<[u8; 3]>,
}

/// The time a vendor's own return covers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Span {
    #[default]
    Day = 0,
    Mtd = 1,
    Qtd = 2,
    Ytd = 3,
    Inception = 4,
    /// From the row before.
    Period = 5,
}

impl Span {
    pub const ALL: [Span; 6] = [Span::Day, Span::Mtd, Span::Qtd, Span::Ytd, Span::Inception, Span::Period];
    pub fn as_str(self) -> &'static str {
        match self {
            Span::Day => "day",
            Span::Mtd => "mtd",
            Span::Qtd => "qtd",
            Span::Ytd => "ytd",
            Span::Inception => "inception",
            Span::Period => "period",
        }
    }
}

/// A value at a time. Without a time it is the day's closing value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Valuation {
    pub at: Option<Micros>,
    pub value: Decimal,
    pub accrued: Decimal,
    /// ISO 4217; `None` is the account's base currency.
    pub currency: Option<[u8; 3]>,
}

/// The class of a transaction (F5). Contribution, distribution, the transfers and journal are external flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Class {
    Contribution = 1,
    Distribution = 2,
    TransferIn = 3,
    TransferOut = 4,
    Journal = 5,
    Income = 6,
    TaxOnIncome = 7,
    FeeAdvisory = 8,
    FeeOther = 9,
    Trade = 10,
    Cost = 11,
    CorporateAction = 12,
    Ignore = 13,
}

impl Class {
    pub const ALL: [Class; 13] = [
        Class::Contribution,
        Class::Distribution,
        Class::TransferIn,
        Class::TransferOut,
        Class::Journal,
        Class::Income,
        Class::TaxOnIncome,
        Class::FeeAdvisory,
        Class::FeeOther,
        Class::Trade,
        Class::Cost,
        Class::CorporateAction,
        Class::Ignore,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Class::Contribution => "contribution",
            Class::Distribution => "distribution",
            Class::TransferIn => "transfer_in",
            Class::TransferOut => "transfer_out",
            Class::Journal => "journal",
            Class::Income => "income",
            Class::TaxOnIncome => "tax_on_income",
            Class::FeeAdvisory => "fee_advisory",
            Class::FeeOther => "fee_other",
            Class::Trade => "trade",
            Class::Cost => "cost",
            Class::CorporateAction => "corporate_action",
            Class::Ignore => "ignore",
        }
    }

    /// Whether money of this class crosses the account's border.
    pub fn is_external(self) -> bool {
        (self as u8) <= Class::Journal as u8
    }
}

/// One transaction that matters to a return: an external flow, or an advisory fee.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    pub class: Class,
    /// Into the account positive, out of it negative; a fee taken out is negative. `None`: in kind and not yet priced (`unpriced_transfer`).
    pub amount: Option<Decimal>,
    /// ISO 4217; `None` is the account's base currency.
    pub currency: Option<[u8; 3]>,
    pub at: Option<Micros>,
    /// The "as of" date, where the vendor gives one beside the posted date.
    pub effective: Option<Date>,
    pub security: Option<Arc<str>>,
    pub counter_account: Option<Arc<str>>,
    pub description: Option<Arc<str>>,
    /// The reference is the vendor's own id, so the key has no date.
    pub own_id: bool,
}

/// One position.
#[derive(Clone, Debug, PartialEq)]
pub struct Holding {
    pub security: Arc<str>,
    pub value: Decimal,
    pub accrued: Decimal,
    pub quantity: Option<Decimal>,
    pub price: Option<Decimal>,
    pub currency: Option<[u8; 3]>,
}

/// Reference data. A field not stated says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountInfo {
    pub base_currency: Option<[u8; 3]>,
    pub performance_start: Option<Date>,
    pub closed_on: Option<Date>,
    pub name: Option<Arc<str>>,
}

/// History moved in as a standing (F9).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Opening {
    pub end: Decimal,
    pub cumulative_twrr: Decimal,
    pub cumulative_twrr_gross: Option<Decimal>,
    pub cumulative_net_flow: Decimal,
    pub inception: Date,
}

/// History moved in as returns (F9): the period ends on the fact's date.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportedReturn {
    pub from: Date,
    pub net: Decimal,
    pub gross: Option<Decimal>,
}

/// A field a correction speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Patch {
    /// Not spoken of.
    #[default]
    Absent,
    /// JSON null: the field is no longer corrected.
    TakenAway,
    Set(Decimal),
}

/// A correction of single fields of one account-day (F7). Ordered by (revision of the ticket, event time, id).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Correction {
    pub end_value: Patch,
    pub contributions: Patch,
    pub distributions: Patch,
    pub fees: Patch,
    pub event_id: Arc<str>,
    pub event_time: Micros,
    pub ticket: Arc<str>,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// A tombstone for a flow, before or after it (F5).
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel {
    /// The original's reference; without one, the latest live match on account, date, class, amount and security.
    pub original: Option<Arc<str>>,
    pub class: Class,
    pub amount: Option<Decimal>,
    pub security: Option<Arc<str>>,
}

/// What a withdrawal takes back. It asks the place kept, alone.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Record(Place),
    Feed(FeedKey),
    /// A correction, by its ticket.
    Ticket(Arc<str>),
}

/// A withdrawal or its undoing; before, after or without its target. The latest by (event time, id) holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Withdrawal {
    pub target: Target,
    pub reinstate: bool,
    pub event_id: Arc<str>,
    pub event_time: Micros,
    pub who: Arc<str>,
    pub reason: Arc<str>,
}

/// Why a record sits in quarantine.
#[derive(Clone, Debug, PartialEq)]
pub struct Quarantined {
    pub code: Arc<str>,
    /// Re-driven, accepted or discarded: holds no longer.
    pub released: bool,
}

impl Body {
    pub fn kind(&self) -> Kind {
        match self {
            Body::Summary(_) => Kind::Summary,
            Body::Valuation(_) => Kind::Valuation,
            Body::Flow(_) => Kind::Flow,
            Body::Holding(_) => Kind::Holding,
            Body::Account(_) => Kind::Account,
            Body::Opening(_) => Kind::Opening,
            Body::Return(_) => Kind::Return,
            Body::Correction(_) => Kind::Correction,
            Body::Cancel(_) => Kind::Cancel,
            Body::Withdrawal(_) => Kind::Withdrawal,
            Body::Quarantined(_) => Kind::Quarantined,
        }
    }
}

impl Fact {
    pub fn kind(&self) -> Kind {
        self.body.kind()
    }

    pub fn key(&self) -> Key {
        Key {
            origin: self.origin,
            kind: self.kind(),
            as_of: self.is_dated().then_some(self.as_of),
            reference: self.reference.clone(),
        }
    }

    /// Whether the date is part of the key.
    pub fn is_dated(&self) -> bool {
        match &self.body {
            Body::Flow(f) => !f.own_id,
            Body::Cancel(c) => c.original.is_none(),
            Body::Withdrawal(_) => false,
            _ => true,
        }
    }
}

//! What a fact says: the kinds of bodies, and those that state what an account is worth.
use super::Kind;
use super::flow::{Cancel, Flow};
use super::judgement::{Correction, Quarantined, Withdrawal};
use crate::date::{Date, Micros};
use rust_decimal::Decimal;
use std::sync::Arc;

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

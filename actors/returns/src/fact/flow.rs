//! Money that moves: flows, their classes, and what cancels one.
use crate::date::{Date, Micros};
use rust_decimal::Decimal;
use std::sync::Arc;

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

/// A tombstone for a flow, before or after it (F5).
#[derive(Clone, Debug, PartialEq)]
pub struct Cancel {
    /// The original's reference; without one, the latest live match on account, date, class, amount and security.
    pub original: Option<Arc<str>>,
    pub class: Class,
    pub amount: Option<Decimal>,
    pub security: Option<Arc<str>>,
}

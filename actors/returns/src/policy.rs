//! The conventions a figure depends on. They are chosen in `topology.toml`, recorded with a hash and an effective
//! date, and printed on the rows they made: nothing here is a constant of the code.
use rust_decimal::Decimal;
use std::sync::Arc;

/// A vendor: an index into [`Policy::vendors`]. It orders nothing; names do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vendor(pub u16);

/// When inside a sub-period external flows count (F1): what is added to B in the denominator D.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FlowTiming {
    /// In at the start, out at the end: D = B + C.
    #[default]
    Split = 0,
    /// D = B + C - W.
    Start = 1,
    /// D = B.
    End = 2,
    /// D = B + (C - W)/2.
    Mid = 3,
    /// D = B + sum of w F, w the part of the sub-period left after the flow.
    Timed = 4,
}

impl FlowTiming {
    pub const ALL: [FlowTiming; 5] =
        [FlowTiming::Split, FlowTiming::Start, FlowTiming::End, FlowTiming::Mid, FlowTiming::Timed];

    pub fn as_str(self) -> &'static str {
        match self {
            FlowTiming::Split => "split",
            FlowTiming::Start => "start",
            FlowTiming::End => "end",
            FlowTiming::Mid => "mid",
            FlowTiming::Timed => "timed",
        }
    }
}

/// What happens to the cumulative figure at an undefined return (F3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUndefined {
    /// It ends; a new segment starts at the next row with D > 0.
    #[default]
    End,
    /// Factor 1, a loss beyond -100% counts as -100%.
    Carry,
}

/// Where a vendor's contributions and distributions of a day come from (F5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowsFrom {
    #[default]
    Summary,
    Detail,
}

/// Where a vendor's value of a day comes from when there is no summary (F5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ValueFrom {
    #[default]
    Valuation,
    /// Positions, cash and accrued, once the feed is complete.
    Holdings,
}

/// Which date of a flow counts (F1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FlowDate {
    #[default]
    Posted,
    Effective,
}

/// What happens to a flow on a stream that equals an earlier one and has no id (F5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PossibleDuplicate {
    #[default]
    Wait,
    Distinct,
    Same,
}

/// One vendor's conventions: from its mapping, settable in the topology.
#[derive(Clone, Debug, PartialEq)]
pub struct VendorPolicy {
    pub name: Arc<str>,
    pub flow_timing: FlowTiming,
    pub flows_from: FlowsFrom,
    pub value_from: ValueFrom,
    pub flow_date: FlowDate,
    /// The vendor's last valuation of a day that belongs to it: minutes after midnight in `zone`; later ones belong to the next date. Without one a day closes at 24:00.
    pub cut_off: Option<u16>,
    /// The base currency of the vendor's accounts, where no account record says another (ISO 4217).
    pub base_currency: Option<[u8; 3]>,
    /// IANA time zone of dates and local times.
    pub zone: Arc<str>,
    /// The day needs flows as well as values before it is complete (F6).
    pub needs_flows: bool,
    /// The vendor is intraday: a day is open until a value at or after this minute, the end of the feed, or a later business date.
    pub close: Option<u16>,
    pub possible_duplicate: PossibleDuplicate,
    /// Digits after the point with which the vendor prints returns, as fractions.
    pub return_digits: u8,
    /// The vendor cuts its returns off after those digits instead of rounding them.
    pub return_truncated: bool,
}

impl VendorPolicy {
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        VendorPolicy {
            name: name.into(),
            flow_timing: FlowTiming::Split,
            flows_from: FlowsFrom::Summary,
            value_from: ValueFrom::Valuation,
            flow_date: FlowDate::Posted,
            cut_off: None,
            base_currency: None,
            zone: "UTC".into(),
            needs_flows: false,
            close: None,
            possible_duplicate: PossibleDuplicate::Wait,
            return_digits: 6,
            return_truncated: false,
        }
    }
}

/// Everything beside facts that a figure depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// The number under which the store keeps this policy.
    pub id: i64,
    pub vendors: Vec<VendorPolicy>,
    /// All vendors, best first: named ones in the order of the topology, then the others by name (F7).
    pub precedence: Vec<Vendor>,
    /// A silent feeding vendor is replaced by the next; otherwise the day has no value (F7).
    pub failover: bool,
    /// A sub-period longer than this many calendar days that has dated flows is `timed` by date (F1).
    pub long_period_days: u16,
    /// Money at or under this, with no more gain than this, after inception, links as factor 1 (F3); 0 is off.
    pub residual: Decimal,
    pub on_undefined: OnUndefined,
    /// Days without a row after which a new segment starts (F9); none: never.
    pub reopen_after: Option<u16>,
}

impl Policy {
    /// The defaults of the figures contract for these vendors, in order of precedence.
    pub fn new(vendors: Vec<VendorPolicy>) -> Self {
        let precedence = (0..vendors.len() as u16).map(Vendor).collect();
        Policy {
            id: 0,
            vendors,
            precedence,
            failover: false,
            long_period_days: 4,
            residual: Decimal::ZERO,
            on_undefined: OnUndefined::End,
            reopen_after: None,
        }
    }

    /// A vendor's conventions. One the topology no longer knows (rows of it may still be stored) has the defaults.
    pub fn vendor(&self, vendor: Vendor) -> &VendorPolicy {
        static UNKNOWN: std::sync::LazyLock<VendorPolicy> =
            std::sync::LazyLock::new(|| VendorPolicy::new(""));
        self.vendors.get(vendor.0 as usize).unwrap_or(&UNKNOWN)
    }
}

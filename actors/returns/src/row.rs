//! One account-day as it is stored and printed.
use crate::date::Date;
use crate::fact::{Arrival, Content, Place, Span, Stated};
use crate::money::sub;
use crate::policy::{FlowTiming, Vendor};
use record::{FeedKey, Symbol};
use rust_decimal::Decimal;

/// What became of a row's return (F3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Status {
    /// D > 0 and r > -1.
    Ok = 0,
    /// First value, no return; growth is 1.
    Anchor = 1,
    /// D = 0 and gain 0: factor 1.
    NoCapital = 2,
    /// Small money after inception: factor 1, counted, a warning.
    Residual = 3,
    /// D = 0 and gain not 0: undefined.
    GainWithoutCapital = 4,
    /// D < 0: undefined.
    NegativeCapital = 5,
    /// r < -1: undefined.
    LossGt100 = 6,
    /// r = -1: cumulative stays -1.
    TotalLoss = 7,
    /// Beyond the decimal type, or growth rounds to 0 while N > 0: undefined.
    OutOfRange = 8,
    /// From an imported return (F9).
    Imported = 9,
}

impl Status {
    pub const ALL: [Status; 10] = [
        Status::Ok,
        Status::Anchor,
        Status::NoCapital,
        Status::Residual,
        Status::GainWithoutCapital,
        Status::NegativeCapital,
        Status::LossGt100,
        Status::TotalLoss,
        Status::OutOfRange,
        Status::Imported,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Anchor => "anchor",
            Status::NoCapital => "no_capital",
            Status::Residual => "residual",
            Status::GainWithoutCapital => "gain_without_capital",
            Status::NegativeCapital => "negative_capital",
            Status::LossGt100 => "loss_gt_100",
            Status::TotalLoss => "total_loss",
            Status::OutOfRange => "out_of_range",
            Status::Imported => "imported",
        }
    }

    /// Undefined is a coded status, never a guess.
    pub fn is_undefined(self) -> bool {
        matches!(
            self,
            Status::GainWithoutCapital | Status::NegativeCapital | Status::LossGt100 | Status::OutOfRange
        )
    }
}

/// Whether a figure may be used (F6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Verdict {
    #[default]
    Final = 0,
    /// A warning, or a day still open.
    Preliminary = 1,
    /// A blocking rule, quarantined input, or a change awaiting approval.
    Held = 2,
}

impl Verdict {
    pub const ALL: [Verdict; 3] = [Verdict::Final, Verdict::Preliminary, Verdict::Held];
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Final => "final",
            Verdict::Preliminary => "preliminary",
            Verdict::Held => "held",
        }
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $bit:expr, $text:expr;)*) => {
        /// One reason on a row, for its verdict or for what made it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Reason { $($(#[$doc])* $name = $bit,)* }
        impl Reason {
            pub const ALL: &'static [Reason] = &[$(Reason::$name,)*];
            pub fn as_str(self) -> &'static str { match self { $(Reason::$name => $text,)* } }
        }
    };
}

reasons! {
    /// The day is open: values or flows are still to come (F6).
    Incomplete = 0, "incomplete";
    /// A record that names this account and date sits in quarantine.
    QuarantinedInput = 1, "quarantined_input";
    /// A transfer in kind without a price holds the day.
    UnpricedTransfer = 2, "unpriced_transfer";
    /// An amount in another currency waits.
    Currency = 3, "currency";
    /// A correction overlays this row.
    Corrected = 4, "corrected";
    /// A vendor's later change lies under a live correction.
    Pinned = 5, "pinned";
    /// The vendor went back to an earlier content without a version.
    Reverted = 6, "reverted";
    /// Equal vendor revisions, or equal arrivals, with different content.
    SameArrival = 7, "same_arrival";
    /// Another vendor fed this row than the row before.
    SourceSwitch = 8, "source_switch";
    /// Longer than the policy's days and with flows: timed by date whatever the vendor's setting.
    LongPeriod = 9, "long_period";
    /// A change awaits approval.
    HeldChange = 10, "held_change_pending";
    /// A cancel without its original, or a possible duplicate, waits on this day.
    WaitingInput = 11, "waiting_input";
    VendorReturn = 12, "vendor_return";
    RollForward = 13, "roll_forward";
    ReturnOutlier = 14, "return_outlier";
    LargeFlow = 15, "large_flow";
    StaleValue = 16, "stale_value";
    MissingDay = 17, "missing_day";
    TwoVendors = 18, "two_vendors";
    FeeSize = 19, "fee_size";
    NegativeValue = 20, "negative_value";
    FutureDate = 21, "future_date";
    DuplicateFlow = 22, "duplicate_flow";
    ClosedWithValue = 23, "closed_with_value";
    NewValueWithoutFlow = 24, "new_value_without_flow";
    FlowsExplain = 25, "flows_explain";
    SummaryFlows = 26, "summary_flows";
    HoldingsSum = 27, "holdings_sum";
    ResidualMoney = 28, "residual";
    FeedUnconfirmed = 29, "feed_unconfirmed";
}

/// A set of reasons; prints as a list in the order of the table above.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Reasons(pub u32);

impl Reasons {
    pub fn insert(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u8;
    }
    pub fn has(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u8) != 0
    }
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.iter().copied().filter(move |r| self.has(*r))
    }
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The reasons of both.
    #[must_use]
    pub fn and(self, other: Reasons) -> Reasons {
        Reasons(self.0 | other.0)
    }
}

/// An index and the run it stands in (F2): `growth` = G(t); the run began on index `link_growth` = G0 with denominator
/// `link_capital` = D0, both null where the next row begins a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Growth {
    /// Null exactly while the figure is ended.
    pub growth: Option<Decimal>,
    pub link: Option<Run>,
}

/// Where a run began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    pub growth: Decimal,
    pub capital: Decimal,
}

/// One account-day. Rates have 18 places; a null rate is unknown or undefined, never 0.
///
/// A stored row is enough to go on from, and to rebuild the summary it carries (`carries`).
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub as_of: Date,
    pub previous_as_of: Option<Date>,
    /// B.
    pub begin_value: Decimal,
    /// C.
    pub contributions: Decimal,
    /// W.
    pub distributions: Decimal,
    /// Running sum of C - W.
    pub cumulative_net_flow: Decimal,
    /// A.
    pub fees: Decimal,
    /// X.
    pub fees_outside: Decimal,
    /// Accrued income given apart; part of `end_value`.
    pub accrued: Decimal,
    /// E.
    pub end_value: Decimal,
    pub twrr: Option<Decimal>,
    pub twrr_gross: Option<Decimal>,
    pub net: Growth,
    pub gross: Growth,
    /// Whether a row with D > 0 has been, this one included: from then on an undefined row ends the figure.
    pub incepted: bool,
    pub segment: u16,
    pub sub_periods: u16,
    pub status: Status,
    pub flow_timing: FlowTiming,
    pub reasons: Reasons,
    /// The vendor's own revision of the winning value fact.
    pub revision: Option<u64>,
    /// The first date of the run of equal ending values this row ends.
    pub value_since: Date,
    pub value_vendor: Vendor,
    pub flow_vendor: Option<Vendor>,
    /// The row carries its winning summary: the columns below and above give that fact back unchanged. Else the
    /// day's facts are all in `fact`.
    pub carries: bool,
    pub vendor_account: Symbol,
    /// The vendor's own B, where stated.
    pub vendor_begin: Option<Decimal>,
    /// C - W by the place of the vendor's that does not feed the return (its summaries, or else its flows one by one), where that says
    /// another net flow than the one that counts; `None` where both agree or one is silent.
    pub other_net_flow: Option<Decimal>,
    pub stated: Stated,
    pub content: Content,
    pub mapping_version: u32,
    pub feed: FeedKey,
    pub place: Place,
    pub arrival: Arrival,
    pub reported_return: Option<Decimal>,
    pub reported_span: Span,
    pub policy_id: i64,
}

impl Row {
    /// C - W.
    pub fn net_flow(&self) -> Decimal {
        difference(self.contributions, self.distributions)
    }
    /// E - B - C + W; 0 where [`Row::known_gain`] is none for want of a B or an E, so that gains add up to those of a window.
    pub fn gain(&self) -> Decimal {
        if self.lacks_gain() {
            return Decimal::ZERO;
        }
        difference(difference(self.end_value, self.begin_value), self.net_flow())
    }
    /// E - B - C + W, exactly; `None` on an anchor and on imported history without a value, where B or E is not known, and
    /// beyond the decimal type.
    pub fn known_gain(&self) -> Option<Decimal> {
        if self.lacks_gain() {
            return None;
        }
        sub(sub(self.end_value, self.begin_value)?, sub(self.contributions, self.distributions)?)
    }
    fn lacks_gain(&self) -> bool {
        self.status == Status::Anchor
            || (self.status == Status::Imported && (self.end_value.is_zero() || self.begin_value.is_zero()))
    }
    /// Cumulative return since inception of the segment: growth less 1; null while ended, on an anchor, and before inception.
    pub fn cumulative_twrr(&self) -> Option<Decimal> {
        cumulative(self, self.net.growth)
    }
    pub fn cumulative_twrr_gross(&self) -> Option<Decimal> {
        cumulative(self, self.gross.growth)
    }
}

/// `a - b`, exactly; where that does not fit a [`Decimal`], the nearest that does. No operator: those panic there.
pub(crate) fn difference(a: Decimal, b: Decimal) -> Decimal {
    sub(a, b).unwrap_or_else(|| a.saturating_sub(b))
}

fn cumulative(row: &Row, growth: Option<Decimal>) -> Option<Decimal> {
    growth.filter(|_| row.incepted).map(|g| g - Decimal::ONE)
}

//! `performance_daily`: one account-day. `performance_history` has the same columns and two more.
use super::ColumnType::{Bytes, Date as Day, Decimal as Number, Flag, Integer, Short, Text, Time};
use super::*;
use crate::Names;
use record::{FeedKey, PartitionKey};
use returns::fact::{Span, Stated};
use returns::row::{Growth, Run};
use returns::{Arrival, FlowTiming, Place, Row, Status, Verdict};

/// Which policy a row was made under.
pub const POLICY_ID: &str = "policy_id";

/// The columns of `performance_daily`, in order.
///
/// `reasons` is what is published: the row's own reasons and those of the rules. The fold may give the same reason as a rule, so which are
/// the row's own is kept apart, in `row_reasons`.
pub const DAILY: &[Column] = &[
    required("account_id", Integer, "the account"),
    required("as_of", Day, "the business date"),
    nullable("previous_as_of", Day, "the date of the row it is linked to"),
    required("begin_value", Number, "B: the ending value of the row before, as known"),
    required("contributions", Number, "C: external flows in"),
    required("distributions", Number, "W: external flows out"),
    required("net_flow", Number, "C - W"),
    required("cumulative_net_flow", Number, "running sum of the net flow"),
    required("fees", Number, "A: advisory fees taken out of the account"),
    required("fees_outside", Number, "X: advisory fees of this account paid elsewhere"),
    required("accrued", Number, "accrued income given apart; part of the ending value"),
    required("end_value", Number, "E"),
    required("gain", Number, "E - B - C + W"),
    nullable("twrr", Number, "the row's own return, net, a fraction"),
    nullable("cumulative_twrr", Number, "net, since the segment's inception"),
    nullable("twrr_gross", Number, "the row's own return before advisory fees"),
    nullable("cumulative_twrr_gross", Number, "gross, since the segment's inception"),
    nullable("growth", Number, "net growth index; null exactly while the figure is ended"),
    nullable("growth_gross", Number, "gross growth index"),
    nullable("link_growth", Number, "net index on which the run began; null where the next row begins one"),
    nullable("link_capital", Number, "denominator with which the net run began"),
    nullable("link_growth_gross", Number, "gross index on which the run began"),
    nullable("link_capital_gross", Number, "denominator with which the gross run began"),
    required("incepted", Flag, "whether a row with capital has been, this one included"),
    required("segment", Short, "counts the cumulative figures of the account"),
    required("sub_periods", Short, "valuations that split the day, or 1"),
    required("status", Text, "what became of the return"),
    required("flow_timing", Text, "when inside the sub-period flows count"),
    required("verdict", Text, "final, preliminary or held"),
    nullable("reasons", ColumnType::Reasons, "why the verdict, or what made the row; null for none"),
    nullable(
        "row_reasons",
        Integer,
        "those of the reasons that come from the fold and not from a rule, as bits",
    ),
    nullable("revision", Number, "the vendor's own revision of the winning value"),
    required("value_since", Day, "first date of the run of equal ending values"),
    required("value_vendor", Text, "whose value it is"),
    nullable("flow_vendor", Text, "whose flows they are"),
    required(
        "carries",
        Flag,
        "whether the row stands for its winning summary, which then has no row in fact",
    ),
    required("vendor_account", Text, "the account as the vendor sent it"),
    nullable("vendor_begin", Number, "the vendor's own beginning value"),
    nullable("other_net_flow", Number, "C - W by the place that does not count, where it says another"),
    required("stated", Short, "which fields the vendor stated, as bits"),
    required("content", Bytes, "hash of what the winning fact says"),
    required("mapping_version", Integer, "version of the mapping that read it"),
    required("feed_id", Integer, "the delivery it came in"),
    required("partition_id", Integer, "the partition it came from"),
    required("position", ColumnType::Position, "its place in the partition"),
    nullable("arrived_at", Time, "when it arrived, by what its source or feed states"),
    nullable("reported_return", Number, "the vendor's own return, a fraction"),
    nullable("reported_span", Text, "the time that return covers; null for a day without one"),
    required(POLICY_ID, Integer, "the conventions it was computed under"),
    required("known_from", Time, "since when this is what we say"),
];

/// What `performance_history` has beside [`DAILY`].
pub const HISTORY: &[Column] = &[
    required("known_to", Time, "until when this was what we said"),
    nullable("cause", Text, "what replaced it"),
];

/// A row with what is published beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily<R> {
    pub account: i64,
    pub row: R,
    pub verdict: Verdict,
    /// The row's own and the rules'.
    pub reasons: Reasons,
    pub known_from: Micros,
}

/// Writes the columns of [`DAILY`].
pub fn write<W: ColumnWriter>(
    daily: &Daily<&Row>,
    names: NamesView<'_>,
    w: &mut W,
) -> Result<(), ColumnError> {
    w.integer(Some(daily.account));
    write_figures(daily.row, w);
    write_verdict(daily, w);
    write_lineage(daily.row, names, w)?;
    w.time(Some(daily.known_from));
    Ok(())
}

fn write_figures<W: ColumnWriter>(row: &Row, w: &mut W) {
    w.date(Some(row.as_of));
    w.date(row.previous_as_of);
    w.decimal(Some(row.begin_value));
    w.decimal(Some(row.contributions));
    w.decimal(Some(row.distributions));
    w.decimal(Some(row.net_flow()));
    w.decimal(Some(row.cumulative_net_flow));
    w.decimal(Some(row.fees));
    w.decimal(Some(row.fees_outside));
    w.decimal(Some(row.accrued));
    w.decimal(Some(row.end_value));
    w.decimal(Some(row.gain()));
    w.decimal(row.twrr);
    w.decimal(row.cumulative_twrr());
    w.decimal(row.twrr_gross);
    w.decimal(row.cumulative_twrr_gross());
    w.decimal(row.net.growth);
    w.decimal(row.gross.growth);
    for link in [row.net.link, row.gross.link] {
        w.decimal(link.map(|run| run.growth));
        w.decimal(link.map(|run| run.capital));
    }
}

fn write_verdict<W: ColumnWriter>(daily: &Daily<&Row>, w: &mut W) {
    let row = daily.row;
    w.flag(Some(row.incepted));
    w.short(Some(row.segment.into()));
    w.short(Some(row.sub_periods.into()));
    w.text(Some(row.status.as_str()));
    w.text(Some(row.flow_timing.as_str()));
    w.text(Some(daily.verdict.as_str()));
    w.reasons(daily.reasons);
    w.integer((!row.reasons.is_empty()).then_some(row.reasons.0.into()));
}

fn write_lineage<W: ColumnWriter>(row: &Row, names: NamesView<'_>, w: &mut W) -> Result<(), ColumnError> {
    w.decimal(row.revision.map(Decimal::from));
    w.date(Some(row.value_since));
    w.text(Some(names.vendor(row.value_vendor)?));
    w.text(row.flow_vendor.map(|v| names.vendor(v)).transpose()?);
    w.flag(Some(row.carries));
    w.text(Some(names.text(row.vendor_account)));
    w.decimal(row.vendor_begin);
    w.decimal(row.other_net_flow);
    w.short(Some(row.stated.0.into()));
    w.bytes(Some(&row.content.0));
    w.integer(Some(row.mapping_version.into()));
    w.integer(Some(row.feed.0));
    w.integer(Some(row.place.partition.0));
    w.position(Some(row.place.position));
    w.time(row.arrival.0);
    w.decimal(row.reported_return);
    w.text(span_text(row.reported_return, row.reported_span));
    w.integer(Some(row.policy_id));
    Ok(())
}

/// Null for a day without a return: so is nearly every row of a vendor who reports none.
fn span_text(reported: Option<Decimal>, span: Span) -> Option<&'static str> {
    (reported.is_some() || span != Span::Day).then_some(span.as_str())
}

/// Reads the columns of [`DAILY`].
pub fn read<R: ColumnReader>(r: &mut R, names: &Names) -> Result<Daily<Row>, ColumnError> {
    let account = need(r.integer()?, "account_id")?;
    let f = Figures::read(r)?;
    let s = Settled::read(r)?;
    let l = Lineage::read(r, names)?;
    let row = Row {
        as_of: f.as_of,
        previous_as_of: f.previous_as_of,
        begin_value: f.begin_value,
        contributions: f.contributions,
        distributions: f.distributions,
        cumulative_net_flow: f.cumulative_net_flow,
        fees: f.fees,
        fees_outside: f.fees_outside,
        accrued: f.accrued,
        end_value: f.end_value,
        twrr: f.twrr,
        twrr_gross: f.twrr_gross,
        net: f.net,
        gross: f.gross,
        incepted: s.incepted,
        segment: s.segment,
        sub_periods: s.sub_periods,
        status: s.status,
        flow_timing: s.flow_timing,
        reasons: s.own,
        revision: l.revision,
        value_since: l.value_since,
        value_vendor: l.value_vendor,
        flow_vendor: l.flow_vendor,
        carries: l.carries,
        vendor_account: l.vendor_account,
        vendor_begin: l.vendor_begin,
        other_net_flow: l.other_net_flow,
        stated: l.stated,
        content: l.content,
        mapping_version: l.mapping_version,
        feed: l.feed,
        place: l.place,
        arrival: l.arrival,
        reported_return: l.reported_return,
        reported_span: l.reported_span,
        policy_id: l.policy_id,
    };
    let known_from = need(r.time()?, "known_from")?;
    Ok(Daily { account, row, verdict: s.verdict, reasons: s.reasons, known_from })
}

/// What [`write_figures`] writes.
struct Figures {
    as_of: Date,
    previous_as_of: Option<Date>,
    begin_value: Decimal,
    contributions: Decimal,
    distributions: Decimal,
    cumulative_net_flow: Decimal,
    fees: Decimal,
    fees_outside: Decimal,
    accrued: Decimal,
    end_value: Decimal,
    twrr: Option<Decimal>,
    twrr_gross: Option<Decimal>,
    net: Growth,
    gross: Growth,
}

impl Figures {
    fn read<R: ColumnReader>(r: &mut R) -> Result<Figures, ColumnError> {
        let as_of = need(r.date()?, "as_of")?;
        let previous_as_of = r.date()?;
        let begin_value = need(r.decimal()?, "begin_value")?;
        let contributions = need(r.decimal()?, "contributions")?;
        let distributions = need(r.decimal()?, "distributions")?;
        let _net_flow = r.decimal()?;
        let cumulative_net_flow = need(r.decimal()?, "cumulative_net_flow")?;
        let fees = need(r.decimal()?, "fees")?;
        let fees_outside = need(r.decimal()?, "fees_outside")?;
        let accrued = need(r.decimal()?, "accrued")?;
        let end_value = need(r.decimal()?, "end_value")?;
        let _gain = r.decimal()?;
        let twrr = r.decimal()?;
        let _cumulative = r.decimal()?;
        let twrr_gross = r.decimal()?;
        let _cumulative_gross = r.decimal()?;
        let (growth, growth_gross) = (r.decimal()?, r.decimal()?);
        let net = Growth { growth, link: read_run(r)? };
        let gross = Growth { growth: growth_gross, link: read_run(r)? };
        Ok(Figures {
            as_of,
            previous_as_of,
            begin_value,
            contributions,
            distributions,
            cumulative_net_flow,
            fees,
            fees_outside,
            accrued,
            end_value,
            twrr,
            twrr_gross,
            net,
            gross,
        })
    }
}

fn read_run<R: ColumnReader>(r: &mut R) -> Result<Option<Run>, ColumnError> {
    let (growth, capital) = (r.decimal()?, r.decimal()?);
    Ok(growth.zip(capital).map(|(growth, capital)| Run { growth, capital }))
}

/// What [`write_verdict`] writes.
struct Settled {
    incepted: bool,
    segment: u16,
    sub_periods: u16,
    status: Status,
    flow_timing: FlowTiming,
    verdict: Verdict,
    reasons: Reasons,
    own: Reasons,
}

impl Settled {
    fn read<R: ColumnReader>(r: &mut R) -> Result<Settled, ColumnError> {
        Ok(Settled {
            incepted: need(r.flag()?, "incepted")?,
            segment: narrow(need(r.short()?, "segment")?.into(), "segment")?,
            sub_periods: narrow(need(r.short()?, "sub_periods")?.into(), "sub_periods")?,
            status: one_of(&Status::ALL, Status::as_str, &need(r.text()?, "status")?, "status")?,
            flow_timing: one_of(
                &FlowTiming::ALL,
                FlowTiming::as_str,
                &need(r.text()?, "flow_timing")?,
                "flow_timing",
            )?,
            verdict: one_of(&Verdict::ALL, Verdict::as_str, &need(r.text()?, "verdict")?, "verdict")?,
            reasons: r.reasons()?,
            own: Reasons(narrow(r.integer()?.unwrap_or(0), "row_reasons")?),
        })
    }
}

/// What [`write_lineage`] writes.
struct Lineage {
    revision: Option<u64>,
    value_since: Date,
    value_vendor: Vendor,
    flow_vendor: Option<Vendor>,
    carries: bool,
    vendor_account: Symbol,
    vendor_begin: Option<Decimal>,
    other_net_flow: Option<Decimal>,
    stated: Stated,
    content: returns::Content,
    mapping_version: u32,
    feed: FeedKey,
    place: Place,
    arrival: Arrival,
    reported_return: Option<Decimal>,
    reported_span: Span,
    policy_id: i64,
}

impl Lineage {
    fn read<R: ColumnReader>(r: &mut R, names: &Names) -> Result<Lineage, ColumnError> {
        Ok(Lineage {
            revision: unsigned(r.decimal()?, "revision")?,
            value_since: need(r.date()?, "value_since")?,
            value_vendor: names.vendor(&need(r.text()?, "value_vendor")?),
            flow_vendor: r.text()?.map(|v| names.vendor(&v)),
            carries: need(r.flag()?, "carries")?,
            vendor_account: names.symbols.intern(&need(r.text()?, "vendor_account")?),
            vendor_begin: r.decimal()?,
            other_net_flow: r.decimal()?,
            stated: Stated(narrow(need(r.short()?, "stated")?.into(), "stated")?),
            content: content(&need(r.bytes()?, "content")?, "content")?,
            mapping_version: narrow(need(r.integer()?, "mapping_version")?, "mapping_version")?,
            feed: FeedKey(need(r.integer()?, "feed_id")?),
            place: Place {
                partition: PartitionKey(need(r.integer()?, "partition_id")?),
                position: need(r.position()?, "position")?,
            },
            arrival: Arrival(r.time()?),
            reported_return: r.decimal()?,
            reported_span: match r.text()? {
                Some(text) => one_of(&Span::ALL, Span::as_str, &text, "reported_span")?,
                None => Span::Day,
            },
            policy_id: need(r.integer()?, POLICY_ID)?,
        })
    }
}

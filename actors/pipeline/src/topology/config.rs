//! What a topology file says, typed: one struct per kind of node, a closed list of keys each.
use super::address;
use super::problem::{Problem, Problems};
use super::reader::{Reader, Word};
use returns::Decimal;
use returns::policy::{FlowTiming, OnUndefined, PossibleDuplicate};
use returns::tolerance::Measure;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::de::DeTable;

/// A topology: a typed graph, sources to sink.
#[derive(Clone, Debug)]
pub struct Topology {
    /// The file it was read from; paths inside are relative to its folder.
    pub file: PathBuf,
    pub sources: Vec<Node<Source>>,
    pub decoders: Vec<Node<Decoder>>,
    pub accumulators: Vec<Node<Accumulator>>,
    pub checkers: Vec<Node<Checker>>,
    pub sinks: Vec<Node<Sink>>,
    pub admin: Admin,
}

/// One node of the graph.
#[derive(Clone, Debug)]
pub struct Node<T> {
    pub name: Word,
    pub inputs: Vec<Word>,
    pub kind: T,
}

/// Where records come from.
#[derive(Clone, Debug)]
pub struct Source {
    pub place: Place,
    /// `format = "eventbridge"`: corrections as events, no vendor.
    pub eventbridge: bool,
    /// Of objects in S3: the source whose records tell of them, as it is written.
    pub events_from: Option<Word>,
    /// Names of vendors this source may carry; empty is `auto`: all that the decoder knows.
    pub vendors: Vec<Word>,
    pub batch_records: usize,
    pub batch_bytes: usize,
    /// Raw bytes read and not yet committed, at most.
    pub in_flight: u64,
}

/// The key `type` of a source, with the keys that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File(sources::FileConfig),
    Kinesis(sources::KinesisConfig),
    Kafka(sources::KafkaConfig),
    S3(sources::S3Config),
}

/// Decoding: which vendors are known, and by which mapping.
#[derive(Clone, Debug)]
pub struct Decoder {
    pub instances: usize,
    pub mailbox: usize,
    /// Folders with a `mapping.toml`, or folders of such folders.
    pub vendors: Vec<(Word, PathBuf)>,
    /// Per vendor: what stands instead of the mapping's own.
    pub overrides: Vec<(Word, VendorOverride)>,
}

#[derive(Clone, Debug, Default)]
pub struct VendorOverride {
    pub account_no: Option<String>,
    pub flow_timing: Option<FlowTiming>,
    pub possible_duplicate: Option<PossibleDuplicate>,
}

/// The ledger and its conventions (policy).
#[derive(Clone, Debug)]
pub struct Accumulator {
    pub instances: usize,
    pub mailbox: usize,
    /// Accounts in memory per instance, at most; more are dropped and read again when touched.
    pub accounts: usize,
    pub flow_timing: Option<FlowTiming>,
    pub precedence: Vec<Word>,
    pub failover: bool,
    pub long_period_days: u16,
    pub residual: Decimal,
    pub on_undefined: OnUndefined,
    pub reopen_after: Option<u16>,
}

/// Tolerance rules, by name.
#[derive(Clone, Debug)]
pub struct Checker {
    pub mailbox: usize,
    /// Which days are business days: `weekdays`, `XNYS`, or a file of closed days below the topology's folder.
    pub calendar: Option<Word>,
    pub rules: Vec<(Word, RuleLevels)>,
}

#[derive(Clone, Debug, Default)]
pub struct RuleLevels {
    pub warn: Option<Limit>,
    pub block: Option<Limit>,
}

/// A breach is a difference beyond `money` + `bp` of the value it is compared with; counts of days break at the figure itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    pub money: Decimal,
    pub bp: Decimal,
    pub days: u16,
    /// The measures that were written, with their places.
    pub said: Vec<(Measure, Range<usize>)>,
}

/// The store.
#[derive(Clone, Debug)]
pub struct Sink {
    pub store: StoreAddress,
    pub mailbox: usize,
    /// A transaction is begun at this many rows and facts, or this age, whichever comes first.
    pub batch_rows: usize,
    pub linger: Duration,
    /// How long another process waits after this one died.
    pub lease: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreAddress {
    Sqlite(PathBuf),
    Postgres(String),
}

/// `/metrics`, `/health/live`, `/health/ready`.
#[derive(Clone, Debug)]
pub struct Admin {
    /// None: off.
    pub listen: Option<String>,
}

impl Topology {
    /// The folder paths in the file are relative to.
    pub fn base(&self) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).to_owned()
    }

    /// Reads a topology's text. No I/O: whether files exist and stores answer is asked later.
    pub fn parse(text: &str, file: &Path) -> Result<Topology, Vec<Problem>> {
        let (topology, problems) = Topology::read(text, file);
        if problems.is_empty() { Ok(topology) } else { Err(problems) }
    }

    /// The same whatever is wrong with it, so that the mappings and rules it names can be checked at once with it. With a problem the
    /// topology is for nothing else.
    pub fn read(text: &str, file: &Path) -> (Topology, Vec<Problem>) {
        let mut p = Problems::new(file, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        for e in errors {
            p.add(e.span().unwrap_or(0..0), format!("not TOML: {}", e.message()), None);
        }
        let span = table.span();
        let mut root = Reader::new(String::new(), span, table.into_inner());
        let base = file.parent().unwrap_or(Path::new("")).to_owned();
        let topology = Topology {
            file: file.to_owned(),
            sources: nodes(&mut root, "sources", &mut p, super::sources::source),
            decoders: nodes(&mut root, "decoders", &mut p, |r, p| decoder(r, &base, p)),
            accumulators: nodes(&mut root, "accumulators", &mut p, accumulator),
            checkers: nodes(&mut root, "checkers", &mut p, checker),
            sinks: nodes(&mut root, "sinks", &mut p, |r, p| sink(r, &base, p)),
            admin: address::admin(&mut root, &mut p),
        };
        root.finish(&mut p);
        super::check::graph(&topology, &mut p);
        (topology, p.in_order())
    }
}

type Read<'f, T> = &'f dyn Fn(&mut Reader, &mut Problems) -> T;

fn nodes<T>(
    root: &mut Reader,
    kind: &'static str,
    p: &mut Problems,
    read: impl Fn(&mut Reader, &mut Problems) -> T,
) -> Vec<Node<T>> {
    let read: Read<T> = &read;
    let mut found = Vec::new();
    for (name, mut reader) in root.tables(kind, p) {
        let inputs = reader.words("inputs", p).unwrap_or_default();
        let kind = read(&mut reader, p);
        reader.finish(p);
        found.push(Node { name, inputs, kind });
    }
    found
}

/// The longest a node may be told to wait.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

// A node is read to its end whatever is wrong with it, so that each mistake is told once and for what it is.

fn decoder(r: &mut Reader, base: &Path, p: &mut Problems) -> Decoder {
    let vendors = r.words("vendors", p);
    if vendors.is_none() {
        p.add(r.span.clone(), format!("`{}` needs `vendors`: folders with a mapping.toml", r.path), None);
    }
    let mut overrides = Vec::new();
    for (name, mut v) in r.tables("vendor", p) {
        let duplicates = [
            ("wait", PossibleDuplicate::Wait),
            ("distinct", PossibleDuplicate::Distinct),
            ("same", PossibleDuplicate::Same),
        ];
        let o = VendorOverride {
            account_no: account_no(&mut v, p),
            flow_timing: v.choice("flow_timing", &timings(), p),
            possible_duplicate: v.choice("possible_duplicate", &duplicates, p),
        };
        v.finish(p);
        overrides.push((name, o));
    }
    Decoder {
        instances: bounded(r.number("instances", 1..=64, p), 1),
        mailbox: mailbox(r, p),
        vendors: vendors.unwrap_or_default().into_iter().map(|w| (w.clone(), base.join(&w.text))).collect(),
        overrides,
    }
}

/// How a vendor's accounts are numbered. Without the vendor's own number in it all of them would become one.
fn account_no(v: &mut Reader, p: &mut Problems) -> Option<String> {
    let word = v.word("account_no", p)?;
    if word.text.matches("{vendor_account}").count() != 1 || word.text.matches('{').count() != 1 {
        let message =
            format!("`{}.account_no` must name {{vendor_account}} once, and nothing else in braces", v.path);
        p.add(word.span, message, Some("as in \"NT-{vendor_account}\"".into()));
    }
    Some(word.text)
}

fn accumulator(r: &mut Reader, p: &mut Problems) -> Accumulator {
    let undefined = [("end", OnUndefined::End), ("carry", OnUndefined::Carry)];
    Accumulator {
        instances: bounded(r.number("instances", 1..=64, p), 1),
        mailbox: mailbox(r, p),
        accounts: bounded(r.number("accounts", 1..=1 << 30, p), 2_000_000),
        flow_timing: r.choice("flow_timing", &timings(), p),
        precedence: r.words("precedence", p).unwrap_or_default(),
        failover: r.flag("failover", p).unwrap_or(false),
        long_period_days: small(r.number("long_period_days", 1..=366, p), 4),
        residual: r.decimal("residual", p).unwrap_or(Decimal::ZERO),
        on_undefined: r.choice("on_undefined", &undefined, p).unwrap_or_default(),
        reopen_after: r.number("reopen_after", 1..=36_500, p).map(|n| small(Some(n), 0)),
    }
}

fn checker(r: &mut Reader, p: &mut Problems) -> Checker {
    let mailbox = mailbox(r, p);
    let calendar = r.word("calendar", p);
    let mut rules = Vec::new();
    for (name, mut rule) in r.tables("rules", p) {
        let levels = RuleLevels { warn: limit(&mut rule, "warn", p), block: limit(&mut rule, "block", p) };
        rule.finish(p);
        rules.push((name, levels));
    }
    Checker { mailbox, calendar, rules }
}

fn limit(rule: &mut Reader, key: &'static str, p: &mut Problems) -> Option<Limit> {
    let mut r = rule.table(key, p)?;
    let said = [Measure::Money, Measure::Bp, Measure::Days];
    let said = said.into_iter().filter_map(|measure| Some((measure, r.place(measure.as_str())?)));
    let limit = Limit {
        said: said.collect(),
        money: r.decimal("money", p).unwrap_or_default(),
        bp: r.decimal("bp", p).unwrap_or_default(),
        days: small(r.number("days", 0..=366, p), 0),
    };
    r.finish(p);
    Some(limit)
}

fn sink(r: &mut Reader, base: &Path, p: &mut Problems) -> Sink {
    Sink {
        store: address::store(r, base, p),
        mailbox: mailbox(r, p),
        batch_rows: bounded(r.number("batch_rows", 1..=5_000_000, p), 100_000),
        linger: r.duration("linger", Duration::ZERO..=HOUR, p).unwrap_or(Duration::from_millis(250)),
        lease: r.duration("lease", Duration::from_secs(1)..=HOUR, p).unwrap_or(Duration::from_secs(15)),
    }
}

fn mailbox(r: &mut Reader, p: &mut Problems) -> usize {
    bounded(r.number("mailbox", 1..=1_024, p), 16)
}

pub(super) fn bounded(n: Option<u64>, default: usize) -> usize {
    n.and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
}

fn small(n: Option<u64>, default: u16) -> u16 {
    n.and_then(|n| u16::try_from(n).ok()).unwrap_or(default)
}

fn timings() -> [(&'static str, FlowTiming); 5] {
    FlowTiming::ALL.map(|t| (t.as_str(), t))
}

#[cfg(test)]
mod tests;

//! Faults on command: rules that a test sets, and counts that prove what happened.
use super::error::ErrorKind;
use super::operation::Operation;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// The call does nothing and is answered with this error.
    Error(ErrorKind),
    /// The call does nothing and its connection is closed without an answer.
    HangUp,
    /// The call does its work; half of the answer is sent, then the connection is closed. A subscription is cut in the middle of its
    /// next event.
    Cut,
    /// The call waits this long first.
    Latency(Duration),
    /// PutRecords refuses this share of its records, in thousandths, with the error of a full shard or an internal failure.
    PartialPut(u32),
    /// GetRecords gives nothing although there is something, and the next iterator stands where this one did.
    EmptyPage,
    /// SubscribeToShard is granted and then ended with this error, as an event of the stream, before anything is given.
    EventError(ErrorKind),
}

/// When a fault happens. The rules that fit a call are asked in the order in which they were set, up to the first whose fault decides how
/// the call ends: an error, a connection hung up or cut. Latency, partial puts and empty pages go together with others.
#[derive(Clone, Debug)]
pub struct Rule {
    operation: Option<Operation>,
    fault: Fault,
    per_mille: u32,
    skip: u64,
    left: Option<u64>,
}

impl Rule {
    /// At every call of the operation.
    pub fn on(operation: Operation, fault: Fault) -> Self {
        Rule { operation: Some(operation), ..Rule::everywhere(fault) }
    }

    /// At every call of any operation.
    pub fn everywhere(fault: Fault) -> Self {
        Rule { operation: None, fault, per_mille: 1000, skip: 0, left: None }
    }

    /// So many times only.
    pub fn times(self, times: u64) -> Self {
        Rule { left: Some(times), ..self }
    }

    /// Only after so many calls that would have been hit.
    pub fn after(self, calls: u64) -> Self {
        Rule { skip: calls, ..self }
    }

    /// By chance, in so many of a thousand calls, decided by the seed.
    pub fn by_chance(self, per_mille: u32) -> Self {
        Rule { per_mille, ..self }
    }
}

/// A rule that was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(u64);

/// A rough sea: errors, throttles, expired iterators, cut connections, partial puts and empty pages, each in so many of a thousand
/// calls that it can happen to.
pub fn rough_sea(per_mille: u32) -> Vec<Rule> {
    use Operation::{GetRecords, GetShardIterator, ListShards, PutRecord, PutRecords, SubscribeToShard};
    let read = [GetRecords, GetShardIterator, ListShards];
    let all = [GetRecords, GetShardIterator, ListShards, PutRecord, PutRecords, SubscribeToShard];
    let mut rules: Vec<Rule> = Vec::new();
    rules.extend(all.map(|o| Rule::on(o, Fault::Error(ErrorKind::InternalFailure))));
    rules.extend(all.map(|o| Rule::on(o, Fault::HangUp)));
    rules.extend(read.map(|o| Rule::on(o, Fault::Cut)));
    rules.push(Rule::on(GetRecords, Fault::Error(ErrorKind::ProvisionedThroughputExceeded)));
    rules.push(Rule::on(GetRecords, Fault::Error(ErrorKind::ExpiredIterator)));
    rules.push(Rule::on(GetRecords, Fault::EmptyPage));
    rules.push(Rule::on(PutRecords, Fault::PartialPut(300)));
    rules.push(Rule::on(SubscribeToShard, Fault::Cut));
    rules.push(Rule::on(SubscribeToShard, Fault::EventError(ErrorKind::InternalFailure)));
    rules.into_iter().map(|r| r.by_chance(per_mille)).collect()
}

/// What was called and what went wrong, since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub calls: BTreeMap<Operation, u64>,
    /// Faults that rules made.
    pub injected: BTreeMap<(Operation, Fault), u64>,
    /// Error answers, injected or not.
    pub errors: BTreeMap<(Operation, ErrorKind), u64>,
    /// Records that PutRecords refused one by one.
    pub records_refused: u64,
}

impl Counts {
    pub fn calls(&self, operation: Operation) -> u64 {
        self.calls.get(&operation).copied().unwrap_or(0)
    }

    pub fn injected(&self, operation: Operation, fault: Fault) -> u64 {
        self.injected.get(&(operation, fault)).copied().unwrap_or(0)
    }

    /// Injected faults of this kind, at any operation.
    pub fn injected_anywhere(&self, fault: Fault) -> u64 {
        self.injected.iter().filter(|((_, f), _)| *f == fault).map(|(_, n)| n).sum()
    }

    pub fn errors(&self, operation: Operation, kind: ErrorKind) -> u64 {
        self.errors.get(&(operation, kind)).copied().unwrap_or(0)
    }
}

/// What one call has to suffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sufferings {
    pub latency: Duration,
    pub hang_up: bool,
    pub error: Option<ErrorKind>,
    pub cut: bool,
    pub partial_put: Option<u32>,
    pub empty_page: bool,
    pub event_error: Option<ErrorKind>,
}

pub(super) struct Faults {
    rules: Vec<(RuleId, Rule)>,
    fired: BTreeMap<RuleId, u64>,
    set: u64,
    random: SmallRng,
    pub counts: Counts,
}

impl Faults {
    pub(super) fn new(seed: u64) -> Self {
        let random = SmallRng::seed_from_u64(seed ^ 0xfa17);
        Faults { rules: Vec::new(), fired: BTreeMap::new(), set: 0, random, counts: Counts::default() }
    }

    pub(super) fn set(&mut self, rule: Rule) -> RuleId {
        self.set += 1;
        let id = RuleId(self.set);
        self.rules.push((id, rule));
        id
    }

    pub(super) fn withdraw(&mut self, id: RuleId) {
        self.rules.retain(|(other, _)| *other != id);
    }

    pub(super) fn withdraw_all(&mut self) {
        self.rules.clear();
    }

    pub(super) fn fired(&self, id: RuleId) -> u64 {
        self.fired.get(&id).copied().unwrap_or(0)
    }

    /// Counts the call, and says what it has to suffer.
    pub(super) fn at(&mut self, operation: Operation) -> Sufferings {
        *self.counts.calls.entry(operation).or_default() += 1;
        let mut all = Sufferings::default();
        for (id, rule) in &mut self.rules {
            if !fits(rule, operation) || !happens(rule, &mut self.random) {
                continue;
            }
            *self.fired.entry(*id).or_default() += 1;
            *self.counts.injected.entry((operation, rule.fault)).or_default() += 1;
            if suffer(&mut all, rule.fault) {
                break;
            }
        }
        self.rules.retain(|(_, rule)| rule.left != Some(0));
        all
    }

    /// Whether a record of a put is refused, and with what.
    pub(super) fn refuses_record(&mut self, per_mille: u32) -> Option<ErrorKind> {
        if self.random.random_range(0..1000) >= per_mille {
            return None;
        }
        let throttled = self.random.random_bool(0.5);
        Some(if throttled { ErrorKind::ProvisionedThroughputExceeded } else { ErrorKind::InternalFailure })
    }
}

fn fits(rule: &Rule, operation: Operation) -> bool {
    let possible = match rule.fault {
        Fault::PartialPut(_) => operation == Operation::PutRecords,
        Fault::EmptyPage => operation == Operation::GetRecords,
        Fault::EventError(_) => operation == Operation::SubscribeToShard,
        _ => true,
    };
    possible && rule.operation.is_none_or(|o| o == operation)
}

/// Whether the rule's turn has come; if so it is counted down.
fn happens(rule: &mut Rule, random: &mut SmallRng) -> bool {
    if rule.per_mille < 1000 && random.random_range(0..1000) >= rule.per_mille {
        return false;
    }
    if rule.skip > 0 {
        rule.skip -= 1;
        return false;
    }
    match &mut rule.left {
        Some(0) => false,
        Some(left) => {
            *left -= 1;
            true
        }
        None => true,
    }
}

/// Adds a fault; whether it ends the call.
fn suffer(all: &mut Sufferings, fault: Fault) -> bool {
    match fault {
        Fault::Error(kind) => all.error = Some(kind),
        Fault::HangUp => all.hang_up = true,
        Fault::Cut => all.cut = true,
        Fault::Latency(time) => all.latency += time,
        Fault::PartialPut(share) => all.partial_put = Some(share),
        Fault::EmptyPage => all.empty_page = true,
        Fault::EventError(kind) => all.event_error = Some(kind),
    }
    matches!(fault, Fault::Error(_) | Fault::HangUp | Fault::Cut | Fault::EventError(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    const THROTTLE: Fault = Fault::Error(ErrorKind::ProvisionedThroughputExceeded);

    #[test]
    fn a_rule_fires_where_and_as_often_as_it_says_and_is_counted() {
        let mut faults = Faults::new(1);
        let id = faults.set(Rule::on(Operation::GetRecords, THROTTLE).after(1).times(2));
        let hit = |f: &mut Faults, o| f.at(o).error.is_some();
        assert!(!hit(&mut faults, Operation::ListShards));
        let got: Vec<bool> = (0..5).map(|_| hit(&mut faults, Operation::GetRecords)).collect();
        assert_eq!(got, [false, true, true, false, false]);
        assert_eq!((faults.fired(id), faults.counts.injected(Operation::GetRecords, THROTTLE)), (2, 2));
        assert_eq!(faults.counts.calls(Operation::GetRecords), 5);
    }

    #[test]
    fn the_same_seed_gives_the_same_faults() {
        let course = |seed| {
            let mut faults = Faults::new(seed);
            for rule in rough_sea(100) {
                faults.set(rule);
            }
            (0..500).map(|i| faults.at(Operation::ALL[i % Operation::ALL.len()])).collect::<Vec<_>>()
        };
        assert_eq!(course(5), course(5));
        assert_ne!(course(5), course(6));
    }
}

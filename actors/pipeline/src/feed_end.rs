//! What the end of a feed decides (F5, F6): a newer full feed withdraws what it lacks of older ones, holdings become values, open days are
//! complete, and a feed read again with a later version of its mapping counts instead of the earlier reading. It goes with the feed's last batch: the step that says the feed is in is committed with it or after it.
use crate::accumulator::Work;
use crate::followed::waits_for_feeds;
use crate::guard::Failure;
use crate::histories::{Asking, Doing};
use crate::messages::ReturnsBatch;
use crate::pieces::owner;
use crate::store_first::CHUNK;
use foldhash::{HashMap, HashSet};
use record::{FeedKey, Symbol};
use returns::ledger::{AccountState, Changes, Ground, History, Stage, WholeFeed, renew, summary_of};
use returns::policy::ValueFrom;
use returns::{Date, Fact, Key, Kind, Reason};
use std::sync::Arc;
use store::{Affected, FeedStep, Touched, slot_of};

/// Numbers of accounts read at a time.
const PAGE: u32 = 10_000;

/// The dates of an account that are touched.
#[derive(Clone, Copy)]
struct Days {
    from: Date,
    until: Date,
    /// All of the account may be.
    whole: bool,
}

impl Days {
    const ALL: Days = Days { from: Date::MIN, until: Date::MAX, whole: true };
}

impl Work {
    /// A feed is known from its first batch on, so that nothing of it is taken for all of it.
    pub(crate) fn hear_of(&mut self, feed: Option<&WholeFeed>, step: Option<&FeedStep>) {
        if let Some(feed) = feed.filter(|feed| self.feeds.get(feed.key).is_none()) {
            self.feeds.note(WholeFeed { stage: Stage::Coming, ..feed.clone() });
        }
        // Of those that are followed, and of deliveries that wait for their trailer.
        let Some(step) = step.filter(|step| feed.is_some() || step.delivery.is_some()) else { return };
        if let Some((first, last)) = step.dates {
            let known = self.feed_dates.entry(step.feed).or_insert((first, last));
            *known = (known.0.min(first), known.1.max(last));
        }
    }

    /// Lets in what a feed says that waited for its trailer: the accounts it speaks of are built anew, as far as it speaks of them, and its facts
    /// wait no more. The feed is that of the batch in hand.
    ///
    /// A part of it may be committed ahead of the step that says so: after a crash the trailer is read again, and does the rest.
    pub(crate) async fn release(&mut self, out: &mut ReturnsBatch) -> Result<(), Failure> {
        let Some(of) = out.header.feed.as_ref().map(|step| step.feed) else { return Ok(()) };
        let dates = self.feed_dates.remove(&of);
        let mut touched = self.affected(&[Affected::Waiting { of, dates }], out).await?;
        // Of one that is marked nothing is known but all of it. It stays so: more may come.
        touched.iter_mut().for_each(|(symbol, days)| days.whole |= self.marked.contains(symbol));
        self.feeds.release(Some(of));
        let released = self.build_anew(touched, &in_as_a_whole(out), out).await;
        self.feeds.release(None);
        released
    }

    /// Builds accounts anew, whole or the days that are touched.
    async fn build_anew(
        &mut self,
        touched: Vec<(Symbol, Days)>,
        why: &str,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let (whole, part): (Vec<_>, Vec<_>) = touched.into_iter().partition(|(_, days)| days.whole);
        let whole: Vec<Symbol> = whole.into_iter().map(|(symbol, _)| symbol).collect();
        for chunk in whole.chunks(CHUNK) {
            self.send_ahead(out).await?;
            self.fold_whole(chunk, why, out).await?;
        }
        for chunk in part.chunks(CHUNK) {
            self.send_ahead(out).await?;
            self.renew(chunk, out).await?;
        }
        Ok(())
    }

    /// Builds anew what the end of a feed touches. The feed is noted as in.
    pub(crate) async fn feed_end(&mut self, feed: &WholeFeed, out: &mut ReturnsBatch) -> Result<(), Failure> {
        let asked = self.questions(feed);
        if asked.is_empty() {
            return Ok(());
        }
        let mut touched = self.affected(&asked, out).await?;
        // Those that are marked are folded whole in their time.
        touched.retain(|(symbol, _)| !self.marked.contains(symbol));
        if self.takes_days_back(feed) {
            let whole = touched.iter().filter(|(_, days)| days.whole).map(|(symbol, _)| *symbol);
            let known: HashSet<Symbol> = whole.collect();
            let others = self.of_vendor(feed).await?.into_iter().filter(|symbol| !known.contains(symbol));
            touched.extend(others.map(|symbol| (symbol, Days::ALL)));
        }
        let why = cause(feed, out);
        self.build_anew(touched, &why, out).await
    }

    /// Whether an earlier reading of the feed completed its vendor's days up to another date: they may be open again, of any account.
    fn takes_days_back(&self, feed: &WholeFeed) -> bool {
        let mut earlier = feed.earlier.iter().filter_map(|key| self.feeds.get(*key));
        waits_for_feeds(&self.policy, feed.vendor)
            && earlier.any(|earlier| earlier.business_date != feed.business_date)
    }

    /// All accounts of a feed's vendor that are this accumulator's.
    async fn of_vendor(&self, feed: &WholeFeed) -> Result<Vec<Symbol>, Failure> {
        let by = Touched::OfVendors(vec![self.policy.vendor(feed.vendor).name.clone()]);
        let (index, of) = self.share;
        let (mut accounts, mut after): (_, Option<Arc<str>>) = (Vec::new(), None);
        loop {
            let page = self.store.touched(&by, after.as_deref(), PAGE).await?;
            let mine = page.iter().filter(|no| owner(slot_of(no), of) == index);
            accounts
                .extend(mine.map(|no| self.names.symbols.intern(no)).filter(|s| !self.marked.contains(s)));
            match page.last() {
                Some(last) => after = Some(last.clone()),
                None => return Ok(accounts),
            }
        }
    }

    /// What of the store may change with a feed.
    fn questions(&self, feed: &WholeFeed) -> Vec<Affected> {
        let mut asked = Vec::new();
        let dates = |feed: FeedKey| self.feed_dates.get(&feed).copied();
        if !feed.earlier.is_empty() {
            let readings = feed.earlier.iter().copied().chain([feed.key]);
            asked.extend(readings.map(|of| Affected::All { of, dates: dates(of) }));
        }
        // What an earlier reading lacked of feeds beside it, if it was of another date.
        for earlier in feed.earlier.iter().filter_map(|key| self.feeds.get(*key)) {
            let beside = self.feeds.beside(earlier).into_iter();
            asked.extend(beside.map(|of| Affected::Lacking { of, dates: dates(of), beside: earlier.key }));
        }
        for other in self.feeds.beside(feed) {
            asked.push(Affected::Lacking { of: other, dates: dates(other), beside: feed.key });
            asked.push(Affected::Lacking { of: feed.key, dates: dates(feed.key), beside: other });
        }
        let own = self.policy.vendor(feed.vendor);
        if own.value_from == ValueFrom::Holdings {
            asked.push(Affected::Holdings { of: feed.key, dates: dates(feed.key) });
        }
        if waits_for_feeds(&self.policy, feed.vendor) {
            asked.push(Affected::Open { vendor: own.name.clone(), until: feed.business_date });
        }
        asked
    }

    /// The accounts of this accumulator that are touched, by what is stored and what is under way.
    async fn affected(
        &mut self,
        asked: &[Affected],
        out: &ReturnsBatch,
    ) -> Result<Vec<(Symbol, Days)>, Failure> {
        let mut found: HashMap<Symbol, Days> = HashMap::default();
        let mut add = |symbol: Symbol, days: Days| {
            let known = found.entry(symbol).or_insert(days);
            known.from = known.from.min(days.from);
            known.until = known.until.max(days.until);
            known.whole |= days.whole;
        };
        let (index, of) = self.share;
        for what in asked {
            for account in self.store.affected(what).await? {
                if owner(slot_of(&account.account_no), of) == index {
                    let (from, until, whole) = (account.from, account.until, account.whole);
                    add(self.names.symbols.intern(&account.account_no), Days { from, until, whole });
                }
            }
        }
        let under_way = self.under_way(asked, out);
        if !under_way.is_empty() {
            let symbols: HashMap<i64, Symbol> =
                self.accounts.iter().map(|(symbol, a)| (a.id, symbol)).collect();
            for (id, days) in under_way {
                symbols.get(&id).into_iter().for_each(|symbol| add(*symbol, days));
            }
        }
        let mut touched: Vec<(Symbol, Days)> = found.into_iter().collect();
        // Ids of accounts already loaded come in runs; the order decides no figure.
        touched.sort_unstable_by_key(|(symbol, _)| self.accounts.get(symbol).map(|a| a.id));
        Ok(touched)
    }

    /// The same of what is not committed yet. What one feed lacks may be stored: a look too many changes nothing.
    fn under_way(&self, asked: &[Affected], out: &ReturnsBatch) -> Vec<(i64, Days)> {
        let mut touched = Vec::new();
        let mut said: Vec<(i64, Fact)> = Vec::new();
        let feeds: HashSet<FeedKey> = asked.iter().flat_map(feeds_of).collect();
        for batch in self.overlay.batches(out) {
            for (id, change) in &batch.rows {
                let Some(row) = change.row() else { continue };
                let vendor = || self.names.vendor_name(row.value_vendor);
                let is_open = |what: &Affected| matches!(what, Affected::Open { vendor: v, .. } if Some(v) == vendor().as_ref());
                if row.reasons.has(Reason::Incomplete) && asked.iter().any(is_open) {
                    touched.push((*id, Days { from: row.as_of, until: row.as_of, whole: false }));
                }
                if row.carries && feeds.contains(&row.feed) {
                    said.push((*id, summary_of(row)));
                }
            }
            let facts = batch.facts.iter().filter(|(_, stored)| feeds.contains(&stored.fact.feed));
            said.extend(facts.map(|(id, stored)| (*id, stored.fact.clone())));
        }
        let keys: HashSet<(i64, FeedKey, Key)> = said.iter().map(|(id, f)| (*id, f.feed, f.key())).collect();
        let lacks = |id: i64, fact: &Fact| {
            asked.iter().any(|what| match what {
                Affected::Lacking { of, beside, .. } => {
                    *of == fact.feed && !keys.contains(&(id, *beside, fact.key()))
                }
                Affected::Holdings { of, .. } => *of == fact.feed && fact.kind() == Kind::Holding,
                Affected::All { of, .. } | Affected::Waiting { of, .. } => *of == fact.feed,
                Affected::Open { .. } => false,
            })
        };
        for (id, fact) in said.iter().filter(|(id, fact)| lacks(*id, fact)) {
            let again = |what: &Affected| matches!(what, Affected::All { of, .. } if *of == fact.feed);
            let whole = !fact.is_dated() || fact.kind() == Kind::Account || asked.iter().any(again);
            touched.push((*id, Days { from: fact.as_of, until: fact.as_of, whole }));
        }
        touched
    }

    /// Builds the touched days of some accounts anew, with as much of their history as that takes.
    async fn renew(&mut self, chunk: &[(Symbol, Days)], out: &mut ReturnsBatch) -> Result<(), Failure> {
        let gone: Vec<Symbol> =
            chunk.iter().map(|(symbol, _)| *symbol).filter(|s| !self.accounts.contains_key(s)).collect();
        if !gone.is_empty() {
            self.load(&gone, out.header.number, out).await?;
        }
        let ground = Ground { policy: &self.policy, partitions: &self.names.partitions, feeds: &self.feeds };
        let asking: Vec<Asking<(Date, Date)>> = chunk
            .iter()
            .filter_map(|(symbol, days)| {
                let account = self.accounts.get(symbol)?;
                let days = (days.from, days.until);
                let reach = account.state.reach_of(days, ground);
                Some(Asking { symbol: *symbol, id: account.id, what: days, reach })
            })
            .collect();
        let fold = |days: &(Date, Date), state: &mut AccountState, history: &History, ground: Ground| {
            renew(state, *days, history, ground)
        };
        self.read_and_do(asking, Doing { fold, take: Work::take_renewed }, out).await
    }

    fn take_renewed(&self, asked: Asking<(Date, Date)>, changes: Changes, out: &mut ReturnsBatch) {
        let cause = in_as_a_whole(out);
        self.take_changes((asked.symbol, asked.id), changes, || cause.into(), out);
    }
}

/// Told in history where the end of a feed moves what was published.
fn cause(feed: &WholeFeed, out: &ReturnsBatch) -> String {
    match feed.earlier.is_empty() {
        true => in_as_a_whole(out),
        false => format!("{} was read again with a later version of its mapping", out.header.partition.id),
    }
}

fn in_as_a_whole(out: &ReturnsBatch) -> String {
    format!("{} is in as a whole", out.header.partition.id)
}

fn feeds_of(what: &Affected) -> Vec<FeedKey> {
    match what {
        Affected::Lacking { of, beside, .. } => vec![*of, *beside],
        Affected::All { of, .. } | Affected::Waiting { of, .. } | Affected::Holdings { of, .. } => vec![*of],
        Affected::Open { .. } => Vec::new(),
    }
}

#[cfg(test)]
mod tests;

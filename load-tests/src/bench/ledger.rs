//! The accounts of a feed in memory, as an accumulator keeps them.
use super::BenchError;
use crate::generate::Vendor;
use codecs::{Decoded, Layout, Observation};
use pipeline::crosswalk::{Crosswalk, Resolved};
use record::{Symbol, SymbolMap};
use returns::ledger::{AccountState, Changes, Ground, Offer, Profile, RowChange};
use returns::{Date, Fact, Policy};
use std::mem::size_of;
use std::sync::Arc;
use store::Names;

/// One account in memory.
pub struct Account {
    /// From 1, in order of first appearance.
    pub id: i64,
    pub number: Symbol,
    pub state: AccountState,
}

/// All accounts, and the way from a vendor's account to ours.
pub struct Ledger {
    pub names: Arc<Names>,
    policy: Policy,
    crosswalk: Crosswalk,
    accounts: SymbolMap<Account>,
    /// Reused from fact to fact.
    scratch: Changes,
}

impl Ledger {
    pub fn new(layout: &Layout) -> Ledger {
        let names = Arc::new(Names::default());
        names.vendor(Vendor::Bulk.name());
        Ledger {
            names,
            policy: Policy::new(vec![layout.vendor_policy()]),
            crosswalk: Crosswalk::default(),
            accounts: SymbolMap::default(),
            scratch: Changes::default(),
        }
    }

    /// Finds the accounts of all observations, as a decoder does, and then adds their facts, as an accumulator does; the rows that change
    /// are appended by account.
    pub fn take(
        &mut self,
        decoded: &mut Decoded,
        rows: &mut Vec<(i64, RowChange)>,
    ) -> Result<(), BenchError> {
        let Decoded { observations, text, .. } = decoded;
        let mut resolved = Vec::with_capacity(observations.len());
        for Observation { account, fact, .. } in observations.iter_mut() {
            let (start, end) = *account;
            let sent = text.get(start as usize..end as usize).unwrap_or_default();
            let (vendor_account, account) = self.resolve(sent, fact.as_of)?;
            fact.vendor_account = vendor_account;
            resolved.push(account);
        }
        for (Observation { fact, .. }, account) in observations.iter().zip(resolved) {
            self.offer(account, fact, rows)?;
        }
        Ok(())
    }

    fn resolve(&mut self, text: &[u8], as_of: Date) -> Result<(Symbol, Symbol), BenchError> {
        if let (vendor_account, Resolved::To(target)) = self.crosswalk.resolve(text, as_of) {
            return Ok((vendor_account, target.account));
        }
        let number = String::from_utf8_lossy(text);
        self.crosswalk.learn(&number, &[], &number, &self.names);
        match self.crosswalk.resolve(text, as_of) {
            (vendor_account, Resolved::To(target)) => Ok((vendor_account, target.account)),
            _ => Err(BenchError::Undone(format!("the account {number} leads nowhere"))),
        }
    }

    fn offer(
        &mut self,
        number: Symbol,
        fact: &Fact,
        rows: &mut Vec<(i64, RowChange)>,
    ) -> Result<(), BenchError> {
        if !self.accounts.contains_key(&number) {
            let id = i64::try_from(self.accounts.len()).unwrap_or(i64::MAX).saturating_add(1);
            self.accounts.insert(number, Account { id, number, state: AccountState::default() });
        }
        let Some(account) = self.accounts.get_mut(&number) else { return Ok(()) };
        let ground = Ground {
            policy: &self.policy,
            partitions: &self.names.partitions,
            feeds: &returns::ledger::NO_FEEDS,
        };
        match account.state.offer(fact, ground, &mut self.scratch) {
            Offer::Settled(_) => {
                let id = account.id;
                rows.extend(self.scratch.rows.drain(..).map(|row| (id, row)));
                self.scratch.facts.clear();
                self.scratch.profile = None;
                Ok(())
            }
            Offer::Deferred => Err(BenchError::Undone(format!(
                "the fact of {} on {} waits for a read of the store",
                self.names.symbols.text(number),
                fact.as_of
            ))),
        }
    }

    pub fn count(&self) -> u64 {
        self.accounts.len() as u64
    }

    /// Accounts by id.
    pub fn accounts(&self) -> Vec<(i64, Arc<str>, Profile)> {
        let text = |a: &Account| (a.id, self.names.symbols.text(a.number), a.state.profile().clone());
        let mut all: Vec<_> = self.accounts.values().map(text).collect();
        all.sort_unstable_by_key(|(id, ..)| *id);
        all
    }

    /// Bytes of all accounts' states, on the heap and in the map.
    pub fn state_bytes(&self) -> u64 {
        self.accounts.values().map(|a| a.state.memory_bytes() as u64).sum()
    }

    /// Bytes of the map beside the states: keys, ids, places, and room for more.
    pub fn map_bytes(&self) -> u64 {
        let states = self.accounts.len() * size_of::<AccountState>();
        self.accounts.memory_bytes().saturating_sub(states) as u64
    }
}

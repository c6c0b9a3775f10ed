//! The accounts an accumulator has in memory: brought in when a batch touches them, dropped when there are too many.
use crate::accumulator::Work;
use crate::guard::Failure;
use crate::messages::{NewAlias, Rejected, ReturnsBatch};
use crate::overlay::Overlay;
use foldhash::HashSet;
use record::Symbol;
use returns::Fact;
use returns::ledger::{AccountState, Ground, Profile, Restore};
use std::sync::Arc;
use store::{AccountWrite, slot_of};

/// One account in memory.
pub(crate) struct Account {
    pub id: i64,
    pub state: AccountState,
    /// The batch that made it; none for one the store knew. While the overlay keeps that batch, it keeps all there is of the account.
    pub born: Option<u64>,
    /// The batch that touched it last.
    pub touched: u64,
}

/// Ids are taken from the store this many at a time.
const ID_BLOCK: u32 = 1_000;

impl Account {
    /// The store has nothing of it that the batch in hand and the overlay have not: the batch that made it is one of them. Numbers
    /// are compared for equality alone, for batches of different sources do not come in their order.
    pub fn is_new(&self, overlay: &Overlay, in_hand: u64) -> bool {
        self.born.is_some_and(|born| born == in_hand || overlay.holds(born))
    }
}

impl Work {
    /// Loads the accounts a batch touches that memory does not hold; makes those the store does not know.
    pub(crate) async fn bring_in(
        &mut self,
        facts: &[(Symbol, Fact)],
        rejects: &[Rejected],
        aliases: &[NewAlias],
        touched: u64,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let asked = facts.iter().map(|(s, _)| *s).chain(aliases.iter().map(|a| a.account));
        let mut missing: Vec<Symbol> = Vec::new();
        let mut seen: HashSet<Symbol> = HashSet::default();
        for symbol in asked.chain(rejects.iter().filter_map(|r| r.account)) {
            if !self.accounts.contains_key(&symbol) && seen.insert(symbol) {
                missing.push(symbol);
            }
        }
        if !missing.is_empty() {
            self.load(&missing, touched, out).await?;
        }
        for alias in aliases {
            self.write_alias(alias, out);
        }
        Ok(())
    }

    pub(crate) async fn load(
        &mut self,
        missing: &[Symbol],
        touched: u64,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        let numbers: Vec<Arc<str>> = missing.iter().map(|s| self.names.symbols.text(*s)).collect();
        let stored = self.store.load_accounts(&numbers).await?;
        let new = stored.iter().filter(|s| s.is_none()).count();
        self.reserve(new).await?;
        for ((symbol, account_no), stored) in missing.iter().zip(numbers).zip(stored) {
            let account = match stored {
                Some(stored) => {
                    let ground = Ground {
                        policy: &self.policy,
                        partitions: &self.names.partitions,
                        feeds: &self.feeds,
                    };
                    let state = AccountState::restore(
                        Restore {
                            profile: stored.profile,
                            last: stored.last.as_ref(),
                            before_last: stored.before_last.as_ref(),
                            open: stored.open,
                        },
                        ground,
                    );
                    Account { id: stored.id, state, born: None, touched }
                }
                None => {
                    let id =
                        self.ids.next().ok_or_else(|| Failure::fatal("the block of account ids ran out"))?;
                    let slot = slot_of(&account_no);
                    let profile = Profile::default();
                    out.accounts.push(AccountWrite { id, account_no, slot, profile, aliases: Vec::new() });
                    Account { id, state: AccountState::default(), born: Some(touched), touched }
                }
            };
            self.accounts.insert(*symbol, account);
            out.brought_in += 1;
        }
        Ok(())
    }

    async fn reserve(&mut self, needed: usize) -> Result<(), Failure> {
        let left = usize::try_from(self.ids.end - self.ids.start).unwrap_or(0);
        if needed > left {
            let block = u32::try_from(needed).unwrap_or(u32::MAX).max(ID_BLOCK);
            self.ids = self.store.reserve_accounts(block).await?;
        }
        Ok(())
    }

    fn write_alias(&self, alias: &NewAlias, out: &mut ReturnsBatch) {
        let Some(account) = self.accounts.get(&alias.account) else { return };
        let pair = (alias.vendor.clone(), self.names.symbols.text(alias.vendor_account));
        let account_no = self.names.symbols.text(alias.account);
        let slot = slot_of(&account_no);
        let profile = account.state.profile().clone();
        out.accounts.push(AccountWrite { id: account.id, account_no, slot, profile, aliases: vec![pair] });
    }

    /// Drops accounts beyond the limit, those untouched longest first; what is not committed stays.
    pub(crate) fn evict(&mut self) {
        if self.accounts.len() <= self.limit {
            return;
        }
        let uncommitted = self.overlay.oldest().unwrap_or(u64::MAX);
        let mut touched: Vec<u64> =
            self.accounts.values().map(|a| a.touched).filter(|t| *t < uncommitted).collect();
        // An eighth more than needed, so that the sweep is paid once for many.
        let excess = (self.accounts.len() - self.limit + self.limit / 8).min(touched.len());
        if excess == 0 {
            return;
        }
        let (_, cut, _) = touched.select_nth_unstable(excess - 1);
        let cut = *cut;
        self.accounts.retain(|a| a.touched > cut || a.touched >= uncommitted);
    }
}

//! What a changed policy would do to the rows that are stored: accounts folded and judged as a run would, and nothing written.
use crate::deferred::restates;
use crate::policy::Change;
use returns::ledger::{AccountState, Feeds, Ground, Reach, Restore, RowChange, rebuild};
use returns::tolerance::{Rules, judge};
use returns::{Date, Policy, Reason};
use std::collections::HashMap;
use std::sync::Arc;
use store::{HistoryRequest, Names, Published, RowFilter, Store, StoreError, StoredAccount};

/// Accounts folded per read: their whole histories are what memory holds at once.
const CHUNK: u32 = 200;
/// Rows compared per read.
const PAGE: u32 = 4_096;

/// What would come of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlook {
    /// Accounts that are touched.
    pub accounts: u64,
    /// Published rows whose figures would move, or that would go.
    pub restated: u64,
    /// Days without a row that would have one.
    pub new: u64,
    /// Rows with the figures they have and another verdict, or other reasons for it.
    pub judged: u64,
}

/// The policy that would be in force, and the store that is under another.
#[derive(Clone, Copy)]
pub struct DryRun<'a> {
    pub store: &'a dyn Store,
    pub names: &'a Names,
    pub policy: &'a Policy,
    /// The whole feeds the store has.
    pub feeds: &'a Feeds,
    pub rules: &'a Rules,
}

impl DryRun<'_> {
    /// Looks at every account that the change touches; `tell` hears of it as it goes on. In a store that is being written to, the answer
    /// is as of the moment each account was read.
    ///
    /// # Errors
    /// What the store says when it is read.
    pub async fn of(&self, change: &Change, mut tell: impl FnMut(&Outlook)) -> Result<Outlook, StoreError> {
        let mut outlook = Outlook::default();
        let mut after: Option<Arc<str>> = None;
        loop {
            let chunk = self.store.touched(&change.touched, after.as_deref(), CHUNK).await?;
            if chunk.is_empty() {
                return Ok(outlook);
            }
            let mut folded = if change.figures { self.folded(&chunk).await? } else { HashMap::new() };
            for account_no in &chunk {
                let changes = folded.remove(account_no).unwrap_or_default();
                self.compare(account_no, changes, &mut outlook).await?;
            }
            tell(&outlook);
            after = chunk.last().cloned();
        }
    }

    /// What would change of these accounts, each folded whole.
    async fn folded(&self, chunk: &[Arc<str>]) -> Result<HashMap<Arc<str>, Vec<RowChange>>, StoreError> {
        let accounts: Vec<StoredAccount> =
            self.store.load_accounts(chunk).await?.into_iter().flatten().collect();
        let whole = Reach { from: Date::MIN, undated: Vec::new(), rows: None };
        let asked: Vec<HistoryRequest> =
            accounts.iter().map(|a| HistoryRequest { account: a.id, reach: whole.clone() }).collect();
        let read = self.store.history(&asked).await?;
        let ground = Ground { policy: self.policy, partitions: &self.names.partitions, feeds: self.feeds };
        let folded = accounts.into_iter().zip(read).map(|(a, history)| {
            let (last, before_last) = (a.last.as_ref(), a.before_last.as_ref());
            let restore = Restore { profile: a.profile, last, before_last, open: a.open };
            let mut state = AccountState::restore(restore, ground);
            (a.account_no, rebuild(&mut state, &history, ground).rows)
        });
        Ok(folded.collect())
    }

    /// Compares what would change of an account with what is published of it.
    async fn compare(
        &self,
        account_no: &str,
        changes: Vec<RowChange>,
        outlook: &mut Outlook,
    ) -> Result<(), StoreError> {
        outlook.accounts += 1;
        outlook.new += changes.iter().filter(|c| matches!(c, RowChange::New(_))).count() as u64;
        let changes: HashMap<Date, RowChange> = changes.into_iter().map(|c| (c.as_of(), c)).collect();
        let filter = RowFilter { account_no: Some(account_no.to_owned()), ..RowFilter::default() };
        let mut after = None;
        loop {
            let page = self.store.reader().rows(&filter, after, PAGE).await?;
            for published in &page {
                self.take(published, changes.get(&published.row.as_of), outlook);
            }
            match page.last().filter(|_| u32::try_from(page.len()) == Ok(PAGE)) {
                Some(last) => after = Some((last.account_no.clone(), last.row.as_of)),
                None => return Ok(()),
            }
        }
    }

    /// A row of an open day is overwritten, or goes, without a restatement (F6).
    fn take(&self, published: &Published, change: Option<&RowChange>, outlook: &mut Outlook) {
        if change.is_some_and(restates) {
            outlook.restated += u64::from(!published.row.reasons.has(Reason::Incomplete));
            return;
        }
        let row = change.and_then(RowChange::row).unwrap_or(&published.row);
        let judged = judge(row, self.rules, self.policy, &mut Vec::new());
        outlook.judged += u64::from(judged != (published.verdict, published.reasons));
    }
}

#[cfg(test)]
mod tests;

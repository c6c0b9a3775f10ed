//! Folds on a part of the history: read for all at once, and for those that need more of it again.
use crate::accumulator::Work;
use crate::guard::Failure;
use crate::messages::ReturnsBatch;
use record::Symbol;
use returns::ledger::{AccountState, Ground, History, Reach};
use store::HistoryRequest;

/// An account, what is to be done with it, and what must be read for that.
pub(crate) struct Asking<T> {
    pub symbol: Symbol,
    pub id: i64,
    pub what: T,
    pub reach: Reach,
}

/// What is done with what was read; it may ask for more.
pub(crate) struct Doing<T, D> {
    pub fold: fn(&T, &mut AccountState, &History, Ground) -> Result<D, Reach>,
    pub take: fn(&Work, Asking<T>, D, &mut ReturnsBatch),
}

impl Work {
    /// One read for all that ask, and a fold of each; over again with those for which it was not enough.
    pub(crate) async fn read_and_do<T, D>(
        &mut self,
        mut asking: Vec<Asking<T>>,
        doing: Doing<T, D>,
        out: &mut ReturnsBatch,
    ) -> Result<(), Failure> {
        while !asking.is_empty() {
            let mut requests = Vec::with_capacity(asking.len());
            for a in &asking {
                let reach = self.overlay.of(a.id, out).widen(a.reach.clone());
                requests.push(HistoryRequest { account: a.id, reach });
            }
            let read = self.store.history(&requests).await?;
            let mut again = Vec::new();
            for (a, history) in asking.into_iter().zip(read) {
                again.extend(self.do_one(a, history, &doing, out));
            }
            asking = again;
        }
        Ok(())
    }

    /// Comes back if it needs a wider read.
    fn do_one<T, D>(
        &mut self,
        mut a: Asking<T>,
        history: History,
        doing: &Doing<T, D>,
        out: &mut ReturnsBatch,
    ) -> Option<Asking<T>> {
        let whole = match self.overlay.of(a.id, out).lay_over(history) {
            Ok(whole) => whole,
            Err(from) => {
                a.reach.from = a.reach.from.min(from);
                return Some(a);
            }
        };
        let ground = Ground { policy: &self.policy, partitions: &self.names.partitions, feeds: &self.feeds };
        let account = self.accounts.get_mut(&a.symbol)?;
        // Until this batch is committed the store would give back the account as it was.
        account.touched = out.header.number;
        match (doing.fold)(&a.what, &mut account.state, &whole, ground) {
            Ok(done) => {
                (doing.take)(self, a, done, out);
                None
            }
            Err(reach) => Some(Asking { reach, ..a }),
        }
    }
}

//! The supervisor: starts generations, watches them, and starts them afresh from the store.
//!
//! The unit of restart is the generation: once one stage has died, the others are ahead of the store, and only a reload makes their memory
//! true. actix's own supervisor restarts the same struct with its old state and does not survive a panic, so it is not used.
use crate::enter::entered;
use crate::generation::{Plan, Running, start};
use crate::guard::{Class, End, Ended, Failure};
use crate::policy;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Generation, StoreError, Touched};

/// What a person is told while the supervisor works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Another pipeline is active; this one stands by.
    StandingBy {
        owner: String,
        seconds: u64,
    },
    Active {
        generation: i64,
    },
    /// Other conventions than in the run before: these accounts are folded anew.
    PolicyChanged {
        accounts: u64,
    },
    /// A generation ended by trouble and the next begins after a pause.
    Restarting {
        actor: String,
        why: String,
        after: Duration,
    },
}

/// How to run.
pub struct Options {
    /// Names this process to others, as in `host/4711`.
    pub worker: String,
    pub lease: Duration,
    /// Restarts allowed in a row before giving up.
    pub restarts: u32,
    pub notices: Box<dyn Fn(Notice) + Send + Sync>,
}

/// A generation that ran this long was healthy: the pause starts small again.
const HEALTHY: Duration = Duration::from_secs(600);
/// How often one that stands by asks for the lease: that reads one row, as a rule.
const ASKING: Duration = Duration::from_millis(100);
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Runs a topology until its sources end, until it is stopped, or until trouble that will not pass. All that was read is then committed.
pub async fn run(plan: Plan, options: Options) -> Result<(), Failure> {
    // The connections that are made for leases must outlive this system, as those of the actors do.
    entered(&plan.runtime, supervise(&plan, &options, FIRST_PAUSE)).await
}

async fn supervise(plan: &Plan, options: &Options, first_pause: Duration) -> Result<(), Failure> {
    let mut attempt = 0u32;
    loop {
        let ended = match take_lease(plan, options).await {
            Ok(None) => return Ok(()),
            Ok(Some((lease, since))) => (active(plan, options, lease).await, since.elapsed()),
            Err(failure) => (Err(by_us(failure)), Duration::ZERO),
        };
        let (Err((actor, failure)), lasted) = ended else { return Ok(()) };
        if lasted >= HEALTHY {
            attempt = 0;
        }
        attempt += 1;
        let hopeless = matches!(failure.class, Class::Fatal | Class::Poison) || attempt > options.restarts;
        if hopeless || *plan.stop.borrow() {
            return Err(failure);
        }
        let after = pause(first_pause, attempt, std::process::id());
        plan.board.restarted();
        metrics::counter!("dietz_restarts_total", "actor" => actor.to_string()).increment(1);
        (options.notices)(Notice::Restarting { actor: actor.to_string(), why: failure.text, after });
        wait(plan, after).await;
    }
}

/// One generation, as the active pipeline.
async fn active(plan: &Plan, options: &Options, lease: Arc<Generation>) -> Result<(), Trouble> {
    let ended = match enforce_policy(plan, &lease).await {
        Ok(accounts) => {
            if accounts > 0 {
                (options.notices)(Notice::PolicyChanged { accounts });
            }
            (options.notices)(Notice::Active { generation: lease.number });
            one_generation(plan, options, lease.clone()).await
        }
        Err(e) => Err(by_us(e)),
    };
    let ended = match ended {
        Err((actor, failure)) if is_lost(plan, &lease, &failure).await => Err((actor, lost(&failure))),
        ended => ended,
    };
    // Giving the lease back lets another take over at once; if the store is away, it runs out by itself.
    let _ = plan.store.close_generation(&lease).await;
    ended
}

/// Whether trouble that would pass is the echo of a lease that went to another: who took it may have ended our sessions.
async fn is_lost(plan: &Plan, lease: &Generation, failure: &Failure) -> bool {
    failure.class == Class::Transient && matches!(plan.store.renew(lease).await, Err(StoreError::LeaseLost))
}

fn lost(failure: &Failure) -> Failure {
    Failure { class: Class::LeaseLost, text: format!("{} ({})", StoreError::LeaseLost, failure.text) }
}

/// Puts the plan's policy in force and marks the accounts that its change touches; says how many. Nobody else can put one in force between
/// the read and the write: that takes the lease, and with it our tokens.
async fn enforce_policy(plan: &Plan, lease: &Generation) -> Result<u64, StoreError> {
    let now = policy::spec(&plan.layouts.policy, &plan.rules);
    let touched = match plan.store.policy_in_force().await? {
        Some(before) => policy::change(&before.text, &now.text).touched,
        None => Touched::NONE,
    };
    plan.store.enforce_policy(lease, plan.layouts.policy.id, &touched).await
}

/// A first pause doubling to 10 min, less up to a quarter so that many processes do not come back together.
fn pause(first: Duration, attempt: u32, seed: u32) -> Duration {
    let doubled = first.saturating_mul(1 << attempt.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    doubled - doubled / 256 * (seed % 64)
}

/// Becomes the active pipeline, standing by while another is; `None` when stopped meanwhile.
async fn take_lease(plan: &Plan, options: &Options) -> Result<Option<(Arc<Generation>, Instant)>, Failure> {
    let mut told = None;
    loop {
        if *plan.stop.borrow() {
            // A courtesy to who looks: the row runs out by itself.
            let _ = plan.store.stand_down(&options.worker).await;
            return Ok(None);
        }
        match plan.store.open_generation(&options.worker, options.lease).await {
            Ok(lease) => return Ok(Some((Arc::new(lease), Instant::now()))),
            Err(StoreError::Busy { owner, seconds }) => {
                plan.board.asked_for_the_lease();
                if told.as_ref() != Some(&owner) {
                    (options.notices)(Notice::StandingBy { owner: owner.clone(), seconds });
                    told = Some(owner);
                }
                wait(plan, ASKING).await;
            }
            Err(e) => return Err(e.into()),
        }
    }
}

async fn wait(plan: &Plan, time: Duration) {
    let mut stop = plan.stop.clone();
    let _ = tokio::time::timeout(time, stop.wait_for(|s| *s)).await;
}

/// An actor in trouble, and the trouble.
type Trouble = (Arc<str>, Failure);

fn by_us(failure: impl Into<Failure>) -> Trouble {
    ("supervisor".into(), failure.into())
}

async fn one_generation(plan: &Plan, options: &Options, lease: Arc<Generation>) -> Result<(), Trouble> {
    let mut running = start(plan, lease.clone()).await.map_err(by_us)?;
    let renewing = renew(plan, options, lease);
    let result = tokio::select! {
        ended = watch(&mut running) => ended,
        failure = renewing => Err(by_us(failure)),
    };
    running.end().await;
    result
}

/// Waits until the sink has committed everything, or until an actor is in trouble. The first cause told counts; what others say then is its echo.
async fn watch(running: &mut Running) -> Result<(), Trouble> {
    while let Some(Ended { actor, end }) = running.ended.recv().await {
        match end {
            End::Finished if actor == running.sink => return Ok(()),
            // The others have passed on what they had.
            End::Finished => {}
            End::Failed(failure) => return Err((actor, failure)),
            End::Panicked => return Err((actor, Failure::transient("it panicked"))),
            End::Dropped => return Err((actor, Failure::transient("it was dropped with work left"))),
        }
    }
    Err(by_us(Failure::transient("all actors are gone")))
}

/// Renews the lease three times in its life; comes back only with trouble.
async fn renew(plan: &Plan, options: &Options, lease: Arc<Generation>) -> Failure {
    let mut last = Instant::now();
    loop {
        tokio::time::sleep(options.lease / 3).await;
        match plan.store.renew(&lease).await {
            Ok(()) => last = Instant::now(),
            // The store may be away for a moment; the lease is not lost before its time.
            Err(StoreError::Unreachable(_)) if last.elapsed() < options.lease => {}
            Err(e) => return e.into(),
        }
    }
}

#[cfg(test)]
mod tests;

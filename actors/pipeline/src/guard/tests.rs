use super::*;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn guarded() -> (Guard, UnboundedReceiver<Ended>) {
    let (to, from) = unbounded_channel();
    (Guard::new("sinks.store", to), from)
}

/// The ends told, once nobody can tell any more.
fn told(mut from: UnboundedReceiver<Ended>) -> Vec<(String, End)> {
    std::iter::from_fn(|| from.try_recv().ok()).map(|e| (e.actor.to_string(), e.end)).collect()
}

fn only(end: End) -> Vec<(String, End)> {
    vec![("sinks.store".into(), end)]
}

#[test]
fn an_actor_dropped_with_work_left_says_so() {
    let (guard, from) = guarded();
    drop(guard);
    assert_eq!(told(from), only(End::Dropped));
}

#[test]
fn an_actor_that_panics_says_so() {
    let (guard, from) = guarded();
    let thread = std::thread::spawn(move || {
        let _guard = guard;
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    assert_eq!(told(from), only(End::Panicked));
}

#[test]
fn only_the_first_end_is_told() {
    let (guard, from) = guarded();
    guard.tell(End::Finished);
    guard.failed(Failure::fatal("too late"));
    drop(guard);
    assert_eq!(told(from), only(End::Finished));
}

#[test]
fn a_failure_told_is_not_followed_by_the_drop() {
    let (guard, from) = guarded();
    guard.failed(Failure::transient("the store is away"));
    drop(guard);
    assert_eq!(told(from), only(End::Failed(Failure::transient("the store is away"))));
}

#[test]
fn a_supervisor_that_is_gone_needs_no_news() {
    let (guard, from) = guarded();
    drop(from);
    guard.tell(End::Finished);
}

#[test]
fn trouble_with_the_store_has_the_class_of_what_to_do() {
    use store::StoreError::{Busy, LeaseLost, Refused, Schema, Unreachable};
    let class = |e: store::StoreError| Failure::from(e).class;
    assert_eq!(class(Unreachable("x".into())), Class::Transient);
    assert_eq!(class(Busy { owner: "x".into(), seconds: 1 }), Class::LeaseLost);
    assert_eq!(class(LeaseLost), Class::LeaseLost);
    assert_eq!(class(Schema("x".into())), Class::Fatal);
    assert_eq!(class(Refused("x".into())), Class::Fatal);
    assert_eq!(Failure::from(crate::mailbox::Closed("x".into())).class, Class::Transient);
}

use super::*;
use futures_util::FutureExt;
use std::sync::Mutex;

/// Keeps what it gets, with the room it takes.
#[derive(Default)]
struct Keeps {
    got: Arc<Mutex<Vec<Parcel<u32>>>>,
}

impl Actor for Keeps {
    type Context = Context<Self>;
}

impl Handler<Parcel<u32>> for Keeps {
    type Result = ();
    fn handle(&mut self, parcel: Parcel<u32>, _: &mut Self::Context) {
        self.got.lock().unwrap().push(parcel);
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Ask;

impl Handler<Ask> for Keeps {
    type Result = ();
    fn handle(&mut self, _: Ask, _: &mut Self::Context) {}
}

#[derive(Message)]
#[rtype(result = "()")]
struct Leave;

impl Handler<Leave> for Keeps {
    type Result = ();
    fn handle(&mut self, _: Leave, ctx: &mut Self::Context) {
        ctx.stop();
    }
}

struct Bench {
    mailbox: Mailbox<u32>,
    got: Arc<Mutex<Vec<Parcel<u32>>>>,
    addr: Addr<Keeps>,
}

fn bench(capacity: usize) -> Bench {
    let keeps = Keeps::default();
    let got = keeps.got.clone();
    let addr = keeps.start();
    Bench { mailbox: Mailbox::new("keeps", addr.clone().recipient(), capacity), got, addr }
}

impl Bench {
    /// What has arrived, once the actor has come to it.
    async fn bodies(&self) -> Vec<u32> {
        self.addr.send(Ask).await.unwrap();
        self.got.lock().unwrap().iter().map(|p| p.body).collect()
    }
}

#[actix::test]
async fn messages_arrive_in_the_order_they_were_sent() {
    let b = bench(8);
    for n in 0..8 {
        b.mailbox.send(n).await.unwrap();
    }
    assert_eq!(b.bodies().await, (0..8).collect::<Vec<_>>());
}

#[actix::test]
async fn a_sender_waits_for_room_and_goes_on_when_a_message_is_done_with() {
    let b = bench(2);
    let other = b.mailbox.clone();
    b.mailbox.send(1).await.unwrap();
    other.send(2).await.unwrap();
    let mut third = Box::pin(b.mailbox.send(3));
    assert!(third.as_mut().now_or_never().is_none(), "two are under way, whoever sent them");
    assert_eq!(b.bodies().await, [1, 2], "taken from the mailbox, but not done with");
    assert!(third.as_mut().now_or_never().is_none());
    drop(b.got.lock().unwrap().remove(0));
    third.await.unwrap();
    assert_eq!(b.bodies().await, [2, 3]);
}

#[actix::test]
async fn those_who_wait_for_room_go_in_turn() {
    let b = bench(1);
    b.mailbox.send(0).await.unwrap();
    let mut waiting: Vec<_> = (1..4).map(|n| Box::pin(b.mailbox.send(n))).collect();
    assert!(waiting.iter_mut().all(|w| w.as_mut().now_or_never().is_none()));
    for n in 0..3 {
        assert_eq!(b.bodies().await, [n]);
        b.got.lock().unwrap().clear();
        assert_eq!(waiting.remove(0).now_or_never(), Some(Ok(())), "the first that waited");
        assert!(waiting.iter_mut().all(|w| w.as_mut().now_or_never().is_none()));
    }
}

#[actix::test]
async fn a_sender_is_told_that_the_receiver_is_gone() {
    let b = bench(4);
    b.addr.send(Leave).await.unwrap();
    while b.addr.connected() {
        actix_rt::task::yield_now().await;
    }
    let closed = b.mailbox.send(1).await.unwrap_err();
    assert_eq!(closed.to_string(), "the actor `keeps` no longer takes messages");
    let again = b.mailbox.send(2).now_or_never();
    assert_eq!(again, Some(Err(Closed("keeps".into()))), "and its room is free again");
}

#[actix::test]
#[expect(clippy::disallowed_methods, reason = "as the back edge does")]
async fn messages_of_the_back_edge_take_no_room_from_data() {
    let got = Arc::<Mutex<Vec<Parcel<u32>>>>::default();
    let keeps = Keeps { got: got.clone() };
    let addr = Keeps::create(|ctx| {
        bound_by_permits(ctx);
        keeps
    });
    let b = Bench { mailbox: Mailbox::new("keeps", addr.clone().recipient(), 2), got, addr };
    // More than actix holds by itself, while the actor does not come to them.
    for _ in 0..1_000 {
        b.addr.do_send(Ask);
    }
    assert_eq!(b.mailbox.send(1).now_or_never(), Some(Ok(())));
    assert_eq!(b.bodies().await, [1]);
}

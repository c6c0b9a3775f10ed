//! Senders against a Kinesis of our own and a Kafka in this process.
mod kafka;
mod kinesis;

use super::Outgoing;

/// Messages of several accounts in turn: what each says is its number.
fn messages(count: usize, keys: usize) -> Vec<Outgoing> {
    let message = |n: usize| Outgoing {
        key: format!("A-{}", n % keys).into(),
        payload: n.to_string().into(),
        file: "values.csv".into(),
    };
    (0..count).map(message).collect()
}

/// The numbers sent of a key.
fn numbers(sent: &[Outgoing], key: &str) -> Vec<String> {
    let of = sent.iter().filter(|m| *m.key == *key);
    of.map(|m| String::from_utf8(m.payload.to_vec()).unwrap()).collect()
}

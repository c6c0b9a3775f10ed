//! A cluster in this process, and who fills its topics.
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

type Cluster = MockCluster<'static, DefaultProducerContext>;
type Order = Box<dyn FnOnce(&Cluster) + Send>;

/// librdkafka's mock of a cluster; it stays on its own thread and ends with this.
pub struct Mock {
    pub brokers: String,
    orders: Sender<Order>,
}

impl Mock {
    pub fn start() -> Mock {
        let (orders, todo) = channel::<Order>();
        let (tell, told) = channel();
        thread::spawn(move || {
            let cluster = MockCluster::new(1).unwrap();
            tell.send(cluster.bootstrap_servers()).unwrap();
            todo.iter().for_each(|order| order(&cluster));
        });
        Mock { brokers: told.recv().unwrap(), orders }
    }

    /// With a topic of so many partitions.
    pub fn with(topic: &'static str, partitions: i32) -> Mock {
        let mock = Mock::start();
        mock.order(move |cluster| cluster.create_topic(topic, partitions, 1).unwrap());
        mock
    }

    pub fn order(&self, order: impl FnOnce(&Cluster) + Send + 'static) {
        let (done, wait) = channel();
        let order = move |cluster: &Cluster| {
            order(cluster);
            done.send(()).unwrap();
        };
        self.orders.send(Box::new(order)).unwrap();
        wait.recv().unwrap();
    }
}

/// A message to send.
#[derive(Clone, Default)]
pub struct Sent {
    pub partition: i32,
    /// `None`: a tombstone.
    pub payload: Option<Vec<u8>>,
    pub millis: Option<i64>,
    pub headers: Vec<(&'static str, &'static str)>,
}

/// A line under its header, as the layout of the tests has it.
pub fn line(partition: i32, text: &str) -> Sent {
    Sent { partition, payload: Some(format!("h\n{text}").into_bytes()), ..Sent::default() }
}

/// Sends them in their order, and waits until the brokers have them.
pub fn send(brokers: &str, topic: &str, codec: &str, all: &[Sent]) {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", brokers).set("compression.codec", codec).set("linger.ms", "1");
    let producer: BaseProducer = client.create().unwrap();
    for sent in all {
        let mut record: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(sent.partition).key(b"k");
        if let Some(payload) = &sent.payload {
            record = record.payload(payload);
        }
        if let Some(millis) = sent.millis {
            record = record.timestamp(millis);
        }
        let headers = sent.headers.iter().fold(OwnedHeaders::new(), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(*value) })
        });
        producer.send(record.headers(headers)).map_err(|(e, _)| e).unwrap();
        producer.poll(Duration::ZERO);
    }
    producer.flush(Duration::from_secs(30)).unwrap();
}

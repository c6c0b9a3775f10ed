//! Kafka as a real source: librdkafka's mock of a cluster, the binary, and what it leaves behind. (noida-db never misses a member that was killed, so that
//! a group there would stand still; its groups are used where members leave: in the tests of the source.)
use super::dietz::{Dietz, Pipeline, sqlite, text, until};
use super::harbor::{self, HEADER, line};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

const ACCOUNTS: u32 = 24;
const DAYS: u32 = 60;

/// A cluster with a topic of four partitions, and a folder with a topology that reads it.
struct House {
    brokers: String,
    /// The cluster stays on its thread, and ends with this.
    _lives: Sender<()>,
    dietz: Dietz,
}

fn cluster() -> (String, Sender<()>) {
    let (lives, ended) = channel();
    let (tell, told) = channel();
    thread::spawn(move || {
        let cluster = MockCluster::new(1).expect("a cluster");
        cluster.create_topic("values", 4, 1).expect("a topic");
        tell.send(cluster.bootstrap_servers()).expect("who waits");
        // Until the other end is dropped.
        let _ = ended.recv();
    });
    (told.recv().expect("a cluster"), lives)
}

impl House {
    fn new() -> House {
        let (brokers, lives) = cluster();
        let house = House { brokers, _lives: lives, dietz: harbor::folder() };
        let lines = (0..DAYS).flat_map(|day| (0..ACCOUNTS).map(move |account| line(account, day)));
        house.dietz.make("in/values.csv", HEADER.to_owned() + &lines.collect::<String>());
        let kafka = format!(
            "type = \"kafka\"\nbrokers = \"{}\"\ntopics = [\"values\"]\nbatch_records = 7\nsettings = {{ \"session.timeout.ms\" = 6000 }}",
            house.brokers
        );
        let sink = sqlite("kafka.db") + "\nlease = \"1s\"";
        house.dietz.make("topology.toml", harbor::topology(&kafka, &sink));
        let file = harbor::topology("type = \"file\"\npath = \"in\"", &sqlite("file.db"));
        house.dietz.make("file.toml", file);
        house
    }

    /// Sends the days, keyed by account: a message of each account a day.
    fn send(&self, days: std::ops::Range<u32>) {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("compression.codec", "zstd")
            .create()
            .expect("a producer");
        for (day, account) in days.flat_map(|day| (0..ACCOUNTS).map(move |account| (day, account))) {
            let payload = format!("{HEADER}{}", line(account, day));
            let key = format!("A-{account}");
            let record = BaseRecord::to("values").key(&key).payload(&payload);
            producer.send(record).map_err(|(e, _)| e).expect("room for a message");
        }
        producer.flush(Duration::from_secs(30)).expect("the broker has them");
    }

    fn rows(&self) -> u32 {
        let output = self.dietz.output(&["report", "--format", "csv"]);
        if output.status.success() { text(&output.stdout).lines().count() as u32 - 1 } else { 0 }
    }

    fn run(&self) -> Pipeline {
        self.dietz.spawn(&["run"])
    }

    fn until_rows(&self, count: u32) {
        until("rows of what was sent", || (self.rows() >= count).then_some(()));
    }
}

#[test]
fn killed_and_stopped_under_load_the_report_is_that_of_the_same_lines_in_a_file() {
    let house = House::new();
    let told = house.dietz.ok(&["check", "--connect"]);
    assert!(told.contains("topic values can be read: 4 partition(s), 0 message(s)"), "{told}");
    let mut day = 0;
    for round in 0..4 {
        let mut child = house.run();
        let before = house.rows();
        house.send(day..day + 15);
        day += 15;
        // Some of it is committed, and some is under way.
        house.until_rows(before + 1);
        if round % 2 == 0 {
            child.kill();
        } else {
            child.stop();
        }
    }
    let mut child = house.run();
    house.until_rows(ACCOUNTS * DAYS);
    child.stop();
    house.dietz.ok(&["run", "file.toml"]);
    assert_eq!(house.dietz.report("topology.toml"), house.dietz.report("file.toml"));
    let status = house.dietz.ok(&["status", "--format", "json"]);
    let read = status.matches("in/values/").count();
    assert!(read >= 4, "each partition has a checkpoint of its own: {status}");
}

#[test]
fn a_message_without_a_time_never_wins_over_one_that_has_one_and_that_is_told_once() {
    let house = House::new();
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &house.brokers).create().expect("a producer");
    // Of the same day and account, whatever it says.
    let send = |end: &str, millis: i64| {
        let payload = format!("{HEADER}A-1,2025-01-01,1000.00,{end}.00,0.00\n");
        let record = BaseRecord::to("values").partition(0).key("A-1").payload(&payload).timestamp(millis);
        producer.send(record).map_err(|(e, _)| e).expect("room for a message");
    };
    send("1001", -1);
    send("1002", 1_764_547_200_000);
    for end in ["1003", "1004"] {
        send(end, -1);
    }
    producer.flush(Duration::from_secs(30)).expect("the broker has them");
    let output = house.dietz.output(&["run", "--once"]);
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("messages come without a time").count(), 1, "{said}");
    let report = house.dietz.report("topology.toml");
    assert!(report.contains("1002"), "{report}");
    house.dietz.ok(&["run", "--once", "--from-start"]);
    assert_eq!(house.dietz.report("topology.toml"), report, "a replay decides the same");
}

#[test]
fn a_wrong_setting_is_told_by_its_line_and_a_topic_that_is_not_there_says_what_to_do() {
    let house = House::new();
    house.dietz.change("topology.toml", "settings = {", "settings = { \"group.id\" = \"x\",");
    let output = house.dietz.output(&["check"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(
        !output.status.success() && said.contains("topology.toml:7:") && said.contains("say it with `group`"),
        "{said}"
    );
    house.dietz.change("topology.toml", " \"group.id\" = \"x\",", "");
    house.dietz.change("topology.toml", "\"values\"", "\"nothing\"");
    let output = house.dietz.output(&["check", "--connect"]);
    let said = text(&output.stdout) + &text(&output.stderr);
    assert!(!output.status.success() && said.contains("no topic of this name: create it"), "{said}");
}

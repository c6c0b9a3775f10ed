//! How fast the fake Kinesis is: records put and got over HTTP, a second and a CPU second of its one thread.
//!
//! `cargo run --release -p stand-ins --bin fake-kinesis-speed [RECORDS]`
use base64::Engine;
use stand_ins::kinesis::{FakeKinesis, Settings};
use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

const BATCH: usize = 500;
const SHARDS: u32 = 4;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let wanted: usize = std::env::args().nth(1).map_or(Ok(2_000_000), |n| n.parse())?;
    let kinesis = FakeKinesis::start(Settings::default())?;
    kinesis.create_stream("speed", SHARDS)?;
    let address = kinesis.url().trim_start_matches("http://").to_owned();
    let calls = wanted.div_ceil(BATCH);
    let total = calls * BATCH;

    let mut client = Client::new(&address)?;
    // Once it has answered, its thread runs and has its name.
    client.call("ListStreams", b"{}")?;
    let body = batch();
    let (began, busy) = (Instant::now(), server_cpu()?);
    (0..calls).try_for_each(|_| client.call("PutRecords", &body).map(drop))?;
    say("put alone", total, began, busy)?;

    let (began, busy) = (Instant::now(), server_cpu()?);
    let got = get_all(&mut client, total)?;
    say("get alone", got, began, busy)?;

    for shard in kinesis.shards("speed")? {
        kinesis.trim_all("speed", &shard.id)?;
    }
    let (began, busy) = (Instant::now(), server_cpu()?);
    let putting = thread::spawn({
        let (address, body) = (address.clone(), body.clone());
        move || -> Outcome<()> {
            let mut client = Client::new(&address)?;
            (0..calls).try_for_each(|_| client.call("PutRecords", &body).map(drop))
        }
    });
    get_all(&mut client, total)?;
    putting.join().map_err(|_| "the putting thread panicked")??;
    say("put and got at once", total, began, busy)
}

/// A PutRecords body of 500 records of 200 bytes over all shards.
fn batch() -> Vec<u8> {
    let data = base64::engine::general_purpose::STANDARD.encode([b'x'; 200]);
    let record = |i| format!(r#"{{"Data":"{data}","PartitionKey":"account-{i}"}}"#);
    let records: Vec<String> = (0..BATCH).map(record).collect();
    format!(r#"{{"StreamName":"speed","Records":[{}]}}"#, records.join(",")).into_bytes()
}

fn get_all(client: &mut Client, total: usize) -> Outcome<usize> {
    let mut iterators = Vec::new();
    for shard in 0..SHARDS {
        let body = format!(
            r#"{{"StreamName":"speed","ShardId":"shardId-{shard:012}","ShardIteratorType":"TRIM_HORIZON"}}"#
        );
        iterators
            .push(text_after(client.call("GetShardIterator", body.as_bytes())?, r#""ShardIterator":""#)?);
    }
    let mut got = 0;
    while got < total {
        for iterator in &mut iterators {
            let body = format!(r#"{{"ShardIterator":"{iterator}"}}"#);
            let answer = client.call("GetRecords", body.as_bytes())?;
            got += answer.windows(14).filter(|w| w == b"SequenceNumber").count();
            let tail = &answer[answer.len().saturating_sub(1000)..];
            *iterator = text_after(tail, r#""NextShardIterator":""#)?;
        }
    }
    Ok(got)
}

fn text_after(answer: &[u8], key: &str) -> Outcome<String> {
    let answer = std::str::from_utf8(answer)?;
    let (_, rest) = answer.split_once(key).ok_or("no such key in the answer")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

fn say(what: &str, records: usize, began: Instant, busy_before: Duration) -> Outcome<()> {
    let (wall, busy) = (began.elapsed(), server_cpu()? - busy_before);
    let rate = |time: Duration| u128::try_from(records).unwrap_or(0) * 1_000_000 / time.as_micros().max(1);
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{what}: {records} records of 200 bytes, {} a second, {} a CPU second of the server",
        rate(wall),
        rate(busy)
    )?;
    Ok(())
}

/// CPU time the server's thread has used.
fn server_cpu() -> Outcome<Duration> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm"))?.trim() == "fake-kinesis" {
            let said = std::fs::read_to_string(task.join("schedstat"))?;
            return Ok(Duration::from_nanos(said.split(' ').next().unwrap_or("0").parse()?));
        }
    }
    Err("no thread fake-kinesis".into())
}

/// An HTTP/1.1 client that costs next to nothing.
struct Client {
    reader: BufReader<TcpStream>,
    answer: Vec<u8>,
}

impl Client {
    fn new(address: &str) -> Outcome<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Client { reader: BufReader::with_capacity(1 << 20, stream), answer: Vec::new() })
    }

    fn call(&mut self, operation: &str, body: &[u8]) -> Outcome<&[u8]> {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: Kinesis_20131202.{operation}\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.reader.get_mut().write_all(&[head.as_bytes(), body].concat())?;
        let (mut length, mut line, mut good) = (0, String::new(), false);
        loop {
            line.clear();
            self.reader.read_line(&mut line)?;
            good |= line.starts_with("HTTP/1.1 200");
            match line.trim_end().split_once(": ") {
                Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                    length = value.parse()?
                }
                _ if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        self.answer.resize(length, 0);
        self.reader.read_exact(&mut self.answer)?;
        if !good {
            return Err(String::from_utf8_lossy(&self.answer).into_owned().into());
        }
        Ok(&self.answer)
    }
}

//! A bucket behind S3's own interface on loopback, with faults on command.
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Keys a page of a listing holds.
const PAGE: usize = 2;

#[derive(Default)]
pub struct State {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// `METHOD key range` of each request of an object, `LIST` of each page.
    pub log: Vec<String>,
    /// Answered in place of the object: status and code.
    pub denied: BTreeMap<String, (u16, &'static str)>,
    pub listing_denied: Option<(u16, &'static str)>,
    /// The next answers to GET break off after so many bytes of their body.
    pub cuts: Vec<usize>,
    /// After so many more answers to GET, an object becomes other bytes.
    pub replaces: Option<(usize, String, Vec<u8>)>,
    /// What an object was before, by its version.
    pub versions: BTreeMap<String, Vec<u8>>,
    /// Where the bucket keeps versions: which one each object is.
    pub latest: BTreeMap<String, &'static str>,
}

/// A bucket called `feeds`.
#[derive(Clone)]
pub struct FakeBucket {
    pub state: Arc<Mutex<State>>,
    pub port: u16,
}

pub fn etag(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..32].to_owned()
}

impl FakeBucket {
    pub fn start() -> FakeBucket {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state: Arc<Mutex<State>> = Arc::default();
        let bucket = FakeBucket { state: state.clone(), port };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = state.clone();
                // Who asks may be gone before the answer is.
                std::thread::spawn(move || drop(answer(stream, &state)));
            }
        });
        bucket
    }

    /// As a bucket does that keeps versions.
    pub fn put_version(&self, key: &str, version: &'static str, bytes: impl AsRef<[u8]>) {
        self.state.lock().unwrap().latest.insert(key.into(), version);
        self.put(key, bytes);
    }

    pub fn put(&self, key: &str, bytes: impl AsRef<[u8]>) {
        self.state.lock().unwrap().objects.insert(key.into(), bytes.as_ref().to_vec());
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.state.lock().unwrap().log)
    }
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let pairs = query.split('&').filter(|p| !p.is_empty());
    let query = pairs.map(|p| p.split_once('=').unwrap_or((p, ""))).map(|(k, v)| (k.to_owned(), decoded(v)));
    let key = path.trim_start_matches("/feeds").trim_start_matches('/');
    Some(Request { method, key: decoded(key), query: query.collect(), headers })
}

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::new(), text.bytes());
    while let Some(b) = bytes.next() {
        match b {
            b'%' => {
                let hex = [bytes.next().unwrap(), bytes.next().unwrap()];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).unwrap(), 16).unwrap());
            }
            b => out.push(b),
        }
    }
    String::from_utf8(out).unwrap()
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read(&mut reader) else { return Ok(()) };
    let (head, body, cut) = respond(&request, &mut state.lock().unwrap());
    stream.write_all(head.as_bytes())?;
    if request.method != "HEAD" {
        stream.write_all(&body[..cut.unwrap_or(body.len()).min(body.len())])?;
    }
    stream.flush()?;
    stream.shutdown(std::net::Shutdown::Write)?;
    // Until the other side has closed, or what it did not read yet would be lost.
    let _ = reader.read_to_end(&mut Vec::new());
    Ok(())
}

fn respond(r: &Request, state: &mut State) -> (String, Vec<u8>, Option<usize>) {
    if r.key.is_empty() {
        state.log.push("LIST".into());
        return match state.listing_denied {
            Some((status, code)) => refusal(status, code),
            None => (head(200, ""), listing(r, state), None),
        };
    }
    let range = r.headers.get("range").cloned().unwrap_or_default();
    state.log.push(format!("{} {} {range}", r.method, r.key).trim_end().to_owned());
    if let Some((status, code)) = state.denied.get(&r.key) {
        return refusal(*status, code);
    }
    let version = r.query.get("versionId").map(|v| state.versions.get(v));
    let Some(object) = version.unwrap_or_else(|| state.objects.get(&r.key)).cloned() else {
        return refusal(404, "NoSuchKey");
    };
    let tag = etag(&object);
    if r.headers.get("if-match").is_some_and(|m| m.trim_matches('"') != tag) {
        return refusal(412, "PreconditionFailed");
    }
    let (from, to) = span(&range, object.len());
    let mut extra = format!("ETag: \"{tag}\"\r\nLast-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n");
    write!(extra, "Content-Length: {}\r\n", to - from).unwrap();
    let asked = r.query.get("versionId").map(String::as_str);
    if let Some(version) = asked.or(state.latest.get(&r.key).copied()) {
        write!(extra, "x-amz-version-id: {version}\r\n").unwrap();
    }
    if !range.is_empty() {
        write!(extra, "Content-Range: bytes {from}-{}/{}\r\n", to - 1, object.len()).unwrap();
    }
    let cut = (r.method == "GET" && !state.cuts.is_empty()).then(|| state.cuts.remove(0));
    if r.method == "GET"
        && let Some((after, key, bytes)) = state.replaces.take()
    {
        match after {
            0 => drop(state.objects.insert(key, bytes)),
            n => state.replaces = Some((n - 1, key, bytes)),
        }
    }
    let status = if range.is_empty() { 200 } else { 206 };
    (head(status, &extra), object[from..to].to_vec(), cut)
}

fn span(range: &str, length: usize) -> (usize, usize) {
    let Some((from, to)) = range.strip_prefix("bytes=").and_then(|r| r.split_once('-')) else {
        return (0, length);
    };
    (from.parse().unwrap(), to.parse::<usize>().map_or(length, |to| (to + 1).min(length)))
}

fn listing(r: &Request, state: &State) -> Vec<u8> {
    let text = |key: &str| r.query.get(key).cloned().unwrap_or_default();
    let (prefix, after) = (text("prefix"), text("continuation-token"));
    let keys: Vec<_> = state.objects.iter().filter(|(k, _)| k.starts_with(&prefix) && **k > after).collect();
    let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult><Name>feeds</Name>");
    for (key, bytes) in keys.iter().take(PAGE) {
        write!(
            xml,
            "<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:00.000Z</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
            etag(bytes),
            bytes.len()
        )
        .unwrap();
    }
    if keys.len() > PAGE {
        let token = keys[PAGE - 1].0;
        write!(xml, "<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>")
            .unwrap();
    }
    xml.push_str("</ListBucketResult>");
    xml.into_bytes()
}

fn refusal(status: u16, code: &str) -> (String, Vec<u8>, Option<usize>) {
    let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as told</Message></Error>");
    let length = format!("x-amz-bucket-region: eu-west-1\r\nContent-Length: {}\r\n", body.len());
    (head(status, &length), body.into_bytes(), None)
}

fn head(status: u16, headers: &str) -> String {
    format!("HTTP/1.1 {status} Told\r\nConnection: close\r\n{headers}\r\n")
}

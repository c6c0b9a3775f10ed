//! A stream over TLS, as AWS is spoken to: fan-out takes HTTP/2, which client and server agree on in the handshake.
use super::crash::embedded;
use super::dietz::{Dietz, Settings, sqlite};
use super::kinesis::{PATIENCE, read};
use load_tests::{Feed, Share};
use stand_ins::kinesis::{FakeKinesis, Operation, Settings as Fake};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// What a server behind TLS speaks, the first it likes best.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// A listener that takes TLS off and passes on to a server behind it what is left.
struct Front {
    url: String,
    /// The certificate, for whom is to trust it.
    certificate: String,
    /// What was agreed on, connection by connection.
    agreed: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
    accepting: JoinHandle<()>,
}

impl Front {
    async fn of(server: &str) -> Front {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key);
        let mut config = config.expect("a certificate and its key");
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let agreed = Arc::<Mutex<Vec<_>>>::default();
        let server = server.trim_start_matches("http://").to_owned();
        let accepting =
            tokio::spawn(accept(listener, TlsAcceptor::from(Arc::new(config)), server, agreed.clone()));
        Front { url: format!("https://localhost:{port}"), certificate: made.cert.pem(), agreed, accepting }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    server: String,
    agreed: Arc<Mutex<Vec<Option<Vec<u8>>>>>,
) {
    while let Ok((socket, _)) = listener.accept().await {
        let (acceptor, server, agreed) = (acceptor.clone(), server.clone(), agreed.clone());
        tokio::spawn(async move {
            let mut outer = acceptor.accept(socket).await.expect("a handshake");
            agreed.lock().expect("a list").push(outer.get_ref().1.alpn_protocol().map(<[u8]>::to_vec));
            let mut inner = TcpStream::connect(server).await.expect("the server behind");
            // How a connection ends is its two ends' affair.
            let _ = copy_bidirectional(&mut outer, &mut inner).await;
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscribing_pipeline_speaks_http_2_over_tls_and_trusts_what_the_machine_trusts() {
    let feed = Feed { accounts: 5, days: 10, vendors: 1, ..Feed::default() };
    let mut dietz = Dietz::generated(&feed, Share::percent(0));
    let fake = FakeKinesis::start(Fake::default()).expect("a fake Kinesis");
    fake.create_stream("feeds", 2).expect("a stream");
    let front = Front::of(fake.url()).await;
    std::fs::write(dietz.path("trusted.pem"), &front.certificate).expect("a file");
    dietz.topology("topology.toml", &Settings { sink: sqlite("dietz.db"), ..Settings::default() });
    dietz.change(
        "topology.toml",
        "type = \"file\"\npath = \"feeds\"",
        "type = \"kinesis\"\nstream = \"feeds\"\nconsumer = \"fan_out\"",
    );
    let store = embedded(&dietz).await;
    store.migrate().await.expect("tables");
    let all = std::fs::read_to_string(dietz.path("feeds/bulk.csv")).expect("a generated feed");
    let (header, lines) = all.split_once('\n').expect("a header");
    let mut put = 0;
    for line in lines.lines() {
        let account = line.split(',').next().unwrap_or("none");
        fake.put("feeds", account, format!("{header}\n{line}\n").as_bytes()).expect("a put");
        put += 1;
    }
    dietz.env = fake.env();
    dietz.env.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_KINESIS");
    dietz.env.push(("AWS_ENDPOINT_URL", front.url.clone()));
    dietz.env.push(("SSL_CERT_FILE", dietz.path("trusted.pem").display().to_string()));
    let mut child = dietz.spawn(&["run", "topology.toml"]);
    let since = Instant::now();
    while read(&*store).await < put {
        assert_eq!(child.ended(), None, "the pipeline ended");
        assert!(since.elapsed() < PATIENCE, "{} of {put} records came", read(&*store).await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    child.stop();
    assert!(fake.counts().calls(Operation::SubscribeToShard) >= 2 && put > 0);
    let agreed = front.agreed.lock().expect("a list").clone();
    assert!(!agreed.is_empty() && agreed.iter().all(|p| p.as_deref() == Some(PROTOCOLS[0])), "{agreed:?}");
}

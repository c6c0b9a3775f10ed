//! The settings that librdkafka runs with: what the topology passes on, and what this source decides itself.
use super::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use std::time::Duration;

/// What this source decides, and where a person says it instead.
const OWNED: &[(&str, &str)] = &[
    ("bootstrap.servers", "say it with `brokers`"),
    ("metadata.broker.list", "say it with `brokers`"),
    ("group.id", "say it with `group`"),
    ("group.protocol", "partitions are handed over one by one, which needs the classic protocol"),
    ("group.remote.assignor", "partitions are handed over one by one, as cooperative-sticky assigns them"),
    (
        "partition.assignment.strategy",
        "partitions are handed over one by one, as cooperative-sticky assigns them",
    ),
    ("auto.offset.reset", "say it with `start` and `on_gap`"),
    ("enable.auto.commit", "offsets are kept in the store, and told to the group behind it"),
    ("auto.commit.enable", "offsets are kept in the store, and told to the group behind it"),
    ("auto.commit.interval.ms", "offsets are kept in the store, and told to the group behind it"),
    ("enable.auto.offset.store", "offsets are kept in the store, and told to the group behind it"),
    ("enable.partition.eof", "it is needed to know that all is read"),
    ("queued.min.messages", "say it with `prefetch`"),
    ("queued.max.messages.kbytes", "say it with `prefetch`"),
    ("fetch.message.max.bytes", "say it with `prefetch`"),
    ("max.partition.fetch.bytes", "say it with `prefetch`"),
];

/// What holds unless the topology says otherwise. A broker that comes back is found within about a second, and a queue that was full is filled again at once.
const DEFAULTS: &[(&str, &str)] = &[
    ("client.id", "dietz"),
    // How long the partitions of one that was killed lie idle, as long as a lease does about.
    ("session.timeout.ms", "10000"),
    ("statistics.interval.ms", "5000"),
    ("reconnect.backoff.max.ms", "1000"),
    ("fetch.queue.backoff.ms", "20"),
    ("fetch.error.backoff.ms", "100"),
];

const TLS: bool = cfg!(feature = "kafka-tls");

const NO_TLS: &str = "this build speaks neither TLS nor SCRAM to Kafka: build it with `--features kafka-tls` (it needs the headers of OpenSSL, as in \
     libssl-dev)";

/// Kilobytes a queue may hold, as librdkafka bounds them.
const QUEUE_KB: std::ops::RangeInclusive<u64> = 1..=2_097_151;

impl KafkaConfig {
    /// What is wrong with `settings`, each with the name it stands under. Asks no broker; no value is repeated, for it may be a secret.
    pub fn wrong_settings(&self) -> Vec<(String, String)> {
        let each = self.settings.iter().filter_map(|(name, value)| Some((name.clone(), wrong(name, value)?)));
        each.chain(self.wrong_security()).collect()
    }

    /// What settings say only together.
    fn wrong_security(&self) -> Option<(String, String)> {
        let protocol = self.setting(&["security.protocol"]).unwrap_or_default().to_ascii_lowercase();
        if protocol.contains("ssl") && !TLS {
            return Some(("security.protocol".into(), NO_TLS.into()));
        }
        let mechanism = self.setting(&["sasl.mechanism", "sasl.mechanisms"]).map(str::to_ascii_uppercase);
        let named = "sasl.mechanism".to_owned();
        match mechanism.as_deref() {
            _ if !protocol.starts_with("sasl") => None,
            None | Some("GSSAPI") => Some((
                named,
                "Kerberos (GSSAPI, what holds where nothing is said) is not built in: say `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`".into(),
            )),
            Some("PLAIN") => None,
            Some(_) if !TLS => Some((named, NO_TLS.into())),
            Some(_) => None,
        }
    }

    fn setting(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.settings.get(*name)).map(String::as_str)
    }

    /// How long a partition that is asked back may take until all that was read of it is committed: half of what the group waits for a member.
    pub(super) fn drain_limit(&self) -> Duration {
        let said = self.setting(&["max.poll.interval.ms"]).and_then(|text| text.trim().parse().ok());
        Duration::from_millis(said.unwrap_or(300_000)) / 2
    }

    /// For a client that asks and joins no group.
    pub(super) fn asking(&self) -> ClientConfig {
        let mut client = ClientConfig::new();
        let debug = self.settings.contains_key("debug");
        client.set_log_level(if debug { RDKafkaLogLevel::Debug } else { RDKafkaLogLevel::Info });
        for (name, value) in DEFAULTS {
            client.set(*name, *value);
        }
        for (name, value) in &self.settings {
            client.set(name, value);
        }
        client.set("bootstrap.servers", &self.brokers);
        client.set("enable.auto.commit", "false");
        client.set("enable.partition.eof", "true");
        client
    }

    /// For a member of the group, where the topics have so many partitions: each has a queue of its own, and together they hold `prefetch`.
    pub(super) fn member(&self, partitions: usize) -> ClientConfig {
        let share = self.prefetch / u64::try_from(partitions.max(1)).unwrap_or(u64::MAX);
        let kilobytes = (share / 1024).clamp(*QUEUE_KB.start(), *QUEUE_KB.end());
        // A fetch gives one message whatever its size, so that a small share holds up nothing.
        let fetch = share.clamp(16 * 1024, 1 << 20);
        let mut client = self.asking();
        client.set("group.id", &self.group);
        client.set("enable.auto.offset.store", "false");
        client.set("auto.offset.reset", "error");
        client.set("partition.assignment.strategy", "cooperative-sticky");
        client.set("queued.max.messages.kbytes", kilobytes.to_string());
        client.set("fetch.message.max.bytes", fetch.to_string());
        client
    }
}

fn wrong(name: &str, value: &str) -> Option<String> {
    if let Some((_, instead)) = OWNED.iter().find(|(owned, _)| *owned == name) {
        return Some(format!("a source of Kafka decides this itself: {instead}"));
    }
    if name.starts_with("ssl.") && !TLS {
        return Some(NO_TLS.into());
    }
    if name == "security.protocol" && value.to_ascii_lowercase().contains("ssl") && !TLS {
        // Told with what goes with it.
        return None;
    }
    let mut one = ClientConfig::new();
    one.set(name, value);
    match one.create_native_config() {
        Ok(_) => None,
        Err(KafkaError::ClientConfig(RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN, ..)) => {
            Some("librdkafka knows no setting of this name: see its CONFIGURATION.md".into())
        }
        Err(_) => {
            Some("librdkafka does not take this value: see its CONFIGURATION.md for what it may be".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::config;

    fn wrong(settings: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut config = config("none:1", "t");
        config.settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        config.wrong_settings()
    }

    #[test]
    fn what_the_source_decides_cannot_be_set_and_says_where_it_is_said() {
        for (name, instead) in super::OWNED {
            let found = wrong(&[(name, "x")]);
            assert_eq!(found.len(), 1, "{name}");
            assert!(found[0].0 == *name && found[0].1.contains(instead), "{found:?}");
        }
    }

    #[test]
    fn an_unknown_setting_and_a_wrong_value_are_told_and_no_value_is_repeated() {
        let found =
            wrong(&[("no.such.setting", "1"), ("fetch.wait.max.ms", "s3cret"), ("fetch.min.bytes", "1")]);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["fetch.wait.max.ms", "no.such.setting"]);
        assert!(found.iter().all(|(_, text)| !text.contains("s3cret")));
    }

    #[test]
    fn plain_sasl_needs_nothing_and_what_is_not_built_in_says_how_to_build_it() {
        let plain = [("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "PLAIN")];
        assert!(wrong(&plain).is_empty());
        let kerberos = wrong(&plain[..1]);
        assert!(kerberos[0].1.contains("Kerberos"), "{kerberos:?}");
        if !super::TLS {
            for settings in [
                &[("security.protocol", "SASL_SSL"), ("sasl.mechanism", "PLAIN")][..],
                &[("security.protocol", "SASL_PLAINTEXT"), ("sasl.mechanism", "SCRAM-SHA-256")],
                &[("ssl.ca.location", "ca.pem")],
            ] {
                let found = wrong(settings);
                assert!(found.len() == 1 && found[0].1.contains("--features kafka-tls"), "{found:?}");
            }
        }
    }

    #[cfg(feature = "kafka-tls")]
    #[test]
    fn with_tls_built_in_its_settings_make_a_client_and_a_wrong_one_is_told_by_what_is_wrong() {
        let secured = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", "u"),
            ("sasl.password", "s3cret"),
            ("ssl.endpoint.identification.algorithm", "https"),
        ];
        let with = |more: &[(&str, &str)]| {
            let mut config = config("127.0.0.1:1", "t");
            let all = secured.iter().chain(more);
            config.settings = all.map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
            config
        };
        assert_eq!(with(&[]).wrong_settings(), []);
        let client = with(&[]).member(1);
        assert!(secured.iter().all(|(name, value)| client.get(name) == Some(*value)));
        let made: Result<rdkafka::consumer::BaseConsumer, _> = client.create();
        assert!(made.is_ok());
        assert!(wrong(&[("ssl.no.such", "1")])[0].1.contains("no setting of this name"));
        assert!(
            wrong(&[("ssl.endpoint.identification.algorithm", "perhaps")])[0].1.contains("does not take")
        );
        let lost = with(&[("ssl.ca.location", "nowhere/ca.pem")]);
        let told = crate::kafka::connect::connect("k", &lost).unwrap_err();
        assert!(told.contains("ssl.ca.location") && told.contains("correct `settings`"), "{told}");
        assert!(!told.contains("s3cret"));
    }

    #[test]
    fn the_queues_of_all_partitions_together_hold_what_may_be_fetched_ahead() {
        let mut config = config("none:1", "t");
        config.prefetch = 64 << 20;
        for (partitions, kilobytes) in [(0, "65536"), (1, "65536"), (64, "1024"), (1 << 20, "1")] {
            let member = config.member(partitions);
            assert_eq!(member.get("queued.max.messages.kbytes"), Some(kilobytes), "{partitions} partitions");
            assert!(member.create_native_config().is_ok());
        }
    }
}

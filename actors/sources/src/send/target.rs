//! Where to, as people write it.
use std::str::FromStr;

/// A stream, a topic or a place in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `kinesis://STREAM`, by name or ARN.
    Kinesis { stream: String },
    /// `kafka://HOST:PORT[,HOST:PORT]/TOPIC`; brokers may be named elsewhere, then `kafka://TOPIC`.
    Kafka { brokers: Option<String>, topic: String },
    /// `s3://BUCKET/KEY`; a key that is empty or ends in `/` is a folder for files of any number.
    S3 { bucket: String, key: String },
}

const FORMS: &str = "write kinesis://STREAM, kafka://HOST:PORT/TOPIC or s3://BUCKET/KEY";

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let (kind, place) =
            text.split_once("://").ok_or_else(|| format!("`{text}` is no target: {FORMS}"))?;
        if place.is_empty() || place.chars().any(char::is_whitespace) {
            return Err(format!("`{text}` names no place: {FORMS}"));
        }
        match kind {
            "kinesis" => kinesis(place),
            "kafka" => kafka(place),
            "s3" => s3(place),
            other => Err(format!("nothing can be sent to `{other}`: {FORMS}")),
        }
    }
}

fn kinesis(place: &str) -> Result<Target, String> {
    let is_arn = place.starts_with("arn:") && place.contains(":stream/");
    let is_name = place.len() <= 128
        && place.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if is_arn || is_name {
        return Ok(Target::Kinesis { stream: place.to_owned() });
    }
    Err(format!("`{place}` is no name of a stream: letters, digits, `_`, `.` and `-`, or its whole ARN"))
}

fn kafka(place: &str) -> Result<Target, String> {
    let (brokers, topic) = place.rsplit_once('/').map_or((None, place), |(b, t)| (Some(b.to_owned()), t));
    let has_brokers =
        brokers.as_deref().is_none_or(|b| !b.is_empty() && b.split(',').all(|one| !one.is_empty()));
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if topic.contains(':') {
        return Err(format!("`{place}` names a broker and no topic: write kafka://HOST:PORT/TOPIC"));
    }
    if !has_brokers || topic.is_empty() || topic.len() > 249 || !topic.bytes().all(is_name) {
        return Err(format!("`{place}` is no topic of Kafka: write kafka://HOST:PORT/TOPIC"));
    }
    Ok(Target::Kafka { brokers, topic: topic.to_owned() })
}

fn s3(place: &str) -> Result<Target, String> {
    let (bucket, key) = place.split_once('/').unwrap_or((place, ""));
    if bucket.is_empty() || key.len() > 1024 {
        return Err(format!("`{place}` is no place of a bucket: write s3://BUCKET/KEY"));
    }
    Ok(Target::S3 { bucket: bucket.to_owned(), key: key.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_known_by_its_form() {
        let target = |text: &str| text.parse::<Target>();
        assert_eq!(target("kinesis://feeds"), Ok(Target::Kinesis { stream: "feeds".into() }));
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/feeds";
        assert_eq!(target(&format!("kinesis://{arn}")), Ok(Target::Kinesis { stream: arn.into() }));
        let kafka = |brokers: Option<&str>| {
            Ok(Target::Kafka { brokers: brokers.map(Into::into), topic: "feeds".into() })
        };
        assert_eq!(target("kafka://feeds"), kafka(None));
        assert_eq!(target("kafka://a:9092,b:9092/feeds"), kafka(Some("a:9092,b:9092")));
        let s3 = |key: &str| Ok(Target::S3 { bucket: "in".into(), key: key.into() });
        assert_eq!(target("s3://in"), s3(""));
        assert_eq!(target("s3://in/2025/a.csv"), s3("2025/a.csv"));
        assert_eq!(target("s3://in/2025/"), s3("2025/"));
    }

    #[test]
    fn what_is_no_target_is_told_with_the_forms_there_are() {
        for wrong in [
            "feeds",
            "sqs://feeds",
            "kinesis://",
            "kinesis://a b",
            "kafka://a:9092",
            "kafka:///feeds",
            "s3:///a",
        ] {
            let told = wrong.parse::<Target>().unwrap_err();
            assert!(told.contains("write k") || told.contains("write s3://"), "{wrong}: {told}");
        }
    }
}

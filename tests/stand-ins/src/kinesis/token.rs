//! Shard iterators and page tokens: opaque texts that carry all they stand for, so that nothing is kept for them.
use super::clock::millis;
use super::error::{ApiError, ErrorKind};
use super::sequence::SequenceNumber;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::time::Duration;

/// What a shard iterator stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Iterator {
    pub stream: String,
    pub incarnation: u64,
    pub shard: usize,
    pub position: SequenceNumber,
    /// When it was given, in milliseconds.
    pub given: i64,
    /// [`super::account::Account::iterators`] when it was given.
    pub generation: u64,
}

impl Iterator {
    pub(super) fn seal(&self) -> String {
        let Iterator { stream, incarnation, shard, position, given, generation } = self;
        seal('i', &format!("{incarnation}/{shard}/{position}/{given}/{generation}/{stream}"))
    }

    pub(super) fn open(token: &str) -> Result<Self, ApiError> {
        Self::parse(token).ok_or_else(|| ApiError::invalid("Invalid ShardIterator."))
    }

    fn parse(token: &str) -> Option<Self> {
        let text = unseal('i', token)?;
        let mut parts = text.splitn(6, '/');
        Some(Iterator {
            incarnation: parts.next()?.parse().ok()?,
            shard: parts.next()?.parse().ok()?,
            position: SequenceNumber::parse(parts.next()?)?,
            given: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
            stream: parts.next()?.to_owned(),
        })
    }

    /// That it may still be used.
    pub(super) fn must_live(&self, generation: u64, life: Duration, now: i64) -> Result<(), ApiError> {
        if self.generation == generation && now.saturating_sub(self.given) <= millis(life) {
            return Ok(());
        }
        let message = format!(
            "Iterator expired. The iterator was created at time {} while right now it is {} which is further in the future than the tolerated delay of {} milliseconds.",
            utc(self.given),
            utc(now),
            life.as_millis()
        );
        Err(ApiError::new(ErrorKind::ExpiredIterator, message))
    }
}

/// What a `NextToken` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NextToken {
    pub stream: String,
    pub given: i64,
    pub generation: u64,
    /// The last item given.
    pub last: String,
    /// The filter of the first call, as JSON.
    pub filter: String,
}

impl NextToken {
    pub(super) fn seal(&self) -> String {
        let NextToken { stream, given, generation, last, filter } = self;
        seal('n', &format!("{given}/{generation}/{stream}/{last}/{filter}"))
    }

    pub(super) fn open(token: &str, generation: u64, life: Duration, now: i64) -> Result<Self, ApiError> {
        let token = Self::parse(token).ok_or_else(|| ApiError::invalid("Invalid NextToken."))?;
        if token.generation != generation || now.saturating_sub(token.given) > millis(life) {
            let message = format!(
                "The NextToken was given at {} and is good for {} milliseconds only.",
                utc(token.given),
                life.as_millis()
            );
            return Err(ApiError::new(ErrorKind::ExpiredNextToken, message));
        }
        Ok(token)
    }

    fn parse(token: &str) -> Option<Self> {
        let text = unseal('n', token)?;
        let mut parts = text.splitn(5, '/');
        Some(NextToken {
            given: parts.next()?.parse().ok()?,
            generation: parts.next()?.parse().ok()?,
            stream: parts.next()?.to_owned(),
            last: parts.next()?.to_owned(),
            filter: parts.next()?.to_owned(),
        })
    }
}

fn seal(kind: char, text: &str) -> String {
    let sum = crc32fast::hash(text.as_bytes());
    STANDARD.encode(format!("{kind}{sum:08x}{text}"))
}

fn unseal(kind: char, token: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let rest = text.strip_prefix(kind)?;
    let (sum, text) = rest.split_at_checked(8)?;
    (u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(text.as_bytes())).then(|| text.to_owned())
}

/// `Mon Nov 24 14:30:00 UTC 2025`.
fn utc(millis: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or_default();
    time.strftime("%a %b %d %H:%M:%S UTC %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_comes_back_as_it_was_and_only_unchanged() {
        let it = Iterator {
            stream: "a.b-c_d".to_owned(),
            incarnation: 3,
            shard: 7,
            position: SequenceNumber::MAX,
            given: 12,
            generation: 1,
        };
        let token = it.seal();
        assert_eq!(Iterator::open(&token).unwrap(), it);
        let mut other = token.into_bytes();
        other[20] ^= 1;
        assert!(Iterator::open(&String::from_utf8(other).unwrap()).is_err());
        assert!(Iterator::open("").is_err() && Iterator::open("AAAA").is_err());
        assert!(NextToken::parse(&it.seal()).is_none());
    }

    #[test]
    fn an_iterator_lives_as_long_as_it_may() {
        let it = Iterator {
            stream: "s".to_owned(),
            incarnation: 1,
            shard: 0,
            position: SequenceNumber::ZERO,
            given: 1_764_000_000_000,
            generation: 1,
        };
        let life = Duration::from_millis(300);
        assert!(it.must_live(1, life, it.given + 300).is_ok());
        let late = it.must_live(1, life, it.given + 301).unwrap_err();
        assert_eq!(late.kind, ErrorKind::ExpiredIterator);
        assert!(late.message.contains("Mon Nov 24 16:00:00 UTC 2025"), "{}", late.message);
        assert!(it.must_live(2, life, it.given).is_err());
    }
}

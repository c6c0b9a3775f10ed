//! What goes wrong between this process and the brokers, by what must be done about it.
use crate::SourceError;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

/// Trouble with a text for a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// librdkafka tries again by itself and nothing is lost.
    Passing(String),
    /// Only a fresh member gets over it.
    Again(String),
    /// A person must act.
    Person(String),
}

impl Trouble {
    /// `doing`: what was asked for, as in `topic feeds`.
    pub(super) fn of(error: &KafkaError, doing: &str, reason: &str) -> Trouble {
        let code = error.rdkafka_error_code();
        let said = if reason.is_empty() { error.to_string() } else { reason.to_owned() };
        if let Some(advice) = code.and_then(needs_a_person) {
            return Trouble::Person(format!("{doing}: {said}: {advice}"));
        }
        match (error, code) {
            (KafkaError::MessageConsumptionFatal(_), _) => Trouble::Again(format!("{doing}: {said}")),
            (KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..), _) => {
                Trouble::Person(format!("{doing}: {said}: correct `settings`"))
            }
            // While a topic is read this is told again and again until it is back; whether it is gone for good a fresh member finds out.
            (_, Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownPartition)) => {
                Trouble::Again(format!("{doing}: {said}"))
            }
            _ => Trouble::Passing(format!("{doing}: {said}")),
        }
    }

    pub(super) fn text(&self) -> &str {
        let (Trouble::Passing(text) | Trouble::Again(text) | Trouble::Person(text)) = self;
        text
    }
}

impl From<Trouble> for SourceError {
    fn from(trouble: Trouble) -> SourceError {
        match trouble {
            Trouble::Passing(text) | Trouble::Again(text) => SourceError::Transient(text),
            Trouble::Person(text) => SourceError::Fatal(text),
        }
    }
}

/// What to do about what does not pass by itself.
fn needs_a_person(code: Code) -> Option<&'static str> {
    Some(match code {
        Code::Authentication | Code::SaslAuthenticationFailed | Code::IllegalSASLState => {
            "the brokers refuse the name or the password: correct `sasl.username`, `sasl.password` or `sasl.mechanism` in `settings`"
        }
        Code::UnsupportedSASLMechanism => {
            "the brokers do not speak this `sasl.mechanism`: set the one they do in `settings`"
        }
        Code::TopicAuthorizationFailed => "have this user allowed to read and describe the topic",
        Code::GroupAuthorizationFailed => {
            "have this user allowed to read the consumer group, or set another `group`"
        }
        Code::ClusterAuthorizationFailed => "have this user allowed to describe the cluster",
        Code::InvalidTopic => "the topic's name is none: correct `topics`",
        Code::InvalidGroupId => "the group's name is none: correct `group`",
        Code::InconsistentGroupProtocol => {
            "the group has members that assign partitions otherwise: set a `group` of its own, or have them use cooperative-sticky"
        }
        Code::InvalidSessionTimeout => {
            "the brokers do not take this `session.timeout.ms`: correct it in `settings`"
        }
        Code::SSL => "the connection's encryption fails: correct `security.protocol` and the `ssl.` settings",
        _ => return None,
    })
}

/// A topic that is not there when reading is to begin.
pub(super) fn no_such_topic(topic: &str, brokers: &str) -> Trouble {
    Trouble::Person(format!(
        "topic {topic}: {brokers} have no topic of this name: create it, or correct `topics`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_must_do_is_told_and_the_rest_passes_or_is_begun_anew() {
        let of = |code| Trouble::of(&KafkaError::MessageConsumption(code), "topic feeds", "why");
        for code in
            [Code::SaslAuthenticationFailed, Code::TopicAuthorizationFailed, Code::InconsistentGroupProtocol]
        {
            let trouble = of(code);
            assert!(
                matches!(&trouble, Trouble::Person(text) if text.starts_with("topic feeds: why: ")),
                "{trouble:?}"
            );
            assert!(matches!(SourceError::from(trouble), SourceError::Fatal(_)));
        }
        for code in [
            Code::BrokerTransportFailure,
            Code::AllBrokersDown,
            Code::NotCoordinator,
            Code::OperationTimedOut,
        ] {
            assert!(matches!(of(code), Trouble::Passing(_)), "{code}");
        }
        assert!(matches!(of(Code::UnknownTopicOrPartition), Trouble::Again(_)));
        let fenced = KafkaError::MessageConsumptionFatal(Code::Fenced);
        assert!(matches!(Trouble::of(&fenced, "group g", ""), Trouble::Again(_)));
    }
}

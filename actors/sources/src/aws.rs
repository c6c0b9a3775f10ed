//! What the sources that read AWS have in common: the SDK's own chain of configuration, and errors told so that a person knows what to do.
//!
//! Region, credentials, endpoint and retries come from where the SDK finds them (environment, profiles, `AWS_ENDPOINT_URL`, roles of containers and
//! machines); nothing of it is a key of the topology. HTTP is hyper 1: HTTP/2 where the server agrees to it in the TLS handshake, as fan-out needs it. TLS is
//! rustls with aws-lc-rs; it trusts what the machine trusts, or what `SSL_CERT_FILE` names.
use crate::SourceError;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_kinesis::config::ProvideCredentials;
use std::error::Error;

/// The SDK's configuration, as its chain gives it.
pub(crate) async fn config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest()).load().await
}

/// Says what the chain did not give, before the first call fails for it. `what` names who asks, as in `source feeds`.
pub(crate) async fn ready(config: &SdkConfig, what: &str) -> Result<(), SourceError> {
    let fatal = |text: String| SourceError::Fatal(format!("{what}: {text}"));
    let empty = |name: &str| std::env::var(name).is_ok_and(|value| value.trim().is_empty());
    let region = config.region().map(|region| region.as_ref());
    if let Some(text) = wrong_place(region, config.endpoint_url(), empty) {
        return Err(fatal(text));
    }
    let found = match config.credentials_provider() {
        Some(provider) => {
            provider.provide_credentials().await.map(drop).map_err(|e| format!(" ({})", chain(&e)))
        }
        None => Err(String::new()),
    };
    let profile = if empty("AWS_PROFILE") { EMPTY_PROFILE } else { "" };
    found.map_err(|why| fatal(format!("{NO_CREDENTIALS}{profile}{why}")))
}

/// What is wrong with where calls would go. The SDK takes a variable that is set and empty for a value, and fails at its first call.
fn wrong_place(region: Option<&str>, endpoint: Option<&str>, empty: impl Fn(&str) -> bool) -> Option<String> {
    if endpoint.is_some_and(|url| url.trim().is_empty()) {
        return Some("AWS_ENDPOINT_URL is set and empty: give it a URL, or unset it".into());
    }
    match region.map(str::trim) {
        None if empty("AWS_PROFILE") => Some(format!("no AWS region is set: set AWS_REGION{EMPTY_PROFILE}")),
        None => Some("no AWS region is set: set AWS_REGION, or `region` in the profile in use".into()),
        Some("") => {
            let from = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find(|name| empty(name));
            let from = from.unwrap_or("`region` of the profile in use");
            Some(format!(
                "{from} is set and empty: give it the region's name, such as eu-west-1, or unset it to have the profile's"
            ))
        }
        Some(region) if !region.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => {
            Some(format!("`{region}` is no AWS region: set AWS_REGION to a name such as eu-west-1"))
        }
        Some(_) => None,
    }
}

const EMPTY_PROFILE: &str = "; AWS_PROFILE is set and empty, which names no profile: unset it, or name one";

const NO_CREDENTIALS: &str = "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine or \
     container a role";

/// An error with all its causes: the SDK's own text names only the outermost.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let told = inner.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = inner.source();
    }
    text
}

/// What to do about an error code that any AWS service may answer with. `None`: the code says nothing of whom it was answered to.
pub(crate) fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDeniedException" | "AccessDenied" => {
            "allow this call in the IAM policy of the credentials in use"
        }
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationTokenException" => {
            "the credentials in use are not known to AWS: check AWS_ACCESS_KEY_ID or AWS_PROFILE"
        }
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" => {
            "the credentials in use have expired: renew them"
        }
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "RequestTimeTooSkewed"
        | "IncompleteSignatureException" => {
            "the signature is refused: check AWS_SECRET_ACCESS_KEY, the region, and the clock of this machine"
        }
        "OptInRequired" | "SubscriptionRequiredException" => {
            "the account has not opted in to this service or region"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_and_empty_is_told_by_its_name_with_what_to_do() {
        let told = |region, endpoint, empty: &'static [&str]| {
            wrong_place(region, endpoint, |name| empty.contains(&name)).unwrap_or_default()
        };
        assert_eq!(told(Some("eu-west-1"), Some("http://127.0.0.1:1"), &["AWS_PROFILE"]), "");
        for (region, endpoint, empty, start, what) in [
            (Some(""), None, &["AWS_REGION"][..], "AWS_REGION is set and empty", "unset it"),
            (Some(" "), None, &["AWS_DEFAULT_REGION"], "AWS_DEFAULT_REGION is set and empty", "unset it"),
            (Some(""), None, &[], "`region` of the profile", "eu-west-1"),
            (None, None, &["AWS_PROFILE"], "no AWS region", "AWS_PROFILE is set and empty"),
            (None, None, &[], "no AWS region", "`region` in the profile"),
            (Some("eu west"), None, &[], "`eu west` is no AWS region", "AWS_REGION"),
            (Some("eu-west-1"), Some(""), &[], "AWS_ENDPOINT_URL is set and empty", "unset it"),
        ] {
            let text = told(region, endpoint, empty);
            assert!(text.starts_with(start) && text.contains(what), "{text}");
        }
    }
}

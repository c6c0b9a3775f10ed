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
    if config.region().is_none() {
        return Err(SourceError::Fatal(format!(
            "{what}: no AWS region is set: set AWS_REGION, or `region` in the profile in use"
        )));
    }
    let Some(provider) = config.credentials_provider() else {
        return Err(SourceError::Fatal(format!("{what}: {NO_CREDENTIALS}")));
    };
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        Err(e) => Err(SourceError::Fatal(format!("{what}: {NO_CREDENTIALS} ({})", chain(&e)))),
    }
}

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

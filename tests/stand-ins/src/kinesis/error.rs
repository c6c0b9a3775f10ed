//! The errors AWS answers with.

/// A kind of error, by AWS's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ErrorKind {
    AccessDenied,
    ExpiredIterator,
    ExpiredNextToken,
    InternalFailure,
    InvalidArgument,
    InvalidSignature,
    LimitExceeded,
    MissingAuthenticationToken,
    ProvisionedThroughputExceeded,
    ResourceInUse,
    ResourceNotFound,
    ServiceUnavailable,
    UnknownOperation,
    UnrecognizedClient,
    Validation,
}

impl ErrorKind {
    /// The `__type` of the answer.
    pub fn name(self) -> &'static str {
        match self {
            ErrorKind::AccessDenied => "AccessDeniedException",
            ErrorKind::ExpiredIterator => "ExpiredIteratorException",
            ErrorKind::ExpiredNextToken => "ExpiredNextTokenException",
            ErrorKind::InternalFailure => "InternalFailure",
            ErrorKind::InvalidArgument => "InvalidArgumentException",
            ErrorKind::InvalidSignature => "InvalidSignatureException",
            ErrorKind::LimitExceeded => "LimitExceededException",
            ErrorKind::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            ErrorKind::ProvisionedThroughputExceeded => "ProvisionedThroughputExceededException",
            ErrorKind::ResourceInUse => "ResourceInUseException",
            ErrorKind::ResourceNotFound => "ResourceNotFoundException",
            ErrorKind::ServiceUnavailable => "ServiceUnavailable",
            ErrorKind::UnknownOperation => "UnknownOperationException",
            ErrorKind::UnrecognizedClient => "UnrecognizedClientException",
            ErrorKind::Validation => "ValidationException",
        }
    }

    pub(super) fn status(self) -> u16 {
        match self {
            ErrorKind::InternalFailure => 500,
            ErrorKind::ServiceUnavailable => 503,
            _ => 400,
        }
    }

    /// What is said where the fault comes from a test and not from the request.
    pub(super) fn injected_message(self) -> &'static str {
        match self {
            ErrorKind::AccessDenied => {
                "no identity-based policy of user/stand-in allows this action on this resource"
            }
            ErrorKind::ExpiredIterator => "Iterator expired.",
            ErrorKind::ExpiredNextToken => "NextToken has expired.",
            ErrorKind::InternalFailure => "Internal service failure.",
            ErrorKind::InvalidSignature => "Signature expired.",
            ErrorKind::ProvisionedThroughputExceeded => "Rate exceeded for shard.",
            ErrorKind::UnrecognizedClient => "The security token included in the request is invalid.",
            ErrorKind::ServiceUnavailable => "Service is unavailable, please try again.",
            _ => "The fault plan of the stand-in says so.",
        }
    }
}

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", kind.name())]
pub struct ApiError {
    pub kind: ErrorKind,
    pub message: String,
}

impl ApiError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        ApiError { kind, message: message.into() }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        ApiError::new(ErrorKind::InvalidArgument, message)
    }

    pub(super) fn body(&self) -> Vec<u8> {
        serde_json::json!({ "__type": self.kind.name(), "message": self.message }).to_string().into_bytes()
    }
}

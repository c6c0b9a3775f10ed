//! Files into a bucket, byte for byte.
use super::SendError;
use crate::aws;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What goes in one call, at most; a larger file goes in parts.
const ONE_CALL: u64 = 16 << 20;
/// A part, at least; S3 takes 10,000 of them.
const PART: u64 = 8 << 20;
const PARTS: u64 = 9_000;

/// A bucket open for writing.
pub struct S3Sender {
    bucket: String,
    client: Client,
    /// Bytes that S3 has.
    pub bytes: AtomicU64,
}

impl S3Sender {
    /// # Errors
    /// What is missing to sign calls.
    pub async fn open(bucket: &str) -> Result<S3Sender, SendError> {
        let config = aws::config().await;
        aws::ready(&config, &format!("s3://{bucket}")).await?;
        let elsewhere = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some();
        // A host of its own for each bucket is AWS's: other servers find a bucket in the path.
        let settings = aws_sdk_s3::config::Builder::from(&config).force_path_style(elsewhere).build();
        Ok(S3Sender {
            bucket: bucket.to_owned(),
            client: Client::from_conf(settings),
            bytes: AtomicU64::new(0),
        })
    }

    /// Puts a file as an object. Gives its ETag.
    ///
    /// # Errors
    /// A file that cannot be read, and what S3 says. Of an object that was not all put, nothing is there.
    pub async fn put(&self, file: &Path, key: &str) -> Result<String, SendError> {
        let size = std::fs::metadata(file).map_err(|e| SendError(format!("{}: {e}", file.display())))?.len();
        let etag = if size <= ONE_CALL {
            self.in_one_call(file, key, size).await?
        } else {
            self.in_parts(file, key, size).await?
        };
        Ok(etag.trim_matches('"').to_owned())
    }

    async fn in_one_call(&self, file: &Path, key: &str, size: u64) -> Result<String, SendError> {
        let body = piece(file, 0, size).await?;
        let call = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(key)
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        let put = call.body(body).send().await.map_err(|e| self.refused(key, &e))?;
        self.bytes.fetch_add(size, Ordering::Relaxed);
        Ok(put.e_tag().unwrap_or_default().to_owned())
    }

    async fn in_parts(&self, file: &Path, key: &str, size: u64) -> Result<String, SendError> {
        let begin = self.client.create_multipart_upload().bucket(&self.bucket).key(key);
        let begun = begin.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        let begun = begun.map_err(|e| self.refused(key, &e))?;
        let id = begun.upload_id().unwrap_or_default();
        let whole = self.parts(file, key, id, size).await;
        if whole.is_err() {
            // Parts of what is never finished cost money. If this fails too, a rule of the bucket must sweep them.
            let _ =
                self.client.abort_multipart_upload().bucket(&self.bucket).key(key).upload_id(id).send().await;
        }
        whole
    }

    async fn parts(&self, file: &Path, key: &str, id: &str, size: u64) -> Result<String, SendError> {
        let part = PART.max(size.div_ceil(PARTS));
        let mut done = Vec::new();
        for number in 1.. {
            let from = (number as u64 - 1) * part;
            if from >= size {
                break;
            }
            let length = part.min(size - from);
            let call =
                self.client.upload_part().bucket(&self.bucket).key(key).upload_id(id).part_number(number);
            let call =
                call.checksum_algorithm(ChecksumAlgorithm::Crc32).body(piece(file, from, length).await?);
            let put = call.send().await.map_err(|e| self.refused(key, &e))?;
            let completed = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(put.e_tag)
                .set_checksum_crc32(put.checksum_crc32);
            done.push(completed.build());
            self.bytes.fetch_add(length, Ordering::Relaxed);
        }
        let all = CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let call = self.client.complete_multipart_upload().bucket(&self.bucket).key(key).upload_id(id);
        let put = call.multipart_upload(all).send().await.map_err(|e| self.refused(key, &e))?;
        Ok(put.e_tag().unwrap_or_default().to_owned())
    }

    fn refused<E: ProvideErrorMetadata + Error + 'static>(
        &self,
        key: &str,
        error: &SdkError<E>,
    ) -> SendError {
        let (bucket, text) = (&self.bucket, aws::chain(error));
        SendError(match error.code() {
            Some("NoSuchBucket") => {
                format!("s3://{bucket}: there is no such bucket; create it, or correct --to")
            }
            Some("AccessDenied") => format!("s3://{bucket}/{key}: s3:PutObject is not allowed: {text}"),
            Some("PermanentRedirect" | "AuthorizationHeaderMalformed") => {
                format!("s3://{bucket}: the bucket is in another region: set AWS_REGION ({text})")
            }
            code => match code.and_then(aws::advice) {
                Some(advice) => format!("s3://{bucket}/{key}: {text}: {advice}"),
                None => format!("s3://{bucket}/{key}: {text}"),
            },
        })
    }
}

/// A part of a file, read as it is sent: a part that has to be sent again is read again.
async fn piece(file: &Path, offset: u64, length: u64) -> Result<ByteStream, SendError> {
    let built = ByteStream::read_from().path(file).offset(offset).length(Length::Exact(length)).build().await;
    built.map_err(|e| SendError(format!("{}: {e}", file.display())))
}

//! Payloads that are compressed.
use crate::Compression;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use record::FramingError;
use std::io::Read;

/// The most bytes a payload may unpack to: many times the longest message of any stream, and no more than memory can hold of each partition.
pub(super) const UNPACKED: u64 = 64 << 20;

/// Why a payload cannot be unpacked: code and text of its quarantine row.
pub(super) type Damage = (&'static str, String);

/// The bytes of a payload, as a layout reads them.
pub(super) fn unpacked(payload: &Bytes, said: Compression) -> Result<Bytes, Damage> {
    match said {
        Compression::None => Ok(payload.clone()),
        Compression::Gzip => gzip(payload),
        Compression::Zstd => zstd(payload),
        Compression::Auto if payload.starts_with(&[0x1f, 0x8b]) => gzip(payload),
        Compression::Auto if payload.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => zstd(payload),
        Compression::Auto => Ok(payload.clone()),
    }
}

fn gzip(payload: &[u8]) -> Result<Bytes, Damage> {
    read(MultiGzDecoder::new(payload), "gzip")
}

fn zstd(payload: &[u8]) -> Result<Bytes, Damage> {
    let decoder = zstd::stream::read::Decoder::with_buffer(payload).map_err(|e| unsound("zstd", &e))?;
    read(decoder, "zstd")
}

fn read(from: impl Read, packing: &'static str) -> Result<Bytes, Damage> {
    let mut bytes = Vec::new();
    from.take(UNPACKED + 1).read_to_end(&mut bytes).map_err(|e| unsound(packing, &e))?;
    if bytes.len() as u64 > UNPACKED {
        return Err((
            "record_too_long",
            format!("the message unpacks to more than {UNPACKED} bytes: send it in parts"),
        ));
    }
    Ok(bytes.into())
}

fn unsound(packing: &str, e: &std::io::Error) -> Damage {
    (
        "compression",
        format!("the message is no sound {packing} data ({e}): have it sent again, or correct `compression`"),
    )
}

/// A message that is refused as a whole.
pub(super) fn refused(payload: &[u8], (code, text): Damage) -> FramingError {
    const KEPT: usize = 64 * 1024;
    FramingError {
        position: record::Position::default(),
        code,
        text,
        raw: payload[..payload.len().min(KEPT)].to_vec(),
        length: payload.len() as u64,
    }
}

//! The bytes of something with an end, decompressed, with the hash of what lies there.
use super::Compression;
use flate2::read::MultiGzDecoder;
use std::fs::Metadata;
use std::io::{self, BufReader, Read};
use std::time::{SystemTime, UNIX_EPOCH};

const BUFFER: usize = 256 * 1024;
/// The largest window a zstd stream may ask for, as a power of two: 128 MiB, what its own tools accept.
const ZSTD_WINDOW: u32 = 27;

/// What tells cheaply that something is as it was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub size: u64,
    /// Microseconds since 1970 UTC; 0 where the file system keeps no times.
    pub modified: i64,
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Stamp {
        let since = |t: SystemTime| match t.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_micros()).unwrap_or(i64::MAX),
            Err(e) => i64::try_from(e.duration().as_micros()).map_or(i64::MIN, |before| -before),
        };
        Stamp { size: meta.len(), modified: meta.modified().map_or(0, since) }
    }
}

/// How the bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, bincode::Encode, bincode::Decode)]
pub(crate) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

impl Packing {
    /// By what the topology says; else by the first bytes; else by its name, so that a damaged archive is told as one.
    pub(crate) fn of(said: Compression, head: &[u8], name: &str) -> Packing {
        match said {
            Compression::None => Packing::Plain,
            Compression::Gzip => Packing::Gzip,
            Compression::Zstd => Packing::Zstd,
            Compression::Auto if head.starts_with(&[0x1f, 0x8b]) => Packing::Gzip,
            Compression::Auto if head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => Packing::Zstd,
            Compression::Auto if head.is_empty() => Packing::Plain,
            Compression::Auto => packing_by_name(name).map_or(Packing::Plain, |(packing, _)| packing),
        }
    }
}

/// The packing a name speaks of, and the name without that suffix.
pub(crate) fn packing_by_name(name: &str) -> Option<(Packing, &str)> {
    let (stem, suffix) = name.rsplit_once('.')?;
    match suffix.to_ascii_lowercase().as_str() {
        "gz" | "gzip" => Some((Packing::Gzip, stem)),
        "zst" | "zstd" => Some((Packing::Zstd, stem)),
        _ => None,
    }
}

/// The name a layout is chosen by: the last part of a path, without a suffix of compression.
pub(crate) fn layout_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    packing_by_name(name).map_or(name, |(_, stem)| stem)
}

/// Something read from its start to its end. Reading gives the decompressed bytes.
pub(crate) enum Input {
    Plain(Hashed),
    Gzip(Box<MultiGzDecoder<BufReader<Hashed>>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, BufReader<Hashed>>>),
}

impl Input {
    pub(crate) fn new(from: Box<dyn Read + Send>, packing: Packing) -> io::Result<Input> {
        let raw = Hashed { from, hasher: Box::new(blake3::Hasher::new()) };
        let buffered = |raw| BufReader::with_capacity(BUFFER, raw);
        Ok(match packing {
            Packing::Plain => Input::Plain(raw),
            Packing::Gzip => Input::Gzip(Box::new(MultiGzDecoder::new(buffered(raw)))),
            Packing::Zstd => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(buffered(raw))?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Input::Zstd(Box::new(decoder))
            }
        })
    }

    /// Reads what the decompressor left over, and gives the BLAKE3 of all that was read, as it lies there.
    pub(crate) fn finish(&mut self) -> io::Result<[u8; 32]> {
        let raw = match self {
            Input::Plain(raw) => raw,
            Input::Gzip(d) => d.get_mut().get_mut(),
            Input::Zstd(d) => d.get_mut().get_mut(),
        };
        let mut rest = vec![0; BUFFER];
        while read_full(raw, &mut rest)? > 0 {}
        Ok(*raw.hasher.finalize().as_bytes())
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Input::Plain(r) => r.read(buf),
            Input::Gzip(r) => r.read(buf),
            Input::Zstd(r) => r.read(buf),
        }
    }
}

/// Hashes what is read.
pub(crate) struct Hashed {
    from: Box<dyn Read + Send>,
    hasher: Box<blake3::Hasher>,
}

impl Read for Hashed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buf)?;
        self.hasher.update(&buf[..n]);
        Ok(n)
    }
}

/// Reads until `buf` is full or the input ends; says how much there was.
pub(crate) fn read_full(input: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match input.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

/// At most the first `most` bytes of an input.
pub(crate) fn read_head(input: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut head = vec![0; most];
    let n = read_full(input, &mut head)?;
    head.truncate(n);
    Ok(head)
}

//! A file read for its records: gzip and zstd are unpacked on the way, as the sources do it.
use flate2::read::MultiGzDecoder;
use std::io::{self, BufReader, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The largest window a zstd stream may ask for, as a power of two: 128 MiB, what its own tools accept.
const ZSTD_WINDOW: u32 = 27;

/// The bytes of a feed. How many bytes of the file were read is counted where the caller sees it.
pub struct Unpacked(Box<dyn Read + Send>);

impl Unpacked {
    /// # Errors
    /// A file that cannot be read, or is damaged from its start.
    pub fn new(mut file: impl Read + Send + 'static, read: Arc<AtomicU64>) -> io::Result<Unpacked> {
        let mut head = Vec::new();
        file.by_ref().take(4).read_to_end(&mut head)?;
        read.fetch_add(head.len() as u64, Ordering::Relaxed);
        let (is_gzip, is_zstd) =
            (head.starts_with(&[0x1f, 0x8b]), head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
        let whole = BufReader::with_capacity(256 << 10, Cursor::new(head).chain(Counted { file, read }));
        Ok(Unpacked(match (is_gzip, is_zstd) {
            (true, _) => Box::new(MultiGzDecoder::new(whole)),
            (_, true) => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(whole)?;
                decoder.window_log_max(ZSTD_WINDOW)?;
                Box::new(decoder)
            }
            _ => Box::new(whole),
        }))
    }

    /// The name a layout is chosen by: the last part of a path, without a suffix of compression.
    pub fn layout_name(path: &str) -> &str {
        let name = path.rsplit('/').next().unwrap_or(path);
        match name.rsplit_once('.') {
            Some((stem, suffix))
                if ["gz", "gzip", "zst", "zstd"].contains(&&*suffix.to_ascii_lowercase()) =>
            {
                stem
            }
            _ => name,
        }
    }
}

impl Read for Unpacked {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to)
    }
}

struct Counted<R> {
    file: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read(to)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn what_is_compressed_is_read_unpacked_and_counted_as_it_lies_there() {
        let text = "a line\n".repeat(1000).into_bytes();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let zstd = zstd::stream::encode_all(&text[..], 3).unwrap();
        for packed in [text.clone(), gzip, zstd] {
            let (count, size) = (Arc::new(AtomicU64::new(0)), packed.len() as u64);
            let mut back = Vec::new();
            Unpacked::new(Cursor::new(packed), count.clone()).unwrap().read_to_end(&mut back).unwrap();
            assert!(back == text && count.load(Ordering::Relaxed) == size);
        }
        assert_eq!(Unpacked::layout_name("in/positions.csv.gz"), "positions.csv");
        assert_eq!(Unpacked::layout_name("a.csv"), "a.csv");
    }
}

//! The committed sample feeds are what the generator writes.
use load_tests::samples::{FEEDS, files};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../codecs/samples")
}

#[test]
fn the_committed_samples_are_what_the_generator_writes_byte_for_byte() {
    for file in files() {
        let committed = fs::read(folder().join(&file.path)).unwrap();
        let hint = "write them again: cargo run -p load-tests -- samples codecs/samples";
        assert!(committed == file.bytes, "{} differs; {hint}", file.path);
    }
}

#[test]
fn no_other_file_lies_among_the_feeds() {
    let written: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    for entry in fs::read_dir(folder().join(FEEDS)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(written.contains(&format!("{FEEDS}/{name}")), "{name} is not written by the generator");
    }
}

#[test]
fn the_samples_stay_small_and_text() {
    let files = files();
    let bytes: usize = files.iter().map(|file| file.bytes.len()).sum();
    assert!(bytes < 600_000, "{bytes} bytes");
    assert!(files.iter().all(|file| !file.bytes.contains(&0) && file.bytes.ends_with(b"\n")));
}

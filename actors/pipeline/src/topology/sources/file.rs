//! `type = "file"`.
use crate::topology::address;
use crate::topology::config::HOUR;
use crate::topology::problem::Problems;
use crate::topology::reader::Reader;
use std::time::Duration;

pub(super) fn file(r: &mut Reader, p: &mut Problems) -> sources::FileConfig {
    let path = r.words("path", p).unwrap_or_default();
    if path.is_empty() {
        p.add(r.span.clone(), format!("`{}` needs `path`: a file, a glob, a folder, or `-`", r.path), None);
    }
    address::check_feed_paths(&r.path, &path, p);
    let span = path.first().map_or(r.span.clone(), |first| first.span.clone());
    let config = sources::FileConfig {
        path: path.into_iter().map(|w| w.text).collect(),
        recursive: r.flag("recursive", p).unwrap_or(false),
        compression: super::compression(r, p),
        watch: r.flag("watch", p).unwrap_or(false),
        poll: r.duration("poll", Duration::from_millis(10)..=HOUR, p).unwrap_or(Duration::from_secs(2)),
        grows: r.flag("grows", p).unwrap_or(true),
        arrival: arrival(r, p),
        record_limit: super::RECORD_LIMIT,
    };
    if let Err(wrong) = config.check() {
        p.add(span, format!("`{}`: {wrong}", r.path), None);
    }
    config
}

pub(super) fn arrival(r: &mut Reader, p: &mut Problems) -> Option<sources::Arrival> {
    use sources::Arrival;
    let words = [
        ("header", Arrival::Header),
        ("name", Arrival::Name),
        ("path", Arrival::Path),
        ("mtime", Arrival::Mtime),
    ];
    r.choice("arrival", &words, p)
}

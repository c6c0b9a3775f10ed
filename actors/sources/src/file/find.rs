//! Which files a source reads, and in which order.
use super::FileConfig;
use crate::SourceError;
use crate::whole::input::Stamp;
use globset::{GlobBuilder, GlobMatcher};
use record::PartitionId;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How deep folders are followed, and how many files a source may have.
const DEEPEST: usize = 64;
const MOST: usize = 1_000_000;

/// A file that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its path below the root, `/` between, or `stdin`.
    pub name: Arc<str>,
    pub path: PathBuf,
    /// None where it cannot even be looked at.
    pub stamp: Result<Stamp, String>,
}

impl Entry {
    pub(super) fn is_stdin(&self) -> bool {
        self.path.as_os_str() == "-"
    }
}

/// One `path` of the configuration, understood.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it was written.
    text: String,
    root: PathBuf,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Stdin,
    Path { recursive: bool },
    Glob { matcher: GlobMatcher, depth: usize },
}

impl Pattern {
    /// Understands the paths of a source; touches no file.
    pub(super) fn all(config: &FileConfig, base: &Path) -> Result<Vec<Pattern>, String> {
        let stdin = config.path.iter().any(|p| p == "-");
        if stdin && (config.watch || config.path.len() > 1) {
            return Err(
                "`path = \"-\"`: standard input is read once and alone; leave out `watch` and other paths"
                    .into(),
            );
        }
        config.path.iter().map(|text| Pattern::new(text, config.recursive, base)).collect()
    }

    fn new(text: &str, recursive: bool, base: &Path) -> Result<Pattern, String> {
        let of = |root: &str, kind| Ok(Pattern { text: text.into(), root: base.join(root), kind });
        if text == "-" {
            return of("", Kind::Stdin);
        }
        let Some(wild) = text.find(['*', '?', '[', '{']) else { return of(text, Kind::Path { recursive }) };
        let (root, rest) = text[..wild].rfind('/').map_or(("", text), |cut| text.split_at(cut + 1));
        let glob = GlobBuilder::new(rest).literal_separator(true).build();
        let matcher = glob.map_err(|e| format!("`{text}` is no glob: {}", e.kind()))?.compile_matcher();
        let depth = if rest.contains("**") { DEEPEST } else { rest.matches('/').count() };
        of(root, Kind::Glob { matcher, depth })
    }

    fn find(&self, found: &mut Vec<Entry>) {
        match &self.kind {
            Kind::Stdin => {
                found.push(Entry { name: "stdin".into(), path: "-".into(), stamp: Ok(Stamp::default()) })
            }
            Kind::Glob { matcher, depth } => {
                walk(&self.root, "", *depth, &|name| matcher.is_match(name), found)
            }
            Kind::Path { recursive } => match fs::metadata(&self.root) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                Ok(meta) if meta.is_dir() => {
                    walk(&self.root, "", if *recursive { DEEPEST } else { 0 }, &|_| true, found);
                }
                meta => {
                    let name = self.root.file_name().map_or_else(|| "".into(), |n| n.to_string_lossy());
                    found.push(entry(name.into_owned(), self.root.clone(), meta));
                }
            },
        }
    }
}

/// All files of the patterns in natural order of their names. A pattern that finds nothing is an error unless the source watches.
pub(super) fn find(patterns: &[Pattern], watch: bool) -> Result<Vec<Entry>, SourceError> {
    let mut all = Vec::new();
    for pattern in patterns {
        let before = all.len();
        pattern.find(&mut all);
        // A drop folder is empty most of the time.
        let empty_folder = || matches!(pattern.kind, Kind::Path { .. }) && pattern.root.is_dir();
        if all.len() == before && !watch && !empty_folder() {
            let Pattern { text, root, .. } = pattern;
            let looked = root.display();
            return Err(SourceError::Fatal(format!(
                "nothing matches `{text}` (looked in {looked}): correct `path`, put a file there, or set `watch = true` to wait for one"
            )));
        }
        if all.len() > MOST {
            let text = format!(
                "`{}` matches more than {MOST} files: give parts of them to sources of their own",
                pattern.text
            );
            return Err(SourceError::Fatal(text));
        }
    }
    all.sort_by_cached_key(|e| PartitionId::new(e.name.clone()));
    all.dedup_by(|a, b| a.path == b.path);
    match all.windows(2).find(|w| w[0].name == w[1].name) {
        None => Ok(all),
        Some(w) => Err(SourceError::Fatal(format!(
            "{} and {} have the same name below their roots: give each a source of its own",
            w[0].path.display(),
            w[1].path.display()
        ))),
    }
}

/// The files in a folder whose names below the root are wanted, and in folders below it to a depth. Links to folders are not followed,
/// so that a ring of them has an end.
fn walk(folder: &Path, prefix: &str, depth: usize, wanted: &dyn Fn(&str) -> bool, found: &mut Vec<Entry>) {
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return,
        Err(e) => return found.push(entry(format!("{prefix}."), folder.into(), Err(e))),
    };
    for item in listed {
        let item = match item {
            Ok(item) => item,
            Err(e) => return found.push(entry(format!("{prefix}."), folder.into(), Err(e))),
        };
        let file_name = item.file_name();
        let file_name = file_name.to_string_lossy();
        if file_name.starts_with('.') || found.len() > MOST {
            continue;
        }
        let name = format!("{prefix}{file_name}");
        match item.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => {
                walk(&item.path(), &format!("{name}/"), depth - 1, wanted, found);
            }
            Ok(kind) if kind.is_dir() => {}
            _ if !wanted(&name) => {}
            _ => match fs::metadata(item.path()) {
                Ok(meta) if !meta.is_file() => {}
                // It went between being listed and being looked at.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                meta => found.push(entry(name, item.path(), meta)),
            },
        }
    }
}

fn entry(name: String, path: PathBuf, meta: io::Result<fs::Metadata>) -> Entry {
    let stamp = match meta {
        Ok(meta) if meta.is_file() => Ok(Stamp::of(&meta)),
        Ok(_) => Err("it is no regular file; to read a pipe, use `path = \"-\"`".into()),
        Err(e) => Err(e.to_string()),
    };
    Entry { name: name.into(), path, stamp }
}

impl FileConfig {
    /// How many files the paths match now, found as a run finds them; none is an error unless the source watches. Reads no file.
    pub fn matching(&self, base: &Path) -> Result<usize, SourceError> {
        let patterns = Pattern::all(self, base).map_err(SourceError::Fatal)?;
        Ok(find(&patterns, self.watch)?.len())
    }
}

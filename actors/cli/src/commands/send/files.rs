//! The files to send.
use crate::exit::Exit;
use sources::send::Unpacked;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// A file, or standard input.
pub struct Input {
    /// As it was named, for people.
    pub name: String,
    pub path: PathBuf,
    /// As it lies there; 0 where it is not known.
    pub size: u64,
    is_stdin: bool,
}

/// All files, looked at before anything is sent.
///
/// # Errors
/// What is no file, or cannot be read.
pub fn inputs(names: &[String]) -> Result<Vec<Input>, Exit> {
    let stdin = names.iter().filter(|n| *n == "-").count();
    if stdin > 1 {
        return Err(Exit::Other("standard input can be read once: name `-` once".into()));
    }
    names.iter().map(|name| input(name)).collect()
}

fn input(name: &str) -> Result<Input, Exit> {
    if name == "-" {
        return Ok(Input { name: "stdin".into(), path: PathBuf::new(), size: 0, is_stdin: true });
    }
    let unreadable = |e: io::Error| Exit::Other(format!("{name}: {e}"));
    let meta = std::fs::metadata(name).map_err(unreadable)?;
    if meta.is_dir() {
        return Err(Exit::Other(format!(
            "{name} is a folder: name its files, as in {}/*",
            name.trim_end_matches('/')
        )));
    }
    File::open(name).map_err(unreadable)?;
    Ok(Input { name: name.to_owned(), path: name.into(), size: meta.len(), is_stdin: false })
}

impl Input {
    /// The bytes of the feed, unpacked.
    pub fn open(&self, read: Arc<AtomicU64>) -> io::Result<Unpacked> {
        if self.is_stdin {
            return Unpacked::new(io::stdin(), read);
        }
        Unpacked::new(File::open(&self.path)?, read)
    }

    /// The name without its folders.
    pub fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }

    /// Standard input in a file of its own: an object is sent with its length.
    pub fn spooled(&self) -> Result<Option<tempfile::NamedTempFile>, Exit> {
        if !self.is_stdin {
            return Ok(None);
        }
        let mut file = tempfile::NamedTempFile::new()?;
        let mut buffer = vec![0; 256 << 10];
        let mut stdin = io::stdin().lock();
        loop {
            match stdin.read(&mut buffer)? {
                0 => break,
                n => file.write_all(&buffer[..n])?,
            }
        }
        file.flush()?;
        Ok(Some(file))
    }
}

/// The key of each file's object.
///
/// # Errors
/// Several files for one key.
pub fn keys(inputs: &[Input], key: &str) -> Result<Vec<String>, Exit> {
    let is_folder = key.is_empty() || key.ends_with('/');
    if !is_folder && inputs.len() > 1 {
        return Err(Exit::Other(format!(
            "{} files cannot all be the object {key}: end the key with / to make it a folder",
            inputs.len()
        )));
    }
    let keys: Vec<String> = inputs
        .iter()
        .map(|i| if is_folder { format!("{key}{}", i.file_name()) } else { key.to_owned() })
        .collect();
    let twice = (1..keys.len()).find(|n| keys[..*n].contains(&keys[*n]));
    match twice {
        Some(n) => {
            Err(Exit::Other(format!("two of the files would be the object {}: send them apart", keys[n])))
        }
        None => Ok(keys),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Input {
        Input { name: name.into(), path: name.into(), size: 1, is_stdin: false }
    }

    #[test]
    fn a_key_that_ends_in_a_slash_is_a_folder() {
        let two = [named("in/a.csv"), named("b.csv")];
        assert_eq!(keys(&two, "2025/").unwrap(), ["2025/a.csv", "2025/b.csv"]);
        assert_eq!(keys(&two, "").unwrap(), ["a.csv", "b.csv"]);
        assert_eq!(keys(&two[..1], "2025/x").unwrap(), ["2025/x"]);
        assert!(keys(&two, "2025/x").is_err());
        assert!(keys(&[named("a/x"), named("b/x")], "in/").is_err());
    }
}

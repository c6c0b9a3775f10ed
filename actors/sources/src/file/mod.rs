//! Files, folders, globs and standard input.
mod config;

pub use config::{Arrival, Compression, FileConfig};

use crate::{Layouts, Next, Registry, Source, SourceError, Standing};
use async_trait::async_trait;
use record::BatchLimit;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads files.
pub struct FileSource {
    _name: Arc<str>,
    standing: Standing,
}

impl FileSource {
    /// `name` is the source's name in the topology, `base` the folder relative paths start from.
    pub fn new(
        name: &str,
        _config: FileConfig,
        _base: impl Into<PathBuf>,
        _layouts: Arc<dyn Layouts>,
        _registry: Arc<dyn Registry>,
    ) -> Result<FileSource, SourceError> {
        Ok(FileSource { _name: name.into(), standing: Standing::default() })
    }
}

#[async_trait]
impl Source for FileSource {
    async fn next_batch(&mut self, _limit: &BatchLimit) -> Result<Next, SourceError> {
        Err(SourceError::Fatal("reading files is not built yet".into()))
    }

    fn standing(&self) -> Standing {
        self.standing.clone()
    }
}

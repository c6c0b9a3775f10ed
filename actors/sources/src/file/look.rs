//! A look at one file: whether it may grow or has an end, and what is known of it then.
use super::find::Entry;
use super::growing::{self, Growing};
use super::survey::{self, Surveyed};
use super::{Settings, input};
use std::sync::Arc;

/// A file to look at.
pub(super) struct Task {
    pub entry: Entry,
    /// It stood still since the last look.
    pub settled: bool,
    /// What the store keeps of its read-through.
    pub kept: Option<Arc<[u8]>>,
}

/// What looking at a file gave.
pub(super) enum Outcome {
    Grows(growing::Look),
    Ends(Surveyed),
    /// It may still be written to.
    Unsettled,
}

/// Looks at one file; blocks.
pub(super) fn look(task: &Task, growing: Option<Box<Growing>>, settings: &Settings) -> Outcome {
    let Task { entry, settled, kept } = task;
    let Settings { config, layouts, .. } = settings;
    if entry.is_stdin() {
        return Outcome::Ends(survey::survey_once(entry, &mut *(settings.stdin)(), config, &**layouts));
    }
    if config.watch && !entry.path.exists() {
        return Outcome::Unsettled;
    }
    if let Some(growing) = growing {
        return Outcome::Grows(growing::look_again(entry, growing));
    }
    if config.watch && config.grows && input::is_plain(&entry.path, config.compression, &entry.name) {
        // A feed that declares how much it holds is complete or nothing: it is read once it stands still.
        if let Some(look) = growing::look(entry, config, &**layouts) {
            return Outcome::Grows(look);
        }
    }
    match *settled {
        true => Outcome::Ends(survey::survey(entry, kept.as_deref(), config, &**layouts)),
        false => Outcome::Unsettled,
    }
}

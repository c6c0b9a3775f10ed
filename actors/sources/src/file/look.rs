//! A look at one file: whether it may grow or has an end, and what is known of it then.
//!
//! What a flow without an id is known by depends on which of the two its file is. So a file keeps the way it was first read, whatever
//! the topology says now: else its flows would come once more under other names.
use super::find::Entry;
use super::growing::{self, Growing};
use super::known::Before;
use super::{FileConfig, Settings, content};
use crate::whole::survey::Surveyed;

/// A file to look at.
pub(super) struct Task {
    pub entry: Entry,
    /// It stood still since the last look.
    pub settled: bool,
    /// What the store knows of files of its name.
    pub before: Before,
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
    let Task { entry, settled, before } = task;
    let config = &settings.config;
    if entry.is_stdin() {
        return Outcome::Ends(content::survey_once(entry, &mut *(settings.stdin)(), settings));
    }
    if config.watch && !entry.path.exists() {
        return Outcome::Unsettled;
    }
    if let Some(growing) = growing {
        return Outcome::Grows(growing::look_again(entry, growing));
    }
    let may_grow = may_grow(config) || !before.beginnings.is_empty();
    if may_grow && content::is_plain(&entry.path, config, &entry.name) {
        if let Some(whole) = read_before(task, settings) {
            return Outcome::Ends(whole);
        }
        if let Some(look) = grows(task, settings) {
            return Outcome::Grows(look);
        }
    }
    match *settled {
        true => Outcome::Ends(content::survey(entry, before.told.as_deref(), settings)),
        false => Outcome::Unsettled,
    }
}

/// Whether files that are new may grow.
pub(super) fn may_grow(config: &FileConfig) -> bool {
    config.watch && config.grows
}

/// A file whose content was read as a whole before. One of another size is not read through for that.
fn read_before(task: &Task, settings: &Settings) -> Option<Surveyed> {
    let Task { entry, before, .. } = task;
    if before.contents.is_empty() {
        return None;
    }
    let surveyed = content::survey(entry, before.told.as_deref(), settings);
    matches!(&surveyed, Surveyed::Whole(whole) if before.has_content(&whole.told.hash)).then_some(surveyed)
}

/// A file that may grow, or was read as one that does. `None`: a feed that declares how much it holds is complete or nothing, and is read
/// once it stands still.
fn grows(task: &Task, Settings { config, layouts, .. }: &Settings) -> Option<growing::Look> {
    let look = growing::look(&task.entry, config, &**layouts)?;
    let keeps = matches!(&look, growing::Look::New(new) if task.before.began_so(&new.beginning));
    (keeps || may_grow(config)).then_some(look)
}

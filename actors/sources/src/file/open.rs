//! From a file that was looked at to a partition that is open.
use super::Settings;
use super::growing::{Growing, New, Reading, rest_of};
use super::known::Known;
use super::stream::Stream;
use crate::whole::arrival;
use crate::whole::cutter::Cutter;
use crate::whole::open::{Opened, open_refused, open_whole};
use crate::whole::survey::{Rejection, Whole, short};
use crate::{FeedInfo, FeedStatus, Registry, SourceError};
use record::{PartitionId, Survey};
use std::fs::File;
use std::io;

/// What is to be opened.
pub(super) enum Opening {
    Whole(Box<Whole>),
    Growing(Box<New>),
    Refused(Box<Rejection>),
}

impl Opening {
    /// Registers partition and feed. May be given up at any await and called again.
    pub(super) async fn open(
        &self,
        settings: &Settings,
        known: &mut Known,
        registry: &dyn Registry,
    ) -> Result<Opened<Stream>, SourceError> {
        let Settings { name: source, config, .. } = settings;
        match self {
            Opening::Whole(whole) => {
                let id = known.id(&whole.subject.name, &short(&whole.told.hash));
                let handed = known.at_end(&id);
                open_whole(whole, id, handed, (source, &config.how()), registry).await
            }
            Opening::Growing(new) => open_growing(new, settings, known, registry).await,
            Opening::Refused(rejection) => {
                let id = known.id(&rejection.name, &rejection.mark);
                let handed = known.at_end(&id);
                open_refused(rejection, id, handed, source, registry).await
            }
        }
    }
}

async fn open_growing(
    new: &New,
    settings: &Settings,
    known: &mut Known,
    registry: &dyn Registry,
) -> Result<Opened<Stream>, SourceError> {
    let (name, rule) = (&new.entry.name, settings.config.arrival);
    let id = known.growing(name, &new.beginning, new.stamp.size);
    let info = FeedInfo {
        source: settings.name.clone(),
        vendor: new.layout.vendor().into(),
        name: name.clone(),
        version: None,
        partition: id.clone(),
        mapping_version: new.layout.mapping_version(),
        hash: None,
        size: Some(new.stamp.size),
        modified: Some(new.stamp.modified),
        arrival: arrival(rule, name, Some(new.stamp), None, &new.layout.zone()),
        read_through: None,
        survey: Survey::default(),
        status: FeedStatus::Open,
    };
    // A lease granted in this run is kept: a second grant would void what is under way under the first.
    let (partition, feed, progress) = match known.granted(&id) {
        Some(granted) => granted,
        None => {
            let feed = registry.open_feed(&info).await?;
            let (partition, progress) = registry.open_partition(&id, &feed).await?;
            known.grant(&partition, &feed, progress);
            (partition, feed, progress)
        }
    };
    let cutter = Cutter::new(new.layout.framer(settings.config.record_limit), progress, false);
    let opened = File::open(&new.entry.path).and_then(|file| rest_of(file, 0, new.stamp.size));
    let input = opened.map_err(|e| unreadable(&id, &e))?;
    let (name, beginning) = (name.clone(), new.beginning);
    let growing = Box::new(Growing { name, partition, feed, beginning, cutter });
    Ok(Opened::Stream(Box::new(Stream::Growing(Reading { growing, input }))))
}

fn unreadable(id: &PartitionId, e: &io::Error) -> SourceError {
    SourceError::Transient(format!("{id} could be read a moment ago and cannot now: {e}"))
}

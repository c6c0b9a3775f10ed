//! From an object that was looked at to a partition that is open.
use super::Settings;
use super::known::Known;
use crate::whole::open::{Opened, open_refused, open_whole};
use crate::whole::stream::Stream;
use crate::whole::survey::{Rejection, Whole};
use crate::{Registry, SourceError};
use record::PartitionId;

/// What is to be opened.
pub(super) enum Opening {
    Whole(Box<Whole>, PartitionId),
    Refused(Box<Rejection>, PartitionId),
}

impl Opening {
    /// Registers partition and feed. May be given up at any await and called again.
    pub(super) async fn open(
        &self,
        settings: &Settings,
        known: &Known,
        registry: &dyn Registry,
    ) -> Result<Opened<Stream>, SourceError> {
        match self {
            Opening::Whole(whole, id) => {
                let of = (&settings.name, &settings.how);
                open_whole(whole, id.clone(), known.at_end(id), of, registry).await
            }
            Opening::Refused(rejection, id) => {
                open_refused(rejection, id.clone(), known.at_end(id), &settings.name, registry).await
            }
        }
    }
}

//! Feeds cut into messages, and sent.
use super::Args;
use super::files::Input;
use super::pace::Pace;
use super::progress::Progress;
use crate::commands::progress::{counted, grouped};
use crate::exit::Exit;
use codecs::message::Limits;
use codecs::{Layout, Message};
use pipeline::SourceLayouts;
use pipeline::topology::layouts::{CORRECTIONS, LayoutSet};
use sources::send::{Outgoing, SendError, Sender, Target, Unpacked};
use sources::{HEAD, Refused};
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Bytes cut at once.
const PIECE: usize = 256 << 10;

/// Consecutive records of one account share a message up to here. A header is as long as some of them.
const GROUP: usize = 16 << 10;

/// What sends feeds, one after the other.
pub struct Feeds<'a> {
    layouts: &'a LayoutSet,
    vendor: Option<&'a str>,
    limits: Limits,
    /// The stream carries the name of the file a message is from.
    carries_name: bool,
    progress: &'a Progress,
    pace: Pace,
    /// Messages that do not show their layout by how they begin, by vendor.
    unseen: BTreeMap<String, u64>,
}

/// Why not all went.
pub enum Stopped {
    /// The file is at fault.
    Feed(String),
    Stream(SendError),
}

impl From<SendError> for Stopped {
    fn from(e: SendError) -> Self {
        Stopped::Stream(e)
    }
}

impl Stopped {
    /// With what went before.
    pub fn after(self, messages: u64) -> Exit {
        let (Stopped::Feed(text) | Stopped::Stream(SendError(text))) = self;
        let before = match messages {
            0 => "nothing was sent".to_owned(),
            n => format!("{} messages were sent before", grouped(n)),
        };
        Exit::Other(format!("{text}\n{before}"))
    }
}

impl<'a> Feeds<'a> {
    pub fn new(args: &'a Args, layouts: &'a LayoutSet, progress: &'a Progress) -> Feeds<'a> {
        Feeds {
            layouts,
            vendor: args.vendor.as_deref(),
            limits: Limits { message: args.longest(), group: GROUP },
            carries_name: matches!(args.to, Target::Kafka { .. }),
            progress,
            pace: Pace::new(args.rate),
            unseen: BTreeMap::new(),
        }
    }

    pub async fn send(&mut self, inputs: &[Input], sender: &mut Sender) -> Result<(), Stopped> {
        for input in inputs {
            self.progress.begin(&input.name);
            self.one(input, sender).await?;
            self.progress.end();
        }
        Ok(())
    }

    async fn one(&mut self, input: &Input, sender: &mut Sender) -> Result<(), Stopped> {
        let unreadable = |e: std::io::Error| Stopped::Feed(format!("{}: it cannot be read: {e}", input.name));
        let mut file = input.open(self.progress.read.clone()).map_err(unreadable)?;
        let mut piece = Vec::new();
        file.by_ref().take(HEAD as u64).read_to_end(&mut piece).map_err(unreadable)?;
        if piece.is_empty() {
            return Err(Stopped::Feed(format!("{}: it is empty", input.name)));
        }
        let name = Unpacked::layout_name(input.file_name());
        let layout = self.layout(name, &piece).map_err(|e| Stopped::Feed(format!("{}: {e}", input.name)))?;
        let mut cutter = layout.messages(self.limits);
        let file_name: Arc<str> = name.into();
        let mut messages = Vec::new();
        loop {
            let mut next = Vec::new();
            file.by_ref().take(PIECE as u64).read_to_end(&mut next).map_err(unreadable)?;
            let cut = cutter.push(&piece, next.is_empty(), &mut messages);
            for message in messages.drain(..) {
                self.message(message, &layout, &file_name, sender).await?;
            }
            cut.map_err(|e| Stopped::Feed(format!("{}: {e}{}", input.name, advice(&e))))?;
            if next.is_empty() {
                return Ok(());
            }
            piece = next;
        }
    }

    async fn message(
        &mut self,
        message: Message,
        layout: &Layout,
        file: &Arc<str>,
        sender: &mut Sender,
    ) -> Result<(), Stopped> {
        let Message { key, payload, records } = message;
        let name = if self.carries_name { &**file } else { "" };
        if !layout.detect(name, &payload[..payload.len().min(HEAD)]) {
            *self.unseen.entry(layout.vendor_policy().name.to_string()).or_default() += 1;
        }
        if let Some(time) = self.pace.due(self.progress.records(), self.progress.message_bytes()) {
            sender.work_until(time).await?;
        }
        self.progress.records.fetch_add(records, Ordering::Relaxed);
        self.progress.taken.fetch_add(payload.len() as u64, Ordering::Relaxed);
        sender.send(Outgoing { key: key.into(), payload: payload.into(), file: file.clone() }).await?;
        Ok(())
    }

    /// The layout of a feed: the one that is named, or the one that knows it, as sources choose.
    fn layout(&self, name: &str, head: &[u8]) -> Result<Arc<Layout>, String> {
        let all = || self.layouts.iter();
        let unknown =
            "no vendor's [detect] knows it: name its vendor by --vendor, or add a mapping to the topology";
        let told = |refused: Refused| match refused.code {
            "unknown_layout" => unknown.to_owned(),
            _ => format!("{}; or name its layout by --vendor", refused.text),
        };
        let choose = |of: SourceLayouts| of.layout(name, head).cloned().map_err(told);
        let Some(vendor) = self.vendor else {
            let events = all().find(|l| *l.vendor_name == *CORRECTIONS && l.layout.detect(name, head));
            return events.map_or_else(
                || choose(SourceLayouts::new(self.layouts, &[], false)),
                |l| Ok(l.layout.clone()),
            );
        };
        if let Some(named) = all().find(|l| l.layout.name() == vendor) {
            return Ok(named.layout.clone());
        }
        if all().any(|l| *l.vendor_name == *vendor) {
            return choose(SourceLayouts::new(self.layouts, &[vendor.to_owned()], false));
        }
        let known: Vec<&str> = all().map(|l| l.layout.name()).collect();
        Err(format!("no vendor is called `{vendor}`; the topology knows {}", known.join(", ")))
    }

    /// Says what a reader has to be told, since messages do not show it.
    pub fn warn(&self) {
        for (vendor, messages) in &self.unseen {
            eprintln!(
                "dietz: {} of {vendor} cannot be known by how they begin: name the vendor in the source that reads them, as in \
                 vendors = [\"{vendor}\"]",
                counted(*messages, "message")
            );
        }
    }
}

fn advice(error: &codecs::MessageError) -> &'static str {
    match error {
        codecs::MessageError::RecordTooLong { .. } | codecs::MessageError::FeedTooLong { .. } => {
            "; raise --max-message if the stream takes more, or send the file as it is: --to s3://BUCKET/KEY"
        }
        codecs::MessageError::NoRecord { .. } => "; name its layout by --vendor",
        codecs::MessageError::Uncut { .. } => "; send the file as it is: --to s3://BUCKET/KEY",
    }
}

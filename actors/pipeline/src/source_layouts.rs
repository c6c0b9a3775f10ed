//! The layouts that one source may carry, and which of them a feed has.
use crate::topology::layouts::{CORRECTIONS, LayoutSet};
use codecs::Layout;
use record::{Framed, Framer, Survey};
use sources::{Assembly, Layouts, OpenLayout, Refused, Surveyor};
use std::sync::Arc;

/// The layouts one source may carry.
pub struct SourceLayouts {
    candidates: Vec<Arc<Layout>>,
    /// The same, opened for messages of a stream, which have no names.
    nameless: Vec<Arc<dyn OpenLayout>>,
    /// The topology names what this source carries, so that its only layout needs no `[detect]`.
    named: bool,
}

impl SourceLayouts {
    /// `vendors` empty: all vendors the topology knows. `eventbridge`: corrections and nothing else.
    pub fn new(set: &LayoutSet, vendors: &[String], eventbridge: bool) -> Self {
        let wanted = |vendor: &str| match (eventbridge, vendors) {
            (true, _) => vendor == CORRECTIONS,
            (false, []) => vendor != CORRECTIONS,
            (false, some) => some.iter().any(|v| v == vendor),
        };
        let candidates = set.iter().filter(|l| wanted(&l.vendor_name)).map(|l| l.layout.clone());
        SourceLayouts::of(candidates.collect(), eventbridge || !vendors.is_empty())
    }

    pub(crate) fn of(candidates: Vec<Arc<Layout>>, named: bool) -> Self {
        let nameless = candidates.iter().map(|layout| opened(layout, "")).collect();
        SourceLayouts { candidates, nameless, named }
    }
}

impl Layouts for SourceLayouts {
    fn choose(&self, file_name: &str, head: &[u8]) -> Result<Arc<dyn OpenLayout>, Refused> {
        let layout = self.layout(file_name, head)?;
        let same = |candidate: &Arc<Layout>| Arc::ptr_eq(candidate, layout);
        let ready = self.candidates.iter().position(same).filter(|_| file_name.is_empty());
        Ok(ready.map_or_else(|| opened(layout, file_name), |n| self.nameless[n].clone()))
    }

    fn named(&self, name: &str) -> Option<Arc<dyn OpenLayout>> {
        self.nameless.iter().find(|layout| layout.vendor() == name).cloned()
    }
}

impl SourceLayouts {
    /// The layout of a feed; see [`Layouts::choose`].
    pub fn layout(&self, file_name: &str, head: &[u8]) -> Result<&Arc<Layout>, Refused> {
        if let [only] = self.candidates.as_slice()
            && (self.named || !only.is_detectable())
        {
            return Ok(only);
        }
        let found: Vec<&Arc<Layout>> = self.candidates.iter().filter(|l| l.detect(file_name, head)).collect();
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(Refused {
                code: "unknown_layout",
                text: format!(
                    "no vendor's [detect] knows {}; name its vendor in the source, or add a mapping",
                    called(file_name)
                ),
            }),
            many => {
                let names: Vec<&str> = many.iter().map(|l| l.name()).collect();
                let text = format!(
                    "{} is known to several vendors: {}; make [detect] stricter",
                    called(file_name),
                    names.join(", ")
                );
                Err(Refused { code: "ambiguous_layout", text })
            }
        }
    }
}

fn called(file_name: &str) -> &str {
    if file_name.is_empty() { "the message by how it begins" } else { file_name }
}

struct Opened {
    layout: Arc<Layout>,
    /// The feed's, in which its date may stand.
    file_name: String,
}

fn opened(layout: &Arc<Layout>, file_name: &str) -> Arc<dyn OpenLayout> {
    Arc::new(Opened { layout: layout.clone(), file_name: file_name.to_owned() })
}

impl OpenLayout for Opened {
    fn vendor(&self) -> &str {
        self.layout.name()
    }
    fn mapping_version(&self) -> u32 {
        self.layout.version()
    }
    fn mapping_hash(&self) -> [u8; 32] {
        self.layout.hash()
    }
    fn zone(&self) -> jiff::tz::TimeZone {
        jiff::tz::TimeZone::get(&self.layout.vendor_policy().zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }
    fn declares_its_end(&self) -> bool {
        self.layout.is_controlled()
    }
    fn framer(&self, _record_limit: usize) -> Box<dyn Framer> {
        self.layout.framer()
    }
    fn surveyor(&self, _record_limit: usize) -> Box<dyn Surveyor> {
        Box::new(Surveying(self.layout.surveyor(&self.file_name)))
    }
    fn assembly(&self, _record_limit: usize, kept: Option<&[u8]>) -> Option<Box<dyn Assembly>> {
        self.layout.assembly(kept).map(|assembly| Box::new(Assembling(assembly)) as Box<dyn Assembly>)
    }
}

struct Assembling(codecs::Assembly);

impl Assembly for Assembling {
    fn begins_another(&self, message: &[u8]) -> bool {
        self.0.begins_another(message)
    }
    fn take(&mut self, message: &[u8], each: &mut dyn FnMut(&mut Framed)) {
        self.0.take(message, each);
    }
    fn pending(&self) -> usize {
        self.0.pending()
    }
    fn over(&self) -> Option<&Survey> {
        self.0.over()
    }
    fn survey(&mut self) -> Survey {
        self.0.survey()
    }
    fn keep(&self) -> Vec<u8> {
        self.0.keep()
    }
}

struct Surveying(Box<dyn codecs::Surveyor>);

impl Surveyor for Surveying {
    fn feed(&mut self, piece: &[u8]) {
        self.0.feed(piece);
    }
    fn finish(self: Box<Self>) -> Survey {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests;

//! The vendors a topology knows: their mappings, compiled, and the policy they and the topology make together.
use super::config::{Topology, VendorOverride};
use super::problem::{Problem, Problems, suggestion};
use super::reader::Word;
use codecs::Layout;
use returns::policy::{Policy, Vendor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::Names;

/// The name under which corrections by event come; no vendor's.
pub const CORRECTIONS: &str = "corrections";

/// Names that are no vendor's.
const RESERVED: [&str; 3] = [CORRECTIONS, "correction", "unknown"];

/// One layout of a vendor, and how the vendor's accounts are numbered.
#[derive(Clone)]
pub struct VendorLayout {
    pub layout: Arc<Layout>,
    pub vendor: Vendor,
    /// The vendor's name: several layouts may be one vendor's.
    pub vendor_name: Arc<str>,
    /// As in `NT-{vendor_account}`.
    pub account_no: Arc<str>,
}

/// All layouts of a topology, by vendor name.
#[derive(Clone)]
pub struct LayoutSet {
    layouts: Vec<VendorLayout>,
    pub policy: Arc<Policy>,
}

impl LayoutSet {
    /// Reads and compiles every mapping the decoders name. Reports all mistakes of all of them.
    pub fn load(topology: &Topology, names: &Names) -> Result<LayoutSet, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut layouts: Vec<VendorLayout> = Vec::new();
        let mut all_read = true;
        for decoder in &topology.decoders {
            for (word, folder) in &decoder.kind.vendors {
                let files = mappings(folder, word, topology, &mut problems);
                all_read &= !files.is_empty();
                for file in files {
                    let Some(layout) = compile(&file, &mut problems) else {
                        all_read = false;
                        continue;
                    };
                    let vendor = layout.vendor_policy().name;
                    let over = decoder.kind.overrides.iter().find(|(name, _)| *name.text == *vendor);
                    add(layout, &file, over.map(|(_, o)| o), names, &mut layouts, &mut problems);
                }
            }
        }
        let corrections = Arc::new(Layout::eventbridge());
        let vendor = names.vendor(CORRECTIONS);
        let (vendor_name, account_no) = (CORRECTIONS.into(), "{vendor_account}".into());
        layouts.push(VendorLayout { layout: corrections, vendor, vendor_name, account_no });
        let policy = Arc::new(policy(topology, &layouts, names));
        let set = LayoutSet { layouts, policy };
        // A mapping that cannot be read may be the one whose vendor is named.
        if all_read {
            set.check_names(topology, &mut problems);
        }
        if problems.is_empty() { Ok(set) } else { Err(problems) }
    }

    /// The same, with the number under which the store keeps the policy.
    pub fn with_policy_id(mut self, id: i64) -> Self {
        Arc::make_mut(&mut self.policy).id = id;
        self
    }

    pub fn iter(&self) -> impl Iterator<Item = &VendorLayout> {
        self.layouts.iter()
    }

    /// Names of vendors in sources, overrides and precedence must be known.
    fn check_names(&self, topology: &Topology, problems: &mut Vec<Problem>) {
        let sources = topology.sources.iter().flat_map(|s| &s.kind.vendors);
        let overrides = topology.decoders.iter().flat_map(|d| d.kind.overrides.iter().map(|(w, _)| w));
        let precedence = topology.accumulators.iter().flat_map(|a| &a.kind.precedence);
        let mut known: Vec<&str> = self.layouts.iter().map(|l| &*l.vendor_name).collect();
        known.retain(|name| *name != CORRECTIONS);
        known.dedup();
        for word in sources.chain(overrides).chain(precedence) {
            if !known.contains(&word.text.as_str()) {
                let help = suggestion(&word.text, &known);
                problems.extend(at(
                    topology,
                    word,
                    format!("no vendor is called `{}`", word.text),
                    Some(help),
                ));
            }
        }
    }
}

/// A problem at a word of the topology file.
pub(super) fn at(topology: &Topology, word: &Word, message: String, help: Option<String>) -> Vec<Problem> {
    let text = std::fs::read_to_string(&topology.file).unwrap_or_default();
    let mut p = Problems::new(&topology.file, &text);
    p.add(word.span.clone(), message, help);
    p.into_result(()).err().unwrap_or_default()
}

/// A problem of a file as a whole.
fn whole(file: &Path, message: String, help: Option<String>) -> Problem {
    Problem { file: file.display().to_string(), line: 0, column: 0, message, help }
}

/// A folder with a mapping.toml, or a folder of such folders, in order of name.
fn mappings(folder: &Path, word: &Word, topology: &Topology, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    let own = folder.join("mapping.toml");
    if own.is_file() {
        return vec![own];
    }
    let entries = std::fs::read_dir(folder).map(|d| d.flatten().map(|e| e.path().join("mapping.toml")));
    let mut found: Vec<PathBuf> = entries.into_iter().flatten().filter(|p| p.is_file()).collect();
    if found.is_empty() {
        let message = format!("no mapping.toml in `{}` nor in a folder below it", word.text);
        let help = "name a folder with a mapping.toml, or a folder of such folders".into();
        problems.extend(at(topology, word, message, Some(help)));
    }
    found.sort();
    found
}

fn compile(file: &Path, problems: &mut Vec<Problem>) -> Option<Layout> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(e) => {
            problems.push(whole(file, format!("cannot be read: {e}"), None));
            return None;
        }
    };
    match Layout::compile(&text, &file.display().to_string()) {
        Ok(layout) => Some(layout),
        Err(found) => {
            problems.extend(found);
            None
        }
    }
}

fn add(
    layout: Layout,
    file: &Path,
    over: Option<&VendorOverride>,
    names: &Names,
    layouts: &mut Vec<VendorLayout>,
    problems: &mut Vec<Problem>,
) {
    if layouts.iter().any(|l| l.layout.name() == layout.name()) {
        let message = format!("a second layout is called `{}`", layout.name());
        problems.push(whole(file, message, None));
        return;
    }
    let own = layout.vendor_policy();
    if let Some(name) = RESERVED.into_iter().find(|r| *r == &*own.name || *r == layout.name()) {
        let message =
            format!("neither vendor nor layout can be called `{name}`: Dietz uses that name itself");
        problems.push(whole(file, message, Some("choose another".into())));
        return;
    }
    let (vendor, vendor_name) = (names.vendor(&own.name), own.name.clone());
    let account_no =
        over.and_then(|o| o.account_no.clone()).unwrap_or_else(|| layout.account_no().to_owned());
    let account_no: Arc<str> = account_no.into();
    let other = layouts.iter().find(|l| l.vendor_name == vendor_name);
    if let Some(other) = other.filter(|o| o.layout.vendor_policy() != own || o.account_no != account_no) {
        let (a, b) = (layout.name(), other.layout.name());
        let message = format!(
            "`{a}` and `{b}` are layouts of the vendor `{vendor_name}` and do not agree on its conventions"
        );
        let help = Some("give both the same flows_from, value_from, account_no, zone and so on".into());
        problems.push(whole(file, message, help));
    }
    layouts.push(VendorLayout { layout: Arc::new(layout), vendor, vendor_name, account_no });
}

/// The policy: each vendor's own conventions, overridden by the topology's, and what holds for all.
fn policy(t: &Topology, layouts: &[VendorLayout], names: &Names) -> Policy {
    let overrides: Vec<&(Word, VendorOverride)> = t.decoders.iter().flat_map(|d| &d.kind.overrides).collect();
    let all = names.vendors();
    let settings = t.accumulators.first().map(|a| &a.kind);
    let vendors = all
        .iter()
        .map(|name| {
            let own = layouts.iter().find(|l| l.vendor_name == *name).map(|l| l.layout.vendor_policy());
            let mut v = own.unwrap_or_else(|| returns::VendorPolicy::new(name.clone()));
            v.name = name.clone();
            if let Some(timing) = settings.and_then(|s| s.flow_timing) {
                v.flow_timing = timing;
            }
            if let Some((_, o)) = overrides.iter().find(|(w, _)| w.text == **name) {
                v.flow_timing = o.flow_timing.unwrap_or(v.flow_timing);
                v.possible_duplicate = o.possible_duplicate.unwrap_or(v.possible_duplicate);
            }
            v
        })
        .collect();
    let mut policy = Policy::new(vendors);
    // A topology without an accumulator is no graph, and told so.
    let Some(s) = settings else { return policy };
    policy.precedence = precedence(&s.precedence, &all);
    policy.failover = s.failover;
    policy.long_period_days = s.long_period_days;
    policy.residual = s.residual;
    policy.on_undefined = s.on_undefined;
    policy.reopen_after = s.reopen_after;
    policy
}

/// Named vendors in their order, then the others by name.
fn precedence(named: &[Word], all: &[Arc<str>]) -> Vec<Vendor> {
    let rank = |name: &str| named.iter().position(|w| w.text == name).unwrap_or(usize::MAX);
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|i| (rank(&all[*i]), all[*i].clone()));
    order.into_iter().filter_map(|i| u16::try_from(i).ok()).map(Vendor).collect()
}

#[cfg(test)]
mod tests;

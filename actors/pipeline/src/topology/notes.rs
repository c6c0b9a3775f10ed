//! What is right in a topology and may not be meant.
use super::config::{Place, Source, Topology};
use super::layouts::{CORRECTIONS, LayoutSet, VendorLayout, at};
use super::problem::Problem;
use crate::followed::waits_for_feeds;

/// What to tell a person about a topology that is right; empty for most.
pub fn notes(topology: &Topology, layouts: &LayoutSet) -> Vec<Problem> {
    let of_source = |source: &super::config::Node<Source>| {
        let lost = lost_ends(&source.kind, layouts)?;
        let message = format!("files that may grow have no end: {lost}");
        let help = Some("say `grows = false` if files arrive whole".into());
        Some(at(topology, &source.name, message, help))
    };
    topology.sources.iter().filter_map(of_source).flatten().collect()
}

/// What the ends of a source's files would decide, and do not since files may grow. A layout that declares its end is read as a whole all
/// the same.
fn lost_ends(source: &Source, layouts: &LayoutSet) -> Option<String> {
    let Place::File(file) = &source.place else { return None };
    if !file.watch || !file.grows || source.eventbridge {
        return None;
    }
    let carries = |l: &&VendorLayout| {
        let named = source.vendors.is_empty() || source.vendors.iter().any(|v| *v.text == *l.vendor_name);
        named && &*l.vendor_name != CORRECTIONS && !l.layout.is_controlled()
    };
    let names = |wanted: &dyn Fn(&VendorLayout) -> bool| {
        let names: Vec<&str> =
            layouts.iter().filter(carries).filter(|l| wanted(l)).map(|l| l.layout.name()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let withdraws =
        names(&|l| l.layout.withdraws()).map(|names| format!("newer feeds of {names} withdraw nothing"));
    let completes = names(&|l| waits_for_feeds(&layouts.policy, l.vendor))
        .map(|names| format!("feeds of {names} complete no day"));
    let lost: Vec<String> = [withdraws, completes].into_iter().flatten().collect();
    (!lost.is_empty()).then(|| lost.join(", "))
}

//! Whether the nodes make a graph: every input exists and is of the kind before, nothing is left over, one store.
use super::config::{Node, Source, Topology};
use super::problem::{Problems, suggestion};
use super::reader::Word;

/// Checks names and edges. Reports everything it finds.
pub fn graph(t: &Topology, p: &mut Problems) {
    edges(&t.decoders, "decoders", &names(&t.sources), "sources", p);
    edges(&t.accumulators, "accumulators", &names(&t.decoders), "decoders", p);
    edges(&t.checkers, "checkers", &names(&t.accumulators), "accumulators", p);
    edges(&t.sinks, "sinks", &names(&t.checkers), "checkers", p);
    for source in &t.sources {
        for input in &source.inputs {
            let message = format!("`sources.{}` is a source: nothing comes before it", source.name.text);
            p.add(input.span.clone(), message, Some("leave `inputs` out".into()));
        }
    }
    for source in &t.sources {
        events(source, t, p);
    }
    unread(&t.sources, "sources", &inputs(&t.decoders), "decoder", p);
    unread(&t.decoders, "decoders", &inputs(&t.accumulators), "accumulator", p);
    unread(&t.accumulators, "accumulators", &inputs(&t.checkers), "checker", p);
    unread(&t.checkers, "checkers", &inputs(&t.sinks), "sink", p);
    one(&t.accumulators, "accumulators", "one account has one writer", p);
    one(&t.checkers, "checkers", "every row passes the same rules", p);
    one(&t.sinks, "sinks", "exactly one sink is the store", p);
    if t.sources.is_empty() {
        p.add(0..0, "there is no source", Some("add a table [sources.NAME] with type and path".into()));
    }
}

fn names<T>(nodes: &[Node<T>]) -> Vec<&str> {
    nodes.iter().map(|n| n.name.text.as_str()).collect()
}

fn inputs<T>(nodes: &[Node<T>]) -> Vec<&str> {
    nodes.iter().flat_map(|n| n.inputs.iter().map(|w| w.text.as_str())).collect()
}

fn edges<T>(nodes: &[Node<T>], kind: &str, before: &[&str], before_kind: &str, p: &mut Problems) {
    for node in nodes {
        if node.inputs.is_empty() {
            let help = format!("add inputs = [...] with names of {before_kind}");
            p.add(node.name.span.clone(), format!("`{kind}.{}` has no inputs", node.name.text), Some(help));
        }
        for input in &node.inputs {
            unknown_input(input, kind, &node.name.text, before, before_kind, p);
        }
    }
}

fn unknown_input(input: &Word, kind: &str, name: &str, before: &[&str], before_kind: &str, p: &mut Problems) {
    if before.contains(&input.text.as_str()) {
        return;
    }
    let help = suggestion(&input.text, before);
    let message =
        format!("`{kind}.{name}` reads `{}`, and there is no [{before_kind}.{}]", input.text, input.text);
    p.add(input.span.clone(), message, Some(help));
}

/// Events come from another source of events, by its name.
fn events(source: &Node<Source>, t: &Topology, p: &mut Problems) {
    let Some(word) = &source.kind.events_from else { return };
    let (name, from) = (&source.name.text, &word.text);
    let others = t.sources.iter().filter(|s| s.name.text != *name);
    let telling = others.clone().find(|s| s.name.text == *from);
    let (message, help) = match telling {
        Some(telling) if telling.kind.eventbridge => return,
        Some(_) => (
            format!("`sources.{name}.events_from`: `{from}` carries no events"),
            format!("add format = \"eventbridge\" to [sources.{from}], or name a source that has it"),
        ),
        None => {
            let known: Vec<&str> = others.map(|s| s.name.text.as_str()).collect();
            let message =
                format!("`sources.{name}.events_from` names `{from}`, and no other source is called so");
            (message, suggestion(from, &known))
        }
    };
    p.add(word.span.clone(), message, Some(help));
}

fn unread<T>(nodes: &[Node<T>], kind: &str, read: &[&str], reader: &str, p: &mut Problems) {
    for node in nodes.iter().filter(|n| !read.contains(&n.name.text.as_str())) {
        let name = &node.name.text;
        let help = format!("add \"{name}\" to the inputs of the {reader} that shall read it, or take it out");
        p.add(node.name.span.clone(), format!("nothing reads `{kind}.{name}`"), Some(help));
    }
}

fn one<T>(nodes: &[Node<T>], kind: &str, why: &str, p: &mut Problems) {
    match nodes {
        [_] => {}
        [] => p.add(0..0, format!("there is no [{kind}.NAME]: {why}"), Some("add one".into())),
        [_, more @ ..] => {
            for node in more {
                let help = Some("take one out".into());
                p.add(node.name.span.clone(), format!("a second one of {kind}: {why}"), help);
            }
        }
    }
}

//! The topology as a picture: Mermaid, Graphviz and SVG.
use super::config::Topology;
use std::fmt::Write;

/// A node as it is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Box {
    /// `sources.samples`.
    pub id: String,
    pub title: String,
    pub lines: Vec<String>,
    /// 0 for sources to 4 for the sink.
    pub column: usize,
}

/// The drawing: boxes, and edges between their indices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    pub boxes: Vec<Box>,
    pub edges: Vec<(usize, usize)>,
}

const KINDS: [&str; 5] = ["source", "decoder", "accumulator", "checker", "sink"];

impl Drawing {
    pub fn of(t: &Topology) -> Drawing {
        let mut d = Drawing { boxes: Vec::new(), edges: Vec::new() };
        for n in &t.sources {
            let what = if n.kind.eventbridge { "events".to_owned() } else { carried(&n.kind.vendors) };
            d.add(0, &n.name.text, &[], vec![format!("file {}", n.kind.file.path.join(", ")), what]);
        }
        for n in &t.decoders {
            let vendors = n.kind.vendors.iter().map(|(w, _)| w.text.clone()).collect::<Vec<_>>().join(", ");
            d.add(1, &n.name.text, &inputs(&n.inputs), vec![many(n.kind.instances), vendors]);
        }
        for n in &t.accumulators {
            d.add(
                2,
                &n.name.text,
                &inputs(&n.inputs),
                vec![many(n.kind.instances), "256 account slots".into()],
            );
        }
        for n in &t.checkers {
            d.add(3, &n.name.text, &inputs(&n.inputs), vec![format!("{} rules set", n.kind.rules.len())]);
        }
        for n in &t.sinks {
            let store = match &n.kind.store {
                super::config::StoreAddress::Sqlite(_) => "sqlite",
                super::config::StoreAddress::Postgres(_) => "postgres",
            };
            d.add(
                4,
                &n.name.text,
                &inputs(&n.inputs),
                vec![store.into(), format!("{} rows a commit", n.kind.batch_rows)],
            );
        }
        d
    }

    fn add(&mut self, column: usize, name: &str, inputs: &[&str], lines: Vec<String>) {
        let to = self.boxes.len();
        let from = self.boxes.iter().enumerate();
        let from = from.filter(|(_, b)| b.column + 1 == column && inputs.contains(&b.title.as_str()));
        self.edges.extend(from.map(|(i, _)| (i, to)));
        let id = format!("{}s.{name}", KINDS[column]);
        self.boxes.push(Box { id, title: name.to_owned(), lines, column });
    }

    pub fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for (i, b) in self.boxes.iter().enumerate() {
            let lines: Vec<String> = b.lines.iter().map(|l| l.replace('"', "#quot;")).collect();
            let _ = writeln!(
                out,
                "  n{i}[\"<b>{}</b><br/>{} {}\"]",
                b.title,
                KINDS[b.column],
                lines.join("<br/>")
            );
        }
        for (a, b) in &self.edges {
            let _ = writeln!(out, "  n{a} --> n{b}");
        }
        out
    }

    pub fn dot(&self) -> String {
        let mut out = String::from(
            "digraph topology {\n  rankdir=LR;\n  node [shape=box, style=rounded, fontname=Helvetica];\n",
        );
        for (i, b) in self.boxes.iter().enumerate() {
            let text = format!("{}\\n{} {}", b.title, KINDS[b.column], b.lines.join("\\n"));
            let _ = writeln!(out, "  n{i} [label=\"{}\"];", text.replace('"', "\\\""));
        }
        for (a, b) in &self.edges {
            let _ = writeln!(out, "  n{a} -> n{b};");
        }
        out.push_str("}\n");
        out
    }
}

fn inputs(words: &[super::reader::Word]) -> Vec<&str> {
    words.iter().map(|w| w.text.as_str()).collect()
}

fn many(instances: usize) -> String {
    if instances == 1 { "1 instance".into() } else { format!("{instances} instances") }
}

fn carried(vendors: &[super::reader::Word]) -> String {
    if vendors.is_empty() { "vendors detected".into() } else { inputs(vendors).join(", ") }
}

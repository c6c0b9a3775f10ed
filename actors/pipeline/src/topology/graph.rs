//! The topology as a picture: Mermaid, Graphviz and SVG.
use super::config::{Place, Topology};
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

fn place(place: &Place) -> String {
    match place {
        Place::File(file) => format!("file {}", file.path.join(", ")),
        Place::Kinesis(kinesis) => format!("kinesis {}", kinesis.stream),
        Place::Kafka(kafka) => format!("kafka {}", kafka.topics.join(", ")),
        Place::S3(s3) => format!("s3 {}/{}", s3.bucket, s3.prefix),
    }
}

const KINDS: [&str; 5] = ["source", "decoder", "accumulator", "checker", "sink"];

impl Drawing {
    pub fn of(t: &Topology) -> Drawing {
        let mut d = Drawing { boxes: Vec::new(), edges: Vec::new() };
        for n in &t.sources {
            let what = if n.kind.eventbridge { "events".to_owned() } else { carried(&n.kind.vendors) };
            d.add(0, &n.name.text, &[], vec![place(&n.kind.place), what]);
        }
        for n in &t.decoders {
            let vendors = n.kind.vendors.iter().map(|(w, _)| w.text.clone()).collect::<Vec<_>>().join(", ");
            d.add(1, &n.name.text, &inputs(&n.inputs), vec![many(n.kind.instances, "instance"), vendors]);
        }
        for n in &t.accumulators {
            d.add(
                2,
                &n.name.text,
                &inputs(&n.inputs),
                vec![many(n.kind.instances, "instance"), "256 account slots".into()],
            );
        }
        for n in &t.checkers {
            d.add(3, &n.name.text, &inputs(&n.inputs), vec![many(n.kind.rules.len(), "tolerance rule")]);
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
            let lines: Vec<String> = b.lines.iter().map(|l| in_mermaid(l)).collect();
            let (title, kind, lines) = (in_mermaid(&b.title), KINDS[b.column], lines.join("<br/>"));
            let _ = writeln!(out, "  n{i}[\"<b>{title}</b><br/>{kind} {lines}\"]");
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
            let lines: Vec<String> = b.lines.iter().map(|l| in_dot(l)).collect();
            let (title, kind, lines) = (in_dot(&b.title), KINDS[b.column], lines.join("\\n"));
            let _ = writeln!(out, "  n{i} [label=\"{title}\\n{kind} {lines}\"];");
        }
        for (a, b) in &self.edges {
            let _ = writeln!(out, "  n{a} -> n{b};");
        }
        out.push_str("}\n");
        out
    }
}

/// A label of Mermaid is HTML with entities of its own spelling.
fn in_mermaid(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

fn in_dot(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn inputs(words: &[super::reader::Word]) -> Vec<&str> {
    words.iter().map(|w| w.text.as_str()).collect()
}

fn many(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn carried(vendors: &[super::reader::Word]) -> String {
    if vendors.is_empty() { "vendors detected".into() } else { inputs(vendors).join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The repository's own topology.
    fn shipped() -> Drawing {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../topology.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        Drawing::of(&Topology::parse(&text, &file).unwrap())
    }

    #[test]
    fn every_node_and_edge_of_the_shipped_topology_is_drawn() {
        let d = shipped();
        let ids: Vec<&str> = d.boxes.iter().map(|b| b.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "sources.custody",
                "sources.corrections",
                "decoders.layouts",
                "accumulators.returns",
                "checkers.tolerance",
                "sinks.store"
            ]
        );
        assert_eq!(d.edges, [(0, 2), (1, 2), (2, 3), (3, 4), (4, 5)]);
        let (mermaid, dot) = (d.mermaid(), d.dot());
        for (a, b) in &d.edges {
            assert!(mermaid.contains(&format!("  n{a} --> n{b}\n")), "{mermaid}");
            assert!(dot.contains(&format!("  n{a} -> n{b};\n")), "{dot}");
        }
        for (i, b) in d.boxes.iter().enumerate() {
            assert!(mermaid.contains(&format!("  n{i}[\"<b>{}</b>", b.title)), "{mermaid}");
            assert!(dot.contains(&format!("  n{i} [label=\"{}\\n", b.title)), "{dot}");
        }
    }

    #[test]
    fn an_edge_goes_from_a_node_of_the_kind_before_whatever_else_has_its_name() {
        let mut d = Drawing { boxes: Vec::new(), edges: Vec::new() };
        for column in 0..5 {
            d.add(column, "main", &["main"], Vec::new());
        }
        assert_eq!(d.edges, [(0, 1), (1, 2), (2, 3), (3, 4)]);
    }

    #[test]
    fn names_and_paths_cannot_break_out_of_their_labels() {
        let mut d = Drawing { boxes: Vec::new(), edges: Vec::new() };
        d.add(0, "a\"b<c>#d", &[], vec!["file C:\\in\\\"x\"".into()]);
        assert!(
            d.mermaid()
                .contains("n0[\"<b>a#quot;b#lt;c#gt;#35;d</b><br/>source file C:\\in\\#quot;x#quot;\"]")
        );
        assert!(d.dot().contains(r#"[label="a\"b<c>#d\nsource file C:\\in\\\"x\""];"#), "{}", d.dot());
    }
}

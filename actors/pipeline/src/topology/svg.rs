//! The drawing as SVG: columns from source to sink, boxes sized by their text, edges as curves.
use super::graph::{Box, Drawing};
use std::fmt::Write;

const KIND_COLOURS: [(&str, &str, &str); 5] = [
    ("SOURCE", "#0b6e4f", "#e8f5ef"),
    ("DECODER", "#1f5fa8", "#e9f1fb"),
    ("ACCUMULATOR", "#6a3d9a", "#f2ecf9"),
    ("CHECKER", "#9a5b00", "#fdf3e2"),
    ("SINK", "#8a1c3c", "#fbeaef"),
];
/// Sizes in pixels; characters are taken as wide as the widest common ones of the font at its size.
const CHAR: usize = 7;
const LINE: usize = 18;
const PAD: usize = 14;
const GAP_X: usize = 64;
const GAP_Y: usize = 24;
const MARGIN: usize = 24;
/// A line longer than this is shortened, so that one long path does not make the picture unreadable.
const LONGEST: usize = 44;

struct Placed {
    x: usize,
    y: usize,
    w: usize,
    h: usize,
}

pub fn svg(d: &Drawing) -> String {
    let (placed, width, height) = place(d);
    let mut out = String::new();
    let _ = writeln!(
        out,
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="Helvetica, Arial, sans-serif">
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L10 5L0 10z" fill="#67717e"/></marker></defs>
<rect width="100%" height="100%" fill="#ffffff"/>"##
    );
    for (a, b) in &d.edges {
        edge(&mut out, &placed[*a], &placed[*b]);
    }
    for (b, p) in d.boxes.iter().zip(&placed) {
        draw(&mut out, b, p);
    }
    out.push_str("</svg>\n");
    out
}

fn lines(b: &Box) -> Vec<String> {
    b.lines.iter().map(|l| shortened(l)).collect()
}

fn shortened(line: &str) -> String {
    let n = line.chars().count();
    if n <= LONGEST {
        return line.to_owned();
    }
    let tail: String = line.chars().skip(n - LONGEST + 1).collect();
    format!("…{tail}")
}

/// Boxes of a column stand below each other, columns side by side, each centred on the tallest.
fn place(d: &Drawing) -> (Vec<Placed>, usize, usize) {
    let size = |b: &Box| {
        let longest =
            lines(b).iter().map(|l| l.chars().count()).chain([b.title.chars().count() + 2, 12]).max();
        (longest.unwrap_or(12) * CHAR + 2 * PAD, (b.lines.len() + 2) * LINE + PAD)
    };
    let column = |c: usize| d.boxes.iter().filter(move |b| b.column == c);
    let height_of = |c: usize| {
        let (n, sum) = column(c).fold((0, 0), |(n, sum), b| (n + 1, sum + size(b).1));
        sum + GAP_Y * usize::saturating_sub(n, 1)
    };
    let tallest = (0..5).map(height_of).max().unwrap_or(0);
    let (mut x, mut xs) = (MARGIN, Vec::new());
    for c in 0..5 {
        let widest = column(c).map(|b| size(b).0).max().unwrap_or(0);
        xs.push((x, widest));
        x += if widest > 0 { widest + GAP_X } else { 0 };
    }
    let mut next: Vec<usize> = (0..5).map(|c| MARGIN + (tallest - height_of(c)) / 2).collect();
    let mut placed = Vec::new();
    for b in &d.boxes {
        let (x, w) = xs[b.column];
        let h = size(b).1;
        placed.push(Placed { x, y: next[b.column], w, h });
        next[b.column] += h + GAP_Y;
    }
    (placed, x - GAP_X + MARGIN, tallest + 2 * MARGIN)
}

fn edge(out: &mut String, a: &Placed, b: &Placed) {
    let (x1, y1) = (a.x + a.w, a.y + a.h / 2);
    let (x2, y2) = (b.x, b.y + b.h / 2);
    let mid = (x1 + x2) / 2;
    let _ = writeln!(
        out,
        r##"<path d="M{x1} {y1}C{mid} {y1} {mid} {y2} {x2} {y2}" fill="none" stroke="#67717e" stroke-width="1.5" marker-end="url(#tip)"/>"##
    );
}

fn draw(out: &mut String, b: &Box, p: &Placed) {
    let (kind, strong, soft) = KIND_COLOURS[b.column];
    let Placed { x, y, w, h } = p;
    let _ = writeln!(
        out,
        r##"<rect x="{x}" y="{y}" width="{w}" height="{h}" rx="8" fill="{soft}" stroke="{strong}" stroke-width="1.5"/>"##
    );
    let tx = x + PAD;
    let mut ty = y + PAD + 8;
    let _ = writeln!(
        out,
        r##"<text x="{tx}" y="{ty}" font-size="10" letter-spacing="1" fill="{strong}">{kind}</text>"##
    );
    ty += LINE;
    let title = escaped(&b.title);
    let _ = writeln!(
        out,
        r##"<text x="{tx}" y="{ty}" font-size="15" font-weight="bold" fill="#1c2430">{title}</text>"##
    );
    for line in lines(b) {
        ty += LINE;
        let line = escaped(&line);
        let _ = writeln!(out, r##"<text x="{tx}" y="{ty}" font-size="12" fill="#46505c">{line}</text>"##);
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(title: &str, column: usize, lines: &[&str]) -> Box {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Box { id: title.to_owned(), title: title.to_owned(), lines, column }
    }

    #[test]
    fn names_and_paths_are_escaped() {
        let boxes = vec![node("a<b>&c", 0, &["file in/<x>&y"])];
        let drawn = svg(&Drawing { boxes, edges: Vec::new() });
        assert!(
            drawn.contains(">a&lt;b&gt;&amp;c<") && drawn.contains(">file in/&lt;x&gt;&amp;y<"),
            "{drawn}"
        );
        assert!(!drawn.contains("a<b>"), "{drawn}");
    }

    #[test]
    fn a_long_path_is_shortened_to_its_end() {
        let path = format!("{}/the-end.csv", "deep/".repeat(40));
        let shown = shortened(&path);
        assert_eq!(shown.chars().count(), LONGEST);
        assert!(shown.starts_with('…') && shown.ends_with("/the-end.csv"), "{shown}");
    }

    #[test]
    fn boxes_lie_inside_the_picture_and_none_on_another() {
        let long = "x".repeat(200);
        let boxes = vec![
            node("a", 0, &["one"]),
            node("b", 0, &["one", "two", &long]),
            node("a-name-that-is-rather-long", 1, &[]),
            node("sink", 4, &["one"]),
        ];
        let (placed, width, height) = place(&Drawing { boxes, edges: Vec::new() });
        for (n, p) in placed.iter().enumerate() {
            assert!(p.x >= MARGIN && p.x + p.w + MARGIN <= width, "{n} in {width}");
            assert!(p.y >= MARGIN && p.y + p.h + MARGIN <= height, "{n} in {height}");
            for q in &placed[n + 1..] {
                let apart = p.x + p.w < q.x || q.x + q.w < p.x || p.y + p.h < q.y || q.y + q.h < p.y;
                assert!(apart, "{n} lies on another");
            }
        }
    }
}

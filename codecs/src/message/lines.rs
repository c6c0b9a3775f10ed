//! The lines that have to stand before a row.
use super::{framed_alone, rows};
use crate::framing::lines::{LineContext, Role};
use crate::layout::Layout;
use record::Context;

/// Lines that are no rows and may matter to rows after them, at most: beyond that nobody could read the feed by hand either.
const KEPT: usize = 1_000;

/// What stands before the rows in hand.
pub(super) struct Before {
    /// Lines left out at the very start, by their number.
    preamble: usize,
    /// These lines as they stand in the feed: they count by their number alone.
    head: Vec<u8>,
    /// Lines after them that changed what a row means, and do so still.
    kept: Vec<Vec<u8>>,
    /// What the last line stood under: a line that changes nothing of it is not kept.
    last: Option<Context>,
    /// What the last row stood under, with `head` and `kept` before it.
    row: Option<Context>,
    /// A record may go on over lines, so that a line that must not is put apart by an empty one.
    apart: bool,
}

impl Before {
    pub(super) fn new(layout: &Layout) -> Before {
        let (preamble, apart) = (layout.preamble(), layout.has_parts());
        Before { preamble, head: Vec::new(), kept: Vec::new(), last: None, row: None, apart }
    }

    /// Whether the next line stands under something else than the last row.
    pub(super) fn is_new(&self, context: Option<&Context>) -> bool {
        !(is_same(context, self.row.as_ref()) || is_equal(lines(context), lines(self.row.as_ref())))
    }

    /// The next line; false if it is no row. `feed` is how the feed begins, until its first row has come.
    pub(super) fn take(
        &mut self,
        layout: &Layout,
        line: &[u8],
        context: Option<&Context>,
        feed: &[u8],
    ) -> Result<bool, String> {
        let Some(here) = lines(context) else { return Err("a line that stands nowhere".into()) };
        if here.role != Role::Data {
            let changes = lines(self.last.as_ref()).is_none_or(|last| !is_under_same(last, here));
            self.last = context.cloned();
            return if changes { self.keep(line).map(|()| false) } else { Ok(false) };
        }
        self.last = context.cloned();
        if self.row.is_none() {
            self.head = first_lines(feed, self.preamble);
        }
        if self.is_new(context) {
            self.reduce(layout, line, here)?;
        }
        self.row = context.cloned();
        Ok(true)
    }

    fn keep(&mut self, line: &[u8]) -> Result<(), String> {
        if self.kept.len() == KEPT {
            return Err(format!("there are more than {KEPT} lines before it that are no rows"));
        }
        self.kept.push(line.to_vec());
        Ok(())
    }

    /// Leaves out what is not needed any more, oldest first, and proves that a row alone stands under what it stands under in its feed.
    fn reduce(&mut self, layout: &Layout, row: &[u8], here: &LineContext) -> Result<(), String> {
        let row = [row.to_vec()];
        if !reads_as(layout, &self.message(&row), here) {
            return Err("the lines before it do not give it the meaning it has in the feed".into());
        }
        let mut n = 0;
        while n < self.kept.len() {
            let line = self.kept.remove(n);
            if !reads_as(layout, &self.message(&row), here) {
                self.kept.insert(n, line);
                n += 1;
            }
        }
        Ok(())
    }

    pub(super) fn bytes(&self) -> usize {
        self.head.len() + self.kept.iter().map(|line| line.len() + 2).sum::<usize>() + 2
    }

    /// Rows, with what they need before them.
    pub(super) fn message(&self, rows: &[Vec<u8>]) -> Vec<u8> {
        let mut out = self.head.clone();
        let first = self.kept.first().or(rows.first());
        // What only the first line of a feed may not have.
        if self.preamble == 0
            && first.is_some_and(|line| line.starts_with(b"\xEF\xBB\xBF") || line.contains(&b'\r'))
        {
            out.push(b'\n');
        }
        for line in &self.kept {
            push_line(line, &mut out);
        }
        for row in rows {
            if self.apart && !out.is_empty() {
                out.push(b'\n');
            }
            push_line(row, &mut out);
        }
        // The message ends, and with it its last line: inside a quote that never closes another line end would be one more byte.
        out.pop();
        out
    }
}

/// A carriage return at the end of a line belongs to its end: one that does not is followed by one that does.
fn push_line(line: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(line);
    if line.ends_with(b"\r") {
        out.push(b'\r');
    }
    out.push(b'\n');
}

/// The first lines of a feed, without a mark before them.
fn first_lines(feed: &[u8], count: usize) -> Vec<u8> {
    let feed = feed.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(feed);
    let ends = memchr::memchr_iter(b'\n', feed).take(count);
    let end = ends.last().map_or(0, |n| n + 1);
    feed[..end].to_vec()
}

fn lines(context: Option<&Context>) -> Option<&LineContext> {
    context?.downcast_ref()
}

fn is_same(a: Option<&Context>, b: Option<&Context>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if std::sync::Arc::ptr_eq(a, b))
}

fn is_equal(a: Option<&LineContext>, b: Option<&LineContext>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a.role == b.role && is_under_same(a, b))
}

fn is_under_same(a: &LineContext, b: &LineContext) -> bool {
    a.section == b.section && a.columns == b.columns && a.carried == b.carried
}

/// Whether a message holds one row, which stands under that, and nothing that is refused.
fn reads_as(layout: &Layout, message: &[u8], here: &LineContext) -> bool {
    let framed = framed_alone(layout, message);
    let mut found = rows(&framed);
    let (first, more) = (found.next(), found.next());
    let context = first.and_then(|r| framed.contexts.get(usize::from(r.context)));
    framed.refused.is_empty() && more.is_none() && is_equal(lines(context), Some(here))
}

//! What a line of a delimited feed is: preamble, heading, section mark, header, row, footer.
use super::lines::{Learned, LineContext, LineRules, Role};
use crate::format::delimited::{Columns, Delimited};
use record::Context;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Where the rows of a delimited feed begin and end.
#[derive(Debug, Default)]
pub struct DelimitedRules {
    /// Lines left out at the very start, empty ones counted.
    pub preamble: usize,
    /// A header line names the columns; otherwise `declared` does, or nothing.
    pub header: bool,
    /// How a header line begins; what stands before the first one is preamble, and each starts a new run of rows.
    pub header_starts: Option<Vec<u8>>,
    pub declared: Option<Vec<String>>,
    /// Lines that begin so end the rows, to the next header or section.
    pub footer_starts: Vec<Vec<u8>>,
    pub sections: Option<Sections>,
    /// Names of the sections a mapping reads, by record type.
    pub section_names: Vec<String>,
    pub captures: Vec<Capture>,
}

/// How a feed of several tables marks them.
#[derive(Debug)]
pub enum Sections {
    /// A line of its own that begins so names the section that follows.
    Marked { starts: Vec<u8>, ends: Vec<u8> },
    /// Every line carries the section's name and its own kind in two columns.
    Columns { name: usize, kind: usize, header: String, data: String },
}

/// A value read from a line that is no row, and kept for the rows after it.
#[derive(Debug)]
pub struct Capture {
    /// The selector that reads it.
    pub selector: Option<u16>,
    pub starts: Vec<u8>,
    pub take: Take,
    /// A new part of the feed begins here: what earlier lines gave is forgotten, so that no row goes to the account before.
    pub begins: bool,
}

/// How many different headers are remembered.
const HEADERS_REMEMBERED: usize = 32;

/// How many classes of lines that are no rows are remembered: their names may come from the feed.
const CLASSES_REMEMBERED: usize = 64;

/// Where in its line a captured value lies.
#[derive(Debug)]
pub enum Take {
    Column(usize),
    /// After the first text and up to the second; an empty second is the end of the line.
    Between(String, String),
    /// The line need only be there.
    Presence,
}

/// The state of a feed being told apart.
pub struct DelimitedLines {
    rules: Arc<DelimitedRules>,
    format: Arc<Delimited>,
    /// After the header no line can be anything but a row.
    only_rows: bool,
    seen: usize,
    /// A header or a section has come.
    begun: bool,
    state: State,
    section: Option<u16>,
    section_name: String,
    columns: Option<Arc<Columns>>,
    /// Headers seen lately: a feed of many tables repeats a few of them.
    headers: Vec<(Vec<String>, Arc<Columns>)>,
    carried: Vec<(u16, Box<[u8]>)>,
    /// Contexts made so far under the present columns, section and carried values.
    data: Option<Context>,
    left: Vec<(Arc<str>, Context)>,
}

/// Where in its feed, or in a section of it, a line stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[default]
    AwaitingHeader,
    Rows,
    Footer,
    /// A section that no part of the mapping reads.
    Unread,
}

impl DelimitedLines {
    pub fn new(rules: Arc<DelimitedRules>, format: Arc<Delimited>) -> Self {
        let only_rows = rules.captures.is_empty()
            && rules.sections.is_none()
            && rules.header_starts.is_none()
            && rules.footer_starts.is_empty();
        let mut lines = DelimitedLines {
            rules,
            only_rows,
            format,
            seen: 0,
            begun: false,
            state: State::AwaitingHeader,
            section: None,
            section_name: String::new(),
            columns: None,
            headers: Vec::new(),
            carried: Vec::new(),
            data: None,
            left: Vec::new(),
        };
        lines.restart_rows();
        lines
    }

    /// At the start, and after a section mark: rows at once where no header comes.
    fn restart_rows(&mut self) {
        if self.rules.header {
            self.columns = None;
            self.state = State::AwaitingHeader;
            return;
        }
        let columns = match &self.rules.declared {
            Some(names) => self.format.columns(names),
            None => self.format.bare_columns(),
        };
        self.columns = Some(Arc::new(columns));
        self.state = State::Rows;
    }

    fn forget_contexts(&mut self) {
        self.data = None;
        self.left.clear();
    }

    fn leave(&mut self, class: &str) -> Option<&Context> {
        let place = self.left.iter().position(|(c, _)| &**c == class).unwrap_or_else(|| {
            let class: Arc<str> = class.into();
            let context = self.context(Role::Leave(class.clone()));
            if self.left.len() == CLASSES_REMEMBERED {
                self.left.clear();
            }
            self.left.push((class, context));
            self.left.len() - 1
        });
        self.left.get(place).map(|(_, context)| context)
    }

    fn context(&self, role: Role) -> Context {
        Arc::new(LineContext {
            role,
            section: self.section,
            columns: self.columns.clone(),
            carried: self.carried.clone(),
        })
    }

    fn row(&mut self) -> Option<&Context> {
        if self.data.is_none() {
            self.data = Some(self.context(Role::Data));
        }
        self.data.as_ref()
    }

    fn header(&mut self, line: &[u8]) -> Option<&Context> {
        let mut names = self.format.cells(line);
        if let Some(Sections::Columns { name, kind, .. }) = &self.rules.sections {
            // These two cells of a header line are its own marks, not names of columns.
            for mark in [name, kind] {
                if let Some(cell) = names.get_mut(mark - 1) {
                    cell.clear();
                }
            }
        }
        self.columns = Some(self.columns_of(names));
        self.state = State::Rows;
        self.begun = true;
        self.forget_contexts();
        self.left.push(("header".into(), self.context(Role::Header)));
        self.left.last().map(|(_, context)| context)
    }

    fn columns_of(&mut self, names: Vec<String>) -> Arc<Columns> {
        if let Some((_, columns)) = self.headers.iter().find(|(known, _)| *known == names) {
            return columns.clone();
        }
        let columns = Arc::new(self.format.columns(&names));
        if self.headers.len() == HEADERS_REMEMBERED {
            self.headers.remove(0);
        }
        self.headers.push((names, columns.clone()));
        columns
    }

    /// Notes what a line gives to the rows after it; true if the line was there for that.
    fn capture(&mut self, line: &[u8]) -> bool {
        let rules = self.rules.clone();
        let mut found = false;
        for capture in rules.captures.iter().filter(|c| line.starts_with(&c.starts)) {
            let Some(value) = self.taken(line, &capture.take) else { continue };
            found = true;
            if capture.begins {
                self.carried.clear();
            }
            let Some(selector) = capture.selector else { continue };
            self.carried.retain(|(s, _)| *s != selector);
            self.carried.push((selector, value.into_bytes().into()));
        }
        if found {
            self.forget_contexts();
        }
        found
    }

    fn taken(&self, line: &[u8], take: &Take) -> Option<String> {
        match take {
            Take::Presence => Some(self.format.encoding.to_text(line).into_owned()),
            Take::Column(n) => self.format.cells(line).into_iter().nth(n - 1),
            Take::Between(after, until) => {
                let text = self.format.encoding.to_text(line);
                let (_, rest) = text.split_once(after.as_str())?;
                let end = if until.is_empty() { None } else { rest.find(until.as_str()) };
                Some(rest[..end.unwrap_or(rest.len())].trim().to_owned())
            }
        }
    }

    fn enter(&mut self, name: &str) {
        self.begun = true;
        self.section_name = name.to_owned();
        let number = self.rules.section_names.iter().position(|n| n == name);
        self.section = number.and_then(|n| u16::try_from(n).ok());
        self.restart_rows();
        if self.section.is_none() {
            self.state = State::Unread;
        }
        self.forget_contexts();
    }

    /// A line of a feed whose lines carry their section and kind.
    fn sectioned(
        &mut self,
        line: &[u8],
        (name, kind): (usize, usize),
        words: (&str, &str),
    ) -> Option<&Context> {
        let cells = self.format.cells(line);
        let [section, word] = [name, kind].map(|n| cells.get(n - 1).map_or("", String::as_str));
        if section != self.section_name {
            self.enter(section);
        }
        if self.state == State::Unread {
            return self.leave(&format!("section {section}"));
        }
        if word == words.0 {
            return self.header(line);
        }
        if word == words.1 {
            return self.row();
        }
        self.leave(&word.to_lowercase())
    }

    fn unsectioned(&mut self, line: &[u8]) -> Option<&Context> {
        let rules = self.rules.clone();
        let starts_header = rules.header_starts.as_ref().map(|starts| line.starts_with(starts));
        match (self.state, starts_header) {
            (State::Unread, _) => {
                let class = format!("section {}", self.section_name);
                self.leave(&class)
            }
            (_, Some(true)) | (State::AwaitingHeader, None) => self.header(line),
            (State::AwaitingHeader, Some(false)) => self.leave("preamble"),
            (State::Footer, _) => self.leave("footer"),
            (State::Rows, _) if rules.footer_starts.iter().any(|s| line.starts_with(s)) => {
                self.state = State::Footer;
                self.leave("footer")
            }
            (State::Rows, _) => self.row(),
        }
    }
}

impl LineRules for DelimitedLines {
    fn only_rows(&self) -> bool {
        self.only_rows && self.state == State::Rows && self.seen >= self.rules.preamble
    }

    /// The headers seen lately are remembered: messages of a stream repeat theirs.
    fn restart(&mut self) -> bool {
        (self.seen, self.begun, self.section) = (0, false, None);
        self.section_name.clear();
        self.carried.clear();
        self.forget_contexts();
        self.restart_rows();
        true
    }

    /// Lines before the header, and a header where there is one, stand at the start alone: the same one again begins another feed.
    fn begins_another(&self, first: &[u8], line: &[u8]) -> bool {
        let rules = &self.rules;
        let starts = |with: &[u8]| first.starts_with(with);
        let is_mark = match &rules.sections {
            None => false,
            Some(Sections::Marked { starts: mark, .. }) => starts(mark),
            Some(Sections::Columns { .. }) => true,
        };
        let repeats = is_mark
            || rules.captures.iter().any(|c| starts(&c.starts))
            || rules.header_starts.as_deref().is_some_and(starts);
        let stands_alone = rules.header || rules.preamble > 0;
        first == line && stands_alone && !repeats
    }

    fn learned(&self) -> Learned {
        let is_current =
            |columns: &Arc<Columns>| self.columns.as_ref().is_some_and(|c| Arc::ptr_eq(c, columns));
        Learned {
            carried: self.carried.clone(),
            seen: self.seen.min(self.rules.preamble),
            begun: self.begun,
            section: Some(self.section_name.clone()).filter(|name| !name.is_empty()),
            columns: self.headers.iter().find(|(_, c)| is_current(c)).map(|(names, _)| names.clone()),
            state: self.state,
        }
    }

    fn learn(&mut self, learned: Learned) {
        if let Some(name) = &learned.section {
            self.enter(name);
        }
        if let Some(names) = learned.columns {
            self.columns = Some(self.columns_of(names));
        }
        (self.seen, self.begun, self.state) = (learned.seen, learned.begun, learned.state);
        self.carried = learned.carried;
        self.forget_contexts();
    }

    fn missing_header(&self) -> Option<String> {
        if self.begun || !self.rules.header {
            return None;
        }
        let wanted = self.rules.header_starts.as_ref().map(|starts| String::from_utf8_lossy(starts));
        let wanted = wanted.map_or(String::new(), |starts| format!(": none begins with `{starts}`"));
        Some(format!("the feed is over and no line of it was a header{wanted}"))
    }

    fn classify(&mut self, line: &[u8]) -> Option<&Context> {
        self.seen += 1;
        if line.is_empty() {
            return None;
        }
        // Most feeds have nothing but rows from here on.
        if self.only_rows && self.state == State::Rows && self.seen > self.rules.preamble {
            return self.row();
        }
        let rules = self.rules.clone();
        if !rules.captures.is_empty() && self.capture(line) {
            return self.leave("heading");
        }
        if self.seen <= rules.preamble {
            return self.leave("preamble");
        }
        match &rules.sections {
            Some(Sections::Marked { starts, ends }) if line.starts_with(starts) => {
                let name = line.strip_prefix(&starts[..]).unwrap_or(line);
                let name = name.strip_suffix(&ends[..]).unwrap_or(name);
                let name = self.format.encoding.to_text(name).trim().to_owned();
                self.enter(&name);
                self.leave("section")
            }
            Some(Sections::Columns { name, kind, header, data }) => {
                self.sectioned(line, (*name, *kind), (header, data))
            }
            _ => self.unsectioned(line),
        }
    }
}

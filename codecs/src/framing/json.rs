//! JSON cut into records: values one after the other, or the elements of arrays at a declared path.
//!
//! The framer finds where values begin and end; whether a record is good JSON is for its format to say. What an enclosing object
//! says *before* the array is kept for the records in it ([`JsonContext`]); what comes after the array comes too late for a stream.
//!
//! A value that is too long or too deep is refused and skipped to its end. Where the structure itself is broken (a line end inside a
//! string, an object where none can begin) the framer goes on at the next line that begins as a feed would.
mod around;
mod inside;
mod path;
mod scan;

use super::place::Place;
use super::steps::{Cursor, Stepwise, Went, frame};
use around::Around;
pub use around::{JsonContext, around_records};
use path::{Path, Step, steps};
use record::{Framed, Framer, FramingError};
use scan::Scan;

/// The longest record, unless a layout says otherwise.
pub const RECORD_LIMIT: usize = 10 * 1024 * 1024;
/// How deeply a record may nest.
pub const DEPTH_LIMIT: u32 = 128;
/// Cuts JSON into records. It has to be fed from a feed's first byte.
pub struct JsonFramer {
    path: Vec<Step>,
    limit: usize,
    place: Place,
    state: State,
    around: Around,
    /// Bytes of the value in hand that were looked at before: a value is scanned once, however small the pieces.
    scanned: usize,
    /// The name of the member in hand, with its quotes.
    key: Vec<u8>,
    /// Whether what the path leads to has come; `None` before the first object on the way to it.
    found: Option<bool>,
}

enum State {
    /// A value comes; on the way to the records or not.
    Value {
        wanted: bool,
    },
    FirstKey,
    Key,
    Colon {
        wanted: bool,
    },
    FirstElement,
    /// After a value: a comma or the end of its container.
    After,
    /// Inside a value.
    In(Role, Scan),
    /// The structure is broken: on the way to the next line that may begin a value.
    Lost(Box<FramingError>),
}

enum Role {
    Record,
    Key,
    /// A member of an enclosing object, to be kept.
    Member,
    /// Nothing that matters.
    Other,
    Refused(Box<FramingError>),
}

impl Cursor<'_> {
    /// The next byte that is not blank; `mark` also passes over a byte-order mark.
    fn next(&mut self, mark: bool) -> Option<u8> {
        let blank =
            |b: &u8| matches!(b, b' ' | b'\n' | b'\r' | b'\t') || mark && matches!(b, 0xEF | 0xBB | 0xBF);
        let rest = &self.input[self.base..];
        self.done(self.base + rest.iter().take_while(|b| blank(b)).count());
        self.input.get(self.base).copied()
    }
}

impl JsonFramer {
    /// With a path such as `accounts[].series[]` each element is a record; it ends in `[]`, and `[]` alone is an array at the top.
    /// Without a path each object at the top is a record, whatever stands between them.
    ///
    /// # Errors
    /// Says what is wrong with the path.
    pub fn new(path: Option<&str>, limit: usize) -> Result<Self, String> {
        Ok(JsonFramer::at_the_start(path.map_or(Ok(Vec::new()), steps)?, limit))
    }

    fn at_the_start(path: Vec<Step>, limit: usize) -> Self {
        JsonFramer {
            path,
            limit,
            place: Place::default(),
            state: State::Value { wanted: true },
            around: Around::default(),
            scanned: 0,
            key: Vec::new(),
            found: None,
        }
    }

    /// Keeps the state and waits for input.
    fn wait(&mut self, state: State) -> Went {
        self.state = state;
        Went::Wait
    }

    fn go(&mut self, state: State) -> Went {
        self.state = state;
        Went::On
    }

    /// A value begins here.
    fn value(&mut self, wanted: bool, at: &mut Cursor) -> Went {
        let Some(first) = at.next(self.around.is_top()) else { return self.wait(State::Value { wanted }) };
        if matches!(first, b',' | b':' | b'}' | b']') {
            return self.broken(at, at.base, "a value is missing");
        }
        if !wanted {
            return self.go(State::In(Role::Member, Scan::default()));
        }
        match (self.path.get(self.around.depth()), first) {
            (None, b'{') => self.go(State::In(Role::Record, Scan::default())),
            (None, b'[') if !self.path.is_empty() => self.go(State::In(Role::Record, Scan::default())),
            (Some(Step::Member(_)), b'{') => {
                self.found.get_or_insert(false);
                self.around.enter_object();
                at.done(at.base + 1);
                self.go(State::FirstKey)
            }
            (Some(Step::Each), b'[') => {
                self.found = Some(true);
                self.around.enter_array();
                at.done(at.base + 1);
                self.go(State::FirstElement)
            }
            // A series that is null has no elements.
            (Some(_), b'n') if !self.around.is_top() => {
                self.found = Some(true);
                self.go(State::In(Role::Other, Scan::default()))
            }
            _ => {
                // Said here, so that it need not be said at the end as well.
                self.found = Some(true);
                let text = self.expected();
                let error = self.place.refuse(at.input, (at.base, at.base), "json_shape", text);
                self.go(State::In(Role::Refused(Box::new(error)), Scan::counting()))
            }
        }
    }

    fn leave(&mut self, at: &mut Cursor) -> Went {
        self.around.leave();
        at.done(at.base + 1);
        self.ended()
    }

    /// A value has ended.
    fn ended(&mut self) -> Went {
        let state = if self.around.is_top() { State::Value { wanted: true } } else { State::After };
        self.go(state)
    }

    /// Brackets, commas and colons on the way to the records.
    fn structure(&mut self, state: State, at: &mut Cursor) -> Went {
        let Some(b) = at.next(false) else { return self.wait(state) };
        let object = self.around.is_in_object();
        match (state, b) {
            (State::FirstKey, b'}') => self.leave(at),
            (State::FirstKey | State::Key, b'"') => self.go(State::In(Role::Key, Scan::default())),
            (State::Colon { wanted }, b':') => {
                at.done(at.base + 1);
                self.go(State::Value { wanted })
            }
            (State::FirstElement, b']') => self.leave(at),
            (State::FirstElement, _) => self.go(State::Value { wanted: true }),
            (State::After, b',') => {
                at.done(at.base + 1);
                self.go(if object { State::Key } else { State::Value { wanted: true } })
            }
            (State::After, b'}') if object => self.leave(at),
            (State::After, b']') if !object => self.leave(at),
            _ => self.broken(at, at.base, "an unexpected character"),
        }
    }

    /// Whether the member in hand leads to the records.
    fn is_wanted(&self) -> bool {
        let Some(Step::Member(name)) = self.around.depth().checked_sub(1).and_then(|n| self.path.get(n))
        else {
            return false;
        };
        if memchr::memchr(b'\\', &self.key).is_some() {
            return serde_json::from_slice::<String>(&self.key).is_ok_and(|key| *key == **name);
        }
        self.key.get(1..self.key.len() - 1) == Some(name.as_bytes())
    }

    /// The structure cannot be followed from `from` on.
    fn broken(&mut self, at: &mut Cursor, from: usize, why: &str) -> Went {
        let text = format!("this is no JSON: {why}");
        let error = self.place.refuse(at.input, (at.base, from), "json_syntax", text);
        at.done(from);
        self.go(State::Lost(Box::new(error)))
    }

    /// Looks for a line that begins as a value at the top would.
    fn lost(&mut self, mut error: Box<FramingError>, at: &mut Cursor, out: &mut Framed) -> Went {
        let opening = if self.path.first() == Some(&Step::Each) { b'[' } else { b'{' };
        let rest = &at.input[at.base..];
        let found = memchr::memchr_iter(b'\n', rest).find(|n| rest.get(n + 1).is_none_or(|b| *b == opening));
        // A line end that is the last byte waits for what follows it.
        let end = at.base + found.unwrap_or(rest.len());
        self.place.refuse_more(&mut error, at.input, (at.base, end));
        at.done(end);
        if end + 1 >= at.input.len() {
            return self.wait(State::Lost(error));
        }
        out.refused.push(*error);
        self.around.clear();
        self.go(State::Value { wanted: true })
    }

    /// What should stand where another kind of value was found.
    fn expected(&self) -> String {
        let done = Path(&self.path[..self.around.depth()]);
        match self.path.get(self.around.depth()) {
            None if self.path.is_empty() => {
                "a record is an object; if the feed is an array, declare records = \"[]\"".into()
            }
            None => format!("an element of `{done}` is no object and no array"),
            Some(Step::Each) => format!("`{done}` is no array"),
            Some(Step::Member(_)) => format!("`{done}` is no object"),
        }
    }
}

impl Stepwise for JsonFramer {
    fn standing(&mut self) -> (&mut Place, &mut usize) {
        (&mut self.place, &mut self.scanned)
    }

    fn step(&mut self, at: &mut Cursor, last: bool, out: &mut Framed) -> Went {
        match std::mem::replace(&mut self.state, State::After) {
            State::Value { wanted } => self.value(wanted, at),
            State::In(role, scan) => self.inside(role, scan, at, last, out),
            State::Lost(error) => self.lost(error, at, out),
            structure => self.structure(structure, at),
        }
    }

    fn finish(&mut self, at: &mut Cursor, out: &mut Framed) {
        let rest = (at.base, at.input.len());
        match std::mem::replace(&mut self.state, State::Value { wanted: true }) {
            State::Value { .. } if self.around.is_top() => {
                if self.found.take() == Some(false) {
                    let text =
                        format!("the feed has no `{}`: not one array of it was found", Path(&self.path));
                    out.refused.push(self.place.refuse(at.input, rest, "json_shape", text));
                }
            }
            State::Lost(mut error) | State::In(Role::Refused(mut error), _) => {
                self.place.refuse_more(&mut error, at.input, rest);
                out.refused.push(*error);
            }
            _ => {
                let text = "the feed ends inside a value: it was cut short".into();
                out.refused.push(self.place.refuse(at.input, rest, "truncated", text));
            }
        }
        self.around.clear();
        at.done(rest.1);
    }
}

impl Framer for JsonFramer {
    fn frame(&mut self, input: &[u8], last: bool, out: &mut Framed) -> usize {
        frame(self, input, last, out)
    }

    fn record_limit(&self) -> usize {
        self.limit
    }

    fn restart(&mut self) -> bool {
        let (path, mut key) = (std::mem::take(&mut self.path), std::mem::take(&mut self.key));
        key.clear();
        *self = JsonFramer { key, ..JsonFramer::at_the_start(path, self.limit) };
        true
    }
}

#[cfg(test)]
mod tests;

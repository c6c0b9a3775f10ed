//! Inside a value: up to its end, or to its bound.
use super::around::MEMBER_LIMIT;
use super::scan::{Found, Scan};
use super::{Cursor, DEPTH_LIMIT, JsonFramer, Role, State, Went};
use record::Framed;

/// The longest name of a member, between its quotes, on the way to the records.
const KEY_LIMIT: usize = 4 * 1024;

impl JsonFramer {
    /// Goes on inside a value, up to its end, its bound, or the end of the input.
    pub(super) fn inside(
        &mut self,
        role: Role,
        mut scan: Scan,
        at: &mut Cursor,
        last: bool,
        out: &mut Framed,
    ) -> Went {
        let bound = match role {
            Role::Record => at.base.saturating_add(self.limit),
            Role::Member => at.base + MEMBER_LIMIT,
            Role::Key => at.base + KEY_LIMIT,
            Role::Other | Role::Refused(_) => usize::MAX,
        };
        let window = &at.input[..at.input.len().min(bound)];
        match scan.run(window, &mut at.scan) {
            Found::End => self.complete(role, at, out),
            Found::Broken => {
                let from = at.scan;
                match role {
                    Role::Refused(mut error) => {
                        self.place.refuse_more(&mut error, at.input, (at.base, from));
                        at.done(from);
                        self.go(State::Lost(error))
                    }
                    _ => self.broken(at, from, "a line end in a string, or a bracket where none can be"),
                }
            }
            Found::TooDeep => {
                let text = format!("it nests deeper than {DEPTH_LIMIT} levels");
                self.give_up(role, "json_depth", text, scan, at)
            }
            Found::More if at.input.len() > bound => {
                let text = format!("it is longer than {bound} bytes", bound = bound - at.base);
                self.give_up(role, "record_too_long", text, scan, at)
            }
            Found::More if last && scan.is_scalar() => self.complete(role, at, out),
            Found::More => {
                let role = match role {
                    Role::Refused(mut error) => {
                        self.place.refuse_more(&mut error, at.input, (at.base, at.scan));
                        at.done(at.scan);
                        Role::Refused(error)
                    }
                    Role::Other => {
                        at.done(at.scan);
                        Role::Other
                    }
                    kept => kept,
                };
                self.wait(State::In(role, scan))
            }
        }
    }

    /// The value in hand goes from `at.base` to `at.scan`.
    fn complete(&mut self, role: Role, at: &mut Cursor, out: &mut Framed) -> Went {
        let span = (at.base, at.scan);
        match role {
            Role::Record => {
                if !self.place.emit(at.input, span, self.around.context(), out) {
                    at.scan = at.base;
                    self.state = State::Value { wanted: true };
                    return Went::Full;
                }
            }
            Role::Key => {
                self.key.clear();
                self.key.extend_from_slice(&at.input[span.0..span.1]);
                at.done(span.1);
                let wanted = self.is_wanted();
                return self.go(State::Colon { wanted });
            }
            Role::Member => self.around.keep(&self.key, &at.input[span.0..span.1]),
            Role::Other => {}
            Role::Refused(mut error) => {
                self.place.refuse_more(&mut error, at.input, span);
                out.refused.push(*error);
            }
        }
        at.done(span.1);
        self.ended()
    }

    /// A value is beyond its bounds. It is skipped to its end; a record is refused.
    fn give_up(
        &mut self,
        role: Role,
        code: &'static str,
        text: String,
        mut scan: Scan,
        at: &mut Cursor,
    ) -> Went {
        let role = match role {
            Role::Key => return self.broken(at, at.scan, "a name is too long or has no end"),
            Role::Record => {
                Role::Refused(Box::new(self.place.refuse(at.input, (at.base, at.scan), code, text)))
            }
            _ => Role::Other,
        };
        at.done(at.scan);
        scan.counts = true;
        self.go(State::In(role, scan))
    }
}

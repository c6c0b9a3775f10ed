//! Reads a TOML table key by key, collecting every mistake instead of stopping at the first.
use super::problem::{Problems, suggestion};
use returns::Decimal;
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and where it stands.
pub type Value<'i> = Spanned<DeValue<'i>>;

/// A table being read. Keys are taken out one by one; [`Reader::finish`] reports what nobody took.
pub struct Reader<'i> {
    /// For messages: `sources.samples`.
    pub path: String,
    pub span: Range<usize>,
    entries: BTreeMap<String, (Range<usize>, Value<'i>)>,
    known: Vec<&'static str>,
}

/// A word and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub span: Range<usize>,
}

impl<'i> Reader<'i> {
    pub fn new(path: String, span: Range<usize>, table: DeTable<'i>) -> Self {
        let entries = table.into_iter().map(|(k, v)| (k.get_ref().to_string(), (k.span(), v))).collect();
        Reader { path, span, entries, known: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<(Range<usize>, Value<'i>)> {
        self.known.push(key);
        self.entries.remove(key)
    }

    /// Whether a key stands here and was not taken yet, right or wrong.
    pub fn has(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    /// Where a key stands that was not taken yet.
    pub fn place(&self, key: &str) -> Option<Range<usize>> {
        self.entries.get(key).map(|(span, _)| span.clone())
    }

    /// Takes all sub-tables, by name.
    pub fn tables(&mut self, key: &'static str, p: &mut Problems) -> Vec<(Word, Reader<'i>)> {
        let Some((_, value)) = self.take(key) else { return Vec::new() };
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            p.add(span, format!("`{key}` must hold tables, as in [{key}.name]"), None);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, value) in table {
            let word = Word { text: name.get_ref().to_string(), span: name.span() };
            let path = join(&self.path, &format!("{key}.{}", word.text));
            let span = value.span();
            match value.into_inner() {
                DeValue::Table(t) => found.push((word, Reader::new(path, span, t))),
                _ => p.add(span, format!("`{path}` must be a table, as in [{path}]"), None),
            }
        }
        found.sort_by_key(|(word, _)| word.span.start);
        found
    }

    pub fn table(&mut self, key: &'static str, p: &mut Problems) -> Option<Reader<'i>> {
        let (_, value) = self.take(key)?;
        let span = value.span();
        let path = join(&self.path, key);
        match value.into_inner() {
            DeValue::Table(t) => Some(Reader::new(path, span, t)),
            _ => {
                p.add(span, format!("`{path}` must be a table"), None);
                None
            }
        }
    }

    /// A text, with `${NAME}` filled in from the environment.
    pub fn word(&mut self, key: &'static str, p: &mut Problems) -> Option<Word> {
        let (_, value) = self.take(key)?;
        let span = value.span();
        match value.into_inner() {
            DeValue::String(s) => filled(&s, span, p),
            _ => {
                p.add(span, format!("`{}` must be a text in quotes", join(&self.path, key)), None);
                None
            }
        }
    }

    /// A list of texts, or one text as a list of one; none twice.
    pub fn words(&mut self, key: &'static str, p: &mut Problems) -> Option<Vec<Word>> {
        let (_, value) = self.take(key)?;
        let span = value.span();
        let path = join(&self.path, key);
        let items = match value.into_inner() {
            DeValue::String(s) => return filled(&s, span, p).map(|w| vec![w]),
            DeValue::Array(items) => items,
            _ => {
                p.add(span, format!("`{path}` must be a list of texts"), None);
                return None;
            }
        };
        let mut words = Vec::new();
        for item in items {
            let span = item.span();
            match item.into_inner() {
                DeValue::String(s) => words.extend(filled(&s, span, p)),
                _ => p.add(span, format!("`{path}` must hold texts only"), None),
            }
        }
        for (n, word) in words.iter().enumerate() {
            if words[..n].iter().any(|earlier: &Word| earlier.text == word.text) {
                let message = format!("`{path}` lists `{}` twice", word.text);
                p.add(word.span.clone(), message, Some("leave one out".into()));
            }
        }
        Some(words)
    }

    /// A table of settings with any names: texts, numbers and switches, as texts.
    pub fn texts(&mut self, key: &'static str, p: &mut Problems) -> BTreeMap<String, Word> {
        let Some(table) = self.table(key, p) else { return BTreeMap::new() };
        let path = table.path;
        let mut texts = BTreeMap::new();
        for (name, (_, value)) in table.entries {
            let span = value.span();
            let text = match value.into_inner() {
                DeValue::String(s) => filled(&s, span, p),
                DeValue::Integer(n) => Some(Word { text: n.to_string(), span }),
                DeValue::Boolean(b) => Some(Word { text: b.to_string(), span }),
                _ => {
                    p.add(
                        span,
                        format!("`{path}.{name}` must be a text, a whole number, true or false"),
                        None,
                    );
                    None
                }
            };
            texts.extend(text.map(|text| (name, text)));
        }
        texts
    }

    /// One of a closed list of words.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        p: &mut Problems,
    ) -> Option<T> {
        let word = self.word(key, p)?;
        let found = choices.iter().find(|(name, _)| *name == word.text);
        if found.is_none() {
            let names: Vec<&str> = choices.iter().map(|(n, _)| *n).collect();
            p.add(
                word.span,
                format!("`{}` is not known here", word.text),
                Some(suggestion(&word.text, &names)),
            );
        }
        found.map(|(_, value)| *value)
    }

    /// One of a closed list of words; that it is missing is told as well.
    pub fn required_choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        p: &mut Problems,
    ) -> Option<T> {
        if !self.has(key) {
            let names: Vec<&str> = choices.iter().map(|(n, _)| *n).collect();
            let help = format!("known: {}", names.join(", "));
            p.add(self.span.clone(), format!("`{}` needs `{key}`", self.path), Some(help));
        }
        self.choice(key, choices, p)
    }

    pub fn flag(&mut self, key: &'static str, p: &mut Problems) -> Option<bool> {
        let (_, value) = self.take(key)?;
        match value.get_ref() {
            DeValue::Boolean(b) => Some(*b),
            _ => {
                p.add(value.span(), format!("`{}` must be true or false", join(&self.path, key)), None);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub fn number(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<u64>,
        p: &mut Problems,
    ) -> Option<u64> {
        let (_, value) = self.take(key)?;
        let parsed = match value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().parse().ok(),
            _ => None,
        };
        let inside = parsed.filter(|n| bounds.contains(n));
        if inside.is_none() {
            let (low, high) = (bounds.start(), bounds.end());
            let message = format!("`{}` must be a whole number from {low} to {high}", join(&self.path, key));
            p.add(value.span(), message, None);
        }
        inside
    }

    /// An exact decimal of 0 or more: a number, or a text that is one.
    pub fn decimal(&mut self, key: &'static str, p: &mut Problems) -> Option<Decimal> {
        let (_, value) = self.take(key)?;
        let parsed = match value.get_ref() {
            DeValue::Integer(n) if n.radix() == 10 => n.as_str().parse().ok(),
            DeValue::Float(n) => Decimal::from_str_exact(n.as_str()).ok(),
            DeValue::String(s) => Decimal::from_str_exact(s).ok(),
            _ => None,
        };
        let parsed = parsed.filter(|d| d.is_zero() || d.is_sign_positive());
        if parsed.is_none() {
            let message = format!("`{}` must be a decimal number of 0 or more", join(&self.path, key));
            p.add(value.span(), message, Some("as in 0.0005".into()));
        }
        parsed
    }

    /// A time such as `500ms`, `30s`, `5m`, `1h`, within bounds.
    pub fn duration(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<Duration>,
        p: &mut Problems,
    ) -> Option<Duration> {
        let word = self.word(key, p)?;
        let scale = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
        let Some(time) = scaled(&word.text, &scale).map(Duration::from_millis) else {
            p.add(word.span, format!("`{}` is no time: write 500ms, 30s, 5m or 1h", word.text), None);
            return None;
        };
        let inside = bounds.contains(&time);
        if !inside {
            let (key, (low, high)) = (join(&self.path, key), bounds.into_inner());
            p.add(word.span, format!("`{key}` must be from {} to {}", spelled(low), spelled(high)), None);
        }
        inside.then_some(time)
    }

    /// A size such as `512KiB`, `64MiB`, `1GiB`: at least a byte, at most `most`.
    pub fn size(&mut self, key: &'static str, most: u64, p: &mut Problems) -> Option<u64> {
        let word = self.word(key, p)?;
        let scale = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
        let Some(size) = scaled(&word.text, &scale) else {
            p.add(word.span, format!("`{}` is no size: write 512KiB, 64MiB or 1GiB", word.text), None);
            return None;
        };
        let inside = (1..=most).contains(&size);
        if !inside {
            let key = join(&self.path, key);
            p.add(word.span, format!("`{key}` must be from 1B to {}GiB", most >> 30), None);
        }
        inside.then_some(size)
    }

    /// Reports what nobody took, each with the nearest right key.
    pub fn finish(self, p: &mut Problems) {
        for (key, (span, _)) in &self.entries {
            let help = suggestion(key, &self.known);
            let place =
                if self.path.is_empty() { "the topology".to_owned() } else { format!("[{}]", self.path) };
            p.add(span.clone(), format!("unknown key `{key}` in {place}"), Some(help));
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A time as it is written in a topology: in the largest unit that tells it whole.
fn spelled(time: Duration) -> String {
    let ms = time.as_millis();
    let units = [(3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    let whole = units.iter().find(|(scale, _)| ms > 0 && ms.is_multiple_of(*scale));
    whole.map_or_else(|| format!("{ms}ms"), |(scale, unit)| format!("{}{unit}", ms / scale))
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// Fills in `${NAME}`, in values only and after parsing, so that nothing in the environment can become a key.
fn filled(text: &str, span: Range<usize>, p: &mut Problems) -> Option<Word> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            p.add(span, "`${` without its `}`", None);
            return None;
        };
        let name = &rest[at + 2..at + end];
        match std::env::var(name) {
            Ok(value) => out.push_str(&value),
            Err(_) => {
                p.add(
                    span,
                    format!("the environment has no `{name}`"),
                    Some(format!("set {name} before starting")),
                );
                return None;
            }
        }
        rest = &rest[at + end + 1..];
    }
    out.push_str(rest);
    Some(Word { text: out, span })
}

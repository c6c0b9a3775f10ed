//! Strings named once and carried as numbers, so that a record of a known account allocates nothing.
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// A string of [`Symbols`]. It orders nothing and means nothing outside the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Symbol(pub u32);

/// Strings known to this process: account numbers as vendors send them and as we print them. Grows only, and is
/// bounded by the number of accounts. Symbol 0 is the empty string.
///
/// Taking the lock for each record would be felt: look up once per batch ([`Symbols::view`]) or keep a cache.
#[derive(Debug)]
pub struct Symbols(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Default for Symbols {
    fn default() -> Self {
        let empty: Arc<str> = "".into();
        Symbols(RwLock::new(Table { texts: vec![empty.clone()], numbers: HashMap::from([(empty, 0)]) }))
    }
}

impl Symbols {
    pub fn intern(&self, text: &str) -> Symbol {
        if let Some(n) = self.0.read().unwrap_or_else(|e| e.into_inner()).numbers.get(text) {
            return Symbol(*n);
        }
        let mut table = self.0.write().unwrap_or_else(|e| e.into_inner());
        if let Some(n) = table.numbers.get(text) {
            return Symbol(*n);
        }
        let n = u32::try_from(table.texts.len()).unwrap_or(u32::MAX);
        assert!(n < u32::MAX, "more than four thousand million distinct account numbers");
        let text: Arc<str> = text.into();
        table.texts.push(text.clone());
        table.numbers.insert(text, n);
        Symbol(n)
    }

    pub fn text(&self, symbol: Symbol) -> Arc<str> {
        self.view(|texts| texts[symbol.0 as usize].clone())
    }

    /// Many look-ups under one lock; `texts[symbol.0 as usize]` is a symbol's text.
    pub fn view<T>(&self, read: impl FnOnce(&[Arc<str>]) -> T) -> T {
        read(&self.0.read().unwrap_or_else(|e| e.into_inner()).texts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_symbol_and_keeps_it() {
        let s = Symbols::default();
        let a = s.intern("U1234567");
        assert_eq!(s.intern("U7654321"), Symbol(2));
        assert_eq!(s.intern("U1234567"), a);
        assert_eq!(&*s.text(a), "U1234567");
        assert_eq!(s.intern(""), Symbol::default());
    }
}

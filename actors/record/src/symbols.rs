//! Strings named once and carried as numbers, so that a record of a known account allocates nothing.
use foldhash::{HashMap, HashMapExt};
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
        let mut numbers = HashMap::new();
        numbers.insert(empty.clone(), 0);
        Symbols(RwLock::new(Table { texts: vec![empty], numbers }))
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

/// Values by symbol. Symbols are dense numbers, so that a value is found by its place without hashing; values lie in the order in
/// which they came, so that who asks in that order again finds them in the cache.
#[derive(Debug)]
pub struct SymbolMap<T> {
    /// Where a symbol's value is among `values`, by the symbol's number.
    places: Vec<u32>,
    values: Vec<(Symbol, T)>,
}

/// The place of a symbol without a value.
const VACANT: u32 = u32::MAX;

impl<T> Default for SymbolMap<T> {
    fn default() -> Self {
        SymbolMap { places: Vec::new(), values: Vec::new() }
    }
}

impl<T> SymbolMap<T> {
    #[inline]
    pub fn get(&self, symbol: &Symbol) -> Option<&T> {
        let place = *self.places.get(symbol.0 as usize)?;
        self.values.get(place as usize).map(|(_, value)| value)
    }

    #[inline]
    pub fn get_mut(&mut self, symbol: &Symbol) -> Option<&mut T> {
        let place = *self.places.get(symbol.0 as usize)?;
        self.values.get_mut(place as usize).map(|(_, value)| value)
    }

    #[inline]
    pub fn contains_key(&self, symbol: &Symbol) -> bool {
        self.places.get(symbol.0 as usize).is_some_and(|place| *place != VACANT)
    }

    /// Puts a value in the place of an earlier one, if there is one.
    pub fn insert(&mut self, symbol: Symbol, value: T) {
        if let Some(present) = self.get_mut(&symbol) {
            *present = value;
            return;
        }
        if self.places.len() <= symbol.0 as usize {
            self.places.resize(symbol.0 as usize + 1, VACANT);
        }
        // There are fewer symbols than numbers of 32 bits, and no more values than symbols.
        self.places[symbol.0 as usize] = u32::try_from(self.values.len()).unwrap_or(VACANT);
        self.values.push((symbol, value));
    }

    /// Takes out what is not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.values.retain(|(_, value)| keep(value));
        self.places.fill(VACANT);
        for (place, (symbol, _)) in (0..).zip(&self.values) {
            self.places[symbol.0 as usize] = place;
        }
    }

    /// In the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (Symbol, &T)> {
        self.values.iter().map(|(symbol, value)| (*symbol, value))
    }

    /// In the order in which they came.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.values.iter().map(|(_, value)| value)
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Bytes it takes, those included that values may take later on, and not what values hold on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.places.capacity() * size_of::<u32>() + self.values.capacity() * size_of::<(Symbol, T)>()
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

    #[test]
    fn a_symbol_has_its_latest_value_until_that_is_taken_out() {
        let mut map = SymbolMap::default();
        for (symbol, value) in [(7, "a"), (2, "b"), (9, "c"), (2, "d")] {
            map.insert(Symbol(symbol), value);
        }
        let found = |map: &SymbolMap<&'static str>| {
            [0, 2, 7, 9, 10]
                .map(|n| map.get(&Symbol(n)).copied().inspect(|_| assert!(map.contains_key(&Symbol(n)))))
        };
        assert_eq!(found(&map), [None, Some("d"), Some("a"), Some("c"), None]);
        assert_eq!(
            map.values().collect::<Vec<_>>(),
            [&"a", &"d", &"c"],
            "in the order in which symbols came"
        );
        map.retain(|value| *value != "a");
        assert_eq!(found(&map), [None, Some("d"), None, Some("c"), None]);
        assert!(!map.contains_key(&Symbol(7)) && map.len() == 2);
        map.insert(Symbol(7), "e");
        *map.get_mut(&Symbol(9)).unwrap() = "f";
        assert_eq!(found(&map), [None, Some("d"), Some("e"), Some("f"), None]);
    }
}

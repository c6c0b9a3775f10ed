//! From a vendor's account to ours. Each decoder keeps what it has resolved; what it has not, it asks the store for, a batch at once.
use foldhash::fast::RandomState;
use indexmap::IndexMap;
use record::Symbol;
use returns::Date;
use std::sync::Arc;
use store::{Alias, Names, slot_of};

/// One of our accounts, as decoders route it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub account: Symbol,
    pub slot: u8,
}

/// What is known of a vendor account.
#[derive(Clone, Debug)]
enum Entry {
    /// For all dates: the usual case.
    Always(Target),
    /// By date; of several covering a day the one that began last.
    Dated(Vec<(Option<Date>, Option<Date>, Target)>),
}

/// Where a record's account leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    To(Target),
    /// Aliases exist, but none covers the date: it waits (`no_alias_on_date`).
    NotOnDate,
    /// Never asked for: the store must be read.
    Unknown,
}

/// One vendor's accounts.
#[derive(Default)]
pub struct Crosswalk {
    /// In order of first appearance.
    entries: IndexMap<Box<[u8]>, (Symbol, Entry), RandomState>,
    /// The place after the account found last.
    next: usize,
}

impl Crosswalk {
    /// The vendor account as a symbol, and where it leads on that date.
    pub fn resolve(&mut self, vendor_account: &[u8], as_of: Date) -> (Symbol, Resolved) {
        let Some((place, (symbol, entry))) = self.find(vendor_account) else {
            return (Symbol::default(), Resolved::Unknown);
        };
        let resolved = match entry {
            Entry::Always(target) => Resolved::To(*target),
            Entry::Dated(spans) => spans
                .iter()
                .filter(|(from, to, _)| from.is_none_or(|d| d <= as_of) && to.is_none_or(|d| as_of <= d))
                .max_by_key(|(from, ..)| *from)
                .map_or(Resolved::NotOnDate, |(_, _, target)| Resolved::To(*target)),
        };
        let symbol = *symbol;
        self.next = place + 1;
        (symbol, resolved)
    }

    /// A feed names its accounts in much the same order every day, so the one after the last is looked at first: it is in the cache
    /// already, where a look-up in the table would wait for memory.
    fn find(&self, vendor_account: &[u8]) -> Option<(usize, &(Symbol, Entry))> {
        if let Some((text, known)) = self.entries.get_index(self.next)
            && **text == *vendor_account
        {
            return Some((self.next, known));
        }
        self.entries.get_full(vendor_account).map(|(place, _, known)| (place, known))
    }

    pub fn knows(&self, vendor_account: &str) -> bool {
        self.entries.contains_key(vendor_account.as_bytes())
    }

    /// Notes what the store knows of a vendor account; nothing is known: it leads to `account_no` (policy `create`), and true is
    /// returned, for its alias must be written.
    pub fn learn(
        &mut self,
        vendor_account: &str,
        aliases: &[Alias],
        account_no: &str,
        names: &Names,
    ) -> bool {
        let symbol = names.symbols.intern(vendor_account);
        let target = |no: &str| Target { account: names.symbols.intern(no), slot: slot_of(no) };
        let entry = match aliases {
            [] => Entry::Always(target(account_no)),
            [one] if one.valid_from.is_none() && one.valid_to.is_none() => {
                Entry::Always(target(&one.account_no))
            }
            many => {
                Entry::Dated(many.iter().map(|a| (a.valid_from, a.valid_to, target(&a.account_no))).collect())
            }
        };
        self.entries.insert(vendor_account.as_bytes().into(), (symbol, entry));
        aliases.is_empty()
    }
}

/// An account number made from a vendor's account by the vendor's template, as in `NT-{vendor_account}`.
pub fn account_no(template: &str, vendor_account: &str) -> Arc<str> {
    template.replace("{vendor_account}", vendor_account).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use returns::date::from_days;

    fn alias(from: Option<i32>, to: Option<i32>, no: &str) -> Alias {
        Alias {
            vendor: "v".into(),
            vendor_account: "X".into(),
            valid_from: from.and_then(from_days),
            valid_to: to.and_then(from_days),
            account: 1,
            account_no: no.into(),
        }
    }

    #[test]
    fn of_several_aliases_covering_a_day_the_one_that_began_last_wins() {
        let names = Names::default();
        let mut c = Crosswalk::default();
        let many = [alias(None, Some(20), "OLD"), alias(Some(10), Some(30), "NEW")];
        assert!(!c.learn("X", &many, "unused", &names));
        let mut on = |day| match c.resolve(b"X", from_days(day).unwrap()).1 {
            Resolved::To(t) => Some(names.symbols.text(t.account).to_string()),
            _ => None,
        };
        assert_eq!(on(5).as_deref(), Some("OLD"));
        assert_eq!(on(15).as_deref(), Some("NEW"));
        assert_eq!(on(31), None, "an alias that exists but not for that day waits");
    }

    #[test]
    fn an_unknown_vendor_account_makes_an_account_once() {
        let names = Names::default();
        let mut c = Crosswalk::default();
        assert_eq!(c.resolve(b"77", from_days(0).unwrap()).1, Resolved::Unknown);
        assert!(c.learn("77", &[], &account_no("NT-{vendor_account}", "77"), &names));
        let (symbol, Resolved::To(target)) = c.resolve(b"77", from_days(0).unwrap()) else {
            panic!("resolved")
        };
        assert_eq!(&*names.symbols.text(symbol), "77");
        assert_eq!(&*names.symbols.text(target.account), "NT-77");
        assert_eq!(target.slot, slot_of("NT-77"));
    }

    #[test]
    fn the_days_an_alias_names_are_its_own_and_no_other() {
        let names = Names::default();
        let mut c = Crosswalk::default();
        c.learn("X", &[alias(Some(10), Some(20), "A")], "unused", &names);
        let found = |day| matches!(c.resolve(b"X", from_days(day).unwrap()).1, Resolved::To(_));
        assert_eq!([9, 10, 20, 21].map(found), [false, true, true, false]);
        assert_eq!(c.resolve(b"X", from_days(9).unwrap()).1, Resolved::NotOnDate);
        assert!(c.knows("X") && !c.knows("x") && !c.knows("X "), "an account is the text it is");
    }

    #[test]
    fn an_alias_without_dates_leads_there_on_every_day() {
        let names = Names::default();
        let mut c = Crosswalk::default();
        assert!(!c.learn("X", &[alias(None, None, "A")], "unused", &names));
        let mut to = |day| c.resolve(b"X", from_days(day).unwrap()).1;
        assert!(matches!(to(0), Resolved::To(_)) && to(0) == to(20_000));
    }

    #[test]
    fn accounts_lead_to_the_same_place_in_every_order() {
        let names = Names::default();
        let mut c = Crosswalk::default();
        for account in ["a", "b", "c", "d"] {
            c.learn(account, &[], &account_no("NT-{vendor_account}", account), &names);
        }
        for order in ["abcd", "abcd", "acbd", "dcba", "aabb", "axbx", "dadx"] {
            for account in order.split("").filter(|a| !a.is_empty()) {
                let (symbol, resolved) = c.resolve(account.as_bytes(), from_days(0).unwrap());
                let expected = match account {
                    "x" => Resolved::Unknown,
                    known => Resolved::To(Target {
                        account: names.symbols.intern(&format!("NT-{known}")),
                        slot: slot_of(&format!("NT-{known}")),
                    }),
                };
                assert_eq!(resolved, expected, "{account} of {order}");
                assert!(account == "x" || *names.symbols.text(symbol) == *account);
            }
        }
    }
}

//! What a fact says, as 128 bits: two facts say the same if and only if their contents are equal.
use crate::date::{self, Date};
use crate::fact::{Body, Cancel, Content, Correction, Fact, Flow, Holding, Kind, Origin, Patch, Stated};
use crate::fact::{Summary, Target, Withdrawal};
use rust_decimal::Decimal;
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// The content of what a record says: the mapped fields, the vendor's revision and the account as sent. Not its place, feed
/// or mapping, and not how numbers were spelled (`1.50` is `1.5`). The same on every machine; no allocation below 384 bytes.
pub fn content(
    body: &Body,
    origin: Origin,
    kind: Kind,
    as_of: Date,
    reference: Option<&str>,
    revision: Option<u64>,
    vendor_account: &str,
) -> Content {
    let mut d = Digest::new();
    d.byte(matches!(origin, Origin::Correction).into());
    d.byte(kind as u8);
    // A withdrawal speaks of its target, on no date.
    if kind != Kind::Withdrawal {
        d.date(as_of);
    }
    d.text(reference);
    d.number(revision);
    d.text(Some(vendor_account));
    d.body(body);
    d.finish()
}

impl Fact {
    /// The content of this fact (see [`content`]), which was sent for the account spelled so.
    pub fn content_of(&self, vendor_account: &str) -> Content {
        let reference = self.reference.as_deref();
        content(&self.body, self.origin, self.kind(), self.as_of, reference, self.revision, vendor_account)
    }
}

const ROOM: usize = 384;

/// Collects bytes on the stack, and hashes as it goes only when they are many.
struct Digest {
    bytes: [u8; ROOM],
    used: usize,
    long: Option<Box<Xxh3>>,
}

impl Digest {
    fn new() -> Self {
        Digest { bytes: [0; ROOM], used: 0, long: None }
    }

    fn finish(mut self) -> Content {
        let sum = match self.long.as_mut() {
            None => xxh3_128(&self.bytes[..self.used]),
            Some(long) => {
                long.update(&self.bytes[..self.used]);
                long.digest128()
            }
        };
        Content(sum.to_be_bytes())
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        match self.bytes.get_mut(self.used..self.used + bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.used += bytes.len();
            }
            None => self.spill(bytes),
        }
    }

    #[cold]
    fn spill(&mut self, bytes: &[u8]) {
        let long = self.long.get_or_insert_with(|| Box::new(Xxh3::new()));
        long.update(&self.bytes[..self.used]);
        long.update(bytes);
        self.used = 0;
    }

    fn byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }
    fn date(&mut self, date: Date) {
        self.put(&date::days(date).to_le_bytes());
    }
    fn number(&mut self, number: Option<u64>) {
        self.byte(number.is_some().into());
        self.put(&number.unwrap_or(0).to_le_bytes());
    }
    fn instant(&mut self, at: Option<i64>) {
        self.byte(at.is_some().into());
        self.put(&at.unwrap_or(0).to_le_bytes());
    }
    fn text(&mut self, text: Option<&str>) {
        self.byte(text.is_some().into());
        let text = text.unwrap_or("");
        self.put(&(text.len() as u64).to_le_bytes());
        self.put(text.as_bytes());
    }
    fn currency(&mut self, currency: Option<[u8; 3]>) {
        self.put(&currency.unwrap_or_default());
    }

    /// What follows all else that is said: nothing where no currency is stated.
    fn stated_currency(&mut self, currency: Option<[u8; 3]>) {
        if let Some(code) = currency {
            self.put(&code);
        }
    }

    /// Twelve bytes of digits and sign, one of scale, without trailing zeros.
    #[inline]
    fn amount(&mut self, amount: Decimal) {
        let (mut digits, mut scale) = (amount.mantissa(), amount.scale() as u8);
        if let Ok(small) = i64::try_from(digits) {
            let (small, rest) = without_zeros(small, scale);
            (digits, scale) = (i128::from(small), rest);
        } else {
            while scale > 0 && digits % 10 == 0 {
                (digits, scale) = (digits / 10, scale - 1);
            }
        }
        self.put(&digits.to_le_bytes());
        self.byte(scale);
    }
    fn maybe(&mut self, amount: Option<Decimal>) {
        self.byte(amount.is_some().into());
        self.amount(amount.unwrap_or_default());
    }
    fn patch(&mut self, patch: Patch) {
        match patch {
            Patch::Absent => self.byte(0),
            Patch::TakenAway => self.byte(1),
            Patch::Set(amount) => {
                self.byte(2);
                self.amount(amount);
            }
        }
    }

    fn body(&mut self, body: &Body) {
        match body {
            Body::Summary(s) => self.summary(s),
            Body::Valuation(v) => {
                self.instant(v.at);
                self.amount(v.value);
                self.amount(v.accrued);
                self.stated_currency(v.currency);
            }
            Body::Flow(f) => self.flow(f),
            Body::Holding(h) => self.holding(h),
            Body::Account(a) => {
                self.currency(a.base_currency);
                self.date(a.performance_start.unwrap_or(Date::MIN));
                self.date(a.closed_on.unwrap_or(Date::MIN));
                self.text(a.name.as_deref());
            }
            Body::Opening(o) => {
                self.amount(o.end);
                self.amount(o.cumulative_twrr);
                self.maybe(o.cumulative_twrr_gross);
                self.amount(o.cumulative_net_flow);
                self.date(o.inception);
            }
            Body::Return(r) => {
                self.date(r.from);
                self.amount(r.net);
                self.maybe(r.gross);
            }
            Body::Correction(c) => self.correction(c),
            Body::Cancel(c) => self.cancel(c),
            Body::Withdrawal(w) => self.withdrawal(w),
            Body::Quarantined(q) => {
                self.text(Some(&q.code));
                self.byte(q.released.into());
            }
        }
    }

    fn summary(&mut self, s: &Summary) {
        let fields = [
            (Stated::BEGIN, s.begin),
            (Stated::END, s.end),
            (Stated::CONTRIBUTIONS, s.contributions),
            (Stated::DISTRIBUTIONS, s.distributions),
            (Stated::FEES, s.fees),
            (Stated::FEES_OUTSIDE, s.fees_outside),
            (Stated::ACCRUED, s.accrued),
            (Stated::REPORTED_RETURN, s.reported_return),
        ];
        self.put(&s.stated.0.to_le_bytes());
        self.byte(s.reported_span as u8);
        for (field, amount) in fields {
            if s.stated.has(field) {
                self.amount(amount);
            }
        }
        self.stated_currency(s.currency);
    }

    fn flow(&mut self, f: &Flow) {
        self.byte(f.class as u8);
        self.maybe(f.amount);
        self.currency(f.currency);
        self.instant(f.at);
        self.date(f.effective.unwrap_or(Date::MIN));
        self.text(f.security.as_deref());
        self.text(f.counter_account.as_deref());
        self.text(f.description.as_deref());
        self.byte(f.own_id.into());
    }

    fn holding(&mut self, h: &Holding) {
        self.text(Some(&h.security));
        self.amount(h.value);
        self.amount(h.accrued);
        self.maybe(h.quantity);
        self.maybe(h.price);
        self.currency(h.currency);
    }

    fn correction(&mut self, c: &Correction) {
        for patch in [c.end_value, c.contributions, c.distributions, c.fees] {
            self.patch(patch);
        }
        self.text(Some(&c.event_id));
        self.instant(Some(c.event_time));
        for text in [&c.ticket, &c.who, &c.reason] {
            self.text(Some(text));
        }
    }

    fn cancel(&mut self, c: &Cancel) {
        self.text(c.original.as_deref());
        self.byte(c.class as u8);
        self.maybe(c.amount);
        self.text(c.security.as_deref());
    }

    fn withdrawal(&mut self, w: &Withdrawal) {
        match &w.target {
            Target::Record(place) => {
                self.byte(0);
                self.put(&place.partition.0.to_le_bytes());
                self.put(&place.position.sequence.to_le_bytes::<24>());
                self.put(&place.position.sub.to_le_bytes());
                self.put(&place.position.item.to_le_bytes());
            }
            Target::Feed(feed) => {
                self.byte(1);
                self.put(&feed.0.to_le_bytes());
            }
            Target::Ticket(ticket) => {
                self.byte(2);
                self.text(Some(ticket));
            }
        }
        self.byte(w.reinstate.into());
        self.text(Some(&w.event_id));
        self.instant(Some(w.event_time));
        for text in [&w.who, &w.reason] {
            self.text(Some(text));
        }
    }
}

/// The same number with its trailing zeros after the point taken off; -0 is 0 already, being a whole number.
#[inline]
fn without_zeros(mut digits: i64, mut scale: u8) -> (i64, u8) {
    if digits == 0 {
        return (0, 0);
    }
    while scale > 0 && digits % 10 == 0 {
        (digits, scale) = (digits / 10, scale - 1);
    }
    (digits, scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn of(body: &Body, revision: Option<u64>, account: &str) -> Content {
        let origin = Origin::Vendor(crate::Vendor(0));
        content(body, origin, body.kind(), date(2025, 1, 2), None, revision, account)
    }

    fn summary(end: Decimal) -> Body {
        Body::Summary(Summary { end, stated: Stated::END, ..Summary::default() })
    }

    proptest! {
        #[test]
        fn the_spelling_of_a_number_does_not_count(digits in any::<i64>(), scale in 0u32..8, zeros in 0u32..6) {
            let plain = Decimal::new(digits, scale);
            let mut padded = plain;
            padded.rescale(scale + zeros);
            prop_assert_eq!(of(&summary(plain), None, "1"), of(&summary(padded), None, "1"));
            let other = plain + Decimal::new(1, scale);
            prop_assert_ne!(of(&summary(plain), None, "1"), of(&summary(other), None, "1"));
        }

        #[test]
        fn long_texts_count_to_their_last_character(length in 300usize..1000) {
            let note = |text: String| Body::Quarantined(Box::new(crate::fact::Quarantined { code: text.into(), released: false }));
            let (a, b) = ("x".repeat(length), "x".repeat(length - 1) + "y");
            prop_assert_eq!(of(&note(a.clone()), None, "1"), of(&note(a.clone()), None, "1"));
            prop_assert_ne!(of(&note(a), None, "1"), of(&note(b), None, "1"));
        }
    }

    #[test]
    fn revision_and_account_as_sent_are_part_of_what_is_said() {
        let body = summary(Decimal::ONE);
        assert_ne!(of(&body, None, "1"), of(&body, Some(0), "1"));
        assert_ne!(of(&body, None, "1"), of(&body, None, "01"));
        assert_eq!(of(&summary(-Decimal::ZERO), None, "1"), of(&summary(Decimal::ZERO), None, "1"));
    }

    #[test]
    fn a_stated_currency_is_part_of_what_is_said() {
        let summary = |currency| Body::Summary(Summary { currency, ..Summary::default() });
        let valuation = |currency| Body::Valuation(crate::fact::Valuation { currency, ..Default::default() });
        for body in [summary, valuation] as [fn(Option<[u8; 3]>) -> Body; 2] {
            let said = [None, Some(*b"USD"), Some(*b"EUR")].map(|c| of(&body(c), None, "1"));
            assert!(said[0] != said[1] && said[1] != said[2] && said[0] != said[2]);
        }
    }

    #[test]
    fn what_is_not_stated_is_not_zero() {
        let unstated = Body::Summary(Summary { stated: Stated::END, ..Summary::default() });
        let zero = Body::Summary(Summary { stated: Stated::END.with(Stated::FEES), ..Summary::default() });
        assert_ne!(of(&unstated, None, "1"), of(&zero, None, "1"));
    }

    /// A contract: contents are stored, so this number must never change.
    #[test]
    fn a_content_is_the_same_on_every_machine() {
        let content = of(&summary(Decimal::new(123456, 2)), Some(3), "U1234567");
        let hex: String = content.0.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, "42113cfa88c28310b0c4a9a18eb24e24");
    }
}

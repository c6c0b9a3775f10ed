//! Facts in few words. Days are of January 2025, times are UTC hours, vendor 0 comes first in precedence.
use jiff::civil::date;
use record::{FeedKey, PartitionId, PartitionKey, Partitions, Position, Symbol};
use returns::fact::*;
use returns::ledger::{Folded, Ground, Profile, StoredFact, fold};
use returns::{Date, Decimal, Policy, Vendor, VendorPolicy};

#[derive(Clone)]
pub struct Said(pub Fact);

pub fn policy() -> Policy {
    Policy::new(vec![VendorPolicy::new("first"), VendorPolicy::new("second")])
}

pub fn partitions() -> Partitions {
    let partitions = Partitions::default();
    for (key, name) in [(0, "f/10"), (1, "f/9")] {
        partitions.insert(PartitionKey(key), PartitionId::new(name));
    }
    partitions
}

pub fn new(facts: &[Said]) -> Vec<StoredFact> {
    facts.iter().map(|s| StoredFact { fact: s.done(), in_row: false, waiting: None }).collect()
}

pub fn fold_of(facts: &[Said], policy: &Policy) -> Folded {
    fold(
        &new(facts),
        &Profile::default(),
        Ground { policy, partitions: &partitions(), feeds: &returns::ledger::NO_FEEDS },
    )
}

pub fn ends(folded: &Folded) -> Vec<i64> {
    folded.rows.iter().map(|row| i64::try_from(row.end_value).unwrap_or(i64::MIN)).collect()
}

fn day(n: i8) -> Date {
    date(2025, 1, n)
}

fn at(n: i8, hour: i64) -> i64 {
    (i64::from(returns::date::days(day(n))) * 24 + hour) * 3_600_000_000
}

pub fn noon_of(n: i8) -> i64 {
    at(n, 12)
}

fn said(n: i8, reference: Option<&str>, body: Body) -> Said {
    let origin = match body {
        Body::Correction(_) | Body::Withdrawal(_) => Origin::Correction,
        _ => Origin::Vendor(Vendor(0)),
    };
    Said(Fact {
        origin,
        as_of: day(n),
        reference: reference.map(Into::into),
        revision: None,
        arrival: Arrival(Some(0)),
        place: Place { partition: PartitionKey(0), position: Position::in_file(1, 1, 0) },
        feed: FeedKey(1),
        content: Content::default(),
        vendor_account: Symbol(1),
        mapping_version: 1,
        body,
    })
}

pub fn summary(n: i8, end: i64) -> Said {
    said(
        n,
        None,
        Body::Summary(Summary { end: Decimal::from(end), stated: Stated::END, ..Summary::default() }),
    )
}

pub fn valuation(n: i8, hour: i64, value: i64) -> Said {
    let value = Valuation { at: Some(at(n, hour)), value: Decimal::from(value), ..Valuation::default() };
    said(n, Some(&hour.to_string()), Body::Valuation(value))
}

pub fn flow(n: i8, reference: &str, amount: i64) -> Said {
    let flow = Flow {
        class: Class::Contribution,
        amount: Some(Decimal::from(amount)),
        currency: None,
        at: None,
        effective: None,
        security: None,
        counter_account: None,
        description: None,
        own_id: false,
    };
    said(n, Some(reference), Body::Flow(flow))
}

pub fn cancel(n: i8, original: Option<&str>, amount: i64) -> Said {
    let cancel = Cancel {
        original: original.map(Into::into),
        class: Class::Contribution,
        amount: Some(Decimal::from(amount)),
        security: None,
    };
    said(n, original, Body::Cancel(Box::new(cancel)))
}

pub fn holding(n: i8, security: &str, value: i64) -> Said {
    let holding = Holding {
        security: security.into(),
        value: Decimal::from(value),
        accrued: Decimal::ZERO,
        quantity: None,
        price: None,
        currency: None,
    };
    said(n, Some(security), Body::Holding(holding))
}

pub fn account(n: i8, currency: [u8; 3]) -> Said {
    said(n, None, Body::Account(AccountInfo { base_currency: Some(currency), ..AccountInfo::default() }))
}

pub fn opening(n: i8, end: i64, percent: i64) -> Said {
    let opening = Opening {
        end: Decimal::from(end),
        cumulative_twrr: Decimal::new(percent, 2),
        cumulative_twrr_gross: None,
        cumulative_net_flow: Decimal::ZERO,
        inception: date(2020, 1, 1),
    };
    said(n, None, Body::Opening(opening))
}

/// A return of 5% since the last day of 2019.
pub fn returned(n: i8) -> Said {
    let returned = ImportedReturn { from: date(2019, 12, 31), net: Decimal::new(5, 2), gross: None };
    said(n, None, Body::Return(returned))
}

pub fn correction(n: i8, ticket: &str) -> Said {
    let correction = Correction { ticket: ticket.into(), event_id: "e".into(), ..Correction::default() };
    said(n, Some(ticket), Body::Correction(Box::new(correction)))
}

pub fn withdraw(target: Target, event_time: i64, reinstate: bool) -> Said {
    let (event_id, who, reason) = ("w".into(), "".into(), "".into());
    let withdrawal = Withdrawal { target, reinstate, event_id, event_time, who, reason };
    said(1, Some("w"), Body::Withdrawal(Box::new(withdrawal))).feed(99)
}

pub fn quarantined(n: i8, released: bool) -> Said {
    said(n, Some("line 7"), Body::Quarantined(Box::new(Quarantined { code: "bad_number".into(), released })))
}

impl Said {
    fn done(&self) -> Fact {
        Fact { content: self.0.content_of("A1"), ..self.0.clone() }
    }
    pub fn vendor(mut self, vendor: u16) -> Said {
        self.0.origin = Origin::Vendor(Vendor(vendor));
        self
    }
    pub fn arrival(mut self, at: i64) -> Said {
        self.0.arrival = Arrival(Some(at));
        self
    }
    pub fn revision(mut self, revision: u64) -> Said {
        self.0.revision = Some(revision);
        self
    }
    pub fn partition(mut self, partition: i64) -> Said {
        self.0.place.partition = PartitionKey(partition);
        self
    }
    pub fn feed(mut self, feed: i64) -> Said {
        self.0.feed = FeedKey(feed);
        self
    }
    pub fn own_id(self) -> Said {
        self.and_flow(|f| f.own_id = true)
    }
    pub fn end(self, end: i64) -> Said {
        self.and(|c| c.end_value = Patch::Set(Decimal::from(end)))
    }
    pub fn event(self, time: i64) -> Said {
        self.and(|c| c.event_time = time)
    }
    pub fn and(mut self, change: impl FnOnce(&mut Correction)) -> Said {
        if let Body::Correction(correction) = &mut self.0.body {
            change(correction);
        }
        self
    }
    pub fn and_flow(mut self, change: impl FnOnce(&mut Flow)) -> Said {
        if let Body::Flow(flow) = &mut self.0.body {
            change(flow);
        }
        self
    }
    /// In a stated currency.
    pub fn in_currency(mut self, code: &[u8; 3]) -> Said {
        match &mut self.0.body {
            Body::Summary(Summary { currency, .. })
            | Body::Valuation(Valuation { currency, .. })
            | Body::Flow(Flow { currency, .. })
            | Body::Holding(Holding { currency, .. }) => *currency = Some(*code),
            _ => {}
        }
        self
    }
    pub fn and_summary(mut self, change: impl FnOnce(&mut Summary)) -> Said {
        if let Body::Summary(summary) = &mut self.0.body {
            change(summary);
        }
        self
    }
}

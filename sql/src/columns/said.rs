//! What facts say, each kind of body in the columns it needs.
use super::*;
use record::{FeedKey, PartitionKey};
use returns::fact::{
    AccountInfo, Cancel, Class, Correction, Flow, Holding, ImportedReturn, Opening, Patch, Quarantined, Span,
    Stated, Summary, Target, Valuation, Withdrawal,
};
use returns::{Body, Kind, Place};

/// A nullable value of a fact's body, by the column type that keeps it.
trait Value: Sized {
    const KIND: ColumnType;
    fn write<W: ColumnWriter>(value: Option<&Self>, w: &mut W);
    fn read<R: ColumnReader>(r: &mut R) -> Result<Option<Self>, ColumnError>;
}

macro_rules! values {
    ($($type:ty => $kind:expr, $call:ident, |$v:ident| $borrow:expr;)*) => {$(
        impl Value for $type {
            const KIND: ColumnType = $kind;
            fn write<W: ColumnWriter>(value: Option<&Self>, w: &mut W) { w.$call(value.map(|$v| $borrow)) }
            fn read<R: ColumnReader>(r: &mut R) -> Result<Option<Self>, ColumnError> { r.$call() }
        }
    )*};
}

values! {
    i64 => ColumnType::Integer, integer, |v| *v;
    i32 => ColumnType::Short, short, |v| *v;
    bool => ColumnType::Flag, flag, |v| *v;
    Decimal => ColumnType::Decimal, decimal, |v| *v;
    Date => ColumnType::Date, date, |v| *v;
    Position => ColumnType::Position, position, |v| *v;
    Arc<str> => ColumnType::Text, text, |v| &**v;
}

/// Microseconds; a type of its own, since [`Micros`] is a plain number.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Time(Micros);

impl Value for Time {
    const KIND: ColumnType = ColumnType::Time;
    fn write<W: ColumnWriter>(value: Option<&Self>, w: &mut W) {
        w.time(value.map(|t| t.0));
    }
    fn read<R: ColumnReader>(r: &mut R) -> Result<Option<Self>, ColumnError> {
        Ok(r.time()?.map(Time))
    }
}

macro_rules! said {
    ($($field:ident: $type:ty, $name:literal, $meaning:literal;)*) => {
        /// What facts say, all kinds together: every column is null for the kinds it means nothing to.
        pub const SAID: &[Column] = &[$(nullable($name, <$type as Value>::KIND, $meaning),)*];

        #[derive(Debug, Default, PartialEq)]
        pub(super) struct Said { $($field: Option<$type>,)* }

        impl Said {
            /// The first columns, at most so many.
            pub(super) fn write_first<W: ColumnWriter>(&self, columns: usize, w: &mut W) {
                let mut left = 0..columns;
                $(if left.next().is_some() { Value::write(self.$field.as_ref(), w); })*
            }
            pub(super) fn read<R: ColumnReader>(r: &mut R) -> Result<Said, ColumnError> {
                Ok(Said { $($field: Value::read(r)?,)* })
            }
        }
    };
}

said! {
    stated: i32, "stated", "summary, correction: which fields are spoken of, as bits";
    begin: Decimal, "begin_value", "summary: the vendor's own beginning value";
    end: Decimal, "end_value", "summary, opening, correction: the ending value";
    contributions: Decimal, "contributions", "summary, correction: external flows in";
    distributions: Decimal, "distributions", "summary, correction: external flows out";
    fees: Decimal, "fees", "summary, correction: advisory fees taken out";
    fees_outside: Decimal, "fees_outside", "summary: advisory fees paid elsewhere";
    accrued: Decimal, "accrued", "summary, valuation, holding: accrued income given apart";
    reported_return: Decimal, "reported_return", "summary: the vendor's own return, a fraction";
    span: Arc<str>, "reported_span", "summary: the time that return covers";
    at: Time, "at", "valuation, flow: the time of day, where known";
    value: Decimal, "value", "valuation, holding: the value";
    class: Arc<str>, "class", "flow, cancel: class of the transaction";
    amount: Decimal, "amount", "flow, cancel: into the account positive";
    currency: Arc<str>, "currency", "summary, valuation, flow, holding: its currency; account: the base (ISO 4217)";
    effective: Date, "effective", "flow: the date beside the posted one";
    security: Arc<str>, "security", "flow, holding, cancel";
    counter_account: Arc<str>, "counter_account", "flow: the other side";
    description: Arc<str>, "description", "flow; account: its name";
    quantity: Decimal, "quantity", "holding";
    price: Decimal, "price", "holding";
    performance_start: Date, "performance_start", "account";
    closed_on: Date, "closed_on", "account";
    inception: Date, "inception", "opening";
    cumulative: Decimal, "cumulative_twrr", "opening: net";
    cumulative_gross: Decimal, "cumulative_twrr_gross", "opening: gross";
    cumulative_net_flow: Decimal, "cumulative_net_flow", "opening";
    period_from: Date, "period_from", "return: the period begins after this date";
    net: Decimal, "net_return", "return: net";
    gross: Decimal, "gross_return", "return: gross";
    original: Arc<str>, "original", "cancel: the reference of what it cancels";
    event_id: Arc<str>, "event_id", "correction, withdrawal: the event";
    event_time: Time, "event_time", "correction, withdrawal: its time";
    ticket: Arc<str>, "ticket", "correction: its ticket; withdrawal: the ticket taken back";
    who: Arc<str>, "who", "correction, withdrawal";
    reason: Arc<str>, "reason", "correction, withdrawal";
    target_partition: i64, "target_partition_id", "withdrawal of a record: where it is";
    target_position: Position, "target_position", "withdrawal of a record: where it is";
    target_feed: i64, "target_feed_id", "withdrawal of a feed";
    reinstate: bool, "reinstate", "withdrawal: it is undone";
    code: Arc<str>, "code", "quarantined: the reason code";
    released: bool, "released", "quarantined: it holds the day no longer";
}

impl From<&Body> for Said {
    fn from(body: &Body) -> Said {
        match body {
            Body::Summary(s) => Said::from(s),
            Body::Valuation(v) => {
                let currency = v.currency.map(currency_text);
                let (value, accrued) = (Some(v.value), Some(v.accrued));
                Said { at: v.at.map(Time), value, accrued, currency, ..Said::default() }
            }
            Body::Flow(f) => Said::from(f),
            Body::Holding(h) => Said {
                security: Some(h.security.clone()),
                value: Some(h.value),
                accrued: Some(h.accrued),
                quantity: h.quantity,
                price: h.price,
                currency: h.currency.map(currency_text),
                ..Said::default()
            },
            Body::Account(a) => Said {
                currency: a.base_currency.map(currency_text),
                performance_start: a.performance_start,
                closed_on: a.closed_on,
                description: a.name.clone(),
                ..Said::default()
            },
            Body::Opening(o) => Said {
                end: Some(o.end),
                cumulative: Some(o.cumulative_twrr),
                cumulative_gross: o.cumulative_twrr_gross,
                cumulative_net_flow: Some(o.cumulative_net_flow),
                inception: Some(o.inception),
                ..Said::default()
            },
            Body::Return(r) => {
                Said { period_from: Some(r.from), net: Some(r.net), gross: r.gross, ..Said::default() }
            }
            Body::Correction(c) => Said::from(&**c),
            Body::Cancel(c) => Said {
                original: c.original.clone(),
                class: Some(c.class.as_str().into()),
                amount: c.amount,
                security: c.security.clone(),
                ..Said::default()
            },
            Body::Withdrawal(w) => Said::from(&**w),
            Body::Quarantined(q) => {
                Said { code: Some(q.code.clone()), released: Some(q.released), ..Said::default() }
            }
        }
    }
}

impl From<&Summary> for Said {
    fn from(s: &Summary) -> Said {
        // A field that is not stated is 0 in the fact and means nothing: it is null here, so that nobody reads a zero out of it. One that
        // is not stated and yet holds something is kept, so that what is read is what was written.
        let kept = |field: Stated, value: Decimal| (s.stated.has(field) || !value.is_zero()).then_some(value);
        Said {
            stated: Some(s.stated.0.into()),
            begin: kept(Stated::BEGIN, s.begin),
            end: kept(Stated::END, s.end),
            contributions: kept(Stated::CONTRIBUTIONS, s.contributions),
            distributions: kept(Stated::DISTRIBUTIONS, s.distributions),
            fees: kept(Stated::FEES, s.fees),
            fees_outside: kept(Stated::FEES_OUTSIDE, s.fees_outside),
            accrued: kept(Stated::ACCRUED, s.accrued),
            reported_return: kept(Stated::REPORTED_RETURN, s.reported_return),
            span: (s.stated.has(Stated::REPORTED_RETURN) || s.reported_span != Span::Day)
                .then(|| s.reported_span.as_str().into()),
            currency: s.currency.map(currency_text),
            ..Said::default()
        }
    }
}

impl From<&Flow> for Said {
    fn from(f: &Flow) -> Said {
        Said {
            class: Some(f.class.as_str().into()),
            amount: f.amount,
            currency: f.currency.map(currency_text),
            at: f.at.map(Time),
            effective: f.effective,
            security: f.security.clone(),
            counter_account: f.counter_account.clone(),
            description: f.description.clone(),
            ..Said::default()
        }
    }
}

/// The fields a correction may speak of, by the bits that say so. Spoken of without a value: taken away.
const PATCHES: [Stated; 4] = [Stated::END, Stated::CONTRIBUTIONS, Stated::DISTRIBUTIONS, Stated::FEES];

impl From<&Correction> for Said {
    fn from(c: &Correction) -> Said {
        let patches = [c.end_value, c.contributions, c.distributions, c.fees];
        let spoken = PATCHES.into_iter().zip(patches).filter(|(_, patch)| *patch != Patch::Absent);
        let stated = spoken.fold(Stated::default(), |all, (field, _)| all.with(field));
        let [end, contributions, distributions, fees] = patches.map(|patch| match patch {
            Patch::Set(value) => Some(value),
            Patch::Absent | Patch::TakenAway => None,
        });
        Said {
            stated: Some(stated.0.into()),
            end,
            contributions,
            distributions,
            fees,
            event_id: Some(c.event_id.clone()),
            event_time: Some(Time(c.event_time)),
            ticket: Some(c.ticket.clone()),
            who: Some(c.who.clone()),
            reason: Some(c.reason.clone()),
            ..Said::default()
        }
    }
}

impl From<&Withdrawal> for Said {
    fn from(w: &Withdrawal) -> Said {
        let said = Said {
            reinstate: Some(w.reinstate),
            event_id: Some(w.event_id.clone()),
            event_time: Some(Time(w.event_time)),
            who: Some(w.who.clone()),
            reason: Some(w.reason.clone()),
            ..Said::default()
        };
        match &w.target {
            Target::Record(place) => Said {
                target_partition: Some(place.partition.0),
                target_position: Some(place.position),
                ..said
            },
            Target::Feed(feed) => Said { target_feed: Some(feed.0), ..said },
            Target::Ticket(ticket) => Said { ticket: Some(ticket.clone()), ..said },
        }
    }
}

impl Said {
    /// The body of a fact of that kind; `dated` says whether the key has a date.
    pub(super) fn body(self, kind: Kind, dated: bool) -> Result<Body, ColumnError> {
        Ok(match kind {
            Kind::Summary => Body::Summary(self.summary()?),
            Kind::Valuation => Body::Valuation(Valuation {
                at: self.at.map(|t| t.0),
                value: need(self.value, "value")?,
                accrued: need(self.accrued, "accrued")?,
                currency: currency(self.currency)?,
            }),
            Kind::Flow => Body::Flow(Flow {
                class: class(self.class.as_deref())?,
                amount: self.amount,
                currency: currency(self.currency)?,
                at: self.at.map(|t| t.0),
                effective: self.effective,
                security: self.security,
                counter_account: self.counter_account,
                description: self.description,
                own_id: !dated,
            }),
            Kind::Holding => Body::Holding(Holding {
                security: need(self.security, "security")?,
                value: need(self.value, "value")?,
                accrued: need(self.accrued, "accrued")?,
                quantity: self.quantity,
                price: self.price,
                currency: currency(self.currency)?,
            }),
            Kind::Account => Body::Account(AccountInfo {
                base_currency: currency(self.currency)?,
                performance_start: self.performance_start,
                closed_on: self.closed_on,
                name: self.description,
            }),
            Kind::Opening => Body::Opening(Opening {
                end: need(self.end, "end_value")?,
                cumulative_twrr: need(self.cumulative, "cumulative_twrr")?,
                cumulative_twrr_gross: self.cumulative_gross,
                cumulative_net_flow: need(self.cumulative_net_flow, "cumulative_net_flow")?,
                inception: need(self.inception, "inception")?,
            }),
            Kind::Return => Body::Return(ImportedReturn {
                from: need(self.period_from, "period_from")?,
                net: need(self.net, "net_return")?,
                gross: self.gross,
            }),
            Kind::Correction => Body::Correction(Box::new(self.correction()?)),
            Kind::Cancel => Body::Cancel(Box::new(Cancel {
                original: self.original,
                class: class(self.class.as_deref())?,
                amount: self.amount,
                security: self.security,
            })),
            Kind::Withdrawal => Body::Withdrawal(Box::new(self.withdrawal()?)),
            Kind::Quarantined => Body::Quarantined(Box::new(Quarantined {
                code: need(self.code, "code")?,
                released: need(self.released, "released")?,
            })),
        })
    }

    fn stated(&self) -> Result<Stated, ColumnError> {
        Ok(Stated(narrow(need(self.stated, "stated")?.into(), "stated")?))
    }

    fn summary(self) -> Result<Summary, ColumnError> {
        Ok(Summary {
            stated: self.stated()?,
            begin: self.begin.unwrap_or_default(),
            end: self.end.unwrap_or_default(),
            contributions: self.contributions.unwrap_or_default(),
            distributions: self.distributions.unwrap_or_default(),
            fees: self.fees.unwrap_or_default(),
            fees_outside: self.fees_outside.unwrap_or_default(),
            accrued: self.accrued.unwrap_or_default(),
            reported_return: self.reported_return.unwrap_or_default(),
            reported_span: match self.span {
                Some(text) => one_of(&Span::ALL, Span::as_str, &text, "reported_span")?,
                None => Span::Day,
            },
            currency: currency(self.currency)?,
        })
    }

    fn correction(self) -> Result<Correction, ColumnError> {
        let stated = self.stated()?;
        let patch = |field: Stated, value: Option<Decimal>| match value {
            Some(value) => Patch::Set(value),
            None if stated.has(field) => Patch::TakenAway,
            None => Patch::Absent,
        };
        Ok(Correction {
            end_value: patch(Stated::END, self.end),
            contributions: patch(Stated::CONTRIBUTIONS, self.contributions),
            distributions: patch(Stated::DISTRIBUTIONS, self.distributions),
            fees: patch(Stated::FEES, self.fees),
            event_id: need(self.event_id, "event_id")?,
            event_time: need(self.event_time, "event_time")?.0,
            ticket: need(self.ticket, "ticket")?,
            who: need(self.who, "who")?,
            reason: need(self.reason, "reason")?,
        })
    }

    fn withdrawal(self) -> Result<Withdrawal, ColumnError> {
        let target = match (self.target_partition, self.target_feed) {
            (Some(partition), _) => Target::Record(Place {
                partition: PartitionKey(partition),
                position: need(self.target_position, "target_position")?,
            }),
            (None, Some(feed)) => Target::Feed(FeedKey(feed)),
            (None, None) => Target::Ticket(need(self.ticket, "ticket")?),
        };
        Ok(Withdrawal {
            target,
            reinstate: need(self.reinstate, "reinstate")?,
            event_id: need(self.event_id, "event_id")?,
            event_time: need(self.event_time, "event_time")?.0,
            who: need(self.who, "who")?,
            reason: need(self.reason, "reason")?,
        })
    }
}

fn class(text: Option<&str>) -> Result<Class, ColumnError> {
    one_of(&Class::ALL, Class::as_str, need(text, "class")?, "class")
}

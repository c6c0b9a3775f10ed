//! Flows, cancels and holdings, and the references that tell them from their equals (F5).
use super::clock;
use super::fault::{Fault, Outcome};
use super::reader::Pen;
use super::row::{Row, missing, utf8};
use crate::mapping::model::{ClassOf, FlowFields, HoldingFields, Text};
use returns::fact::{Cancel, Class, Flow, Holding};
use returns::ledger::{FEED_REFERENCE, STREAM_REFERENCE};
use returns::{Body, Date, Decimal};
use std::fmt::Write;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// What a transaction's record came to.
pub enum Read {
    /// A class that is no flow and no advisory fee.
    Left(Class),
    Said(Date, Arc<str>, Body),
}

/// Reads a transaction: an external flow, an advisory fee, or the cancel of one.
pub fn read<'a>(pen: &mut Pen<'a, '_, '_>, fields: &'a FlowFields, account: &str) -> Outcome<Read> {
    let class = class(&pen.row, &fields.class)?;
    if !class.is_external() && class != Class::FeeAdvisory {
        return Ok(Read::Left(class));
    }
    let (as_of, flow) = flow(pen, fields, class)?;
    let cancels = match &fields.cancel_when {
        Some(condition) => pen.row.holds(condition)?,
        None => false,
    };
    let id = pen.row.joined(if cancels { &fields.cancels } else { &fields.id })?;
    if cancels {
        let original: Option<Arc<str>> = id.map(Into::into);
        let reference = match &original {
            Some(original) => original.clone(),
            None => generated(pen, account, as_of, &flow, "cancel")?,
        };
        let cancel = Cancel { original, class, amount: flow.amount, security: flow.security };
        return Ok(Read::Said(as_of, reference, Body::Cancel(Box::new(cancel))));
    }
    let own_id = id.is_some();
    let reference = match id {
        Some(id) => id.into(),
        None => match pen.row.joined(&fields.reference)? {
            Some(named) => named.into(),
            None => generated(pen, account, as_of, &flow, "flow")?,
        },
    };
    Ok(Read::Said(as_of, reference, Body::Flow(Flow { own_id, ..flow })))
}

fn class(row: &Row<'_>, of: &ClassOf) -> Outcome<Class> {
    let text = match of {
        ClassOf::Always(class) => return Ok(*class),
        ClassOf::By(text) => text,
    };
    let name = row.needed(text)?;
    Class::ALL.into_iter().find(|c| c.as_str().as_bytes() == name).ok_or_else(|| {
        let shown = crate::value::money::shown(name);
        Fault::of_field(
            "unknown_code",
            &text.label,
            format!("{}: `{shown}` is no class of a transaction", text.label),
        )
    })
}

fn flow<'a>(pen: &Pen<'a, '_, '_>, fields: &'a FlowFields, class: Class) -> Outcome<(Date, Flow)> {
    let row = &pen.row;
    let moment = |date: &'a Option<crate::mapping::model::DateOf>| -> Outcome<_> {
        Ok(date.as_ref().map(|d| row.moment(d)).transpose()?.flatten())
    };
    let shared = |text: &'a Option<Text>| -> Outcome<Option<Arc<str>>> {
        Ok(text.as_ref().map(|t| row.kept(t)).transpose()?.flatten().map(Into::into))
    };
    let at = moment(&fields.at)?;
    let (as_of, beside) = match (&pen.block.as_of, &at) {
        (Some(_), _) => {
            let posted = pen.as_of()?;
            (posted.date, posted.effective)
        }
        (None, Some(at)) => (clock::flow_date(pen.mapped, at)?, None),
        (None, None) => return Err(missing("`as_of`")),
    };
    let effective = moment(&fields.effective)?.map(|m| m.date).or(beside);
    let amount = row.maybe(&fields.amount)?;
    let in_kind = matches!(class, Class::TransferIn | Class::TransferOut | Class::Journal);
    if amount.is_none() && !in_kind {
        return Err(missing(fields.amount.as_ref().map_or("`amount`", |a| a.label())));
    }
    let currency = currency(row, &fields.currency)?;
    let flow = Flow {
        class,
        amount,
        currency,
        at: at.and_then(|m| m.instant(&pen.mapped.mapping.zone)),
        effective,
        security: shared(&fields.security)?,
        counter_account: shared(&fields.counter_account)?,
        description: shared(&fields.description)?,
        own_id: false,
    };
    Ok((as_of, flow))
}

/// A currency's three letters, where the mapping reads one and the record has it.
pub fn currency(row: &Row<'_>, text: &Option<Text>) -> Outcome<Option<[u8; 3]>> {
    let Some(text) = text else { return Ok(None) };
    let Some(code) = row.text(text)? else { return Ok(None) };
    match code {
        [a, b, c] if code.iter().all(u8::is_ascii_uppercase) => Ok(Some([*a, *b, *c])),
        _ => {
            let shown = crate::value::money::shown(code);
            Err(Fault::of_field(
                "bad_currency",
                &text.label,
                format!("{}: `{shown}` is no currency code such as USD", text.label),
            ))
        }
    }
}

/// A reference where the feed gives none: what the flow says, and which of its equals it is. On a stream nothing counts equals, so there its
/// place makes it one of its own, and the ledger asks the policy what becomes of equals; nowhere else is a place part of it.
fn generated(
    pen: &mut Pen<'_, '_, '_>,
    account: &str,
    as_of: Date,
    flow: &Flow,
    what: &str,
) -> Outcome<Arc<str>> {
    let mut hash = Identity::new(what, account, as_of);
    hash.text(flow.class.as_str());
    hash.amount(flow.amount);
    hash.bytes(&flow.currency.unwrap_or_default());
    hash.text(flow.security.as_deref().unwrap_or_default());
    hash.text(flow.description.as_deref().unwrap_or_default());
    let identity = hash.finish();
    let ordinal = ordinal(pen, as_of, identity)?;
    if let Some(partition) = &pen.stamp.stream {
        let mut hash = Identity::new(what, account, as_of);
        hash.bytes(&identity.to_be_bytes());
        hash.bytes(&partition.to_be_bytes());
        hash.text(&pen.stamp.place.position.to_string());
        return Ok(format!("{STREAM_REFERENCE}{:032x}", hash.finish()).into());
    }
    // A delta feed says only what is new, so its lines equal no line of another feed.
    let salted = match &pen.stamp.salt {
        Some(salt) => {
            let mut hash = Identity::new(what, account, as_of);
            hash.bytes(&identity.to_be_bytes());
            hash.bytes(salt);
            hash.finish()
        }
        None => identity,
    };
    Ok(with_ordinal(format!("{FEED_REFERENCE}{salted:032x}"), ordinal))
}

/// Which of its equals the observation is, in its feed.
fn ordinal(pen: &mut Pen<'_, '_, '_>, as_of: Date, identity: u128) -> Outcome<u32> {
    let ordinal = pen.view.ordinals.get(pen.identities.len()).copied().unwrap_or(0);
    pen.identities.push((as_of, identity));
    if ordinal == crate::equals::UNKNOWN {
        let text = "the feed is not in date order and too long to tell equal lines apart: sort it by date, or map an `id`";
        return Err(Fault::new("out_of_order", text));
    }
    Ok(ordinal)
}

fn with_ordinal(mut reference: String, ordinal: u32) -> Arc<str> {
    if ordinal > 0 {
        // Writing to a string cannot fail.
        let _ = write!(reference, "#{}", ordinal + 1);
    }
    reference.into()
}

/// A position: its reference is the security, what the mapping names beside it, and which of its equals it is.
pub fn holding<'a>(
    pen: &mut Pen<'a, '_, '_>,
    fields: &'a HoldingFields,
    account: &str,
    as_of: Date,
) -> Outcome<(Arc<str>, Body)> {
    let row = pen.row;
    let security = utf8(row.needed(&fields.security)?, &fields.security.label)?;
    let mut reference = security.to_owned();
    for text in &fields.reference {
        reference.push('/');
        reference.push_str(row.kept(text)?.unwrap_or_default());
    }
    let mut hash = Identity::new("holding", account, as_of);
    hash.text(&reference);
    let ordinal = ordinal(pen, as_of, hash.finish())?;
    let body = Body::Holding(Holding {
        security: security.into(),
        value: row.needed_amount(&fields.value)?,
        accrued: row.maybe(&fields.accrued)?.unwrap_or_default(),
        quantity: row.maybe(&fields.quantity)?,
        price: row.maybe(&fields.price)?,
        currency: currency(&row, &fields.currency)?,
    });
    Ok((with_ordinal(reference, ordinal), body))
}

/// A hash over fields, each with its length, so that no two lists of fields run together.
struct Identity(Xxh3);

impl Identity {
    fn new(what: &str, account: &str, as_of: Date) -> Self {
        let mut hash = Identity(Xxh3::new());
        hash.text(what);
        hash.text(account);
        hash.bytes(&returns::date::days(as_of).to_le_bytes());
        hash
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// Amounts are canonical here: no trailing zeros, no -0.
    fn amount(&mut self, amount: Option<Decimal>) {
        match amount {
            Some(amount) => {
                self.bytes(&amount.mantissa().to_le_bytes());
                self.bytes(&amount.scale().to_le_bytes());
            }
            None => self.bytes(b""),
        }
    }

    fn finish(&self) -> u128 {
        self.0.digest128()
    }
}

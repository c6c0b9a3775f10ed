//! One record into observations, by the blocks of a mapping.
use super::fault::{Fault, Outcome};
use super::row::{Row, missing, utf8};
use super::{Decoded, Observation};
use super::{clock, flow, history, summary};
use crate::format::{Fields, Selector, offset};
use crate::layout::Mapped;
use crate::mapping::model::{Block, BlockFields, ValuationFields};
use crate::value::date::Moment;
use record::{Context, FeedKey, PartitionKey, Position};
use returns::fact::{Summary, Valuation};
use returns::ledger;
use returns::{Arrival, Body, Date, Fact, Origin, Place, Vendor};
use std::sync::Arc;

/// What every fact of a record carries.
#[derive(Clone, Copy)]
pub struct Stamp {
    pub vendor: Vendor,
    pub arrival: Arrival,
    pub place: Place,
    pub feed: FeedKey,
    /// The feed's hash, where it makes references.
    pub salt: Option<[u8; 32]>,
    /// The feed is a stream, read as the partition of that hash: nothing tells a flow sent twice from two flows that are alike.
    pub stream: Option<u128>,
}

/// For what does not depend on where a record stands: which account it is of, and what tells its equals apart.
pub fn nowhere() -> Stamp {
    let place = Place { partition: PartitionKey(0), position: Position::default() };
    Stamp { vendor: Vendor(0), arrival: Arrival(None), place, feed: FeedKey(0), salt: None, stream: None }
}

/// What a record came to.
pub enum Verdict<'m> {
    Decoded,
    Ignored(&'m str),
}

/// What stands before a record and is known for the whole run of records under it.
#[derive(Default)]
pub struct View<'b> {
    pub context: Option<&'b Context>,
    /// Which of their equals the record's observations are.
    pub ordinals: &'b [u32],
    /// Selectors whose column is not there.
    pub absent: &'b [u16],
}

/// Reads records; owns what is reused from one to the next.
pub struct Reader {
    mapped: Arc<Mapped>,
    fields: Fields,
    /// The identities of the record's observations that are told from their equals by a number.
    pub identities: Vec<(Date, u128)>,
}

/// Where observations go, and the account they go to.
pub struct Writer<'o> {
    pub out: &'o mut Decoded,
    last: Option<(u32, u32)>,
}

impl<'o> Writer<'o> {
    pub fn new(out: &'o mut Decoded) -> Self {
        Writer { out, last: None }
    }

    /// The span of an account's text; the same as the last record's where the account is.
    fn account(&mut self, account: &str) -> (u32, u32) {
        if let Some((start, end)) = self.last
            && self.out.text.get(start as usize..end as usize) == Some(account.as_bytes())
        {
            return (start, end);
        }
        let start = offset(self.out.text.len());
        self.out.text.extend_from_slice(account.as_bytes());
        let span = (start, offset(self.out.text.len()));
        self.last = Some(span);
        span
    }

    /// All or nothing: takes back what a record gave.
    pub fn roll_back(&mut self, observations: usize, text: usize) {
        self.out.observations.truncate(observations);
        self.out.text.truncate(text);
        self.last = self.last.filter(|(_, end)| *end as usize <= text);
    }
}

impl Reader {
    pub fn new(mapped: Arc<Mapped>) -> Self {
        Reader { mapped, fields: Fields::default(), identities: Vec::new() }
    }

    /// Reads one record. On an error the writer may hold some of it: roll back.
    pub fn read(
        &mut self,
        record: &[u8],
        view: &View<'_>,
        stamp: &Stamp,
        writer: &mut Writer<'_>,
    ) -> Outcome<Verdict<'_>> {
        let Reader { mapped, fields, identities } = self;
        identities.clear();
        mapped.format.parse(record, view.context, fields)?;
        let row = Row { record, fields, missing: &mapped.mapping.missing };
        for ignore in &mapped.mapping.ignores {
            if is_for(ignore.record, fields.record_type) && row.holds(&ignore.when)? {
                return Ok(Verdict::Ignored(&ignore.class));
            }
        }
        let (mut matched, mut class) = (false, "unmapped");
        let before = writer.out.observations.len();
        for block in &mapped.mapping.blocks {
            if !is_for(block.record, fields.record_type) {
                continue;
            }
            check_columns(&block.needs, view.absent, mapped)?;
            if !row.holds(&block.when)? {
                continue;
            }
            matched = true;
            let mut pen = Pen { mapped, row, block, view, stamp, identities, writer };
            if let Some(left) = pen.write()? {
                class = left;
            }
        }
        if !matched {
            let text = "no [[observation]] and no [[ignore]] of the mapping is for this record";
            return Err(Fault::new("unknown_record", text));
        }
        let gave = writer.out.observations.len() > before;
        Ok(if gave { Verdict::Decoded } else { Verdict::Ignored(class) })
    }

    /// The account and date a record names, as far as they can be read: what a quarantined record holds. If no block is for
    /// it, the first that can read an account says.
    pub fn names(&self, record: &[u8]) -> (Option<String>, Option<Date>) {
        let row = Row { record, fields: &self.fields, missing: &self.mapped.mapping.missing };
        let mut blocks: Vec<&Block> =
            self.mapped.mapping.blocks.iter().filter(|b| is_for(b.record, self.fields.record_type)).collect();
        blocks.sort_by_key(|b| !row.holds(&b.when).unwrap_or(false));
        for block in blocks {
            if let Ok(Some(account)) = row.kept(&block.account)
                && check_account(account, &block.account.label).is_ok()
            {
                return (Some(account.to_owned()), self.date_named(&row, block));
            }
        }
        (None, None)
    }

    fn date_named(&self, row: &Row<'_>, block: &Block) -> Option<Date> {
        if let Some(as_of) = &block.as_of {
            return row.moment(as_of).ok().flatten().map(|m| m.date);
        }
        let at = match &block.fields {
            BlockFields::Valuation(v) => v.at.as_ref(),
            BlockFields::Flow(f) => f.at.as_ref(),
            _ => None,
        };
        clock::local(&self.mapped, &row.moment(at?).ok().flatten()?).ok().map(|l| l.date())
    }

    /// Checks that a header has the columns which the blocks for its rows need.
    pub fn check_header(&self, section: Option<u16>, absent: &[u16]) -> Outcome<()> {
        check_columns(&self.needs(section), absent, &self.mapped)
    }

    /// Why a line cannot be taken apart at all: a header in another encoding lacks its columns for that reason.
    pub fn unreadable(&mut self, line: &[u8], view: &View<'_>) -> Option<Box<Fault>> {
        self.mapped.format.parse(line, view.context, &mut self.fields).err().map(Into::into)
    }

    /// Whether a header line is one beyond doubt: the columns that are read by name are all there. Otherwise its cells may be data.
    pub fn knows_header(&self, section: Option<u16>, absent: &[u16]) -> bool {
        let selectors = &self.mapped.mapping.selectors;
        let is_named = |n: &u16| matches!(selectors.get(usize::from(*n)), Some(Selector::Field(name)) if !name.starts_with('@'));
        let needs = self.needs(section);
        needs.iter().any(is_named) && !needs.iter().any(|n| absent.contains(n))
    }

    /// A sum over the last record's names that nobody reads; 0 where there are none.
    #[inline]
    pub fn unread(&self) -> u64 {
        self.fields.unread
    }

    /// The names in a record that the mapping neither reads nor lists.
    pub fn unread_names(&self, record: &[u8]) -> Vec<String> {
        self.mapped.format.unread(record)
    }

    /// The selectors that rows of a section need.
    fn needs(&self, section: Option<u16>) -> Vec<u16> {
        let blocks = self.mapped.mapping.blocks.iter().filter(|b| is_for(b.record, section));
        let mut needs: Vec<u16> = blocks.flat_map(|b| b.needs.iter().copied()).collect();
        needs.sort_unstable();
        needs.dedup();
        needs
    }

    /// Forgets the fields of the last record, so that nothing of it is taken for the next.
    pub fn forget(&mut self) {
        self.fields.reset(0);
    }
}

fn is_for(wanted: Option<u16>, record_type: Option<u16>) -> bool {
    wanted.is_none() || wanted == record_type
}

fn check_columns(needs: &[u16], absent: &[u16], mapped: &Mapped) -> Outcome<()> {
    if absent.is_empty() || !needs.iter().any(|n| absent.contains(n)) {
        return Ok(());
    }
    let names: Vec<String> = needs
        .iter()
        .filter(|n| absent.contains(n))
        .filter_map(|n| mapped.mapping.selectors.get(usize::from(*n)))
        .map(|s| match s {
            Selector::Column(n) => format!("column {n}"),
            Selector::Field(name) | Selector::Path(name) => format!("`{name}`"),
        })
        .collect();
    let text = format!("the header has no {}", names.join(", no "));
    Err(Box::new(Fault { field: Some(names.join(", ")), ..*Fault::new("missing_column", text) }))
}

pub fn row_of<'a>(mapped: &'a Mapped, record: &'a [u8], fields: &'a Fields) -> Row<'a> {
    Row { record, fields, missing: &mapped.mapping.missing }
}

/// One block applied to one record.
pub struct Pen<'a, 'o, 'w> {
    pub mapped: &'a Mapped,
    pub row: Row<'a>,
    pub block: &'a Block,
    pub view: &'a View<'a>,
    pub stamp: &'a Stamp,
    pub identities: &'a mut Vec<(Date, u128)>,
    pub writer: &'w mut Writer<'o>,
}

impl<'a> Pen<'a, '_, '_> {
    /// Writes the block's observation; or says under which class the record is left out.
    #[inline]
    fn write(&mut self) -> Outcome<Option<&'static str>> {
        let account = utf8(self.row.needed(&self.block.account)?, &self.block.account.label)?;
        check_account(account, &self.block.account.label)?;
        match &self.block.fields {
            BlockFields::Summary(s) => {
                let mut summary = Summary { reported_span: s.span, ..Summary::default() };
                summary::read(&self.row, s, &mut summary)?;
                summary.currency = flow::currency(&self.row, &s.currency)?;
                self.push(account, self.as_of()?.date, None, Body::Summary(summary))?;
            }
            BlockFields::Valuation(v) => {
                let (as_of, reference, body) = self.valuation(v)?;
                self.push(account, as_of, reference, body)?;
            }
            BlockFields::Flow(f) => match flow::read(self, f, account)? {
                flow::Read::Left(class) => return Ok(Some(class.as_str())),
                flow::Read::Said(as_of, reference, body) => {
                    self.push(account, as_of, Some(reference), body)?
                }
            },
            BlockFields::Holding(h) => {
                let as_of = self.as_of()?.date;
                let (reference, body) = flow::holding(self, h, account, as_of)?;
                self.push(account, as_of, Some(reference), body)?;
            }
            BlockFields::Account(a) => self.push_dated(account, history::account(&self.row, a)?)?,
            BlockFields::Opening(o) => self.push_dated(account, history::opening(&self.row, o)?)?,
            BlockFields::Return(r) => self.push_dated(account, history::imported(&self.row, r)?)?,
        }
        Ok(None)
    }

    fn push_dated(&mut self, account: &str, body: Body) -> Outcome<()> {
        self.push(account, self.as_of()?.date, None, body)
    }

    #[inline]
    fn push(&mut self, account: &str, as_of: Date, reference: Option<Arc<str>>, body: Body) -> Outcome<()> {
        let revision = self.revision()?;
        let origin = Origin::Vendor(self.stamp.vendor);
        let content =
            ledger::content(&body, origin, body.kind(), as_of, reference.as_deref(), revision, account);
        let fact = Fact {
            origin,
            as_of,
            reference,
            revision,
            arrival: self.stamp.arrival,
            place: self.stamp.place,
            feed: self.stamp.feed,
            content,
            vendor_account: Default::default(),
            mapping_version: self.mapped.mapping.version,
            body,
        };
        let account = self.writer.account(account);
        self.writer.out.observations.push(Observation {
            account,
            is_account_no: self.block.is_account_no,
            fact,
        });
        Ok(())
    }

    fn revision(&self) -> Outcome<Option<u64>> {
        let Some(amount) = &self.block.revision else { return Ok(None) };
        let Some(value) = self.row.amount(amount)? else { return Ok(None) };
        let whole = u64::try_from(value.mantissa()).ok().filter(|_| value.scale() == 0);
        let wrong = || {
            let label = amount.label();
            Fault::of_field(
                "bad_number",
                label,
                format!("{label}: a revision is a whole number, not {value}"),
            )
        };
        whole.map(Some).ok_or_else(wrong)
    }

    pub fn as_of(&self) -> Outcome<Moment> {
        match &self.block.as_of {
            Some(date) => self.row.needed_moment(date),
            None => Err(missing("`as_of`")),
        }
    }

    fn valuation(&self, fields: &'a ValuationFields) -> Outcome<(Date, Option<Arc<str>>, Body)> {
        let moment = fields.at.as_ref().map(|at| self.row.needed_moment(at)).transpose()?;
        let at = moment.and_then(|m| m.instant(&self.mapped.mapping.zone));
        let as_of = match (&self.block.as_of, &moment) {
            (Some(_), _) => self.as_of()?.date,
            // Which day it closes is for the vendor's policy to say, which a topology may set.
            (None, Some(moment)) => clock::local(self.mapped, moment)?.date(),
            (None, None) => return Err(missing("`as_of`")),
        };
        let value = self.row.needed_amount(&fields.value)?;
        let accrued = self.row.maybe(&fields.accrued)?.unwrap_or_default();
        let reference =
            at.and_then(|m| jiff::Timestamp::from_microsecond(m).ok()).map(|t| t.to_string().into());
        let currency = flow::currency(&self.row, &fields.currency)?;
        Ok((as_of, reference, Body::Valuation(Valuation { at, value, accrued, currency })))
    }
}

/// An account number is short and has no control characters; it goes into keys and reports.
pub fn check_account(account: &str, label: &str) -> Outcome<()> {
    let printable = |text: &str| {
        text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(char::is_control)
    };
    if account.len() <= 64 && printable(account) {
        return Ok(());
    }
    Err(Fault::of_field(
        "bad_account",
        label,
        format!("{label} is no account number: at most 64 bytes, no control characters"),
    ))
}

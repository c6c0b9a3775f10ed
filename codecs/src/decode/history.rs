//! Reference data, and history moved in (F9).
use super::fault::Outcome;
use super::flow::currency;
use super::row::Row;
use crate::mapping::model::{AccountFields, DateOf, OpeningFields, ReturnFields};
use returns::fact::{AccountInfo, ImportedReturn, Opening};
use returns::{Body, Date};

pub fn account<'a>(row: &Row<'a>, fields: &'a AccountFields) -> Outcome<Body> {
    let date = |date: &'a Option<DateOf>| -> Outcome<Option<Date>> {
        Ok(date.as_ref().map(|d| row.moment(d)).transpose()?.flatten().map(|m| m.date))
    };
    Ok(Body::Account(AccountInfo {
        base_currency: currency(row, &fields.base_currency)?,
        performance_start: date(&fields.performance_start)?,
        closed_on: date(&fields.closed_on)?,
        name: fields.name.as_ref().map(|t| row.kept(t)).transpose()?.flatten().map(Into::into),
    }))
}

pub fn opening<'a>(row: &Row<'a>, fields: &'a OpeningFields) -> Outcome<Body> {
    Ok(Body::Opening(Opening {
        end: row.needed_amount(&fields.end)?,
        cumulative_twrr: row.needed_amount(&fields.cumulative)?,
        cumulative_twrr_gross: row.maybe(&fields.cumulative_gross)?,
        cumulative_net_flow: row.needed_amount(&fields.cumulative_net_flow)?,
        inception: row.needed_moment(&fields.inception)?.date,
    }))
}

pub fn imported<'a>(row: &Row<'a>, fields: &'a ReturnFields) -> Outcome<Body> {
    Ok(Body::Return(ImportedReturn {
        from: row.needed_moment(&fields.from)?.date,
        net: row.needed_amount(&fields.net)?,
        gross: row.maybe(&fields.gross)?,
    }))
}

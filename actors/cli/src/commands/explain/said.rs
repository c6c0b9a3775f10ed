//! What a fact says, in words.
use super::time;
use crate::figure::exact;
use returns::Decimal;
use returns::fact::{Body, Correction, Flow, ImportedReturn, Opening, Patch, Stated, Summary, Valuation};

pub(super) fn said(body: &Body) -> String {
    match body {
        Body::Summary(s) => summary(s),
        Body::Valuation(v) => valuation(v),
        Body::Flow(f) => flow(f),
        Body::Correction(c) => correction(c),
        Body::Cancel(c) => format!("cancels {}", c.original.as_deref().unwrap_or("the latest match")),
        Body::Holding(h) => format!("{} {}{}", h.security, exact(Some(h.value)), beside(h.currency)),
        Body::Quarantined(q) => format!("a record of this day is in quarantine ({})", q.code),
        Body::Account(_) => "reference data".into(),
        Body::Opening(o) => opening(o),
        Body::Return(r) => imported(r),
        Body::Withdrawal(w) => {
            format!("{} by {}: {}", if w.reinstate { "reinstated" } else { "withdrawn" }, w.who, w.reason)
        }
    }
}

fn summary(s: &Summary) -> String {
    let fields: [(&str, Stated, Decimal); 8] = [
        ("begin", Stated::BEGIN, s.begin),
        ("contributions", Stated::CONTRIBUTIONS, s.contributions),
        ("distributions", Stated::DISTRIBUTIONS, s.distributions),
        ("fees", Stated::FEES, s.fees),
        ("fees outside", Stated::FEES_OUTSIDE, s.fees_outside),
        ("accrued", Stated::ACCRUED, s.accrued),
        ("end", Stated::END, s.end),
        ("vendor's return", Stated::REPORTED_RETURN, s.reported_return),
    ];
    let stated = fields.iter().filter(|(_, f, _)| s.stated.has(*f));
    let amounts = stated.map(|(n, _, v)| format!("{n} {}", exact(Some(*v)))).collect::<Vec<_>>();
    format!("{}{}", amounts.join(", "), s.currency.map(|c| format!(", in {}", code(&c))).unwrap_or_default())
}

fn valuation(v: &Valuation) -> String {
    let at = v.at.map_or_else(|| "at the close".into(), |at| format!("at {}", time(at)));
    let accrued =
        if v.accrued.is_zero() { String::new() } else { format!(", accrued {}", exact(Some(v.accrued))) };
    format!("{}{}{accrued} {at}", exact(Some(v.value)), beside(v.currency))
}

fn flow(f: &Flow) -> String {
    let amount = f.amount.map_or_else(|| "not priced".into(), |a| exact(Some(a)));
    format!("{} {amount}{}", f.class.as_str(), beside(f.currency))
}

/// A stated currency after its amount.
fn beside(currency: Option<[u8; 3]>) -> String {
    currency.map(|c| format!(" {}", code(&c))).unwrap_or_default()
}

fn code(currency: &[u8; 3]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(currency)
}

fn correction(c: &Correction) -> String {
    let fields = [
        ("end value", c.end_value),
        ("contributions", c.contributions),
        ("distributions", c.distributions),
        ("fees", c.fees),
    ];
    let set = fields.iter().filter_map(|(n, p)| match p {
        Patch::Absent => None,
        Patch::TakenAway => Some(format!("{n} no longer corrected")),
        Patch::Set(v) => Some(format!("{n} {}", exact(Some(*v)))),
    });
    let set = set.collect::<Vec<_>>().join(", ");
    format!("{set}; ticket {}, by {}: {} (event {})", c.ticket, c.who, c.reason, c.event_id)
}

fn opening(o: &Opening) -> String {
    let gross = o.cumulative_twrr_gross.map(|g| format!(", gross {}", exact(Some(g)))).unwrap_or_default();
    format!(
        "history moved in: end value {}, cumulative return {}{gross}, net flow {}, all since {}",
        exact(Some(o.end)),
        exact(Some(o.cumulative_twrr)),
        exact(Some(o.cumulative_net_flow)),
        o.inception
    )
}

fn imported(r: &ImportedReturn) -> String {
    let gross = r.gross.map(|g| format!(", gross {}", exact(Some(g)))).unwrap_or_default();
    format!("return moved in: {}{gross} from {}", exact(Some(r.net)), r.from)
}

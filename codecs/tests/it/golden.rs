//! Every vendor's folder, walked: its sample decodes to what its `expected.json` says.
//!
//! `UPDATE_GOLDEN=1 cargo test -p codecs` writes the expectations anew; read the difference before you keep it.
use crate::support::{batch, frame};
use codecs::{Decoded, Layout, Observation, Reject};
use record::Survey;
use returns::fact::{Stated, Summary};
use returns::{Body, Decimal, Vendor};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn every_vendor_decodes_its_sample_as_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors");
    let mut folders: Vec<PathBuf> =
        fs::read_dir(&root).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect();
    folders.sort();
    assert!(folders.len() >= 6, "at least six sample vendors are shipped");
    let wrong: Vec<String> = folders.iter().filter_map(|folder| vendor(folder).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_vendor_and_its_sample_are_described_beside_the_sample_feeds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let described = fs::read_to_string(root.join("samples/README.md")).unwrap();
    for folder in fs::read_dir(root.join("vendors")).unwrap().map(|e| e.unwrap().path()) {
        let mut files = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name());
        let sample = files.find(|f| f.to_string_lossy().starts_with("sample.")).unwrap();
        let (vendor, sample) = (folder.file_name().unwrap().to_string_lossy(), sample.to_string_lossy());
        assert!(described.contains(&format!("| `{vendor}` | `{sample}` |")), "{vendor} is not described");
    }
}

fn vendor(folder: &Path) -> Result<(), String> {
    let name = folder.file_name().unwrap().to_string_lossy().into_owned();
    let mapping =
        fs::read_to_string(folder.join("mapping.toml")).map_err(|e| format!("{name}/mapping.toml: {e}"))?;
    let layout = Layout::compile(&mapping, &format!("{name}/mapping.toml"))
        .map_err(|p| p.iter().map(|p| format!("{p}\n")).collect::<String>())?;
    if layout.name() != name {
        return Err(format!("{name}: the mapping calls itself `{}`", layout.name()));
    }
    let sample = sample(folder).ok_or_else(|| format!("{name}: there is no sample.*"))?;
    let found = decoded(Arc::new(layout), &sample);
    let text = pretty(&sorted(&found));
    let path = folder.join("expected.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let expected = fs::read_to_string(&path).map_err(|e| format!("{name}/expected.json: {e}"))?;
    if expected == text { Ok(()) } else { Err(format!("{name}: {}", difference(&expected, &text))) }
}

/// The first line that differs.
fn difference(expected: &str, found: &str) -> String {
    let lines =
        expected.lines().chain(std::iter::repeat("(nothing)")).zip(found.lines().chain(["(nothing)"]));
    let (n, (expected, found)) = lines.enumerate().find(|(_, (e, f))| e != f).unwrap();
    format!("line {} of expected.json\n  expected {expected}\n  found    {found}", n + 1)
}

fn sample(folder: &Path) -> Option<Vec<u8>> {
    let files = fs::read_dir(folder).ok()?.map(|e| e.unwrap().path());
    let sample = files.filter(|p| p.file_stem().is_some_and(|s| s == "sample")).min()?;
    fs::read(sample).ok()
}

fn decoded(layout: Arc<Layout>, sample: &[u8]) -> Value {
    let mut surveyor = layout.surveyor("feed");
    surveyor.feed(sample);
    let survey = surveyor.finish();
    let framed = frame(&layout, sample, sample.len());
    let mut out = Decoded::default();
    layout.decoder(Vendor(0)).decode(&batch(&layout, framed, sample, true), &mut out);
    assert_eq!(out.counts.records_unaccounted(), 0);
    assert_eq!(out.counts.observed, out.observations.len() as u64);
    out.ignored.sort();
    let c = &out.counts;
    json!({
        "survey": survey_of(&survey),
        "counts": {"read": c.read, "decoded": c.decoded, "ignored": c.ignored, "quarantined": c.quarantined, "observed": c.observed},
        "ignored": out.ignored.iter().map(|(class, n)| (class.clone(), json!(n))).collect::<Map<_, _>>(),
        "drift": out.drift.iter().flat_map(|d| d.columns.clone()).collect::<Vec<_>>(),
        "observations": out.observations.iter().map(|o| observation(&out, o)).collect::<Vec<_>>(),
        "quarantine": out.rejects.iter().map(reject).collect::<Vec<_>>(),
    })
}

fn survey_of(s: &Survey) -> Value {
    json!({
        "records": s.records, "business_date": s.business_date, "arrival": s.arrival.map(instant), "declared": s.declared,
        "counted": s.counted, "agrees": s.agrees(), "newest_first": s.newest_first,
    })
}

fn instant(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros).unwrap().to_string()
}

fn reject(r: &Reject) -> Value {
    without_nulls(json!({
        "line": r.line, "code": r.code, "text": r.text, "field": r.field, "account": r.account,
        "as_of": r.as_of.map(|d| d.to_string()), "at": r.at,
    }))
}

fn observation(out: &Decoded, o: &Observation) -> Value {
    let mut value = json!({
        "account": out.account(o), "line": o.fact.place.position.sub, "kind": o.fact.kind().as_str(),
        "as_of": o.fact.as_of.to_string(), "ref": o.fact.reference.as_deref(), "revision": o.fact.revision,
    });
    value.as_object_mut().unwrap().append(body(&o.fact.body).as_object_mut().unwrap());
    without_nulls(value)
}

fn without_nulls(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    Value::Object(map.into_iter().filter(|(_, v)| !v.is_null()).collect())
}

fn text(amount: Decimal) -> String {
    amount.to_string()
}

fn currency(code: Option<[u8; 3]>) -> Option<String> {
    code.map(|c| String::from_utf8(c.to_vec()).unwrap())
}

fn body(body: &Body) -> Value {
    match body {
        Body::Summary(s) => summary(s),
        Body::Valuation(v) => {
            json!({
                "at": v.at.map(instant), "value": text(v.value), "accrued": (!v.accrued.is_zero()).then(|| text(v.accrued)),
                "currency": currency(v.currency),
            })
        }
        Body::Flow(f) => json!({
            "class": f.class.as_str(), "amount": f.amount.map(text), "currency": currency(f.currency), "at": f.at.map(instant),
            "effective": f.effective.map(|d| d.to_string()), "security": f.security.as_deref(), "counter_account": f.counter_account.as_deref(),
            "description": f.description.as_deref(), "own_id": f.own_id.then_some(true),
        }),
        Body::Holding(h) => json!({
            "security": &*h.security, "value": text(h.value), "quantity": h.quantity.map(text), "price": h.price.map(text),
            "currency": currency(h.currency),
        }),
        Body::Account(a) => json!({
            "base_currency": currency(a.base_currency), "name": a.name.as_deref(), "closed_on": a.closed_on.map(|d| d.to_string()),
            "performance_start": a.performance_start.map(|d| d.to_string()),
        }),
        Body::Cancel(c) => json!({
            "original": c.original.as_deref(), "class": c.class.as_str(), "amount": c.amount.map(text), "security": c.security.as_deref(),
        }),
        other => json!({"said": format!("{other:?}")}),
    }
}

fn summary(s: &Summary) -> Value {
    let fields = [
        ("begin", Stated::BEGIN, s.begin),
        ("end", Stated::END, s.end),
        ("contributions", Stated::CONTRIBUTIONS, s.contributions),
        ("distributions", Stated::DISTRIBUTIONS, s.distributions),
        ("fees", Stated::FEES, s.fees),
        ("fees_outside", Stated::FEES_OUTSIDE, s.fees_outside),
        ("accrued", Stated::ACCRUED, s.accrued),
        ("reported_return", Stated::REPORTED_RETURN, s.reported_return),
    ];
    let mut map: Map<String, Value> = fields
        .into_iter()
        .filter(|(_, bit, _)| s.stated.has(*bit))
        .map(|(name, _, amount)| (name.to_owned(), json!(text(amount))))
        .collect();
    if s.stated.has(Stated::REPORTED_RETURN) {
        map.insert("span".into(), json!(s.reported_span.as_str()));
    }
    if s.stated.has(Stated::FLOWS_OF_PERIOD) {
        map.insert("flows_span".into(), json!("period"));
    }
    map.extend(currency(s.currency).map(|code| ("currency".into(), json!(code))));
    Value::Object(map)
}

/// Keys in the order of the alphabet, whether or not another crate asks serde_json to keep them as they came.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            Value::Object(keys.into_iter().map(|k| (k.clone(), sorted(&map[k]))).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        plain => plain.clone(),
    }
}

/// One observation or quarantine row a line, so that a difference reads well.
fn pretty(value: &Value) -> String {
    let mut text = String::from("{\n");
    let map = value.as_object().unwrap();
    for (n, (key, value)) in map.iter().enumerate() {
        let comma = if n + 1 < map.len() { "," } else { "" };
        match value.as_array().filter(|items| items.iter().any(Value::is_object)) {
            Some(items) => {
                let lines: Vec<String> = items.iter().map(|i| format!("  {i}")).collect();
                text += &format!("\"{key}\": [\n{}\n]{comma}\n", lines.join(",\n"));
            }
            None => text += &format!("\"{key}\": {value}{comma}\n"),
        }
    }
    text + "}\n"
}

//! What a feed says of itself.
use crate::support::layout;
use codecs::Layout;
use record::Survey;
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn survey(layout: &Layout, name: &str, feed: &[u8]) -> Survey {
    let mut surveyor = layout.surveyor(name);
    surveyor.feed(feed);
    surveyor.finish()
}

fn shipped(vendor: &str) -> Arc<Layout> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors").join(vendor);
    layout(&fs::read_to_string(folder.join("mapping.toml")).unwrap())
}

#[test]
fn the_business_date_of_a_shipped_feed_is_found_where_its_vendor_puts_it() {
    let feeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/feeds");
    for (vendor, name, date) in [
        ("quarry", "quarry_20250121.qps", Some("2025-01-21")),
        ("quarry", "resent_quarry_second_20250226.qps", Some("2025-02-26")),
        ("meridian", "meridian_values_20250102.csv", Some("2025-01-02")),
        ("meridian", "meridian_values_resent_20250305.csv", Some("2025-03-05")),
        ("meridian_activity", "meridian_activity_20250110.csv", Some("2025-01-10")),
        ("ibkr", "ibkr_flex_2025-01.xml", Some("2025-01-31")),
        ("ibkr", "ibkr_flex_rerun_2025-03-11.xml", Some("2025-03-11")),
        ("tidemark", "tidemark_2025-01.json", None),
    ] {
        let found = survey(&shipped(vendor), name, &fs::read(feeds.join(name)).unwrap());
        assert_eq!(found.business_date.as_deref(), date, "{name}");
    }
    let vendors = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors");
    for (vendor, sample, name, date) in [
        ("lantern", "sample.csv", "statement.csv", "2025-01-06"),
        ("pulse", "sample.psv", "pulse-20250106.psv", "2025-01-06"),
        ("pulse", "sample.psv", "pulse-2025-01-06.psv", "2025-01-06"),
    ] {
        let found = survey(&shipped(vendor), name, &fs::read(vendors.join(vendor).join(sample)).unwrap());
        assert_eq!(found.business_date.as_deref(), Some(date), "{vendor}");
    }
}

#[test]
fn the_first_place_that_states_a_business_date_counts() {
    let layout = layout(
        "name = \"a\"\nversion = 1\n[feed]\nbusiness_date = [\"@of\", { name = \"%d%b%Y\" }]\n[format]\ntype = \"delimited\"\n\
         header_starts = \"acct\"\n[[format.capture]]\nname = \"of\"\nstarts = \"As of\"\nafter = \"As of \"\n\
         [[observation]]\nkind = \"account\"\naccount = \"acct\"\nas_of = \"date\"\n",
    );
    let rows = "acct,date\nA,2025-01-06\n";
    for (name, head, date) in [
        ("v_07Jan2025.csv", "As of 2025-01-06\n", Some("2025-01-06")),
        ("v_07Jan2025.csv", "", Some("2025-01-07")),
        ("06Jan2025_07Jan2025_2.csv", "", Some("2025-01-07")),
        ("v_107Jan2025.csv", "", None),
        ("v_07Jan20251.csv", "", None),
        ("v_31Feb2025.csv", "", None),
        ("", "", None),
        ("v_07Jan2025.csv", "As of nothing\n", Some("2025-01-07")),
    ] {
        let found = survey(&layout, name, format!("{head}{rows}").as_bytes());
        assert_eq!(found.business_date.as_deref(), date, "{name} {head}");
    }
}

/// What a feed declares and does not hold: declared and found, or `None` where nothing is declared at all.
fn control(layout: &Layout, feed: &str) -> Result<(), Option<(String, String)>> {
    let found = survey(layout, "feed", feed.as_bytes());
    if found.agrees() { Ok(()) } else { Err(found.disagreement().map(|c| (c.declared, c.found))) }
}

#[test]
fn a_declared_total_is_held_against_the_exact_sum_of_the_rows() {
    let layout = layout(
        "name = \"a\"\nversion = 1\n[feed]\ntotal = { declared = \"@total\", of = \"end\" }\n[format]\ntype = \"delimited\"\n\
         footer_starts = [\"Total\"]\n[[format.capture]]\nname = \"total\"\nstarts = \"Total\"\ncolumn = 3\n\
         [[observation]]\nkind = \"summary\"\naccount = \"acct\"\nas_of = \"date\"\nend = \"end\"\n",
    );
    let rows = "acct,date,end\nA,2025-01-06,0.1\nA,2025-01-06,0.20000001\nB,no date,($5.00)\nB,2025-01-06,\n";
    let wrong = |declared: &str, found: &str| Err(Some((declared.to_owned(), found.to_owned())));
    for (rest, expected) in [
        ("Total,,-4.69999999\n", Ok(())),
        ("Total,,\"(4.69999999)\"\n", Ok(())),
        ("Total,,-4.7\n", wrong("-4.7", "-4.69999999")),
        ("C,2025-01-06,x\nTotal,,-4.7\n", Ok(())),
        ("C,2025-01-06\nTotal,,-4.7\n", Ok(())),
        ("C,2025-01-06,x\nTotal,,?\n", wrong("?", "")),
        ("C,2025-01-06,1\nTotal,,-4.69999999\n", wrong("-4.69999999", "-3.69999999")),
        ("Total,,?\n", wrong("?", "-4.69999999")),
        ("Total,,\n", Err(None)),
        ("", Err(None)),
    ] {
        assert_eq!(control(&layout, &format!("{rows}{rest}")), expected, "{rest}");
    }
    assert!(layout.is_controlled());
}

#[test]
fn a_total_may_be_of_some_records_and_a_feed_may_declare_several() {
    let layout = layout(
        "name = \"a\"\nversion = 1\n[feed]\ncount = \"@n\"\n\
         total = [{ declared = \"@v\", record = \"v\", of = \"m\" }, { declared = \"@big\", record = \"p\", when = { field = \"t\", one_of = [\"B\"] }, of = \"m\" }]\n\
         [format]\ntype = \"fixed\"\n[[format.record]]\nname = \"end\"\nrole = \"trailer\"\nmark = \"E\"\nfields.n = { start = 2, length = 2 }\n\
         fields.v = { start = 4, length = 4, decimals = 2 }\nfields.big = { start = 8, length = 4 }\n\
         [[format.record]]\nname = \"v\"\nmark = \"V\"\nfields.a = { start = 2, length = 1 }\nfields.m = { start = 3, length = 4, decimals = 2 }\n\
         [[format.record]]\nname = \"p\"\nmark = \"P\"\nfields.t = { start = 2, length = 1 }\nfields.m = { start = 3, length = 4 }\n\
         [[observation]]\nkind = \"summary\"\nrecord = \"v\"\naccount = \"a\"\nas_of = { const = \"2025-01-06\" }\nend = \"m\"\n",
    );
    let rows = "VA0150\nPB0007\nPS0900\nVB0050\nPB0001\n";
    let wrong = |declared: &str, found: &str| Err(Some((declared.to_owned(), found.to_owned())));
    assert_eq!(control(&layout, &format!("{rows}E0502000008\n")), Ok(()));
    assert_eq!(control(&layout, &format!("{rows}E0502000009\n")), wrong("9", "8"));
    assert_eq!(control(&layout, &format!("{rows}E0502010009\n")), wrong("2.01", "2"));
    assert_eq!(control(&layout, &format!("{rows}E0402010009\n")), wrong("4", "5"), "the count first");
}

#[test]
fn every_shipped_feed_of_a_layout_with_a_total_sums_to_it() {
    let layout = shipped("meridian");
    let folder = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/feeds")).unwrap();
    let mut held = 0;
    for path in folder.map(|e| e.unwrap().path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("meridian_values") {
            let feed = fs::read(&path).unwrap();
            assert!(survey(&layout, &name, &feed).agrees(), "{name}");
            let mut lines: Vec<&[u8]> = feed.split_inclusive(|b| *b == b'\n').collect();
            lines.insert(4, lines[4]);
            held += usize::from(!survey(&layout, &name, &lines.concat()).agrees());
        }
    }
    assert!(
        held > 50,
        "{held} feeds are held with their first row twice: all but those with a row that cannot be read"
    );
}

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

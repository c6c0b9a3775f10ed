//! A feed cut into messages says what it says as a file.
use crate::support::{batch, frame, layout};
use codecs::message::Limits;
use codecs::{Decoded, Layout, Message, MessageError};
use proptest::prelude::*;
use returns::Vendor;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

fn vendors() -> Vec<Arc<Layout>> {
    let read = |folder: PathBuf| layout(&fs::read_to_string(folder.join("mapping.toml")).unwrap());
    sorted(&root().join("vendors")).into_iter().map(read).chain([Arc::new(Layout::eventbridge())]).collect()
}

/// Every sample of every vendor and every sample feed, with its layout.
fn samples() -> Vec<(String, Arc<Layout>, Vec<u8>)> {
    let known = vendors();
    let mut found = Vec::new();
    for folder in sorted(&root().join("vendors")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let file =
            sorted(&folder).into_iter().find(|p| p.file_stem().is_some_and(|s| s == "sample")).unwrap();
        let layout = known.iter().find(|l| l.name() == name).unwrap();
        found.push((name, layout.clone(), fs::read(file).unwrap()));
    }
    let mut files = sorted(&root().join("samples/feeds"));
    files.push(root().join("samples/corrections.jsonl"));
    for file in files {
        let (name, bytes) =
            (file.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&file).unwrap());
        let mut fitting = known.iter().filter(|l| l.detect(&name, &bytes));
        let layout = fitting.next().unwrap_or_else(|| panic!("{name} is known to no vendor"));
        assert!(fitting.next().is_none(), "{name} is known to several vendors");
        found.push((name, layout.clone(), bytes));
    }
    found
}

fn cut(
    layout: &Arc<Layout>,
    feed: &[u8],
    limits: Limits,
    piece: usize,
) -> Result<Vec<Message>, MessageError> {
    let mut cutter = layout.messages(limits);
    let mut out = Vec::new();
    let count = feed.len().div_ceil(piece).max(1);
    for n in 0..count {
        let piece = &feed[n * piece..feed.len().min((n + 1) * piece)];
        cutter.push(piece, n + 1 == count, &mut out)?;
    }
    Ok(out)
}

/// What a feed or message says, and what of it is refused, without the places.
fn said(layout: &Arc<Layout>, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut out = Decoded::default();
    let framed = frame(layout, bytes, bytes.len().max(1));
    layout.decoder(Vendor(0)).decode(&batch(layout, framed, bytes, false), &mut out);
    let observation = |o: &codecs::Observation| {
        let f = &o.fact;
        // A flow without an id is named by its place on a stream, and its content has that name.
        if f.reference.as_deref().is_some_and(|r| r.starts_with('~')) {
            return format!("{} {} {:?}", out.account(o), f.as_of, f.body);
        }
        format!(
            "{} {} {:?} {:?} {:?} {:?}",
            out.account(o),
            f.as_of,
            f.reference,
            f.revision,
            f.content,
            f.body
        )
    };
    let refused = |r: &codecs::Reject| {
        let raw = String::from_utf8_lossy(&r.raw);
        format!("{} {} {:?} {:?} {:?} {:?} {raw}", r.code, r.text, r.field, r.account, r.as_of, r.at)
    };
    (out.observations.iter().map(observation).collect(), out.rejects.iter().map(refused).collect())
}

fn said_by_messages(layout: &Arc<Layout>, messages: &[Message]) -> (Vec<String>, Vec<String>) {
    let each = messages.iter().map(|m| said(layout, &m.payload));
    each.fold(Default::default(), |mut all: (Vec<String>, Vec<String>), one| {
        all.0.extend(one.0);
        all.1.extend(one.1);
        all
    })
}

/// One record a message, wherever that can be.
const ALONE: Limits = Limits { message: 1 << 20, group: 0 };

#[test]
fn every_sample_says_through_messages_what_it_says_as_a_file_and_in_that_order() {
    for (name, layout, feed) in samples() {
        for limits in [ALONE, Limits::default()] {
            let messages = cut(&layout, &feed, limits, feed.len()).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(said_by_messages(&layout, &messages), said(&layout, &feed), "{name}");
        }
    }
}

#[test]
fn each_message_has_the_account_of_its_records_for_a_key() {
    for (name, layout, feed) in samples().into_iter().filter(|(_, layout, _)| !layout.is_controlled()) {
        let messages = cut(&layout, &feed, Limits::default(), feed.len()).unwrap();
        for message in messages {
            let framed = frame(&layout, &message.payload, message.payload.len());
            let mut out = Decoded::default();
            layout.decoder(Vendor(0)).decode(&batch(&layout, framed, &message.payload, false), &mut out);
            let named = out.rejects.iter().filter_map(|r| r.account.as_deref());
            for account in out.observations.iter().map(|o| out.account(o)).chain(named) {
                assert_eq!(account, message.key, "{name}");
            }
        }
    }
}

#[test]
fn a_feed_that_declares_its_end_is_one_message_or_none() {
    for (name, layout, feed) in samples().into_iter().filter(|(_, layout, _)| layout.is_controlled()) {
        let messages = cut(&layout, &feed, ALONE, 1000).unwrap();
        assert!(messages.len() == 1 && messages[0].payload == feed, "{name}");
        let small = Limits { message: feed.len(), group: 0 };
        let refused = cut(&layout, &feed, small, 1000);
        assert!(matches!(refused, Err(MessageError::FeedTooLong { .. })), "{name}: the key counts too");
    }
}

#[test]
fn a_feed_cut_anywhere_gives_the_same_messages() {
    for (name, layout, feed) in samples().into_iter().filter(|(name, ..)| !name.contains('_')) {
        let whole = cut(&layout, &feed, Limits::default(), feed.len()).unwrap();
        for piece in [1, 7, 100] {
            assert_eq!(cut(&layout, &feed, Limits::default(), piece).unwrap(), whole, "{name} by {piece}");
        }
    }
}

const BANK: &str = r#"
name = "bank"
version = 1
[format]
type = "delimited"
header_starts = "Account,"
footer_starts = ["Total"]
multiline = true
record_limit = 200
[[format.capture]]
name = "day"
starts = "Values of "
after = "of "
[[observation]]
kind = "summary"
account = "Account"
as_of = "@day"
end = "Value"
"#;

#[test]
fn footers_stay_behind_and_a_feed_without_a_row_goes_as_it_is() {
    let bank = layout(BANK);
    let feed = b"Our bank\nValues of 2025-01-06\n\nAccount,Value\nA-1,10\nA-2,20\nTotal,30\nthe end\n";
    let messages = cut(&bank, feed, ALONE, feed.len()).unwrap();
    let texts: Vec<&str> = messages.iter().map(|m| std::str::from_utf8(&m.payload).unwrap()).collect();
    let before = "Values of 2025-01-06\nAccount,Value\n";
    assert_eq!(texts, [format!("{before}A-1,10"), format!("{before}A-2,20")]);
    for none in [&b"Our bank\n"[..], b"Our bank\nValues of 2025-01-06\nAccount,Value\n"] {
        let messages = cut(&bank, none, ALONE, none.len()).unwrap();
        assert!(messages.len() == 1 && messages[0].payload == none);
        assert_eq!(messages[0].key, "bank");
    }
    assert_eq!(cut(&bank, b"", ALONE, 1), Ok(Vec::new()));
}

#[test]
fn a_line_that_is_refused_goes_alone_and_is_refused_again() {
    let bank = layout(BANK);
    let long = format!("A-3,{}", "1".repeat(300));
    let feed = format!("Values of 2025-01-06\nAccount,Value\nA-1,10\n{long}\nA-1,20\n\"A-1\"x,1\n");
    let messages = cut(&bank, feed.as_bytes(), Limits::default(), 10).unwrap();
    let keys: Vec<&str> = messages.iter().map(|m| m.key.as_str()).collect();
    assert_eq!(keys, ["A-1", "bank", "A-1", "bank"]);
    assert_eq!(said_by_messages(&bank, &messages), said(&bank, feed.as_bytes()));
}

#[test]
fn a_quote_that_never_closes_goes_with_its_line_and_is_refused_there() {
    let bank = layout(BANK);
    let feed = format!("Values of 2025-01-06\nAccount,Value\nA-1,10\nA-2,\"5\n{}", "A-1,20\n".repeat(50));
    let messages = cut(&bank, feed.as_bytes(), Limits::default(), 10).unwrap();
    let (good, bad) = said_by_messages(&bank, &messages);
    assert_eq!((good.len(), bad.len()), (51, 1));
    assert!(bad[0].starts_with("syntax") && bad[0].ends_with("A-2,\"5"), "{}", bad[0]);
}

#[test]
fn records_of_one_account_share_a_message_up_to_the_bound() {
    let bank = layout(BANK);
    let feed = "Values of 2025-01-06\nAccount,Value\nA-1,10\nA-1,11\nA-1,12\nA-2,10\nA-1,13\n";
    let counts = |group: usize| -> Vec<(String, u64)> {
        let messages = cut(&bank, feed.as_bytes(), Limits { message: 1000, group }, 1000).unwrap();
        messages.into_iter().map(|m| (m.key, m.records)).collect()
    };
    let of = |key: &str, n: u64| (key.to_owned(), n);
    assert_eq!(counts(1000), [of("A-1", 3), of("A-2", 1), of("A-1", 1)]);
    assert_eq!(counts(0).len(), 5);
    assert_eq!(counts(65), [of("A-1", 2), of("A-1", 1), of("A-2", 1), of("A-1", 1)]);
}

#[test]
fn a_record_longer_than_a_message_is_told_with_its_line() {
    let bank = layout(BANK);
    let feed = format!("Values of 2025-01-06\nAccount,Value\nA-1,10\nA-1,{}\n", "0".repeat(90));
    let refused = cut(&bank, feed.as_bytes(), Limits { message: 100, group: 100 }, 10);
    assert_eq!(refused, Err(MessageError::RecordTooLong { line: 4, limit: 100 }));
}

#[test]
fn damaged_json_goes_alone_and_is_refused_again() {
    let (tidemark, events) = (vendor("tidemark"), Arc::new(Layout::eventbridge()));
    let cases: [(&Arc<Layout>, &str); 4] = [
        (&events, "{\"id\":\"a\"}\n{\"id\": \"cut\n{\"id\":\"b\"}\n"),
        (&events, "{\"id\":\"a\"}\n[1,2]\n{\"id\":\"b"),
        (
            &tidemark,
            r#"{"accounts": [{"accountId": "T", "series": [{"date": "2025-01-02", "marketValue": 1}, 5]}]}"#,
        ),
        (
            &tidemark,
            r#"{"accounts": [{"accountId": "T", "series": [{"date": "2025-01-02", "marketValue": 1}, {"da"#,
        ),
    ];
    for (layout, feed) in cases {
        let (good, bad) = said(layout, feed.as_bytes());
        let messages = cut(layout, feed.as_bytes(), Limits::default(), 3).unwrap();
        let (good_again, bad_again) = said_by_messages(layout, &messages);
        assert_eq!(good_again, good, "{feed}");
        assert_eq!(bad_again.len(), bad.len(), "{feed}: {bad:?}\n{bad_again:?}");
    }
}

fn vendor(name: &str) -> Arc<Layout> {
    vendors().into_iter().find(|l| l.name() == name).unwrap()
}

/// Lines that change what follows, rows, and what is neither.
fn line() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "(Account,Value|Account,Memo,Value|Account,Other)".prop_map(String::from),
        2 => "Values of 2025-01-0[1-3]",
        8 => "A-[1-3],(x,)?[0-9]{1,3}",
        2 => "A-[1-3],\"[0-9]{1,2}(\n|\r|\r\n)?\"",
        1 => "(Total,9|the end|\u{feff}A-1,7|A-1,5\r|)",
        1 => "A-1,9{220}",
    ]
}

proptest! {
    #[test]
    fn any_feed_of_lines_says_the_same_through_messages(
        lines in prop::collection::vec(line(), 0..30),
        open in any::<bool>(),
        crlf in any::<bool>(),
        mark in any::<bool>(),
        piece in 1..50usize,
        group in prop_oneof![Just(0), Just(60), Just(1000)],
    ) {
        let bank = layout(BANK);
        let mut lines = lines;
        lines.extend(open.then(|| "A-1,\"5".to_owned()));
        let feed = lines.join(if crlf { "\r\n" } else { "\n" });
        let feed = if mark { format!("\u{feff}{feed}") } else { feed };
        let messages = cut(&bank, feed.as_bytes(), Limits { message: 10_000, group }, piece).unwrap();
        let (found, expected) = (said_by_messages(&bank, &messages), said(&bank, feed.as_bytes()));
        prop_assert_eq!(found.0, expected.0);
        // A header that lacks columns is told of in each message, and none in that of a refused line before the first.
        let no_header = |all: &[String]| -> Vec<String> {
            let of_header = |r: &&String| r.starts_with("missing_column") || r.starts_with("missing_header");
            // Of one batch, what the framer refuses is told before what the decoder does.
            let mut kept: Vec<String> = all.iter().filter(|r| !of_header(r)).cloned().collect();
            kept.sort();
            kept
        };
        prop_assert_eq!(no_header(&found.1), no_header(&expected.1));
    }

    #[test]
    fn any_document_says_the_same_through_messages(
        accounts in prop::collection::vec(("[A-C]", prop::collection::vec(0..99u32, 0..4), any::<bool>()), 0..5),
        before in prop::sample::select(vec!["", "\"generated\": \"2025-01-09T03:00:00Z\", ", "\"a\\\"b\": {\"c\": [1, {}]}, "]),
        piece in 1..50usize,
    ) {
        let tidemark = vendor("tidemark");
        let day = |n: &u32| format!("{{\"date\": \"2025-01-02\", \"marketValue\": {n}}}");
        let account = |(id, days, late): &(String, Vec<u32>, bool)| {
            let days = days.iter().map(day).collect::<Vec<_>>().join(", ");
            match late {
                true => format!("{{\"series\": [{days}], \"accountId\": \"{id}\"}}"),
                false => format!("{{\"accountId\": \"{id}\", \"x\": [1, 2], \"series\": [{days}]}}"),
            }
        };
        let feed = format!("{{{before}\"accounts\": [{}]}}", accounts.iter().map(account).collect::<Vec<_>>().join(",\n"));
        let messages = cut(&tidemark, feed.as_bytes(), Limits::default(), piece).unwrap();
        prop_assert_eq!(said_by_messages(&tidemark, &messages), said(&tidemark, feed.as_bytes()));
    }
}

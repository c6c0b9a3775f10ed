//! A feed in pieces of any size is the same feed.
use crate::support::{batch, frame, layout};
use codecs::{Decoded, Layout};
use proptest::prelude::*;
use record::{Framed, Framer};
use returns::Vendor;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Every vendor's layout and sample.
fn vendors() -> Vec<(Arc<Layout>, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendors");
    let folders = fs::read_dir(root).unwrap().map(|e| e.unwrap().path());
    folders
        .map(|folder| {
            let mapping = fs::read_to_string(folder.join("mapping.toml")).unwrap();
            let files = fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path());
            let sample = files.filter(|p| p.file_stem().is_some_and(|s| s == "sample")).min().unwrap();
            (layout(&mapping), fs::read(sample).unwrap())
        })
        .collect()
}

/// Everything that decoding says, as text.
fn said(layout: &Arc<Layout>, feed: &[u8], piece: usize) -> String {
    let mut out = Decoded::default();
    let framed = frame(layout, feed, piece);
    layout.decoder(Vendor(0)).decode(&batch(layout, framed, feed, true), &mut out);
    let accounts: Vec<_> = out.observations.iter().map(|o| out.account(o)).collect();
    let facts: Vec<_> = out.observations.iter().map(|o| &o.fact).collect();
    format!("{accounts:?}\n{facts:?}\n{:?}\n{:?}\n{:?}", out.rejects, out.ignored, out.counts)
}

/// All that a framer makes of a feed, as text.
fn all_of(framer: &mut dyn Framer, feed: &[u8]) -> String {
    let (mut framed, mut used) = (Framed::default(), 0);
    while used < feed.len() {
        let n = framer.frame(&feed[used..], true, &mut framed);
        assert!(n > 0, "nothing is taken of the last bytes");
        used += n;
    }
    format!("{:?} {:?} {:?} {}", framed.payload, framed.records, framed.refused, framed.contexts.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_size_of_pieces_gives_the_same_records(piece in 1usize..300, garbage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
        for (layout, mut feed) in vendors() {
            for (place, byte) in &garbage {
                let at = place.index(feed.len());
                feed[at] = *byte;
            }
            prop_assert_eq!(said(&layout, &feed, piece), said(&layout, &feed, feed.len()));
        }
    }

    #[test]
    fn a_framer_restarted_is_as_good_as_new(cut in any::<prop::sample::Index>(), garbage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4)) {
        for (layout, feed) in vendors() {
            let mut first = feed[..cut.index(feed.len())].to_vec();
            for (place, byte) in &garbage {
                if !first.is_empty() {
                    let at = place.index(first.len());
                    first[at] = *byte;
                }
            }
            let mut framer = layout.framer();
            all_of(&mut *framer, &first);
            if framer.restart() {
                prop_assert_eq!(all_of(&mut *framer, &feed), all_of(&mut *layout.framer(), &feed), "{}", layout.name());
            }
        }
    }

    #[test]
    fn a_survey_does_not_depend_on_pieces(piece in 1usize..300) {
        for (layout, feed) in vendors() {
            let mut whole = layout.surveyor("feed");
            whole.feed(&feed);
            let mut parts = layout.surveyor("feed");
            feed.chunks(piece).for_each(|p| parts.feed(p));
            prop_assert_eq!(whole.finish(), parts.finish());
        }
    }
}

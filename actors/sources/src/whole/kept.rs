//! What a read-through told, as the store keeps it: so that the same file is not read through again.
//!
//! The bytes are magic, a format version, the payload (bincode) and a checksum over all before it. They can be rebuilt by reading the
//! file: whatever is damaged, of another format or written by another Dietz counts as not kept.
use super::How;
use super::input::Packing;
use crate::OpenLayout;
use bincode::{Decode, Encode};
use record::{Control, Survey};

const MAGIC: &[u8; 4] = b"DZrt";
/// Raise it with every change of [`Wire`] and of what is in it: bincode does not tell one field from another.
const FORMAT: u8 = 2;
const CHECKSUM: usize = 8;
/// The longest payload in bytes. Real ones have some 150; the names in them are short.
const LONGEST: usize = 4096;

const fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LONGEST>()
}

/// Everything but the file's own bytes that a read-through depends on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Reader {
    /// Another version may count otherwise; a surveyor that changes without one needs another [`FORMAT`].
    dietz: String,
    layout: String,
    mapping_version: u32,
    mapping_hash: [u8; 32],
    record_limit: u64,
    packing: Packing,
}

impl Reader {
    pub(crate) fn new(layout: &dyn OpenLayout, how: &How, packing: Packing) -> Reader {
        Reader {
            dietz: env!("CARGO_PKG_VERSION").into(),
            layout: layout.vendor().into(),
            mapping_version: layout.mapping_version(),
            mapping_hash: layout.mapping_hash(),
            record_limit: how.record_limit as u64,
            packing,
        }
    }
}

/// What a read-through told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// BLAKE3 of the file as it lies there.
    pub hash: [u8; 32],
    /// Decompressed bytes.
    pub length: u64,
    pub survey: Survey,
}

/// The payload.
#[derive(Encode, Decode)]
struct Wire {
    reader: Reader,
    hash: [u8; 32],
    length: u64,
    records: u64,
    business_date: Option<String>,
    arrival: Option<i64>,
    declared: Option<u64>,
    counted: u64,
    /// Whether it is a total, declared and found.
    wrong: Option<(bool, String, String)>,
    unfinished: bool,
    newest_first: bool,
}

impl Wire {
    fn new(reader: &Reader, told: &Told) -> Wire {
        let Told { hash, length, survey } = told.clone();
        // Field by field: one that is added to a survey does not compile until it is kept, in another format.
        let Survey { records, business_date, arrival, declared, counted, wrong, unfinished, newest_first } =
            survey;
        Wire {
            reader: reader.clone(),
            hash,
            length,
            records,
            business_date,
            arrival,
            declared,
            counted,
            wrong: wrong.map(|c| (c.rule == Control::TOTAL, c.declared, c.found)),
            unfinished,
            newest_first,
        }
    }

    fn told(self) -> Told {
        let rule = |is_total| if is_total { Control::TOTAL } else { Control::COUNT };
        let wrong =
            self.wrong.map(|(is_total, declared, found)| Control { rule: rule(is_total), declared, found });
        let survey = Survey {
            records: self.records,
            business_date: self.business_date,
            arrival: self.arrival,
            declared: self.declared,
            counted: self.counted,
            wrong,
            unfinished: self.unfinished,
            newest_first: self.newest_first,
        };
        Told { hash: self.hash, length: self.length, survey }
    }
}

/// The bytes to keep; `None` if they would be too many, so that nothing is kept.
pub(crate) fn keep(reader: &Reader, told: &Told) -> Option<Vec<u8>> {
    let payload = bincode::encode_to_vec(Wire::new(reader, told), config()).ok()?;
    if payload.len() > LONGEST {
        return None;
    }
    let mut bytes = [&MAGIC[..], &[FORMAT], &payload].concat();
    bytes.extend(checksum(&bytes));
    Some(bytes)
}

/// What was kept, if it is whole and was told to this very reader.
pub(crate) fn recall(bytes: &[u8], reader: &Reader) -> Option<Told> {
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if checksum(body) != *sum {
        return None;
    }
    let payload = body.strip_prefix(MAGIC)?.strip_prefix(&[FORMAT])?;
    let (wire, read) = bincode::decode_from_slice::<Wire, _>(payload, config()).ok()?;
    (read == payload.len() && wire.reader == *reader).then(|| wire.told())
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    blake3::Hasher::new().update(bytes).finalize_xof().fill(&mut sum);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader() -> Reader {
        Reader {
            dietz: "1.2.3".into(),
            layout: "lines".into(),
            mapping_version: 7,
            mapping_hash: [8; 32],
            record_limit: 1 << 22,
            packing: Packing::Gzip,
        }
    }

    fn any_told() -> impl Strategy<Value = Told> {
        let date = proptest::option::of("[0-9]{4}-[0-9]{2}-[0-9]{2}");
        let total = proptest::option::of((any::<bool>(), "-?[0-9]{1,15}", "-?[0-9]{1,15}"));
        (any::<([u8; 32], u64, u64, u64)>(), date, total, any::<(Option<i64>, Option<u64>, bool, bool)>())
            .prop_map(|((hash, length, records, counted), business_date, total, more)| {
                let (arrival, declared, unfinished, newest_first) = more;
                let wrong = total.map(|(is_total, declared, found)| Control {
                    rule: if is_total { Control::TOTAL } else { Control::COUNT },
                    declared,
                    found,
                });
                let survey = Survey {
                    records,
                    business_date,
                    arrival,
                    declared,
                    counted,
                    wrong,
                    unfinished,
                    newest_first,
                };
                Told { hash, length, survey }
            })
    }

    /// With a checksum that agrees, whatever the payload.
    fn sealed(payload: &[u8]) -> Vec<u8> {
        let body = [&MAGIC[..], &[FORMAT], payload].concat();
        [&body[..], &checksum(&body)].concat()
    }

    proptest! {
        #[test]
        fn what_is_kept_is_recalled_to_the_last_field(told in any_told()) {
            let bytes = keep(&reader(), &told).unwrap();
            prop_assert_eq!(recall(&bytes, &reader()), Some(told));
        }

        #[test]
        fn a_flipped_bit_or_a_cut_is_not_recalled(told in any_told(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let bytes = keep(&reader(), &told).unwrap();
            let mut flipped = bytes.clone();
            flipped[at.index(bytes.len())] ^= 1 << bit;
            prop_assert_eq!(recall(&flipped, &reader()), None);
            prop_assert_eq!(recall(&bytes[..at.index(bytes.len())], &reader()), None);
        }

        #[test]
        fn no_bytes_make_it_panic_even_under_a_sound_checksum(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert_eq!(recall(&bytes, &reader()), None);
            prop_assert_eq!(recall(&sealed(&bytes), &reader()), None);
        }
    }

    fn told() -> Told {
        Told { hash: [1; 32], length: 2, survey: Survey { records: 3, counted: 3, ..Survey::default() } }
    }

    #[test]
    fn another_reader_does_not_recall_it() {
        let kept = keep(&reader(), &told()).unwrap();
        assert_eq!(recall(&kept, &reader()), Some(told()));
        for other in [
            Reader { dietz: "1.2.4".into(), ..reader() },
            Reader { layout: "line".into(), ..reader() },
            Reader { mapping_version: 8, ..reader() },
            Reader { mapping_hash: [9; 32], ..reader() },
            Reader { record_limit: 1, ..reader() },
            Reader { packing: Packing::Plain, ..reader() },
        ] {
            assert_eq!(recall(&kept, &other), None, "{other:?}");
        }
    }

    #[test]
    fn another_format_or_more_than_a_payload_is_not_recalled() {
        let kept = keep(&reader(), &told()).unwrap();
        let payload = &kept[MAGIC.len() + 1..kept.len() - CHECKSUM];
        assert_eq!(recall(&sealed(payload), &reader()), Some(told()));
        assert_eq!(recall(&sealed(&[payload, &[0]].concat()), &reader()), None, "something after it");
        let mut newer = kept[..kept.len() - CHECKSUM].to_vec();
        newer[MAGIC.len()] = FORMAT + 1;
        newer.extend(checksum(&newer));
        assert_eq!(recall(&newer, &reader()), None);
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        // The first field is a text: one that says it has 2^60 bytes.
        let payload = bincode::encode_to_vec(1u64 << 60, config()).unwrap();
        assert_eq!(recall(&sealed(&payload), &reader()), None);
        let names = Reader { layout: "x".repeat(LONGEST), ..reader() };
        assert_eq!(keep(&names, &told()), None, "what could not be read back is not kept");
    }
}

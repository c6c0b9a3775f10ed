//! Which members of a record no selector reads.
use super::plan::Node;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// At most so many are named.
const NAMES: usize = 256;

/// The paths of a record's members that no selector reads or passes through, of objects in which one reads at least a member.
/// What cannot be read is nobody's business here.
pub(super) fn unread(record: &[u8], node: &Node) -> Vec<String> {
    let mut names = Vec::new();
    let place = Place { node, path: "", names: &mut names };
    // The record was read before, so this fails only where a number is beyond what a float holds.
    let _ = place.deserialize(&mut serde_json::Deserializer::from_slice(record));
    names
}

struct Place<'a> {
    node: &'a Node,
    path: &'a str,
    names: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Place<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let path = if self.path.is_empty() { name.clone() } else { format!("{}.{name}", self.path) };
            if let Some((_, node)) = self.node.members.iter().find(|(known, _)| **known == *name) {
                map.next_value_seed(Place { node, path: &path, names: self.names })?;
                continue;
            }
            if !self.node.members.is_empty() && self.names.len() < NAMES {
                self.names.push(path);
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for index in 0.. {
            let went = match self.node.elements.iter().find(|(n, _)| *n == index) {
                Some((_, node)) => {
                    let path = format!("{}[{index}]", self.path);
                    seq.next_element_seed(Place { node, path: &path, names: self.names })?
                }
                None => seq.next_element::<IgnoredAny>()?.map(|_| ()),
            };
            if went.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

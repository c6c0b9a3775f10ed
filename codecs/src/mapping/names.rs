//! What a format says of the names that blocks may use.

/// What the format says of the names a mapping may use.
#[derive(Debug, Default)]
pub struct Names {
    /// How the feed is written; `None` while that could not be read, and then no name is judged.
    pub format: Option<Type>,
    pub told_apart: ToldApart,
    /// All fields there are, where that is known before a feed is seen.
    pub fields: Option<Vec<String>>,
    /// Values kept from earlier lines, with their `@`.
    pub carried: Vec<String>,
    /// The fields of a fixed layout.
    pub places: Vec<FieldPlace>,
    /// Record types that are parts of other records.
    pub parts: Vec<String>,
}

/// A field of a fixed layout: what of its numbers is not written, or stands apart.
#[derive(Debug)]
pub struct FieldPlace {
    /// The record type it is of; `None` if it is read with other records: of a header, trailer or part.
    pub record: Option<u16>,
    pub name: String,
    pub decimals: u8,
    pub signed: bool,
}

impl Names {
    /// The places of a field that a block for `record` may mean; for no certain record, all of them.
    pub fn places<'a>(&'a self, name: &'a str, record: Option<u16>) -> impl Iterator<Item = &'a FieldPlace> {
        let may = move |p: &&FieldPlace| p.record.is_none() || record.is_none() || p.record == record;
        self.places.iter().filter(move |p| p.name == name).filter(may)
    }
}

/// How a feed is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Delimited,
    Fixed,
    Json,
    IbkrFlex,
}

/// How a block says which records it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToldApart {
    /// The format could not be read.
    #[default]
    Unknown,
    /// There is one kind of record.
    ByNothing,
    ByRecord,
    BySection,
}

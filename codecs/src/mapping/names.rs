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
    /// Fields of a fixed layout with decimals that are not written, or a sign apart.
    pub implied: Vec<(String, u8)>,
    pub signed: Vec<String>,
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

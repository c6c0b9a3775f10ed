//! Feeds of any size, made from a seed.
//!
//! # Layout
//! - [`draw`]: chance as a function, without state.
//! - `book`: what accounts are worth on each day; `fate`: what becomes of each record on its way; `calendar`: the days.
//! - `lines`: the vendors' layouts; `text`: digits.
//! - `rounds`: a vendor's feed in order; [`corrections`]: correction events for the same accounts.
//! - [`folder`]: a feed with its vendors and a topology, ready to run.
//!
//! What a line says is computed from the seed, the account and the day alone. So nothing is kept while a feed is written, whatever its
//! size and order, and the same seed gives the same bytes on every machine: no float takes part.
mod book;
mod calendar;
pub mod corrections;
pub mod draw;
mod fate;
pub mod folder;
mod lines;
mod rounds;
mod share;
mod text;

pub use fate::MOST_LATE;
pub use lines::Vendor;
pub use rounds::put;
pub use share::Share;

use calendar::Calendar;
use flate2::{Compression, GzBuilder};
use returns::Date;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A feed to write: for each account one record a business day.
///
/// ```
/// use load_tests::{Feed, Share};
/// let folder = tempfile::tempdir().unwrap();
/// let feed = Feed { accounts: 10, days: 5, late: Share::percent(20), ..Feed::default() };
/// let written = load_tests::write(&feed, folder.path()).unwrap();
/// assert_eq!(written.records, 50);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// From 1 to 100 million.
    pub accounts: u32,
    /// Business days, from 1 on; none may lie beyond the year 9999.
    pub days: u32,
    /// 1, or 2: then a second vendor sends about a quarter of the accounts as well, in a layout of its own.
    pub vendors: u8,
    /// Records that come one to five rounds after their own.
    pub late: Share,
    /// Records that come twice, byte for byte, the second time one to five rounds later.
    pub duplicate: Share,
    /// Records that come damaged, so that they go to quarantine; the sound record never comes.
    pub malformed: Share,
    /// Account-days with a contribution or a distribution.
    pub flows: Share,
    pub seed: u64,
    pub order: Order,
    /// The first day is the first Monday at or after it.
    pub start: Date,
    pub gzip: bool,
}

/// In which order the lines of a feed come. A round is what comes together: the lines of a day, or of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Day by day, as vendors send.
    #[default]
    Date,
    /// Account by account, as histories are exported.
    Account,
    /// Day by day, the last day first, as many exports are.
    NewestFirst,
}

impl Default for Feed {
    fn default() -> Self {
        Feed {
            accounts: 1_000,
            days: 60,
            vendors: 1,
            late: Share::NONE,
            duplicate: Share::NONE,
            malformed: Share::NONE,
            flows: Share::percent(5),
            seed: 1,
            order: Order::Date,
            start: jiff::civil::date(2024, 1, 1),
            gzip: false,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub files: Vec<PathBuf>,
    /// Lines below the headers.
    pub records: u64,
    /// Of those: records that came outside their round, for the first time or again, and damaged ones.
    pub late: u64,
    pub duplicate: u64,
    pub malformed: u64,
    /// Before compression.
    pub bytes: u64,
}

/// Why a feed cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    #[error("{what} is {given}: {expected}")]
    Wrong { what: &'static str, given: String, expected: &'static str },
    #[error("{}: {error}", path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// Writes a feed into a folder, made if it is not there: one file for each vendor, replaced if it is there.
///
/// # Errors
/// A feed out of its bounds, and whatever the file system says.
pub fn write(feed: &Feed, folder: &Path) -> Result<Written, GenerateError> {
    let calendar = feed.checked()?;
    make_folder(folder)?;
    let mut all = Written::default();
    for vendor in &Vendor::ALL[..feed.vendors.into()] {
        let name = vendor.file_name();
        let path = folder.join(if feed.gzip { format!("{name}.gz") } else { name.to_owned() });
        let written = to_file(&path, feed.gzip, |out| put(feed, *vendor, &calendar, out))?;
        all.add(written);
        all.files.push(path);
    }
    Ok(all)
}

/// Opens the file, lets it be written, and sees to it that all of it arrived.
fn to_file(
    path: &Path,
    gzip: bool,
    put: impl FnOnce(&mut dyn Write) -> io::Result<Written>,
) -> Result<Written, GenerateError> {
    let write = || {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let written = if gzip {
            // No name and no time in its header: the same feed is the same bytes.
            let mut packed = GzBuilder::new().write(&mut file, Compression::fast());
            let written = put(&mut packed)?;
            packed.finish()?;
            written
        } else {
            put(&mut file)?
        };
        file.flush()?;
        Ok(written)
    };
    write().map_err(|error| GenerateError::Io { path: path.to_owned(), error })
}

fn make_folder(folder: &Path) -> Result<(), GenerateError> {
    fs::create_dir_all(folder).map_err(|error| GenerateError::Io { path: folder.to_owned(), error })
}

impl Feed {
    /// Checks the bounds, and gives the days.
    ///
    /// # Errors
    /// [`GenerateError::Wrong`] says which of them does not hold.
    pub fn checked(&self) -> Result<Calendar, GenerateError> {
        let wrong = |what, given: String, expected| Err(GenerateError::Wrong { what, given, expected });
        if !(1..=100_000_000).contains(&self.accounts) {
            return wrong("the number of accounts", self.accounts.to_string(), "from 1 to 100 million");
        }
        if !(1..=2).contains(&self.vendors) {
            return wrong("the number of vendors", self.vendors.to_string(), "1 or 2");
        }
        let fates = self.late.parts() + self.duplicate.parts() + self.malformed.parts();
        if fates > share::WHOLE {
            let given = format!("{} + {} + {}", self.late, self.duplicate, self.malformed);
            return wrong("late + duplicate + malformed", given, "at most 100% together");
        }
        let calendar = if self.days == 0 { None } else { Calendar::new(self.start, self.days) };
        let Some(calendar) = calendar else {
            return wrong("the number of days", self.days.to_string(), "from 1 to the end of the year 9999");
        };
        Ok(calendar)
    }
}

impl Written {
    fn add(&mut self, more: Written) {
        self.files.extend(more.files);
        self.records += more.records;
        self.late += more.late;
        self.duplicate += more.duplicate;
        self.malformed += more.malformed;
        self.bytes += more.bytes;
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Date => "date",
            Order::Account => "account",
            Order::NewestFirst => "newest-first",
        })
    }
}

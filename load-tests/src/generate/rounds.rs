//! A vendor's feed, round by round.
use super::book::Book;
use super::calendar::Calendar;
use super::draw::Draw;
use super::fate::{Fate, Fates, MOST_LATE};
use super::lines::{Lines, Vendor};
use super::{Feed, Order, Written};
use std::io::{self, Write};

/// Writes one vendor's feed: its header, then its lines in the feed's order. Nothing is kept of what was written.
///
/// # Errors
/// Those of the writer.
pub fn put(feed: &Feed, vendor: Vendor, calendar: &Calendar, out: &mut dyn Write) -> io::Result<Written> {
    let draw = Draw::new(feed.seed);
    let lines = Lines { vendor, draw, book: Book::new(draw, feed.flows), calendar };
    let mut rounds = Rounds {
        feed,
        fates: Fates::new(draw, feed),
        lines,
        line: Vec::with_capacity(256),
        out,
        written: Written::default(),
    };
    rounds.header()?;
    rounds.all()?;
    Ok(rounds.written)
}

struct Rounds<'f> {
    feed: &'f Feed,
    fates: Fates,
    lines: Lines<'f>,
    /// Reused from line to line.
    line: Vec<u8>,
    out: &'f mut dyn Write,
    written: Written,
}

impl Rounds<'_> {
    fn header(&mut self) -> io::Result<()> {
        self.line.extend_from_slice(self.lines.vendor.header().as_bytes());
        self.send()?;
        self.written.records = 0;
        Ok(())
    }

    fn all(&mut self) -> io::Result<()> {
        let (rounds, width) = self.extent();
        let outside = self.fates.any_outside();
        let after = if outside { MOST_LATE } else { 0 };
        for round in 0..rounds + after {
            for place in 0..if round < rounds { width } else { 0 } {
                let (account, day) = self.at(round, place);
                self.in_place(account, day)?;
            }
            for late in 1..=after {
                self.echoes(round, late, rounds, width)?;
            }
        }
        Ok(())
    }

    /// How many rounds there are, and how many places in each.
    fn extent(&self) -> (u64, u64) {
        let (accounts, days) = (u64::from(self.feed.accounts), u64::from(self.feed.days));
        if self.feed.order == Order::Account { (accounts, days) } else { (days, accounts) }
    }

    /// The account and day of a place.
    fn at(&self, round: u64, place: u64) -> (u64, u64) {
        match self.feed.order {
            Order::Date => (place, round),
            Order::Account => (round, place),
            Order::NewestFirst => (place, u64::from(self.feed.days) - 1 - round),
        }
    }

    fn in_place(&mut self, account: u64, day: u64) -> io::Result<()> {
        if !self.lines.vendor.has(self.lines.draw, account) {
            return Ok(());
        }
        match self.fates.of(account, day) {
            Fate::Late(_) => return Ok(()),
            Fate::Damaged => {
                self.lines.put_damaged(account, day, &mut self.line);
                self.written.malformed += 1;
            }
            Fate::Plain | Fate::Twice(_) => self.lines.put(account, day, &mut self.line),
        }
        self.send()
    }

    /// What comes in this round of the one that many rounds ago.
    fn echoes(&mut self, round: u64, late: u64, rounds: u64, width: u64) -> io::Result<()> {
        let Some(earlier) = round.checked_sub(late).filter(|earlier| *earlier < rounds) else {
            return Ok(());
        };
        for place in 0..width {
            let (account, day) = self.at(earlier, place);
            let fate = self.fates.of(account, day);
            let counted = match fate {
                Fate::Late(n) if n == late => &mut self.written.late,
                Fate::Twice(n) if n == late => &mut self.written.duplicate,
                _ => continue,
            };
            if !self.lines.vendor.has(self.lines.draw, account) {
                continue;
            }
            *counted += 1;
            self.lines.put(account, day, &mut self.line);
            self.send()?;
        }
        Ok(())
    }

    fn send(&mut self) -> io::Result<()> {
        self.out.write_all(&self.line)?;
        self.written.records += 1;
        self.written.bytes += u64::try_from(self.line.len()).unwrap_or(u64::MAX);
        self.line.clear();
        Ok(())
    }
}

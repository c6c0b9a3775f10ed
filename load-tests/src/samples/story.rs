//! What accounts are worth on each business day: a walk in whole cents.
use super::calendar::business_days;
use super::cast::{ACCRUING, Happening, House, MEMBERS, Member};
use crate::generate::draw::{Draw, For};
use returns::Date;

/// A day of an account, in cents. `end` is what is left of `begin` and the flows once the market and the fee are through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    pub date: Date,
    pub begin: i64,
    pub contributions: i64,
    pub distributions: i64,
    /// The adviser's fee, taken out of the account.
    pub fees: i64,
    /// Accrued income, which is part of `end`.
    pub accrued: i64,
    pub end: i64,
}

/// An account with all its days.
#[derive(Debug)]
pub struct Account {
    pub member: &'static Member,
    pub days: Vec<Day>,
}

impl Account {
    pub fn on(&self, date: Date) -> Option<&Day> {
        self.days.iter().find(|day| day.date == date)
    }
}

/// All accounts.
pub struct Book {
    pub accounts: Vec<Account>,
    pub dates: Vec<Date>,
}

const SEED: u64 = 2025;
const MILLION: i64 = 1_000_000;
/// A month's fee: a twelfth of 0.90% a year, in millionths.
const MONTHLY_FEE: i64 = 750;

impl Book {
    pub fn new() -> Book {
        let dates = business_days();
        let walk = |(serial, member)| Account { member, days: days(serial, member, &dates) };
        Book { accounts: (1..).zip(MEMBERS).map(walk).collect(), dates }
    }

    pub fn of(&self, house: House) -> impl Iterator<Item = &Account> {
        self.accounts.iter().filter(move |a| a.member.house == house)
    }

    /// A day of an account, by the number its vendor gives it.
    pub fn day(&self, number: &str, date: Date) -> Option<&Day> {
        self.accounts.iter().find(|a| a.member.number == number)?.on(date)
    }

    /// The dates of each month.
    pub fn months(&self) -> impl Iterator<Item = &[Date]> {
        self.dates.chunk_by(|a, b| a.month() == b.month())
    }
}

fn days(serial: u64, member: &Member, dates: &[Date]) -> Vec<Day> {
    let draw = Draw::new(SEED);
    let mut days: Vec<Day> = Vec::new();
    for (n, &date) in (0..).zip(dates).filter(|(_, date)| **date >= member.opens) {
        let before = days.last();
        let begin = before.map_or(member.opening, |day| day.end);
        let mut day =
            Day { date, begin, contributions: 0, distributions: 0, fees: 0, accrued: 0, end: begin };
        if before.is_none_or(|before| before.date.month() != date.month()) {
            day.fees = begin.max(0) * MONTHLY_FEE / MILLION;
        }
        if member.happenings.is_empty() {
            by_chance(draw, serial, n, &mut day);
        }
        day.end += begin.max(0) * moved(draw, serial, n) / MILLION - day.fees + day.contributions
            - day.distributions;
        for (_, happening) in member.happenings.iter().filter(|(when, _)| *when == date) {
            happen(*happening, &mut day);
        }
        if ACCRUING.contains(&member.number) {
            day.accrued = accrued(n, begin);
        }
        days.push(day);
    }
    days
}

/// What a day's market does, in millionths: what all accounts share, more or less of it each, and what is an account's own.
fn moved(draw: Draw, serial: u64, n: u64) -> i64 {
    let spread = |purpose, account, width: u64| {
        let drawn = draw.below(purpose, account, n, 2 * width + 1);
        i64::try_from(drawn).unwrap_or(0) - i64::try_from(width).unwrap_or(0)
    };
    let market = spread(For::Level, 0, 9_000) + 300;
    let share = i64::try_from(draw.below(For::Base, serial, 0, 11)).unwrap_or(0) + 2;
    market * share / 10 + spread(For::Noise, serial, 2_000)
}

/// About two flows a quarter: a deposit in whole hundreds, or a withdrawal.
fn by_chance(draw: Draw, serial: u64, n: u64, day: &mut Day) {
    if day.begin < 1_000_000 || draw.below(For::FlowDay, serial, n, 100) >= 3 {
        return;
    }
    let hundreds = i64::try_from(draw.below(For::Amount, serial, n, 30)).unwrap_or(0) + 1;
    let amount = (day.begin / 1_000 * hundreds) / 10_000 * 10_000;
    if draw.below(For::Difference, serial, n, 3) == 0 {
        day.distributions = amount;
    } else {
        day.contributions = amount;
    }
}

fn happen(happening: Happening, day: &mut Day) {
    match happening {
        Happening::In(amount) => {
            (day.contributions, day.end) = (day.contributions + amount, day.end + amount)
        }
        Happening::Out(amount) => {
            (day.distributions, day.end) = (day.distributions + amount, day.end - amount)
        }
        Happening::All => (day.distributions, day.fees, day.end) = (day.begin, 0, 0),
        Happening::Ends(value) => day.end = value,
        Happening::Still => (day.fees, day.end) = (0, day.begin),
    }
}

/// Interest that gathers over a month of business days and is then paid.
fn accrued(n: u64, begin: i64) -> i64 {
    begin / 40_000 * i64::try_from(n % 20).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::cast::MEMBERS;
    use super::*;

    #[test]
    fn a_quarter_has_sixty_business_days_and_every_happening_is_on_one() {
        let book = Book::new();
        assert_eq!(book.dates.len(), 60);
        for member in MEMBERS {
            for (date, _) in member.happenings {
                assert!(book.dates.contains(date) && *date >= member.opens, "{} on {date}", member.number);
            }
        }
    }

    #[test]
    fn every_day_begins_where_the_one_before_ended() {
        for account in Book::new().accounts {
            assert!(account.days.windows(2).all(|w| w[0].end == w[1].begin), "{}", account.member.number);
        }
    }
}

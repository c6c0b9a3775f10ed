//! The custodian's transactions: a file a week, each with what is new since the last.
use super::Sample;
use super::calendar::on;
use super::cast::House;
use super::meridian::reports;
use super::story::{Book, Day};
use super::text::{american, compact, dollars};
use returns::Date;

const HEADER: &str = "Date,Account,Transaction ID,Transaction Code,Sub Code,Security,Description,Quantity,Price,Amount,Currency,\
Contra Account,Cancels\n";

pub fn files(book: &Book) -> Vec<Sample> {
    let week = |date: &Date| date.iso_week_date().week();
    let weeks = book.dates.chunk_by(|a, b| week(a) == week(b));
    weeks.filter_map(|dates| file(book, dates)).collect()
}

fn file(book: &Book, dates: &[Date]) -> Option<Sample> {
    let last = *dates.last()?;
    let mut text = HEADER.to_owned();
    let mut total = 0;
    for &date in dates {
        for account in book.of(House::Meridian).filter(|a| reports(a, date)) {
            if let Some(day) = account.on(date) {
                lines(account.member.number, day, &mut text, &mut total);
            }
        }
        text.push_str(&extra_lines(date));
    }
    text.push_str(&format!("Transactions Total,,,,,,,,,\"{}\",,,\n", dollars(total)));
    Some(Sample::feed(&format!("meridian_activity_{}.csv", compact(last)), text))
}

/// The transactions behind a day's flows and fee.
fn lines(number: &str, day: &Day, text: &mut String, total: &mut i64) {
    let mut put = |n: u8, code: &str, what: &str, amount: i64, contra: &str| {
        *total += amount;
        let id = format!("TX-{}{}-{n}", compact(day.date), &number[number.len() - 2..]);
        let money = quoted(amount);
        let date = american(day.date);
        text.push_str(&format!("{date},{number},{id},{code},,{what},,,{money},USD,{contra},\n"));
    };
    match (number, day.date) {
        ("MT-200-0001", d) if d == on(2, 12) => {
            put(1, "JNL,", "Journal to Birch", -day.distributions, "MT-200-0002")
        }
        ("MT-200-0002", d) if d == on(2, 12) => {
            put(1, "JNL,", "Journal from Alder", day.contributions, "MT-200-0001")
        }
        // Told apart by nothing but their number: see the lines of their own below.
        ("MT-200-0004", d) if d == on(2, 5) => {}
        ("MT-200-0015", d) if d == on(1, 30) => {}
        // The custodian forgot this one.
        ("MT-200-0010", d) if d == on(1, 28) => {}
        _ if day.contributions > 0 && day.contributions % 100_000 == 0 => {
            put(1, "DEP,WIRE", "Incoming wire", day.contributions, "");
        }
        _ if day.contributions > 0 => put(1, "ACH,", "ACH credit", day.contributions, ""),
        _ if day.distributions > 0 && day.distributions % 100_000 == 0 => {
            put(1, "WDL,CHK", "Check to client", -day.distributions, "");
        }
        _ if day.distributions > 0 => put(1, "ACH,", "ACH debit", -day.distributions, ""),
        _ => {}
    }
    if day.fees > 0 {
        put(2, "FEE,ADV", "Advisory fee", -day.fees, "");
    }
}

/// Lines that are no plain deposit, withdrawal or fee: what each shows stands in README.md beside the samples.
fn extra_lines(date: Date) -> String {
    let day = american(date);
    let lines: &[&str] = match (date.month(), date.day()) {
        (1, 15) => &[
            "MT-200-0001,TX-7001,DIV,CASH,037XXX100,Dividend,,,$312.00,USD,,",
            "MT-200-0001,TX-7002,TAX,NRA,037XXX100,Tax withheld,,,-$46.80,USD,,",
        ],
        (1, 30) => &["MT-200-0015,TX-7003,XFR,IN-KIND,922XXX363,Transfer of shares in,125,80.50,--,USD,,"],
        (2, 5) => &[
            "MT-200-0004,,DEP,CASH,,Counter deposit,,,$500.00,USD,,",
            "MT-200-0004,,DEP,CASH,,Counter deposit,,,$500.00,USD,,",
        ],
        (2, 6) => &["MT-200-0014,TX-7004,DEP,WIRE,,Wire in euro,,,$750.00,EUR,,"],
        (2, 12) => &["MT-200-0012,TX-7005,DIV,CASH,594XXX104,Dividend after closing,,,$12.34,USD,,"],
        (2, 19) => &["MT-200-0015,TX-7006,XFR,IN-KIND,999XXX999,Private shares in,40,--,--,USD,,"],
        (2, 20) => &["MT-200-0013,TX-7007,INT,,,Settlement of a class action,,,\"$1,250.00\",USD,,"],
        (2, 27) => &["MT-200-0006,TX-7008,ZZZ,,,Something new,,,$10.00,USD,,"],
        (3, 13) => &["MT-200-0004,TX-7009,DEP,CASH,,Counter deposit booked twice,,,$400.00,USD,,"],
        (3, 18) => &[
            "MT-200-0004,TX-7010,DEP,CASH,,Counter deposit reversed,,,$400.00,USD,,TX-7009",
            "MT-200-0002,TX-7011,MEM,,,A memo line,,,,USD,,",
        ],
        _ => &[],
    };
    lines.iter().map(|line| format!("{day},{line}\n")).collect()
}

fn quoted(amount: i64) -> String {
    let text = if amount < 0 { format!("-{}", dollars(-amount)) } else { dollars(amount) };
    if text.contains(',') { format!("\"{text}\"") } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::story::Account;
    use super::*;

    #[test]
    fn a_days_transactions_sum_to_its_flows_where_no_line_is_odd() {
        let book = Book::new();
        let account: Vec<&Account> =
            book.accounts.iter().filter(|a| a.member.number == "MT-200-0006").collect();
        let (mut text, mut total) = (String::new(), 0);
        account[0].days.iter().for_each(|day| lines("MT-200-0006", day, &mut text, &mut total));
        let expected: i64 = account[0].days.iter().map(|d| d.contributions - d.distributions - d.fees).sum();
        assert_eq!(total, expected);
    }
}

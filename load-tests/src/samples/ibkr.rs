//! IBKR Flex: a file a month, broken out by day, returns in percent.
use super::Sample;
use super::calendar::{next, on};
use super::cast::House;
use super::said;
use super::story::{Account, Book, Day};
use super::text::{compact, decimal, plain, rate};
use returns::Date;

pub fn files(book: &Book) -> Vec<Sample> {
    let mut files: Vec<Sample> = book.months().filter_map(|dates| month(book, dates)).collect();
    files.extend(rerun(book));
    files
}

fn month(book: &Book, dates: &[Date]) -> Option<Sample> {
    let (first, last) = (*dates.first()?, *dates.last()?);
    let made = next(last);
    let of_account = |account: &'_ Account| {
        let of_month = move |day: &&Day| day.date >= first && day.date <= last;
        let days = account.days.iter().filter(of_month);
        days.map(move |day| statement(account, &said::first(account.member.number, day), day, made))
            .collect::<Vec<_>>()
    };
    let statements: Vec<String> = book.of(House::Ibkr).flat_map(of_account).collect();
    Some(Sample::feed(&format!("ibkr_flex_{}.xml", first.strftime("%Y-%m")), response(&statements)))
}

/// One day asked for again.
fn rerun(book: &Book) -> Option<Sample> {
    let account = book.of(House::Ibkr).find(|a| a.member.number == "U1100004")?;
    let day = account.on(on(3, 11))?;
    let text = response(&[statement(account, day, day, on(4, 2))]);
    Some(Sample::feed("ibkr_flex_rerun_2025-03-11.xml", text))
}

fn response(statements: &[String]) -> String {
    format!(
        "<FlexQueryResponse queryName=\"daily\" type=\"AF\">\n<FlexStatements count=\"{}\">\n{}</FlexStatements>\n</FlexQueryResponse>\n",
        statements.len(),
        statements.concat()
    )
}

fn statement(account: &Account, said: &Day, day: &Day, made: Date) -> String {
    let (number, date, made) = (account.member.number, compact(said.date), compact(made));
    let percent = twr(number, day).map_or_else(|| "-".to_owned(), |units| decimal(units, 9));
    let total = plain(said.end);
    let cash_report = if number == "U1100001" && next(said.date).month() != said.date.month() {
        let cash = plain(said.end / 20);
        format!(
            "<CashReport><CashReportCurrency accountId=\"{number}\" currency=\"BASE_SUMMARY\" endingCash=\"{cash}\" /></CashReport>\n"
        )
    } else {
        String::new()
    };
    format!(
        "<FlexStatement accountId=\"{number}\" fromDate=\"{date}\" toDate=\"{date}\" whenGenerated=\"{made};043000\">\n\
<ChangeInNAV accountId=\"{number}\" fromDate=\"{date}\" toDate=\"{date}\" startingValue=\"{}\" depositsWithdrawals=\"{}\" advisorFees=\"{}\" \
endingValue=\"{total}\" twr=\"{percent}\" />\n\
<EquitySummaryInBase><EquitySummaryByReportDateInBase accountId=\"{number}\" reportDate=\"{date}\" total=\"{total}\" /></EquitySummaryInBase>\n\
{cash_report}</FlexStatement>\n",
        plain(said.begin),
        plain(said.contributions - said.distributions),
        plain(-said.fees),
    )
}

/// In percent of nine places. On one day all flows count from the start, which is not how the others are made.
fn twr(number: &str, day: &Day) -> Option<i64> {
    let net = day.contributions - day.distributions;
    if number == "U1100002" && day.date == on(2, 11) {
        return rate(day.end, day.begin + net, 11);
    }
    let (inflow, outflow) = (net.max(0), (-net).max(0));
    rate(day.end + outflow, day.begin + inflow, 11)
}

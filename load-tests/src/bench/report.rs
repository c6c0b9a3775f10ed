//! Figures of a measurement, and how they print.
use super::machine::Machine;
use std::fmt;

/// A figure in thousandths of its unit, so that no float is needed to print one.
pub type Milli = u64;

/// What a figure should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    AtMost(Milli),
    AtLeast(Milli),
}

/// One figure, measured once in each run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    /// In order of the runs; never empty.
    pub runs: Vec<Milli>,
    pub goal: Option<Goal>,
}

/// What one bench found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub bench: &'static str,
    /// What was measured: sizes, kinds.
    pub about: String,
    pub figures: Vec<Figure>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: &'static str, runs: Vec<Milli>) -> Figure {
        Figure { name: name.into(), unit, runs, goal: None }
    }

    #[must_use]
    pub fn goal(self, goal: Goal) -> Figure {
        Figure { goal: Some(goal), ..self }
    }

    /// The middle one, or the lower of the two in the middle.
    pub fn median(&self) -> Milli {
        let mut sorted = self.runs.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }

    fn bounds(&self) -> (Milli, Milli) {
        let least = self.runs.iter().min().copied().unwrap_or_default();
        (least, self.runs.iter().max().copied().unwrap_or_default())
    }

    /// Whether the median reaches the goal; none is always reached.
    pub fn reached(&self) -> bool {
        match self.goal {
            None => true,
            Some(Goal::AtMost(most)) => self.median() <= most,
            Some(Goal::AtLeast(least)) => self.median() >= least,
        }
    }
}

/// `count` a second, when it took so many nanoseconds.
pub fn per_second(count: u64, nanos: u64) -> Milli {
    ratio(u128::from(count) * 1_000_000_000, nanos)
}

/// Megabytes (10^6 bytes) a second.
pub fn megabytes_per_second(bytes: u64, nanos: u64) -> Milli {
    ratio(u128::from(bytes) * 1_000, nanos)
}

/// So much for each.
pub fn each(amount: u64, count: u64) -> Milli {
    ratio(amount.into(), count)
}

/// How many times `of` the amount is.
pub fn times(amount: u64, of: u64) -> Milli {
    ratio(amount.into(), of)
}

fn ratio(amount: u128, of: u64) -> Milli {
    u64::try_from(amount * 1_000 / u128::from(of.max(1))).unwrap_or(Milli::MAX)
}

/// A measurement as a document: where, what, and the figures as a table.
pub struct Document<'a> {
    pub machine: &'a Machine,
    pub reports: &'a [Report],
}

impl fmt::Display for Document<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let m = self.machine;
        writeln!(f, "# Load test {} at {}\n", m.date, m.commit)?;
        writeln!(
            f,
            "{}, {} cores, {} MiB, Linux {}, {} build, load {} at the start\n",
            m.cpu, m.cores, m.memory, m.kernel, m.build, m.load
        )?;
        self.reports.iter().try_for_each(|report| write!(f, "{report}"))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## {}\n\n{}\n", self.bench, self.about)?;
        let rows: Vec<[String; 4]> = self.figures.iter().map(cells).collect();
        let head = ["", "median", "min - max", "goal"].map(str::to_owned);
        let widths: Vec<usize> = (0..4)
            .map(|n| rows.iter().chain([&head]).map(|row| row[n].chars().count()).max().unwrap_or(0))
            .collect();
        line(f, &head, &widths)?;
        let rule: Vec<String> = widths.iter().map(|w| "-".repeat((*w).max(3))).collect();
        writeln!(f, "| {} |", rule.join(" | "))?;
        rows.iter().try_for_each(|row| line(f, row, &widths))?;
        writeln!(f)
    }
}

fn line(f: &mut fmt::Formatter<'_>, cells: &[String; 4], widths: &[usize]) -> fmt::Result {
    let padded: Vec<String> =
        cells.iter().zip(widths).map(|(cell, w)| format!("{cell:<w$}", w = (*w).max(3))).collect();
    writeln!(f, "| {} |", padded.join(" | "))
}

fn cells(figure: &Figure) -> [String; 4] {
    let (least, most) = figure.bounds();
    let goal = figure.goal.map(|goal| {
        let (sign, value) = match goal {
            Goal::AtMost(value) => ("<=", value),
            Goal::AtLeast(value) => (">=", value),
        };
        format!("{sign} {} {}", number(value), if figure.reached() { "reached" } else { "missed" })
    });
    [
        format!("{} ({})", figure.name, figure.unit),
        number(figure.median()),
        format!("{} - {}", number(least), number(most)),
        goal.unwrap_or_default(),
    ]
}

/// Large numbers whole and grouped, small ones with decimals.
fn number(value: Milli) -> String {
    match value {
        0..100_000 => format!("{}.{:02}", value / 1_000, value % 1_000 / 10),
        _ => grouped(value / 1_000),
    }
}

fn grouped(number: u64) -> String {
    if number < 1_000 {
        number.to_string()
    } else {
        format!("{},{:03}", grouped(number / 1_000), number % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_ratios_keep_three_decimals() {
        assert_eq!(per_second(3, 2_000_000_000), 1_500);
        assert_eq!(megabytes_per_second(120_000_000, 1_000_000_000), 120_000);
        assert_eq!(each(1_000, 3), 333_333);
        assert_eq!(times(7, 10), 700);
        assert_eq!(per_second(1, 0), 1_000_000_000_000, "no time at all is taken for a nanosecond");
    }

    #[test]
    fn a_figure_prints_its_median_its_bounds_and_its_goal() {
        let figure = Figure::new("store over COPY", "ratio", vec![900, 650, 710]).goal(Goal::AtLeast(700));
        assert_eq!(cells(&figure), ["store over COPY (ratio)", "0.71", "0.65 - 0.90", ">= 0.70 reached"]);
        let missed = Figure::new("memory", "bytes", vec![300_000]).goal(Goal::AtMost(256_000));
        assert_eq!(cells(&missed)[3], "<= 256 missed");
        assert_eq!(number(1_234_567_890), "1,234,567");
    }
}

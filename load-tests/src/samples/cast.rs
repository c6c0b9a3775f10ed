//! The accounts, and what happens to each of them.
use super::calendar::on;
use Happening::{All, Ends, In, Out, Still};
use returns::Date;

/// What happens on a day besides the market. Amounts are cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Money comes in.
    In(i64),
    /// Money goes out.
    Out(i64),
    /// All money goes out.
    All,
    /// The value at the end of the day, whatever the market says.
    Ends(i64),
    /// The value does not move.
    Still,
}

/// Who holds an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum House {
    Meridian,
    Quarry,
    Tidemark,
    Ibkr,
}

/// An account. One without happenings has contributions and distributions by chance.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub house: House,
    /// The number its vendor gives it.
    pub number: &'static str,
    /// Meridian alone says names.
    pub name: &'static str,
    pub opens: Date,
    /// The value before its first day, in cents.
    pub opening: i64,
    pub happenings: &'static [(Date, Happening)],
}

const START: Date = on(1, 2);

/// Three months of a small firm. The custodian writes the one letter beyond ASCII in an encoding of its own.
pub const MEMBERS: &[Member] = &[
    meridian(
        "MT-200-0001",
        "Alder Endowment",
        123_450_000,
        &[(on(1, 15), Out(1_200_000)), (on(2, 12), Out(1_500_000)), (on(3, 17), Out(1_200_000))],
    ),
    meridian("MT-200-0002", "Birch Café Reserve", 41_800_000, &[(on(2, 12), In(1_500_000))]),
    meridian(
        "MT-200-0003",
        "Cedar Family Pool",
        87_300_000,
        &[(on(1, 22), In(2_500_000)), (on(3, 3), Out(400_000))],
    ),
    meridian("MT-200-0004", "Dogwood Pool", 6_450_000, &[(on(2, 5), In(100_000)), (on(3, 13), In(40_000))]),
    meridian("MT-200-0005", "Elm Pool", 15_275_000, &[(on(3, 6), In(500_000))]),
    meridian("MT-200-0006", "Fir Pool", 22_900_000, &[]),
    meridian("MT-200-0007", "Gum Pool", 41_200_000, &[]),
    meridian("MT-200-0008", "Hazel Pool", 9_880_000, &[]),
    meridian("MT-200-0009", "Ivy Pool", 31_550_000, &[]),
    meridian(
        "MT-200-0010",
        "Juniper Pool",
        18_640_000,
        &[(on(1, 28), Out(250_000)), (on(3, 24), In(1_000_000))],
    ),
    meridian("MT-200-0011", "Kapok Pool", 7_425_000, &[(on(2, 14), All)]),
    meridian(
        "MT-200-0012",
        "Larch Pool",
        5_310_000,
        &[(on(2, 10), All), (on(2, 12), Ends(1_234)), (on(2, 13), All)],
    ),
    meridian(
        "MT-200-0013",
        "Maple Pool",
        12_090_000,
        &[(on(1, 31), All), (on(2, 20), Ends(125_000)), (on(3, 10), In(5_000_000))],
    ),
    Member {
        opens: on(1, 21),
        ..meridian("MT-200-0014", "Oak Pool", 0, &[(on(1, 21), In(10_000_000)), (on(3, 4), In(250_000))])
    },
    Member {
        opens: on(1, 13),
        ..meridian("MT-200-0015", "Pine Pool", 0, &[(on(1, 13), In(4_000_000)), (on(1, 30), In(1_006_250))])
    },
    // Tidemark alone says its values until Meridian does.
    meridian("MT-200-0016", "Rowan Pool", 26_700_000, &[(on(1, 16), In(300_000)), (on(2, 25), Out(150_000))]),
    quarry("301000011", 25_131_100, &[]),
    quarry("301000029", 9_800_010, &[(on(1, 24), In(200_000))]),
    quarry("301000037", 15_789_300, &[]),
    quarry("301000045", 48_250_000, &[]),
    quarry("301000052", 4_410_000, &[(on(1, 14), In(50_000))]),
    // Bought on margin: below zero, and refunded two days later.
    quarry(
        "301000060",
        1_250_000,
        &[
            (on(3, 3), Ends(240_000)),
            (on(3, 4), Ends(-31_250)),
            (on(3, 5), Ends(-29_000)),
            (on(3, 6), In(1_000_000)),
        ],
    ),
    // A debit before the first deposit.
    quarry(
        "301000078",
        -12_050,
        &[(on(1, 2), Ends(-12_050)), (on(1, 3), Ends(-12_100)), (on(1, 6), In(2_500_000))],
    ),
    // An option that expires worthless.
    quarry(
        "301000086",
        820_000,
        &[(on(2, 20), Ends(310_000)), (on(2, 21), Ends(0)), (on(3, 3), In(1_500_000))],
    ),
    quarry("301000094", 51_000_000, &[]),
    quarry("301000102", 33_700_000, &[(on(3, 20), Out(275_000))]),
    quarry("301000110", 7_777_700, &[]),
    quarry("301000128", 12_049_999, &[]),
    tidemark("TD-8001", 23_197_100, &[]),
    tidemark("TD-8002", 10_000_000, &[(on(1, 15), In(500_000))]),
    tidemark("TD-8003", 64_200_000, &[]),
    tidemark("TD-8004", 5_560_000, &[]),
    tidemark("TD-8005", 19_120_000, &[(on(2, 6), Out(80_000))]),
    // A private fund, priced once in a while.
    tidemark(
        "TD-8006",
        50_000_000,
        &[
            (on(3, 4), Still),
            (on(3, 5), Still),
            (on(3, 6), Still),
            (on(3, 7), Still),
            (on(3, 10), Ends(51_437_500)),
        ],
    ),
    tidemark("TD-8007", 8_215_000, &[]),
    tidemark("TD-8008", 29_990_000, &[]),
    // Shares carried at a cent until they are floated.
    Member { opens: on(2, 12), ..tidemark("TD-8009", 1, &[(on(2, 18), Ends(125_000_000_000))]) },
    tidemark("TD-8010", 25_000_000, &[(on(2, 4), Out(500_000))]),
    ibkr("U1100001", 7_674_265, &[(on(2, 3), In(250_000))]),
    ibkr("U1100002", 11_559_640, &[(on(2, 11), Out(1_500_000))]),
    ibkr("U1100003", 5_000_000, &[(on(3, 19), Out(150_000))]),
    ibkr("U1100004", 34_480_250, &[]),
];

/// Accounts that hold bonds, whose interest accrues.
pub const ACCRUING: [&str; 3] = ["MT-200-0001", "MT-200-0002", "301000011"];

const fn member(
    house: House,
    number: &'static str,
    opening: i64,
    happenings: &'static [(Date, Happening)],
) -> Member {
    Member { house, number, name: "", opens: START, opening, happenings }
}

const fn meridian(
    number: &'static str,
    name: &'static str,
    opening: i64,
    happenings: &'static [(Date, Happening)],
) -> Member {
    Member { name, ..member(House::Meridian, number, opening, happenings) }
}

const fn quarry(number: &'static str, opening: i64, happenings: &'static [(Date, Happening)]) -> Member {
    member(House::Quarry, number, opening, happenings)
}

const fn tidemark(number: &'static str, opening: i64, happenings: &'static [(Date, Happening)]) -> Member {
    member(House::Tidemark, number, opening, happenings)
}

const fn ibkr(number: &'static str, opening: i64, happenings: &'static [(Date, Happening)]) -> Member {
    member(House::Ibkr, number, opening, happenings)
}

use super::*;

#[test]
fn pauses_double_to_ten_minutes_and_are_spread() {
    assert_eq!(pause(FIRST_PAUSE, 1, 0), Duration::from_secs(1));
    assert_eq!(pause(FIRST_PAUSE, 4, 0), Duration::from_secs(8));
    assert_eq!(pause(FIRST_PAUSE, 40, 0), LONGEST_PAUSE);
    let spread = |p: Duration| p > LONGEST_PAUSE * 3 / 4 && p <= LONGEST_PAUSE;
    assert!((0..64).map(|seed| pause(FIRST_PAUSE, 11, seed)).all(spread));
}

//! Debian's version numbers: their order, and the upstream version inside.

use std::cmp::Ordering;

/// The part that upstream gave: `1.95.0` of `1:1.95.0+dfsg1-2~bpo13+1`.
pub(crate) fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_, rest)| rest);
    let version = version.rsplit_once('-').map_or(version, |(upstream, _)| upstream);
    version.split(['+', '~']).next().unwrap_or(version)
}

/// The order of Debian Policy: epoch, then upstream version, then revision.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (parts(left), parts(right));
    let revisions = || compare_part(left.2, right.2);
    left.0.cmp(&right.0).then_with(|| compare_part(left.1, right.1)).then_with(revisions)
}

fn parts(version: &str) -> (u64, &str, &str) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    let (upstream, revision) = rest.rsplit_once('-').unwrap_or((rest, ""));
    (epoch.parse().unwrap_or(0), upstream, revision)
}

/// Compares by turns a run of non-digits and a number, as Policy says.
fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_number, left_rest) = turn(left);
        let (right_text, right_number, right_rest) = turn(right);
        let order =
            compare_text(left_text, right_text).then_with(|| compare_number(left_number, right_number));
        if order.is_ne() {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

/// Cuts off a run of non-digits and a run of digits, either of which may be empty.
fn turn(version: &str) -> (&str, &str, &str) {
    let digits = version.find(|character: char| character.is_ascii_digit()).unwrap_or(version.len());
    let (text, rest) = version.split_at(digits);
    let end = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    (text, number, rest)
}

fn compare_text(left: &str, right: &str) -> Ordering {
    let length = left.chars().count().max(right.chars().count());
    let ranks =
        |text: &str| text.chars().map(rank).chain(std::iter::repeat(0)).take(length + 1).collect::<Vec<_>>();
    ranks(left).cmp(&ranks(right))
}

/// `~` sorts before the end, the end before letters, letters before the rest.
fn rank(character: char) -> i64 {
    match character {
        '~' => -1,
        letter if letter.is_ascii_alphabetic() => i64::from(u32::from(letter)),
        other => i64::from(u32::from(other)) + i64::from(u32::from(char::MAX)),
    }
}

/// Numbers of any length: without leading zeros, the longer one is the greater one.
fn compare_number(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upstream_version_is_cut_out() {
        assert_eq!(upstream("1.95.0+dfsg1-2~bpo13+1"), "1.95.0");
        assert_eq!(upstream("1:1.95.0-1"), "1.95.0");
        assert_eq!(upstream("1.95.0~beta.3+dfsg1-1"), "1.95.0");
        assert_eq!(upstream("1.95.0"), "1.95.0");
    }

    #[test]
    fn the_order_is_debians() {
        let rising = [
            "0.0~git20200731.215adc8-1",
            "0.0~git20251114.ac020b8-2~bpo13+1",
            "0.0~git20260129.ec0effd-3~bpo13+1",
            "0.0-1",
            "1.9.0-1",
            "1.10.0~rc1-1",
            "1.10.0-1~bpo13+1",
            "1.10.0-1",
            "1.10.0-1+b1",
            "1.10.0+dfsg1-1",
            "1:0.1-1",
        ];
        for (index, left) in rising.iter().enumerate() {
            for (other, right) in rising.iter().enumerate() {
                assert_eq!(compare(left, right), index.cmp(&other), "{left} against {right}");
            }
        }
    }

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(compare("1.010-1", "1.10-1"), Ordering::Equal);
    }
}

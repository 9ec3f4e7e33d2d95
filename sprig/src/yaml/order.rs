//! The order in which go-yaml writes the keys of a map: numbers within them count as numbers.

use gotemplate::unicode::{is_digit, is_letter};

/// Sorts entries by key. Go's order is not total for all keys. The sorts of the standard library may
/// panic on such an order, but this one never fails.
pub(super) fn sort<T>(entries: Vec<(String, T)>) -> Vec<(String, T)> {
    if entries.len() < 2 {
        return entries;
    }
    let mut left = entries;
    let right = left.split_off(left.len() / 2);
    let (left, right) = (sort(left), sort(right));
    let mut merged = Vec::with_capacity(left.len() + right.len());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    while let (Some((first, _)), Some((second, _))) = (left.peek(), right.peek()) {
        let next = if is_less(second, first) { right.next() } else { left.next() };
        merged.extend(next);
    }
    merged.extend(left);
    merged.extend(right);
    merged
}

fn is_less(first: &str, second: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len() < b.len() };
    match (is_letter(a[at]), is_letter(b[at])) {
        (true, true) => return a[at] < b[at],
        (false, false) => {}
        (_, second_is_letter) => return second_is_letter,
    }
    // A zero inside a number counts, unlike a leading zero.
    let within = (a[at] == '0' || b[at] == '0')
        && a[..at].iter().rev().take_while(|c| is_digit(**c)).any(|c| *c != '0');
    let number = |runes: &[char]| {
        let digits = runes[at..].iter().take_while(|c| is_digit(**c));
        digits.fold((i64::from(within), at), |(number, end), digit| {
            let value = i64::from(u32::from(*digit)) - i64::from(u32::from('0'));
            (number.wrapping_mul(10).wrapping_add(value), end + 1)
        })
    };
    let ((a_number, a_end), (b_number, b_end)) = (number(&a), number(&b));
    (a_number, a_end, a[at]) < (b_number, b_end, b[at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_keys_count_as_numbers() {
        let keys = ["b10", "b9", "B", "a-1", "a1", "a01", "1", "01", "ab", "é", "a", ""];
        let sorted = sort(keys.map(|key| (key.to_owned(), ())).to_vec());
        let sorted: Vec<_> = sorted.iter().map(|(key, ())| key.as_str()).collect();
        // Go's answer.
        assert_eq!(sorted, ["", "1", "01", "B", "a", "a-1", "a1", "a01", "ab", "b9", "b10", "é"]);
    }
}

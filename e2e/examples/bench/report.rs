//! The table of the results.

use std::fmt::Display;

use super::print;

/// Lines with a goal and what was measured.
#[derive(Default)]
pub(super) struct Report(Vec<[String; 3]>);

impl Report {
    pub(super) fn add(&mut self, what: impl Display, goal: &str, measured: impl Display) {
        let row = [what.to_string(), goal.to_owned(), measured.to_string()];
        print(format_args!("{}: {}", row[0], row[2]));
        self.0.push(row);
    }

    /// Prints the table under these lines.
    pub(super) fn print(&self, about: &[&str], goal: &str) {
        print("");
        for line in about {
            print(line);
        }
        print("");
        print_rows(["", goal, "measured"], &self.0);
    }
}

/// Prints columns that are as wide as their longest text.
pub(super) fn print_rows(head: [&str; 3], rows: &[[String; 3]]) {
    let head = head.map(ToOwned::to_owned);
    let width = |column: usize| {
        rows.iter().chain([&head]).map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let (first, second) = (width(0), width(1));
    for row in [&head].into_iter().chain(rows) {
        let [what, goal, measured] = row;
        print(format_args!("{what:<first$}  {goal:<second$}  {measured}"));
    }
}

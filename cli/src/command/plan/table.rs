//! The plan as text.

use std::{fmt::Write as _, time::Duration};

use crds::secret_store::AwsService;

use super::{
    cost::{Calls, Mode},
    estimate::{ByMode, Dearest, Estimate, Options, QUEUES},
};

const BILLIONTHS_IN_CENT: u64 = 10_000_000;

/// A line of the table. Each mode has two cells: requests and dollars.
struct Row {
    texts: [String; 3],
    counts: [String; 2],
    modes: Vec<[String; 2]>,
}

/// The table, the assumptions, and what costs most.
pub(super) fn render(estimate: &Estimate<'_>, options: &Options) -> String {
    let mut rows: Vec<Row> = estimate
        .stores
        .iter()
        .map(|one| {
            let (store, objects) = (&one.store, one.store.objects() as u64);
            Row {
                texts: [
                    store.key.to_string(),
                    store.aws.region.clone(),
                    service(store.aws.service),
                ],
                counts: [grouped(objects), grouped(one.values)],
                modes: cells(&one.calls),
            }
        })
        .collect();
    let other = |name: &str, calls: &ByMode| Row {
        texts: [name.to_owned(), String::new(), String::new()],
        counts: [String::new(), String::new()],
        modes: cells(calls),
    };
    rows.push(other(QUEUES, &estimate.queues));
    rows.push(other("total", &estimate.total));
    let mut text = layout(&rows);
    text.push('\n');
    for line in notes(estimate, options) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{line}");
    }
    text
}

fn service(service: AwsService) -> String {
    match service {
        AwsService::ParameterStore => "Parameter Store".to_owned(),
        _ => "Secrets Manager".to_owned(),
    }
}

fn title(mode: Mode) -> String {
    mode.name().to_uppercase()
}

fn cells(calls: &ByMode) -> Vec<[String; 2]> {
    let cell = |calls: &Calls| [short(calls.count()), dollars(calls.price())];
    let mode = |mode| calls.get(mode).map_or_else(|| [String::new(), String::new()], cell);
    Mode::ALL.iter().map(mode).collect()
}

fn layout(rows: &[Row]) -> String {
    const TEXTS: [&str; 3] = ["STORE", "REGION", "SERVICE"];
    const COUNTS: [&str; 2] = ["OBJECTS", "VALUES"];
    let width = |title: &str, of: &dyn Fn(&Row) -> &String| {
        rows.iter()
            .map(|row| of(row).chars().count())
            .chain([title.len()])
            .max()
            .unwrap_or_default()
    };
    let texts: Vec<_> = (0..3).map(|at| width(TEXTS[at], &|row| &row.texts[at])).collect();
    let counts: Vec<_> = (0..2).map(|at| width(COUNTS[at], &|row| &row.counts[at])).collect();
    let modes: Vec<_> = (0..Mode::ALL.len())
        .map(|at| {
            let [calls, price] = [0, 1].map(|part| width("", &|row| &row.modes[at][part]));
            // One blank between the two, under one title.
            let missing = title(Mode::ALL[at]).len().saturating_sub(calls + 1 + price);
            (calls + missing, price)
        })
        .collect();
    let mut text = String::new();
    let mut line = |cells: &[String]| {
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    };
    let left = |cell: &str, width: usize| format!("{cell:width$}");
    let right = |cell: &str, width: usize| format!("{cell:>width$}");
    let mut titles: Vec<_> = TEXTS.iter().zip(&texts).map(|(cell, &at)| left(cell, at)).collect();
    titles.extend(COUNTS.iter().zip(&counts).map(|(cell, &at)| right(cell, at)));
    titles.extend(
        Mode::ALL
            .iter()
            .zip(&modes)
            .map(|(&mode, (calls, price))| right(&title(mode), calls + 1 + price)),
    );
    line(&titles);
    for row in rows {
        let mut cells: Vec<_> =
            row.texts.iter().zip(&texts).map(|(cell, &at)| left(cell, at)).collect();
        cells.extend(row.counts.iter().zip(&counts).map(|(cell, &at)| right(cell, at)));
        cells.extend(row.modes.iter().zip(&modes).map(|([calls, price], (wide, narrow))| {
            format!("{} {}", right(calls, *wide), right(price, *narrow))
        }));
        line(&cells);
    }
    text
}

fn notes(estimate: &Estimate<'_>, options: &Options) -> Vec<String> {
    let mut notes = vec![
        "Requests and dollars in a month of 30 days, at the prices of November 2026.".to_owned(),
        format!(
            "Assumed: --changes-per-month {} --values-per-find {} --min-list-interval {}",
            options.changes_per_month,
            options.values_per_find,
            duration(options.min_list_interval)
        ),
        match options.secrets_in_account {
            Some(secrets) => {
                format!("Lists contain {} secrets for each account and region.", grouped(secrets))
            }
            None => {
                "Lists contain no other secrets; --secrets-in-account says how many.".to_owned()
            }
        },
        if options.has_kms_key {
            "Each value that is read costs a request to KMS too.".to_owned()
        } else {
            "Values have AWS's own key; --kms-key adds the price of another one.".to_owned()
        },
        "Not counted: $0.40 for each secret; reads after restarts, edits and failures.".to_owned(),
    ];
    for mode in Mode::ALL {
        if let Some(Dearest { name, percent, refreshes }) = estimate.dearest(mode) {
            let often = match refreshes {
                0 => String::new(),
                often => format!(", where a value is read up to {} times", grouped(often)),
            };
            notes.push(format!(
                "{}: {percent} % of the dollars are for {name}{often}.",
                title(mode)
            ));
        }
    }
    notes
}

/// A duration as Go writes it, with one unit.
fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{}ms", duration.as_millis()),
        seconds if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        seconds if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}

/// A number with three digits and a unit, such as `43.2k`.
pub(super) fn short(number: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    let Some((size, unit)) = UNITS.into_iter().find(|(size, _)| number >= *size) else {
        return number.to_string();
    };
    let (whole, rest) = (number / size, number % size);
    // In hundredths, cut off.
    let hundredths = rest / (size / 100).max(1);
    match whole {
        0..10 => format!("{whole}.{hundredths:02}{unit}"),
        10..100 => format!("{whole}.{}{unit}", hundredths / 10),
        _ => format!("{whole}{unit}"),
    }
}

/// Dollars with cents, rounded.
pub(super) fn dollars(billionths: u64) -> String {
    let cents = billionths.saturating_add(BILLIONTHS_IN_CENT / 2) / BILLIONTHS_IN_CENT;
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_prices_are_rounded() {
        for (number, text) in [
            (0, "0"),
            (820, "820"),
            (1_440, "1.44k"),
            (43_300, "43.3k"),
            (129_600, "129k"),
            (4_320_000, "4.32M"),
            (432_000_000, "432M"),
            (4_320_000_000, "4.32G"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(dollars(2_160_000_000_000), "$2,160.00");
        assert_eq!(dollars(4_999_999), "$0.00");
        assert_eq!(dollars(5_000_000), "$0.01");
    }
}

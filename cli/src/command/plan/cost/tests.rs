use std::time::Duration;

use super::*;
use crate::command::plan::{
    identity::{Chain, Identity},
    reads::{Object, Refreshes},
    table,
};

const MINUTE: Duration = Duration::from_secs(60);

fn listed(refreshes: u64) -> Refreshes {
    Refreshes { listed: refreshes, ..Refreshes::default() }
}

/// One object for each of so many secrets.
fn reader(secrets: u64, interval: Duration) -> Reader {
    let refreshes = listed(per_month(interval));
    let secret = |number: u64| Read::Secret { id: format!("s{number}"), version: String::new() };
    Reader {
        chain: Chain { identities: vec![Identity::Pod], has_session_tags: false },
        reads: (0..secrets).map(|number| (secret(number), refreshes)).collect(),
        objects: (0..secrets)
            .map(|number| Object { reads: [secret(number)].into(), refreshes })
            .collect(),
    }
}

fn with(listed: u64) -> Assumptions {
    Assumptions {
        changes_per_month: 1,
        values_per_find: 10,
        has_kms_key: false,
        listed,
        max_lists_per_month: u64::MAX,
        proofs_per_month: 0,
    }
}

fn cents(calls: &Calls) -> u64 {
    (calls.price() + 5_000_000) / 10_000_000
}

/// Requests and cents a month: as External Secrets, by batches, and by lists.
#[test]
fn published_table_of_costs_is_reproduced() {
    for (secrets, minutes, peer, batches, lists) in [
        (100, 1, (4_320_000, 2_160), (216_000, 108), (43_300, 22)),
        (100, 5, (864_000, 432), (43_200, 22), (8_740, 4)),
        (100, 60, (72_000, 36), (3_600, 2), (820, 0)),
        (1_000, 1, (43_200_000, 21_600), (2_160_000, 1_080), (433_000, 217)),
        (1_000, 5, (8_640_000, 4_320), (432_000, 216), (87_400, 44)),
        (1_000, 60, (720_000, 360), (36_000, 18), (8_200, 4)),
        (10_000, 1, (432_000_000, 216_000), (21_600_000, 10_800), (4_330_000, 2_165)),
        (10_000, 5, (86_400_000, 43_200), (4_320_000, 2_160), (874_000, 437)),
        (10_000, 60, (7_200_000, 3_600), (360_000, 180), (82_000, 41)),
    ] {
        let (reader, with) = (reader(secrets, MINUTE * minutes), with(secrets));
        let cost = |mode| {
            let calls = calls(&reader, mode, &with);
            (calls.count(), cents(&calls))
        };
        let row = format!("{secrets} secrets at {minutes}m");
        assert_eq!(cost(Mode::ExternalSecrets), peer, "{row}");
        assert_eq!(cost(Mode::Batches), batches, "{row}");
        assert_eq!(cost(Mode::Lists), lists, "{row}");
        assert_eq!(cost(Mode::Events).0, secrets, "{row}");
    }
}

/// Each of 144 times of the day has its part of the values that are read once a day. With lists, the day has at most
/// as many parts as there are refreshes.
#[test]
fn daily_proof_is_counted() {
    for (secrets, minutes, lists, events) in [
        (100, 60, 720 + 24 * 30 + 100, 100 * 30 + 100),
        (10_000, 60, 72_000 + 24 * 21 * 30 + 10_000, 144 * 4 * 30 + 10_000),
        (10_000, 5, 864_000 + 144 * 4 * 30 + 10_000, 144 * 4 * 30 + 10_000),
    ] {
        let reader = reader(secrets, MINUTE * minutes);
        let with = Assumptions { proofs_per_month: 30, ..with(secrets) };
        assert_eq!(calls(&reader, Mode::Lists, &with).count(), lists, "{secrets} {minutes}");
        assert_eq!(calls(&reader, Mode::Events, &with).count(), events, "{secrets} {minutes}");
    }
}

#[test]
fn lists_are_used_only_where_they_save_requests() {
    let lists = |secrets, interval, with: &Assumptions| {
        let Calls(calls) = calls(&reader(secrets, interval), Mode::Lists, with);
        calls.get(&Call::ListSecrets).copied()
    };
    assert_eq!(lists(40, MINUTE * 60, &with(200)), Some(1_440), "two pages, or two batches");
    assert_eq!(lists(40, MINUTE * 60, &with(201)), None, "the account has more secrets");
    assert_eq!(lists(1, MINUTE * 60, &with(1)), None, "one value is read");
    let at_most =
        |minutes| Assumptions { max_lists_per_month: per_month(MINUTE * minutes), ..with(40) };
    assert_eq!(lists(40, MINUTE, &at_most(5)), None, "lists lag");
    assert_eq!(lists(40, MINUTE * 5, &at_most(5)), Some(8_640));
}

/// A description costs as much as the read of one secret. One request describes fifty parameters.
#[test]
fn descriptions_take_the_place_of_reads_where_they_cost_no_more() {
    let short = Assumptions { max_lists_per_month: 0, proofs_per_month: 30, ..with(1) };
    let count = |reader: &Reader, call| calls(reader, Mode::Lists, &short).0.get(&call).copied();
    let (one, two) = (reader(1, MINUTE), reader(2, MINUTE));
    assert_eq!(count(&one, Call::DescribeSecret), Some(43_200 - 30));
    assert_eq!(count(&one, Call::GetSecretValue), Some(30 + 1), "once a day, and after a change");
    assert_eq!(count(&two, Call::DescribeSecret), None, "a batch reads both");
    assert_eq!(count(&two, Call::BatchGetSecretValue), Some(43_200));
    let mut parameters = reader(0, MINUTE);
    let parameter = |n: u32| Read::Parameter { name: format!("/{n}"), version: String::new() };
    parameters.reads = (0..100).map(|n| (parameter(n), listed(43_200))).collect();
    assert_eq!(count(&parameters, Call::DescribeParameters), Some(2 * (43_200 - 30)));
    assert_eq!(count(&parameters, Call::GetParameters), Some(10 * 30));
}

/// With the controller's defaults. The price of events includes that of one queue.
#[test]
fn documented_costs_are_those_of_the_plan() {
    let docs = include_str!("../../../../../docs/aws.md");
    let mut missing = Vec::new();
    for (secrets, name) in [(100, "100"), (1_000, "1,000"), (10_000, "10,000")] {
        for (minutes, interval) in [(1, "1m"), (5, "5m"), (60, "1h")] {
            let reader = reader(secrets, MINUTE * minutes);
            let with = Assumptions {
                proofs_per_month: 30,
                max_lists_per_month: per_month(MINUTE * 5),
                ..with(secrets)
            };
            let mut row = format!("| {name} | {interval} |");
            for mode in [Mode::ExternalSecrets, Mode::Batches, Mode::Lists, Mode::Events] {
                let mut calls = calls(&reader, mode, &with);
                if mode == Mode::Events {
                    calls.add_all(&queues(1, secrets));
                }
                let (count, price) = (table::short(calls.count()), table::dollars(calls.price()));
                row = format!("{row} {count}, {price} |");
            }
            if !docs.contains(&row) {
                missing.push(row);
            }
        }
    }
    assert!(missing.is_empty(), "docs/aws.md lacks\n{}", missing.join("\n"));
}

#[test]
fn kms_is_asked_once_for_each_value_that_is_read() {
    let (reader, with) = (reader(10_000, MINUTE), with(10_000));
    let with = Assumptions { has_kms_key: true, ..with };
    let decrypts = |mode| calls(&reader, mode, &with).0[&Call::Decrypt];
    assert_eq!(decrypts(Mode::ExternalSecrets), 432_000_000);
    assert_eq!(decrypts(Mode::Batches), 432_000_000);
    assert_eq!(decrypts(Mode::Lists), 10_000);
    assert_eq!(decrypts(Mode::Events), 10_000);
    let calls = calls(&reader, Mode::ExternalSecrets, &with);
    assert_eq!(calls.count(), 432_000_000, "the controller does not send them");
    assert_eq!(cents(&calls), 216_000 + 129_600);
}

#[test]
fn external_secrets_assumes_roles_at_each_refresh() {
    let mut reader = reader(2, MINUTE);
    let account = Identity::ServiceAccount { namespace: "n".into(), name: "a".into() };
    let role = Identity::Role("arn".into());
    reader.chain = Chain { identities: vec![account, role], has_session_tags: false };
    let sts = |mode| {
        let Calls(calls) = calls(&reader, mode, &with(2));
        (calls[&Call::AssumeRoleWithWebIdentity], calls[&Call::AssumeRole])
    };
    assert_eq!(sts(Mode::ExternalSecrets), (86_400, 86_400));
    assert_eq!(sts(Mode::Batches), (785, 785));
    assert_eq!(sts(Mode::Lists), (785, 785));
}

#[test]
fn value_is_read_as_often_as_its_most_frequent_reader_needs() {
    let mut reader = reader(3, MINUTE * 60);
    let fast = Read::Secret { id: "s0".into(), version: String::new() };
    reader.reads.insert(fast, listed(per_month(MINUTE)));
    let Calls(calls) = calls(&reader, Mode::Batches, &with(3));
    // One each minute, which is no batch, and two each hour.
    assert_eq!(calls[&Call::GetSecretValue], 43_200);
    assert_eq!(calls[&Call::BatchGetSecretValue], 720);
}

#[test]
fn versions_and_tags_stay_out_of_batches() {
    let mut reader = reader(0, MINUTE);
    let secret = |version: &str| Read::Secret { id: "a".into(), version: version.into() };
    for read in [secret("AWSPREVIOUS"), secret("uuid/1"), Read::SecretTags { id: "a".into() }] {
        reader.reads.insert(read, Refreshes { other: 100, ..Refreshes::default() });
    }
    let count = |mode, call| calls(&reader, mode, &with(1)).0.get(&call).copied();
    assert_eq!(count(Mode::Batches, Call::GetSecretValue), Some(200));
    assert_eq!(count(Mode::Batches, Call::BatchGetSecretValue), None);
    assert_eq!(count(Mode::Batches, Call::DescribeSecret), Some(100));
    assert_eq!(count(Mode::Events, Call::GetSecretValue), Some(200), "beside tags");
    assert_eq!(count(Mode::Events, Call::DescribeSecret), Some(100), "tags have no events");
    reader.reads = [(secret("uuid/1"), listed(100)), (secret(""), listed(100))].into();
    let count = |mode, call| calls(&reader, mode, &with(1)).0.get(&call).copied();
    assert_eq!(count(Mode::Events, Call::GetSecretValue), Some(1), "a version id never changes");
}

#[test]
fn absurd_interval_saturates() {
    let reader = reader(1_000, Duration::from_nanos(1));
    let calls = calls(&reader, Mode::ExternalSecrets, &with(1_000));
    assert_eq!(calls.price(), u64::MAX);
}

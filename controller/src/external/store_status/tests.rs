use super::*;

fn now() -> Timestamp {
    Timestamp::from_second(0).unwrap()
}

fn store(status: &StoreStatus, service: &str, generation: i64) -> Store {
    let aws = serde_json::json!({ "service": service, "region": "r" });
    let store = crate::external::store::tests::store("n", "s", aws);
    Store { status: status.clone(), generation, ..store }
}

/// The status after a check that found the store valid.
fn next(previous: &StoreStatus, batches: BatchPermission, generation: i64) -> Option<StoreStatus> {
    let store = store(previous, "SecretsManager", generation);
    let found = Findings::of_batches(batches);
    super::next(&store, &Validity::Valid, found, &EventMode::Off, now())
}

/// The permission that this status records, so many hours later.
fn recorded(status: &StoreStatus, service: &str, hours: i64) -> BatchPermission {
    let now = Timestamp::from_second(hours * 3600).unwrap();
    recorded_batches(&store(status, service, 1), now)
}

fn is_new_to(status: &StoreStatus, permission: BatchPermission) -> bool {
    is_new(&status.conditions, Findings::of_batches(permission))
}

#[test]
fn unchanged_store_status_is_not_written() {
    let status = next(&StoreStatus::default(), BatchPermission::Unknown, 1).unwrap();
    assert_eq!(status.conditions[0].reason.as_deref(), Some("Valid"));
    assert_eq!(status.capabilities.as_deref(), Some("ReadWrite"));
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(next(&status, BatchPermission::Unknown, 1), None);
    let edited = next(&status, BatchPermission::Unknown, 2).unwrap();
    assert_eq!(edited.observed_generation, Some(2));
    let pruned = StoreStatus { observed_generation: None, ..status.clone() };
    assert_eq!(next(&pruned, BatchPermission::Unknown, 1), None);
    let batched = next(&status, BatchPermission::Allowed, 1).unwrap();
    assert_eq!(recorded(&batched, "SecretsManager", 0), BatchPermission::Allowed);
    assert!(!is_new_to(&batched, BatchPermission::Allowed));
    assert!(is_new_to(&status, BatchPermission::Allowed));
}

#[test]
fn denied_batch_permission_is_named_and_expires_after_a_day() {
    for (service, action, words) in [
        (
            "SecretsManager",
            BATCH_GET_SECRET_VALUE_ACTION,
            "secretsmanager:BatchGetSecretValue on *",
        ),
        ("ParameterStore", GET_PARAMETERS_ACTION, "allow ssm:GetParameters to read"),
    ] {
        let denied = BatchPermission::Denied(action);
        let status = next(&StoreStatus::default(), denied, 1).unwrap();
        assert_eq!(recorded(&status, service, 0), denied);
        let batches = condition(&status.conditions, "BatchReads").unwrap();
        let message = batches.message.as_deref().unwrap();
        assert!(message.contains(words), "{message}");
        assert_eq!(recorded(&status, service, 25), BatchPermission::Unknown);
        assert!(!is_new_to(&status, denied) && is_new_to(&status, BatchPermission::Allowed));
        let mut pruned = status.clone();
        pruned.conditions.iter_mut().for_each(|each| each.observed_generation = None);
        assert_eq!(next(&pruned, denied, 1), None);
        let other = next(&status, denied, 2).unwrap();
        assert_eq!(recorded(&other, service, 0), BatchPermission::Unknown);
    }
}

#[test]
fn denied_and_throttled_checks_of_versions_are_named_with_their_action() {
    let list = "secretsmanager:ListSecrets";
    let mut status = StoreStatus::default();
    for (versions, is_true, reason, words) in [
        (VersionChecks::Work, "True", "Allowed", "without reading"),
        (VersionChecks::Denied(list), "False", "AccessDenied", "ListSecrets"),
        (
            VersionChecks::Denied(DESCRIBE_SECRET_ACTION),
            "False",
            "AccessDenied",
            "on the secrets to the role",
        ),
        (VersionChecks::Failing(list, Reason::Throttled), "False", "Throttled", "ListSecrets"),
    ] {
        let found = Findings { versions, ..Findings::NONE };
        let before = store(&status, "SecretsManager", 1);
        let events = EventMode::Off;
        status = super::next(&before, &Validity::Valid, found, &events, now()).unwrap();
        let checks = condition(&status.conditions, VERSION_CHECKS).unwrap();
        assert_eq!((checks.status.as_str(), checks.reason.as_deref()), (is_true, Some(reason)));
        assert!(checks.message.as_deref().unwrap().contains(words), "{checks:?}");
        assert!(!is_new(&status.conditions, found));
        let unknown = next(&status, BatchPermission::Unknown, 1);
        assert_eq!(unknown, None, "an unknown permission adds no condition");
    }
    let works = Findings { versions: VersionChecks::Work, ..Findings::NONE };
    assert!(is_new(&status.conditions, works));
}

#[test]
fn events_condition_says_how_changes_arrive() {
    let with = |status: &StoreStatus, mode: &EventMode| {
        let store = store(status, "SecretsManager", 1);
        super::next(&store, &Validity::Valid, Findings::NONE, mode, now())
    };
    let denied = EventMode::Failing(Failure::new(Reason::AccessDenied, "x"));
    let mut status = StoreStatus::default();
    for (mode, is_true, reason) in [
        (EventMode::Unproved, "False", "Unproved"),
        (EventMode::Proved, "True", "Proved"),
        (EventMode::Silent, "False", "Silent"),
        (EventMode::Lost, "False", "Lost"),
        (denied, "False", "Denied"),
    ] {
        status = with(&status, &mode).unwrap();
        let events = condition(&status.conditions, EVENTS).unwrap();
        assert_eq!((events.status.as_str(), event_reason(&status)), (is_true, Some(reason)));
        assert_eq!(with(&status, &mode), None, "{reason}");
    }
    let off = with(&status, &EventMode::Off).unwrap();
    assert_eq!(event_reason(&off), None, "without a queue, nothing is said");
}

#[test]
fn status_of_unsupported_provider_keeps_its_ready_condition() {
    let failure = Failure::new(Reason::StoreInvalid, "x");
    let previous = StoreStatus {
        conditions: vec![Condition {
            type_: "Ready".into(),
            status: "True".into(),
            last_transition_time: Some("1970-01-01T00:00:00Z".into()),
            ..Condition::default()
        }],
        observed_generation: Some(-1),
        ..StoreStatus::default()
    };
    let store = store(&previous, "SecretsManager", 1);
    let unsupported = Validity::Unsupported(failure);
    let status =
        super::next(&store, &unsupported, Findings::NONE, &EventMode::Unproved, now()).unwrap();
    assert_eq!(status.conditions[0], previous.conditions[0]);
    assert_eq!(status.conditions[1].type_, "Supported");
    assert_eq!((status.capabilities, status.observed_generation), (None, Some(-1)));
}

use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::{entries::MAX_FILE_BYTES, *};

const CERTIFICATE: &[u8] = include_bytes!("../../tests/cases/files/rsa2048.crt");

fn fingerprint() -> Fingerprint {
    sealing::Certificate::from_pem(CERTIFICATE).unwrap().fingerprint().clone()
}

fn records(directory: &tempfile::TempDir) -> Records {
    Records::in_directory(&directory.path().join("mtk-seal")).unwrap()
}

fn object<'a>(records: &'a Records, name: &str) -> ObjectRecord<'a> {
    records.object(&fingerprint(), Scope::Strict, "web", name)
}

fn remember(records: &Records, values: &[(&str, &str, &[u8])]) {
    let mut record = object(records, "app");
    for (key, ciphertext, value) in values {
        record.remember(key, ciphertext, value);
    }
    record.write().unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The only record.
fn record_file(directory: &tempfile::TempDir) -> PathBuf {
    let found = fs::read_dir(directory.path().join("mtk-seal")).unwrap();
    found.map(|entry| entry.unwrap().path()).find(|path| path.extension().is_some()).unwrap()
}

#[test]
fn only_the_user_can_read_the_files_and_the_key_stays() {
    let directory = tempfile::tempdir().unwrap();
    remember(&records(&directory), &[("A", "c", b"v")]);
    let state = directory.path().join("mtk-seal");
    let key = fs::read(state.join("key")).unwrap();
    assert_eq!((mode(&state), mode(&state.join("key"))), (0o700, 0o600));
    assert_eq!(mode(&record_file(&directory)), 0o600);
    assert!(object(&records(&directory), "app").is_same("A", "c", b"v"));
    assert_eq!(fs::read(state.join("key")).unwrap(), key);
}

#[test]
fn record_is_bound_to_item_ciphertext_value_and_object() {
    let directory = tempfile::tempdir().unwrap();
    let records = records(&directory);
    remember(&records, &[("A", "c", b"v"), ("B", "d", b"v")]);
    let record = object(&records, "app");
    assert!(record.is_same("A", "c", b"v") && record.is_same("B", "d", b"v"));
    for (key, ciphertext, value) in [("A", "c", &b"w"[..]), ("A", "d", b"v"), ("B", "c", b"v")] {
        assert!(!record.is_same(key, ciphertext, value), "{key} {ciphertext}");
    }
    assert!(object(&records, "other").is_empty());
    assert!(records.object(&fingerprint(), Scope::ClusterWide, "web", "app").is_empty());
}

#[test]
fn equal_values_have_nothing_in_common_in_the_record() {
    let directory = tempfile::tempdir().unwrap();
    let records = records(&directory);
    remember(&records, &[("A", "c1", b"hunter2"), ("B", "c2", b"hunter2")]);
    let text = fs::read_to_string(record_file(&directory)).unwrap();
    let words: Vec<_> = text.lines().skip(1).flat_map(|line| line.split(' ')).collect();
    let different: std::collections::BTreeSet<_> = words.iter().collect();
    assert_eq!((words.len(), different.len()), (6, 6), "{text}");
    assert!(!text.contains("hunter2"));
}

#[test]
fn key_that_others_can_read_or_that_is_no_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    records(&directory);
    let state = directory.path().join("mtk-seal");
    let key = state.join("key");
    let problem = || Records::in_directory(&state).err().unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(problem(), Unusable::Readable { mode: 0o640, .. }));
    fs::rename(&key, directory.path().join("elsewhere")).unwrap();
    symlink(directory.path().join("elsewhere"), &key).unwrap();
    assert!(matches!(problem(), Unusable::NotAFile(_)));
    fs::remove_file(&key).unwrap();
    fs::write(&key, "short").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(matches!(problem(), Unusable::Key(_)));
    fs::set_permissions(&state, fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(problem(), Unusable::Readable { mode: 0o755, .. }));
}

#[test]
fn hostile_record_is_ignored_and_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let records = records(&directory);
    remember(&records, &[("A", "c", b"v")]);
    let path = record_file(&directory);
    let elsewhere = directory.path().join("elsewhere");
    let good = fs::read(&path).unwrap();
    fs::write(&elsewhere, &good).unwrap();
    let hostile: [&dyn Fn(); 5] = [
        &|| fs::write(&path, [0xff; 1000]).unwrap(),
        &|| fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap(),
        &|| fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap(),
        &|| symlink(&elsewhere, &path).unwrap(),
        &|| {
            use rustix::fs::{CWD, FileType, Mode, mknodat};
            mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        },
    ];
    for (number, make) in hostile.iter().enumerate() {
        if number > 2 {
            fs::remove_file(&path).unwrap();
        }
        make();
        assert!(object(&records, "app").is_empty(), "{number}");
        remember(&records, &[("A", "c", b"v")]);
        assert!(object(&records, "app").is_same("A", "c", b"v"), "{number}");
        assert_eq!(mode(&path), 0o600);
    }
    assert_eq!(fs::read(&elsewhere).unwrap(), good);
}

#[test]
fn oldest_files_are_removed_and_the_key_stays() {
    let directory = tempfile::tempdir().unwrap();
    let records = records(&directory);
    for number in 0..5 {
        let file = fs::File::create(records.directory.join(format!("{number}.record"))).unwrap();
        file.set_len(MAX_TOTAL_BYTES / 4).unwrap();
        let modified = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(100 + number);
        file.set_modified(modified).unwrap();
    }
    records.prune();
    let exists = |name: &str| records.directory.join(name).exists();
    assert!(!exists("0.record") && exists("1.record") && exists("4.record") && exists("key"));
}

#[test]
fn entries_of_a_run_at_the_same_time_stay() {
    let directory = tempfile::tempdir().unwrap();
    let records = records(&directory);
    let (mut one, mut other) = (object(&records, "app"), object(&records, "app"));
    one.remember("A", "c", b"v");
    other.remember("B", "d", b"w");
    one.write().unwrap();
    other.write().unwrap();
    let record = object(&records, "app");
    assert!(record.is_same("A", "c", b"v") && record.is_same("B", "d", b"w"));
}

//! Secrets that the proxy itself serves, for benchmarks: moto builds a list of all secrets for each page, which
//! takes minutes for ten thousand of them.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::events::ACCOUNT;
use crate::moto::REGION;

/// The limit of AWS.
const PAGE_SIZE: usize = 100;

/// The secrets of a benchmark. Without any, moto answers.
#[derive(Debug, Default)]
pub struct Table(Mutex<Secrets>);

#[derive(Debug, Default)]
struct Secrets {
    rows: Vec<Row>,
    by_name: HashMap<String, usize>,
}

#[derive(Debug)]
struct Row {
    name: String,
    value: String,
    /// Its versions so far: the last one is the current one.
    versions: usize,
    created: f64,
    reads: usize,
    /// Old versions that the next reads return, as after a change that has not arrived everywhere.
    stale: Vec<(String, String, f64)>,
}

impl Table {
    /// Adds a secret, or a version to it. Returns the id of the version.
    pub fn put(&self, name: &str, value: &str) -> String {
        let mut secrets = self.lock();
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (created, value) = (created.as_secs_f64(), value.to_owned());
        if let Some(index) = secrets.by_name.get(name).copied() {
            let row = &mut secrets.rows[index];
            (row.value, row.created, row.versions) = (value, created, row.versions + 1);
            return row.version();
        }
        let (name, stale) = (name.to_owned(), Vec::new());
        let row = Row { name, value, versions: 1, created, reads: 0, stale };
        let version = row.version();
        let index = secrets.rows.len();
        secrets.by_name.insert(row.name.clone(), index);
        secrets.rows.push(row);
        version
    }

    /// Lets the next read of a secret return the version that is the current one now.
    pub fn lag(&self, name: &str) {
        if let Some(row) = self.lock().row(name) {
            let stale = (row.version(), row.value.clone(), row.created);
            row.stale.push(stale);
        }
    }

    /// The value of a secret.
    pub fn current(&self, name: &str) -> String {
        self.lock().row(name).map_or_else(String::new, |row| row.value.clone())
    }

    /// How often the value of a secret was read.
    pub fn reads(&self, name: &str) -> usize {
        self.lock().row(name).map_or(0, |row| row.reads)
    }

    /// The answer to a request. None: moto answers.
    pub(super) fn answer(&self, operation: &str, request: &Value) -> Option<Value> {
        let mut secrets = self.lock();
        if secrets.rows.is_empty() {
            return None;
        }
        match operation {
            "ListSecrets" => Some(secrets.page(request)),
            "GetSecretValue" => secrets.row(request["SecretId"].as_str()?).map(Row::read),
            "BatchGetSecretValue" => {
                let names = request["SecretIdList"].as_array()?.iter().filter_map(Value::as_str);
                let values: Vec<_> =
                    names.filter_map(|name| secrets.row(name).map(Row::read)).collect();
                Some(json!({ "SecretValues": values, "Errors": [] }))
            }
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Secrets> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

impl Secrets {
    /// By its name or ARN.
    fn row(&mut self, id: &str) -> Option<&mut Row> {
        let name = id.split(':').nth(6).and_then(|end| end.rsplit_once('-'));
        let name = name.map_or(id, |(name, _)| name);
        self.by_name.get(name).copied().map(|index| &mut self.rows[index])
    }

    fn page(&self, request: &Value) -> Value {
        let start = request["NextToken"].as_str().and_then(|token| token.parse().ok());
        let start = start.unwrap_or(0).min(self.rows.len());
        let end = (start + PAGE_SIZE).min(self.rows.len());
        let entry = |row: &Row| {
            json!({ "ARN": arn(&row.name), "Name": row.name,
                    "SecretVersionsToStages": { row.version(): ["AWSCURRENT"] } })
        };
        let entries: Vec<_> = self.rows[start..end].iter().map(entry).collect();
        let next = (end < self.rows.len()).then(|| end.to_string());
        json!({ "SecretList": entries, "NextToken": next })
    }
}

impl Row {
    /// As long as a UUID.
    fn version(&self) -> String {
        format!("{:036}", self.versions)
    }

    fn read(&mut self) -> Value {
        self.reads += 1;
        let current = (self.version(), self.value.clone(), self.created);
        let (version, value, created) = self.stale.pop().unwrap_or(current);
        json!({ "ARN": arn(&self.name), "Name": self.name, "VersionId": version, "SecretString": value,
                "VersionStages": ["AWSCURRENT"], "CreatedDate": created })
    }
}

/// The ARN of a secret in a table.
pub fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-AbCdEf")
}

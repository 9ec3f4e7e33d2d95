//! Faults that tests switch on: pure functions between a request and its response.

use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

/// A fault.
#[derive(Clone, Debug)]
pub enum Fault {
    /// AWS throttles an operation, this many times.
    Throttled(&'static str, usize),
    /// AWS denies an operation.
    Denied(&'static str),
    /// AWS denies a secret, in batches too. Or it denies a parameter, and every batch that contains
    /// it.
    DeniedItem(String),
    /// AWS denies this access key id a secret, and every batch that contains it.
    DeniedTo(String, String),
    /// A batch leaves a secret out, without an error.
    LeftOut(String),
    /// Lists do not show a secret.
    Unlisted(String),
    /// Lists show the version with this id as the current one of a secret.
    Lagging(String, String),
    /// Reads of a secret return this version: its id, its time (seconds since 1970) and its value.
    Stale(String, String, i64, String),
    /// An operation takes this long.
    Slow(&'static str, Duration),
    /// An operation returns invalid JSON.
    Broken(&'static str),
    /// An operation fails with status 500, this many times.
    Failing(&'static str, usize),
    /// Reads of a secret fail with status 500, this many times.
    FailingItem(String, usize),
    /// The next reads of a secret fail with expired credentials, this many times.
    Expired(String, usize),
    /// An operation fails with expired credentials, this many times.
    ExpiredFor(&'static str, usize),
}

/// All faults.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Fault>>);

/// The decision on a request.
#[derive(Debug)]
pub(super) enum Fate {
    /// Forward it to moto after this delay.
    Passed(Duration),
    /// Answer with this status and body.
    Answered(u16, String),
}

impl Faults {
    /// Adds a fault.
    pub fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Decides on a request.
    pub(super) fn request(&self, operation: &str, key: &str, body: &Value) -> Fate {
        if let Some(ids) = body["SecretIdList"].as_array()
            && ids.len() > 20
        {
            // AWS's limit, which moto does not have.
            return refusal(400, "ValidationException", "at most 20 ids");
        }
        let mut delay = Duration::ZERO;
        let mut faults = self.lock();
        for fault in faults.iter_mut() {
            let is_spent = match fault {
                Fault::Throttled(of, left)
                | Fault::Failing(of, left)
                | Fault::ExpiredFor(of, left)
                    if *of == operation && *left > 0 =>
                {
                    *left -= 1;
                    true
                }
                Fault::Expired(id, left) | Fault::FailingItem(id, left)
                    if asks_for(body, id) && *left > 0 =>
                {
                    *left -= 1;
                    true
                }
                _ => false,
            };
            match fault {
                Fault::Throttled(..) if is_spent => {
                    return refusal(400, "ThrottlingException", "canary-provider-text");
                }
                Fault::Failing(..) | Fault::FailingItem(..) if is_spent => {
                    return refusal(500, "InternalServiceError", "canary-provider-text");
                }
                Fault::Expired(..) | Fault::ExpiredFor(..) if is_spent => {
                    return refusal(400, "ExpiredTokenException", "canary-provider-text");
                }
                Fault::DeniedTo(who, id) if who == key && asks_for(body, id) => {
                    return denied(operation);
                }
                Fault::Denied(of) if *of == operation => {
                    return denied(operation);
                }
                Fault::DeniedItem(id) if is_refused_for(body, id) => {
                    return denied(operation);
                }
                Fault::Broken(of) if *of == operation => {
                    return Fate::Answered(200, "{\"SecretString\": \"cut".to_owned());
                }
                Fault::Slow(of, time) if *of == operation => delay = *time,
                _ => {}
            }
        }
        Fate::Passed(delay)
    }

    /// Changes an answer.
    pub(super) fn answer(&self, operation: &str, answer: &mut Value) {
        let faults = self.lock().clone();
        for fault in &faults {
            match fault {
                Fault::Unlisted(name) => {
                    drop_named(&mut answer["SecretList"], name);
                }
                Fault::Lagging(name, id) => {
                    let entries = answer["SecretList"].as_array_mut().into_iter().flatten();
                    for entry in entries.filter(|entry| entry["Name"] == **name) {
                        entry["SecretVersionsToStages"] = json!({ id: ["AWSCURRENT"] });
                    }
                }
                Fault::LeftOut(name) => {
                    drop_named(&mut answer["SecretValues"], name);
                }
                Fault::DeniedItem(name) if operation == "BatchGetSecretValue" => {
                    if !drop_named(&mut answer["SecretValues"], name) {
                        continue;
                    }
                    let error = json!({ "SecretId": name, "ErrorCode": "AccessDeniedException",
                                        "Message": "canary-provider-text" });
                    match answer["Errors"].as_array_mut() {
                        Some(errors) => errors.push(error),
                        None => answer["Errors"] = json!([error]),
                    }
                }
                Fault::Stale(name, id, created, value) => {
                    let entries = match operation {
                        "GetSecretValue" => vec![&mut *answer],
                        "BatchGetSecretValue" => {
                            answer["SecretValues"].as_array_mut().into_iter().flatten().collect()
                        }
                        _ => vec![],
                    };
                    for entry in entries.into_iter().filter(|entry| entry["Name"] == **name) {
                        entry["VersionId"] = json!(id);
                        entry["CreatedDate"] = json!(created);
                        entry["SecretString"] = json!(value);
                    }
                }
                _ => {}
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().expect("no holder of the lock panics")
    }
}

/// True if an item was removed.
fn drop_named(list: &mut Value, name: &str) -> bool {
    let Some(list) = list.as_array_mut() else { return false };
    let before = list.len();
    list.retain(|entry| entry["Name"] != name);
    list.len() != before
}

fn asks_for(body: &Value, id: &str) -> bool {
    let ids = body["SecretIdList"].as_array().into_iter().flatten();
    ids.chain([&body["SecretId"]]).any(|asked| asked == id)
}

/// AWS answers a batch of secrets with an error for each denied one, and refuses a batch of parameters
/// as a whole.
fn is_refused_for(body: &Value, id: &str) -> bool {
    let names = body["Names"].as_array().into_iter().flatten();
    names.chain([&body["SecretId"], &body["Name"]]).any(|asked| asked == id)
}

fn denied(operation: &str) -> Fate {
    let text = format!("canary-provider-text: not authorized to perform: {operation}");
    refusal(400, "AccessDeniedException", &text)
}

fn refusal(status: u16, code: &str, message: &str) -> Fate {
    Fate::Answered(status, json!({ "__type": code, "message": message }).to_string())
}

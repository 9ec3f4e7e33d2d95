//! AWS: as whom values are read, and how few requests that takes.
//!
//! ```text
//!  store + namespace ─▶ identity ─▶ pool: one reader each ──▶ planner: dedupes, batches ──▶ service
//!                                        └─ credentials: cached, renewed early, one at a time
//! ```
//!
//! An identity is everything that decides what AWS answers: the store with its generation, the roles
//! and their tags, the region. Nothing that one identity was told is ever given to another
//! (confused deputy): cache, batches and what is known of rights hang on the reader of the identity.
//!
//! What can go wrong: AWS denies, throttles, is slow or away. Each want gets its own error, with our
//! reason and the action that failed, and never text of AWS. Credentials that still hold are used on
//! when renewing them fails.

pub mod credentials;
pub mod error;
#[cfg(test)]
mod iam;
pub mod identity;
pub mod planner;
pub mod pool;
pub mod read;
pub mod service;

pub use error::ReadError;
pub use identity::Identity;
pub use pool::Pool;
pub use read::{Filter, ReadRequest, ReadResponse, Value, Version};

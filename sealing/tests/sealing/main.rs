//! The public API against kubeseal's own items, hostile bytes and an independent implementation.

mod certificates;
mod fixtures;
mod generated;
mod hostile;
mod independent;
mod keys;
mod round_trip;
mod vectors;

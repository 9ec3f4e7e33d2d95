//! JSON, as Go's encoding/json reads and writes it.

mod decode;
mod encode;

pub use self::{
    decode::decode,
    encode::{Style, encode},
};

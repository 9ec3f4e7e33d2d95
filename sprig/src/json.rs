//! JSON, read and written as in Go's encoding/json.

mod decode;
mod encode;

pub use self::{
    decode::decode,
    encode::{Style, encode},
};

//! PEM (RFC 7468): one writer and two readers.
//!
//! [`blocks`] reads like Go's `encoding/pem`, which templates rely on: it skips text outside blocks.
//! [`checked_blocks`] reads files from users: it accepts more layouts, and its errors name the mistake.

mod checked;
mod encode;
mod go;

pub use self::{
    checked::{CheckedBlock, CheckedBlocks, MAX_TEXT_BYTES, PemError, checked_blocks},
    encode::encode,
    go::{Block, Blocks, blocks, first_block},
};

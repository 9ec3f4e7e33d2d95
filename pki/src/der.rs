//! The parts of DER (X.690 §8, §10) that keys and certificates need.

mod reader;
mod tag;
mod writer;

pub(crate) use self::{
    reader::{Element, Reader},
    tag::{
        BIT_STRING, BMP_STRING, BOOLEAN, GENERALIZED_TIME, IA5_STRING, INTEGER, NUMERIC_STRING,
        OBJECT_IDENTIFIER, OCTET_STRING, PRINTABLE_STRING, SEQUENCE, SET, T61_STRING, UTC_TIME,
        UTF8_STRING, constructed, context,
    },
    writer::{Der, NULL, algorithm, bit_string, identifier, integer, sequence, tlv},
};

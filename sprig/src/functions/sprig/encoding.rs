//! Base64 and base32.

use gotemplate::{Function, Parameter::Text, Value};

use crate::radix::{BASE32, BASE64};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("b32dec", &[Text], |c, a| {
        c.meter.bytes(a.text(0)?.len() + 64)?;
        Ok(Value::text(BASE32.decode_or_complain(a.text(0)?)))
    }),
    Function::new("b32enc", &[Text], |c, a| {
        c.meter.bytes(a.text(0)?.len() / 5 * 8 + 8)?;
        Ok(Value::text(BASE32.encode(a.text(0)?)))
    }),
    Function::new("b64dec", &[Text], |c, a| {
        c.meter.bytes(a.text(0)?.len() + 64)?;
        Ok(Value::text(BASE64.decode_or_complain(a.text(0)?)))
    }),
    Function::new("b64enc", &[Text], |c, a| {
        c.meter.bytes(a.text(0)?.len() / 3 * 4 + 4)?;
        Ok(Value::text(BASE64.encode(a.text(0)?)))
    }),
];

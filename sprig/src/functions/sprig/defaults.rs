//! Defaults and flow control.

use gotemplate::{
    Function,
    Parameter::{Any, Bool, Text},
    Value,
};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("all", &[], |_, a| Ok(Value::Bool(a.all().iter().all(Value::is_true)))).rest(Any),
    Function::new("any", &[], |_, a| Ok(Value::Bool(a.all().iter().any(Value::is_true)))).rest(Any),
    Function::new("coalesce", &[], |_, a| {
        Ok(a.all().iter().find(|value| value.is_true()).cloned().unwrap_or(Value::Nil))
    })
    .rest(Any),
    Function::new("default", &[Any], |_, a| {
        let given = a.rest(1).first().filter(|given| given.is_true());
        Ok(given.unwrap_or(a.any(0)?).clone())
    })
    .rest(Any),
    Function::new("empty", &[Any], |_, a| Ok(Value::Bool(!a.any(0)?.is_true()))),
    // Its argument may contain a value, so the error omits it.
    Function::new("fail", &[Text], |_, _| Err("the template calls it".into())),
    Function::new("hello", &[], |_, _| Ok(Value::text("Hello!"))),
    Function::new("ternary", &[Any, Any, Bool], |_, a| {
        Ok(a.any(usize::from(!a.any(2)?.is_true()))?.clone())
    }),
];

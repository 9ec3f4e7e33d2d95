//! Maps with string keys.

use gotemplate::{
    Arguments, Context, Element, Failure, Function, List, Map, MapKind,
    Parameter::{Any, Map as Dict, Text},
    Value,
};

use super::{convert::text, merge};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("dict", &[], dict).rest(Any),
    Function::new("dig", &[], dig).rest(Any),
    Function::new("get", &[Dict, Text], |_, a| {
        Ok(a.map(0)?.get(a.text(1)?).unwrap_or_else(|| Value::text("")))
    }),
    Function::new("hasKey", &[Dict, Text], |_, a| {
        Ok(Value::Bool(a.map(0)?.get(a.text(1)?).is_some()))
    }),
    Function::new("keys", &[], keys).rest(Dict),
    Function::new("merge", &[Dict], |c, a| merge::all(c, a, false)).rest(Dict),
    Function::new("mergeOverwrite", &[Dict], |c, a| merge::all(c, a, true)).rest(Dict),
    Function::new("mustMerge", &[Dict], |c, a| merge::all(c, a, false)).rest(Dict),
    Function::new("mustMergeOverwrite", &[Dict], |c, a| merge::all(c, a, true)).rest(Dict),
    Function::new("omit", &[Dict], |c, a| select(c, a, false)).rest(Text),
    Function::new("pick", &[Dict], |c, a| select(c, a, true)).rest(Text),
    Function::new("pluck", &[Text], pluck).rest(Dict),
    Function::new("set", &[Dict, Text, Any], set),
    Function::new("unset", &[Dict, Text], |c, a| {
        let map = a.map(0)?;
        c.clear_at_end(map);
        map.remove(a.text(1)?);
        Ok(Value::Map(map.clone()))
    }),
    Function::new("values", &[Dict], |c, a| {
        let map = a.map(0)?;
        c.meter.items(map.len())?;
        Ok(Value::list(map.entries().values().cloned().collect()))
    }),
];

/// Keys and values in turn. The last key may lack its value.
fn dict(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    context.meter.map()?;
    context.meter.items(arguments.all().len())?;
    let map = Map::new(MapKind::Any, std::collections::BTreeMap::new());
    for pair in arguments.all().chunks(2) {
        let key = text(context, &pair[0])?;
        map.insert(key, pair.get(1).cloned().unwrap_or_else(|| Value::text("")));
    }
    Ok(Value::Map(map))
}

fn set(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    if map.is_nil() {
        return Err("the map is nil".into());
    }
    context.clear_at_end(map);
    context.meter.items(1)?;
    map.insert(arguments.text(1)?.clone(), arguments.any(2)?.clone());
    Ok(Value::Map(map.clone()))
}

/// Go returns keys in random order. Ours are sorted.
fn keys(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let mut keys = Vec::new();
    for index in 0..arguments.all().len() {
        let map = arguments.map(index)?;
        context.meter.items(keys.len() + map.len())?;
        keys.extend(map.entries().keys().cloned().map(Value::Text));
    }
    Ok(Value::List(List::new(Element::Text, keys)))
}

fn pluck(context: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let key = arguments.text(0)?;
    let mut found = Vec::new();
    for index in 1..arguments.all().len() {
        found.extend(arguments.map(index)?.get(key));
    }
    context.meter.items(found.len())?;
    Ok(Value::list(found))
}

/// The entries whose keys are given, or all others.
fn select(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    given: bool,
) -> Result<Value, Failure> {
    let map = arguments.map(0)?;
    let keys = arguments.rest(1);
    context.meter.map()?;
    context.meter.items(map.len())?;
    context.meter.steps((map.len() as u64).saturating_mul(keys.len() as u64))?;
    let is_given = |key: &gotemplate::Text| {
        keys.iter().any(|wanted| matches!(wanted, Value::Text(wanted) if wanted == key))
    };
    let entries = map.entries();
    let kept = entries.iter().filter(|(key, _)| is_given(key) == given);
    Ok(Value::map(kept.map(|(key, value)| (key.clone(), value.clone()))))
}

/// `dig "a" "b" default map`: the value at `a` and `b`, or the default.
fn dig(_: &mut Context<'_>, arguments: Arguments<'_>) -> Result<Value, Failure> {
    let [keys @ .., default, map] = arguments.all() else {
        return Err("there are too few arguments".into());
    };
    if keys.is_empty() {
        return Err("there are too few arguments".into());
    }
    if !keys.iter().all(|key| matches!(key, Value::Text(_))) {
        return Err("a key is not a string".into());
    }
    let mut value = map.clone();
    for key in keys {
        let Value::Text(key) = key else { return Err("a key is not a string".into()) };
        let Value::Map(map) = &value else { return Err("an entry is not a map".into()) };
        if map.kind() != MapKind::Any {
            return Err("an entry is not a map".into());
        }
        let Some(entry) = map.get(key) else { return Ok(default.clone()) };
        value = entry;
    }
    Ok(value)
}

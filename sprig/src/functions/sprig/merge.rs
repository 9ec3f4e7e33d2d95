//! `merge` and `mergeOverwrite`.

use gotemplate::{Arguments, Context, Failure, Limit, Map, MapKind, Value};

/// Merges all maps into the first, and returns it.
pub(super) fn all(
    context: &mut Context<'_>,
    arguments: Arguments<'_>,
    overwrite: bool,
) -> Result<Value, Failure> {
    let mut target = arguments.map(0)?;
    let fresh = Map::new(MapKind::Any, std::collections::BTreeMap::new());
    if target.is_nil() {
        target = &fresh;
    }
    for index in 1..arguments.all().len() {
        into(context, target, arguments.map(index)?, overwrite, 0)?;
    }
    Ok(Value::Map(target.clone()))
}

/// Takes an entry of `source` if the target's is missing or empty, or if entries are overwritten.
/// Merges maps that both sides have.
fn into(
    context: &mut Context<'_>,
    target: &Map,
    source: &Map,
    overwrite: bool,
    depth: usize,
) -> Result<(), Failure> {
    if depth > context.meter.limits.depth {
        return Err(Limit::Depth.into());
    }
    context.clear_at_end(target);
    let entries: Vec<_> =
        source.entries().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for (key, value) in entries {
        context.meter.items(1)?;
        let known = target.get(&key);
        match (&known, &value) {
            (Some(Value::Map(known)), Value::Map(more)) => {
                if known.kind() != MapKind::Any && known.kind() != more.kind() {
                    return Err("the maps are of different types".into());
                }
                into(context, known, more, overwrite, depth + 1)?;
            }
            (Some(known), _) if !overwrite && (known.is_true() || value.is_nil()) => {}
            (None, Value::Missing | Value::Nil) if !overwrite => {}
            _ => target.insert(key, value),
        }
    }
    Ok(())
}

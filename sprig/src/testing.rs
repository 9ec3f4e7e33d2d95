//! Fixtures for the tests of several modules.

use gotemplate::{Context, Environment, Limits, Map, RenderErrorKind, Template, Value};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::dialect;

/// Calls `run` with a context that has seeded randomness and the default limits.
pub(crate) fn context<T>(seed: u64, run: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut random = StdRng::seed_from_u64(seed);
    run(&mut Context::new(environment(&mut random)))
}

/// The output of a template.
pub(crate) fn text(template: &str, seed: u64) -> String {
    render(template, &Value::Map(Map::nil()), seed).expect("a rendering")
}

/// The output of a template with some data, or the error.
pub(crate) fn render(template: &str, data: &Value, seed: u64) -> Result<String, RenderErrorKind> {
    let template = Template::parse("t", template, &dialect()).expect("a template");
    let mut random = StdRng::seed_from_u64(seed);
    match template.render(data, environment(&mut random)) {
        Ok(rendered) => Ok(String::from_utf8(rendered.output.to_vec()).expect("UTF-8")),
        Err(error) => Err(error.kind),
    }
}

fn environment(random: &mut StdRng) -> Environment<'_> {
    Environment {
        now: "2026-11-24T12:34:56.789Z".parse().expect("a time"),
        random,
        limits: Limits::default(),
        deadline_exceeded: &|| false,
        memory: None,
    }
}

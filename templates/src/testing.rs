//! What the tests of several modules need.

use rand::{SeedableRng as _, rngs::StdRng};

use crate::{
    Dialect, Environment, Limits, RenderErrorKind, Template, Value, context::Context, value::Map,
};

/// Hands a context to `run`, with the randomness of a seed. Its limits are the default.
pub(crate) fn context<T>(seed: u64, run: impl FnOnce(&mut Context<'_>) -> T) -> T {
    let mut random = StdRng::seed_from_u64(seed);
    run(&mut Context::new(environment(&mut random)))
}

/// What a template renders to.
pub(crate) fn text(template: &str, seed: u64) -> String {
    render(template, &Value::Map(Map::nil()), seed).expect("a rendering")
}

/// What a template renders to with some data, or why it does not.
pub(crate) fn render(template: &str, data: &Value, seed: u64) -> Result<String, RenderErrorKind> {
    let template = Template::parse("t", template, &Dialect::sealed_secret()).expect("a template");
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
        interrupted: &|| false,
    }
}

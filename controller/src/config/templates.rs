//! Limits on templates.

use clap::Args;
use jiff::SignedDuration;
use templates::Limits;

use super::parse::parse_duration;
use crate::context::TemplateSettings;

#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(super) struct TemplateArgs {
    /// Time limit for the templates of one object
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = parse_duration)]
    template_timeout: SignedDuration,

    /// Maximum number of steps of one template: nodes, calls and printed values
    #[arg(long, value_name = "N", default_value_t = Limits::default().steps)]
    template_max_steps: u64,

    /// Maximum output of the templates of one object, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().output)]
    template_max_output: usize,
}

impl TemplateArgs {
    pub(super) fn settings(&self) -> TemplateSettings {
        let limits = Limits {
            steps: self.template_max_steps,
            output: self.template_max_output,
            ..Limits::default()
        };
        TemplateSettings { limits, time: self.template_timeout.unsigned_abs() }
    }
}

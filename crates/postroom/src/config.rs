//! `postroom config`: what the processes would run with.

use clap::{Args, Command, parser::ValueSource};

use crate::processes;

/// Prints every setting of every process once: name, value, where it comes from. Secrets are
/// masked.
pub(crate) fn show() -> anyhow::Result<()> {
    let api = processes::Api::augment_args(Command::new("api"));
    let worker = processes::Worker::augment_args(Command::new("worker"));
    let migrate = processes::Migrate::augment_args(Command::new("migrate"));
    let mut shown = std::collections::BTreeSet::new();
    for command in [api, worker, migrate] {
        // Missing settings are shown as such instead of ending the command.
        let command = command.mut_args(|arg| arg.required(false));
        let matches = command.clone().try_get_matches_from([command.get_name()])?;
        for arg in command.get_arguments() {
            let Some(name) = arg.get_env().and_then(|name| name.to_str()) else { continue };
            let source = match matches.value_source(arg.get_id().as_str()) {
                Some(ValueSource::EnvVariable) => "environment",
                Some(_) => "default",
                None => "not set",
            };
            let values: Vec<_> = matches
                .get_raw(arg.get_id().as_str())
                .into_iter()
                .flatten()
                .map(|value| value.to_string_lossy())
                .collect();
            let value = match values.join(",") {
                value if value.is_empty() => String::new(),
                _ if arg.is_hide_env_values_set() => "********".to_owned(),
                value => value,
            };
            shown.insert(format!("{name}={value}  # {source}"));
        }
    }
    for line in shown {
        println!("{line}");
    }
    Ok(())
}

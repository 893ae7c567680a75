//! What to measure, and where the system is.

use std::path::PathBuf;

/// Measures the running system of `make up`
#[derive(clap::Parser)]
#[command(name = "bench")]
pub struct Args {
    /// What to measure
    #[arg(value_enum, default_values_t = [Suite::All])]
    pub suites: Vec<Suite>,
    /// Write all figures there, as JSON
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Seconds that each measurement of a rate lasts, after a warm-up of one second
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub seconds: u32,
    /// Notifications that are stored already, from the last days
    #[arg(long, default_value_t = 20_000)]
    pub stored: u32,
    /// Requests of the memory suite, messages of the delivered suite
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(50..))]
    pub requests: u32,
    /// Folder of the process ids of the running system
    #[arg(long, default_value = ".dev/run")]
    pub run_dir: PathBuf,
    /// The program pgbench; without it, the one of the newest PostgreSQL that is installed
    #[arg(long)]
    pub pgbench: Option<PathBuf>,
    /// Where the API answers
    #[arg(long, env = "API_URL")]
    pub api_url: String,
    /// A normal key of a live service, whose rate limit is out of reach (`postroom fixtures
    /// --rate-limit`)
    #[arg(long, env = "API_KEY", hide_env_values = true)]
    pub api_key: String,
    /// An SMS template of that service, with the placeholder `name`
    #[arg(long, env = "SMS_TEMPLATE_ID")]
    pub sms_template_id: String,
    /// The system's database
    #[arg(long, env = "SQLALCHEMY_DATABASE_URI", hide_env_values = true)]
    pub database_url: String,
    /// The system's broker
    #[arg(long, env = "CELERY_BROKER_URL", hide_env_values = true)]
    pub broker_url: String,
    /// A virtual host that nobody else uses, of the same broker: for the queue suite
    #[arg(long)]
    pub queue_broker_url: Option<String>,
    /// Programs of a Python environment with Celery: for the queue suite
    #[arg(long)]
    pub celery: Option<PathBuf>,
}

impl Args {
    /// Whether this is to be measured.
    pub fn has(&self, part: Suite) -> bool {
        self.suites.iter().any(|suite| suite.has(part))
    }
}

/// A set of measurements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Accepting text messages, beside the floors; workers stand still
    Post,
    /// Accepting emails of a realistic template; workers stand still
    Email,
    /// Showing notifications; workers stand still
    Get,
    /// Pages of 250 notifications, with a hundredth of what is stored and with all
    List,
    /// Previews of the same template
    Preview,
    /// From POST to `delivered`, through every process
    Deliver,
    /// One worker process beside Celery and the AMQP library; publishing; many retries
    Queue,
    /// All of these
    All,
    /// Resident memory of the API over many requests of every kind; workers stand still
    Memory,
    /// Resident memory of the API and the worker over many messages from POST to `delivered`
    Delivered,
}

impl Suite {
    fn has(self, part: Self) -> bool {
        self == part || (self == Self::All && !matches!(part, Self::Memory | Self::Delivered))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn options_are_consistent() {
        super::Args::command().debug_assert();
    }
}

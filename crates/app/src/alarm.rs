//! Calling people when something waits for them.

use tracing::error;

use crate::App;

/// Something that people must look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alarm {
    /// The task that found it.
    pub name: &'static str,
    /// One line.
    pub subject: String,
    /// What was found, and where to look. Ids, and no personal data.
    pub text: String,
    /// How many things it is about.
    pub count: usize,
}

impl App {
    /// Raises an alarm: a log line and a metric.
    pub(crate) fn raise(&self, alarm: &Alarm) {
        metrics::counter!("alarms_raised_total", "name" => alarm.name).increment(1);
        error!(alarm.name = alarm.name, alarm.count, alarm.text, "{}", alarm.subject);
    }
}

//! Reports that people ask for in the admin app (tasks contract §3.12, §3.7).

use std::time::Duration;

use domain::{ReportRequestId, ServiceId};
use queue::{Call, Task};
use serde::{Deserialize, Serialize};

use crate::queues;

/// Writes a report: a file of a service's messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessReportRequest {
    /// The service.
    pub service_id: ServiceId,
    /// The report.
    pub report_request_id: ReportRequestId,
}

impl Task for ProcessReportRequest {
    const NAME: &'static str = "process-report-request";
    const QUEUE: &'static str = queues::REPORT_REQUESTS;
    const ARGS: &'static [&'static str] = &["service_id", "report_request_id"];
    const CALL: Call = Call::Keywords;
    /// Millions of messages; and far below the time after which the broker takes a message back.
    const TIME_LIMIT: Duration = Duration::from_secs(20 * 60);
}

/// Removes reports that are more than a day old. A skipped run leaves them to the next night; a doubled
/// one finds nothing left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateReportStatusToDeleted {}

impl Task for UpdateReportStatusToDeleted {
    const NAME: &'static str = "update-report-status-to-deleted";
    const QUEUE: &'static str = queues::PERIODIC;
    const ARGS: &'static [&'static str] = &[];
}

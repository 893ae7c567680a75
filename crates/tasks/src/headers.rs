//! Headers of ours in every message (tasks contract §1.3 and §2.9).

/// The id of the request that caused a task, in the logs of every process that works for it.
pub const REQUEST_ID: &str = "notify_request_id";
/// The service a task belongs to. We carry it for Python apps that share the queues.
pub const GROUP_ID: &str = "notify_message_group_id";

/// What a task passes on to the tasks it publishes.
pub const INHERITED: [&str; 2] = [REQUEST_ID, GROUP_ID];

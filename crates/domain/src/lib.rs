//! Words of the business: ids, statuses, limits, signing, London time, Redis key names, the clock.
//!
//! Nothing here does I/O or waits, and no function reads the time or makes an id on its own: both
//! come from [`Clock`]. Every other crate of the system speaks in these types, so a rule that two
//! of them need (which status may follow which, what a key is called in Redis) is written here
//! once. Start reading at [`notification`].

pub mod clock;
pub mod fernet;
pub mod file_type;
pub mod ids;
pub mod job;
pub mod letter;
pub mod london;
pub mod notification;
pub mod rate;
pub mod redis_keys;
pub mod report;
pub mod service;
pub mod signing;
pub mod webhooks;
pub mod working_day;

pub use clock::Clock;
pub use ids::{
    ApiKeyId, InboundSmsId, InvalidId, JobId, NotificationId, ReplyToId, ReportRequestId,
    ServiceId, SmsSenderId, TemplateId,
};
pub use notification::{NotificationStatus, NotificationType};
pub use service::{ApiKey, KeyType, Permission, Service, Template, TemplateFile};

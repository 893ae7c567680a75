//! Looking notifications up, one or a page of them (public API contract §2.6, §2.7).

use actix_web::{HttpRequest, HttpResponse, web};
use app::{App, notifications::Filter};
use domain::{NotificationId, NotificationStatus, NotificationType};
use schemars::JsonSchema;
use serde::Serialize;
use strum::VariantArray;

use super::shown::{Notification, shown};
use crate::{
    error::ApiError,
    http::{BaseUrl, ServiceCaller},
    openapi::Document,
    query::{Checked, Links, Query},
};

/// What looks like the path of a notification.
pub(super) const OF_AN_ID: &str = "/v2/notifications/{id:[0-9A-Fa-f-]{32,36}}";

/// The statuses that can be asked for, in the order in which clients are told them, and what each
/// stands for.
const STATUSES: [(&str, &[NotificationStatus]); 16] = {
    use NotificationStatus::{
        Cancelled, Created, Delivered, Failed, Pending, PendingVirusCheck, PermanentFailure,
        ReturnedLetter, Sending, Sent, TechnicalFailure, TemporaryFailure, ValidationFailed,
        VirusScanFailed,
    };
    [
        ("cancelled", &[Cancelled]),
        ("created", &[Created]),
        ("sending", &[Sending]),
        ("sent", &[Sent]),
        ("delivered", &[Delivered]),
        ("pending", &[Pending]),
        (
            "failed",
            &[
                Failed,
                TechnicalFailure,
                TemporaryFailure,
                PermanentFailure,
                ValidationFailed,
                VirusScanFailed,
                ReturnedLetter,
            ],
        ),
        ("technical-failure", &[TechnicalFailure]),
        ("temporary-failure", &[TemporaryFailure]),
        ("permanent-failure", &[PermanentFailure]),
        ("pending-virus-check", &[PendingVirusCheck]),
        ("validation-failed", &[ValidationFailed]),
        ("virus-scan-failed", &[VirusScanFailed]),
        ("returned-letter", &[ReturnedLetter]),
        ("accepted", &[Created, Sending]),
        ("received", &[Delivered]),
    ]
};

/// The channels that can be asked for.
pub(in crate::v2) const CHANNELS: [(&str, NotificationType); 3] = [
    ("sms", NotificationType::Sms),
    ("email", NotificationType::Email),
    ("letter", NotificationType::Letter),
];

pub(in crate::v2) fn describe(api: &mut Document) {
    api.by_service("get", "/v2/notifications", "List notifications")
        .says(
            "Those sent with the same type of key, up to 250 on a page, the newest first; \
             `links.next` is where older ones are.",
        )
        .asks(Query::parameters(Asked::read))
        .refuses(&[400])
        .answers::<Page<'_>>(200, "A page of them");
    api.by_service("get", "/v2/notifications/{id}", "Get a notification")
        .refuses(&[400])
        .answers::<Notification<'_>>(200, "The notification");
    api.by_service("delete", OF_AN_ID, "Call a notification back")
        .says(
            "A scheduled message until it is queued, or a letter until half past five in London, \
             when it is printed.",
        )
        .refuses(&[400, 405, 409])
        .answers::<Notification<'_>>(200, "The notification, which is cancelled");
}

/// A page of notifications.
#[derive(Serialize, JsonSchema)]
struct Page<'a> {
    notifications: Vec<Notification<'a>>,
    links: Links,
}

/// Which notifications a query asks for.
struct Asked {
    reference: Option<String>,
    statuses: Vec<NotificationStatus>,
    channels: Vec<NotificationType>,
    include_jobs: bool,
    older_than: Option<NotificationId>,
    query: Checked,
}

impl Asked {
    fn read(mut query: Query) -> Result<Self, ApiError> {
        Ok(Self {
            reference: query.text("reference"),
            statuses: statuses(query.choices("status", &STATUSES)),
            channels: query.choices("template_type", &CHANNELS),
            include_jobs: query.choice("include_jobs", &[("true", ()), ("True", ())]).is_some(),
            older_than: query.id("older_than").map(NotificationId),
            query: query.finish()?,
        })
    }
}

/// `GET /v2/notifications/{id}`: one of the service's notifications.
pub(super) async fn get(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let found = app.notification(&caller.caller.account, id(&request)?).await?;
    Ok(HttpResponse::Ok().json(shown(&found, &base.0)))
}

/// `DELETE /v2/notifications/{id}`: calls back one of the service's notifications, and shows it.
pub(super) async fn cancel(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&request)?;
    app.cancel(&caller.caller, id).await?;
    let found = app.notification(&caller.caller.account, id).await?;
    Ok(HttpResponse::Ok().json(shown(&found, &base.0)))
}

/// `GET /v2/notifications`: a page of the service's notifications, the newest first.
pub(super) async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let asked = Asked::read(Query::read(&request))?;
    let filter = Filter {
        key_type: caller.caller.key_type,
        statuses: &asked.statuses,
        channels: &asked.channels,
        reference: asked.reference.as_deref(),
        include_jobs: asked.include_jobs,
        older_than: asked.older_than,
    };
    let page = app.notifications(&caller.caller, &filter).await?;
    let path = format!("{}/v2/notifications", base.0);
    let links = Links {
        current: asked.query.link(&path),
        next: page.last().map(|last| asked.query.link_after(&path, &last.id.to_string())),
    };
    let notifications = page.iter().map(|found| shown(found, &base.0)).collect();
    Ok(HttpResponse::Ok().json(Page { notifications, links }))
}

/// The id in the path.
pub(super) fn id(request: &HttpRequest) -> Result<NotificationId, ApiError> {
    let id = request.match_info().query("id").parse();
    id.map_err(|_| ApiError::validation(vec!["notification_id is not a valid UUID".to_owned()]))
}

/// What the asked statuses stand for; nothing when that is all that are written any more.
fn statuses(asked: Vec<&'static [NotificationStatus]>) -> Vec<NotificationStatus> {
    let mut statuses = asked.concat();
    let is_asked = |status: &NotificationStatus| {
        *status == NotificationStatus::Failed || statuses.contains(status)
    };
    if NotificationStatus::VARIANTS.iter().all(is_asked) {
        statuses.clear();
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_statuses_together_are_no_filter() {
        let every: Vec<_> = STATUSES.iter().map(|(_, statuses)| *statuses).collect();
        assert!(statuses(every.clone()).is_empty());
        let but_failed: Vec<_> = every.iter().copied().filter(|s| s.len() == 1).collect();
        assert!(statuses(but_failed.clone()).is_empty());
        assert_eq!(statuses(but_failed[1..].to_vec()).len(), but_failed.len() - 1);
    }
}

//! `store::fixtures`: written once, found by a second run.

use domain::{ApiKeyId, KeyType, NotificationType, ServiceId, TemplateId};
use store::{fixtures, fixtures::NewTemplate, service_callbacks, services, templates};
use testkit::Database;
use uuid::Uuid;

use crate::notifications::NOW;

#[tokio::test]
async fn a_second_run_changes_nothing_and_finds_the_first_ones_keys() {
    let database = Database::create().await;
    let db = database.client().await;
    let (user, service) = (Uuid::from_u128(1), ServiceId(Uuid::from_u128(2)));
    let template = NewTemplate {
        id: TemplateId(Uuid::from_u128(3)),
        service_id: service,
        template_type: NotificationType::Sms,
        names: &["first", "second"],
        subject: None,
        content: "Hello",
    };
    for run in 1..=2 {
        fixtures::insert_user(&db, user, "demo@example.com", "07700900999", NOW).await.unwrap();
        fixtures::insert_service(&db, service, "A demo", "DEMO", user, true, NOW).await.unwrap();
        fixtures::set_rate_limit(&db, service, 1000 * run).await.unwrap();
        fixtures::insert_template(&db, &template, user, NOW).await.unwrap();
        let id = ApiKeyId(Uuid::from_u128(10 + run as u128));
        let secret = format!("secret {run}");
        let kept =
            fixtures::insert_api_key(&db, id, service, KeyType::Team, &secret, user, NOW).await;
        assert_eq!(kept.unwrap(), "secret 1");
        let url = format!("http://example.com/{run}");
        fixtures::set_delivery_status_callback(&db, service, &url, "t", user, NOW).await.unwrap();
        let callback =
            service_callbacks::find(&db, service, service_callbacks::CallbackType::DeliveryStatus)
                .await
                .unwrap();
        assert_eq!(callback.unwrap().url, url);
    }
    let found = services::find(&db, service).await.unwrap().unwrap();
    assert_eq!((found.rate_limit, found.default_sms_sender.as_deref()), (2000, Some("DEMO")));
    assert_eq!(templates::get(&db, service, template.id).await.unwrap().version, 2);
}

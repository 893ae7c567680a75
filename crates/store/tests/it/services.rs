//! `store::services` and what belongs to a service: keys, templates, senders, callbacks, rates.

use domain::{
    KeyType, NotificationType, Permission, ReplyToId, SmsSenderId, Template, TemplateFile,
    TemplateId, service::BrandingKind,
};
use store::{
    Error, api_keys, migrate, providers, rates, senders, service_callbacks, services, templates,
};
use testkit::Database;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use crate::notifications::NOW;

#[tokio::test]
async fn a_service_comes_with_permissions_limits_and_default_senders() {
    let database = Database::create().await;
    let db = database.client().await;
    let made = testkit::service(&db)
        .live()
        .name("Pigeons")
        .permissions(&[Permission::Sms, Permission::InternationalSms])
        .rate_limit(60)
        .sms_limit(5)
        .sms_sender("PIGEON")
        .reply_to("pigeons@example.gov.uk")
        .create()
        .await;
    let found = services::find(&db, made.id).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.active, found.restricted), ("Pigeons", true, false));
    assert_eq!((found.rate_limit, found.sms_limit), (60, 5));
    assert!(found.may(Permission::Sms) && !found.may(Permission::Email));
    assert_eq!(found.default_sms_sender.as_deref(), Some("PIGEON"));
    assert_eq!(found.default_reply_to.as_deref(), Some("pigeons@example.gov.uk"));
    assert!(services::find(&db, domain::ServiceId(Uuid::nil())).await.unwrap().is_none());
    assert_eq!(migrate::revision(&db).await.unwrap(), migrate::NOTIFY_HEAD);
}

#[tokio::test]
async fn a_service_may_have_a_branding() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    assert_eq!(services::find(&db, service.id).await.unwrap().unwrap().email_branding, None);
    testkit::email_branding(&db, &service, "org_banner", "Ministry").await;
    let found = services::find(&db, service.id).await.unwrap().unwrap().email_branding.unwrap();
    assert_eq!((found.kind, found.text.as_deref()), (BrandingKind::OrgBanner, Some("Ministry")));
    assert_eq!(found.logo.as_deref(), Some("logo.png"));
}

#[tokio::test]
async fn the_safelist_is_the_team_and_the_guests() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    testkit::guest(&db, &service, "guest@example.com").await;
    let mut listed = services::safelist(&db, service.id).await.unwrap();
    listed.sort();
    let mut expected =
        vec![service.user_email.clone(), service.user_mobile.clone(), "guest@example.com".into()];
    expected.sort();
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn revoked_keys_are_remembered_for_seven_days() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    let live = testkit::api_key(&db, &service, KeyType::Normal, "a").await;
    let recent = testkit::api_key(&db, &service, KeyType::Team, "b").await;
    let old = testkit::api_key(&db, &service, KeyType::Test, "c").await;
    testkit::revoke_api_key(&db, recent, NOW - Duration::days(6)).await;
    testkit::revoke_api_key(&db, old, NOW - Duration::days(8)).await;
    let mut found = api_keys::list(&db, service.id, NOW).await.unwrap();
    found.sort_by(|a, b| a.signed_secret.cmp(&b.signed_secret));
    let found: Vec<_> =
        found.iter().map(|key| (key.id, key.key_type, key.expiry_date.is_some())).collect();
    assert_eq!(found, [(live, KeyType::Normal, false), (recent, KeyType::Team, true)]);
}

#[tokio::test]
async fn templates_are_the_services_own_and_hidden_ones_are_not_found() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    let other = testkit::service(&db).create().await;
    let email = testkit::template(&db, &service).email("Hi", "Body").create().await;
    let hidden = testkit::template(&db, &service).hidden().create().await;
    let archived = testkit::template(&db, &service).archived().create().await;

    let found = templates::get(&db, service.id, email).await.unwrap();
    assert_eq!(found.template_type, NotificationType::Email);
    assert_eq!((found.subject.as_deref(), found.content.as_str()), (Some("Hi"), "Body"));
    assert!(templates::get(&db, service.id, archived).await.unwrap().archived);
    for (service, id) in
        [(other.id, email), (service.id, hidden), (service.id, TemplateId(Uuid::nil()))]
    {
        let missing = templates::get(&db, service, id).await;
        assert!(matches!(missing, Err(Error::NotFound(_))), "{missing:?}");
    }
    assert_eq!(templates::get_version(&db, service.id, hidden, 1).await.unwrap().version, 1);
    assert!(templates::get_version(&db, service.id, email, 2).await.is_err());
}

/// Public API contract §3.9; a version never changes, and neither do its files.
#[tokio::test]
async fn a_template_has_its_live_files_and_a_version_those_that_it_had() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    let id = testkit::template(&db, &service).email("Hi", "Body").create().await;
    let file = |name| testkit::template_file(&db, &service, id, name);
    let live = file("live").link_text("this").weeks(78).confirm_email().create().await;
    file("archived").archived().create().await;
    file("pending").pending().create().await;
    let changed = file("changed").create().await;
    let expected = TemplateFile {
        id: live,
        filename: "live".to_owned(),
        link_text: Some("this".to_owned()),
        weeks: 78,
        confirm_email: true,
    };
    let found = templates::get(&db, service.id, id).await.unwrap();
    assert_eq!((found.files.len(), &found.files[0]), (2, &expected));

    // With the second version one is renamed and one archived.
    for sql in [
        "UPDATE templates SET version = 2 WHERE id = $1",
        "INSERT INTO templates_history SELECT * FROM templates WHERE id = $1",
    ] {
        db.execute(sql, &[&id]).await.unwrap();
    }
    for (id, sql) in [
        (
            live,
            "UPDATE template_email_files SET archived_at = now(), version = 2, template_version = 2
                 WHERE id = $1",
        ),
        (
            changed,
            "UPDATE template_email_files SET filename = 'new', version = 2,
                          template_version = 2 WHERE id = $1",
        ),
    ] {
        db.execute(sql, &[&id]).await.unwrap();
    }
    let names = |template: Template| -> Vec<String> {
        template.files.into_iter().map(|file| file.filename).collect()
    };
    let version =
        async |version| names(templates::get_version(&db, service.id, id, version).await.unwrap());
    assert_eq!(version(1).await, ["live", "changed"]);
    assert_eq!(version(2).await, ["new"]);
    assert_eq!(names(templates::get(&db, service.id, id).await.unwrap()), ["new"]);
}

#[tokio::test]
async fn senders_are_the_services_own() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).reply_to("a@example.gov.uk").create().await;
    let other = testkit::service(&db).create().await;
    let sender = senders::get_sms_sender(&db, service.id, service.sms_sender_id).await.unwrap();
    assert_eq!(sender, "GOVUK");
    assert!(senders::get_sms_sender(&db, other.id, service.sms_sender_id).await.is_err());
    assert!(senders::get_sms_sender(&db, other.id, SmsSenderId(Uuid::nil())).await.is_err());
    let row = db
        .query_one("SELECT id FROM service_email_reply_to WHERE service_id = $1", &[&service.id])
        .await
        .unwrap();
    let reply_to = ReplyToId(row.get("id"));
    let address = senders::get_reply_to(&db, service.id, reply_to).await.unwrap();
    assert_eq!(address, "a@example.gov.uk");
    assert!(senders::get_reply_to(&db, other.id, reply_to).await.is_err());
}

#[tokio::test]
async fn callbacks_are_found_where_configured() {
    let database = Database::create().await;
    let db = database.client().await;
    let service = testkit::service(&db).create().await;
    assert!(
        service_callbacks::find(&db, service.id, service_callbacks::CallbackType::DeliveryStatus)
            .await
            .unwrap()
            .is_none()
    );
    testkit::delivery_callback(&db, &service, "https://example.com/x", "signed").await;
    let found =
        service_callbacks::find(&db, service.id, service_callbacks::CallbackType::DeliveryStatus)
            .await
            .unwrap()
            .unwrap();
    assert_eq!(
        (found.url.as_str(), found.signed_bearer_token.as_str()),
        ("https://example.com/x", "signed")
    );
}

#[tokio::test]
async fn the_rate_is_the_one_in_force_and_the_providers_are_told_apart() {
    let database = Database::create().await;
    let db = database.client().await;
    let rates = rates::list_sms(&db).await.unwrap();
    assert_eq!(rates.len(), 9);
    assert_eq!(rates[0].rate.to_string(), "0.0240");
    assert_eq!(rates[0].valid_from, datetime!(2026-03-31 23:00 UTC));

    db.execute("UPDATE provider_details SET active = false WHERE identifier = 'firetext'", &[])
        .await
        .unwrap();
    let all = providers::list(&db).await.unwrap();
    assert_eq!(all.len(), 4);
    let active = all.iter().filter(|provider| provider.active);
    let names: Vec<_> = active.map(|provider| provider.identifier.as_str()).collect();
    assert_eq!(names, ["mmg", "ses", "dvla"]);
}

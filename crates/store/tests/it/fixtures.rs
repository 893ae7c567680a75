//! `store::fixtures`: written once, found by a second run.

use domain::{
    ApiKeyId, InboundSmsId, KeyType, NotificationType, ReplyToId, ServiceId, SmsSenderId,
    TemplateId,
};
use store::{
    fixtures,
    fixtures::{Contacts, NewTemplate},
    inbound_sms::InboundSms,
    letters, received_texts, senders, service_callbacks, services, templates,
};
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
        contact_block: None,
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

#[tokio::test]
async fn contacts_are_written_once_and_letters_show_the_address_from_their_last_version_on() {
    let database = Database::create().await;
    let db = database.client().await;
    let (user, service) = (Uuid::from_u128(1), ServiceId(Uuid::from_u128(2)));
    fixtures::insert_user(&db, user, "demo@example.com", "07700900999", NOW).await.unwrap();
    fixtures::insert_service(&db, service, "A demo", "DEMO", user, true, NOW).await.unwrap();
    let (sender, reply_to) = (SmsSenderId(Uuid::from_u128(4)), ReplyToId(Uuid::from_u128(5)));
    let text = InboundSms {
        id: InboundSmsId(Uuid::from_u128(8)),
        service_id: service,
        signed_content: "signed".to_owned(),
        notify_number: "07700900500".to_owned(),
        user_number: "447700900111".to_owned(),
        created_at: NOW,
        provider_date: None,
        provider_reference: None,
        provider: "mmg".to_owned(),
    };
    for name in ["FIRST", "SECOND"] {
        let contacts = Contacts {
            service_id: service,
            sms_sender: (sender, name),
            reply_to: (reply_to, name),
            contact_block: (Uuid::from_u128(6), name),
            contact_link: name,
            inbound_number: (Uuid::from_u128(7), "07700900500"),
        };
        fixtures::insert_contacts(&db, &contacts, NOW).await.unwrap();
        fixtures::insert_received_text(&db, &text).await.unwrap();
    }
    assert_eq!(senders::get_sms_sender(&db, service, sender).await.unwrap(), "FIRST");
    assert_eq!(senders::get_reply_to(&db, service, reply_to).await.unwrap(), "FIRST");
    let found = services::find(&db, service).await.unwrap().unwrap();
    assert_eq!(found.contact_link.as_deref(), Some("FIRST"));
    assert_eq!(found.default_sms_sender.as_deref(), Some("DEMO"), "it stays the default");
    assert_eq!(received_texts::list(&db, service, None, 10).await.unwrap().len(), 1);

    let id = TemplateId(Uuid::from_u128(3));
    let template = NewTemplate {
        id,
        service_id: service,
        template_type: NotificationType::Letter,
        names: &["first", "second"],
        subject: Some("Heading"),
        content: "Hello",
        contact_block: Some(Uuid::from_u128(6)),
    };
    fixtures::insert_template(&db, &template, user, NOW).await.unwrap();
    for (version, address) in [(1, None), (2, Some("FIRST"))] {
        let found = letters::template(&db, service, id, version).await.unwrap();
        assert_eq!(found.contact_block.as_deref(), address, "version {version}");
    }
}

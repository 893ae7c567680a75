//! Bills by day, and the usage that is made of them (tasks contract §5.5 to §5.7).

use domain::{KeyType, NotificationStatus as S, NotificationType};
use tasks::{CreateNightlyBillingForDay, CreateOrUpdateFtBillingForDay, times::WireDate};
use time::macros::{date, datetime};

use super::{Night, london};

const NOON: time::OffsetDateTime = datetime!(2026-11-23 12:00 UTC);

fn whole_day(day: time::Date) -> CreateOrUpdateFtBillingForDay {
    let process_day = WireDate(day);
    CreateOrUpdateFtBillingForDay { process_day, notification_type: None, service_id: None }
}

impl Night {
    /// The bill of the service: a line for each fact.
    async fn bill(&self) -> Vec<String> {
        let sql = "SELECT concat_ws(' ', bst_date, notification_type, provider, rate_multiplier,
                       international, rate, postage, billable_units, notifications_sent)
              FROM ft_billing WHERE service_id = $1 ORDER BY 1";
        let rows = self.t.db().await.query(sql, &[&self.service.id]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect()
    }
}

#[tokio::test]
async fn each_channel_is_billed_by_its_own_rules() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    night.message(NOON).units(2).live(&db).await;
    night.message(NOON).units(3).archived(&db).await;
    night.message(NOON).units(1).abroad(3).live(&db).await;
    night.message(NOON).sent_by(None).status(S::Sending).live(&db).await;
    night.message(NOON).key_type(KeyType::Test).live(&db).await;
    night.message(NOON).status(S::TechnicalFailure).live(&db).await;
    night.message(NOON).email().live(&db).await;
    night.message(NOON).email().status(S::Sent).live(&db).await; // not counted
    night.message(NOON).letter(2, "second").live(&db).await;
    night.message(NOON).letter(2, "second").status(S::Created).live(&db).await;
    drop(db);
    night.t.fire("create-nightly-billing").await;
    assert_eq!(night.t.drain().await, 1 + 10 + 10);
    let expected = [
        "2026-11-23 email ses 0 f 0 none 0 1",
        "2026-11-23 letter dvla 1 f 0.77 second 2 1",
        "2026-11-23 sms mmg 1 f 0.0240 none 5 2",
        "2026-11-23 sms mmg 3 t 0.0240 none 1 1",
        "2026-11-23 sms unknown 1 f 0.0240 none 1 1",
    ];
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn no_stale_group_stays_and_a_doubled_run_changes_nothing() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    let id = night.message(NOON).live(&db).await;
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    night.t.drain().await;
    assert_eq!(night.bill().await, ["2026-11-23 sms mmg 1 f 0.0240 none 1 1"]);
    let sql = "UPDATE notifications SET notification_status = 'technical-failure' WHERE id = $1";
    db.execute(sql, &[&id]).await.unwrap();
    night.message(NOON).email().live(&db).await;
    drop(db);
    for _ in 0..2 {
        let process_day = WireDate(date!(2026 - 11 - 23));
        night.t.publish(&CreateNightlyBillingForDay { process_day }).await;
    }
    night.t.drain().await;
    assert_eq!(night.bill().await, ["2026-11-23 email ses 0 f 0 none 0 1"]);
    night.t.end().await;
}

#[tokio::test]
async fn a_missing_rate_fails_its_own_group_only() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    night.message(NOON).letter(9, "second").live(&db).await;
    night.message(NOON).letter(1, "second").live(&db).await;
    night.message(NOON).live(&db).await;
    drop(db);
    let bill = night.t.app.bill_day(date!(2026 - 11 - 23), None, None).await.unwrap();
    assert_eq!(bill.without_rate.len(), 1);
    let named = format!(
        "2026-11-23 letter service {}, template {}, 9 sheets, second post",
        night.service.id, night.template
    );
    assert_eq!(bill.without_rate[0], named);
    let expected =
        ["2026-11-23 letter dvla 1 f 0.73 second 1 1", "2026-11-23 sms mmg 1 f 0.0240 none 1 1"];
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn usage_takes_the_free_allowance_first() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    store::allowances::insert_missing(&db, 2026, Some(night.service.id), NOON).await.unwrap();
    let free = store::allowances::find(&db, night.service.id, 2026).await.unwrap();
    assert_eq!(free, Some(5000), "what a service of no type gets");
    night.message(NOON).units(4999).live(&db).await;
    night.message(NOON + time::Duration::DAY).units(1).abroad(3).live(&db).await;
    for day in [date!(2026 - 11 - 23), date!(2026 - 11 - 24)] {
        night.t.app.bill_day(day, Some(NotificationType::Sms), None).await.unwrap();
    }
    let usage = store::usage::monthly(&db, night.service.id, 2026).await.unwrap();
    assert_eq!(usage.len(), 1);
    assert_eq!(usage[0].month, date!(2026 - 11 - 01));
    let sum = &usage[0].usage;
    assert_eq!((sum.chargeable_units, sum.free_allowance_used, sum.charged_units), (5002, 5000, 2));
    assert_eq!((sum.notifications_sent, sum.cost.to_string().as_str()), (2, "0.0480"));
    let yearly = store::usage::yearly(&db, night.service.id, 2026).await.unwrap();
    assert_eq!(yearly, [sum.clone()]);
    drop(db);
    night.t.end().await;
}

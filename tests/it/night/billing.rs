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
async fn a_large_service_is_billed_by_a_task_of_its_own_and_no_stale_group_stays() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    night.message(NOON).live(&db).await;
    night.message(NOON).email().live(&db).await;
    // As the hour before has left it.
    let sql =
        "INSERT INTO ft_billing (bst_date, template_id, service_id, notification_type, provider,
            rate_multiplier, international, rate, postage, billable_units, notifications_sent,
            created_at)
        VALUES ('2026-11-23', gen_random_uuid(), $1, 'sms', 'firetext', 1, false, 9, 'none', 1, $2,
                now())";
    db.execute(sql, &[&night.service.id, &100_001]).await.unwrap();
    drop(db);
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    assert_eq!(night.t.drain().await, 1 + 1, "the emails are billed by the first");
    let expected =
        ["2026-11-23 email ses 0 f 0 none 0 1", "2026-11-23 sms mmg 1 f 0.0240 none 1 1"];
    assert_eq!(night.bill().await, expected);
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    assert_eq!(night.t.drain().await, 1, "it is no longer large");
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn a_part_that_the_database_refuses_keeps_none_of_the_others() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    let other = testkit::service(&db).live().create().await;
    // Together more fragments than the column can hold.
    for _ in 0..2 {
        night.message(NOON).units(i32::MAX).live(&db).await;
    }
    night.message(NOON).email().live(&db).await;
    testkit::message(&other, night.template, NOON).live(&db).await;
    drop(db);
    let bill = night.t.app.bill_day(date!(2026 - 11 - 23), None, None).await.unwrap();
    assert_eq!((bill.facts, bill.refused.len()), (2, 1), "{bill:?}");
    let whose = format!("2026-11-23 sms service {}: ", night.service.id);
    assert!(bill.refused[0].starts_with(&whose), "{bill:?}");
    assert_eq!(night.bill().await, ["2026-11-23 email ses 0 f 0 none 0 1"]);
    assert_eq!(
        night.count("SELECT count(*) FROM ft_billing WHERE notification_type = 'sms'").await,
        1
    );
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
    assert_eq!(yearly, std::slice::from_ref(sum));
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_bill_begins_and_ends_at_midnight_in_london_also_when_the_clocks_change() {
    let night = Night::at(datetime!(2026-11-24 12:00 UTC)).await;
    let db = night.t.db().await;
    for (date, hours) in [(date!(2026 - 03 - 29), 23), (date!(2026 - 10 - 25), 25)] {
        let start = domain::london::midnight(date).unwrap();
        // One each hour, from an hour before the day to an hour after it.
        for hour in -1..=hours {
            night.message(start + time::Duration::hours(hour)).live(&db).await;
        }
        night.t.publish(&whole_day(date)).await;
    }
    drop(db);
    night.t.drain().await;
    let expected =
        ["2026-03-29 sms mmg 1 f 0.0233 none 23 23", "2026-10-25 sms mmg 1 f 0.0240 none 25 25"];
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn the_rate_is_the_one_in_force_when_the_day_began() {
    let night = Night::at(datetime!(2026-11-24 12:00 UTC)).await;
    let db = night.t.db().await;
    // A new financial year begins with its day, at midnight in London; a rate that begins later
    // that day counts from the next.
    db.execute("INSERT INTO rates VALUES (gen_random_uuid(), '2026-04-02 11:00', 9, 'sms')", &[])
        .await
        .unwrap();
    for day in 31..=34 {
        let noon = datetime!(2026-03-01 12:00 UTC) + time::Duration::days(day - 1);
        night.message(noon).live(&db).await;
        night.t.publish(&whole_day(noon.date())).await;
    }
    drop(db);
    night.t.drain().await;
    let expected = [
        "2026-03-31 sms mmg 1 f 0.0233 none 1 1",
        "2026-04-01 sms mmg 1 f 0.0240 none 1 1",
        "2026-04-02 sms mmg 1 f 0.0240 none 1 1",
        "2026-04-03 sms mmg 1 f 9 none 1 1",
    ];
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn groups_that_share_a_key_are_added_up() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    db.execute("UPDATE letter_rates SET rate = 0.5 WHERE post_class = 'first'", &[]).await.unwrap();
    night.message(NOON).letter(1, "first").live(&db).await;
    night.message(NOON).letter(3, "first").live(&db).await;
    night.message(NOON).letter(3, "first").archived(&db).await;
    drop(db);
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    night.t.drain().await;
    assert_eq!(night.bill().await, ["2026-11-23 letter dvla 1 f 0.5 first 7 3"]);
    night.t.end().await;
}

#[tokio::test]
async fn a_changed_rate_leaves_no_second_fact() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    night.message(NOON).live(&db).await;
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    night.t.drain().await;
    db.execute("UPDATE rates SET rate = 1", &[]).await.unwrap();
    drop(db);
    night.t.publish(&whole_day(date!(2026 - 11 - 23))).await;
    night.t.drain().await;
    assert_eq!(night.bill().await, ["2026-11-23 sms mmg 1 f 1 none 1 1"]);
    night.t.end().await;
}

#[tokio::test]
async fn bills_made_at_once_wait_for_each_other() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    for _ in 0..20 {
        night.message(NOON).live(&db).await;
    }
    drop(db);
    let bill = || night.t.app.bill_day(date!(2026 - 11 - 23), None, None);
    for result in futures_util::future::join_all((0..4).map(|_| bill())).await {
        assert_eq!(result.unwrap().facts, 1);
    }
    assert_eq!(night.bill().await, ["2026-11-23 sms mmg 1 f 0.0240 none 20 20"]);
    night.t.end().await;
}

#[tokio::test]
async fn the_parent_takes_the_arguments_of_python_producers() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let task = tasks::CreateNightlyBilling::default();
    let id = night.t.app.clock().new_id();
    let mut envelope = queue::Envelope::new(&task, id, &queue::Trace::default()).unwrap();
    envelope.kwargs.clear();
    envelope.kwargs.insert("day_start".to_owned(), "2026-11-20".into());
    envelope.kwargs.insert("n_days".to_owned(), 2.into());
    envelope.kwargs.insert("stagger".to_owned(), 300.into());
    let db = night.t.db().await;
    for day in 18..=21 {
        let noon = NOON + time::Duration::days(day - 23);
        night.message(noon).live(&db).await;
    }
    drop(db);
    night.t.app.enqueue(envelope).await.unwrap();
    assert_eq!(night.t.drain().await, 1 + 2 + 2);
    let expected =
        ["2026-11-19 sms mmg 1 f 0.0240 none 1 1", "2026-11-20 sms mmg 1 f 0.0240 none 1 1"];
    assert_eq!(night.bill().await, expected);
    night.t.end().await;
}

#[tokio::test]
async fn today_is_billed_so_far_and_the_time_of_that_is_known() {
    let night = Night::at(datetime!(2026-07-24 23:30 UTC)).await; // the 25th in London
    let db = night.t.db().await;
    night.message(datetime!(2026-07-24 22:59 UTC)).live(&db).await;
    night.message(datetime!(2026-07-24 23:01 UTC)).live(&db).await;
    drop(db);
    assert_eq!(night.t.app.billing_updated().await, None);
    night.t.fire("update-ft-billing-for-today").await;
    night.t.drain().await;
    assert_eq!(night.bill().await, ["2026-07-25 sms mmg 1 f 0.0240 none 1 1"]);
    let at = night.t.app.billing_updated().await.unwrap();
    assert!(
        at.starts_with("2026-07-24T23:3") && at.len() == "2026-07-24T23:30:00.000000".len(),
        "{at}"
    );
    night.t.end().await;
}

#[tokio::test]
async fn letters_are_billed_once_more_by_the_day_of_their_despatch() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    let early = NOON - time::Duration::days(3);
    let letters = [
        night.message(early).letter(1, "second").live(&db).await,
        night.message(early).letter(1, "second").archived(&db).await,
        night.message(early).letter(2, "first").archived(&db).await,
        night.message(early).letter(9, "second").live(&db).await, // has no rate
    ];
    for id in letters {
        let sql = "INSERT INTO notifications_letter_despatch VALUES ($1, '2026-11-23', 'sorted')";
        db.execute(sql, &[&id]).await.unwrap();
    }
    let process_day = WireDate(date!(2026 - 11 - 23));
    let task = tasks::CreateOrUpdateFtBillingLetterDespatchForDay { process_day };
    let facts = async || {
        let sql = "SELECT concat_ws(' ', bst_date, postage, cost_threshold, billable_units,
                       notifications_sent) FROM ft_billing_letter_despatch ORDER BY 1";
        let rows = db.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    for _ in 0..2 {
        night.t.publish(&task).await;
        night.t.drain().await;
        assert_eq!(facts().await, ["2026-11-23 first sorted 2 1", "2026-11-23 second sorted 1 2"]);
    }
    let bill = night.t.app.bill_despatched_letters(process_day.0).await.unwrap();
    let named = "letters despatched on 2026-11-23, 9 sheets, second post, sorted";
    assert_eq!(bill.without_rate, [named]);
    db.execute(
        "DELETE FROM notifications_letter_despatch WHERE notification_id = $1",
        &[&letters[2]],
    )
    .await
    .unwrap();
    night.t.publish(&task).await;
    night.t.drain().await;
    assert_eq!(facts().await, ["2026-11-23 second sorted 1 2"], "no stale group stays");
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn free_allowances_of_a_new_year_are_decided_once() {
    let night = Night::at(london(datetime!(2026-04-01 02:01))).await;
    let db = night.t.db().await;
    let custom = testkit::service(&db).live().create().await;
    let many = testkit::service(&db).live().create().await;
    let sql = "INSERT INTO annual_billing (id, service_id, financial_year_start,
            free_sms_fragment_limit, created_at, high_volume_service_last_year, has_custom_allowance)
        VALUES (gen_random_uuid(), $1, 2025, 777, now(), false, $2)";
    db.execute(sql, &[&custom.id, &true]).await.unwrap();
    db.execute(sql, &[&many.id, &false]).await.unwrap();
    let sql = "INSERT INTO ft_billing (bst_date, template_id, service_id, notification_type, provider,
            rate_multiplier, international, rate, postage, billable_units, notifications_sent,
            created_at)
        VALUES ('2025-06-01', gen_random_uuid(), $1, 'sms', 'mmg', 1, false, 0.02, 'none', 300001, 1,
                now())";
    db.execute(sql, &[&many.id]).await.unwrap();
    for _ in 0..2 {
        night.t.fire("run-populate-annual-billing").await;
        night.t.drain().await;
    }
    for (service, free) in [(&night.service, 5000), (&custom, 777), (&many, 0)] {
        let found = store::allowances::find(&db, service.id, 2026).await.unwrap();
        assert_eq!(found, Some(free));
    }
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn usage_follows_the_days_and_needs_an_allowance_for_text_messages_only() {
    let night = Night::at(london(datetime!(2026-11-24 00:15))).await;
    let db = night.t.db().await;
    let days = [date!(2026 - 04 - 01), date!(2026 - 05 - 31), date!(2027 - 03 - 31)];
    for (day, units) in days.into_iter().zip([3000, 3000, 1]) {
        let noon = day.with_hms(12, 0, 0).unwrap().assume_utc();
        night.message(noon).units(units).live(&db).await;
        night.message(noon).email().live(&db).await;
        night.message(noon).letter(2, "second").live(&db).await;
        night.t.app.bill_day(day, None, None).await.unwrap();
    }
    let monthly = || store::usage::monthly(&db, night.service.id, 2026);
    let channels = |usage: &[store::usage::MonthlyUsage]| -> Vec<NotificationType> {
        usage.iter().map(|month| month.usage.channel).collect()
    };
    let (email, letter, sms) =
        (NotificationType::Email, NotificationType::Letter, NotificationType::Sms);
    assert_eq!(channels(&monthly().await.unwrap()), [email, letter].repeat(3));
    store::allowances::insert_missing(&db, 2026, Some(night.service.id), NOON).await.unwrap();
    let usage = monthly().await.unwrap();
    assert_eq!(channels(&usage), [email, letter, sms].repeat(3));
    let texts = usage.iter().filter(|month| month.usage.channel == sms);
    let free: Vec<_> =
        texts.map(|month| (month.usage.free_allowance_used, month.usage.charged_units)).collect();
    assert_eq!(free, [(3000, 0), (2000, 1000), (0, 1)]);
    let letters = &usage[1].usage;
    assert_eq!((letters.chargeable_units, letters.cost), (1, letters.rate));
    drop(db);
    night.t.end().await;
}

#[tokio::test]
async fn a_days_processing_time_is_of_londons_day_also_when_the_clocks_change() {
    for (date, hours) in [(date!(2026 - 03 - 29), 23), (date!(2026 - 10 - 25), 25)] {
        let night = Night::at(london((date.next_day().unwrap()).with_hms(2, 0, 0).unwrap())).await;
        let db = night.t.db().await;
        let key = testkit::api_key(&db, &night.service, KeyType::Normal, "signed").await.0;
        let start = domain::london::midnight(date).unwrap();
        // One each hour, from an hour before the day to an hour after it.
        for hour in -1..=hours {
            night.message(start + time::Duration::hours(hour)).api_key(key).live(&db).await;
        }
        night.t.fire("save-daily-notification-processing-time").await;
        night.t.drain().await;
        let sql = "SELECT concat_ws(' ', bst_date, messages_total) FROM ft_processing_time";
        let row = db.query_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), format!("{date} {hours}"));
        drop(db);
        night.t.end().await;
    }
}

#[tokio::test]
async fn a_days_processing_time_counts_what_came_with_a_key() {
    let night = Night::at(london(datetime!(2026-11-24 02:00))).await;
    let db = night.t.db().await;
    let key = testkit::api_key(&db, &night.service, KeyType::Normal, "signed").await.0;
    let sent = |seconds| Some(NOON + time::Duration::seconds(seconds));
    let message = || night.message(NOON).api_key(key);
    message().sent_at(sent(10)).live(&db).await;
    message().email().sent_at(sent(11)).live(&db).await;
    message().sent_at(None).status(S::Created).live(&db).await;
    message().key_type(KeyType::Test).live(&db).await;
    message().letter(1, "second").live(&db).await;
    night.message(NOON).live(&db).await; // of a job
    let facts = async || {
        let sql = "SELECT concat_ws(' ', bst_date, messages_total, messages_within_10_secs)
              FROM ft_processing_time";
        let rows = db.query(sql, &[]).await.unwrap();
        rows.iter().map(|row| row.get(0)).collect::<Vec<String>>()
    };
    for total in 3..5 {
        night.t.fire("save-daily-notification-processing-time").await;
        night.t.drain().await;
        assert_eq!(facts().await, [format!("2026-11-23 {total} {}", total - 2)]);
        message().live(&db).await;
    }
    drop(db);
    night.t.end().await;
}

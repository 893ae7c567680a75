//! Which provider a message goes through, and what becomes of the choice.

use domain::NotificationStatus as Status;
use stub::Kind;

use crate::app::TestApp;

#[tokio::test]
async fn a_provider_without_receipts_leaves_the_message_sent() {
    let t = TestApp::with(|providers, _| {
        providers.mmg.mmg_api_key = None;
        providers.aws_sms.aws_sms_access_key_id = Some("id".into());
    })
    .await;
    let client = t.client().await;
    let id = client.send_sms("07700900123").await;
    t.drain().await;
    assert_eq!(t.status(id).await, Status::Sent);
    let received = t.received(Kind::Sms, 1).await.remove(0);
    let db = t.db().await;
    let sql = "SELECT sent_by, reference FROM notifications WHERE id = $1";
    let row = db.query_one(sql, &[&id]).await.unwrap();
    assert_eq!(row.get::<_, &str>("sent_by"), "sns");
    assert_eq!(received["id"], row.get::<_, &str>("reference"));
    t.end().await;
}

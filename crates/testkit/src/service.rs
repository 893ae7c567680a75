//! A service to test with. What a test does not say is ordinary: it may send everything, far within
//! its limits.

use domain::{Permission, ServiceId, SmsSenderId};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{new_id, rows::execute, unique};

/// What every service may do unless the test says otherwise.
const PERMISSIONS: [Permission; 5] = [
    Permission::Email,
    Permission::Sms,
    Permission::Letter,
    Permission::InternationalSms,
    Permission::InternationalLetters,
];

/// A service in the database, with a user who owns it and is its team.
#[derive(Clone, Debug)]
pub struct TestService {
    /// Its id.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// The user who made it.
    pub user_id: Uuid,
    /// The user's email address.
    pub user_email: String,
    /// The user's mobile number.
    pub user_mobile: String,
    /// Its default SMS sender.
    pub sms_sender_id: SmsSenderId,
}

/// Makes a service; in trial mode until [`ServiceBuilder::live`].
pub fn service(db: &Client) -> ServiceBuilder<'_> {
    ServiceBuilder {
        db,
        id: ServiceId(new_id()),
        name: unique("Service "),
        live: false,
        archived: false,
        prefix_sms: false,
        permissions: PERMISSIONS.to_vec(),
        rate_limit: 3000,
        email_limit: 1000,
        sms_limit: 1000,
        letter_limit: 1000,
        international_sms_limit: 1000,
        sms_sender: "GOVUK".to_owned(),
        reply_to: None,
    }
}

/// See [`service`].
#[must_use = "nothing is made before `create`"]
pub struct ServiceBuilder<'a> {
    db: &'a Client,
    id: ServiceId,
    name: String,
    live: bool,
    archived: bool,
    prefix_sms: bool,
    permissions: Vec<Permission>,
    rate_limit: i32,
    email_limit: i64,
    sms_limit: i64,
    letter_limit: i64,
    international_sms_limit: i64,
    sms_sender: String,
    reply_to: Option<String>,
}

impl ServiceBuilder<'_> {
    /// Its id.
    pub fn id(self, id: ServiceId) -> Self {
        Self { id, ..self }
    }

    /// Its name, which no other service of the database may have.
    pub fn name(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// Out of trial mode: it may send to anybody.
    pub fn live(self) -> Self {
        Self { live: true, ..self }
    }

    /// No longer in use.
    pub fn archived(self) -> Self {
        Self { archived: true, ..self }
    }

    /// Its text messages begin with its name.
    pub fn prefix_sms(self) -> Self {
        Self { prefix_sms: true, ..self }
    }

    /// All that it may do.
    pub fn permissions(self, permissions: &[Permission]) -> Self {
        Self { permissions: permissions.to_vec(), ..self }
    }

    /// Requests a minute, for each type of key.
    pub fn rate_limit(self, rate_limit: i32) -> Self {
        Self { rate_limit, ..self }
    }

    /// Emails a day.
    pub fn email_limit(self, email_limit: i64) -> Self {
        Self { email_limit, ..self }
    }

    /// Text messages a day.
    pub fn sms_limit(self, sms_limit: i64) -> Self {
        Self { sms_limit, ..self }
    }

    /// Letters a day.
    pub fn letter_limit(self, letter_limit: i64) -> Self {
        Self { letter_limit, ..self }
    }

    /// Text messages abroad a day.
    pub fn international_sms_limit(self, international_sms_limit: i64) -> Self {
        Self { international_sms_limit, ..self }
    }

    /// Its default SMS sender, `GOVUK` otherwise.
    pub fn sms_sender(self, sms_sender: &str) -> Self {
        Self { sms_sender: sms_sender.to_owned(), ..self }
    }

    /// Its default reply-to address; none otherwise.
    pub fn reply_to(self, address: &str) -> Self {
        Self { reply_to: Some(address.to_owned()), ..self }
    }

    /// Writes it.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn create(self) -> TestService {
        let (user_id, user_email, user_mobile) = user(self.db).await;
        let id = self.id;
        let mail_name = self.name.to_lowercase().replace(' ', ".");
        execute(
            self.db,
            "INSERT INTO services
                (id, name, normalised_service_name, email_sender_local_part, created_by_id, active,
                 restricted, prefix_sms, rate_limit, email_message_limit, sms_message_limit,
                 letter_message_limit, international_sms_message_limit, version, crown,
                 has_active_go_live_request, created_at)
            VALUES ($1, $2, $3, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, true, false,
                    now() AT TIME ZONE 'UTC')",
            &[
                &id,
                &self.name,
                &mail_name,
                &user_id,
                &!self.archived,
                &!self.live,
                &self.prefix_sms,
                &self.rate_limit,
                &self.email_limit,
                &self.sms_limit,
                &self.letter_limit,
                &self.international_sms_limit,
            ],
        )
        .await;
        execute(
            self.db,
            "INSERT INTO services_history SELECT * FROM services WHERE id = $1",
            &[&id],
        )
        .await;
        self.give_team_and_permissions(id, user_id).await;
        let sms_sender_id = self.give_senders(id).await;
        TestService { id, name: self.name, user_id, user_email, user_mobile, sms_sender_id }
    }

    async fn give_team_and_permissions(&self, id: ServiceId, user_id: Uuid) {
        execute(
            self.db,
            "INSERT INTO user_to_service (user_id, service_id) VALUES ($1, $2)",
            &[&user_id, &id],
        )
        .await;
        execute(
            self.db,
            "INSERT INTO permissions (id, service_id, user_id, permission, created_at)
            SELECT gen_random_uuid(), $1, $2, permission, now() AT TIME ZONE 'UTC'
              FROM unnest(enum_range('manage_users'::permission_types, 'manage_api_keys')) permission",
            &[&id, &user_id],
        )
        .await;
        let permissions: Vec<&str> = self.permissions.iter().map(Into::into).collect();
        execute(
            self.db,
            "INSERT INTO service_permissions (service_id, permission, created_at)
            SELECT $1, permission, now() AT TIME ZONE 'UTC' FROM unnest($2::text[]) permission",
            &[&id, &permissions],
        )
        .await;
    }

    async fn give_senders(&self, id: ServiceId) -> SmsSenderId {
        let sms_sender_id = SmsSenderId(new_id());
        execute(
            self.db,
            "INSERT INTO service_sms_senders (id, service_id, sms_sender, is_default, created_at)
            VALUES ($1, $2, $3, true, now() AT TIME ZONE 'UTC')",
            &[&sms_sender_id, &id, &self.sms_sender],
        )
        .await;
        if let Some(address) = &self.reply_to {
            execute(
                self.db,
                "INSERT INTO service_email_reply_to
                    (id, service_id, email_address, is_default, created_at)
                VALUES ($1, $2, $3, true, now() AT TIME ZONE 'UTC')",
                &[&new_id(), &id, address],
            )
            .await;
        }
        sms_sender_id
    }
}

/// A user who may sign in: id, email address, mobile number.
async fn user(db: &Client) -> (Uuid, String, String) {
    let id = new_id();
    let email = format!("{}@example.gov.uk", unique("user-"));
    let mobile = "07700900321".to_owned();
    execute(
        db,
        "INSERT INTO users
            (id, name, email_address, mobile_number, _password, state, auth_type, platform_admin,
             failed_login_count, created_at, password_changed_at, email_access_validated_at)
        SELECT $1, 'Test user', $2, $3, 'no password', 'active', 'sms_auth', false, 0, moment, moment,
               moment
          FROM (SELECT now() AT TIME ZONE 'UTC' AS moment) AS started",
        &[&id, &email, &mobile],
    )
    .await;
    (id, email, mobile)
}

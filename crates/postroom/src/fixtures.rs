//! `postroom fixtures`: a service to try things out with.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use anyhow::Context;
use domain::{
    ApiKeyId, Clock, InboundSmsId, KeyType, NotificationType, ReplyToId, ServiceId, SmsSenderId,
    TemplateId, signing::Signer,
};
use secrecy::{ExposeSecret, SecretString};
use store::{
    DatabaseConfig, GenericClient, fixtures,
    fixtures::{Contacts, NewTemplate},
    inbound_sms::InboundSms,
};
use time::Duration;
use uuid::Uuid;

/// `postroom fixtures`
#[derive(clap::Args)]
pub(crate) struct Fixtures {
    #[command(flatten)]
    runtime: runtime::Config,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    app: app::Config,
    /// Write ids and keys there as shell exports; readable by the owner only
    #[arg(long)]
    env_file: PathBuf,
    /// Call the service back there with delivery statuses
    #[arg(long, requires = "callback_token")]
    callback_url: Option<String>,
    /// Bearer token of those calls
    #[arg(long, env = "POSTROOM_FIXTURES_CALLBACK_TOKEN", hide_env_values = true)]
    callback_token: Option<SecretString>,
    /// Requests per minute that the service may make
    #[arg(long, default_value_t = 3000)]
    rate_limit: i32,
}

/// The demo rows have fixed ids, so that a second run finds them.
const fn id(number: u128) -> Uuid {
    Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_0000 + number)
}

const USER: Uuid = id(1);
const SERVICE: ServiceId = ServiceId(id(2));
const SMS_TEMPLATE: TemplateId = TemplateId(id(3));
const EMAIL_TEMPLATE: TemplateId = TemplateId(id(4));
const LETTER_TEMPLATE: TemplateId = TemplateId(id(5));
const SMS_SENDER: SmsSenderId = SmsSenderId(id(6));
const REPLY_TO: ReplyToId = ReplyToId(id(7));
const CONTACT_BLOCK: Uuid = id(8);
const INBOUND_NUMBER: Uuid = id(9);

/// The team's only member, whom a team key may send to.
const EMAIL_ADDRESS: &str = "demo@example.gov.uk";
/// Their number.
const MOBILE_NUMBER: &str = "07700900999";

/// The templates are those that the official clients' own suites expect (public API contract §8.2).
const TEMPLATES: [NewTemplate<'static>; 3] = [
    NewTemplate {
        id: SMS_TEMPLATE,
        service_id: SERVICE,
        template_type: NotificationType::Sms,
        names: &["Example text message template", "Client Functional test sms template"],
        subject: None,
        content: "Hello ((name))\n\nFunctional Tests make our world a better place",
        contact_block: None,
    },
    NewTemplate {
        id: EMAIL_TEMPLATE,
        service_id: SERVICE,
        template_type: NotificationType::Email,
        names: &["Client Functional test email template"],
        subject: Some("Functional Tests are good"),
        content: "Hello ((name))\r\n\r\nFunctional test help make our world a better place",
        contact_block: None,
    },
    NewTemplate {
        id: LETTER_TEMPLATE,
        service_id: SERVICE,
        template_type: NotificationType::Letter,
        names: &["Untitled", "Client functional letter template"],
        subject: Some("Main heading"),
        content: "Hello ((address_line_1))",
        contact_block: Some(CONTACT_BLOCK),
    },
];

const CONTACTS: Contacts<'static> = Contacts {
    service_id: SERVICE,
    sms_sender: (SMS_SENDER, "FUNCTIONAL"),
    reply_to: (REPLY_TO, "reply@example.gov.uk"),
    contact_block: (
        CONTACT_BLOCK,
        "Government Digital Service\nThe White Chapel Building\n10 Whitechapel High Street\n\
         London\nE1 8QS\nUnited Kingdom",
    ),
    contact_link: "https://example.gov.uk/contact",
    inbound_number: (INBOUND_NUMBER, "07700900500"),
};

/// The text messages that the service received, the newest first.
const RECEIVED: [(InboundSmsId, &str); 2] = [
    (InboundSmsId(id(10)), "Can you send me a new permit? Thanks"),
    (InboundSmsId(id(11)), "Which day is my bin collected?"),
];

impl Fixtures {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start(&self.runtime)?;
        let clock = Clock::system();
        let signer =
            Signer::new(std::slice::from_ref(&self.app.secret_key), &self.app.dangerous_salt)?;
        let pool = self.database.pool()?;
        let db = pool.get().await.context("connecting to the database")?;
        let now = clock.now();
        let number = format!("+44{}", MOBILE_NUMBER.trim_start_matches('0'));
        fixtures::insert_user(&db, USER, EMAIL_ADDRESS, &number, now).await?;
        fixtures::insert_service(&db, SERVICE, "Postroom demo", "POSTROOM", USER, true, now)
            .await?;
        fixtures::set_rate_limit(&db, SERVICE, self.rate_limit).await?;
        fixtures::insert_contacts(&db, &CONTACTS, now).await?;
        for template in &TEMPLATES {
            fixtures::insert_template(&db, template, USER, now).await?;
        }
        for (age, (id, text)) in (1..).zip(RECEIVED) {
            let text = InboundSms {
                id,
                service_id: SERVICE,
                signed_content: signer.sign(text)?,
                notify_number: CONTACTS.inbound_number.1.to_owned(),
                user_number: "447700900111".to_owned(),
                created_at: now - Duration::minutes(age),
                provider_date: None,
                provider_reference: None,
                provider: "mmg".to_owned(),
            };
            fixtures::insert_received_text(&db, &text).await?;
        }
        if let (Some(url), Some(token)) = (&self.callback_url, &self.callback_token) {
            let token = signer.sign(token.expose_secret())?;
            fixtures::set_delivery_status_callback(&db, SERVICE, url, &token, USER, now).await?;
        }
        let key = async |key_type| api_key(&db, &clock, &signer, key_type).await;
        let (normal, team) = (key(KeyType::Normal).await?, key(KeyType::Team).await?);
        self.write(&[
            ("SERVICE_ID", SERVICE.to_string()),
            ("API_KEY_TEAM", team.clone()),
            ("API_KEY_TEST", key(KeyType::Test).await?),
            // What the clients' own suites read (public API contract §8.1).
            ("NOTIFY_API_URL", self.app.api_host_name.trim_end_matches('/').to_owned()),
            ("API_KEY", normal.clone()),
            ("API_SENDING_KEY", team),
            ("INBOUND_SMS_QUERY_KEY", normal),
            ("FUNCTIONAL_TEST_NUMBER", MOBILE_NUMBER.to_owned()),
            ("FUNCTIONAL_TEST_EMAIL", EMAIL_ADDRESS.to_owned()),
            ("SMS_TEMPLATE_ID", SMS_TEMPLATE.to_string()),
            ("EMAIL_TEMPLATE_ID", EMAIL_TEMPLATE.to_string()),
            ("LETTER_TEMPLATE_ID", LETTER_TEMPLATE.to_string()),
            ("SMS_SENDER_ID", SMS_SENDER.to_string()),
            ("EMAIL_REPLY_TO_ID", REPLY_TO.to_string()),
        ])
    }

    /// Writes shell exports. None of the values holds a quote.
    fn write(&self, variables: &[(&str, String)]) -> anyhow::Result<()> {
        let lines: Vec<_> =
            variables.iter().map(|(name, value)| format!("export {name}='{value}'")).collect();
        let path = self.env_file.display();
        // A file that others could read before must not keep its mode.
        let _ = fs::remove_file(&self.env_file);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.env_file)
            .with_context(|| format!("creating {path}"))?;
        writeln!(file, "{}", lines.join("\n")).with_context(|| format!("writing {path}"))
    }
}

/// The demo service's key of a type as clients hold it: `{name}-{service id}-{secret}`.
async fn api_key(
    db: &impl GenericClient,
    clock: &Clock,
    signer: &Signer,
    key_type: KeyType,
) -> anyhow::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "a secret, and nothing but random: not an id")]
    let secret = Uuid::new_v4().to_string();
    let id = ApiKeyId(clock.new_id());
    let signed = signer.sign(&secret)?;
    let stored =
        fixtures::insert_api_key(db, id, SERVICE, key_type, &signed, USER, clock.now()).await?;
    let secret: String =
        signer.unsign(&stored).context("SECRET_KEY or DANGEROUS_SALT differ from the last run")?;
    Ok(format!("demo_{key_type}-{SERVICE}-{secret}"))
}

//! `postroom fixtures`: a service to try things out with.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

use anyhow::Context;
use domain::{ApiKeyId, Clock, KeyType, NotificationType, ServiceId, TemplateId, signing::Signer};
use secrecy::{ExposeSecret, SecretString};
use store::{DatabaseConfig, GenericClient, fixtures, fixtures::NewTemplate};
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
const USER: Uuid = Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_0001);
const SERVICE: ServiceId = ServiceId(Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_0002));
const SMS_TEMPLATE: TemplateId =
    TemplateId(Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_0003));
const EMAIL_TEMPLATE: TemplateId =
    TemplateId(Uuid::from_u128(0x7db0_1b2c_0f3a_4d5e_8a9b_0000_0000_0004));

/// The templates are those that the official clients' own suites expect.
const TEMPLATES: [NewTemplate<'static>; 2] = [
    NewTemplate {
        id: SMS_TEMPLATE,
        service_id: SERVICE,
        template_type: NotificationType::Sms,
        names: &["Example text message template", "Client Functional test sms template"],
        subject: None,
        content: "Hello ((name))\n\nFunctional Tests make our world a better place",
    },
    NewTemplate {
        id: EMAIL_TEMPLATE,
        service_id: SERVICE,
        template_type: NotificationType::Email,
        names: &["Client Functional test email template"],
        subject: Some("Functional Tests are good"),
        content: "Hello ((name))\r\n\r\nFunctional test help make our world a better place",
    },
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
        fixtures::insert_user(&db, USER, "demo@example.gov.uk", "+447700900999", now).await?;
        fixtures::insert_service(&db, SERVICE, "Postroom demo", "POSTROOM", USER, true, now)
            .await?;
        fixtures::set_rate_limit(&db, SERVICE, self.rate_limit).await?;
        for template in &TEMPLATES {
            fixtures::insert_template(&db, template, USER, now).await?;
        }
        if let (Some(url), Some(token)) = (&self.callback_url, &self.callback_token) {
            let token = signer.sign(token.expose_secret())?;
            fixtures::set_delivery_status_callback(&db, SERVICE, url, &token, USER, now).await?;
        }
        let mut lines = vec![
            format!("export SERVICE_ID='{SERVICE}'"),
            format!("export SMS_TEMPLATE_ID='{SMS_TEMPLATE}'"),
            format!("export EMAIL_TEMPLATE_ID='{EMAIL_TEMPLATE}'"),
        ];
        for (variable, key_type) in [
            ("API_KEY", KeyType::Normal),
            ("API_KEY_TEAM", KeyType::Team),
            ("API_KEY_TEST", KeyType::Test),
        ] {
            let key = api_key(&db, &clock, &signer, key_type).await?;
            lines.push(format!("export {variable}='{key}'"));
        }
        self.write(&lines.join("\n"))
    }

    fn write(&self, text: &str) -> anyhow::Result<()> {
        let path = self.env_file.display();
        // A file that others could read before must not keep its mode.
        let _ = fs::remove_file(&self.env_file);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.env_file)
            .with_context(|| format!("creating {path}"))?;
        writeln!(file, "{text}").with_context(|| format!("writing {path}"))
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

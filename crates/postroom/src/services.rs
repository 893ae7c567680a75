//! `postroom service`, `key` and `template`: what a service needs before it can send, without the
//! admin app.

use std::{fs, io::Read, path::PathBuf};

use anyhow::{Context, ensure};
use domain::{
    ApiKeyId, Clock, KeyType, NotificationType, Permission, ServiceId, TemplateId, signing::Signer,
};
use store::{
    DatabaseConfig, GenericClient, api_keys, api_keys::NewKey, fixtures, fixtures::NewTemplate,
    permissions,
};
use uuid::Uuid;

/// The user in whose name the system acts (schema contract, static rows).
const SYSTEM_USER: Uuid = Uuid::from_u128(0x6af5_22d0_2915_4e52_83a3_3690_455a_5fe6);

/// `postroom service`
#[derive(clap::Args)]
pub(crate) struct Service {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: ServiceAction,
}

#[derive(clap::Subcommand)]
enum ServiceAction {
    /// Create a service, and print its id. It starts in trial mode
    Create {
        /// Its name, which its recipients see
        name: String,
        /// Start it live: it may send to anybody
        #[arg(long)]
        live: bool,
        /// Sender of its text messages: at most 11 characters
        #[arg(long, default_value = "GOVUK")]
        sms_sender: String,
    },
    /// Show or change what a service may do
    Permission {
        #[command(subcommand)]
        action: PermissionAction,
    },
}

#[derive(clap::Subcommand)]
enum PermissionAction {
    /// Let a service do something
    Grant {
        /// Id of the service
        service: ServiceId,
        /// What it may do from then on, within two seconds: email, sms, letter, inbound_sms,
        /// international_sms, international_letters, sms_to_uk_landlines, schedule_notifications,
        /// email_auth or edit_folder_permissions
        permission: Permission,
    },
    /// Let it do so no longer
    Revoke {
        /// Id of the service
        service: ServiceId,
        /// As `list` prints it
        permission: String,
    },
    /// List what a service may do
    List {
        /// Id of the service
        service: ServiceId,
    },
}

/// `postroom key`
#[derive(clap::Args)]
pub(crate) struct Key {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    app: app::Config,
    #[command(subcommand)]
    action: KeyAction,
}

#[derive(clap::Subcommand)]
enum KeyAction {
    /// Create an API key, and print it. It is not shown again
    Create {
        /// Id of the service
        service: ServiceId,
        /// Its name, which no other key in force of the service has
        name: String,
        /// What it may do: normal, team or test
        #[arg(long = "type", default_value = "normal")]
        key_type: KeyType,
    },
    /// List the keys of a service, without their secrets
    List {
        /// Id of the service
        service: ServiceId,
    },
    /// Revoke a key: it is refused within two seconds
    Revoke {
        /// Id of the service
        service: ServiceId,
        /// Id of the key, as `list` prints it
        key: ApiKeyId,
    },
}

/// `postroom template`
#[derive(clap::Args)]
pub(crate) struct Template {
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(subcommand)]
    action: TemplateAction,
}

#[derive(clap::Subcommand)]
enum TemplateAction {
    /// Create a template of a text message or an email, and print its id
    Create {
        /// Id of the service
        service: ServiceId,
        /// Its name
        name: String,
        /// The channel: sms or email
        #[arg(long = "type")]
        template_type: NotificationType,
        /// Subject of an email
        #[arg(long)]
        subject: Option<String>,
        /// File with its text, in which ((name)) stands for a value. Without it, standard input
        #[arg(long)]
        content: Option<PathBuf>,
    },
}

impl Service {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let clock = Clock::system();
        let db = self.database.pool()?.get().await.context("connecting to the database")?;
        let (name, live, sms_sender) = match &self.action {
            ServiceAction::Create { name, live, sms_sender } => (name, live, sms_sender),
            ServiceAction::Permission { action } => return action.run(&db, &clock).await,
        };
        ensure!(!name.trim().is_empty(), "a service needs a name");
        ensure!((1..=11).contains(&sms_sender.chars().count()), "a sender has 1 to 11 characters");
        let id = ServiceId(clock.new_id());
        fixtures::insert_service(&db, id, name, sms_sender, SYSTEM_USER, *live, clock.now())
            .await
            .map_err(taken("a service of this name exists"))?;
        println!("{id}");
        Ok(())
    }
}

impl PermissionAction {
    async fn run(&self, db: &impl GenericClient, clock: &Clock) -> anyhow::Result<()> {
        match self {
            Self::Grant { service, permission } => {
                permissions::grant(db, *service, *permission, clock.now())
                    .await
                    .map_err(taken("there is no such service"))?;
                println!("granted {permission}");
            }
            Self::Revoke { service, permission } => {
                let revoked = permissions::revoke(db, *service, permission).await?;
                ensure!(revoked, "the service has no such permission");
                println!("revoked {permission}");
            }
            Self::List { service } => {
                for permission in permissions::list(db, *service).await? {
                    println!("{permission}");
                }
            }
        }
        Ok(())
    }
}

impl Key {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let clock = Clock::system();
        let db = self.database.pool()?.get().await.context("connecting to the database")?;
        match &self.action {
            KeyAction::Create { service, name, key_type } => {
                let salt = &self.app.dangerous_salt;
                let signer = Signer::new(std::slice::from_ref(&self.app.secret_key), salt)?;
                #[expect(clippy::disallowed_methods, reason = "a secret: nothing but random")]
                let secret = Uuid::new_v4().to_string();
                let key = NewKey {
                    id: ApiKeyId(clock.new_id()),
                    service_id: *service,
                    name,
                    key_type: *key_type,
                    signed_secret: &signer.sign(&secret)?,
                    created_by: SYSTEM_USER,
                };
                api_keys::insert(&db, &key, clock.now()).await.map_err(taken(
                    "there is no such service, or it has a key of this name in force",
                ))?;
                println!("{}-{service}-{secret}", name.replace(char::is_whitespace, "_"));
            }
            KeyAction::List { service } => {
                for key in api_keys::list_all(&db, *service).await? {
                    let revoked = key.expiry_date.map(|at| format!("  revoked {at}"));
                    let (id, at, name) = (key.id, key.created_at, key.name);
                    let revoked = revoked.unwrap_or_default();
                    println!("{id}  {:<6}  {at}  {name}{revoked}", key.key_type.to_string());
                }
            }
            KeyAction::Revoke { service, key } => {
                let revoked = api_keys::revoke(&db, *service, *key, clock.now()).await?;
                ensure!(revoked, "the service has no such key in force");
                println!("revoked {key}");
            }
        }
        Ok(())
    }
}

impl Template {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start_command()?;
        let clock = Clock::system();
        let db = self.database.pool()?.get().await.context("connecting to the database")?;
        let TemplateAction::Create { service, name, template_type, subject, content } =
            &self.action;
        let has_subject = subject.is_some();
        match template_type {
            NotificationType::Sms => ensure!(!has_subject, "a text message has no subject"),
            NotificationType::Email => ensure!(has_subject, "an email needs --subject"),
            NotificationType::Letter => {
                anyhow::bail!("a letter's template is made in the admin app")
            }
        }
        let content = read(content.as_ref())?;
        ensure!(!content.trim().is_empty(), "a template needs a text");
        let template = NewTemplate {
            id: TemplateId(clock.new_id()),
            service_id: *service,
            template_type: *template_type,
            names: &[name],
            subject: subject.as_deref(),
            content: content.trim_end(),
            contact_block: None,
        };
        fixtures::insert_template(&db, &template, SYSTEM_USER, clock.now())
            .await
            .map_err(taken("there is no such service"))?;
        println!("{}", template.id);
        Ok(())
    }
}

/// The whole of a file, or of standard input.
fn read(file: Option<&PathBuf>) -> anyhow::Result<String> {
    let Some(path) = file else {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("reading standard input")?;
        return Ok(text);
    };
    fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// Says what a refused row means.
fn taken(meaning: &'static str) -> impl Fn(store::Error) -> anyhow::Error {
    move |error| match error {
        store::Error::Conflict { .. } => anyhow::Error::new(error).context(meaning),
        other => other.into(),
    }
}

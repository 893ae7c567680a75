//! Services, their templates and API keys, as the sending path sees them.

use std::collections::HashSet;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{ApiKeyId, NotificationType, ServiceId, TemplateId, letter::Postage};

/// What an API key may do (public API contract §1.1).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    Serialize,
    Deserialize,
)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// Sends to anyone when the service is live.
    Normal,
    /// Sends to the team and its guest list only.
    Team,
    /// Sends nothing: outcomes are simulated.
    Test,
}

impl KeyType {
    /// The word that error texts use: `LIVE`, `TEAM` or `TEST`.
    #[must_use]
    pub fn public_name(self) -> &'static str {
        match self {
            Self::Normal => "LIVE",
            Self::Team => "TEAM",
            Self::Test => "TEST",
        }
    }
}

/// Something a service has been allowed to do. Permissions we do not know are left out when read.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Permission {
    /// Let its members move templates between folders.
    EditFolderPermissions,
    /// Send emails.
    Email,
    /// Let its members sign in by email link.
    EmailAuth,
    /// Receive text messages.
    InboundSms,
    /// Send letters abroad.
    InternationalLetters,
    /// Send text messages abroad.
    InternationalSms,
    /// Send letters.
    Letter,
    /// Choose when its messages are sent. Not Notify's.
    ScheduleNotifications,
    /// Send text messages.
    Sms,
    /// Send text messages to UK landlines.
    SmsToUkLandlines,
}

impl From<NotificationType> for Permission {
    fn from(channel: NotificationType) -> Self {
        match channel {
            NotificationType::Sms => Self::Sms,
            NotificationType::Email => Self::Email,
            NotificationType::Letter => Self::Letter,
        }
    }
}

/// A service: what the rules of sending need to know about it.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its id.
    pub id: ServiceId,
    /// Its name, also the prefix of its text messages.
    pub name: String,
    /// False once archived: it can do nothing any more.
    pub active: bool,
    /// True in trial mode.
    pub restricted: bool,
    /// True when text messages begin with its name.
    pub prefix_sms: bool,
    /// Requests per minute and key type.
    pub rate_limit: u32,
    /// Emails per day.
    pub email_limit: i64,
    /// Text messages per day.
    pub sms_limit: i64,
    /// Letters per day.
    pub letter_limit: i64,
    /// Text messages abroad per day.
    pub international_sms_limit: i64,
    /// What it may do.
    pub permissions: HashSet<Permission>,
    /// How recipients of files reach the team; none means that files have not been set up.
    pub contact_link: Option<String>,
    /// The part of the From address before the `@`.
    pub email_sender_local_part: String,
    /// The name in the From header, when it is not the service's own.
    pub custom_email_sender_name: Option<String>,
    /// The sender of its text messages unless a request names another.
    pub default_sms_sender: Option<String>,
    /// The reply-to address of its emails unless a request names another.
    pub default_reply_to: Option<String>,
    /// Whose its emails look like; without, the platform's.
    pub email_branding: Option<EmailBranding>,
}

/// How the emails of an organisation look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailBranding {
    /// What is where.
    pub kind: BrandingKind,
    /// A colour, such as `#ff0000`.
    pub colour: Option<String>,
    /// The file name of a logo.
    pub logo: Option<String>,
    /// What stands beside the logo.
    pub text: Option<String>,
    /// What the logo says, where no text does.
    pub alt_text: Option<String>,
}

/// The layouts of emails. The database has these names.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum BrandingKind {
    /// The platform's banner, and the organisation's logo below it.
    Both,
    /// The organisation's logo alone.
    Org,
    /// A banner in the organisation's colour.
    OrgBanner,
}

impl Service {
    /// True when the service may do this.
    #[must_use]
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.contains(&permission)
    }

    /// The name in the From header of its emails.
    #[must_use]
    pub fn email_sender_name(&self) -> &str {
        self.custom_email_sender_name.as_deref().unwrap_or(&self.name)
    }

    /// How many messages of a channel it may send in a day with this type of key.
    ///
    /// A test key on a service in trial mode has a live service's limits (public API contract §3.1).
    #[must_use]
    pub fn daily_limit(&self, limit: DailyLimit, key: KeyType) -> i64 {
        let as_live = self.restricted && key == KeyType::Test;
        match limit {
            DailyLimit::Email if as_live => 250_000,
            DailyLimit::Sms if as_live => 250_000,
            DailyLimit::Letter if as_live => 20_000,
            DailyLimit::InternationalSms if as_live => 100,
            DailyLimit::Email => self.email_limit,
            DailyLimit::Sms => self.sms_limit,
            DailyLimit::Letter => self.letter_limit,
            DailyLimit::InternationalSms => self.international_sms_limit,
        }
    }
}

/// What is counted per service and day. The names are those of the counters and error texts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum DailyLimit {
    /// Emails.
    Email,
    /// Text messages, those abroad included.
    Sms,
    /// Letters.
    Letter,
    /// Text messages to other countries.
    InternationalSms,
}

impl From<NotificationType> for DailyLimit {
    fn from(channel: NotificationType) -> Self {
        match channel {
            NotificationType::Sms => Self::Sms,
            NotificationType::Email => Self::Email,
            NotificationType::Letter => Self::Letter,
        }
    }
}

/// An API key. Its secret is in `SecretString`, so that it never shows in `Debug`.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What it may do.
    pub key_type: KeyType,
    /// The text that signs its tokens.
    pub secret: SecretString,
    /// When it was revoked, or will be.
    pub expiry_date: Option<OffsetDateTime>,
}

/// One version of a template.
#[derive(Clone, Debug)]
pub struct Template {
    /// Its id, the same in all versions.
    pub id: TemplateId,
    /// What its team calls it.
    pub name: String,
    /// Counts from 1.
    pub version: i32,
    /// The channel it is for.
    pub template_type: NotificationType,
    /// The body, with placeholders.
    pub content: String,
    /// The subject, with placeholders; none for text messages.
    pub subject: Option<String>,
    /// True once deleted by its team.
    pub archived: bool,
    /// True when it was made by the system and is not shown to its team.
    pub hidden: bool,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it was last changed.
    pub updated_at: Option<OffsetDateTime>,
    /// The email address of whoever made this version.
    pub created_by: String,
    /// True when every email of it carries an unsubscribe link.
    pub has_unsubscribe_link: bool,
    /// How its letters are posted.
    pub postage: Option<Postage>,
    /// The sender's address on its letters, with placeholders.
    pub contact_block: Option<String>,
    /// The heading of the Welsh pages of its letters, with placeholders.
    pub welsh_subject: Option<String>,
    /// The body of the same.
    pub welsh_content: Option<String>,
    /// The files that its emails link to.
    pub files: Vec<TemplateFile>,
}

/// A file that the emails of a template link to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TemplateFile {
    /// Its id.
    pub id: Uuid,
    /// Its name, which is also that of the placeholder for its link.
    pub filename: String,
    /// What the link is called; itself when there is nothing.
    pub link_text: Option<String>,
    /// How many weeks a recipient can have it.
    #[serde(rename = "retention_period")]
    pub weeks: u8,
    /// Whether a recipient has to name their address before they get it.
    #[serde(rename = "validate_users_email")]
    pub confirm_email: bool,
}

impl Template {
    /// Name and subject of the hidden template of letters that come as PDF files.
    pub const PRECOMPILED: &str = "Pre-compiled PDF";

    /// Whether its letters come as PDF files.
    #[must_use]
    pub fn is_precompiled_letter(&self) -> bool {
        self.hidden
            && self.template_type == NotificationType::Letter
            && self.name == Self::PRECOMPILED
    }
}

//! Text messages by Amazon SNS, its action `Publish` (public API contract §11.3).

use std::time::Duration;

use async_trait::async_trait;
use domain::Clock;
use reqwest::{Client, StatusCode};
use secrecy::SecretString;
use url::{Url, form_urlencoded};

use crate::{
    ConfigError, Error, Sms, SmsAccepted, SmsSender,
    aws::Signer,
    error::Refusal,
    http::{self, exchange, milliseconds},
    measure::measured,
};

/// How to reach SNS.
#[derive(clap::Args, Clone, Debug)]
pub struct AwsSmsConfig {
    /// Where SNS answers, if not at the region's usual address
    #[arg(long, env = "AWS_ENDPOINT_URL_SNS")]
    pub aws_sms_endpoint: Option<Url>,
    /// Region of SNS
    #[arg(long, env = "SNS_AWS_REGION", default_value = "eu-west-1")]
    pub aws_sms_region: String,
    /// Access key for SNS; without one text messages do not go through AWS
    #[arg(long, env = "SNS_AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub aws_sms_access_key_id: Option<SecretString>,
    /// Secret of the access key
    #[arg(long, env = "SNS_AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub aws_sms_secret_access_key: Option<SecretString>,
    /// Number that messages come from when their sender is not a number
    #[arg(long, env = "AWS_US_TOLL_FREE_NUMBER")]
    pub aws_sms_number: Option<String>,
    /// Longest wait for SNS's answer, in milliseconds
    #[arg(long = "aws-sms-timeout-ms", env = "POSTROOM_AWS_SMS_TIMEOUT_MS", default_value = "10000", value_parser = milliseconds)]
    pub aws_sms_timeout: Duration,
}

/// Sends through SNS. Nothing carries our id there and no receipt is posted, so a message ends as
/// `sent`; SNS's own id is kept as its reference.
pub struct AwsSms {
    client: Client,
    url: Url,
    number: Option<String>,
    signer: Signer,
}

impl AwsSms {
    /// The sender, or `None` when no access key is configured.
    ///
    /// # Errors
    /// [`ConfigError`] names the setting that is unusable.
    pub fn from_config(config: &AwsSmsConfig, clock: Clock) -> Result<Option<Self>, ConfigError> {
        let (Some(key), Some(secret)) =
            (&config.aws_sms_access_key_id, &config.aws_sms_secret_access_key)
        else {
            return Ok(None);
        };
        let url = match &config.aws_sms_endpoint {
            Some(url) => url.clone(),
            None => {
                let url = format!("https://sns.{}.amazonaws.com/", config.aws_sms_region);
                url.parse()
                    .map_err(|error: url::ParseError| ConfigError::new("SNS_AWS_REGION", error))?
            }
        };
        Ok(Some(Self {
            client: http::client(config.aws_sms_timeout)
                .map_err(|error| ConfigError::new("The HTTP client for SNS", error))?,
            url,
            number: config.aws_sms_number.clone(),
            signer: Signer::new("sns", &config.aws_sms_region, (key, secret, None), clock),
        }))
    }

    async fn post(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        let body = request(sms, self.number.as_deref())?;
        let content_type = "application/x-www-form-urlencoded; charset=utf-8";
        let request = self.client.post(self.url.clone());
        let answer = exchange(self.signer.sign(request, &self.url, content_type, body)?).await?;
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status.is_success() {
            let reference = element(&text, "MessageId").map(str::to_owned);
            return Ok(SmsAccepted { reference, receipts: false });
        }
        let refusal =
            Refusal::new(answer.status.as_u16(), element(&text, "Code").unwrap_or_default());
        Err(Error::Temporary {
            what: "The request was refused",
            maybe_taken: false,
            throttled: answer.status == StatusCode::TOO_MANY_REQUESTS
                || refusal.code.starts_with("Throttl"),
            source: Some(refusal.into()),
        })
    }
}

#[async_trait]
impl SmsSender for AwsSms {
    fn name(&self) -> &'static str {
        "sns"
    }

    async fn send(&self, sms: &Sms<'_>) -> Result<SmsAccepted, Error> {
        measured(self.name(), self.post(sms)).await
    }
}

/// The form of `Publish`. Our numbers always have their country code, so that none is added as the
/// US fork does.
///
/// # Errors
/// [`Error::Permanent`] when the number is not one that E.164 knows.
fn request(sms: &Sms<'_>, number: Option<&str>) -> Result<String, Error> {
    let to = sms.to.trim_start_matches('+');
    if !is_digits(to, 7..=15) {
        return Err(Error::Permanent { reason: "The phone number is not valid".to_owned() });
    }
    let is_number = |sender: &&str| is_digits(sender.strip_prefix('+').unwrap_or(sender), 5..=14);
    let origination = sms.sender.filter(is_number).or(number);
    let attributes = [
        ("AWS.SNS.SMS.SMSType", Some("Transactional")),
        ("AWS.MM.SMS.OriginationNumber", origination),
    ];
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", "Publish")
        .append_pair("Version", "2010-03-31")
        .append_pair("PhoneNumber", &format!("+{to}"))
        .append_pair("Message", sms.content);
    let given = attributes.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    for (entry, (name, value)) in (1..).zip(given) {
        let part = format!("MessageAttributes.entry.{entry}");
        form.append_pair(&format!("{part}.Name"), name)
            .append_pair(&format!("{part}.Value.DataType"), "String")
            .append_pair(&format!("{part}.Value.StringValue"), value);
    }
    Ok(form.finish())
}

fn is_digits(text: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text of the first element of this name in SNS's XML, whose ids and codes need no unescaping.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}

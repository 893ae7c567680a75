//! The services by which the platform writes to its own users (public API contract §2.13).

use domain::ServiceId;
use store::users::{self, Topic};
use tracing::info;

use crate::{App, Error};

/// Which services those are.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "own-services")]
pub struct OwnServicesConfig {
    /// Service that asks the platform's users to take part in research: unsubscribing from its emails
    /// is noted with the user
    #[arg(long, env = "POSTROOM_RESEARCH_SERVICE_ID")]
    pub research_service_id: Option<ServiceId>,
    /// Service that tells the platform's users of new features: likewise
    #[arg(long, env = "POSTROOM_NEW_FEATURES_SERVICE_ID")]
    pub new_features_service_id: Option<ServiceId>,
}

impl OwnServicesConfig {
    fn topic_of(&self, service: ServiceId) -> Option<Topic> {
        if self.research_service_id == Some(service) {
            Some(Topic::Research)
        } else if self.new_features_service_id == Some(service) {
            Some(Topic::NewFeatures)
        } else {
            None
        }
    }
}

impl App {
    /// Has the platform's user of this address get no more emails of this service. False when it is not
    /// one of the platform's own, or when there is no such user.
    pub(crate) async fn unsubscribe_user(
        &self,
        service: ServiceId,
        email_address: &str,
    ) -> Result<bool, Error> {
        let Some(topic) = self.0.own_services.topic_of(service) else { return Ok(false) };
        let now = self.clock().now();
        let users = users::stop_emails(&self.db().await?, email_address, topic, now).await?;
        for user in &users {
            info!(user.id = %user, ?topic, "a user wants no more emails");
            self.0.limits.forget_user(*user).await;
        }
        Ok(!users.is_empty())
    }
}

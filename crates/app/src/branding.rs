//! How a service's emails look.

use content::email::Layout;
use domain::service::{BrandingKind, EmailBranding};

/// Where the logos of organisations are: beside the admin app, which lets teams upload them (public
/// API contract §12).
pub(crate) fn logos_url(admin_base_url: &str) -> String {
    let (_, address) = admin_base_url.split_once("://").unwrap_or(("", admin_base_url));
    let host = address.split(['/', ':']).next().unwrap_or_default();
    format!("https://static-logos.{}", host.strip_prefix("www.").unwrap_or(host))
}

/// The layout of the emails of a service with this branding. `logo_url` is the address of its logo.
pub(crate) fn layout<'a>(
    branding: Option<&'a EmailBranding>,
    logo_url: Option<&'a str>,
) -> Layout<'a> {
    let Some(branding) = branding else { return Layout::default() };
    Layout {
        govuk_banner: branding.kind == BrandingKind::Both,
        brand_banner: branding.kind == BrandingKind::OrgBanner,
        brand_logo: logo_url,
        brand_text: branding.text.as_deref(),
        brand_colour: branding.colour.as_deref(),
        brand_alt_text: branding.alt_text.as_deref(),
        ..Layout::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logos_are_beside_the_admin_app() {
        for (admin, logos) in [
            (
                "https://www.notifications.service.gov.uk",
                "https://static-logos.notifications.service.gov.uk",
            ),
            ("http://localhost:6012", "https://static-logos.localhost"),
            ("https://notify.tools/", "https://static-logos.notify.tools"),
        ] {
            assert_eq!(logos_url(admin), logos);
        }
    }

    #[test]
    fn an_organisation_can_replace_the_platforms_banner() {
        let branding = |kind| EmailBranding {
            kind,
            colour: Some("#f00".to_owned()),
            logo: None,
            text: Some("Ministry".to_owned()),
            alt_text: None,
        };
        for (kind, govuk, banner) in [
            (BrandingKind::Both, true, false),
            (BrandingKind::Org, false, false),
            (BrandingKind::OrgBanner, false, true),
        ] {
            let branding = branding(kind);
            let layout = layout(Some(&branding), Some("https://e.com/logo.png"));
            assert_eq!((layout.govuk_banner, layout.brand_banner), (govuk, banner));
            assert_eq!(layout.brand_logo, Some("https://e.com/logo.png"));
        }
        assert!(layout(None, None).govuk_banner);
    }
}

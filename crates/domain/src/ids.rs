//! Every id is its own type, so that a template's id cannot be passed for a service's.

use std::str::FromStr;

use postgres_types::{FromSql, ToSql};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A text that is not an id in canonical (hyphenated) or bare-hex form.
///
/// Source: public API contract §0.1, "UUIDs in".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a valid UUID")]
pub struct InvalidId;

/// Reads a UUID as clients write it: hyphenated or 32 bare hex digits, in either case.
///
/// # Errors
/// [`InvalidId`] for anything else, surrounding blanks included.
pub fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    match text.len() {
        32 | 36 => Uuid::try_parse(text).map_err(|_| InvalidId),
        _ => Err(InvalidId),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSql, FromSql)]
        #[serde(transparent)]
        #[postgres(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse_uuid(text).map(Self)
            }
        }
    };
}

id!(/// One service (tenant): a team that sends messages.
    ServiceId);
id!(/// One template, in whichever version.
    TemplateId);
id!(/// One notification: a message to one recipient.
    NotificationId);
id!(/// One API key of a service.
    ApiKeyId);
id!(/// One SMS sender name or number of a service.
    SmsSenderId);
id!(/// One reply-to address of a service.
    ReplyToId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_canonical_and_bare_hex_in_either_case() {
        let id: ServiceId = "3d844edf-8d35-48ac-975b-e847b4f122b0".parse().unwrap();
        assert_eq!("3D844EDF8D3548AC975BE847B4F122B0".parse(), Ok(id));
    }

    #[test]
    fn refuses_blanks_braces_and_urns() {
        for text in [
            "",
            " 3d844edf-8d35-48ac-975b-e847b4f122b0",
            "{3d844edf-8d35-48ac-975b-e847b4f122b0}",
            "urn:uuid:3d844edf-8d35-48ac-975b-e847b4f122b0",
            "3d844edf-8d35-48ac-975b-e847b4f122bg",
        ] {
            assert_eq!(text.parse::<ServiceId>(), Err(InvalidId), "{text}");
        }
    }
}

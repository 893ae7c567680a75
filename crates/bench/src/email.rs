//! An email as services send them.

use serde_json::{Value, json};

/// Its subject.
pub const SUBJECT: &str = "((name)), your application ((reference)) has been received";

/// Its body: headings, lists, links, and each kind of placeholder.
pub const CONTENT: &str = "\
Dear ((name))

Thank you for your application of ((date)). Your reference is **((reference))**.

# What happens next

1. We check your application and the documents that you sent.
2. We may write to ((address)) if something is missing.
3. You get a decision by ((decision date)).

You can [follow your application](https://www.example.gov.uk/applications/((reference))) at any time.

# What you sent us

((documents))

# What you may still have to do

* pay the fee of ((fee)), if you have not done so
* tell us if your address changes
* bring proof of identity to your appointment

((has appointment??Your appointment is on the day that you chose. Come ten minutes early, and bring \
this message with you.))

---

^ Do not share your reference with anybody. We never ask for it by phone.

## If you need help

Go to https://www.example.gov.uk/contact or call ((phone)), Monday to Friday, 9am to 5pm - calls cost \
as much as those to any local number.

Yours sincerely

((officer))
Applications team
";

/// What its placeholders stand for.
pub fn personalisation() -> Value {
    json!({
        "name": "Ada Lovelace",
        "reference": "AB-1234-5678",
        "date": "24 November 2026",
        "address": "12 St James\u{2019}s Square, London, SW1Y 4LE",
        "decision date": "15 December 2026",
        "documents": ["a passport", "two photographs", "a letter from your employer"],
        "fee": "\u{a3}45.50",
        "has appointment": true,
        "phone": "020 7946 0000",
        "officer": "Grace Hopper",
    })
}

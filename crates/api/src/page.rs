//! Pages for people: plain HTML that works without scripts, and loads nothing.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header},
};

/// How pages look. Its hash is in [`POLICY`]; a test says which it is.
const STYLE: &str = "body{margin:0;font:1.1875rem/1.4 Arial,Helvetica,sans-serif;color:#0b0c0c;\
background:#fff}main{max-width:40rem;margin:2rem auto;padding:0 1rem;overflow-wrap:anywhere}\
h1{font-size:2rem;line-height:1.2}a{color:#1d70b8}label{display:block;font-weight:bold;\
margin-bottom:.25rem}input{box-sizing:border-box;width:100%;max-width:25rem;padding:.4rem;\
border:2px solid #0b0c0c;font:inherit}.button{display:inline-block;margin-top:1rem;\
padding:.6rem 1rem;border:0;background:#00703c;color:#fff;font:inherit;text-decoration:none;\
cursor:pointer}.error{border:4px solid #d4351c;padding:1rem;margin-bottom:1.5rem}\
:focus{outline:3px solid #fd0;outline-offset:2px}";

/// What browsers may do with a page: apply its style, and post its forms to us. Nothing else, not
/// even with text that got in by a fault of ours.
const POLICY: &str = "default-src 'none'; \
style-src 'sha256-+SV3GLtk15n0zwAj48zK0bMzi0V7QHyfzwbE/KnQw1o='; \
form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page. `body` is HTML; what is put into it goes through [`escape`].
pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> HttpResponse {
    let title = escape(title);
    let html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n\
         </main>\n</body>\n</html>\n"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header(REFERRER)
        .insert_header(ROBOTS)
        .content_type("text/html; charset=utf-8")
        .body(html)
}

/// The address of a page may be a secret: no other site is told it.
pub(crate) const REFERRER: (header::HeaderName, &str) = (header::REFERRER_POLICY, "no-referrer");

/// And no search engine keeps it.
pub(crate) const ROBOTS: (&str, &str) = ("x-robots-tag", "noindex, nofollow");

/// A text as HTML, also within quotes.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            _ => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, prelude::BASE64_STANDARD};
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_names_the_style() {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        assert!(POLICY.contains(&format!("style-src 'sha256-{hash}';")), "{hash}");
    }

    #[test]
    fn texts_cannot_become_html() {
        assert_eq!(escape("<a b='c' d=\"e\">&"), "&lt;a b=&#39;c&#39; d=&quot;e&quot;&gt;&amp;");
    }
}

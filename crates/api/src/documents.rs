//! `/documents`: where recipients get the files of emails that our own store keeps. No
//! authentication: the link is the proof, and its key opens the file (public API contract §3.9).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web,
};
use app::{
    App, Error,
    documents::download::{CONFIRMED_FOR, Confirmation, DocumentView},
};
use domain::file_type::pretty_size;
use providers::documents::DocumentLink;
use serde_json::json;
use time::{Date, macros::format_description};
use url::form_urlencoded;

use crate::{
    error::ApiError,
    http::{self, BaseUrl, resource},
    openapi::{Document, Operation},
    page::{REFERRER, ROBOTS, escape, page},
};

/// Where a browser keeps that its user has named the right address.
const COOKIE: &str = "document";

const PATH: &str = "/documents/{day:[0-9]{4}-[0-9]{2}-[0-9]{2}}/{id:[0-9a-f]{32}}";

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(
        resource(PATH, "GET, HEAD, OPTIONS, POST")
            .route(http::get().to(show))
            .route(web::post().to(confirm)),
    )
    .service(
        resource(&format!("{PATH}/download"), "GET, HEAD, OPTIONS").route(http::get().to(download)),
    );
}

pub(crate) fn describe(api: &mut Document) {
    page_of(api.by_anybody("get", PATH, "See a file of an email"))
        .shows(200, "What it is and a link to it, or a form that asks for the recipient’s address");
    let form = json!({ "type": "object", "properties": { "email_address": { "type": "string" } } });
    page_of(api.by_anybody("post", PATH, "Say which address the email went to"))
        .takes_form(form)
        .shows(400, "The address is wrong")
        .shows(429, "Too many were wrong")
        .answers_nothing(303, "The address is right: leads to the page of the file, with a cookie");
    let download = format!("{PATH}/download");
    let file = json!({ "type": "string", "contentEncoding": "binary" });
    page_of(api.by_anybody("get", &download, "Get a file of an email"))
        .shows(403, "The recipient’s address was not given yet")
        .answers_with(200, "*/*", file, "The file");
}

/// What all of them have.
fn page_of(operation: Operation<'_>) -> Operation<'_> {
    let key = json!({
        "name": "key", "in": "query", "required": true, "schema": { "type": "string" },
        "description": "What the file is encrypted with; it stands in the link",
    });
    operation
        .asks(vec![key])
        .shows(404, "There is no such file, or the key is another’s")
        .shows(500, "A fault of ours")
}

/// `GET /documents/{day}/{id}?key=`: what the file is; or a form that asks who wants it.
async fn show(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let Some(link) = link(&request) else { return not_found() };
    match app.document(&link, token(&request)).await {
        Ok(document) if document.is_locked => ask(&link, &document, StatusCode::OK, None),
        Ok(document) => offer(&link, &document),
        Err(error) => refused(error),
    }
}

/// `POST /documents/{day}/{id}?key=`: somebody says which address the link was sent to.
async fn confirm(
    request: HttpRequest,
    body: web::Payload,
    base: BaseUrl,
    app: web::Data<App>,
) -> HttpResponse {
    let body = match http::read(body).await {
        Ok(body) => body,
        Err(_) => return not_found(),
    };
    let Some(link) = link(&request) else { return not_found() };
    let address = form_urlencoded::parse(&body).find(|(name, _)| name == "email_address");
    let address = address.map(|(_, value)| value.into_owned()).unwrap_or_default();
    let confirmation = match app.confirm_document(&link, &address).await {
        Ok(confirmation) => confirmation,
        Err(error) => return refused(error),
    };
    let fault = match confirmation {
        Confirmation::Right(token) => {
            return HttpResponse::SeeOther()
                .insert_header((header::LOCATION, link.path()))
                .insert_header((header::SET_COOKIE, cookie(request.path(), &token, &base.0)))
                .insert_header(REFERRER)
                .finish();
        }
        Confirmation::Wrong => (
            StatusCode::BAD_REQUEST,
            "This is not the email address the file was sent to. Enter the address at which you \
             got the email with the link.",
        ),
        Confirmation::TooMany => (
            StatusCode::TOO_MANY_REQUESTS,
            "A wrong email address was entered too many times. Try again tomorrow, or ask \
             whoever sent you the file.",
        ),
    };
    match app.document(&link, None).await {
        Ok(document) => ask(&link, &document, fault.0, Some(fault.1)),
        Err(error) => refused(error),
    }
}

/// `GET /documents/{day}/{id}/download?key=`: the file.
async fn download(request: HttpRequest, app: web::Data<App>) -> HttpResponse {
    let Some(link) = link(&request) else { return not_found() };
    let document = match app.document(&link, token(&request)).await {
        Ok(document) if document.is_locked => {
            return ask(&link, &document, StatusCode::FORBIDDEN, None);
        }
        Ok(document) => document,
        Err(error) => return refused(error),
    };
    match app.read_document(&link).await {
        Ok(bytes) => HttpResponse::Ok()
            .insert_header((header::CONTENT_DISPOSITION, disposition(&document)))
            .insert_header((header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"))
            .insert_header(REFERRER)
            .insert_header(ROBOTS)
            .content_type(document.kind.mime())
            .body(bytes),
        Err(error) => refused(error),
    }
}

/// The link that a request follows.
fn link(request: &HttpRequest) -> Option<DocumentLink> {
    let query = form_urlencoded::parse(request.query_string().as_bytes());
    let key = query.into_iter().find(|(name, _)| name == "key")?.1;
    let path = request.match_info();
    DocumentLink::parse(path.query("day"), path.query("id"), &key)
}

/// What the browser keeps for the pages of one file.
fn cookie(path: &str, token: &str, base: &str) -> String {
    let (age, secure) =
        (CONFIRMED_FOR.whole_seconds(), if base.starts_with("https:") { "; Secure" } else { "" });
    format!("{COOKIE}={token}; Path={path}; Max-Age={age}; HttpOnly; SameSite=Strict{secure}")
}

fn token(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// What the file is, and a button.
fn offer(link: &DocumentLink, document: &DocumentView) -> HttpResponse {
    let (path, query) = split(link);
    let kind = document.kind.public_name();
    let size = pretty_size(document.size_bytes);
    let name = document
        .filename
        .as_deref()
        .map_or_else(String::new, |name| format!("<p>File name: {}</p>\n", escape(name)));
    let body = format!(
        "<h1>Download your file</h1>\n<p>{service} sent you a file.</p>\n{name}\
         <p><a class=\"button\" href=\"{path}/download?{query}\">Download this {kind} ({size})</a></p>\n\
         <p>You can download it until {last_day}.</p>\n{contact}",
        service = escape(&document.service_name),
        last_day = in_words(link.last_day),
        contact = contact(document),
    );
    page(StatusCode::OK, "Download your file", &body)
}

/// A form that asks for the recipient's address; and what was wrong with the last answer.
fn ask(
    link: &DocumentLink,
    document: &DocumentView,
    status: StatusCode,
    fault: Option<&str>,
) -> HttpResponse {
    let title = "Confirm your email address";
    let (summary, described) = match fault {
        None => (String::new(), "hint"),
        Some(fault) => (
            format!(
                "<div class=\"error\" role=\"alert\"><p id=\"fault\"><a href=\"#email_address\">\
                 {}</a></p></div>\n",
                escape(fault)
            ),
            "hint fault",
        ),
    };
    let invalid = if fault.is_some() { " aria-invalid=\"true\"" } else { "" };
    let body = format!(
        "{summary}<h1>{title}</h1>\n<p>{service} sent you a file.</p>\n\
         <form method=\"post\" action=\"{action}\">\n\
         <label for=\"email_address\">Email address</label>\n\
         <p id=\"hint\">Enter the address at which you got the email with the link, so that nobody \
         else gets the file.</p>\n\
         <input id=\"email_address\" name=\"email_address\" type=\"email\" autocomplete=\"email\" \
         spellcheck=\"false\" required aria-describedby=\"{described}\"{invalid}>\n\
         <div><button class=\"button\" type=\"submit\">Continue</button></div>\n</form>\n{contact}",
        service = escape(&document.service_name),
        action = link.path(),
        contact = contact(document),
    );
    let title = if fault.is_some() { format!("Error: {title}") } else { title.to_owned() };
    page(status, &title, &body)
}

/// Where to ask.
fn contact(document: &DocumentView) -> String {
    let Some(contact) = &document.contact else { return String::new() };
    let shown = escape(contact);
    let shown = if contact.starts_with("https://") || contact.starts_with("http://") {
        format!("<a href=\"{shown}\" rel=\"noreferrer\">{shown}</a>")
    } else if contact.contains('@') {
        format!("<a href=\"mailto:{shown}\">{shown}</a>")
    } else {
        shown
    };
    format!("<p>If you have questions, contact {}: {shown}</p>", escape(&document.service_name))
}

/// The same for a file that never was, one whose time is up, and a wrong key.
fn not_found() -> HttpResponse {
    let body = "<h1>This file is not available</h1>\n\
                <p>The link may be incomplete: check that all of it was copied.</p>\n\
                <p>Files can only be downloaded for some time. If that is over, ask whoever sent you \
                the link to send the file again.</p>";
    page(StatusCode::NOT_FOUND, "This file is not available", body)
}

fn refused(error: Error) -> HttpResponse {
    match error {
        Error::NotFound => not_found(),
        // What happened is logged where it becomes an answer of ours.
        error => {
            drop(ApiError::from(error));
            let title = "Sorry, there is a problem";
            let body = format!("<h1>{title}</h1>\n<p>Try again later.</p>");
            page(StatusCode::INTERNAL_SERVER_ERROR, title, &body)
        }
    }
}

/// The path of a link, and its query: digits and hyphens, which need no escaping.
fn split(link: &DocumentLink) -> (String, String) {
    let whole = link.path();
    match whole.split_once('?') {
        Some((path, query)) => (path.to_owned(), query.to_owned()),
        None => (whole, String::new()),
    }
}

/// `26 May 2027`.
fn in_words(day: Date) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year]");
    day.format(format).unwrap_or_default()
}

/// To be saved, never shown; under the sender's name for it, as far as a header can say it.
fn disposition(document: &DocumentView) -> String {
    let extension: &str = document.kind.into();
    let name = document.filename.clone().unwrap_or_else(|| format!("document.{extension}"));
    let is_plain =
        |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '/' | '%' | ';') || *c == ' ';
    let plain: String = name.chars().map(|c| if is_plain(&c) { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::file_type::FileType;
    use time::macros::date;

    fn view(filename: Option<&str>) -> DocumentView {
        DocumentView {
            service_name: "A & B".to_owned(),
            contact: None,
            kind: FileType::Pdf,
            size_bytes: 1,
            filename: filename.map(str::to_owned),
            is_locked: false,
        }
    }

    #[test]
    fn names_cannot_break_out_of_the_header() {
        assert_eq!(
            disposition(&view(None)),
            "attachment; filename=\"document.pdf\"; filename*=UTF-8''document.pdf"
        );
        assert_eq!(
            disposition(&view(Some("../Zoë\"; x\r\n.pdf"))),
            "attachment; filename=\".._Zo___ x__.pdf\"; \
             filename*=UTF-8''..%2FZo%C3%AB%22%3B%20x%0D%0A.pdf"
        );
    }

    #[test]
    fn contacts_are_links_where_they_can_be() {
        for (given, shown) in [
            ("https://a.example/?b=c&d=\"", "<a href=\"https://a.example/?b=c&amp;d=&quot;\""),
            ("help@a.example", "<a href=\"mailto:help@a.example\">"),
            ("020 7946 0000", "contact A &amp; B: 020 7946 0000</p>"),
            ("javascript:alert(1)", "contact A &amp; B: javascript:alert(1)</p>"),
        ] {
            let view = DocumentView { contact: Some(given.to_owned()), ..view(None) };
            assert!(contact(&view).contains(shown), "{}", contact(&view));
        }
        assert_eq!(contact(&view(None)), "");
    }

    #[test]
    fn days_are_written_out() {
        assert_eq!(in_words(date!(2027 - 05 - 06)), "6 May 2027");
    }
}

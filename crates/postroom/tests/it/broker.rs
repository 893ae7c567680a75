//! The broker of these tests.

/// A vhost that no other test uses: workers answer whoever asks there.
const VHOST: usize = 23;

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run `make test`"))
}

pub fn url() -> String {
    let vhosts = variable("POSTROOM_TEST_VHOSTS");
    let vhost = vhosts.split(',').nth(VHOST).unwrap();
    format!("{}/{vhost}", variable("POSTROOM_TEST_BROKER_URL").trim_end_matches('/'))
}

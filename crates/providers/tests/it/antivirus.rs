//! The virus scanner: ClamAV's daemon, which knows one test signature here.

use std::time::{Duration, Instant};

use providers::{
    Error,
    antivirus::{AntivirusConfig, Clamd, VirusScanner},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::support::{closed_port, config};

/// The daemon that tests share.
pub fn clamd() -> Clamd {
    let address = std::env::var("POSTROOM_TEST_CLAMD_ADDR");
    at(&address.expect("POSTROOM_TEST_CLAMD_ADDR is not set: run `make test`"), 5000)
}

fn at(address: &str, timeout_ms: u32) -> Clamd {
    let arguments = [format!("--clamd-addr={address}"), format!("--clamd-timeout-ms={timeout_ms}")];
    let config: AntivirusConfig = config(&arguments.each_ref().map(String::as_str));
    Clamd::from_config(&config).unwrap().unwrap()
}

/// What every scanner takes for a virus. In two parts, so that none takes this file for one.
pub fn test_virus() -> String {
    let parts = [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"];
    parts.concat()
}

/// What is said of a file that was not scanned.
async fn fault(clamd: &Clamd, file: &[u8]) -> String {
    match clamd.is_clean(file).await {
        Err(Error::Temporary { what, maybe_taken: false, throttled: false, .. }) => what.to_owned(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn viruses_are_found_wherever_they_are_in_a_file() {
    let clamd = clamd();
    let virus = test_virus();
    let fill = "a line of text\n".repeat(100_000);
    for clean in ["", "a,b", &fill] {
        assert!(clamd.is_clean(clean.as_bytes()).await.unwrap());
    }
    for infected in [virus.clone(), format!("{fill}{virus}"), format!("{virus}{fill}")] {
        assert!(!clamd.is_clean(infected.as_bytes()).await.unwrap());
    }
    let many = (0..20).map(|n| {
        let file = if n % 2 == 0 { virus.clone() } else { fill.clone() };
        let clamd = &clamd;
        async move { clamd.is_clean(file.as_bytes()).await.unwrap() }
    });
    let clean = futures_util::future::join_all(many).await;
    assert!(clean.iter().enumerate().all(|(n, clean)| *clean == (n % 2 == 1)), "{clean:?}");
}

/// Only the word OK says that a file is clean.
#[tokio::test]
async fn what_the_scanner_does_not_scan_is_not_clean() {
    let clamd = clamd();
    let too_large = vec![b'a'; 8 << 20]; // it closes in the middle
    let fault = fault(&clamd, &too_large).await;
    // Its last words may be lost when it closes before it has read all.
    assert!(["The scanner did not scan the file", "No answer"].contains(&&*fault), "{fault}");
    assert!(clamd.is_clean(b"small").await.unwrap(), "and goes on");
}

#[tokio::test]
async fn a_scanner_that_is_away_or_hangs_is_not_waited_for() {
    let away = at(&format!("127.0.0.1:{}", closed_port().await.unwrap()), 5000);
    assert_eq!(fault(&away, b"a").await, "No answer");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (hangs, started) = (at(&format!("127.0.0.1:{port}"), 200), Instant::now());
    assert_eq!(fault(&hangs, &vec![b'a'; 8 << 20]).await, "No answer in time");
    assert!(started.elapsed() < Duration::from_secs(2));
    drop(listener);
}

#[tokio::test]
async fn half_an_answer_and_an_endless_one_are_none() {
    for (answer, told) in [
        ("stream: OK".to_owned(), "No answer"),
        (String::new(), "No answer"),
        ("x".repeat(100_000), "No answer"),
        ("stream: Can't allocate memory ERROR\0".to_owned(), "The scanner did not scan the file"),
        ("UNKNOWN COMMAND\0".to_owned(), "The scanner did not scan the file"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let peer = async {
            let mut stream = listener.accept().await.unwrap().0;
            let mut asked = [0; 10 + 4 + 1 + 4];
            stream.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"zINSTREAM\0\0\0\0\x01a\0\0\0\0");
            let _ = stream.write_all(answer.as_bytes()).await; // it need not be read to its end
        };
        let clamd = at(&address, 5000);
        let (fault, ()) = tokio::join!(fault(&clamd, b"a"), peer);
        assert_eq!(fault, told, "{}", answer.len());
    }
}

#[test]
fn its_address_is_a_host_and_a_port() {
    let read = |arguments: &[&str]| {
        Clamd::from_config(&config::<AntivirusConfig>(arguments)).map(|clamd| clamd.is_some())
    };
    assert!(!read(&[]).unwrap());
    assert!(read(&["--clamd-addr=clamd.internal:3310"]).unwrap());
    for bad in ["clamd", ":3310", "clamd:x", "clamd:70000"] {
        let error = read(&[&format!("--clamd-addr={bad}")]).unwrap_err().to_string();
        assert!(error.starts_with("POSTROOM_CLAMD_ADDR"), "{error}");
    }
}

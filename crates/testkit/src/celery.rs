//! Real Celery, run as the programs that its users run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinSet,
    time::timeout,
};

/// Starting Python is slow where many tests do so at once.
const PATIENCE: Duration = Duration::from_secs(120);

/// One version of Celery, and the app that its programs load.
#[derive(Clone, Debug)]
pub struct Celery {
    programs: PathBuf,
    variables: Vec<(String, String)>,
}

impl Celery {
    /// The oldest version that we work with. Its app is `app.py` in `folder`.
    ///
    /// # Panics
    /// When `POSTROOM_TEST_CELERY_OLDEST`, the folder of its programs, is not set.
    #[must_use]
    pub fn oldest(folder: &str) -> Self {
        Self::of("POSTROOM_TEST_CELERY_OLDEST", folder)
    }

    /// The newest version that we work with. Its app is `app.py` in `folder`.
    ///
    /// # Panics
    /// When `POSTROOM_TEST_CELERY_NEWEST`, the folder of its programs, is not set.
    #[must_use]
    pub fn newest(folder: &str) -> Self {
        Self::of("POSTROOM_TEST_CELERY_NEWEST", folder)
    }

    fn of(variable: &str, folder: &str) -> Self {
        let programs = std::env::var(variable)
            .unwrap_or_else(|_| panic!("{variable} is not set: run `make test`"));
        let celery = Self { programs: programs.into(), variables: Vec::new() };
        celery
            .with("PYTHONPATH", folder)
            // Nothing is written beside the sources, and nothing said is held back.
            .with("PYTHONDONTWRITEBYTECODE", "1")
            .with("PYTHONUNBUFFERED", "1")
            .with("LC_ALL", "C.UTF-8")
    }

    /// With one more environment variable, for the app to read. It sees no others of ours.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts `celery -A app …`, which goes on in the background.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn start(&self, arguments: &[&str]) -> Process {
        self.program("celery", &[&["-A", "app"], arguments].concat())
    }

    /// Runs `celery -A app …` to its end. Gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn run(&self, arguments: &[&str]) -> String {
        self.start(arguments).finish().await
    }

    /// Runs a Python script to its end. Gives what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub async fn python(&self, script: &str) -> String {
        self.program("python", &["-c", script]).finish().await
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Process {
        let path = self.programs.join(name);
        let variables = self.variables.iter().map(|(name, value)| (name, value));
        let child = Command::new(&path)
            .args(arguments)
            .env_clear()
            .envs(variables)
            .current_dir(std::env::temp_dir())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| cannot_start(&path, &error));
        Process::new(format!("{name} {}", arguments.join(" ")), child)
    }
}

fn cannot_start(program: &Path, error: &std::io::Error) -> ! {
    panic!("{} cannot be started ({error}): run `make test`", program.display())
}

/// A program that runs. It is killed when this is dropped; what it printed is shown if the test
/// fails.
pub struct Process {
    name: String,
    child: Child,
    output: watch::Receiver<Output>,
    readers: JoinSet<()>,
}

#[derive(Default)]
struct Output {
    /// In the order in which they came, standard error too.
    lines: Vec<String>,
    /// Of standard output alone.
    printed: String,
}

impl Process {
    fn new(name: String, mut child: Child) -> Self {
        let (sender, output) = watch::channel(Output::default());
        let mut readers = JoinSet::new();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        readers.spawn(read(out, sender.clone(), true));
        readers.spawn(read(err, sender, false));
        Self { name, child, output, readers }
    }

    /// Waits until it has printed a line with `text` in it, on standard output or error. Gives the
    /// first such line.
    ///
    /// # Panics
    /// When it ends first, or prints none within two minutes.
    pub async fn says(&mut self, text: &str) -> String {
        let line = |output: &Output| output.lines.iter().find(|line| line.contains(text)).cloned();
        let said = timeout(PATIENCE, self.output.wait_for(|output| line(output).is_some())).await;
        let said = said.unwrap_or_else(|_| panic!("{} has not said: {text}", self.name));
        line(&said.unwrap_or_else(|_| panic!("{} ended without saying: {text}", self.name)))
            .unwrap()
    }

    /// Whether it has printed `text`.
    #[must_use]
    pub fn has_said(&self, text: &str) -> bool {
        self.output.borrow().lines.iter().any(|line| line.contains(text))
    }

    /// Waits for it to end by itself. Gives what it printed on standard output.
    ///
    /// # Panics
    /// When it fails, or does not end within two minutes.
    pub async fn finish(mut self) -> String {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.unwrap_or_else(|_| panic!("{} does not end", self.name)).unwrap();
        while self.readers.join_next().await.is_some() {}
        assert!(status.success(), "{} ended with {status}", self.name);
        self.output.borrow().printed.clone()
    }

    /// Kills it.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {}:\n{}\n---", self.name, self.output.borrow().lines.join("\n"));
        }
    }
}

async fn read(from: impl AsyncRead + Unpin, to: watch::Sender<Output>, is_standard_output: bool) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        to.send_modify(|output| {
            if is_standard_output {
                output.printed.push_str(&line);
                output.printed.push('\n');
            }
            output.lines.push(line);
        });
    }
}

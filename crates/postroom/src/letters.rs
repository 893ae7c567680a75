//! `postroom letters`: letters that need an operator.

use clap::{Args, Subcommand};
use domain::NotificationId;
use queue::Trace;

use crate::processes::Shared;

/// `postroom letters`
#[derive(Args)]
pub(crate) struct Letters {
    #[command(flatten)]
    runtime: runtime::Config,
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Have files scanned again whose virus scan failed
    Rescan {
        /// Name of one file, without its folder; all of them otherwise
        #[arg(required_unless_present = "all")]
        filename: Option<String>,
        /// All of them
        #[arg(long, conflicts_with = "filename")]
        all: bool,
    },
    /// Have the PDF of a letter made again from what came with it
    Resanitise {
        /// Its id
        id: NotificationId,
    },
}

impl Letters {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        runtime::start(&self.runtime)?;
        let (app, broker) = self.shared.start().await?;
        let trace = Trace::default();
        match self.action {
            Action::Rescan { filename, .. } => {
                let rescued = app.rescue_failed_scans(filename.as_deref(), &trace).await?;
                println!("{rescued} files will be scanned again");
            }
            Action::Resanitise { id } => {
                app.resanitise(id, &trace).await?;
                println!("the letter's PDF will be made again");
            }
        }
        broker.close().await;
        Ok(())
    }
}

//! Small disks for the database server, which can be filled.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use tokio::process::Command;

use crate::servers::{POSTGRES, Servers};

/// Two disks in memory. Only the machine's superuser can make them.
pub struct Disks {
    /// A tablespace is on it.
    pub tables: Disk,
    /// The server's write-ahead log is on it.
    pub log: Disk,
}

/// See above: where it is mounted.
pub struct Disk(PathBuf);

/// What fills a disk.
pub struct Filler(PathBuf);

impl Disks {
    /// Makes them, and moves the server to them; it must run.
    ///
    /// # Errors
    /// When that is not allowed.
    pub async fn mount(servers: &Servers) -> anyhow::Result<Self> {
        let place = std::env::temp_dir();
        let disks = Self {
            tables: Disk(place.join("postroom-faults-tables")),
            log: Disk(place.join("postroom-faults-log")),
        };
        // What an interrupted run has left.
        if disks.tables.is_mounted()? || disks.log.is_mounted()? {
            disks.unmount(servers).await?;
            servers.start(POSTGRES).await?;
        }
        let db = servers.maintenance().await?;
        db.batch_execute("ALTER SYSTEM SET min_wal_size = '32MB'").await?;
        db.batch_execute("ALTER SYSTEM SET max_wal_size = '64MB'").await?;
        let data: String = db.query_one("SHOW data_directory", &[]).await?.try_get(0)?;

        let space = disks.tables.mount("space").await?;
        let sql = format!("CREATE TABLESPACE small LOCATION '{}'", space.display());
        db.batch_execute(&sql).await?;

        let log = disks.log.mount("log").await?;
        let of_server = Path::new(&data).join("pg_wal");
        servers.end(POSTGRES, "INT").await?;
        run("cp", &["-a", &format!("{}/.", of_server.display()), &log.display().to_string()])
            .await?;
        fs::remove_dir_all(&of_server)?;
        std::os::unix::fs::symlink(&log, &of_server)?;
        servers.start(POSTGRES).await?;
        Ok(disks)
    }

    /// Ends the server, and removes its data with the disks: it cannot do without.
    ///
    /// # Errors
    /// When they are used.
    pub async fn unmount(&self, servers: &Servers) -> anyhow::Result<()> {
        servers.wipe(POSTGRES).await?;
        self.tables.unmount().await?;
        self.log.unmount().await
    }
}

impl Disk {
    /// Makes it with a folder for the database server, which is returned.
    async fn mount(&self, folder: &str) -> anyhow::Result<PathBuf> {
        fs::create_dir_all(&self.0)?;
        run("mount", &["-t", "tmpfs", "-o", "size=200m", "postroom-faults", &self.text()]).await?;
        let folder = self.0.join(folder);
        fs::create_dir(&folder)?;
        run("chown", &["postgres", &folder.display().to_string()]).await?;
        Ok(folder)
    }

    async fn unmount(&self) -> anyhow::Result<()> {
        if self.is_mounted()? {
            run("umount", &[&self.text()]).await?;
            fs::remove_dir(&self.0)?;
        }
        Ok(())
    }

    fn is_mounted(&self) -> anyhow::Result<bool> {
        Ok(fs::read_to_string("/proc/mounts")?.contains(&format!(" {} ", self.text())))
    }

    /// Leaves no room.
    ///
    /// # Errors
    /// When `dd` cannot be run.
    pub async fn fill(&self) -> anyhow::Result<Filler> {
        let file = self.0.join("filler");
        let of = format!("of={}", file.display());
        // Both end with an error: when nothing fits any more.
        Command::new("dd").args(["if=/dev/zero", &of, "bs=64k", "status=none"]).output().await?;
        Command::new("dd")
            .args(["if=/dev/zero", &of, "bs=1k", "oflag=append", "conv=notrunc", "status=none"])
            .output()
            .await?;
        Ok(Filler(file))
    }

    fn text(&self) -> String {
        self.0.display().to_string()
    }
}

impl Filler {
    /// Makes room again.
    ///
    /// # Errors
    /// When it is gone already.
    pub fn remove(self) -> anyhow::Result<()> {
        fs::remove_file(&self.0).context("emptying the disk")
    }
}

async fn run(program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(program).args(arguments).status().await?;
    ensure!(status.success(), "{program}: {status}");
    Ok(())
}

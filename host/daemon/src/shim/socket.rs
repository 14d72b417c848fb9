//! The socket that shims connect to: in a folder of its own that nobody else may enter, and not in the state folder,
//! whose name no child is told.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use etcetera::BaseStrategy as _;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedReadHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use super::{Handles, Offer};
use crate::mcp;
use crate::surface::Surface;

/// Bytes that the socket's path has to stay below: the systems take about that many.
const PATH_BYTES_MAX: usize = 100;
/// Shims at the same time; then the next one waits.
const SHIMS_MAX: usize = 256;
/// How long a shim has to say its handle.
const HANDLE_TIME: Duration = Duration::from_secs(5);
/// Bytes of the line with a handle: it has 32, and its end.
const HANDLE_BYTES_MAX: u64 = 64;
/// How long to wait when the system gives no connection.
const RETRY: Duration = Duration::from_millis(200);

/// The socket, before anybody is served.
pub(crate) struct Socket {
    folder: tempfile::TempDir,
    listener: UnixListener,
}

/// The shims are served until this is dropped; the folder goes with it.
pub(crate) struct Serving {
    _folder: tempfile::TempDir,
    accepting: JoinHandle<()>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Socket {
    /// Makes the folder and the socket in it: below the platform's folder for such things, else for temporary ones.
    pub(crate) fn bind() -> anyhow::Result<Self> {
        let runtime = etcetera::choose_base_strategy().ok().and_then(|strategy| strategy.runtime_dir());
        let temporary = std::env::temp_dir();
        let places = runtime.into_iter().filter(|folder| folder.is_dir()).chain([temporary]);
        let mut failed = anyhow::anyhow!("there is no folder for it");
        for place in places {
            match Self::bind_in(&place) {
                Ok(socket) => return Ok(socket),
                Err(error) => failed = error,
            }
        }
        Err(failed
            .context("cannot make the socket for the tools of agents; hint: set TMPDIR to another folder"))
    }

    fn bind_in(place: &Path) -> anyhow::Result<Self> {
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().prefix("omi-").permissions(private).tempdir_in(place)?;
        let path = Self::path_in(folder.path());
        if path.as_os_str().len() >= PATH_BYTES_MAX {
            bail!("`{}` has not less than {PATH_BYTES_MAX} bytes", path.display());
        }
        let listener = UnixListener::bind(&path).with_context(|| format!("`{}`", path.display()))?;
        Ok(Self { folder, listener })
    }

    fn path_in(folder: &Path) -> PathBuf {
        folder.join("mcp")
    }

    /// What native sessions are offered: this program as the pipe to this socket.
    pub(crate) fn offer(&self) -> anyhow::Result<Offer> {
        let program =
            std::env::current_exe().context("cannot find the program itself, which agents start")?;
        Ok(Offer { handles: Handles::default(), socket: Self::path_in(self.folder.path()), program })
    }

    /// Serves whoever has a handle.
    pub(crate) fn serve(self, surface: Surface, handles: Handles) -> Serving {
        let Self { folder, listener } = self;
        let accepting = tokio::spawn(async move {
            let room = Arc::new(Semaphore::new(SHIMS_MAX));
            let mut connections = tokio::task::JoinSet::new();
            // It is never closed.
            while let Ok(place) = room.clone().acquire_owned().await {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        connections.spawn(connection(stream, surface.clone(), handles.clone(), place));
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the shim of an agent cannot be served");
                        tokio::time::sleep(RETRY).await;
                    }
                }
                while connections.try_join_next().is_some() {}
            }
        });
        Serving { _folder: folder, accepting }
    }
}

async fn connection(stream: UnixStream, surface: Surface, handles: Handles, _place: OwnedSemaphorePermit) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let Ok(Some(handle)) = tokio::time::timeout(HANDLE_TIME, handle(&mut read)).await else { return };
    if handles.find(&handle).is_none() {
        let why = "this handle is not known: its agent's session was closed, or it is somebody else's";
        let refused =
            json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32001, "message": why } }).to_string();
        // One that is gone needs no answer.
        let _ = write.write_all(format!("{refused}\n").as_bytes()).await;
        return;
    }
    if let Err(why) = mcp::serve_agent(surface, handles, handle, read, write).await {
        tracing::debug!(why, "the shim of an agent is over");
    }
}

/// The first line; none if it is not a short text.
async fn handle(read: &mut BufReader<OwnedReadHalf>) -> Option<String> {
    let mut line = Vec::new();
    read.take(HANDLE_BYTES_MAX).read_until(b'\n', &mut line).await.ok()?;
    let text = String::from_utf8(line).ok()?;
    text.strip_suffix('\n').map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_socket_is_where_only_its_user_may_go_and_goes_with_its_folder() {
        let place = tempfile::tempdir().unwrap();
        let socket = Socket::bind_in(place.path()).unwrap();
        let folder = socket.folder.path().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        let offer = socket.offer().unwrap();
        assert!(offer.socket.starts_with(&folder) && offer.socket.exists());
        drop(socket);
        assert!(!folder.exists());
        let deep = place.path().join("x".repeat(PATH_BYTES_MAX));
        std::fs::create_dir(&deep).unwrap();
        let refused = Socket::bind_in(&deep).err().unwrap().to_string();
        assert!(refused.contains("100 bytes"), "{refused}");
    }
}

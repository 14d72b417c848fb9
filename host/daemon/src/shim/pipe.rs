//! `omi-agentd mcp-shim`: what an agent starts. It says its handle, copies bytes both ways, and knows nothing else.

use std::io::{self, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow};

use super::{HANDLE, SOCKET};

/// Copies until the daemon or the agent closes its end.
pub(crate) fn pipe() -> anyhow::Result<ExitCode> {
    let variable = |name: &str| {
        std::env::var(name).map_err(|_| {
            anyhow!("`{name}` is not set; hint: agents start this with what omi-agentd gives them, nobody else needs it")
        })
    };
    let (path, handle) = (variable(SOCKET)?, variable(HANDLE)?);
    let gone = || format!("cannot reach omi-agentd at `{path}`; hint: it has ended, start the agent again");
    let mut to_daemon = UnixStream::connect(&path).with_context(gone)?;
    let mut from_daemon = to_daemon.try_clone().with_context(gone)?;
    writeln!(to_daemon, "{handle}").with_context(gone)?;
    std::thread::spawn(move || {
        // Whichever end closed: the daemon is told that there is no more.
        let _ = io::copy(&mut io::stdin().lock(), &mut to_daemon);
        let _ = to_daemon.shutdown(Shutdown::Write);
    });
    let mut out = io::stdout().lock();
    let mut piece = [0; 16 * 1024];
    loop {
        let count = io::Read::read(&mut from_daemon, &mut piece).unwrap_or(0);
        let written = out.write_all(&piece[..count]).and_then(|()| out.flush());
        if count == 0 || written.is_err() {
            return Ok(ExitCode::SUCCESS);
        }
    }
}

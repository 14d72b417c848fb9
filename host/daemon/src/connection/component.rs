//! What a client decides about components of this daemon while it runs: installed, removed.

use std::path::Path;

use omi_kernel::report::FailureDetail;

use super::Connection;
use super::change::acknowledged;
use crate::component::ComponentFile;
use crate::components::DIFFERS;
use crate::terminal::plain;
use crate::wire::{Correlation, InstallComponent, Outbound, RemoveComponent, WireError};

impl Connection {
    pub(super) async fn install_component(self, install: InstallComponent, correlation: Correlation) {
        let done = self.installed(install, &correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn installed(
        &self,
        install: InstallComponent,
        correlation: &Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        install.check()?;
        let _turn = self.surface.components.turn().await;
        let components = self.surface.components.clone();
        let examine = move || components.examine(&install.path, install.digest.as_deref());
        // Compiling must hold up neither the driver nor other clients.
        let examined = tokio::task::spawn_blocking(examine).await;
        let component = examined
            .map_err(|error| WireError::new("internal", format!("the component was not loaded: {error}")))?
            .map_err(|why| refused(&why))?;
        acknowledged(self.surface.client.install_component(component).await, correlation)
    }

    pub(super) async fn remove_component(self, removal: RemoveComponent, correlation: Correlation) {
        let done = self.removed(removal, &correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn removed(
        &self,
        removal: RemoveComponent,
        correlation: &Correlation,
    ) -> Result<Option<Outbound>, WireError> {
        removal.check()?;
        let _turn = self.surface.components.turn().await;
        let path = self.recorded(&removal.path)?;
        acknowledged(self.surface.client.remove_component(path).await, correlation)
    }

    /// What the record calls the component of a path: that itself, if it is in the record, also where by now something
    /// else is there; else what it leads to.
    fn recorded(&self, path: &Path) -> Result<String, WireError> {
        let named = path.display().to_string();
        if self.ask(|reader| reader.component(&named))?.is_some() {
            return Ok(named);
        }
        Ok(ComponentFile::at(path).map_or(named, |file| file.path().to_owned()))
    }
}

/// Why a file is not installed: a word for programs, and the line.
fn refused(why: &FailureDetail) -> WireError {
    let code = if why.code == DIFFERS { DIFFERS } else { "component_rejected" };
    WireError::new(code, plain(&why.message))
}

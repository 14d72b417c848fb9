//! What a client decides about components of this daemon while it runs: installed, removed.

use omi_kernel::report::FailureDetail;
use serde_json::Value;

use super::Server;
use super::change::acknowledged;
use crate::component::ComponentFile;
use crate::components::DIFFERS;
use crate::terminal::plain;
use crate::wire::{Correlation, InstallComponent, RemoveComponent, WireError};

impl Server {
    pub(super) async fn install_component(self, install: InstallComponent, correlation: Correlation) {
        let done = self.installed(install, &correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn installed(
        &self,
        install: InstallComponent,
        correlation: &Correlation,
    ) -> Result<Value, WireError> {
        install.check()?;
        let _turn = self.components.turn().await;
        let components = self.components.clone();
        let examine = move || components.examine(&install.path, install.digest.as_deref());
        // Compiling must hold up neither the driver nor other clients.
        let examined = tokio::task::spawn_blocking(examine).await;
        let component = examined
            .map_err(|error| WireError::new("internal", format!("the component was not loaded: {error}")))?
            .map_err(|why| refused(&why))?;
        acknowledged(self.client.install_component(component).await, correlation)
    }

    pub(super) async fn remove_component(self, removal: RemoveComponent, correlation: Correlation) {
        let done = self.removed(removal, &correlation).await;
        self.answer(&correlation, done).await;
    }

    async fn removed(&self, removal: RemoveComponent, correlation: &Correlation) -> Result<Value, WireError> {
        removal.check()?;
        let _turn = self.components.turn().await;
        // One whose file is gone is called what it was called then.
        let file = ComponentFile::at(&removal.path).map(|file| file.path().to_owned());
        let path = file.unwrap_or_else(|_| removal.path.display().to_string());
        acknowledged(self.client.remove_component(path).await, correlation)
    }
}

/// Why a file is not installed: a word for programs, and the line.
fn refused(why: &FailureDetail) -> WireError {
    let code = if why.code == DIFFERS { DIFFERS } else { "component_rejected" };
    WireError::new(code, plain(&why.message))
}

//! Version 0.1 of the contract: the only place that knows its generated types. `wit/v0.1` is the text of it.
//!
//! Another version stands beside it, as `v0_2`, and offers the same: [`link`], [`prepare`] with a [`Pre`], [`Bindings`] with
//! [`describe`] and [`handle`], and the three translations, [`write_input`], [`read_output`] and [`read_descriptor`]. They
//! speak the engine's words (`crate::input`, `crate::output`, the kernel's descriptor), so that nothing behind them knows
//! versions. What chooses then: `surface` says which are served, `engine` links both, and what `load` and `instance`
//! hold of a version becomes an enum of two.

mod activity;
mod artifact;
mod description;
mod effects;
mod session;
mod shapes;
mod write;

use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::instance::State;
use crate::log::Level;

use generated::omi::runtime_adapter as wit;

pub(crate) use description::read_descriptor;
pub(crate) use effects::read_output;
pub(crate) use generated::exports::omi::runtime_adapter::runtime_adapter::{Input, Output};
pub(crate) use shapes::Shapes;
pub(crate) use write::write_input;

/// What `describe` answers.
pub(crate) type Descriptor = wit::description::Descriptor;

/// An instance's exports.
pub(crate) type Bindings = generated::Adapter;

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/v0.1",
        world: "adapter",
        // To write calls down and to read them again: see `Shapes`.
        additional_derives: [serde::Deserialize, serde::Serialize],
    });
}

/// A component that was checked against the linker and the contract.
pub(crate) struct Pre {
    adapter: generated::AdapterPre<State>,
    shapes: Shapes,
}

impl Pre {
    /// What its calls look like, written down.
    pub(crate) fn shapes(&self) -> Shapes {
        self.shapes.clone()
    }

    /// Runs the component's start-up.
    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Bindings> {
        self.adapter.instantiate(store)
    }
}

/// Checks a component's types, without running it.
pub(crate) fn prepare(linker: &Linker<State>, component: &Component) -> wasmtime::Result<Pre> {
    let adapter = generated::AdapterPre::new(linker.instantiate_pre(component)?)?;
    Ok(Pre { adapter, shapes: Shapes::of(component)? })
}

/// Links what an adapter may import of the contract.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    Bindings::add_to_linker::<State, HasSelf<State>>(linker, |state| state)
}

/// Calls `describe`.
pub(crate) fn describe(
    bindings: &Bindings,
    store: &mut Store<State>,
) -> wasmtime::Result<wit::description::Descriptor> {
    bindings.omi_runtime_adapter_runtime_adapter().call_describe(store)
}

/// Calls `handle`.
pub(crate) fn handle(
    bindings: &Bindings,
    store: &mut Store<State>,
    now_ms: u32,
    inputs: &[Input],
) -> wasmtime::Result<Vec<Output>> {
    bindings.omi_runtime_adapter_runtime_adapter().call_handle(store, now_ms, inputs)
}

impl wit::log::Host for State {
    fn write(&mut self, level: wit::log::Level, message: String) {
        let level = match level {
            wit::log::Level::Debug => Level::Debug,
            wit::log::Level::Info => Level::Info,
            wit::log::Level::Warn => Level::Warn,
            wit::log::Level::Error => Level::Error,
        };
        self.log.write(level, message);
    }
}

// These have types only.
impl wit::description::Host for State {}
impl wit::session::Host for State {}
impl wit::activity::Host for State {}
impl wit::effects::Host for State {}

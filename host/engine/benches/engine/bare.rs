//! wasmtime as its own documentation uses it: no limits, no deadlines, no thread for an instance.

use std::path::Path;

use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{Config, Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(crate) use generated::exports::omi::runtime_adapter::runtime_adapter::{Input, Output};
use generated::omi::runtime_adapter as wit;
use wit::session;

mod generated {
    wasmtime::component::bindgen!({ path: "../../wit/v0.1", world: "adapter" });
}

/// wasmtime.
pub(crate) struct Bare {
    engine: Engine,
    linker: Linker<State>,
}

/// What is kept for one instance.
pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

/// One instance.
pub(crate) struct Instance {
    store: Store<State>,
    adapter: generated::Adapter,
}

/// A component that is linked.
pub(crate) struct Pre(generated::AdapterPre<State>);

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl wit::log::Host for State {
    fn write(&mut self, _: wit::log::Level, _: String) {}
}

impl wit::description::Host for State {}
impl session::Host for State {}
impl wit::activity::Host for State {}
impl wit::effects::Host for State {}

impl Bare {
    /// As it comes, without what adapters may not use anyway.
    pub(crate) fn new() -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false);
        let engine = Engine::new(&config)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        generated::Adapter::add_to_linker::<State, HasSelf<State>>(&mut linker, |state| state)?;
        Ok(Self { engine, linker })
    }

    /// Compiles, and keeps the code in a file.
    pub(crate) fn keep(&self, bytes: &[u8], file: &Path) -> wasmtime::Result<()> {
        let code = Component::from_binary(&self.engine, bytes)?.serialize()?;
        Ok(std::fs::write(file, code)?)
    }

    /// Loads what was kept.
    pub(crate) fn kept(&self, file: &Path) -> wasmtime::Result<Component> {
        #[expect(unsafe_code, reason = "this is what is measured")]
        // SAFETY: `keep` wrote it, in a folder of this process alone.
        unsafe {
            Component::deserialize_file(&self.engine, file)
        }
    }

    /// Compiles and links.
    pub(crate) fn prepare(&self, bytes: &[u8]) -> wasmtime::Result<Pre> {
        let component = Component::from_binary(&self.engine, bytes)?;
        generated::AdapterPre::new(self.linker.instantiate_pre(&component)?).map(Pre)
    }

    /// An instance that was told `start`.
    pub(crate) fn start(&self, component: &Pre) -> wasmtime::Result<Instance> {
        let state = State { wasi: WasiCtx::builder().build(), table: ResourceTable::new() };
        let mut store = Store::new(&self.engine, state);
        let adapter = component.0.instantiate(&mut store)?;
        let mut instance = Instance { store, adapter };
        instance.handle(&[start()])?;
        Ok(instance)
    }
}

impl Instance {
    /// One call.
    pub(crate) fn handle(&mut self, inputs: &[Input]) -> wasmtime::Result<Vec<Output>> {
        self.adapter.omi_runtime_adapter_runtime_adapter().call_handle(&mut self.store, 0, inputs)
    }
}

fn start() -> Input {
    let limits = session::Limits {
        inputs_per_call: 256,
        outputs_per_call: 4096,
        call_ms: 1_000,
        chunk_bytes: 65_536,
        stdin_queue_bytes: 4_194_304,
        inline_bytes: 65_536,
        processes: 8,
        timers: 64,
        requests: 16,
        blob_bytes: 67_108_864,
        extra: String::new(),
    };
    Input::Start(session::Start {
        registration: "bench".to_owned(),
        config: "{}".to_owned(),
        host_version: env!("CARGO_PKG_VERSION").to_owned(),
        host_extensions: Vec::new(),
        grants: Vec::new(),
        limits,
        seed: 7,
        extra: String::new(),
    })
}

/// An input that the adapter answers with one output.
pub(crate) fn open(binding: u32) -> Input {
    let settings = session::BindingSettings {
        cwd: "/".to_owned(),
        model: None,
        system_prompt: None,
        mcp_servers: Vec::new(),
        history: Vec::new(),
        history_left_out: 0,
        extra: String::new(),
    };
    let omi_session = "ses_00000000000000000000000001".to_owned();
    Input::OpenBinding(session::OpenBinding { binding, omi_session, settings, extra: String::new() })
}

/// An input that the adapter does not answer.
pub(crate) fn authenticate() -> Input {
    Input::Authenticate(session::Authenticate { method: "none".to_owned(), extra: String::new() })
}

/// A prompt of one word.
pub(crate) fn prompt(attempt: u32, binding: u32) -> Input {
    Input::ExecuteAttempt(session::ExecuteAttempt {
        attempt,
        binding,
        omi_session: "ses_00000000000000000000000001".to_owned(),
        omi_run: "run_00000000000000000000000001".to_owned(),
        omi_attempt: "att_00000000000000000000000001".to_owned(),
        number: 1,
        prompt: vec![session::PromptBlock::Text("hello".to_owned())],
        mode: session::RunMode::Act,
        model: None,
        tools: Vec::new(),
        extra: String::new(),
    })
}

//! Loads a component: everything that can be wrong with it is found here, before a session depends on it.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use omi_kernel::descriptor::{Descriptor, GrantRequest};
use sha2::{Digest, Sha256};
use wasmtime::component::Component;

use crate::engine::Runtime;
use crate::instance::{Instance, Purpose};
use crate::limits;
use crate::surface;
use crate::text::cut;
use crate::trap::{TrapKind, Trapped, one_line};
use crate::v0_1;

/// What a WebAssembly file begins with.
const MAGIC: &[u8] = b"\0asm";
/// The version field of a core module.
const CORE_MODULE: &[u8] = &[1, 0, 0, 0];
/// Grants one component may ask for: a person has to read them.
const GRANTS_MAX: usize = 32;
/// Bytes of the name of a grant, which is written into configurations, and of its operation.
const GRANT_NAME_BYTES: usize = 64;
/// Bytes of the reason for a grant: a few sentences.
const GRANT_REASON_BYTES: usize = 1024;

/// A component that cannot be used. The text does not name the component: [`LoadError`] is always shown beside its name.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is too large.
    #[error("the component has {bytes} bytes or more; the limit is {}", limits::COMPONENT_BYTES)]
    TooLarge {
        /// How large it is at least.
        bytes: u64,
    },
    /// It is not a WebAssembly file, or a damaged one.
    #[error("this is not a WebAssembly component ({what}); hint: {hint}")]
    NotAComponent {
        /// What it is.
        what: String,
        /// What to do.
        hint: &'static str,
    },
    /// It imports something that no adapter may.
    #[error(
        "the component imports `{name}`, which this host does not offer; \
         hint: an adapter imports `omi:runtime-adapter/log` and at most wasi cli, io, clocks, random and filesystem 0.2"
    )]
    Import {
        /// What it imports.
        name: String,
    },
    /// It is built for another version of the contract.
    #[error(
        "the component is built for version {versions} of `omi:runtime-adapter`, this host serves {}; hint: {hint}",
        surface::served()
    )]
    Version {
        /// The versions it is built for.
        versions: String,
        /// What to do.
        hint: &'static str,
    },
    /// It is not an adapter.
    #[error(
        "the component does not export `omi:runtime-adapter/runtime-adapter@0.1.0`; hint: it is not an adapter"
    )]
    NoExport,
    /// A function or type of it differs from the contract.
    #[error("the component does not fit the contract ({what}); hint: rebuild it with the SDK of this host")]
    Mismatch {
        /// What differs.
        what: String,
    },
    /// It does not start.
    #[error("the component does not start: {text}")]
    Start {
        /// Why.
        text: String,
    },
    /// `describe` did not return.
    #[error("`describe` failed: {text}")]
    Trapped {
        /// How.
        text: String,
    },
    /// `describe` went over a limit.
    #[error("`describe` went over a limit: {text}")]
    LimitHit {
        /// Which.
        text: String,
    },
    /// `describe` said something that cannot be.
    #[error("`describe` answers with {what}; hint: tell the author of the component")]
    Descriptor {
        /// What is wrong.
        what: String,
    },
}

/// A component that was checked and can be run. Cheap to clone.
#[derive(Clone)]
pub struct Adapter(Arc<Loaded>);

struct Loaded {
    name: String,
    digest: String,
    descriptor: Descriptor,
    imports: Vec<String>,
    component: v0_1::Pre,
}

impl Adapter {
    /// The name under which it was loaded.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What it says about itself.
    pub fn descriptor(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// The SHA-256 of its bytes, in hexadecimal.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    /// The names of what it imports.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }

    pub(crate) fn component(&self) -> &v0_1::Pre {
        &self.0.component
    }
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Adapter")
            .field("name", &self.0.name)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

/// Reads the file of a component, refusing a large one before it is in memory.
pub fn read_component(path: &Path) -> Result<Vec<u8>, LoadError> {
    let failed = |error| LoadError::Read { path: path.to_owned(), error };
    let max = limits::COMPONENT_BYTES as u64;
    // A pipe is not waited for: it may never say anything. The flag means nothing to a regular file.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(failed)?;
    // What was opened, whatever its name means by now.
    let found = file.metadata().map_err(failed)?;
    if !found.is_file() {
        return Err(failed(std::io::Error::other("it is no regular file")));
    }
    if found.len() > max {
        return Err(LoadError::TooLarge { bytes: found.len() });
    }
    let content = read_bounded(file, found.len()).map_err(failed)?;
    content.ok_or(LoadError::TooLarge { bytes: max + 1 })
}

/// All of a file that had so many bytes when it was opened; none if it has more by now than a component may have.
fn read_bounded(file: impl Read, bytes: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut content = Vec::with_capacity(usize::try_from(bytes).unwrap_or(0));
    file.take(limits::COMPONENT_BYTES as u64 + 1).read_to_end(&mut content)?;
    Ok((content.len() <= limits::COMPONENT_BYTES).then_some(content))
}

/// The SHA-256 of the bytes of a component, in hexadecimal: what it is known by.
pub fn digest(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Checks, compiles and describes a component.
pub(crate) fn load(
    runtime: &Runtime,
    name: &str,
    bytes: &[u8],
    digest: String,
) -> Result<Adapter, LoadError> {
    check_kind(bytes)?;
    let component = compiled(runtime, bytes, &digest)?;
    let imports = surface::check(&component)?;
    let component = v0_1::prepare(&runtime.linker, &component)
        .map_err(|error| LoadError::Mismatch { what: one_line(&format!("{error:#}")) })?;
    let descriptor = describe(runtime, name, &component)?;
    check_descriptor(&descriptor)?;
    Ok(Adapter(Arc::new(Loaded { name: name.to_owned(), digest, descriptor, imports, component })))
}

/// The machine code of a component: what was kept of it, else what the compiler makes of it now.
fn compiled(runtime: &Runtime, bytes: &[u8], digest: &str) -> Result<Component, LoadError> {
    let cache = runtime.cache.as_ref();
    if let Some(component) = cache.and_then(|cache| cache.find(&runtime.wasmtime, digest)) {
        return Ok(component);
    }
    let component =
        Component::from_binary(&runtime.wasmtime, bytes).map_err(|error| LoadError::NotAComponent {
            what: one_line(&error.root_cause().to_string()),
            hint: "the file is damaged, or uses a WebAssembly proposal that adapters may not use",
        })?;
    if let Some(cache) = cache {
        cache.keep(digest, &component);
    }
    Ok(component)
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn check_kind(bytes: &[u8]) -> Result<(), LoadError> {
    if bytes.len() > limits::COMPONENT_BYTES {
        return Err(LoadError::TooLarge { bytes: bytes.len() as u64 });
    }
    let not = |what: &str, hint| Err(LoadError::NotAComponent { what: what.to_owned(), hint });
    match bytes.strip_prefix(MAGIC) {
        None if bytes.is_empty() => not("the file is empty", "build the component again"),
        None => not("it does not begin like a WebAssembly file", "name the `.wasm` file of an adapter"),
        Some(rest) if rest.starts_with(CORE_MODULE) => not(
            "it is a core module",
            "build it for `wasm32-wasip2`, or wrap it with `wasm-tools component new`",
        ),
        Some(_) => Ok(()),
    }
}

/// Runs `describe` in an instance that is thrown away, on a thread that may wait for it.
fn describe(runtime: &Runtime, name: &str, component: &v0_1::Pre) -> Result<Descriptor, LoadError> {
    let purpose = Purpose::alone(format!("{name} (describe)"), 0, limits::TRANSFER_BYTES);
    let describe = || {
        let mut instance = Instance::start(runtime, component, purpose)
            .map_err(|Trapped { text, .. }| LoadError::Start { text })?;
        instance.describe().map_err(|Trapped { kind, text }| match kind {
            TrapKind::Deadline | TrapKind::Limit | TrapKind::TooMany { .. } => LoadError::LimitHit { text },
            TrapKind::Trapped | TrapKind::Waited | TrapKind::Contract | TrapKind::Host => {
                LoadError::Trapped { text }
            }
        })
    };
    let host_failed = |text: String| Err(LoadError::Start { text });
    std::thread::scope(|scope| {
        match std::thread::Builder::new().name("omi-describe".into()).spawn_scoped(scope, describe) {
            Ok(thread) => thread.join().unwrap_or_else(|_| host_failed("the engine panicked".to_owned())),
            Err(error) => host_failed(format!("cannot start a thread: {error}")),
        }
    })
}

fn check_descriptor(descriptor: &Descriptor) -> Result<(), LoadError> {
    let wrong = |what: String| Err(LoadError::Descriptor { what });
    let id = &descriptor.adapter_id;
    let id_is_plain = id.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if id.is_empty() || id.len() > 64 || !id_is_plain {
        return wrong(format!("the adapter id `{id}`, which is not 1 to 64 of `a-z`, `0-9` and `-`"));
    }
    let capabilities = &descriptor.capabilities;
    if capabilities.bindings_per_worker == 0 || capabilities.attempts_per_worker == 0 {
        return wrong("no room for a binding or an attempt".to_owned());
    }
    if descriptor.grants.len() > GRANTS_MAX {
        return wrong(format!("{} grants, more than {GRANTS_MAX}", descriptor.grants.len()));
    }
    let mut names: Vec<&str> = descriptor.grants.iter().map(|grant| grant.name.as_str()).collect();
    names.sort_unstable();
    if let Some([name, _]) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return wrong(format!("the grant `{name}` twice"));
    }
    match descriptor.grants.iter().find_map(wrong_grant) {
        Some(what) => wrong(what),
        None => Ok(()),
    }
}

/// What is wrong with a grant that a component asks for: a person has to read it.
fn wrong_grant(grant: &GrantRequest) -> Option<String> {
    let name = cut(grant.name.clone(), GRANT_NAME_BYTES).escape_debug().to_string();
    if grant.name.is_empty() || grant.name.len() > GRANT_NAME_BYTES {
        return Some(format!("the grant `{name}`, whose name is not 1 to {GRANT_NAME_BYTES} bytes"));
    }
    let texts = [
        ("operation", &grant.operation, GRANT_NAME_BYTES),
        ("pattern", &grant.pattern, limits::PATTERN_BYTES),
        ("reason", &grant.reason, GRANT_REASON_BYTES),
    ];
    if let Some((what, text, max)) = texts.iter().find(|(_, text, max)| text.len() > *max) {
        return Some(format!("the grant `{name}`, whose {what} has {} bytes, more than {max}", text.len()));
    }
    let has_control = |text: &&String| text.chars().any(char::is_control);
    [&grant.name, &grant.operation, &grant.pattern]
        .iter()
        .any(has_control)
        .then(|| format!("the grant `{name}`, which has a control character in it"))
}

#[cfg(test)]
mod tests {
    use omi_kernel::descriptor::Capability;

    use super::*;

    #[test]
    fn a_file_that_grows_is_not_read_without_end() {
        assert_eq!(read_bounded(&b"as it was"[..], 9).unwrap().unwrap(), b"as it was");
        assert!(read_bounded(std::io::repeat(0), 9).unwrap().is_none());
    }

    #[test]
    fn a_grant_is_short_enough_to_be_read() {
        let grant = |name: &str, pattern: String, reason: String| GrantRequest {
            name: name.to_owned(),
            capability: Capability::Files,
            operation: "*".to_owned(),
            pattern,
            reason,
            optional: false,
        };
        let wrong = |name: &str, pattern: usize, reason: usize| {
            wrong_grant(&grant(name, "x".repeat(pattern), "y".repeat(reason)))
        };
        assert_eq!(wrong("workspace", limits::PATTERN_BYTES, GRANT_REASON_BYTES), None);
        assert!(wrong("workspace", limits::PATTERN_BYTES + 1, 0).unwrap().contains("pattern has 257 bytes"));
        assert!(wrong("workspace", 1, GRANT_REASON_BYTES + 1).unwrap().contains("reason"));
        assert!(wrong("", 1, 1).is_some() && wrong(&"n".repeat(GRANT_NAME_BYTES + 1), 1, 1).is_some());
        assert!(wrong("a\nb", 1, 1).unwrap().contains("control character"));
    }
}

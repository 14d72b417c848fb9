//! The trait of an adapter, what `handle` writes to, and the macro that makes a component of it.

use crate::{Descriptor, Input, Output};

/// Milliseconds since the worker's start. It does not go backwards.
pub type Millis = u32;

/// An adapter as a reactor: it is told what happened and says what should happen.
///
/// One value lives as long as its worker. Nothing runs between two calls, and no call waits.
/// For straight-line code, implement [`Session`](crate::Session) instead.
pub trait Adapter: Sized {
    /// Who this adapter is. Always the same, and without any effect.
    fn describe() -> Descriptor;

    /// A fresh adapter, before [`Input::Start`].
    fn new() -> Self;

    /// Take one thing that happened.
    fn handle(&mut self, now: Millis, input: Input, out: &mut Outputs);
}

/// What one call asks of the host, in order.
#[derive(Debug, Default)]
pub struct Outputs {
    list: Vec<Output>,
}

impl Outputs {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Add one. The records of the contract convert by themselves: `out.push(Ready::new("echo"))`.
    pub fn push(&mut self, output: impl Into<Output>) {
        self.list.push(output.into());
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All of them.
    pub fn into_vec(self) -> Vec<Output> {
        self.list
    }
}

impl Extend<Output> for Outputs {
    fn extend<T: IntoIterator<Item = Output>>(&mut self, outputs: T) {
        self.list.extend(outputs);
    }
}

/// What the exported `handle` does: used by [`export_adapter!`](crate::export_adapter).
#[doc(hidden)]
pub fn run<A: Adapter>(adapter: &mut Option<A>, now: Millis, inputs: Vec<Input>) -> Vec<Output> {
    crate::panic::install();
    let adapter = adapter.get_or_insert_with(A::new);
    let mut out = Outputs::new();
    for input in inputs {
        adapter.handle(now, input, &mut out);
    }
    out.into_vec()
}

/// What the exported `describe` does: used by [`export_adapter!`](crate::export_adapter).
#[doc(hidden)]
pub fn describe<A: Adapter>() -> Descriptor {
    crate::panic::install();
    A::describe()
}

/// Make a component of an [`Adapter`]. Write it once, at the root of the adapter's crate.
#[macro_export]
macro_rules! export_adapter {
    ($adapter:ty) => {
        // Only a component exports: natively, two adapters in one test program would export the same symbols.
        #[cfg(target_arch = "wasm32")]
        mod omi_adapter_component {
            // The adapter is named as it is named where the macro stands.
            use super::*;

            struct Component;

            ::std::thread_local! {
                static ADAPTER: ::std::cell::RefCell<::std::option::Option<$adapter>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            impl $crate::bindings::exports::omi::runtime_adapter::runtime_adapter::Guest for Component {
                fn describe() -> $crate::Descriptor {
                    $crate::adapter::describe::<$adapter>()
                }

                fn handle(now: u32, inputs: ::std::vec::Vec<$crate::Input>) -> ::std::vec::Vec<$crate::Output> {
                    ADAPTER.with_borrow_mut(|adapter| $crate::adapter::run(adapter, now, inputs))
                }
            }

            $crate::bindings::export!(Component with_types_in $crate::bindings);
        }
    };
}

/// Make a component of a [`Session`](crate::Session). Write it once, at the root of the adapter's crate.
#[macro_export]
macro_rules! export_session {
    ($session:ty) => {
        $crate::export_adapter!($crate::SessionAdapter<$session>);
    };
}

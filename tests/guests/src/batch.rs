//! Makes a component that looks at how many inputs a call has: the SDK's own export shows them one by one.

/// Make a component of an adapter, and give the number of inputs of each call to a function first.
#[macro_export]
macro_rules! export_counting {
    ($adapter:ty, $look:path) => {
        // Only a component exports: natively there is nothing to call it.
        #[cfg(target_arch = "wasm32")]
        mod omi_counting_component {
            // The adapter is named as it is named where the macro stands.
            use super::*;

            struct Component;

            ::std::thread_local! {
                static ADAPTER: ::std::cell::RefCell<::std::option::Option<$adapter>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }

            impl ::omi_adapter_sdk::bindings::exports::omi::runtime_adapter::runtime_adapter::Guest for Component {
                fn describe() -> ::omi_adapter_sdk::Descriptor {
                    ::omi_adapter_sdk::adapter::describe::<$adapter>()
                }

                fn handle(
                    now: u32,
                    inputs: ::std::vec::Vec<::omi_adapter_sdk::Input>,
                ) -> ::std::vec::Vec<::omi_adapter_sdk::Output> {
                    $look(inputs.len());
                    ADAPTER.with_borrow_mut(|adapter| ::omi_adapter_sdk::adapter::run(adapter, now, inputs))
                }
            }

            ::omi_adapter_sdk::bindings::export!(Component with_types_in ::omi_adapter_sdk::bindings);
        }
    };
}

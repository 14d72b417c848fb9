//! What `wit-bindgen` makes of the contract in `wit/v0.1`. Authors use the names that the crate root re-exports.
#![expect(clippy::pedantic, reason = "generated code")]

wit_bindgen::generate!({
    path: "../wit/v0.1",
    world: "adapter",
    pub_export_macro: true,
    default_bindings_module: "omi_adapter_sdk::bindings",
    additional_derives: [PartialEq],
});

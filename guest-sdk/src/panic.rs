//! Says why a component is about to trap: a panic's message and place, through `log`.

/// Report panics through [`log::error`](crate::log::error) from here on. Does nothing natively, where the test
/// runner reports them, and nothing the second time.
pub(crate) fn install() {
    #[cfg(target_arch = "wasm32")]
    {
        static INSTALLED: std::sync::Once = std::sync::Once::new();
        // `PanicHookInfo` prints as "panicked at file:line:column:" and the message.
        INSTALLED.call_once(|| std::panic::set_hook(Box::new(|info| crate::log::error(&info.to_string()))));
    }
}

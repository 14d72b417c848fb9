//! A real Chromium.

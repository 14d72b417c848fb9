//! Where a browser looks for the programs that its extensions may talk to, and what it calls an extension.

use std::path::PathBuf;

use etcetera::BaseStrategy as _;

use crate::cli::Browser;
use crate::state::StateError;

/// The name by which an extension asks for this program.
pub(super) const NAME: &str = "app.omi.agentd";

/// Characters of an id of Chrome: a digest, in letters.
const CHROME_ID_CHARS: usize = 32;

/// The origin of an extension of Chrome.
pub(super) fn origin(id: &str) -> String {
    format!("chrome-extension://{id}/")
}

impl Browser {
    /// The folder of this user in which it looks.
    pub(super) fn folder(self) -> Result<PathBuf, StateError> {
        let home = etcetera::home_dir().map_err(|_| StateError::NoHome)?;
        if cfg!(target_os = "macos") {
            let vendor = match self {
                Self::Chrome => "Google/Chrome",
                Self::Chromium => "Chromium",
                Self::Firefox => "Mozilla",
            };
            return Ok(home.join("Library/Application Support").join(vendor).join("NativeMessagingHosts"));
        }
        let strategy = etcetera::choose_base_strategy().map_err(|_| StateError::NoHome)?;
        Ok(match self {
            Self::Chrome => strategy.config_dir().join("google-chrome/NativeMessagingHosts"),
            Self::Chromium => strategy.config_dir().join("chromium/NativeMessagingHosts"),
            Self::Firefox => home.join(".mozilla/native-messaging-hosts"),
        })
    }

    /// Whether it calls an extension so; else how it does.
    pub(super) fn check(self, id: &str) -> Result<(), String> {
        let (fine, like) = match self {
            Self::Chrome | Self::Chromium => {
                let letters = id.bytes().all(|byte| matches!(byte, b'a'..=b'p'));
                (
                    letters && id.len() == CHROME_ID_CHARS,
                    "32 letters from a to p, as on its page of extensions",
                )
            }
            Self::Firefox => {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
                let address = id.split_once('@').is_some_and(|(name, place)| {
                    !place.is_empty() && name.bytes().chain(place.bytes()).all(plain)
                });
                let inner = id.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
                let number = inner.is_some_and(|inner| uuid::Uuid::try_parse(inner).is_ok());
                (address || number, "`name@place`, or a UUID in braces, as in its manifest")
            }
        };
        if fine { Ok(()) } else { Err(format!("`{id}` is no id of an extension; hint: {like}")) }
    }

    /// Its own word for itself.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Chrome => "chrome",
            Self::Chromium => "chromium",
            Self::Firefox => "firefox",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_of_its_browser() {
        let chrome = "abcdefghijklmnopabcdefghijklmnop";
        assert!(Browser::Chrome.check(chrome).is_ok() && Browser::Chromium.check(chrome).is_ok());
        assert!(Browser::Firefox.check("omi@example.org").is_ok());
        assert!(Browser::Firefox.check("{01234567-89ab-cdef-0123-456789abcdef}").is_ok());
        for (browser, id) in [
            (Browser::Chrome, "omi@example.org"),
            (Browser::Chrome, "*"),
            (Browser::Chrome, &chrome[1..]),
            (Browser::Chromium, "abcdefghijklmnopabcdefghijklmnoP"),
            (Browser::Firefox, chrome),
            (Browser::Firefox, "a b@c"),
            (Browser::Firefox, "{x}"),
            (Browser::Firefox, "x@"),
        ] {
            let why = browser.check(id).unwrap_err();
            assert!(why.contains(id) && why.contains("hint:"), "{why}");
        }
    }
}

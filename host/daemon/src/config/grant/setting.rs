//! What a program is started with: its variables, its secrets, its limits and how it is confined. And the secrets of a
//! request.

use std::collections::BTreeMap;

use omi_engine::{Confine, ProcessLimits, Secret, SecretSource, Setting};
use serde::Deserialize;

use super::super::not_zero;
use super::super::place::Place;
use super::{Grant, Wrong, at, wrong};

/// Secrets as they are written. Somebody may write a secret itself here: then it is not repeated in the error.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "toml::Value")]
pub(super) struct Secrets(BTreeMap<String, SecretForm>);

impl TryFrom<toml::Value> for Secrets {
    type Error = String;

    fn try_from(value: toml::Value) -> Result<Self, String> {
        let no_place = || {
            "a secret is named by where it is, never by itself; hint: `NAME = { env = \"NAME\" }` or \
             `NAME = { file = \"path\" }`"
                .to_owned()
        };
        let toml::Value::Table(table) = value else { return Err(no_place()) };
        if !table.values().all(toml::Value::is_table) {
            return Err(no_place());
        }
        let read = |(name, form): (String, toml::Value)| {
            let form = form.try_into().map_err(|error: toml::de::Error| error.message().to_owned())?;
            Ok((name, form))
        };
        table.into_iter().map(read).collect::<Result<_, String>>().map(Self)
    }
}

/// A secret as it is written: where it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct SecretForm {
    env: Option<String>,
    file: Option<String>,
    #[serde(default)]
    prefix: String,
}

/// Limits as they are written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LimitsForm {
    processes: Option<u32>,
    open_files: Option<u64>,
    memory_bytes: Option<u64>,
    file_bytes: Option<u64>,
}

/// The one way in which a program is confined: by rules of the kernel about files.
const LANDLOCK: &str = "landlock";

impl Grant {
    pub(super) fn setting(&self, place: &Place) -> Result<Setting, Wrong> {
        let set_env = self.env.clone().unwrap_or_default();
        let pass_env = self.pass_env.clone().unwrap_or_default();
        let secrets = self.secrets(place)?;
        for (key, names) in [
            ("env", set_env.keys().collect::<Vec<_>>()),
            ("pass-env", pass_env.iter().collect()),
            ("secrets", secrets.keys().collect()),
        ] {
            if let Some(name) = names.into_iter().find(|name| !is_variable(name)) {
                return Err(wrong(
                    key,
                    format!("has `{}`, which is no name of a variable", name.escape_debug()),
                ));
            }
        }
        if let Some((name, _)) = set_env.iter().find(|(_, value)| value.contains('\0')) {
            return Err(wrong(&format!("env.{name}"), "has a NUL character in it"));
        }
        let is_set = |name: &&String| set_env.contains_key(*name) || pass_env.contains(name);
        if let Some(name) = secrets.keys().find(is_set) {
            let why = "is set in another way as well; hint: name it in `secrets` only";
            return Err(wrong(&format!("secrets.{name}"), why));
        }
        let (limits, confine) = (self.limits()?, self.confined(place)?);
        Ok(Setting { set_env, pass_env, secrets, limits, confine })
    }

    /// The secrets of a request, by their headers: in lower case, so that no header is there twice.
    pub(super) fn headers(&self, place: &Place) -> Result<BTreeMap<String, Secret>, Wrong> {
        let mut headers = BTreeMap::new();
        for (name, secret) in self.secrets(place)? {
            if !is_header(&name) {
                let why = format!("has `{}`, which is no name of a header", name.escape_debug());
                return Err(wrong("secrets", why));
            }
            if headers.insert(name.to_ascii_lowercase(), secret).is_some() {
                return Err(wrong("secrets", format!("has the header `{name}` twice")));
            }
        }
        Ok(headers)
    }

    fn secrets(&self, place: &Place) -> Result<BTreeMap<String, Secret>, Wrong> {
        let forms = self.secrets.iter().flat_map(|secrets| &secrets.0);
        let read = |(name, form): (&String, &SecretForm)| {
            let key = format!("secrets.{}", name.escape_debug());
            Ok((name.clone(), form.secret(place).map_err(at(&key))?))
        };
        forms.map(read).collect()
    }

    fn limits(&self) -> Result<ProcessLimits, Wrong> {
        let LimitsForm { processes, open_files, memory_bytes, file_bytes } = self.limits.unwrap_or_default();
        not_zero("limits.processes", processes)?;
        not_zero("limits.open-files", open_files)?;
        not_zero("limits.memory-bytes", memory_bytes)?;
        not_zero("limits.file-bytes", file_bytes)?;
        let default = ProcessLimits::default();
        let processes = processes.unwrap_or(default.processes);
        Ok(ProcessLimits { processes, open_files, memory_bytes, file_bytes })
    }

    fn confined(&self, place: &Place) -> Result<Option<Confine>, Wrong> {
        let folders = |key: &'static str, list: &Option<Vec<String>>| {
            let paths = list.iter().flatten().map(|path| place.path(path).map_err(at(key)));
            paths.collect::<Result<Vec<_>, Wrong>>()
        };
        let state = folders("state-folders", &self.state_folders)?;
        let read = folders("read-folders", &self.read_folders)?;
        match self.confine.as_deref() {
            Some(LANDLOCK) => Ok(Some(Confine { state, read })),
            Some(other) => {
                let why =
                    format!("is `{}`, which is not known here; hint: `{LANDLOCK}`", other.escape_debug());
                Err(wrong("confine", why))
            }
            None => {
                let given = [("state-folders", &self.state_folders), ("read-folders", &self.read_folders)];
                match given.into_iter().find(|(_, list)| list.is_some()) {
                    Some((key, _)) => {
                        Err(wrong(key, "opens nothing; hint: it goes with `confine = \"landlock\"`"))
                    }
                    None => Ok(None),
                }
            }
        }
    }
}

impl SecretForm {
    fn secret(&self, place: &Place) -> Result<Secret, String> {
        let source = match (&self.env, &self.file) {
            (Some(name), None) if is_variable(name) => SecretSource::Env(name.clone()),
            (Some(_), None) => return Err("names no variable".to_owned()),
            (None, Some(path)) => SecretSource::File(place.path(path)?),
            (None, None) | (Some(_), Some(_)) => {
                return Err(
                    "needs one source; hint: `{ env = \"NAME\" }` or `{ file = \"path\" }`".to_owned()
                );
            }
        };
        if self.prefix.chars().any(char::is_control) {
            return Err("has a prefix with a control character in it".to_owned());
        }
        Ok(Secret { source, prefix: self.prefix.clone() })
    }
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c == '=' || c.is_control())
}

/// A token of RFC 9110.
fn is_header(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

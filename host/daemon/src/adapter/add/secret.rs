//! `--secret-env NAME=VARIABLE`: what a secret is used as, and the variable that it is read from. A secret that was given
//! in place of the variable is refused, and shown to nobody.

use anyhow::bail;

/// A secret and where it is read from.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SecretEnv {
    /// What it is used as: a header, or a variable of the program.
    pub(super) name: String,
    /// The variable that has it.
    pub(super) variable: String,
}

impl SecretEnv {
    /// Reads an argument; `is_set` says which variables are set now.
    pub(super) fn read(text: &str, is_set: impl Fn(&str) -> bool) -> anyhow::Result<Self> {
        let hint = "put the secret into a variable and name that, as in --secret-env Authorization=MY_TOKEN";
        let Some((name, variable)) = text.split_once('=') else {
            bail!("a --secret-env is no NAME=VARIABLE (it is not shown: it may be a secret); hint: {hint}");
        };
        if name.is_empty() || !is_variable(variable) || (looks_random(variable) && !is_set(variable)) {
            bail!(
                "--secret-env takes NAME=VARIABLE, and what is after the `=` is no name of a variable (it is not shown: \
                 it may be a secret); hint: {hint}"
            );
        }
        Ok(Self { name: name.to_owned(), variable: variable.to_owned() })
    }
}

fn is_variable(text: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    text.starts_with(is_first) && text.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// As keys are made, and names of variables hardly ever.
fn looks_random(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_lowercase()) && text.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_a_variable_is_taken() {
        for text in ["Authorization=MY_TOKEN", "A=_b", "A=KEY2", "A=set1", "KEY=my_token"] {
            assert!(SecretEnv::read(text, |name| name == "set1").is_ok(), "{text}");
        }
        for text in
            ["Authorization=sk-proj-AAAA", "A=sk_a1b2", "A=", "=B", "sk-proj-AAAA", "A=a b", "A=9B", "A=B=C"]
        {
            let why = SecretEnv::read(text, |_| false).unwrap_err().to_string();
            assert!(why.contains("NAME=VARIABLE") && why.contains("hint: "), "{why}");
            assert!(!why.contains("sk-") && !why.contains("sk_"), "{why}");
        }
    }
}

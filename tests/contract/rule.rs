//! The rule of change, and what an author is told who breaks it.

use super::form::Form;

/// How the landed form begins while the contract is a draft.
const DRAFT: &str = "// A draft.";
/// How it begins once the contract is frozen.
const FROZEN: &str = "// Frozen.";
/// The section of `wit/README.md` in which changes are listed.
const SECTION: &str = "## Changes to the draft";

/// Whether the contract may be as it is now. `current` is marked a draft or not, `landed` is the file of its last
/// landed form, `listed` are the hashes of the list, newest first.
pub(super) fn judge(is_draft: bool, current: &Form, landed: &str, listed: &[&str]) -> Result<(), String> {
    if is_draft && landed.starts_with(FROZEN) {
        return Err(
            "the contract was landed frozen, and is marked a draft again; hint: take the mark away, \
                    what does not fit goes into `wit/v0.2`"
                .to_owned(),
        );
    }
    let landed = Form::of_text("the landed form", landed)?;
    if landed.text == current.text {
        return Ok(());
    }
    match (is_draft, landed.breaks_in(current)) {
        (true, _) if listed.first() == Some(&current.hash().as_str()) => Ok(()),
        (true, found) => {
            let found = found.map_or_else(
                || "a built component does not notice it".to_owned(),
                |found| format!("a built component does not fit any more ({found})"),
            );
            let hash = current.hash();
            Err(format!(
                "the draft is not as it was landed, and the change is not the newest that is listed: {found}; \
                 hint: list it first under `{SECTION}` in wit/README.md, as \"- `{hash}` what changed, and why\""
            ))
        }
        (false, None) => Ok(()),
        (false, Some(found)) => Err(format!(
            "the contract is frozen, and a component that was built for it does not fit any more ({found}); \
             hint: take the change back, and make it in `wit/v0.2` beside it"
        )),
    }
}

/// The file of a form that is landed.
pub(super) fn landed(is_draft: bool, form: &Form) -> String {
    let first = if is_draft { DRAFT } else { FROZEN };
    format!(
        "{first} The form in which the contract was last landed; `cargo xtask wit land` writes it.\n{}",
        form.text
    )
}

/// The hashes that `wit/README.md` lists, in its order.
pub(super) fn listed(readme: &str) -> Vec<&str> {
    let section = readme.split(SECTION).nth(1).unwrap_or_default();
    let section = section.split("\n## ").next().unwrap_or_default();
    section
        .lines()
        .filter_map(|line| line.strip_prefix("- `")?.split_once('`'))
        .map(|(hash, _)| hash)
        .collect()
}

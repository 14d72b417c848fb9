//! How a request for approval is decided when no person is asked: the only module that does (seed §17).

use crate::command::Answer;
use crate::report::{ApprovalOption, OptionKind};

/// What happens when an adapter asks for permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApprovalPolicy {
    /// A person is asked and the run waits.
    Ask,
    /// There is nobody to ask: refused, with the reason.
    Refuse,
    /// Answered automatically, as the first implementation did. A registration must opt in.
    Legacy,
}

/// The automatic, high-trust policy of the first implementation, contained and labelled (seed §17.1).
pub struct LegacyPermissionPolicy;

impl LegacyPermissionPolicy {
    /// The label of every decision it makes.
    pub const LABEL: &'static str = "legacy_high_trust";

    /// The first option that allows always, else the first that allows once, else the first one (SPEC §7).
    pub fn answer(options: &[ApprovalOption]) -> Answer {
        let of_kind = |kind: &OptionKind| options.iter().find(|option| option.kind == *kind);
        let chosen = of_kind(&OptionKind::AllowAlways)
            .or_else(|| of_kind(&OptionKind::AllowOnce))
            .or_else(|| options.first());
        match chosen {
            Some(option) => Answer::Selected { option_id: option.option_id.clone() },
            None => Answer::Rejected { reason: "the runtime offered no option".to_owned() },
        }
    }
}

/// The answer that refuses: an option that rejects once, else one that rejects always, else a plain refusal.
/// Options are chosen by what they mean, never by their place.
pub fn refusal(options: &[ApprovalOption], reason: &str) -> Answer {
    let of_kind = |kind: &OptionKind| options.iter().find(|option| option.kind == *kind);
    match of_kind(&OptionKind::RejectOnce).or_else(|| of_kind(&OptionKind::RejectAlways)) {
        Some(option) => Answer::Selected { option_id: option.option_id.clone() },
        None => Answer::Rejected { reason: reason.to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kinds: &[OptionKind]) -> Vec<ApprovalOption> {
        let option = |(index, kind): (usize, &OptionKind)| ApprovalOption {
            option_id: index.to_string(),
            name: String::new(),
            kind: kind.clone(),
        };
        kinds.iter().enumerate().map(option).collect()
    }

    fn selected(id: &str) -> Answer {
        Answer::Selected { option_id: id.to_owned() }
    }

    #[test]
    fn legacy_prefers_always_then_once_then_the_first() {
        use OptionKind as K;
        let legacy = LegacyPermissionPolicy::answer;
        assert_eq!(legacy(&options(&[K::RejectOnce, K::AllowOnce, K::AllowAlways])), selected("2"));
        assert_eq!(legacy(&options(&[K::RejectOnce, K::AllowOnce])), selected("1"));
        assert_eq!(legacy(&options(&[K::RejectOnce])), selected("0"));
        assert!(matches!(legacy(&[]), Answer::Rejected { .. }));
    }

    #[test]
    fn a_refusal_never_selects_an_option_that_allows() {
        use OptionKind as K;
        assert_eq!(refusal(&options(&[K::AllowAlways, K::RejectAlways, K::RejectOnce]), ""), selected("2"));
        assert_eq!(refusal(&options(&[K::AllowAlways, K::RejectAlways]), ""), selected("1"));
        assert!(matches!(refusal(&options(&[K::AllowOnce]), "nobody"), Answer::Rejected { .. }));
    }
}

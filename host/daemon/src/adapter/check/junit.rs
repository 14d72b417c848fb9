//! The report for programs that gather test results.

use omi_conformance::{Report, Verdict};
use quick_junit::{NonSuccessKind, Report as Junit, SerializeError, TestCase, TestCaseStatus, TestSuite};

/// The report as JUnit XML.
pub(super) fn xml(report: &Report) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new(report.judged.name.clone());
    for case in &report.cases {
        let status = match &case.verdict {
            Verdict::Passed => TestCaseStatus::success(),
            Verdict::NotRun(not_run) => {
                let mut status = TestCaseStatus::skipped();
                status.set_message(not_run.why.clone());
                status
            }
            Verdict::Broken { rule, what } => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type(rule.name).set_message(what.clone());
                status.set_description(format!("{}\n{}", rule.demands, rule.why));
                status
            }
        };
        let mut test = TestCase::new(case.name.clone(), status);
        test.set_time(case.took);
        suite.add_test_case(test);
    }
    let mut junit = Junit::new(format!("omi-agentd adapter check ({})", report.level.as_str()));
    junit.add_test_suite(suite);
    junit.to_string()
}

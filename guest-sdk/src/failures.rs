//! What each error of this crate means to the kernel: whether trying again can help, with its words kept.
//!
//! So `?` works in an `async fn` that gives `Result<_, Failure>`. Where a protocol knows better, say so with
//! [`Failure::fatal`], [`Failure::retryable`] and the error's `to_string()`.

use crate::lines::LineTooLong;
use crate::sse::EventTooLarge;
use crate::stdin::StdinFull;
use crate::{
    Failure, FailureDetail, FileError, FileFailure, HttpOutcome, ProcessFailure, RequestFailure, Why,
};

/// An effect that was refused. What is not allowed or not there stays so; a limit, a queue and a person's silence pass.
impl From<Why> for Failure {
    fn from(why: Why) -> Self {
        let message = why.to_string();
        match why {
            Why::Denied(_) => Self::fatal("denied", message),
            Why::Limit(_) => Self::retryable("over_limit", message),
            Why::WouldBlock => Self::retryable("would_block", message),
            Why::Unknown(_) => Self::fatal("unknown_handle", message),
            Why::Expired => Self::retryable("expired", message),
            Why::Cancelled => Self::retryable("cancelled", message),
            Why::Failed(_) => Self::fatal("effect_failed", message),
            Why::Other(_) => Self::Other(FailureDetail::new("refused", message)),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let message = error.to_string();
        match error {
            FileError::NotFound => Self::fatal("file_not_found", message),
            FileError::Exists => Self::fatal("file_exists", message),
            FileError::NotAFile => Self::fatal("not_a_file", message),
            FileError::Outside => Self::fatal("file_outside", message),
            FileError::TooLarge => Self::fatal("file_too_large", message),
            FileError::Io(_) => Self::retryable("file_io", message),
            FileError::Other(_) => Self::Other(FailureDetail::new("file_failed", message)),
        }
    }
}

impl From<FileFailure> for Failure {
    fn from(failure: FileFailure) -> Self {
        match failure {
            FileFailure::Refused(why) => why.into(),
            FileFailure::Failed(error) => error.into(),
        }
    }
}

/// A request that ended without a whole answer.
impl From<HttpOutcome> for Failure {
    fn from(outcome: HttpOutcome) -> Self {
        let message = outcome.to_string();
        match outcome {
            HttpOutcome::Complete => {
                Self::retryable("no_answer", "the request ended before its answer began")
            }
            HttpOutcome::Aborted => Self::retryable("request_aborted", message),
            HttpOutcome::TimedOut => Self::retryable("request_timed_out", message),
            HttpOutcome::Failed(_) => Self::retryable("request_failed", message),
            HttpOutcome::Other(_) => Self::Other(FailureDetail::new("request_failed", message)),
        }
    }
}

impl From<RequestFailure> for Failure {
    fn from(failure: RequestFailure) -> Self {
        let message = failure.to_string();
        match failure {
            RequestFailure::Refused(why) => why.into(),
            RequestFailure::Ended(outcome) => outcome.into(),
            RequestFailure::TooLarge(_) => Self::fatal("answer_too_large", message),
            RequestFailure::EventTooLarge(too_large) => too_large.into(),
        }
    }
}

impl From<EventTooLarge> for Failure {
    fn from(too_large: EventTooLarge) -> Self {
        Self::fatal("event_too_large", too_large.to_string())
    }
}

impl From<LineTooLong> for Failure {
    fn from(too_long: LineTooLong) -> Self {
        Self::fatal("line_too_long", too_long.to_string())
    }
}

impl From<StdinFull> for Failure {
    fn from(full: StdinFull) -> Self {
        Self::retryable("process_stuck", full.to_string())
    }
}

impl From<ProcessFailure> for Failure {
    fn from(failure: ProcessFailure) -> Self {
        let message = failure.to_string();
        match failure {
            ProcessFailure::Full(full) => full.into(),
            // It takes no more input: another process may.
            ProcessFailure::Refused(Why::Failed(_)) => Self::retryable("process_closed", message),
            ProcessFailure::Refused(why) => why.into(),
            ProcessFailure::TooLong(too_long) => too_long.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with it, the stable word, and the sentence.
    fn told(failure: impl Into<Failure>) -> (&'static str, String, String) {
        let (kind, detail) = match failure.into() {
            Failure::Stale(detail) => ("stale", detail),
            Failure::Retryable(detail) => ("retryable", detail),
            Failure::Fatal(detail) => ("fatal", detail),
            Failure::Other(detail) => ("other", detail),
            Failure::AuthRequired(methods) => panic!("no error of the host asks to log in: {methods:?}"),
        };
        (kind, detail.code, detail.message)
    }

    fn is(kind: &'static str, code: &str, message: &str) -> (&'static str, String, String) {
        (kind, code.to_owned(), message.to_owned())
    }

    #[test]
    fn a_refusal_keeps_its_words_and_says_whether_to_try_again() {
        let text = || "the words".to_owned();
        assert_eq!(told(Why::Denied(text())), is("fatal", "denied", "denied: the words"));
        assert_eq!(told(Why::Limit(text())), is("retryable", "over_limit", "over a limit: the words"));
        assert_eq!(told(Why::WouldBlock), is("retryable", "would_block", "the queue is full"));
        assert_eq!(told(Why::Unknown(text())), is("fatal", "unknown_handle", "unknown: the words"));
        assert_eq!(told(Why::Expired), is("retryable", "expired", "nobody answered in time"));
        assert_eq!(told(Why::Cancelled), is("retryable", "cancelled", "cancelled"));
        assert_eq!(told(Why::Failed(text())), is("fatal", "effect_failed", "the words"));
        assert_eq!(told(Why::Other(text())), is("other", "refused", "the words"));
    }

    #[test]
    fn a_file_that_failed_says_the_same_through_every_type() {
        for (error, kind, code, message) in [
            (FileError::NotFound, "fatal", "file_not_found", "there is no such file"),
            (FileError::Exists, "fatal", "file_exists", "it exists already"),
            (FileError::NotAFile, "fatal", "not_a_file", "it is not a regular file"),
            (FileError::Outside, "fatal", "file_outside", "it is outside the granted folder"),
            (FileError::TooLarge, "fatal", "file_too_large", "it is too large"),
            (FileError::Io("disk".to_owned()), "retryable", "file_io", "disk"),
            (FileError::Other("odd".to_owned()), "other", "file_failed", "odd"),
        ] {
            assert_eq!(told(error.clone()), is(kind, code, message));
            assert_eq!(told(FileFailure::Failed(error)), is(kind, code, message));
        }
        assert_eq!(told(FileFailure::Refused(Why::Expired)), told(Why::Expired));
    }

    #[test]
    fn a_request_that_failed_says_how() {
        for (outcome, kind, code, message) in [
            (HttpOutcome::Complete, "retryable", "no_answer", "the request ended before its answer began"),
            (HttpOutcome::Aborted, "retryable", "request_aborted", "the request was given up"),
            (HttpOutcome::TimedOut, "retryable", "request_timed_out", "the answer took too long"),
            (HttpOutcome::Failed("refused".to_owned()), "retryable", "request_failed", "refused"),
            (HttpOutcome::Other("odd".to_owned()), "other", "request_failed", "odd"),
        ] {
            assert_eq!(told(outcome.clone()), is(kind, code, message));
            assert_eq!(told(RequestFailure::Ended(outcome)), is(kind, code, message));
        }
        assert_eq!(told(RequestFailure::Refused(Why::Expired)), told(Why::Expired));
        let too_large = is("fatal", "answer_too_large", "the answer has more than 8 bytes");
        assert_eq!(told(RequestFailure::TooLarge(8)), too_large);
        let event = is("fatal", "event_too_large", "an event is larger than 9 bytes");
        assert_eq!(told(RequestFailure::EventTooLarge(EventTooLarge { cap: 9 })), event);
    }

    #[test]
    fn a_process_that_failed_says_how() {
        let (kind, code, message) = told(ProcessFailure::Full(StdinFull));
        assert_eq!((kind, code.as_str()), ("retryable", "process_stuck"));
        assert!(message.contains("the process does not read"), "{message}");
        let too_long = LineTooLong { cap: 8, head: "123".to_owned() };
        let words = is("fatal", "line_too_long", "a line is longer than 8 bytes");
        assert_eq!(told(ProcessFailure::TooLong(too_long)), words);
        let closed = ProcessFailure::Refused(Why::Failed("it was closed".to_owned()));
        let words = "writing to the process was refused: it was closed";
        assert_eq!(told(closed), is("retryable", "process_closed", words));
        assert_eq!(told(ProcessFailure::Refused(Why::Expired)), told(Why::Expired));
    }
}

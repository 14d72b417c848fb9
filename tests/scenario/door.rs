//! A way in, as a client of it sees it, and how each act of the story is played through it.

/// The key of somebody else.
pub(super) const OTHER_KEY: &str = "another-owner-has-a-key-of-its-own-0000";

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Something is asked, and its text streams.
    Stream,
    /// A question is answered.
    Approve,
    /// It is stopped.
    Cancel,
    /// The connection is lost in mid-stream, and made again.
    Reconnect,
    /// Two clients use the same name for a request.
    Twins,
    /// Somebody else asks about it.
    Stranger,
}

impl Act {
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "stream" => Self::Stream,
            "approve" => Self::Approve,
            "cancel" => Self::Cancel,
            "reconnect" => Self::Reconnect,
            "twins" => Self::Twins,
            "stranger" => Self::Stranger,
            other => panic!("there is no act `{other}`"),
        }
    }
}

/// What became of a prompt, as the client of a door was told.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: String,
    pub(super) text: String,
}

/// A way in. A prompt is named by its client and request.
pub(super) trait Door {
    /// Whether this can be done through it.
    fn supports(&self, act: Act) -> bool;
    /// Asks something.
    fn ask(&mut self, client: &str, request: &str, prompt: &str);
    /// Waits until some of its text was said.
    fn text(&mut self, client: &str, request: &str);
    /// Waits until it asks whether it may, and says that it may this once.
    fn allow(&mut self, client: &str, request: &str);
    /// Has it stopped.
    fn stop(&mut self, client: &str, request: &str);
    /// Waits for its end. What was heard piece by piece is what is said in the end.
    fn ended(&mut self, client: &str, request: &str) -> Told;
    /// Loses the connection, and makes it again after what was heard.
    fn again(&mut self);
    /// Somebody else asks for what a client asked: that is told to be nowhere.
    fn stranger(&mut self, client: &str, request: &str);
    /// Nobody asks any more.
    fn end(&mut self);
}

impl Door for Box<dyn Door + '_> {
    fn supports(&self, act: Act) -> bool {
        (**self).supports(act)
    }
    fn ask(&mut self, client: &str, request: &str, prompt: &str) {
        (**self).ask(client, request, prompt);
    }
    fn text(&mut self, client: &str, request: &str) {
        (**self).text(client, request);
    }
    fn allow(&mut self, client: &str, request: &str) {
        (**self).allow(client, request);
    }
    fn stop(&mut self, client: &str, request: &str) {
        (**self).stop(client, request);
    }
    fn ended(&mut self, client: &str, request: &str) -> Told {
        (**self).ended(client, request)
    }
    fn again(&mut self) {
        (**self).again();
    }
    fn stranger(&mut self, client: &str, request: &str) {
        (**self).stranger(client, request);
    }
    fn end(&mut self) {
        (**self).end();
    }
}

/// Plays an act.
pub(super) fn play(door: &mut impl Door, act: Act, prompts: &[String]) {
    let said = |prompt: &String| prompt.strip_prefix("say ").map(str::to_owned);
    match act {
        Act::Stream => {
            door.ask("one", "stream", &prompts[0]);
            door.text("one", "stream");
            done(&door.ended("one", "stream"), said(&prompts[0]));
        }
        Act::Approve => {
            door.ask("one", "approve", &prompts[0]);
            door.allow("one", "approve");
            done(&door.ended("one", "approve"), None);
        }
        Act::Cancel => {
            door.ask("one", "cancel", &prompts[0]);
            door.text("one", "cancel");
            stopped(door, "cancel");
        }
        Act::Reconnect => {
            door.ask("one", "reconnect", &prompts[0]);
            door.text("one", "reconnect");
            door.again();
            door.text("one", "reconnect");
            stopped(door, "reconnect");
        }
        Act::Twins => {
            door.ask("one", "same", &prompts[0]);
            door.ask("two", "same", &prompts[1]);
            done(&door.ended("two", "same"), said(&prompts[1]));
            done(&door.ended("one", "same"), said(&prompts[0]));
        }
        Act::Stranger => {
            door.ask("one", "mine", &prompts[0]);
            done(&door.ended("one", "mine"), said(&prompts[0]));
            door.stranger("one", "mine");
        }
    }
}

fn stopped(door: &mut impl Door, request: &str) {
    door.stop("one", request);
    let told = door.ended("one", request);
    assert_eq!(told.status, "cancelled", "{told:?}");
    assert!(!told.text.contains("never"), "{told:?}");
}

fn done(told: &Told, text: Option<String>) {
    assert_eq!(told.status, "succeeded", "{told:?}");
    if let Some(text) = text {
        assert_eq!(told.text, text);
    }
}

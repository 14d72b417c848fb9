//! What the daemon and a supervisor say to each other.
//!
//! The first message has the descriptors of the program to be and the [`Options`], as JSON behind its length. What
//! follows is one byte for an order, and one line for a word. A supervisor says the same first message to its launcher.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

use super::options::Options;

/// The descriptors of one program: standard input, output and error.
pub(crate) const DESCRIPTORS: usize = 3;
/// Bytes of the options: hundreds of folders, and less than a socket holds, so that sending never waits.
const OPTIONS_BYTES: usize = 32 * 1024;
/// Bytes of the length before the options.
const LENGTH_BYTES: usize = size_of::<u32>();

/// What the daemon orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// Ask everything to end.
    Terminate,
    /// End everything.
    Kill,
}

impl Order {
    /// The order as the byte that is sent.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Terminate => b't',
            Self::Kill => b'k',
        }
    }
}

/// What a supervisor says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// The program runs, with this process id.
    Started(i32),
    /// The program could not be started: the number of the system's error.
    Failed(i32),
    /// The program was not started: what stood in the way, as a whole sentence.
    Refused(String),
    /// So many processes were there at once that all of them are ended.
    TooMany(u32),
    /// The program ended with a code.
    Code(i32),
    /// The program was ended by a signal.
    Signal(i32),
}

impl Word {
    /// The word as the line that is sent.
    pub(crate) fn to_line(&self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Failed(errno) => format!("failed {errno}\n"),
            Self::Refused(why) => format!("refused {}\n", why.replace(['\n', '\r'], " ")),
            Self::TooMany(processes) => format!("too-many {processes}\n"),
            Self::Code(code) => format!("code {code}\n"),
            Self::Signal(signal) => format!("signal {signal}\n"),
        }
    }

    /// Reads a line.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (word, rest) = line.trim_end().split_once(' ')?;
        match word {
            "started" => rest.parse().ok().map(Self::Started),
            "failed" => rest.parse().ok().map(Self::Failed),
            "refused" => Some(Self::Refused(rest.to_owned())),
            "too-many" => rest.parse().ok().map(Self::TooMany),
            "code" => rest.parse().ok().map(Self::Code),
            "signal" => rest.parse().ok().map(Self::Signal),
            _ => None,
        }
    }
}

/// Sends the first message. It fits the socket, or it is an error: nothing waits for a reader that is not there yet.
pub(crate) fn send(
    control: &UnixStream,
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
    options: &Options,
) -> io::Result<()> {
    let options = serde_json::to_vec(options)?;
    let length = u32::try_from(options.len()).unwrap_or(u32::MAX);
    if options.len() > OPTIONS_BYTES {
        return Err(io::Error::other(format!(
            "its options have {length} bytes, and {OPTIONS_BYTES} are read; hint: name fewer folders"
        )));
    }
    let message = [&length.to_le_bytes(), options.as_slice()].concat();
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("three descriptors do not fit a message"));
    }
    control.set_nonblocking(true)?;
    let sent = sendmsg(control, &[IoSlice::new(&message)], &mut ancillary, SendFlags::empty())?;
    (&mut &*control).write_all(&message[sent..])?;
    control.set_nonblocking(false)
}

/// Receives the first message. The descriptors are not inherited by accident.
pub(crate) fn receive(control: &UnixStream) -> io::Result<([OwnedFd; DESCRIPTORS], Options)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut length = [0; LENGTH_BYTES];
    #[cfg(target_os = "linux")]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = RecvFlags::empty();
    let received = recvmsg(control, &mut [IoSliceMut::new(&mut length)], &mut ancillary, flags)?.bytes;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = message {
            descriptors.extend(some);
        }
    }
    let descriptors =
        descriptors.try_into().map_err(|_| io::Error::other("standard input is not a control socket"))?;
    (&mut &*control).read_exact(&mut length[received..])?;
    let length = u32::from_le_bytes(length) as usize;
    if length > OPTIONS_BYTES {
        return Err(io::Error::other("the options are too long"));
    }
    let mut options = vec![0; length];
    (&mut &*control).read_exact(&mut options)?;
    Ok((descriptors, serde_json::from_slice(&options)?))
}

/// Receives one order; none when the daemon is gone.
pub(crate) fn receive_order(control: &UnixStream) -> Option<Order> {
    let mut byte = [0];
    match (&mut &*control).read(&mut byte) {
        Ok(1) if byte[0] == Order::Terminate.byte() => Some(Order::Terminate),
        Ok(1) => Some(Order::Kill),
        Ok(_) | Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    use super::super::options::{Belongings, Confinement, Role};
    use super::*;
    use crate::registration::ProcessLimits;

    fn options(read: Vec<PathBuf>) -> Options {
        Options {
            role: Role::Supervise,
            limits: ProcessLimits {
                processes: 7,
                open_files: Some(8),
                memory_bytes: None,
                file_bytes: Some(u64::MAX),
            },
            belongings: Belongings { group: Some("/g".into()), scratch: Some("/s p".into()) },
            confinement: Some(Confinement {
                folder: "/f".into(),
                state: vec!["/ä".into()],
                read,
                known: vec!["/k".into()],
                private: Vec::new(),
            }),
        }
    }

    #[test]
    fn words_are_read_as_they_were_said() {
        let refused = Word::Refused("no `x`; hint: y".to_owned());
        for word in
            [Word::Started(1), Word::Failed(2), Word::Code(-3), Word::Signal(9), Word::TooMany(65), refused]
        {
            assert_eq!(Word::read(&word.to_line()), Some(word));
        }
        assert_eq!(Word::read("nonsense"), None);
        assert_eq!(Word::read("code nonsense"), None);
        assert_eq!(Word::Refused("two\nlines".to_owned()).to_line(), "refused two lines\n");
    }

    #[test]
    fn descriptors_arrive_open_and_options_as_they_were() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let fd = writer.as_fd();
        send(&ours, [fd, fd, fd], &options(Vec::new())).unwrap();
        (&mut &ours).write_all(b"k").unwrap();
        drop(writer);
        let ([first, second, third], received) = receive(&theirs).unwrap();
        drop((second, third));
        std::fs::File::from(first).write_all(b"hi").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi");
        assert_eq!(received, options(Vec::new()));
        assert_eq!(receive_order(&theirs), Some(Order::Kill), "what follows the message is not part of it");
    }

    #[test]
    fn options_of_any_length_are_sent_or_refused() {
        let stdin = io::stdin();
        let fd = stdin.as_fd();
        let (ours, theirs) = UnixStream::pair().unwrap();
        let long = options(vec![PathBuf::from("x".repeat(OPTIONS_BYTES - 500))]);
        send(&ours, [fd, fd, fd], &long).unwrap();
        assert_eq!(receive(&theirs).unwrap().1, long);
        let too_long = options(vec![PathBuf::from("x".repeat(OPTIONS_BYTES))]);
        let error = send(&ours, [fd, fd, fd], &too_long).unwrap_err();
        assert!(error.to_string().contains("hint: "), "{error}");
        (&mut &ours).write_all(&[0; 64]).unwrap();
        assert!(receive(&theirs).is_err(), "a message without descriptors is none");
    }
}

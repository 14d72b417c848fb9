//! What the daemon and a supervisor say to each other.

use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// The descriptors of one program: standard input, output and error.
const DESCRIPTORS: usize = 3;
/// The byte that carries them: a message needs one.
const CARRIER: u8 = b'f';

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// The program runs, with this process id.
    Started(i32),
    /// The program could not be started: the number of the system's error.
    Failed(i32),
    /// The program ended with a code.
    Code(i32),
    /// The program was ended by a signal.
    Signal(i32),
}

impl Word {
    /// The word as the line that is sent.
    pub(crate) fn to_line(self) -> String {
        match self {
            Self::Started(pid) => format!("started {pid}\n"),
            Self::Failed(errno) => format!("failed {errno}\n"),
            Self::Code(code) => format!("code {code}\n"),
            Self::Signal(signal) => format!("signal {signal}\n"),
        }
    }

    /// Reads a line.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let (word, number) = line.trim_end().split_once(' ')?;
        let number = number.parse().ok()?;
        match word {
            "started" => Some(Self::Started(number)),
            "failed" => Some(Self::Failed(number)),
            "code" => Some(Self::Code(number)),
            "signal" => Some(Self::Signal(number)),
            _ => None,
        }
    }
}

/// Sends the descriptors of the program to be.
pub(crate) fn send_descriptors(
    control: &UnixStream,
    descriptors: [BorrowedFd<'_>; DESCRIPTORS],
) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !ancillary.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("three descriptors do not fit a message"));
    }
    sendmsg(control, &[IoSlice::new(&[CARRIER])], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// Receives the descriptors of the program to be. They are not inherited by accident.
pub(crate) fn receive_descriptors(control: &UnixStream) -> io::Result<[OwnedFd; DESCRIPTORS]> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut carrier = [0];
    #[cfg(target_os = "linux")]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(not(target_os = "linux"))]
    let flags = RecvFlags::empty();
    recvmsg(control, &mut [IoSliceMut::new(&mut carrier)], &mut ancillary, flags)?;
    let mut received = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            received.extend(descriptors);
        }
    }
    received.try_into().map_err(|_| io::Error::other("standard input is not a control socket"))
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
    use super::*;

    #[test]
    fn words_are_read_as_they_were_said() {
        for word in [Word::Started(1), Word::Failed(2), Word::Code(-3), Word::Signal(9)] {
            assert_eq!(Word::read(&word.to_line()), Some(word));
        }
        assert_eq!(Word::read("nonsense"), None);
    }

    #[test]
    fn descriptors_arrive_open() {
        use std::io::Write;
        let (ours, theirs) = UnixStream::pair().unwrap();
        let (mut reader, writer) = io::pipe().unwrap();
        let fd = std::os::fd::AsFd::as_fd(&writer);
        send_descriptors(&ours, [fd, fd, fd]).unwrap();
        drop(writer);
        let [first, second, third] = receive_descriptors(&theirs).unwrap();
        drop((second, third));
        std::fs::File::from(first).write_all(b"hi").unwrap();
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hi");
    }
}

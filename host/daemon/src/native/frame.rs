//! A frame of native messaging: four bytes in the order of the machine that say how long it is, then JSON.

use std::io::{ErrorKind, Read, Write};

/// Bytes of a frame from the browser, at most: what browsers keep to.
pub(super) const IN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Bytes of a frame to the browser, at most: a little less than the 1,048,576 beyond which it ends the host.
pub(super) const OUT_BYTES_MAX: usize = 1_000_000;

/// Why there is no frame.
#[derive(Debug, thiserror::Error)]
pub(super) enum FrameError {
    /// It is longer than browsers send: what follows cannot be told from it.
    #[error("a message has {0} bytes, more than {IN_BYTES_MAX}; the connection ends")]
    TooLong(u32),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Reads the next frame; none at the end, also where that comes in the middle of one.
pub(super) fn read(from: &mut impl Read) -> Result<Option<Vec<u8>>, FrameError> {
    let mut length = [0; 4];
    match from.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_ne_bytes(length);
    let too_long = || FrameError::TooLong(length);
    let bytes = usize::try_from(length).ok().filter(|bytes| *bytes <= IN_BYTES_MAX).ok_or_else(too_long)?;
    // Room is made as they come, not as they are announced.
    let mut frame = Vec::new();
    from.take(u64::from(length)).read_to_end(&mut frame)?;
    Ok((frame.len() == bytes).then_some(frame))
}

/// Writes a frame at once.
pub(super) fn write(to: &mut impl Write, json: &str) -> std::io::Result<()> {
    let length = u32::try_from(json.len()).map_err(|_| std::io::Error::from(ErrorKind::InvalidInput))?;
    let mut frame = Vec::with_capacity(json.len() + 4);
    frame.extend_from_slice(&length.to_ne_bytes());
    frame.extend_from_slice(json.as_bytes());
    to.write_all(&frame)?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives its bytes in pieces of these sizes, one after the other and again.
    struct Pieces<'b> {
        bytes: &'b [u8],
        sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
    }

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let size = self.sizes.next().unwrap_or(1).min(self.bytes.len()).min(buffer.len());
            buffer[..size].copy_from_slice(&self.bytes[..size]);
            self.bytes = &self.bytes[size..];
            Ok(size)
        }
    }

    fn pieces(bytes: &[u8], sizes: Vec<usize>) -> Pieces<'_> {
        Pieces { bytes, sizes: sizes.into_iter().cycle() }
    }

    proptest! {
        #[test]
        fn frames_are_read_as_they_were_written_however_the_bytes_come(
            messages in proptest::collection::vec(".{0,80}", 0..6),
            sizes in proptest::collection::vec(1_usize..40, 1..5),
            cut in 0_usize..100,
        ) {
            let mut bytes = Vec::new();
            for message in &messages {
                write(&mut bytes, message).unwrap();
            }
            let mut whole = pieces(&bytes, sizes.clone());
            for message in &messages {
                prop_assert_eq!(read(&mut whole).unwrap().unwrap(), message.as_bytes());
            }
            prop_assert!(read(&mut whole).unwrap().is_none());

            // A browser that goes away in the middle leaves nothing half.
            let cut = bytes.len().saturating_sub(cut);
            let mut half = pieces(&bytes[..cut], sizes);
            let mut count = 0;
            while let Some(frame) = read(&mut half).unwrap() {
                prop_assert_eq!(frame, messages[count].as_bytes());
                count += 1;
            }
            prop_assert!(count <= messages.len());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut from = bytes.as_slice();
            while let Ok(Some(_)) = read(&mut from) {}
        }
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let too_long = u32::try_from(IN_BYTES_MAX + 1).unwrap();
        let mut from = &too_long.to_ne_bytes()[..];
        let refused = read(&mut from).unwrap_err().to_string();
        assert!(refused.contains(&too_long.to_string()) && refused.contains("ends"), "{refused}");
    }
}

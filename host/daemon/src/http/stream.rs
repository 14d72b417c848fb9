//! A file as the body of an answer: read a piece at a time, as the client takes it.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::{Body, Bytes};

/// Bytes that are read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// The bytes of a file. One that cannot be read on ends the connection, so that nobody takes a part for the whole.
pub(super) fn of(file: File) -> Body {
    Body::from_stream(futures_util::stream::unfold(Some(file), |file| async move {
        let mut file = file?;
        match tokio::task::block_in_place(|| piece(&mut file)) {
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => Some((Ok(piece), Some(file))),
            Err(error) => Some((Err(error), None)),
        }
    }))
}

fn piece(file: &mut File) -> io::Result<Bytes> {
    let mut bytes = vec![0; PIECE_BYTES];
    let count = file.read(&mut bytes)?;
    bytes.truncate(count);
    Ok(bytes.into())
}

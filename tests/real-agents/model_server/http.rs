//! As much of HTTP/1.1 as the agents' clients need: one request for each connection, answers that end with it.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How often a reader that waits looks whether the server stops.
const READ_PATIENCE: Duration = Duration::from_millis(200);

/// Longest request line or header: agents send tokens and user agents, no more.
const MAX_LINE: usize = 64 * 1024;

/// Longest body: the whole conversation and every tool's schema, about 200 KB in practice.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// Most headers of a request, and most chunks of a body.
const MAX_PARTS: usize = 10_000;

/// The path with its query, and the body as JSON. Fails when the client leaves or `stopping` says so.
pub(super) fn read_request(
    stream: &mut TcpStream,
    stopping: impl Fn() -> bool,
) -> io::Result<(String, Value)> {
    stream.set_read_timeout(Some(READ_PATIENCE))?;
    let mut reader = BufReader::new(Patient { stream: stream.try_clone()?, stopping });
    let first = read_line(&mut reader)?;
    let path = first.split(' ').nth(1).ok_or(ErrorKind::InvalidData)?.to_owned();
    let mut length = 0;
    let mut chunked = false;
    for _ in 0..MAX_PARTS {
        let line = read_line(&mut reader)?;
        let Some((name, value)) = line.split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().map_err(|_| ErrorKind::InvalidData)?,
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "expect" => stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?,
            _ => {}
        }
    }
    let body = if chunked { read_chunks(&mut reader)? } else { read_exactly(&mut reader, length)? };
    Ok((path, serde_json::from_slice(&body).unwrap_or(Value::Null)))
}

/// Writes a whole JSON answer.
pub(super) fn write_json(stream: &mut TcpStream, status: &str, body: &Value) -> io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}

/// Writes the head of an event stream, which ends with the connection.
pub(super) fn start_events(stream: &mut TcpStream) -> io::Result<()> {
    // Each event is one small write that must not wait for the next.
    stream.set_nodelay(true)?;
    stream.write_all(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
          Connection: close\r\n\r\n",
    )
}

/// Writes one event; a body with a `type` is also named by it.
pub(super) fn write_event(stream: &mut TcpStream, body: &Value) -> io::Result<()> {
    let event = match body.get("type").and_then(Value::as_str) {
        Some(name) => format!("event: {name}\r\ndata: {body}\r\n\r\n"),
        None => format!("data: {body}\r\n\r\n"),
    };
    stream.write_all(event.as_bytes())
}

fn read_line(reader: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    reader.take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let line = String::from_utf8(line).map_err(|_| ErrorKind::InvalidData)?;
    Ok(line.trim_end().to_owned())
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> io::Result<Vec<u8>> {
    if length > MAX_BODY {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    for _ in 0..MAX_PARTS {
        let size = read_line(reader)?;
        let size = size.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| ErrorKind::InvalidData)?;
        body.extend(read_exactly(reader, size)?);
        read_line(reader)?;
        if body.len() > MAX_BODY {
            return Err(ErrorKind::InvalidData.into());
        }
        if size == 0 {
            return Ok(body);
        }
    }
    Err(ErrorKind::InvalidData.into())
}

/// A stream whose reads wait until there is something, the client left, or the server stops.
struct Patient<F> {
    stream: TcpStream,
    stopping: F,
}

impl<F: Fn() -> bool> Read for Patient<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.stream.read(buffer) {
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    if (self.stopping)() {
                        return Err(ErrorKind::ConnectionAborted.into());
                    }
                }
                other => return other,
            }
        }
    }
}

//! `/v1/ws`: wire v2 over a WebSocket, one message a text frame. Closing it changes no run.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Extension;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::http::HeaderValue;
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::guard::KEY_PROTOCOL;
use super::patient::WRITE_PATIENCE;
use super::room::Seat;
use crate::connection::Connection;
use crate::surface::Surface;
use crate::wire::Outbound;

/// The name of what is spoken, for a client that offers protocols.
const PROTOCOL: HeaderValue = HeaderValue::from_static("omi.v2");
/// Bytes of one message: a prompt with a picture in it, as on standard input.
const MESSAGE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Messages that wait to be read or written; then the other side waits.
const QUEUE_MAX: usize = 256;
/// How often a client is asked whether it is still there.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long a client may say nothing, not even that it is still there. One that reads slowly is asked late.
const SILENCE_MAX: Duration = Duration::from_mins(5);

pub(super) async fn upgrade(
    Extension(surface): Extension<Surface>,
    Extension(seat): Extension<Arc<Seat>>,
    mut upgrade: WebSocketUpgrade,
) -> Response {
    let offers =
        |upgrade: &WebSocketUpgrade| upgrade.requested_protocols().any(|offered| offered == PROTOCOL);
    let names_key = upgrade
        .requested_protocols()
        .any(|offered| offered.to_str().is_ok_and(|offered| offered.starts_with(KEY_PROTOCOL)));
    // A browser wants one of the protocols that it offered, and the key is none that is said again.
    if offers(&upgrade) || names_key {
        upgrade.set_selected_protocol(PROTOCOL);
    }
    upgrade
        .max_message_size(MESSAGE_BYTES_MAX)
        .max_frame_size(MESSAGE_BYTES_MAX)
        .on_upgrade(|socket| serve(surface, socket, seat))
}

async fn serve(surface: Surface, socket: WebSocket, seat: Arc<Seat>) {
    let (sink, stream) = socket.split();
    let (messages, to_write) = mpsc::channel(QUEUE_MAX);
    let (lines, to_take) = mpsc::channel(QUEUE_MAX);
    let connection = Connection::new(surface, messages);
    let mut writer = tokio::spawn(write(sink, to_write, seat.clone()));
    let reader = tokio::spawn(read(stream, lines));
    let unread = async {
        // Whoever reads nothing any more has nothing to say either.
        let _ = (&mut writer).await;
    };
    let over = async {
        tokio::select! {
            () = unread => {}
            () = seat.ended() => {}
        }
    };
    let tasks = connection.serve(to_take, over).await;
    reader.abort();
    if seat.is_over() {
        // What became of everything is told to the end.
        tasks.join_all().await;
    } else {
        drop(tasks);
    }
    drop(connection);
    if !writer.is_finished() {
        // What was said last is written, as far as it is read.
        let _ = writer.await;
    }
}

/// Hands what the client says to the connection, and waits where that does.
async fn read(mut stream: SplitStream<WebSocket>, lines: mpsc::Sender<Result<String, String>>) {
    while let Ok(Some(Ok(message))) = tokio::time::timeout(SILENCE_MAX, stream.next()).await {
        let line = match message {
            Message::Text(text) => Ok(text.as_str().to_owned()),
            Message::Binary(_) => Err("a message is not text".to_owned()),
            Message::Ping(_) | Message::Pong(_) => continue,
            Message::Close(_) => return,
        };
        if lines.send(line).await.is_err() {
            return;
        }
    }
}

/// Writes what is to be said, until there is nothing more or nobody reads it.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut messages: mpsc::Receiver<Outbound>,
    seat: Arc<Seat>,
) {
    let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    loop {
        let message = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => Message::Text(message.to_string().into()),
                None => break,
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        match tokio::time::timeout(WRITE_PATIENCE, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return,
        }
    }
    let code = if seat.is_over() { close_code::AWAY } else { close_code::NORMAL };
    let goodbye = CloseFrame { code, reason: "".into() };
    // It may be gone.
    let _ = tokio::time::timeout(WRITE_PATIENCE, sink.send(Message::Close(Some(goodbye)))).await;
}

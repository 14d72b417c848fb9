//! MCP as its messages are: over a stream, and over HTTP with the owner that each request brings.

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use omi_kernel::id::OwnerId;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, ReadHalf, WriteHalf};

use super::http::streamable_http;
use super::server::{Door, Server};
use crate::prompt::owner;
use crate::tool::house::House;

/// A client at the other end of a stream.
struct Client {
    read: BufReader<ReadHalf<DuplexStream>>,
    write: WriteHalf<DuplexStream>,
}

impl Client {
    async fn start(house: &House) -> (Self, tokio::task::JoinHandle<Result<(), String>>) {
        let (ours, theirs) = tokio::io::duplex(1024 * 1024);
        let (read, write) = tokio::io::split(theirs);
        let server = Server::new(Door::Stream(house.context()));
        let served = tokio::spawn(super::stream::serve(server, read, write));
        let (read, write) = tokio::io::split(ours);
        let mut client = Self { read: BufReader::new(read), write };
        let began = client.ask("initialize", initialize()).await;
        assert_eq!(began["result"]["serverInfo"]["name"], "omi-agentd", "{began}");
        client.say(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        (client, served)
    }

    async fn say(&mut self, message: &Value) {
        self.write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.say(&json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params })).await;
        let mut line = String::new();
        self.read.read_line(&mut line).await.unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn call(&mut self, name: &str, input: Value) -> Value {
        self.ask("tools/call", json!({ "name": name, "arguments": input })).await
    }
}

fn initialize() -> Value {
    json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tools_are_listed_and_called_over_a_stream() {
    let house = House::new("");
    let made = house.echo("hello").await;
    let (mut client, served) = Client::start(&house).await;
    let listed = client.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<&str> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, crate::tool::names());
    assert_eq!(tools[0]["annotations"]["readOnlyHint"], true);
    assert_eq!(tools[1]["inputSchema"]["required"], json!(["runId"]));

    let called = client.call("get_agent_run", json!({ "runId": made.run })).await;
    let result = &called["result"];
    assert_eq!((&result["isError"], &result["structuredContent"]["ok"]), (&json!(false), &json!(true)));
    assert_eq!(result["structuredContent"]["run"]["finalText"], "hello");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"], "the same as text");

    let wrong = client.call("get_agent_run", json!({ "runId": 1 })).await;
    assert_eq!(wrong["result"]["isError"], true, "{wrong}");
    assert_eq!(wrong["result"]["structuredContent"]["error"]["code"], "invalid_tool_input");
    let unknown = client.call("spawn_agent", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    drop(client);
    served.await.unwrap().unwrap();
    house.end().await;
}

#[tokio::test]
async fn who_goes_before_saying_anything_is_no_failure() {
    let house = House::new("");
    let (ours, theirs) = tokio::io::duplex(64);
    drop(ours);
    let (read, write) = tokio::io::split(theirs);
    super::stream::serve(Server::new(Door::Stream(house.context())), read, write).await.unwrap();
    house.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http_each_request_is_for_its_own_owner() {
    let house = House::new("");
    let made = house.echo("hello").await;
    let service = streamable_http(house.surface());
    // It can be mounted.
    let _router: axum::Router = axum::Router::new().nest_service("/mcp", service.clone());
    let post = |owner: Option<OwnerId>, method: &str, params: Value| {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let mut request = Request::post("/mcp")
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(Body::from(message.to_string()))
            .unwrap();
        if let Some(owner) = owner {
            request.extensions_mut().insert(owner);
        }
        let service = service.clone();
        async move {
            let response = service.handle(request).await;
            let status = response.status();
            let body = to_bytes(Body::new(response.into_body()), 1024 * 1024).await.unwrap();
            assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
            serde_json::from_slice::<Value>(&body).unwrap()
        }
    };
    let began = post(Some(owner()), "initialize", initialize()).await;
    assert_eq!(began["result"]["serverInfo"]["name"], "omi-agentd", "{began}");
    let listed = post(Some(owner()), "tools/list", json!({})).await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), crate::tool::names().len());
    let get = json!({ "name": "get_agent_run", "arguments": { "runId": made.run } });
    let mine = post(Some(owner()), "tools/call", get.clone()).await;
    assert_eq!(mine["result"]["structuredContent"]["run"]["finalText"], "hello", "{mine}");
    let theirs = post(Some(OwnerId("stranger".into())), "tools/call", get.clone()).await;
    assert_eq!(theirs["result"]["structuredContent"]["error"]["code"], "not_found", "{theirs}");
    let nobody = post(None, "tools/call", get).await;
    assert!(nobody["error"]["message"].as_str().unwrap().contains("not authenticated"), "{nobody}");
    house.end().await;
}

// Asks, answers what it is asked, and tells the test what it hears. `joined` comes from the documentation, REPORT and
// WORK from the test.
importScripts("joined.js", "report.js");

const port = chrome.runtime.connectNative("app.omi.agentd");
let chunks = 0;
let told = Promise.resolve();

// One after the other, so that they arrive in order.
function tell(what) {
  told = told.then(() => fetch(REPORT, { method: "POST", body: JSON.stringify(what) })).catch(() => {});
}

function ask(type, requestId, fields) {
  port.postMessage({ type, protocolVersion: 2, clientId: "chromium", requestId, ...fields });
}

const receive = joined((message) => {
  switch (message.type) {
    case "init":
      tell({ heard: "init", protocolVersion: message.protocolVersion });
      ask("query", "a", { adapterId: "tester", prompt: "write out.txt written\nbig 1500000", cwd: WORK });
      break;
    case "approval_requested":
      tell({ heard: "approval", title: message.title });
      ask("approval_decision", "a", { approval: message.approval, optionId: "allow" });
      break;
    case "result":
      tell({ heard: "result", status: message.terminalStatus, characters: message.text.length, chunks });
      break;
    case "error":
      tell({ heard: "error", message: message.message });
      break;
  }
});

port.onMessage.addListener((message) => {
  if (message.type === "chunk") chunks += 1;
  receive(message);
});
port.onDisconnect.addListener(() => tell({ heard: "disconnect", why: chrome.runtime.lastError?.message }));

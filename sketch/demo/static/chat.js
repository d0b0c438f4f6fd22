"use strict";

const $ = (id) => document.getElementById(id);
const room = location.pathname.split("/").pop();
const LONGEST_WAIT = 10000;

let socket = null;
let own = "";
let waits = 0;
let retry = 0;

$("room").textContent = room;
document.title = `${room} – chat on sketch`;
$("name").value = sessionStorage.getItem("name") ?? `Guest ${100 + Math.floor(Math.random() * 900)}`;

function state(name, text) {
  $("state").dataset.state = name;
  $("state").textContent = text;
}

// -- what is said ------------------------------------------------------------------------------------------------------

function element(tag, className, text) {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text; // never markup, whatever a member writes
  return made;
}

function add(entry) {
  const log = $("log");
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
  log.append(entry);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function said({ id, name, text, at }) {
  const entry = element("li", "said", "");
  entry.classList.toggle("own", id === own);
  entry.classList.add(`hue-${parseInt(id, 16) % 8}`);
  const face = element("span", "face", [...name][0].toUpperCase());
  face.ariaHidden = "true";
  const time = new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const who = element("span", "who", "");
  who.append(element("b", "", name), ` ${time}`);
  entry.append(face, who, element("span", "text", text));
  add(entry);
}

function note(text) {
  add(element("li", "note", text));
}

function heard(event) {
  if (event.kind === "you") {
    own = event.id;
    $("log").replaceChildren(); // what was said before comes again
    return;
  }
  if (event.kind === "said") said(event);
  else note(event.id === own && event.kind === "joined" ? "You are in." : `${event.name} has ${event.kind}.`);
  $("people").replaceChildren(...event.people.map((name) => element("li", "", name)));
}

// -- the websocket -----------------------------------------------------------------------------------------------------

function connect() {
  clearTimeout(retry);
  const url = new URL(location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ name: $("name").value });
  url.hash = "";
  const current = new WebSocket(url);
  socket = current;
  state("waiting", "connecting");
  current.onopen = () => {
    waits = 0;
    state("open", "connected");
  };
  current.onmessage = (message) => heard(JSON.parse(message.data));
  current.onclose = (end) => {
    if (current !== socket) return; // there is a newer one
    const seconds = Math.min(LONGEST_WAIT, 250 * 2 ** waits++);
    const reason = end.reason || (end.code === 1006 ? "no connection" : `closed with ${end.code}`);
    state("closed", `${reason}, trying again`);
    $("people").replaceChildren();
    retry = setTimeout(connect, seconds);
  };
}

$("say").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (!text || socket?.readyState !== WebSocket.OPEN) return; // it stays in the field
  socket.send(text);
  $("text").value = "";
});

$("me").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("name", $("name").value);
  const old = socket;
  connect();
  old.close(1000, "another name");
  $("text").focus();
});

// A browser may keep a page that was left, with its connection, to show it again.
addEventListener("pagehide", () => {
  clearTimeout(retry);
  const old = socket;
  socket = null;
  old.close(1000, "left");
});

addEventListener("pageshow", (event) => {
  if (event.persisted) connect();
});

addEventListener("resize", () => {
  $("log").scrollTop = $("log").scrollHeight;
});

connect();
$("text").focus();

"use strict";

const output = (name) => document.querySelector(`[data-result="${name}"]`);

function show(name, text, bad = false) {
  const element = output(name);
  element.dataset.state = bad ? "bad" : "good";
  element.textContent = text;
}

// Runs `action` when the form is submitted, with the button that did it; what goes wrong is shown, not swallowed.
function on(name, action) {
  document.getElementById(name).addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await action(event.submitter, event.target);
    } catch (error) {
      show(name, `No answer: ${error.message}. Does the server still run?`, true);
    }
  });
}

async function answer(name, response) {
  const text = await response.text();
  show(name, `${response.status}  ${text.trim()}`, !response.ok);
}

on("hello", async (button, form) => {
  await answer("hello", await fetch(`/hello/${encodeURIComponent(form.elements.name.value)}`));
});

on("json", async () => {
  const response = await fetch("/json");
  show("json", `${response.status}  ${JSON.stringify(await response.json(), null, 2)}`, !response.ok);
});

on("upload", async (button, form) => {
  const body = form.elements.file.files[0] ?? new Blob([new Uint8Array(1024 * 1024)]);
  show("upload", `sending ${body.size.toLocaleString("en")} bytes ...`);
  await answer("upload", await fetch("/upload", { method: "POST", body }));
});

on("error", async (button) => {
  const [method, path] = button.value.split(" ");
  await answer("error", await fetch(path, { method }));
});

let ticking = null;

on("clock", async (button) => {
  if (ticking) {
    ticking.abort();
    return;
  }
  ticking = new AbortController();
  button.textContent = "Stop";
  try {
    const response = await fetch("/clock", { signal: ticking.signal });
    const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await lines.read(); !part.done; part = await lines.read()) {
      show("clock", part.value.trim().split("\n").pop());
    }
    show("clock", "The server ended the stream.");
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    ticking = null;
    button.textContent = "Start";
  }
});

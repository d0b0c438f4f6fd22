"use strict";
// The forms of the reference page. The page can be read without this script; it adds the filter and, in each operation
// that is opened, a form that sends a request. Texts reach the page as text only (textContent, value), never as markup.
// What is typed stays in its field: nothing is stored, and neither the address of the page nor a curl line holds a credential.

const ORIGIN = location.origin; // `fetch` takes no address with a password in it, as that of this page may have
const BASE = document.documentElement.dataset.base;
const SHOWN = 1 << 20; // bytes of an answer that are shown
let loading;

/** The document, loaded once it is needed. */
function load() {
  loading ??= fetch(ORIGIN + document.documentElement.dataset.document).then((answer) => {
    if (!answer.ok) throw new Error(`the document was answered with ${answer.status}`);
    return answer.json();
  });
  loading.catch(() => { loading = undefined; }); // the next operation that is opened tries again
  return loading;
}

/** An element with attributes and content. */
function make(name, attributes = {}, ...content) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...content);
  return element;
}

/** The part of the document that another one refers to. */
function resolve(api, part) {
  for (let steps = 0; part?.$ref && steps < 10; steps += 1) {
    const names = part.$ref.slice(2).split("/").map((name) => decodeURIComponent(name).replaceAll("~1", "/").replaceAll("~0", "~"));
    part = names.reduce((found, name) => found?.[name], api);
  }
  return part ?? {};
}

// -- values ----------------------------------------------------------------------------------------------------------

/** The schema that a value most probably has: without null, the first of several. */
function plain(api, schema) {
  schema = resolve(api, schema);
  for (let steps = 0; steps < 10; steps += 1) {
    const choices = schema.anyOf ?? schema.oneOf ?? (schema.allOf?.length === 1 ? schema.allOf : undefined);
    if (!choices) break;
    const chosen = choices.map((choice) => resolve(api, choice)).find((choice) => choice.type !== "null");
    const { anyOf, oneOf, allOf, ...rest } = schema;
    schema = { ...(chosen ?? {}), ...rest };
  }
  return schema;
}

const kindOf = (schema) => (Array.isArray(schema.type) ? schema.type.find((name) => name !== "null") : schema.type);

const FORMATS = {
  date: "2026-01-31", "date-time": "2026-01-31T12:00:00Z", time: "12:00:00", duration: "PT1H",
  uuid: "00000000-0000-4000-8000-000000000000", email: "name@example.org", uri: "https://example.org/",
};

/** A number that a schema describes: the least one, zero without bounds. Off a bound that is left out by a step. */
function least({ minimum, exclusiveMinimum, maximum, exclusiveMaximum }, step) {
  if (minimum !== undefined) return minimum;
  if (exclusiveMinimum !== undefined) return exclusiveMinimum + step;
  return Math.min(0, maximum ?? Infinity, (exclusiveMaximum ?? Infinity) - step);
}

/** A value that a schema describes, to begin with. */
function example(api, schema, depth = 0) {
  schema = plain(api, schema);
  if (schema.examples?.length) return schema.examples[0];
  for (const key of ["example", "default", "const"]) if (schema[key] !== undefined) return schema[key];
  if (schema.enum) return schema.enum[0];
  if (schema.allOf) return Object.assign({}, ...schema.allOf.map((part) => example(api, part, depth + 1)));
  switch (kindOf(schema) ?? (schema.properties ? "object" : undefined)) {
    case "object": {
      if (depth > 5) return {};
      const names = Object.entries(schema.properties ?? {}).filter(([, part]) => !resolve(api, part).readOnly);
      return Object.fromEntries(names.map(([name, part]) => [name, example(api, part, depth + 1)]));
    }
    case "array": {
      const items = schema.prefixItems ?? (schema.items && depth < 5 ? [schema.items] : []);
      const begin = items.map((part) => example(api, part, depth + 1));
      const more = schema.items && begin.length ? Math.min(schema.minItems ?? 0, 10) - begin.length : 0;
      return begin.concat(Array(Math.max(0, more)).fill(begin[0]));
    }
    case "integer": return Math.ceil(least(schema, 1));
    case "number": return least(schema, 0.5);
    case "boolean": return true;
    case "string": return FORMATS[schema.format] ?? "".padEnd(Math.min(schema.minLength ?? 0, 100), "x");
    default: return null;
  }
}

const isFile = (schema) => kindOf(schema) === "string" && ("contentMediaType" in schema || schema.format === "binary");

// -- fields ----------------------------------------------------------------------------------------------------------

let fields = 0;

/** The element in which a value of a schema is typed. */
function control(api, schema, { required = false } = {}) {
  const several = kindOf(plain(api, schema)) === "array";
  const inner = several ? plain(api, plain(api, schema).items ?? {}) : plain(api, schema);
  if (isFile(inner)) return make("input", { type: "file", multiple: several });
  if (several) return make("textarea", { rows: 2, placeholder: "one value a line" });
  const values = inner.enum ?? (kindOf(inner) === "boolean" ? [true, false] : undefined);
  if (values) return make("select", { required }, make("option", { value: "" }, ""), ...values.map((value) => make("option", {}, String(value))));
  return make("input", { type: inner.format === "password" ? "password" : "text", autocomplete: "off", spellcheck: "false", required });
}

/** A field with its label. `about` stands under the name. */
function field(name, about, element) {
  element.id = `field-${(fields += 1)}`;
  const label = make("label", { for: element.id }, name, make("small", {}, about));
  return make("div", { class: "field" }, label, element);
}

/** The values of a field as texts or files; an empty field has none. */
function valuesOf(element) {
  if (element.type === "file") return [...element.files];
  if (element.localName === "textarea") return element.value.split("\n").filter((line) => line !== "");
  return element.value === "" ? [] : [element.value];
}

/** A field for each parameter. */
function parameterFields(api, parameters) {
  return parameters.map((parameter) => {
    const schema = parameter.schema ?? {};
    const element = control(api, schema, { required: parameter.in === "path" });
    if (parameter.in === "path" && element.type === "text") {
      element.pattern = "(?!\\.\\.?$).*"; // these lead to the path of another operation before they are sent
      element.title = "Any text but . and ..";
    }
    const begin = parameter.example ?? Object.values(parameter.examples ?? {})[0]?.value ?? plain(api, schema).examples?.[0];
    if (begin !== undefined && element.type !== "file") element.value = String(begin);
    const about = parameter.required ? `${parameter.in}, required` : parameter.in;
    return { parameter, element, row: field(parameter.name, about, element) };
  });
}

// -- bodies ----------------------------------------------------------------------------------------------------------

const isJSON = (type) => /^application\/(.+\+)?json\b/i.test(type);
const isForm = (type) => /^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type);

/** The fields of a body of one media type, and how to read them: null is no body. */
function bodyOf(api, type, media) {
  const schema = plain(api, media.schema ?? {});
  if (isForm(type)) return formBody(api, type, schema);
  if (!isJSON(type) && !type.startsWith("text/")) {
    const element = make("input", { type: "file" });
    return { rows: [field("body", type, element)], read: () => element.files[0] ?? null };
  }
  const begin = media.example ?? Object.values(media.examples ?? {})[0]?.value ?? example(api, media.schema ?? {});
  const text = typeof begin === "string" && !isJSON(type) ? begin : JSON.stringify(begin, null, 2);
  const element = make("textarea", { rows: Math.min(16, text.split("\n").length + 1), spellcheck: "false" });
  element.value = text;
  return { rows: [field("body", type, element)], read: () => (element.value === "" ? null : element.value) };
}

function formBody(api, type, schema) {
  const parts = Object.entries(schema.properties ?? {}).map(([name, part]) => {
    const element = control(api, part);
    const about = schema.required?.includes(name) ? "form, required" : "form";
    return { name, element, row: field(name, about, element) };
  });
  const read = () => parts.flatMap(({ name, element }) => valuesOf(element).map((value) => [name, value]));
  return { rows: parts.map((part) => part.row), read };
}

// -- credentials -----------------------------------------------------------------------------------------------------

const credentials = new Map(); // the name of a scheme → a function: the request's fields, with the secret and without

/** How a scheme shows itself in a request. */
function proof(scheme, secret) {
  const name = { basic: "Basic", bearer: "Bearer" }[scheme.scheme?.toLowerCase()] ?? scheme.scheme;
  if (scheme.type === "apiKey") return { place: scheme.in, name: scheme.name, value: secret(), shown: "$KEY" };
  const value = name === "Basic" ? btoa(String.fromCharCode(...new TextEncoder().encode(secret()))) : secret();
  return { place: "header", name: "Authorization", value: `${name ?? "Bearer"} ${value}`, shown: `${name ?? "Bearer"} $TOKEN` };
}

/** The fields for credentials, once for the whole page. */
function addCredentials(api) {
  const schemes = Object.entries(api.components?.securitySchemes ?? {});
  if (!schemes.length || credentials.size) return;
  const rows = schemes.map(([name, part]) => {
    const scheme = resolve(api, part);
    const element = make("input", { type: "password", autocomplete: "off", spellcheck: "false" });
    credentials.set(name, () => (element.value === "" ? null : proof(scheme, () => element.value)));
    const about = scheme.scheme?.toLowerCase() === "basic" ? "user:password" : (scheme.scheme ?? `${scheme.in} ${scheme.name}`);
    return field(name, about, element);
  });
  document.getElementById("credentials").append(make("form", { autocomplete: "off", onsubmit: (event) => event.preventDefault() },
    make("fieldset", {}, make("legend", {}, "Credentials"),
      make("p", { class: "note" }, "Kept in this page until it is left, and nowhere else."), ...rows)));
}

/** What proves who one is for an operation: the first way of which all credentials were typed. */
function proofs(api, operation) {
  for (const way of operation.security ?? api.security ?? []) {
    const found = Object.keys(way).map((name) => credentials.get(name)?.());
    if (found.length && found.every(Boolean)) return found;
  }
  return [];
}

// -- requests --------------------------------------------------------------------------------------------------------

/** The request that a form describes. Each field has the text that is sent and the one that is shown. */
function compose(api, operation, place, parameters, body) {
  let path = place.path;
  const request = { method: place.method.toUpperCase(), query: [], headers: [], cookies: [], body: null, type: null };
  for (const { parameter, element } of parameters) {
    const values = valuesOf(element);
    if (parameter.in === "path") path = values.length ? path.replace(`{${parameter.name}}`, () => encodeURIComponent(values[0])) : path;
    else if (parameter.in === "query") request.query.push(...values.map((value) => ({ name: parameter.name, value })));
    else if (values.length) {
      const joined = parameter.in === "header" ? values.join(", ") : values[0];
      (parameter.in === "header" ? request.headers : request.cookies).push({ name: parameter.name, value: joined });
    }
  }
  for (const found of proofs(api, operation)) {
    ({ query: request.query, header: request.headers, cookie: request.cookies })[found.place]?.push(found);
  }
  request.path = BASE + path;
  if (body) [request.type, request.body] = [body.type(), body.read()];
  return request;
}

function addressOf(request, key) {
  const query = request.query.map((pair) => `${encodeURIComponent(pair.name)}=${key === "shown" && pair.shown ? pair.shown : encodeURIComponent(pair.value)}`);
  return request.path + (query.length ? `?${query.join("&")}` : "");
}

/** A text as one word of a POSIX shell; a placeholder of a credential stays one that the shell fills in. */
const quote = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const quoteShown = (pair, text) => (pair.shown ? `"${text.replaceAll(/["`\\]/g, "\\$&")}"` : quote(text));

/** The request as a curl command. */
function curl(request) {
  const secret = request.query.find((pair) => pair.shown) ?? {};
  const words = [`curl -X ${request.method} ${quoteShown(secret, ORIGIN + addressOf(request, "shown"))}`];
  for (const pair of request.headers) words.push(`-H ${quoteShown(pair, `${pair.name}: ${pair.shown ?? pair.value}`)}`);
  for (const pair of request.cookies) words.push(`-b ${quoteShown(pair, `${pair.name}=${pair.shown ?? pair.value}`)}`);
  if (request.method === "HEAD") words[0] = words[0].replace("-X HEAD", "-I");
  return [...words, ...curlBody(request)].join(" \\\n  ");
}

function curlBody({ type, body }) {
  if (body === null) return [];
  if (Array.isArray(body)) return body.map((pair) => curlField(type, pair));
  const content = body instanceof File ? `--data-binary ${quote(`@${body.name}`)}` : `--data-raw ${quote(body)}`;
  return [`-H ${quote(`Content-Type: ${type}`)}`, content];
}

/** One field of a form. Of a pair, `--data-urlencode` encodes the value alone. */
function curlField(type, [name, value]) {
  if (value instanceof File) return `-F ${quote(`${name}=@"${value.name.replaceAll(/["\\]/g, "\\$&")}"`)}`;
  if (type.startsWith("multipart")) return `--form-string ${quote(`${name}=${value}`)}`;
  return `--data-urlencode ${quote(`${encodeURIComponent(name)}=${value}`)}`;
}

/** What `fetch` takes. The browser sends cookies itself and lets no script add one. */
function options(request, signal) {
  const headers = new Headers();
  for (const { name, value } of request.headers) headers.append(name, value);
  let { body } = request;
  if (Array.isArray(body)) {
    const form = request.type.startsWith("multipart") ? new FormData() : new URLSearchParams();
    for (const [name, value] of body) form.append(name, value);
    body = form;
  } else if (body !== null) headers.set("Content-Type", request.type);
  return { method: request.method, headers, body, signal, cache: "no-store", credentials: "same-origin" };
}

// -- answers ---------------------------------------------------------------------------------------------------------

const isText = (type) => /^text\/|json|xml|javascript|x-www-form-urlencoded/i.test(type);

/** Show an answer while it arrives. */
async function show(answer, output, began) {
  const took = `${Math.round(performance.now() - began)} ms`;
  output.replaceChildren(make("p", {}, make("b", { class: `status s${String(answer.status)[0]}` }, String(answer.status)), ` ${answer.statusText} in ${took}`));
  const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  output.append(make("details", {}, make("summary", {}, "Header fields"), make("pre", { tabindex: "0" }, headers)));
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.body) return;
  if (isText(type)) await showText(answer, type, output);
  else await showFile(answer, type, output);
}

async function showText(answer, type, output) {
  const pre = output.appendChild(make("pre", { tabindex: "0", "aria-label": "Body" }));
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
    pre.append(decoder.decode(value, { stream: true }));
    if (size > SHOWN) {
      output.append(make("p", { class: "note" }, "The rest of the body is not shown: it is larger than 1 MiB."));
      await reader.cancel();
      return;
    }
  }
  if (isJSON(type)) pre.textContent = indented(pre.textContent);
  if (!size) pre.remove();
}

/** JSON in lines; as it came where numbers would change on the way. */
function indented(text) {
  if (/\d{16}/.test(text)) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // not JSON, whatever its type says
  }
}

async function showFile(answer, type, output) {
  const content = await answer.blob();
  if (!content.size) return;
  const link = make("a", { href: URL.createObjectURL(content), download: "body" }, `Save ${content.size} bytes`);
  output.append(make("p", {}, link, type ? ` (${type})` : ""));
}

// -- the form --------------------------------------------------------------------------------------------------------

/** The media types of a body: fields for the chosen one. */
function bodyFields(api, operation) {
  if (!operation.requestBody) return { rows: [], body: null };
  const content = resolve(api, operation.requestBody).content ?? {};
  const types = Object.keys(content);
  if (!types.length) return { rows: [], body: null };
  const holder = make("div");
  let current;
  const choose = (type) => {
    current = bodyOf(api, type, content[type]);
    holder.replaceChildren(...current.rows);
  };
  const select = make("select", { onchange: () => choose(select.value) }, ...types.map((type) => make("option", {}, type)));
  choose(types[0]);
  const rows = types.length > 1 ? [field("Content-Type", "of the body", select), holder] : [holder];
  return { rows, body: { type: () => select.value, read: () => current.read() } };
}

/** The form of one operation, in its place. */
function build(api, place, target) {
  const item = api.paths[place.path];
  const operation = item[place.method];
  const all = new Map([...(item.parameters ?? []), ...(operation.parameters ?? [])].map((part) => resolve(api, part)).map((part) => [`${part.in} ${part.name}`, part]));
  const parameters = parameterFields(api, [...all.values()]);
  const { rows, body } = bodyFields(api, operation);
  const command = make("pre", { tabindex: "0", "aria-label": "The request as curl" });
  const output = make("div", { class: "output", role: "status" });
  const send = make("button", { type: "submit" }, "Send");
  const stop = make("button", { type: "button", hidden: true }, "Stop");
  const copy = make("button", { type: "button", hidden: !navigator.clipboard }, "Copy curl");
  const current = () => compose(api, operation, place, parameters, body);
  const write = () => { command.textContent = curl(current()); };
  const form = make("form", { autocomplete: "off", oninput: write, onchange: write, onsubmit: (event) => {
    event.preventDefault();
    run(current(), { output, send, stop });
  } }, make("h3", {}, "Try it"), ...parameters.map((part) => part.row), ...rows);
  if (parameters.some(({ parameter }) => parameter.in === "cookie")) form.append(make("p", { class: "note" }, "A page cannot send a cookie of its choice: the curl line does."));
  form.append(make("div", { class: "buttons" }, send, stop, copy), command, output);
  copy.addEventListener("click", () => navigator.clipboard.writeText(command.textContent));
  document.getElementById("credentials").addEventListener("input", write);
  write();
  target.replaceChildren(form);
}

/** Send a request and show what comes. */
async function run(request, { output, send, stop }) {
  const leaving = new AbortController();
  const end = () => leaving.abort();
  stop.addEventListener("click", end);
  [send.disabled, stop.hidden] = [true, false];
  try {
    const began = performance.now();
    output.replaceChildren(make("p", { class: "note" }, "Waiting for the answer."));
    await show(await fetch(ORIGIN + addressOf(request), options(request, leaving.signal)), output, began);
  } catch (error) {
    output.append(make("p", leaving.signal.aborted ? { class: "note" } : { class: "fault" }, leaving.signal.aborted ? "Stopped." : `No answer: ${error.message}`));
  } finally {
    stop.removeEventListener("click", end);
    [send.disabled, stop.hidden] = [false, true];
  }
}

// -- the page --------------------------------------------------------------------------------------------------------

/** Make the form of an operation once it is opened. */
async function opened({ currentTarget: details }) {
  const target = details.querySelector(".try");
  if (!details.open || target.childElementCount) return;
  target.append(make("p", { class: "note" }, "Loading the form."));
  try {
    const api = await load();
    addCredentials(api);
    build(api, details.dataset, target);
  } catch (error) {
    target.replaceChildren(make("p", { class: "fault" }, `No form: ${error.message}. Close and open this operation to try again.`));
    details.addEventListener("toggle", () => target.replaceChildren(), { once: true });
  }
}

const operations = [...document.querySelectorAll(".operation")];
for (const details of operations) details.addEventListener("toggle", opened);

/** Open the operation or show the schema that the address names. */
function follow() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target?.matches(".operation")) return;
  target.open = true;
  target.scrollIntoView();
}
addEventListener("hashchange", follow);
follow();

const filter = document.getElementById("filter");
const links = new Map([...document.querySelectorAll("nav li")].map((entry) => [entry.firstElementChild.hash.slice(1), entry]));

/** Hide what does not hold each word of the filter. */
function narrow() {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const details of operations) {
    const text = details.firstElementChild.textContent.toLowerCase();
    details.hidden = !words.every((word) => text.includes(word));
    const entry = links.get(details.id);
    if (entry) entry.hidden = details.hidden;
    shown += !details.hidden;
  }
  for (const section of document.querySelectorAll("main > section:not(#schemas), nav .contents > details")) {
    section.hidden = !section.querySelector(".operation:not([hidden]), li:not([hidden])");
  }
  document.getElementById("found").textContent = words.length ? `${shown} of ${operations.length} operations` : "";
}
filter.addEventListener("input", narrow);
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  filter.focus();
});

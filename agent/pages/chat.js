// The chat page: a visitor's session, messages out and in, and live news while a human has the conversation.

import { language, texts } from "./texts.js";

const LINK = /https?:\/\/[^\s<>"]+/g;
const RETRY_MS = 2000;
const RATINGS = ["terrible", "bad", "ok", "good", "amazing"];
const STORE = `frostdesk:${document.body.dataset.siteKey}`;

const log = document.getElementById("log");
const form = document.getElementById("form");
const text = document.getElementById("text");
const send = document.getElementById("send");
const who = document.getElementById("who");
const trouble = document.getElementById("trouble");

let state = JSON.parse(sessionStorage.getItem(STORE) || "{}"); // token, conversation
let lastSeq = 0;
let stream = null;
let unsent = null; // a message that failed keeps its id, so that sending it again never doubles it

document.documentElement.lang = language;
document.title = texts.title(document.getElementById("title").textContent);
who.textContent = texts.assistant;
log.setAttribute("aria-label", texts.log);
text.placeholder = texts.example;
send.textContent = texts.send;
document.getElementById("again").textContent = texts.again;
document.querySelector("label").textContent = texts.label;

// In a frame the page around it is told what it needs to draw its button, and nothing that was said.
const framed = window.parent !== window;
let shown = !framed;
let unread = 0;
const named = framed && new URLSearchParams(location.search).has("identity");
let takeIdentity;
const identity = named ? new Promise((take) => (takeIdentity = take)) : null; // the page around tells it after "ready"
const tellHost = (message) => framed && window.parent.postMessage(message, "*");

const remember = (change) => {
  state = { ...state, ...change };
  sessionStorage.setItem(STORE, JSON.stringify(state));
};

class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

// One call with the visitor's token in a header, never in a URL. An expired token is replaced once.
async function call(path, body, signal, again = true) {
  const headers = { "content-type": "application/json" };
  if (state.token) headers.authorization = `Bearer ${state.token}`;
  const options = { method: body ? "POST" : "GET", headers, signal };
  if (body) options.body = JSON.stringify(body);
  const answer = await fetch(path, options);
  if (answer.ok) return answer;
  if (answer.status === 401 && again && path !== "/v1/chat/session") {
    await openSession();
    return call(path, body, signal, false);
  }
  const said = await answer.json().catch(() => null);
  throw new Refused(answer.status, said?.error?.message || `The server answered ${answer.status}.`);
}

// With the token of before, even an expired one, we stay who we were; else what we had is somebody else's now.
async function openSession() {
  const answer = await call("/v1/chat/session", { site_key: document.body.dataset.siteKey, identity: await identity });
  const { token, visitor_id: visitor, conversation_id: conversation } = await answer.json();
  remember(visitor === state.visitor ? { token } : { token, visitor, conversation });
}

// Texts become text nodes and links; nothing a customer or a desk wrote is ever parsed as HTML.
function fill(item, words) {
  let from = 0;
  for (const found of words.matchAll(LINK)) {
    item.append(words.slice(from, found.index));
    const link = document.createElement("a");
    link.href = found[0];
    link.textContent = found[0];
    link.rel = "noopener";
    link.target = "_blank";
    item.append(link);
    from = found.index + found[0].length;
  }
  item.append(words.slice(from));
}

function add(author, words, key) {
  const item = document.createElement("li");
  item.className = author;
  if (author === "human") item.dataset.who = texts.human;
  if (key) item.dataset.key = key;
  fill(item, words);
  log.append(item);
  toEnd();
  return item;
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

function toEnd() {
  log.scrollTop = log.scrollHeight; // scrollIntoView would move the page around a frame as well
}

function showOwner(owner) {
  const human = owner === "human";
  if (who.classList.contains("human") === human) return;
  who.classList.toggle("human", human);
  who.textContent = human ? texts.colleague : texts.assistant;
  add("notice", human ? texts.handed : texts.back);
}

function showMessages(transcript) {
  for (const message of transcript.messages) {
    if (message.seq <= lastSeq) continue;
    lastSeq = message.seq;
    const own = message.author === "customer" && log.querySelector("[data-key=pending]");
    if (own) {
      own.dataset.key = message.id; // our own message, shown already when it was sent
    } else {
      log.querySelector(".typing")?.remove();
      add(message.author, message.text, message.id);
      if (!shown) tellHost({ frostdesk: "unread", count: ++unread });
    }
  }
}

function offerRating(turn) {
  const item = log.querySelector(".bot:last-of-type");
  if (turn.outcome !== "answered" || !item) return;
  const box = document.createElement("div");
  box.className = "rate";
  for (const [rating, words] of [["up", texts.up], ["down", texts.down]]) {
    box.append(button(words, async () => {
      await call(`/v1/turns/${turn.turn_id}/feedback`, { rating });
      box.replaceChildren(texts.thanks);
    }));
  }
  item.append(box);
  toEnd();
}

// Without an answer the nearest articles are offered; choosing one asks its question.
function offerArticles(turn) {
  const item = log.querySelector(".bot:last-of-type");
  const offered = turn.suggestions.filter((article) => article.question);
  if (!offered.length || !item) return;
  const box = document.createElement("div");
  box.className = "offer";
  for (const { question } of offered) box.append(button(question, () => submit(question)));
  item.append(box);
  toEnd();
}

// A conversation that was closed may be rated; writing again opens it again.
function showClosed(transcript) {
  log.querySelector(".closed")?.remove();
  if (transcript.status !== "closed" || transcript.rating) return;
  const box = add("closed", texts.closed);
  const row = document.createElement("div");
  row.className = "rate";
  for (const [place, rating] of RATINGS.entries()) {
    row.append(button(texts.ratings[place], async () => {
      await call(`/v1/conversations/${transcript.conversation_id}/rating`, { rating });
      box.replaceChildren(texts.thanks);
    }));
  }
  box.append(row);
  toEnd();
}

// Follow the conversation over one long fetch; after a break, go on from the last message seen.
async function follow() {
  stream?.abort();
  const mine = (stream = new AbortController());
  while (!mine.signal.aborted) {
    try {
      const path = `/v1/conversations/${state.conversation}/events?after=${lastSeq}`;
      const reader = (await call(path, null, mine.signal)).body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const data = event.split("\n").find((line) => line.startsWith("data:"));
          if (!data) continue;
          const news = JSON.parse(data.slice(5));
          showMessages(news);
          showOwner(news.owner); // from the stream alone: an answer to a call may be older than what it said
          showClosed(news);
        }
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused && [403, 404].includes(error.status)) return startOver();
    }
    await new Promise((wake) => setTimeout(wake, RETRY_MS));
  }
}

function startOver() {
  stream?.abort();
  lastSeq = 0;
  remember({ conversation: undefined });
  log.replaceChildren();
  showOwner("bot");
  add("bot", texts.hello);
}

async function say(words) {
  trouble.hidden = true;
  log.querySelector(".offer")?.remove(); // what was offered belongs to the message before
  add("customer", words, "pending");
  const typing = add("typing", texts.typing);
  try {
    unsent = unsent?.words === words ? unsent : { words, id: crypto.randomUUID() };
    const body = { message: words, client_message_id: unsent.id };
    if (state.conversation) body.conversation_id = state.conversation;
    const turn = await (await call("/v1/chat", body)).json();
    unsent = null;
    const fresh = state.conversation !== turn.conversation_id;
    remember({ conversation: turn.conversation_id });
    typing.remove();
    const path = `/v1/conversations/${turn.conversation_id}/messages?after=${lastSeq}`;
    showMessages(await (await call(path)).json());
    offerRating(turn);
    offerArticles(turn);
    if (fresh) follow();
  } catch (error) {
    typing.remove();
    log.querySelector("[data-key=pending]")?.remove();
    text.value = words;
    trouble.textContent = error instanceof Refused ? error.message : texts.away;
    trouble.hidden = false;
  }
}

async function submit(words) {
  if (!words || send.disabled) return;
  send.disabled = true;
  await say(words);
  send.disabled = false;
  text.focus();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const words = text.value.trim();
  if (words && !send.disabled) text.value = "";
  submit(words);
});

text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    form.requestSubmit();
  }
});

document.getElementById("again").addEventListener("click", startOver);

if (framed) {
  addEventListener("message", (event) => {
    if (event.source !== window.parent) return;
    if (event.data?.frostdesk === "identity") takeIdentity?.(event.data.token);
    if (event.data?.frostdesk === "hidden") shown = false;
    if (event.data?.frostdesk !== "shown") return;
    shown = true;
    unread = 0;
    text.focus();
  });
  addEventListener("keydown", (event) => event.key === "Escape" && tellHost({ frostdesk: "close" }));
  tellHost({ frostdesk: "ready" });
}

const begin = () => (state.conversation ? follow() : startOver());

if (state.token && !named && !state.visitor?.startsWith("usr_")) {
  begin();
} else { // who signed in or out is somebody else
  openSession().then(begin, (error) => {
    trouble.textContent = error.message;
    trouble.hidden = false;
  });
}

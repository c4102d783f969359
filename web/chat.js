// The chat page: messages out and in, and live news while a human has the conversation.

import { showContact } from "./contact.js";
import { named, noteUnread, onShown } from "./host.js";
import { flush, post, start } from "./outbox.js";
import { call, events, openSession, Refused, remember, state } from "./session.js";
import { language, texts } from "./texts.js";
import * as view from "./view.js";

const RETRY_MS = 2000;
const LASTING = ["bad_input", "not_found", "not_allowed"]; // errors that sending again does not mend
const RATINGS = ["terrible", "bad", "ok", "good", "amazing"];

const who = document.getElementById("who");
const trouble = document.getElementById("trouble");
const closed = document.getElementById("closed");

let lastSeq = 0;
let stream = null;
let sending = null; // the message that is on its way and shown already
let replied = false; // whether its reply is shown as it was stored

document.documentElement.lang = language;
document.documentElement.dir = texts.direction || "ltr";
document.title = texts.title(document.getElementById("title").textContent);
who.textContent = texts.assistant;
document.getElementById("heard").setAttribute("aria-label", texts.log);
document.getElementById("again").textContent = texts.again;

function showOwner(owner, quietly) {
  const human = owner === "human";
  if (who.classList.contains("human") === human) return;
  who.classList.toggle("human", human);
  who.textContent = human ? texts.colleague : texts.assistant;
  view.show("notice", human ? texts.handed : texts.back, quietly);
}

function showMessages(transcript, quietly) {
  for (const message of transcript.messages) {
    if (message.seq <= lastSeq) continue;
    lastSeq = message.seq;
    if (message.author === "bot") replied = true;
    if (message.author === "customer" && sending) {
      sending = null; // our own message, shown already when it was sent
    } else {
      view.show(message.author, message.text, quietly);
      noteUnread();
    }
  }
}

function offerRating(turn) {
  if (turn.outcome !== "answered") return;
  const rate = (rating) => async () => {
    await call(`/v1/turns/${turn.turn_id}/feedback`, { body: { rating } });
    box.replaceChildren(texts.thanks);
  };
  const box = view.offer("rate", view.button(texts.up, rate("up")), view.button(texts.down, rate("down")));
}

// Without an answer the nearest articles are offered, and a human; choosing an article asks its question.
function offerArticles(turn) {
  if (!["no_answer", "out_of_scope", "asked_back"].includes(turn.outcome)) return;
  const questions = turn.suggestions.flatMap((article) => article.question || []);
  const articles = questions.map((question) => view.button(question, () => ask(question)));
  view.offer("offer", ...articles, view.button(texts.human_please, () => ask(texts.human_please, true)));
}

// A conversation that was closed may be rated; writing again opens it again.
function showClosed(transcript) {
  closed.hidden = transcript.status !== "closed" || Boolean(transcript.rating);
  if (closed.hidden) return;
  const rate = (rating) => async () => {
    await call(`/v1/conversations/${transcript.conversation_id}/rating`, { body: { rating } });
    closed.replaceChildren(texts.thanks);
  };
  closed.replaceChildren(texts.closed, ...RATINGS.map((rating, place) => view.button(texts.ratings[place], rate(rating))));
}

// Follow the conversation over one long fetch; after a break, go on from the last message seen.
async function follow() {
  stream?.abort();
  const mine = (stream = new AbortController());
  let restoring = lastSeq === 0;
  while (!mine.signal.aborted) {
    try {
      const path = `/v1/conversations/${state.conversation}/events?after=${lastSeq}`;
      for await (const { data } of events(await call(path, { signal: mine.signal }))) {
        showMessages(data, restoring);
        showOwner(data.owner, restoring); // from the stream alone: an answer to a call may be older than what it said
        showClosed(data);
        showContact(data);
        restoring = false;
        flush();
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
  replied = true; // what still comes of the old one is not shown
  remember({ conversation: undefined, outbox: [] });
  closed.hidden = trouble.hidden = true;
  showContact({ owner: "bot" });
  view.clear();
  showOwner("bot", true);
  view.show("bot", texts.hello, true);
}

// Send one message; its reply is written out as it comes, then stands as it was stored.
async function deliver(item) {
  sending = item.shown ? item : null;
  replied = false;
  view.rewrite();
  view.typing(true);
  try {
    const turn = await turnOf(item);
    const news = await call(`/v1/conversations/${turn.conversation_id}/messages?after=${lastSeq}`);
    const transcript = await news.json();
    if (!state.outbox.includes(item)) return; // a new conversation has begun meanwhile
    const fresh = state.conversation !== turn.conversation_id;
    remember({ conversation: turn.conversation_id });
    showMessages(transcript);
    offerRating(turn);
    offerArticles(turn);
    if (fresh) follow();
  } finally {
    view.typing(false);
  }
}

async function turnOf({ id, words, human }) {
  const body = { message: words, client_message_id: id, conversation_id: state.conversation, wants_human: human };
  for await (const { name, data } of events(await call("/v1/chat/stream", { body }))) {
    if (name === "delta" && !replied) view.write(data.text);
    if (name === "turn") return data;
    if (name === "error") throw new Refused(LASTING.includes(data.code) ? 400 : 503, data.message);
  }
  throw new Error("The stream ended before the turn did.");
}

// What the customer wrote is shown already; `human`: by the button that asks for one.
function say(words, human) {
  trouble.hidden = true;
  view.withdraw("offer"); // what was offered belongs to the message before
  post({ id: crypto.randomUUID(), words, human, shown: true });
}

// What the customer chose; a half-written message stays in its field.
function ask(words, human) {
  view.show("customer", words);
  say(words, human);
  view.focus();
}

function complain(error) {
  trouble.replaceChildren(error instanceof Refused ? error.message : texts.away);
  if (state.outbox?.length) trouble.append(" ", view.button(texts.resend, flush));
  trouble.hidden = false;
}

async function open() {
  await view.draw(say);
  onShown(view.focus);
  if (!state.token || named || state.visitor?.startsWith("usr_")) await openSession(); // who signed in or out is somebody else
  if (state.conversation) return follow();
  view.show("bot", texts.hello, true);
  flush();
}

document.getElementById("again").addEventListener("click", () => {
  startOver();
  view.focus();
});
start({ deliver, complain, arrived: () => (trouble.hidden = true) });
open().catch(complain);

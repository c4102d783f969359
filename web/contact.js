// What is offered when nobody is there: an address to answer to, left behind with the conversation.

import { call, Refused } from "./session.js";
import { language, texts } from "./texts.js";

const form = document.getElementById("contact");
const field = form.querySelector("input");
const said = form.querySelector("p");

form.querySelector("label").textContent = texts.email;
form.querySelector("button").textContent = texts.leave;
let conversation;

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await call(`/v1/conversations/${conversation}/contact`, { body: { email: field.value } });
    showContact({ contact: true });
  } catch (error) {
    say(error instanceof Refused ? error.message.replace(/^email: /, "") : texts.away);
  }
});

// Ask for an address while a human has the conversation and none is there; say so when one was left.
export function showContact({ conversation_id: id, owner, available, back_at: back, contact }) {
  conversation = id || conversation;
  const asks = owner === "human" && !available && !contact;
  form.hidden = !asks && !(contact && !form.hidden);
  form.querySelector("div").hidden = !asks;
  if (asks) say(texts.nobody(when(back)));
  else if (contact) say(texts.left);
}

const say = (words) => (said.textContent = words);
const when = (time) => new Date(time).toLocaleString(language, { weekday: "long", hour: "2-digit", minute: "2-digit" });

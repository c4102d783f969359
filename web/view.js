// What the chat shows: deep-chat's element, and what it lacks (a live region, labels, exact words).

import "deep-chat";
import inner from "./bubbles.css";
import { texts } from "./texts.js";

const LINK = /https?:\/\/[^\s<>"]+/g;
const LONGEST = 10_000; // characters of a message
const HEARD = 20; // messages that stay in the live region

const chat = document.createElement("deep-chat");
const heard = document.getElementById("heard");
let written = null; // the reply that is being written out

// Texts become text nodes and links; deep-chat gets their serialisation and never parses words as Markdown or HTML.
function asHtml(words, author) {
  const box = document.createElement("div");
  box.className = "words";
  box.dir = "auto";
  if (author === "human") box.dataset.who = texts.human;
  let from = 0;
  for (const found of words.matchAll(LINK)) {
    box.append(words.slice(from, found.index), link(found[0]));
    from = found.index + found[0].length;
  }
  box.append(words.slice(from));
  return box.outerHTML;
}

function link(address) {
  const made = document.createElement("a");
  Object.assign(made, { href: address, textContent: address, rel: "noopener", target: "_blank" });
  return made;
}

export function button(words, act, name = "") {
  const made = document.createElement("button");
  Object.assign(made, { type: "button", textContent: words, className: name });
  made.addEventListener("click", act);
  return made;
}

const ROLES = { customer: "user", bot: "ai", human: "human", notice: "notice" };

// Add a message. `quietly`: it was said before, so nobody is told of it again.
export function show(author, words, quietly = false) {
  typing(false);
  chat.addMessage({ role: ROLES[author], html: asHtml(words, author), overwrite: author === "bot" && written !== null });
  if (author === "bot") written = null;
  chat.scrollToBottom();
  if (author === "customer" || quietly) return;
  const line = document.createElement("p");
  line.textContent = author === "human" ? `${texts.human}: ${words}` : words;
  heard.append(line);
  while (heard.children.length > HEARD) heard.firstChild.remove();
}

// Show the next piece of the bot's reply; the message as it was stored takes its place in the end.
export function write(piece) {
  typing(false);
  const overwrite = written !== null;
  written = (written || "") + piece;
  chat.addMessage({ role: "ai", html: asHtml(written), overwrite });
}

// A reply that broke off is written anew, in its place.
export function rewrite() {
  if (written !== null) written = "";
}

export function typing(on) {
  const there = chat.shadowRoot.querySelector(".deep-chat-loading-message-bubble") !== null;
  if (there !== on) chat.displayLoadingBubble.toggle();
}

const last = (name) => [...chat.shadowRoot.querySelectorAll(`.${name}`)].at(-1);

// Put buttons below the bot's last message.
export function offer(name, ...buttons) {
  const box = document.createElement("div");
  box.className = name;
  box.append(...buttons);
  last("ai-message").append(box);
  chat.scrollToBottom();
  return box;
}

export function withdraw(name) {
  chat.shadowRoot.querySelectorAll(`.${name}`).forEach((box) => box.remove());
}

export function clear() {
  written = null;
  chat.clearMessages();
  heard.replaceChildren();
}

export const focus = () => chat.focusInput();

// A customer's own words are drawn by deep-chat, as Markdown; put them right before anything is painted.
const exactly = (say) => ({ message }) => {
  if (message.role !== "user" || message.text === undefined) return;
  queueMicrotask(() => {
    last("user-message").innerHTML = asHtml(message.text);
    say(message.text);
  });
};

function label() {
  const parts = {
    "#text-input": { "aria-label": texts.label, "aria-multiline": "true" },
    "#messages": { tabindex: "0", role: "group", "aria-label": texts.log },
    "#input [role=button]": { "aria-label": texts.send },
  };
  for (const [part, attributes] of Object.entries(parts)) {
    const found = chat.shadowRoot.querySelector(part);
    for (const [name, value] of Object.entries(attributes)) found?.setAttribute(name, value);
  }
}

const bubble = (style) => ({ bubble: style });
const INK = "var(--ink)";

// Draw the chat, and return when it can show messages; `say` is called with the words of every message the customer sends.
export function draw(say) {
  // A font family of its own keeps deep-chat from asking another host for one.
  Object.assign(chat.style, { fontFamily: "system-ui, sans-serif", border: "0", width: "100%", height: "100%", backgroundColor: "transparent" });
  document.getElementById("chat").append(chat);
  new MutationObserver(label).observe(chat.shadowRoot, { childList: true, subtree: true }); // it draws itself more than once
  const drawn = new Promise((ready) => chat.addEventListener("render", ready, { once: true }));
  Object.assign(chat, {
    connect: {
      websocket: true, // deep-chat's way of saying that messages come whenever they come; ours come by fetch
      handler: (_, signals) => signals.onOpen(),
    },
    onMessage: exactly(say),
    displayLoadingBubble: { toggle() {} }, // deep-chat puts its own here
    textInput: {
      characterLimit: LONGEST,
      placeholder: { text: texts.example, style: { color: "var(--soft)" } },
      styles: {
        container: { width: "100%", margin: "0 .4rem .2rem", backgroundColor: "var(--paper)", border: "1px solid var(--line)", borderRadius: ".6rem", boxShadow: "none" },
        text: { color: INK, padding: ".6rem .8rem" },
      },
    },
    submitButtonStyles: {
      submit: { svg: { styles: { default: { filter: "none", color: "var(--ours)" } } } },
      disabled: { svg: { styles: { default: { filter: "none", color: "var(--soft)" } } } },
    },
    messageStyles: {
      default: {
        shared: bubble({ maxWidth: "85%", color: INK, backgroundColor: "var(--ground)" }),
        user: bubble({ color: "var(--ours-ink)", backgroundColor: "var(--ours)" }),
        human: bubble({ backgroundColor: "transparent", border: "1px solid var(--human)" }),
        notice: bubble({ maxWidth: "100%", width: "100%", textAlign: "center", color: "var(--soft)", backgroundColor: "transparent", fontSize: ".85rem" }),
      },
    },
    auxiliaryStyle: inner,
  });
  return drawn;
}

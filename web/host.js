// The page around us, where the chat is in a frame: it is told what it needs to draw its button, and nothing that was said.

import { identify } from "./session.js";

const framed = window.parent !== window;
const tell = (message) => framed && window.parent.postMessage(message, "*");
let shown = !framed;
let unread = 0;
let takeIdentity;

// Whether the site says who the visitor is; it does so after "ready".
export const named = framed && new URLSearchParams(location.search).has("identity");
if (named) identify(new Promise((take) => (takeIdentity = take)));

export function noteUnread() {
  if (!shown) tell({ frostdesk: "unread", count: ++unread });
}

// Tell the page that we listen; `act` whenever it shows us.
export function onShown(act) {
  if (!framed) return;
  addEventListener("message", (event) => {
    if (event.source !== window.parent) return;
    if (event.data?.frostdesk === "identity") takeIdentity?.(event.data.token);
    if (event.data?.frostdesk === "hidden") shown = false;
    if (event.data?.frostdesk !== "shown") return;
    shown = true;
    unread = 0;
    act();
  });
  addEventListener("keydown", (event) => event.key === "Escape" && tell({ frostdesk: "close" }));
  tell({ frostdesk: "ready" });
}

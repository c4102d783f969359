// A visitor's session: who they are, which conversation is theirs, and every call with their token.

const siteKey = document.body.dataset.siteKey;
const STORE = `frostdesk:${siteKey}`;

export const state = JSON.parse(sessionStorage.getItem(STORE) || "{}"); // token, visitor, conversation, outbox

export function remember(change) {
  Object.assign(state, change);
  sessionStorage.setItem(STORE, JSON.stringify(state));
}

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

let told = null; // who the page around says the visitor is
export const identify = (promise) => (told = promise);

// One call with the visitor's token in a header, never in a URL. An expired token is replaced once.
export async function call(path, { body, signal } = {}, again = true) {
  const headers = { "content-type": "application/json" };
  if (state.token) headers.authorization = `Bearer ${state.token}`;
  const options = { method: body ? "POST" : "GET", headers, signal, body: body && JSON.stringify(body) };
  const answer = await fetch(path, options);
  if (answer.ok) return answer;
  if (answer.status === 401 && again && path !== "/v1/chat/session") {
    await openSession();
    return call(path, { body, signal }, false);
  }
  const said = await answer.json().catch(() => null);
  throw new Refused(answer.status, said?.error?.message || `The server answered ${answer.status}.`);
}

// With the token of before, even an expired one, we stay who we were; else what we had is somebody else's now.
export async function openSession() {
  const answer = await call("/v1/chat/session", { body: { site_key: siteKey, identity: await told } });
  const { token, visitor_id: visitor, conversation_id: conversation } = await answer.json();
  remember(visitor === state.visitor ? { token } : { token, visitor, conversation, outbox: [] });
}

// The events of a stream, one by one, as they come.
export async function* events(answer) {
  let rest = "";
  for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
    const found = (rest + piece).split("\n\n");
    rest = found.pop();
    for (const event of found) {
      const fields = Object.fromEntries(event.split("\n").map((line) => line.split(/: ?(.*)/s, 2)));
      if (fields.data) yield { name: fields.event, data: JSON.parse(fields.data) };
    }
  }
}

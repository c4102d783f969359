// Messages on their way: kept until the server has them, in order, each under one id, so that none is lost or doubled.

import { Refused, remember, state } from "./session.js";

const RETRY_MS = 5000;
const TOO_MANY = 429;

let deliver, complain, arrived;
let busy = false;
let timer;

// `deliver` sends one, `complain` says why that failed, `arrived` is called when nothing is left to send.
export function start(given) {
  ({ deliver, complain, arrived } = given);
  remember({ outbox: (state.outbox || []).map((item) => ({ ...item, shown: false })) }); // of before a reload
  addEventListener("online", flush);
}

export function post(item) {
  remember({ outbox: [...state.outbox, item] });
  flush();
}

export async function flush() {
  clearTimeout(timer);
  if (busy || !state.outbox.length) return;
  busy = true;
  try {
    while (state.outbox.length) {
      const [item] = state.outbox;
      await deliver(item);
      remember({ outbox: state.outbox.filter((other) => other !== item) });
    }
    arrived();
  } catch (error) {
    if (isFinal(error)) remember({ outbox: state.outbox.slice(1) });
    else timer = setTimeout(flush, RETRY_MS);
    complain(error);
  } finally {
    busy = false;
  }
}

const isFinal = (error) => error instanceof Refused && error.status !== TOO_MANY && error.status < 500;

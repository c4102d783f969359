// The launcher: a button on any web page that opens a desk's chat in a frame of ours.
//
//   <script async src="https://desk.example/widget.js" data-site-key="pk_..."></script>
//
// Frostdesk("show"), "hide", "boot", "shutdown", "update", "on". The page around it needs script-src and frame-src
// for this host in its content security policy, nothing else: styles are set by script, nothing is inline.

(() => {
  const script = document.currentScript;
  const base = new URL(script.src).origin;
  const SHEET = `
    :host { all: initial; }
    button, [role=dialog] { position: fixed; z-index: 2147483000; inset-inline-end: 20px; }
    button {
      bottom: 20px; width: 56px; height: 56px; padding: 0; border: 0; border-radius: 50%; cursor: pointer;
      background: #17594a; color: #fff; box-shadow: 0 2px 10px #0006;
    }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #17594a; }
    svg { width: 28px; height: 28px; vertical-align: middle; fill: none; stroke: currentColor; stroke-width: 2; }
    span { position: absolute; top: -4px; inset-inline-end: -4px; min-width: 20px; border-radius: 10px; background: #a1121f; font: 700 13px/20px system-ui, sans-serif; }
    span[hidden], [role=dialog][hidden] { display: none; }
    [role=dialog] {
      bottom: 88px; width: min(400px, calc(100vw - 40px)); height: min(640px, calc(100dvh - 108px));
      border-radius: 14px; overflow: hidden; box-shadow: 0 6px 30px #0006;
    }
    iframe { display: block; width: 100%; height: 100%; border: 0; background: Canvas; }
    @media (prefers-reduced-motion: no-preference) { button { transition: transform .15s; } button:hover { transform: scale(1.05); } }
  `;
  const READY_MS = 3000;
  const TEXTS = {
    en: { open: "Open the chat", close: "Close the chat", title: "Chat", unread: "unread" },
    de: { open: "Chat öffnen", close: "Chat schließen", title: "Chat", unread: "ungelesen" },
    es: { open: "Abrir el chat", close: "Cerrar el chat", title: "Chat", unread: "sin leer" },
    ar: { open: "فتح المحادثة", close: "إغلاق المحادثة", title: "محادثة", unread: "غير مقروءة" },
    fr: { open: "Ouvrir le chat", close: "Fermer le chat", title: "Chat", unread: "non lus" },
  };
  const listeners = {};
  let settings = { siteKey: script.dataset.siteKey };
  let parts = null; // host, button, badge, dialog; the frame once it was opened, and whether it listens

  const language = () => {
    const wanted = [settings.locale, document.documentElement.lang, ...navigator.languages];
    return wanted.map((tag) => (tag || "").slice(0, 2).toLowerCase()).find((tag) => tag in TEXTS) || "en";
  };
  const emit = (event, value) => (listeners[event] || []).forEach((listener) => listener(value));
  const isOpen = () => Boolean(parts && !parts.dialog.hidden);
  const tell = (name) => parts.ready && parts.frame.contentWindow.postMessage({ frostdesk: name }, base);

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  }

  function icon() {
    const space = "http://www.w3.org/2000/svg";
    const made = document.createElementNS(space, "svg");
    made.setAttribute("viewBox", "0 0 24 24");
    made.setAttribute("aria-hidden", "true");
    const path = document.createElementNS(space, "path");
    path.setAttribute("d", "M4 5h16v11H9l-5 4z");
    made.append(path);
    return made;
  }

  function draw() {
    const host = element("div");
    const root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(SHEET);
    root.adoptedStyleSheets = [sheet];
    const badge = element("span", { hidden: "" });
    const button = element("button", { type: "button", "aria-expanded": "false", "aria-haspopup": "dialog" }, icon(), badge);
    const dialog = element("div", { role: "dialog", "aria-label": TEXTS[language()].title, hidden: "" });
    button.addEventListener("click", () => (isOpen() ? commands.hide() : commands.show()));
    root.addEventListener("keydown", (event) => event.key === "Escape" && commands.hide());
    root.append(dialog, button);
    document.body.append(host);
    parts = { host, button, badge, dialog, frame: null, ready: false };
    count(0);
  }

  function count(unread) {
    parts.badge.hidden = unread === 0;
    parts.badge.textContent = unread > 9 ? "9+" : String(unread);
    const texts = TEXTS[language()];
    const label = isOpen() ? texts.close : texts.open;
    parts.button.setAttribute("aria-label", unread ? `${label}, ${unread} ${texts.unread}` : label);
  }

  function hear(event) {
    if (event.origin !== base || event.source !== parts?.frame?.contentWindow) return;
    if (event.data?.frostdesk === "close") commands.hide();
    if (event.data?.frostdesk === "ready") {
      parts.ready = true;
      if (settings.identity) parts.frame.contentWindow.postMessage({ frostdesk: "identity", token: settings.identity }, base);
      tell(isOpen() ? "shown" : "hidden");
    }
    if (event.data?.frostdesk === "unread") {
      count(event.data.count);
      emit("unread", event.data.count);
    }
  }

  function complain() {
    if (!parts || parts.ready) return;
    console.warn(`Frostdesk: the chat did not start. Does the desk allow this page? frostdesk desk allow ${location.origin}`);
  }

  const commands = {
    boot(given = {}) {
      settings = { ...settings, ...given };
      if (parts) return;
      if (!settings.siteKey) throw new Error('Frostdesk: a site key is missing: data-site-key="pk_..." or boot({siteKey}).');
      addEventListener("message", hear);
      if (document.body) draw();
      else document.addEventListener("DOMContentLoaded", () => parts || draw(), { once: true });
    },
    show() {
      if (!parts || isOpen()) return;
      if (!parts.frame) {
        const src = `${base}/widget/${encodeURIComponent(settings.siteKey)}?lang=${language()}${settings.identity ? "&identity" : ""}`;
        parts.frame = element("iframe", { src, title: TEXTS[language()].title });
        parts.frame.addEventListener("load", () => setTimeout(complain, READY_MS));
        parts.dialog.append(parts.frame);
      }
      parts.dialog.hidden = false;
      parts.button.setAttribute("aria-expanded", "true");
      count(0);
      parts.frame.focus();
      tell("shown");
      emit("show");
    },
    hide() {
      if (!isOpen()) return;
      parts.dialog.hidden = true;
      parts.button.setAttribute("aria-expanded", "false");
      count(0);
      parts.button.focus();
      tell("hidden");
      emit("hide");
    },
    update(given = {}) {
      const other = (name) => name in given && given[name] !== settings[name];
      if (["siteKey", "identity", "locale"].some(other)) commands.shutdown();
      commands.boot(given);
    },
    shutdown() {
      removeEventListener("message", hear);
      parts?.host.remove();
      parts = null;
    },
    on(event, listener) {
      (listeners[event] ||= []).push(listener);
    },
  };

  function run(name, ...values) {
    if (!Object.hasOwn(commands, name)) throw new Error(`Frostdesk: there is no command "${name}".`);
    return commands[name](...values);
  }

  const waiting = window.Frostdesk?.q || [];
  window.Frostdesk = run;
  if (settings.siteKey) commands.boot();
  for (const call of waiting) run(...call);
})();

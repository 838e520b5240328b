// The sources: picture, what holds for the driver, and how they do.
import { ask, find, make } from "./api.js";

const cards = new Map();

class Card {
  constructor(source) {
    this.name = source.name;
    this.image = make("img", { class: "view", alt: `Picture of ${source.name}`, width: 960, height: 540 });
    this.state = make("span", { class: "state" });
    this.reason = make("p", { class: "error" });
    this.limit = make("div", { class: "limit unsure" }, "?");
    this.advisories = make("ul", { "aria-label": `What holds for the driver of ${source.name}` });
    this.stats = make("dl");
    this.remove = make("button", { class: "small plain", onclick: () => this.ask("DELETE", "") }, "Remove");
    const restart = make("button", { class: "small plain", onclick: () => this.ask("POST", "/restart") }, "Restart");
    this.element = make("article", { class: "source", "aria-label": source.name }, this.image, make("div", {},
      make("div", { class: "line" }, make("h3", {}, source.name), this.state),
      make("small", {}, source.address),
      this.reason,
      make("div", { class: "panel" }, this.limit, this.advisories),
      this.stats,
      make("div", { class: "line" }, restart, this.remove),
    ));
    this.watch();
  }

  async ask(method, path) {
    try {
      await ask(`/v1/sources/${this.name}${path}`, { method });
    } catch (error) {
      this.reason.textContent = error.message;
    }
  }

  // A picture is asked for once the last one is shown, so that a slow viewer gets fewer and never old ones.
  watch() {
    if (this.closed) return;
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/sources/${this.name}/socket`;
    this.socket = new WebSocket(address);
    this.socket.binaryType = "blob";
    this.socket.onopen = () => this.next();
    this.socket.onmessage = (message) => this.show(message.data);
    this.socket.onclose = () => setTimeout(() => this.watch(), 3000);
  }

  next() {
    if (document.hidden) document.addEventListener("visibilitychange", () => this.next(), { once: true });
    else if (this.socket.readyState === WebSocket.OPEN) this.socket.send("next");
  }

  show(blob) {
    if (!(blob instanceof Blob)) return this.next();
    const address = URL.createObjectURL(blob);
    this.image.onload = this.image.onerror = () => {
      URL.revokeObjectURL(address);
      this.next();
    };
    this.image.src = address;
  }

  update(source) {
    this.state.textContent = source.state;
    this.state.className = `state ${source.state}`;
    this.reason.textContent = source.reason ?? "";
    this.remove.hidden = !source.added;
    if (source.stats?.frames !== undefined) this.tell(source.stats);
  }

  tell(stats) {
    const limit = stats.advisories.find((one) => one.topic === "speed_limit");
    const known = typeof limit?.value === "number";
    this.limit.textContent = known ? String(limit.value) : "?";
    this.limit.classList.toggle("unsure", !known || limit.status !== "active");
    this.limit.setAttribute("aria-label", limit ? limit.message : "limit unknown");
    this.limit.setAttribute("role", "img");
    const others = stats.advisories.filter((one) => one.topic !== "speed_limit").slice(0, 6);
    this.advisories.replaceChildren(...[limit, ...others].filter(Boolean).map((one) =>
      make("li", { class: one.status === "active" ? "" : "stale" }, `${one.message}${one.status === "stale" ? " (last known)" : ""}`)));
    const facts = {
      rate: `${stats.fps.toFixed(1)}/s`,
      latency: stats.latency_ms.p50 === null ? "-" : `${stats.latency_ms.p50.toFixed(0)} ms`,
      "95 %": stats.latency_ms.p95 === null ? "-" : `${stats.latency_ms.p95.toFixed(0)} ms`,
      dropped: stats.dropped,
    };
    if (stats.signal) facts["no signal"] = stats.signal;
    this.stats.replaceChildren(...Object.entries(facts).map(([name, value]) =>
      make("div", {}, make("dt", {}, name), make("dd", {}, String(value)))));
  }

  close() {
    this.closed = true;
    this.socket.onclose = null;
    this.socket.close();
    this.element.remove();
  }
}

export function updateSource(source) {
  if (source.state === "removed") {
    cards.get(source.name)?.close();
    cards.delete(source.name);
  } else {
    if (!cards.has(source.name)) {
      cards.set(source.name, new Card(source));
      find("sources").append(cards.get(source.name).element);
    }
    cards.get(source.name).update(source);
  }
  find("no-sources").hidden = cards.size > 0;
  const chosen = find("sign-source");
  const names = ["", ...cards.keys()];
  if ([...chosen.options].map((one) => one.value).join() !== names.join()) {
    const before = chosen.value;
    chosen.replaceChildren(...names.map((name) => make("option", { value: name }, name || "all")));
    chosen.value = names.includes(before) ? before : "";
  }
}

export const updateStats = (stats) => cards.get(stats.source)?.tell(stats);

export async function openSources() {
  const { sources } = await ask("/v1/sources");
  for (const name of [...cards.keys()]) {
    if (!sources.some((source) => source.name === name)) updateSource({ name, state: "removed" });
  }
  sources.forEach(updateSource);
  find("no-sources").hidden = cards.size > 0;
}

find("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  find("add-error").textContent = "";
  try {
    const { name, address, loop } = form.elements;
    updateSource(await ask("/v1/sources", { method: "POST", json: { name: name.value, address: address.value, loop: loop.checked } }));
    form.reset();
    find("adding").open = false;
  } catch (error) {
    find("add-error").textContent = error.message;
  }
});

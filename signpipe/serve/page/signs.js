// The signs that were confirmed, the newest first.
import { ago, ask, find, make, percent } from "./api.js";
import { place } from "./map.js";

const MOST = 200; // cards on the page; earlier ones are asked for
const shown = new Map();
let next = null;

function card(sign) {
  const facts = [sign.reason, `witnesses: ${sign.witnesses}`];
  if (sign.conflict) facts.push(`conflict: ${sign.conflict}`);
  return make("li", { class: "card" },
    make("img", { src: `/v1/signs/${sign.id}/crop?${sign.ended ? "last" : "first"}`, alt: "", width: 96, height: 96, loading: "lazy" }),
    make("div", {},
      make("h3", {}, sign.title),
      make("p", {}, make("span", { class: sign.verdict }, sign.verdict), ` ${percent(sign.probability)}`),
      make("small", {}, `${sign.source}, ${ago(sign.last)}`),
      make("details", {}, make("summary", {}, "Why"), ...facts.map((fact) => make("p", {}, fact))),
    ));
}

function wanted(sign) {
  const source = find("sign-source").value;
  return sign.id !== null && (!source || sign.source === source);
}

export function addSign(sign) {
  place(sign);
  if (!wanted(sign)) return;
  const element = card(sign);
  const before = shown.get(sign.id);
  if (before) {
    element.querySelector("details").open = before.querySelector("details").open;
    before.replaceWith(element);
  } else {
    find("signs").prepend(element);
    find("told").textContent = `${sign.title}, ${sign.source}`;
  }
  shown.set(sign.id, element);
  if (shown.size > MOST) {
    const oldest = Math.min(...shown.keys());
    shown.get(oldest).remove();
    shown.delete(oldest);
    next = Math.min(...shown.keys());
  }
  update();
}

function update() {
  find("no-signs").hidden = shown.size > 0;
  find("more-signs").hidden = next === null;
}

async function load(before) {
  const parameters = new URLSearchParams({ limit: 30 });
  if (before !== null) parameters.set("before", before);
  if (find("sign-source").value) parameters.set("source", find("sign-source").value);
  const page = await ask(`/v1/signs?${parameters}`);
  for (const sign of page.signs) {
    place(sign);
    if (shown.has(sign.id)) continue;
    const element = card(sign);
    shown.set(sign.id, element);
    find("signs").append(element);
  }
  next = page.next;
  update();
}

export async function openSigns() {
  shown.clear();
  find("signs").replaceChildren();
  await load(null);
}

find("sign-source").addEventListener("change", openSigns);
find("more-signs").addEventListener("click", () => load(next));

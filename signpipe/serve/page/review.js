// The review queue: what nothing was sure of, and what a person says it is.
import { ask, find, make, percent } from "./api.js";

const NO_SIGN = "not-a-sign";
let entries = [];
let position = 0;
let busy = false;

export async function openReview() {
  const { entries: found, counts } = await ask("/v1/review");
  const current = entries[position]?.id;
  entries = found;
  position = Math.max(entries.findIndex((entry) => entry.id === current), 0);
  find("review-count").textContent = counts.open ? String(counts.open) : "";
  if (entries[position]?.id !== current || !current) show();
}

export async function openClasses() {
  const { classes } = await ask("/v1/classes");
  find("classes").replaceChildren(...classes.map((one) => make("option", { value: one.name }, one.title)));
}

function choices(entry) {
  const guesses = entry.top.slice(0, 5).map((one) => [one.name, `${one.title} ${percent(one.probability)}`]);
  return [...guesses.map(([name, text], index) => [String(index + 1), name, text]), ["x", NO_SIGN, "no sign"]];
}

function show() {
  const entry = entries[position];
  find("review").hidden = !entry;
  find("no-review").hidden = Boolean(entry);
  if (!entry) return;
  find("review-crop").src = `/v1/review/${entry.id}/crop`;
  find("review-context").src = `/v1/review/${entry.id}/context`;
  find("review-why").textContent = `${entry.why.join(", ")}. ${entry.reason}`;
  find("review-guesses").replaceChildren(...choices(entry).map(([key, name, text]) =>
    make("button", { class: "plain", type: "button", "aria-keyshortcuts": key, onclick: () => label(name) },
      make("kbd", {}, key), ` ${text}`)));
}

async function label(name) {
  const entry = entries[position];
  if (!entry || busy) return;
  busy = true;
  try {
    await ask(`/v1/review/${entry.id}/label`, { method: "PUT", json: { label: name, labeller: "page" } });
    find("review-said").textContent = `Labelled ${name}.`;
    entries.splice(position, 1);
    position = Math.min(position, Math.max(entries.length - 1, 0));
    find("review-count").textContent = entries.length ? String(entries.length) : "";
    show();
  } catch (error) {
    find("review-said").textContent = error.message;
  } finally {
    busy = false;
  }
}

find("review-other").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = find("review-class").value.trim();
  if (name) label(name);
  find("review-class").value = "";
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, select, textarea");
  if (typing || event.ctrlKey || event.altKey || event.metaKey || !entries[position]) return;
  const choice = choices(entries[position]).find(([key]) => key === event.key.toLowerCase());
  if (choice) label(choice[1]);
  else if (event.key === "n" || event.key === "ArrowRight") {
    position = (position + 1) % entries.length;
    show();
  } else return;
  event.preventDefault();
});

// Opens the page: the token where one is needed, then everything, and what happens from then on.
import { ask, find } from "./api.js";
import { placeVehicle } from "./map.js";
import { openClasses, openReview } from "./review.js";
import { openSigns, addSign } from "./signs.js";
import { openSources, updateSource, updateStats } from "./sources.js";

const REVIEW_EVERY = 5000; // milliseconds

function say(text) {
  if (find("connection").textContent !== text) find("connection").textContent = text;
}

function listen() {
  const events = new EventSource("/v1/events");
  const on = (kind, take) => events.addEventListener(kind, (event) => take(JSON.parse(event.data)));
  on("sign", addSign);
  on("source", updateSource);
  on("stats", (stats) => {
    updateStats(stats);
    placeVehicle(stats);
  });
  let lost = false;
  events.onopen = async () => {
    say("live");
    if (lost) await openAll(); // what happened meanwhile may be more than the server remembers
    lost = false;
  };
  events.onerror = () => {
    lost = true;
    say("not connected");
  };
}

async function openAll() {
  await openSources();
  await openSigns();
  await openReview();
}

async function start() {
  find("login").hidden = true;
  find("main").hidden = false;
  try {
    await openAll();
    await openClasses();
  } catch (error) {
    say(error.message);
    setTimeout(start, 3000);
    return;
  }
  listen();
  setInterval(() => openReview().catch(() => {}), REVIEW_EVERY);
}

find("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await ask("/v1/session", { method: "POST", json: { token: find("token").value } });
    find("token").value = "";
    find("login-error").textContent = "";
    await start();
  } catch (error) {
    find("login-error").textContent = error.message;
  }
});

const session = await ask("/v1/session");
if (session.open) await start();
else {
  find("main").hidden = true;
  find("login").hidden = false;
  find("token").focus();
  say("a token is needed");
}

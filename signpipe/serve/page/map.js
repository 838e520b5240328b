// Where signs were seen and where vehicles are, drawn to scale; no tiles are fetched from anywhere.
import { find } from "./api.js";

const SPACE = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT, EDGE, MOST] = [600, 360, 30, 500];
const METRES = 111195; // a degree of latitude
const signs = new Map();
const vehicles = new Map();
let drawing = false;

function draw(name, attributes, text = "") {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.textContent = text;
  return element;
}

function titled(element, text) {
  element.append(draw("title", {}, text));
  return element;
}

export function place(sign) {
  if (sign.latitude === null || sign.id === null) return;
  signs.set(sign.id, sign);
  if (signs.size > MOST) signs.delete(signs.keys().next().value);
  later();
}

export function placeVehicle(stats) {
  if (!stats.place) return;
  vehicles.set(stats.source, { latitude: stats.place[0], longitude: stats.place[1], title: stats.source });
  later();
}

function later() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(redraw);
}

function redraw() {
  drawing = false;
  const places = [...signs.values(), ...vehicles.values()];
  const [south, north] = range(places.map((one) => one.latitude));
  const shrink = Math.cos((((south + north) / 2) * Math.PI) / 180);
  const [west, east] = range(places.map((one) => one.longitude * shrink));
  const size = Math.max((east - west) / (WIDTH - 2 * EDGE), (north - south) / (HEIGHT - 2 * EDGE), 1e-6);
  const at = (one) => ({
    cx: WIDTH / 2 + (one.longitude * shrink - (west + east) / 2) / size,
    cy: HEIGHT / 2 - (one.latitude - (south + north) / 2) / size,
  });
  const metres = nice(100 * size * METRES);
  const bar = metres / (size * METRES);
  find("map").replaceChildren(
    ...[...signs.values()].map((sign) => titled(draw("circle", { class: "sign", r: 4, ...at(sign) }), sign.title)),
    ...[...vehicles.values()].map((one) => titled(draw("circle", { class: "vehicle", r: 6, ...at(one) }), one.title)),
    draw("line", { x1: 12, y1: HEIGHT - 12, x2: 12 + bar, y2: HEIGHT - 12 }),
    draw("text", { x: 12, y: HEIGHT - 18 }, metres >= 1000 ? `${metres / 1000} km` : `${metres} m`),
  );
  find("map").removeAttribute("hidden");
  find("map").setAttribute("aria-label", `Where ${signs.size} signs were seen`);
  find("no-map").hidden = true;
}

function range(values) {
  return [Math.min(...values), Math.max(...values)];
}

function nice(value) {
  const step = 10 ** Math.floor(Math.log10(value));
  return [5, 2, 1].map((times) => times * step).find((one) => one <= value) ?? step;
}

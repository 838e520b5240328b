const NS = "http://www.w3.org/2000/svg";
const map = document.getElementById("map"), marks = document.getElementById("marks"), bar = document.getElementById("bar");
const cards = document.getElementById("cards"), filters = document.getElementById("filters");
const count = document.getElementById("count");
let view = null, shown = [];

function make(parent, name, attributes, text) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
}

function extent() {
  const xs = signs.map((sign) => sign.x), ys = signs.map((sign) => sign.y);
  for (const line of document.querySelectorAll("#roads polyline"))
    for (const point of line.points) { xs.push(point.x); ys.push(point.y); }
  if (!xs.length) return { x: -50, y: -50, w: 100, h: 100 };
  const low = (values) => values.reduce((a, b) => Math.min(a, b)), high = (values) => values.reduce((a, b) => Math.max(a, b));
  const x = low(xs), y = low(ys), w = Math.max(high(xs) - x, 50), h = Math.max(high(ys) - y, 50);
  return { x: x - 0.05 * w, y: y - 0.05 * h, w: 1.1 * w, h: 1.1 * h };
}

function perPixel() { return Math.max(view.w / map.clientWidth, view.h / map.clientHeight); }

function draw() {
  map.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
  const unit = perPixel();
  for (const mark of marks.children) {
    mark.firstChild.setAttribute("r", 5 * unit);
    const turn = (mark.sign.facing * Math.PI) / 180;
    const x = mark.sign.x + 12 * unit * Math.sin(turn), y = mark.sign.y - 12 * unit * Math.cos(turn);
    mark.lastChild.setAttribute("d", `M${mark.sign.x} ${mark.sign.y}L${x} ${y}`);
  }
  const wide = 120 * unit, step = 10 ** Math.floor(Math.log10(wide));
  const metres = [5, 2, 1].map((times) => times * step).find((length) => length <= wide);
  const x = view.x + 12 * unit, y = view.y + view.h - 14 * unit;
  bar.replaceChildren();
  make(bar, "line", { x1: x, y1: y, x2: x + metres, y2: y });
  const size = { x, y: y - 6 * unit, "font-size": 12 * unit };
  make(bar, "text", size, metres < 1000 ? `${metres} m` : `${metres / 1000} km`);
}

function choose(sign, scroll) {
  for (const element of [...marks.children, ...cards.children]) element.classList.toggle("chosen", element.sign === sign);
  const card = [...cards.children].find((one) => one.sign === sign);
  if (scroll && card) card.scrollIntoView({ block: "nearest" });
  if (!scroll) { view.x = sign.x - view.w / 2; view.y = sign.y - view.h / 2; draw(); }
}

function card(sign) {
  const element = document.createElement("div");
  element.className = `card ${sign.state}`;
  element.sign = sign;
  if (sign.crop) { const picture = new Image(); picture.src = sign.crop; picture.alt = ""; element.append(picture); }
  const title = element.appendChild(document.createElement("strong"));
  title.textContent = sign.title;
  const list = element.appendChild(document.createElement("dl"));
  const facts = { state: sign.state + (sign.before ? ` from ${sign.before}` : ""), code: sign.code, map: sign.verdict,
    place: `${sign.place} ±${sign.error} m`, height: `${sign.height} m, ${sign.side}`,
    seen: `${sign.seen} of ${sign.passed} passes`, last: sign.last, probability: sign.probability };
  for (const [name, value] of Object.entries(facts)) {
    if (value === "") continue;
    list.appendChild(document.createElement("dt")).textContent = name;
    list.appendChild(document.createElement("dd")).textContent = value;
  }
  element.onclick = () => choose(sign, false);
  return element;
}

function filter() {
  const data = new FormData(filters), states = new Set(data.getAll("state")), verdict = data.get("verdict") || "";
  const text = (data.get("text") || "").toLowerCase();
  shown = signs.filter((sign) => states.has(sign.state) && (!verdict || sign.verdict === verdict) &&
    `${sign.title} ${sign.code} ${sign.last}`.toLowerCase().includes(text));
  marks.replaceChildren();
  for (const sign of shown) {
    const mark = make(marks, "g", { class: sign.state });
    mark.sign = sign;
    make(mark, "circle", { cx: sign.x, cy: sign.y });
    make(mark, "title", {}, sign.title);
    make(mark, "path", {});
    mark.onclick = () => choose(sign, true);
  }
  cards.replaceChildren(...shown.slice(0, 500).map(card));
  count.textContent = `${shown.length} of ${signs.length} signs`;
  draw();
}

function zoom(factor, x, y) {
  view.x = x - (x - view.x) * factor; view.y = y - (y - view.y) * factor;
  view.w *= factor; view.h *= factor;
  draw();
}

function where(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(map.getScreenCTM().inverse());
  return [point.x, point.y];
}

map.addEventListener("wheel", (event) => { event.preventDefault(); zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...where(event)); });
map.addEventListener("pointerdown", (event) => { if (event.target === map || event.target.closest("#roads")) map.setPointerCapture(event.pointerId); });
map.addEventListener("pointermove", (event) => {
  if (!map.hasPointerCapture(event.pointerId)) return;
  view.x -= event.movementX * perPixel(); view.y -= event.movementY * perPixel();
  draw();
});
map.addEventListener("keydown", (event) => {
  const factor = { "+": 1 / 1.2, "-": 1.2 }[event.key];
  if (factor) zoom(factor, view.x + view.w / 2, view.y + view.h / 2);
});
filters.addEventListener("input", filter);
filters.addEventListener("submit", (event) => event.preventDefault());
view = extent();
filter();

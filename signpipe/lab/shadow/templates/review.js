"use strict";
(() => {
  const events = [...document.querySelectorAll(".event")];
  const keys = { 1: "fault", 2: "no_fault", 3: "unclear" };
  const given = new Map(); // what was said on this page
  let now = 0, unsaved = false;

  const show = () => {
    events.forEach((event, index) => {
      event.classList.toggle("now", index === now);
      for (const name of Object.values(keys))
        event.classList.toggle(name, (given.get(event.id) ?? event.dataset.said) === name);
    });
    const open = events.filter((event) => !given.has(event.id) && event.dataset.said === "").length;
    document.getElementById("count").textContent = `${given.size} verdicts on this page, ${open} events open`;
    document.getElementById("save").disabled = given.size === 0;
  };

  const go = (index) => {
    if (!events.length) return;
    now = Math.min(Math.max(index, 0), events.length - 1);
    show();
    events[now].scrollIntoView({ block: "nearest" });
  };

  const say = (index, verdict) => {
    if (!events[index]) return;
    given.set(events[index].id, verdict);
    unsaved = true;
    go(index + 1);
  };

  document.addEventListener("keydown", (press) => {
    if (press.target.tagName === "INPUT" || press.ctrlKey || press.metaKey || press.altKey) return;
    if (keys[press.key]) say(now, keys[press.key]);
    else if (press.key === "j") go(now + 1);
    else if (press.key === "k") go(now - 1);
    else if (press.key === " ") {
      const video = events[now]?.querySelector("video");
      if (video) video.paused ? video.play() : video.pause();
    } else return;
    press.preventDefault();
  });
  events.forEach((event, index) => {
    for (const button of event.querySelectorAll("[data-verdict]"))
      button.addEventListener("click", () => say(index, button.dataset.verdict));
  });

  document.getElementById("save").addEventListener("click", () => {
    const verdicts = {};
    for (const [id, verdict] of given)
      verdicts[id] = { verdict, note: document.getElementById(id).querySelector(".note").value.trim() };
    const content = { by: document.getElementById("by").value.trim(), verdicts };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(content, null, 1)], { type: "application/json" }));
    link.download = "verdicts.json";
    link.click();
    unsaved = false;
  });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  go(0);
  show();
})();

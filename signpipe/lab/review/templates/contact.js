"use strict";
(() => {
  const cards = [...document.querySelectorAll(".item")];
  const notASign = "not-a-sign", other = "+";
  let unsaved = false;

  // What a card says: null as long as nothing was chosen.
  const said = (card) => {
    const choice = card.querySelector("select").value;
    const name = card.querySelector("input").value.trim();
    if (choice === other) return name ? { label: name, new: true } : null;
    return choice ? { label: choice } : null;
  };

  const count = () => {
    const labels = cards.filter((card) => said(card)).length;
    document.getElementById("count").textContent = `${labels} labelled on this page`;
    document.getElementById("save").disabled = labels === 0;
  };

  // A class that was added to the classifier is none of the catalogue's: it goes by its name.
  const choose = (card, value) => {
    const select = card.querySelector("select"), known = [...select.options].some((option) => option.value === value);
    select.value = known ? value : other;
    if (!known) card.querySelector("input").value = value;
    select.dispatchEvent(new Event("change"));
  };

  const filter = () => {
    const status = document.getElementById("status").value;
    for (const card of cards) card.hidden = status !== "" && card.dataset.status !== status;
  };

  const choices = document.getElementById("choices").content;
  for (const card of cards) {
    card.querySelector("select").append(choices.cloneNode(true));
    const select = card.querySelector("select"), input = card.querySelector("input");
    const changed = () => {
      input.hidden = select.value !== other;
      card.classList.toggle("said", said(card) !== null);
      unsaved = true;
      count();
    };
    select.addEventListener("change", changed);
    input.addEventListener("input", changed);
    for (const button of card.querySelectorAll("button"))
      button.addEventListener("click", () => choose(card, button.dataset.choice ?? notASign));
  }

  document.getElementById("status").addEventListener("change", filter);
  document.getElementById("save").addEventListener("click", () => {
    const labels = {};
    for (const card of cards) if (said(card)) labels[card.id] = said(card);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify({ labels }, null, 1)], { type: "application/json" }));
    link.download = "labels.json";
    link.click();
    unsaved = false;
  });
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  filter();
  count();
})();

// What HTML and htmx do not: the keyboard, comparing, printing, dropping a file.
"use strict";
const byId = (id) => document.getElementById(id);

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select");
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/" && byId("q")) {
    event.preventDefault();
    byId("q").focus();
  } else if (event.key === "j" || event.key === "k") {
    const links = [...document.querySelectorAll(".hit h2 a")];
    const at = links.findIndex((link) => link.closest(".hit").contains(document.activeElement));
    const next = links[event.key === "j" ? at + 1 : at - 1];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "center" });
    }
  }
});

// Ticked or typed for later, or searched while it was typed: the search need not run for it.
let searched = null;
document.addEventListener("change", (event) => {
  const isOld = event.target.id === "q" && event.target.value === searched;
  if (isOld || event.target.matches("[name=shortlist], [name=keep_as]")) event.stopPropagation();
  if (!event.target.matches(".compare")) return;
  event.stopPropagation();
  const chosen = [...document.querySelectorAll(".compare:checked")].map((one) => one.value);
  const said = byId("said");
  said.textContent = "";
  if (chosen.length < 2) return;
  const link = document.createElement("a");
  link.href = "/compare?" + chosen.slice(0, 4).map((one) => "n=" + one).join("&");
  link.textContent = "Compare " + Math.min(chosen.length, 4) + " side by side";
  said.append(link);
}, true);

// The log keeps what was meant, not each letter on the way to it.
document.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.triggeringEvent?.type === "input") event.detail.parameters.live = "1";
  if (event.detail.elt.id === "search") searched = byId("q").value;
});

document.addEventListener("click", (event) => {
  if (event.target.matches(".print")) window.print();
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const place = event.target.closest(".by-job, .drop");
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("over", kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const field = place.querySelector("input[type=file]");
    field.files = event.dataTransfer.files;
    field.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

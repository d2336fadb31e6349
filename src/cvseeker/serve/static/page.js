// What HTML and htmx do not: the keyboard, comparing, dropping files. Everything works without it but these.
"use strict";
const byId = (id) => document.getElementById(id);

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && !typing && byId("q")) { event.preventDefault(); byId("q").focus(); }
  if ((event.key === "j" || event.key === "k") && !typing) {
    const links = [...document.querySelectorAll(".hit h2 a")];
    const at = links.indexOf(document.activeElement);
    const next = links[event.key === "j" ? at + 1 : at - 1];
    if (next) { next.focus(); next.scrollIntoView({ block: "center" }); }
  }
});

document.addEventListener("change", (event) => {
  if (!event.target.matches(".compare")) return;
  event.stopPropagation();
  const chosen = [...document.querySelectorAll(".compare:checked")].map((one) => one.value);
  const said = byId("said");
  said.textContent = "";
  if (chosen.length < 2) return;
  const link = document.createElement("a");
  link.href = "/compare?" + chosen.slice(0, 4).map((one) => "n=" + encodeURIComponent(one)).join("&");
  link.textContent = "Compare " + Math.min(chosen.length, 4) + " side by side";
  said.append(link);
}, true);

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const place = event.target.closest(".drop, .by-job");
    if (!place) return;
    event.preventDefault();
    place.classList.toggle("over", kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const files = place.querySelector("input[type=file]");
    if (files) {
      files.files = event.dataTransfer.files;
      files.dispatchEvent(new Event("change", { bubbles: true }));
      return;
    }
    event.dataTransfer.files[0].text().then((text) => {
      byId("job").value = text;
      byId("job").dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
}

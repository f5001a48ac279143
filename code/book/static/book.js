// Tabs far above the one that was clicked change too, and may be longer or shorter than before:
// keep the clicked one where the reader's eyes are.
document.addEventListener("change", ({ target }) => {
  if (!target.matches(".sd-tab-set > input")) return;
  const label = target.nextElementSibling;
  const before = label.getBoundingClientRect().top;
  requestAnimationFrame(() => {
    window.scrollBy({ top: label.getBoundingClientRect().top - before, behavior: "instant" });
  });
}, true);

// Assistive technology hears what the three buttons choose between.
for (const set of document.querySelectorAll(".framework-tabs")) {
  set.setAttribute("role", "radiogroup");
  set.setAttribute("aria-label", "Framework");
}

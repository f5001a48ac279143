"""The player's markup, style and script: self-contained, labeled, usable by keyboard."""

import hashlib
import html
import json

from unrolled.plots import theme

CSS = """
.unrolled-player .frame{display:none}
.unrolled-player .frame.on{display:block}
.unrolled-player .controls,.unrolled-player .now{display:none}
.unrolled-player ol{max-width:34em;margin:.6em auto;padding-left:1.6em}
@media screen{
.unrolled-player[data-ready] .controls{display:flex;gap:.5em;align-items:center;
max-width:34em;margin:.6em auto 0}
.unrolled-player[data-ready] .now{display:block;max-width:34em;min-height:3.2em;margin:.5em auto 0}
.unrolled-player[data-ready] ol{display:none}
}
@media print{
.unrolled-player .frame.on{display:none}
.unrolled-player .frame.still{display:block}
}
@media (prefers-reduced-motion:reduce){.unrolled-player[data-ready] .play{display:none}}
.unrolled-player button{display:grid;place-items:center;width:2.75em;height:2.5em;padding:0;
font:inherit;color:inherit;background:none;border:1.5px solid var(--u-muted);border-radius:.5em;
cursor:pointer}
.unrolled-player button:hover{border-color:var(--u-accent)}
.unrolled-player button[aria-disabled=true]{opacity:.45;cursor:default}
.unrolled-player button svg{width:1.1em;height:1.1em;fill:currentColor}
.unrolled-player input{flex:1;min-width:4em;height:2.5em;margin:0;accent-color:var(--u-accent)}
.unrolled-player .count{min-width:3em;text-align:right;font-variant-numeric:tabular-nums}
.unrolled-player :focus-visible{outline:3px solid var(--u-accent);outline-offset:2px}
"""

SCRIPT = """
(() => {
for (const root of document.querySelectorAll('[data-player=NAME]:not([data-ready])')) {
  const one = (selector) => root.querySelector(selector);
  const frames = [...root.querySelectorAll(".frame")];
  const labels = [...root.querySelectorAll("li")].map((item) => item.textContent);
  const slider = one("input"), play = one(".play"), last = frames.length - 1;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let at = 0, timer = null;
  const show = (k) => {
    at = Math.max(0, Math.min(last, k));
    frames.forEach((frame, i) => frame.classList.toggle("on", i === at));
    slider.value = at + 1;
    slider.setAttribute("aria-valuetext", `${at + 1} of ${last + 1}`);
    one(".count").textContent = `${at + 1} / ${last + 1}`;
    one(".now").textContent = labels[at];
    one(".back").setAttribute("aria-disabled", at === 0);
    one(".next").setAttribute("aria-disabled", at === last);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.setAttribute("aria-label", "Play");
    play.querySelector("path").setAttribute("d", "PLAY");
  };
  const step = (k) => { stop(); show(k); };
  const toggle = () => {
    if (timer) return stop();
    if (calm.matches) return;
    show(at === last ? 0 : at + 1);
    timer = setInterval(() => { show(at + 1); if (at === last) stop(); }, 1800);
    play.setAttribute("aria-label", "Pause");
    play.querySelector("path").setAttribute("d", "PAUSE");
  };
  one(".back").addEventListener("click", () => step(at - 1));
  one(".next").addEventListener("click", () => step(at + 1));
  play.addEventListener("click", toggle);
  slider.addEventListener("input", () => step(slider.value - 1));
  one(".controls").addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last}[event.key];
    if (to !== undefined) step(to);
    else if (event.key === " " && event.target === slider) toggle();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  calm.addEventListener("change", stop);
  root.dataset.ready = "";
  show(calm.matches ? STILL : 0);
}
})();
"""
PATHS = {
    "back": "M3 2h2v12H3zM13 2 6 8l7 6z",
    "play": "M4 2v12l9-6z",
    "pause": "M3 2h4v12H3zM9 2h4v12H9z",
    "next": "M3 2l7 6-7 6zM11 2h2v12h-2z",
}


def _button(name, label):
    icon = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{PATHS[name]}"/></svg>'
    return f'<button type="button" class="{name}" aria-label="{label}">{icon}</button>'


def markup(drawings, labels, *, caption, alt, still):
    """Put the frames, their controls and their script together.

    Args: drawings, a list of <svg> elements; labels, a sentence for each; caption, alt, texts;
    still, the index of the frame shown where nothing can move.
    Returns: HTML.
    """
    content = json.dumps([drawings, labels, caption, alt, still])
    name = "u" + hashlib.sha256(content.encode()).hexdigest()[:8]
    frames = "".join(
        f'<div class="frame{" still on" if k == still else ""}">{svg}</div>'
        for k, svg in enumerate(drawings)
    )
    sentences = "".join(f"<li>{html.escape(label)}</li>" for label in labels)
    buttons = (
        _button("back", "Previous step") + _button("play", "Play") + _button("next", "Next step")
    )
    slider = f'<input type="range" min="1" max="{len(labels)}" value="1" aria-label="Step">'
    script = SCRIPT.replace("NAME", name).replace("STILL", str(still))
    script = script.replace("PLAY", PATHS["play"]).replace("PAUSE", PATHS["pause"])
    return (
        f'<figure class="unrolled-figure unrolled-player" data-player="{name}">'
        f"<style>{theme.CSS}{CSS}</style>"
        f'<div class="stage" role="img" aria-label="{html.escape(alt)}">{frames}</div>'
        f'<div class="controls" role="group" aria-label="Steps of this figure">{buttons}{slider}'
        f'<span class="count" aria-hidden="true"></span></div>'
        f'<p class="now" aria-live="polite"></p><ol>{sentences}</ol>'
        f"<figcaption>{html.escape(caption)}</figcaption><script>{script}</script></figure>"
    )

/**
 * The page's own program, as text: it reads the data in the page, builds the running text and answers the reader. The
 * page's security policy lets nothing else run. Tokens reach the page only as `textContent`, never as markup.
 */
export const clientScript = String.raw`
"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const { sequences, steps, title } = JSON.parse(byId("data").textContent);
  const state = { s: 0, t: 0, view: "text" };
  const reading = byId("reading"), tip = byId("tip");
  const scale = byId("scale"), picker = byId("sequence"), stepPicker = byId("step");

  function element(name, className, text) {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  const valueOf = (stored) => (stored === null || stored === undefined ? NaN : Number(stored));
  const minus = (text) => text.replace(/-/g, "\u2212");
  const exact = (value) => (Number.isNaN(value) ? "does not apply" : minus(String(Number(value.toPrecision(6)))));
  const short = (value) => (Number.isNaN(value) ? "" : minus(Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-4) ? value.toExponential(1) : String(Number(value.toPrecision(3)))));
  const tiny = (value) => {
    const size = Math.abs(value), sign = value < 0 ? "\u2212" : "";
    if (Number.isNaN(value)) return "";
    if (size >= 1000) return minus(value.toExponential(0));
    if (size >= 0.995) return sign + (size >= 10 ? size.toFixed(0) : size.toFixed(1));
    return size >= 0.01 ? sign + size.toFixed(2).slice(1) : size === 0 ? "0" : sign ? ">\u2212.01" : "<.01";
  };
  const bare = (token) => token.label.replace(/^·(?=.)/, "");
  const score = (map, row, column) => (row < map.rows ? valueOf(map.values[row * sequence().columns + column]) : NaN);
  const sequence = () => sequences[state.s];
  const chosen = () => sequence().target[sequence().start + state.t];

  function colorClass(value, max) {
    if (Number.isNaN(value) || !(max > 0)) return "";
    const step = Math.round(Math.min(1, Math.abs(value) / max) * steps);
    return step === 0 ? "" : " " + (value < 0 ? "n" : "p") + step;
  }
  function scaleMax() {
    if (scale.value === "sequence") return sequence().max;
    let max = 0;
    for (const map of sequence().maps)
      for (let row = 0; row < map.rows; row++) {
        const value = Math.abs(score(map, row, state.t));
        if (Number.isFinite(value) && value > max) max = value;
      }
    return max;
  }

  // --- the running text: built once a sequence, coloured once a choice ---
  let inputs = [], outputs = [];
  function group(parent, role, label) {
    const made = element("span");
    made.setAttribute("role", role);
    made.setAttribute("aria-label", label);
    parent.append(made);
    return made;
  }
  function addToken(parent, token, input) {
    const word = token.text.replace(/^ +/, "");
    if (input.row > 0) parent.append(token.text.slice(0, token.text.length - word.length));
    const shown = input.output === undefined ? word : word.replace(/\n/g, "");
    const made = element(input.output === undefined ? "span" : "button", "", shown === "" ? "·" : shown);
    made.base = (input.output === undefined ? "token" : "token output") + (token.special ? " special" : "");
    // Its colour must not lie on the end of the token before it.
    if (input.output === undefined && word === token.text) made.base += " joined";
    made.className = made.base;
    made.tabIndex = -1;
    made.token = token;
    parent.append(made);
    if (shown !== word) parent.append("\n");
    if (input.output === undefined) made.setAttribute("role", "listitem");
    inputs.push({ node: made, ...input });
    return made;
  }
  function build() {
    const data = sequence();
    inputs = []; outputs = [];
    const sourceMap = data.maps.find((map) => map.side === "source");
    const targetMap = data.maps.find((map) => map.side === "target");
    const source = byId("source");
    source.replaceChildren();
    source.parentElement.hidden = !sourceMap;
    const words = group(source, "list", "source tokens");
    if (sourceMap) data.source.forEach((token, row) => addToken(words, token, { map: sourceMap, row }));
    const target = byId("target");
    target.replaceChildren();
    target.classList.toggle("scored", data.stepScores.length > 0);
    stepPicker.replaceChildren(...data.stepScores.map((scores, index) => { const option = element("option", "", scores.name); option.value = String(index); return option; }));
    byId("targetTitle").textContent = sourceMap ? "Output" : "Text and output";
    stepPicker.parentElement.hidden = state.view !== "text" || data.stepScores.length < 2;
    const before = group(target, "list", "tokens before the output");
    const output = group(target, "radiogroup", "output tokens");
    const after = group(target, "list", "tokens after the output");
    data.target.forEach((token, row) => {
      const column = row - data.start;
      if (column < 0 || column >= data.columns) {
        addToken(column < 0 ? before : after, token, { map: targetMap, row });
        return;
      }
      const button = addToken(output, token, { map: targetMap, row, output: column });
      button.type = "button";
      button.setAttribute("role", "radio");
      button.addEventListener("click", () => choose(column, true));
      outputs.push(button);
      if (data.stepScores.length) button.append(element("small"));
    });
    const first = inputs.find((input) => input.output === undefined);
    if (first) first.node.tabIndex = 0;
  }
  function color() {
    const data = sequence(), max = scaleMax(), selected = data.start + state.t;
    for (const { node, map, row, output } of inputs) {
      const value = map ? score(map, row, state.t) : NaN;
      const later = map && map.side === "target" && row > selected ? " later" : "";
      node.className = node.base + colorClass(value, max) + later;
      node.score = value;
      if (output === undefined) node.setAttribute("aria-label", bare(node.token) + ", " + (map ? "score " + exact(value) : "not attributed"));
    }
    const scores = data.stepScores[Number(stepPicker.value) || 0];
    outputs.forEach((button, column) => {
      const on = column === state.t;
      button.setAttribute("aria-checked", String(on));
      button.tabIndex = on ? 0 : -1;
      const value = scores ? valueOf(scores.values[column]) : NaN;
      if (scores) button.lastChild.textContent = tiny(value);
      button.setAttribute("aria-label", "output token " + bare(button.token) + (scores ? ", " + scores.name + " " + exact(value) : "") + (Number.isNaN(button.score) || button.score === undefined ? "" : ", score " + exact(button.score)));
    });
    byId("below").textContent = scores ? "The number below an output token is its " + scores.name + "." : "";
    drawRamp(max);
    describe(max);
  }
  function drawRamp(max) {
    const negative = sequence().negative;
    byId("least").textContent = negative ? short(-max) : "0";
    byId("most").textContent = short(max);
    byId("ramp").classList.toggle("signed", negative);
  }
  function describe(max) {
    const data = sequence(), token = chosen();
    byId("chosen").textContent = token ? bare(token) : "";
    byId("position").textContent = token ? "output token " + (state.t + 1) + " of " + data.columns + ", position " + token.index : "nothing was attributed";
    const facts = byId("facts");
    facts.replaceChildren();
    for (const { name, values } of [...data.stepScores, ...data.completeness]) facts.append(element("dt", "", name), element("dd", "", exact(valueOf(values[state.t]))));
    const all = [];
    for (const map of data.maps)
      for (let row = 0; row < map.rows; row++) {
        const value = score(map, row, state.t);
        if (!Number.isNaN(value) && value !== 0) all.push({ token: data[map.side][row], side: map.side, value });
      }
    all.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    const bars = byId("bars"), top = all.slice(0, 12);
    const negative = top.some(({ value }) => value < 0);
    bars.replaceChildren(...top.map(({ token, side, value }) => {
      const item = element("li"), name = element("bdi", "name"), track = element("span", "track"), bar = element("span", "bar" + colorClass(value < 0 ? -1 : 1, 1));
      if (data.maps.length > 1) name.append(element("i", "", side));
      name.append(bare(token));
      const share = Math.min(1, max > 0 ? Math.abs(value) / max : 0) * (negative ? 50 : 100);
      bar.style.width = share + "%";
      bar.style.left = (negative ? (value < 0 ? 50 - share : 50) : 0) + "%";
      track.append(bar);
      item.append(name, track, element("span", "number", short(value)));
      return item;
    }));
    byId("barsTitle").hidden = top.length === 0;
  }

  // --- choosing ---
  function choose(column, focus) {
    state.t = Math.max(0, Math.min(sequence().columns - 1, column));
    color();
    if (focus && outputs[state.t]) outputs[state.t].focus({ preventScroll: false });
    writeHash();
  }
  function showSequence(index) {
    state.s = Math.max(0, Math.min(sequences.length - 1, index));
    picker.value = String(state.s);
    build();
    document.querySelectorAll(".matrix").forEach((section) => { section.hidden = state.view !== "matrix" || section.id !== "matrix" + state.s; });
    reading.hidden = state.view !== "text";
    scale.parentElement.hidden = state.view !== "text";
    document.querySelectorAll("[data-view]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.view === state.view)));
  }
  function writeHash() {
    history.replaceState(null, "", "#s=" + state.s + "&t=" + state.t + "&view=" + state.view);
  }
  function readHash() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    const number = (key, otherwise) => (/^\d{1,6}$/.test(wanted.get(key) || "") ? Number(wanted.get(key)) : otherwise);
    state.view = wanted.get("view") === "matrix" ? "matrix" : wanted.has("view") ? "text" : state.view;
    showSequence(number("s", state.s));
    state.t = Math.max(0, Math.min(sequence().columns - 1, number("t", 0)));
    color();
  }

  // --- exact values on hover and focus ---
  function showTip(node, lines) {
    tip.replaceChildren(element("strong", "", lines[0]), ...lines.slice(1).map((line) => element("span", "", line)));
    tip.hidden = false;
    const box = node.getClientRects()[0] || node.getBoundingClientRect(), own = tip.getBoundingClientRect();
    const above = box.top - own.height - 8;
    tip.style.left = Math.max(8, Math.min(innerWidth - own.width - 8, box.left + box.width / 2 - own.width / 2)) + "px";
    tip.style.top = (above > 8 ? above : box.bottom + 8) + "px";
    node.setAttribute("aria-describedby", "tip");
  }
  function hideTip() {
    tip.hidden = true;
    document.querySelectorAll("[aria-describedby=tip]").forEach((node) => node.removeAttribute("aria-describedby"));
  }
  function explain(target) {
    const node = target instanceof Element ? target.closest(".token,tbody td") : null;
    hideTip();
    if (!node) return;
    if (node.token) {
      const { vocabulary, id } = node.token;
      showTip(node, [exact(node.score === undefined ? NaN : node.score), "“" + bare(node.token) + "” for “" + bare(chosen()) + "”", vocabulary + (id >= 0 ? " · id " + id : "")]);
      return;
    }
    const table = node.closest("table"), map = sequence().maps[Number(table.dataset.map)];
    const row = node.parentElement.sectionRowIndex, column = node.cellIndex - 1, value = score(map, row, column);
    if (Number.isNaN(value)) return;
    const to = sequence().target[sequence().start + column];
    showTip(node, [exact(value), "“" + bare(sequence()[map.side][row]) + "” for “" + bare(to) + "”"]);
  }
  document.addEventListener("mouseover", (event) => explain(event.target));
  document.addEventListener("focusin", (event) => explain(event.target));
  document.addEventListener("focusout", hideTip);
  document.addEventListener("scroll", hideTip, { passive: true, capture: true });

  // --- keyboard ---
  function moveCell(cell, right, down) {
    const row = cell.parentElement.sectionRowIndex + down, body = cell.closest("tbody");
    const next = body.rows[row] && body.rows[row].cells[cell.cellIndex + right];
    if (!next || next.tagName !== "TD") return;
    cell.tabIndex = -1; next.tabIndex = 0; next.focus();
  }
  document.addEventListener("keydown", (event) => {
    const focused = document.activeElement, key = event.key;
    if (key === "Escape") hideTip();
    if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|INPUT|SUMMARY)$/.test(focused.tagName)) return;
    const right = { ArrowRight: 1, ArrowLeft: -1 }[key] || 0, down = { ArrowDown: 1, ArrowUp: -1 }[key] || 0;
    if (focused.tagName === "TD" && (right || down)) { event.preventDefault(); moveCell(focused, right, down); return; }
    if (state.view !== "text") return;
    const words = inputs.filter((input) => input.output === undefined).map((input) => input.node);
    const at = words.indexOf(focused);
    if (at >= 0 && right) {
      const next = words[at + right];
      if (next) { focused.tabIndex = -1; next.tabIndex = 0; next.focus(); }
    } else if (right) choose(state.t + right, true);
    else if (key === "Home" && outputs.includes(focused)) choose(0, true);
    else if (key === "End" && outputs.includes(focused)) choose(outputs.length - 1, true);
    else return;
    event.preventDefault();
  });

  picker.addEventListener("change", () => { showSequence(Number(picker.value)); choose(0, false); });
  scale.addEventListener("change", color);
  stepPicker.addEventListener("change", color);
  document.querySelectorAll("[data-view]").forEach((button) => button.addEventListener("click", () => { state.view = button.dataset.view; showSequence(state.s); choose(state.t, false); }));
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement, dark = getComputedStyle(root).colorScheme === "dark" || (root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
    root.dataset.theme = dark ? "light" : "dark";
  });
  document.querySelectorAll("tbody").forEach((body) => { const cell = body.querySelector("td"); if (cell) cell.tabIndex = 0; });
  addEventListener("hashchange", readHash);
  document.querySelectorAll(".script").forEach((node) => { node.hidden = false; });
  picker.parentElement.hidden = sequences.length < 2;
  document.title = title;
  readHash();
})();
`;

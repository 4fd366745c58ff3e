// The page of gad serve: the last parts, their review, scores with the threshold, teaching, export. Talks to the server's own
// addresses only; all text from outside goes in as text, never as markup.
"use strict";
(() => {
const $ = id => document.getElementById(id);
const WORDS = { de: {
  skip: "Zum Inhalt", product: "Produkt", live: "Teile", scores: "Werte", teach: "Anlernen", export: "Export", empty: "Noch kein Teil.",
  heat: "Wärmebild (h)", boxes: "Rahmen (b)", fit: "Einpassen (0)", confirm: "Bestätigen (c)", overrule: "Umentscheiden (o)",
  good: "Als Gutteil lernen (g)", show: "Zeige", rejects_first: "Ausschuss zuerst", newest: "Neueste zuerst",
  open: "Ausschuss ohne Prüfung", follow: "Mitlaufen", more: "Ältere Teile", histogram: "Werte der Gutteile und aller Teile seither",
  threshold_save: "Diese Schwelle verwenden", threshold_back: "Zurück zur gelernten", drift: "Werte der guten Teile im Verlauf",
  area: "Nur einen Teil der Bilder ansehen, oder genau hinsehen", smallest: "Kleinster Fehler, der gefunden werden soll, in Pixeln der Bilder", roi: "Rechteck in %: x, y, Breite, Höhe", mask: "Maske: was darin schwarz ist, zählt nicht",
  new_product: "Neues Produkt", create: "Anlegen", drop: "Bilder von Gutteilen hierher ziehen, oder mit Enter auswählen",
  export_title: "Geprüfte Teile", mvtec: "MVTec-Ordner", key: "Schlüssel dieses Servers", enter: "Weiter",
  export_words: "Teile, die jemand bestätigt oder umentschieden hat, mit ihren Rahmen, als tar-Datei.",
  normal: "in Ordnung", anomalous: "Ausschuss", unfamiliar: "unbekannt", unreadable: "unlesbar", failed: "fehlgeschlagen",
  threshold: "Schwelle", score: "Wert", confirmed: "bestätigt", overruled: "umentschieden", waiting: "warten",
  offline: "Server nicht erreichbar", remove: "Entfernen", odd: "auffällig", learning: "lernt …", learnt: "Gutteile gelernt",
  parts_n: "Teile", rejected: "Ausschuss", disagrees: "Die Begründung widerspricht der Messung.", none: "Noch keine Werte.",
  cost_good: "Gutteile über der Schwelle", cost_since: "Teile seither über der Schwelle", cost_missed: "als Ausschuss bestätigte darunter",
  drift_up: "Die letzten guten Teile liegen höher als früher: Licht, Kamera oder Ware prüfen.", drift_no: "Kein Trend.",
  saved: "gespeichert", of: "von", legend_good: "Gutteile, jedes aus den anderen", legend_passed: "seither gut", legend_rejected: "seither Ausschuss" },
 en: {
  normal: "ok", anomalous: "reject", unfamiliar: "unfamiliar", unreadable: "unreadable", failed: "failed", threshold: "threshold",
  score: "score", confirmed: "confirmed", overruled: "overruled", waiting: "waiting", offline: "server not reached", remove: "Remove",
  odd: "odd one", learning: "learning …", learnt: "good parts learnt", parts_n: "parts", rejected: "rejected",
  disagrees: "The reasoning disagrees with the measurement.", none: "No scores yet.", cost_good: "good parts over the threshold",
  cost_since: "parts since over the threshold", cost_missed: "confirmed rejects below it",
  drift_up: "The last passed parts score higher than before: look at light, camera and material.", drift_no: "No trend.", saved: "saved",
  of: "of" } };
let language = localStorage.getItem("gad-language") || (navigator.language.startsWith("de") ? "de" : "en");
const english = {};
document.querySelectorAll("[data-t]").forEach(e => { english[e.dataset.t] = e.textContent; });
const t = key => WORDS[language][key] || WORDS.en[key] || english[key] || key;
function translate() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-t]").forEach(e => { e.textContent = t(e.dataset.t); });
  $("language").textContent = language === "de" ? "EN" : "DE";
  $("language").setAttribute("aria-label", language === "de" ? "English" : "Deutsch");
}

// ---- talking to the server ----------------------------------------------------------------------------------------------
let key = sessionStorage.getItem("gad-key") || "";
async function ask(path, options = {}) {
  for (;;) {
    const headers = { ...(options.headers || {}) };
    if (key) headers.Authorization = "Bearer " + key;
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401) {
      if (!response.ok) throw new Error(((await response.json().catch(() => ({}))).error || {}).message || response.statusText);
      return response;
    }
    key = await askKey();
  }
}
const get = async path => (await ask(path)).json();
const send = async (method, path, value) => (await ask(path, { method, headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value) })).json();
let keyQuestion = null;
function askKey() {
  keyQuestion = keyQuestion || new Promise(resolve => {
    $("key").showModal();
    $("key").addEventListener("close", () => {
      sessionStorage.setItem("gad-key", $("key_value").value);
      keyQuestion = null;
      resolve($("key_value").value);
    }, { once: true });
  });
  return keyQuestion;
}
const enc = encodeURIComponent;
const bitmaps = new Map();
function bitmap(path) { // pictures are fetched with the key, so <img src> will not do
  if (!bitmaps.has(path)) {
    if (bitmaps.size > 200) bitmaps.delete(bitmaps.keys().next().value);
    bitmaps.set(path, ask(path).then(r => r.blob()).then(b => createImageBitmap(b)));
    bitmaps.get(path).catch(() => bitmaps.delete(path));
  }
  return bitmaps.get(path);
}
async function thumbnail(image, path) {
  try {
    const blob = await (await ask(path)).blob();
    image.onload = () => URL.revokeObjectURL(image.src);
    image.src = URL.createObjectURL(blob);
  } catch { image.alt = "–"; }
}
function say(text) { $("state").textContent = text; }

// ---- the picture --------------------------------------------------------------------------------------------------------
let shown = null, zoom = 1, pan = [0, 0];
const inferno = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];
function colourHeat(map) {
  const c = document.createElement("canvas");
  c.width = map.width; c.height = map.height;
  const x = c.getContext("2d", { willReadFrequently: true });
  x.drawImage(map, 0, 0);
  const data = x.getImageData(0, 0, c.width, c.height), d = data.data;
  for (let i = 0; i < d.length; i += 4) {
    const v = d[i] / 255, at = Math.min(3, Math.floor(v * 4)), f = v * 4 - at;
    for (let k = 0; k < 3; k++) d[i + k] = inferno[at][k] + f * (inferno[at + 1][k] - inferno[at][k]);
    d[i + 3] = Math.round(200 * Math.min(1, v * 1.6));
  }
  x.putImageData(data, 0, 0);
  return c;
}
function draw() {
  const canvas = $("picture"), box = $("stage").getBoundingClientRect(), dots = window.devicePixelRatio || 1;
  canvas.width = Math.round(box.width * dots); canvas.height = Math.round(box.height * dots);
  const x = canvas.getContext("2d");
  $("empty").hidden = Boolean(shown);
  if (!shown || !shown.bitmap) return;
  const { bitmap: picture, heat, row } = shown;
  const fit = Math.min(canvas.width / picture.width, canvas.height / picture.height), scale = fit * zoom;
  const left = (canvas.width - picture.width * scale) / 2 + pan[0] * dots, top = (canvas.height - picture.height * scale) / 2 + pan[1] * dots;
  x.imageSmoothingEnabled = scale < 3;
  x.drawImage(picture, left, top, picture.width * scale, picture.height * scale);
  if (heat && $("heat").getAttribute("aria-pressed") === "true") {
    x.imageSmoothingEnabled = true;
    x.drawImage(heat, left, top, picture.width * scale, picture.height * scale);
  }
  if ($("boxes").getAttribute("aria-pressed") !== "true") return;
  const result = row.result || {}, wide = (result.width || picture.width), sx = picture.width / wide * scale;
  x.lineWidth = 2 * dots; x.font = 14 * dots + "px system-ui"; x.textBaseline = "bottom";
  for (const b of result.boxes || []) {
    const [x1, y1, x2, y2] = b.bbox_2d.map(v => v * sx);
    x.strokeStyle = "#000"; x.strokeRect(left + x1 - dots, top + y1 - dots, x2 - x1 + 2 * dots, y2 - y1 + 2 * dots);
    x.strokeStyle = "#ff5a4d"; x.strokeRect(left + x1, top + y1, x2 - x1, y2 - y1);
    if (!b.label) continue;
    const width = x.measureText(b.label).width + 8 * dots;
    x.fillStyle = "#000c"; x.fillRect(left + x1, top + y1 - 20 * dots, width, 20 * dots);
    x.fillStyle = "#fff"; x.fillText(b.label, left + x1 + 4 * dots, top + y1 - 2 * dots);
  }
}
function number(v) { return v === null || v === undefined ? "–" : v.toFixed(3); }
function words(row) {
  const r = row.result || {}, lines = [];
  if (r.error) lines.push(r.error);
  if (r.disagreement) lines.push(t("disagrees"));
  if (r.reasoning) lines.push(r.reasoning);
  if (r.found) lines.push(r.found);
  return lines.join("\n");
}
async function show(row) {
  const other = !shown || shown.row.id !== row.id;
  if (other) { zoom = 1; pan = [0, 0]; shown = { row }; } else shown.row = row;
  const mine = shown;
  const review = row.review ? " · " + t((row.review === "normal") === (row.verdict === "normal") ? "confirmed" : "overruled") : "";
  $("verdict").className = "verdict " + row.verdict;
  $("verdict").textContent = `${t(row.verdict)} · ${t("score")} ${number(row.score)} · ${t("threshold")} ${number(row.threshold)}${review} · ${row.name}`;
  $("stage").setAttribute("aria-label", `${row.name}: ${t(row.verdict)}`);
  $("words").textContent = words(row);
  for (const id of ["confirm", "overrule", "good"]) $(id).disabled = false;
  document.querySelectorAll("#parts li").forEach(li => li.setAttribute("aria-selected", String(Number(li.dataset.id) === row.id)));
  if (mine.bitmap) return draw();
  try { mine.bitmap = await bitmap(`/v1/results/${row.id}/picture`); } catch (e) { say(e.message); }
  try { mine.heat = colourHeat(await bitmap(`/v1/results/${row.id}/heat`)); } catch { mine.heat = null; }
  if (shown === mine) draw();
}

// ---- the list -----------------------------------------------------------------------------------------------------------
let rows = [], newest = 0, product = "", busy = false;
const isReject = row => row.verdict !== "normal";
function ordered() {
  const filter = $("filter").value, list = rows.filter(r => filter !== "open" || (isReject(r) && !r.review));
  return filter === "rejects" ? [...list.filter(isReject), ...list.filter(r => !isReject(r))] : list;
}
function listItem(row) {
  const li = document.createElement("li"), image = document.createElement("img"), text = document.createElement("div"), mark = document.createElement("span");
  li.dataset.id = row.id; li.setAttribute("role", "option"); li.id = "part-" + row.id;
  image.alt = ""; image.loading = "lazy";
  thumbnail(image, `/v1/results/${row.id}/thumbnail`);
  const name = document.createElement("div"), small = document.createElement("div");
  name.className = "name"; name.textContent = row.name || "#" + row.id;
  small.className = "small"; small.textContent = `${row.time.slice(11, 19)} · ${number(row.score)}`;
  text.append(name, small); text.style.minWidth = "0";
  mark.className = row.verdict; mark.textContent = t(row.verdict) + (row.review ? " ✓" : "");
  li.append(image, text, mark);
  li.addEventListener("click", () => { $("follow").checked = false; show(row); });
  return li;
}
const items = new Map();
function drawList() {
  const list = $("parts"), wanted = ordered().slice(0, 400);
  for (const row of wanted) {
    const old = items.get(row.id);
    if (!old || old.review !== row.review || old.language !== language) items.set(row.id, { li: listItem(row), review: row.review, language });
  }
  list.replaceChildren(...wanted.map(r => items.get(r.id).li));
  document.querySelectorAll("#parts li").forEach(li => li.setAttribute("aria-selected", String(Boolean(shown) && Number(li.dataset.id) === shown.row.id)));
}
async function poll() {
  if (busy || !product) return;
  busy = true;
  try {
    const list = (await get(`/v1/results?product=${enc(product)}&after=${newest}&limit=200`)).data;
    if (list.length) {
      newest = list[0].id;
      rows = [...list, ...rows].slice(0, 2000);
      if (!$("live").hidden) drawList();
      if ($("follow").checked || !shown) show(ordered()[0]);
      if (!$("scores").hidden) loadScores();
    }
    const health = await get("/health"), rejected = rows.filter(isReject).length;
    say(`${rows.length} ${t("parts_n")}, ${rejected} ${t("rejected")}` + (health.queue ? `, ${health.queue} ${t("waiting")}` : ""));
  } catch (e) { say(e instanceof TypeError ? t("offline") : e.message); }
  busy = false;
}
async function older() {
  const last = rows.length ? rows[rows.length - 1].id : 0;
  const list = (await get(`/v1/results?product=${enc(product)}&before=${last}&limit=200`)).data;
  rows = [...rows, ...list];
  $("more").hidden = list.length < 200;
  drawList();
}
function step(by) {
  const list = ordered(), at = list.findIndex(r => shown && r.id === shown.row.id), row = list[Math.max(0, Math.min(list.length - 1, at + by))];
  if (!row) return;
  $("follow").checked = false;
  show(row);
  const li = items.get(row.id);
  if (li) li.li.scrollIntoView({ block: "nearest" });
}
async function review(overrule) {
  if (!shown) return;
  const row = shown.row, says = (row.verdict === "normal") !== overrule ? "normal" : "anomalous";
  try {
    await send("PUT", `/v1/results/${row.id}/review`, { review: says });
    row.review = says;
    drawList();
    step(1);
  } catch (e) { say(e.message); }
}
async function learnShown() {
  if (!shown) return;
  try {
    say(t("learning"));
    const made = await send("POST", `/v1/results/${shown.row.id}/good`, {});
    shown.row.review = "normal";
    say(`${made.good} ${t("learnt")}`);
    drawList();
    step(1);
  } catch (e) { say(e.message); }
}

// ---- scores and threshold -----------------------------------------------------------------------------------------------
let details = null, summary = null, line = null;
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function prepare(id) {
  const c = $(id), dots = window.devicePixelRatio || 1, box = c.getBoundingClientRect();
  c.width = Math.round(box.width * dots); c.height = Math.round(box.height * dots);
  const x = c.getContext("2d");
  x.scale(dots, dots); x.font = "13px system-ui";
  return [x, box.width, box.height];
}
function range() { return [0, 1]; } // scores are probabilities
const goodScores = () => (details ? details.parts.map(p => p.score).filter(v => v !== null) : []);
const sinceScores = () => (summary ? summary.scores.filter(s => s[2] !== null) : []);
function drawHistogram() {
  const [x, w, h] = prepare("histogram"), [low, high] = range(), bins = 48, pad = 28;
  const at = v => pad + (v - low) / (high - low) * (w - 2 * pad);
  const fill = values => { const n = new Array(bins).fill(0); for (const v of values) n[Math.min(bins - 1, Math.floor((v - low) / (high - low) * bins))]++; return n; };
  const series = [[fill(goodScores()), colour("--good"), 0], [fill(sinceScores().filter(s => s[3] === "normal").map(s => s[2])), colour("--accent"), 1],
    [fill(sinceScores().filter(s => s[3] !== "normal").map(s => s[2])), colour("--bad"), 2]];
  if (!goodScores().length && !sinceScores().length) { x.fillStyle = colour("--dim"); x.fillText(t("none"), pad, h / 2); return; }
  const wide = (w - 2 * pad) / bins;
  for (const [n, ink, k] of series) {
    const most = Math.max(1, ...n);
    x.fillStyle = ink;
    n.forEach((v, i) => { if (v) x.fillRect(pad + i * wide + k * wide / 3, h - 24 - v / most * (h - 60), wide / 3, v / most * (h - 60)); });
  }
  x.strokeStyle = x.fillStyle = colour("--ink");
  x.beginPath(); x.moveTo(pad, h - 24); x.lineTo(w - pad, h - 24); x.stroke();
  x.fillText(low.toFixed(3), pad, h - 8); x.fillText(high.toFixed(3), w - pad - 36, h - 8);
  if (line === null) return;
  x.lineWidth = 2; x.beginPath(); x.moveTo(at(line), 18); x.lineTo(at(line), h - 24); x.stroke();
  x.fillText(`${t("threshold")} ${line.toFixed(4)}`, Math.min(at(line) + 4, w - 150), 14);
  const over = goodScores().filter(v => v >= line).length, since = sinceScores();
  $("cost").textContent = `${over} ${t("of")} ${goodScores().length} ${t("cost_good")}; ${since.filter(s => s[2] >= line).length} ${t("of")} ${since.length} ${t("cost_since")}; ` +
    `${since.filter(s => s[4] === "anomalous" && s[2] < line).length} ${t("of")} ${since.filter(s => s[4] === "anomalous").length} ${t("cost_missed")}`;
  $("histogram").setAttribute("aria-valuenow", line.toFixed(4)); $("histogram").setAttribute("aria-valuemin", low.toFixed(4));
  $("histogram").setAttribute("aria-valuemax", high.toFixed(4)); $("histogram").setAttribute("aria-valuetext", $("cost").textContent);
}
function drawDrift() {
  const [x, w, h] = prepare("drift"), passed = sinceScores().filter(s => s[3] === "normal").map(s => s[2]), pad = 28;
  $("drift_words").textContent = "";
  if (passed.length < 2) { x.fillStyle = colour("--dim"); x.fillText(t("none"), pad, h / 2); return; }
  const [low, high] = range();
  const px = i => pad + i / (passed.length - 1) * (w - 2 * pad), py = v => h - 20 - (v - low) / (high - low) * (h - 40);
  x.fillStyle = colour("--dim");
  passed.forEach((v, i) => x.fillRect(px(i) - 1, py(v) - 1, 2, 2));
  const window_ = Math.max(5, Math.round(passed.length / 20));
  x.strokeStyle = colour("--accent"); x.lineWidth = 2; x.beginPath();
  let sum = 0;
  passed.forEach((v, i) => { sum += v - (i >= window_ ? passed[i - window_] : 0); const m = sum / Math.min(i + 1, window_); i ? x.lineTo(px(i), py(m)) : x.moveTo(px(i), py(m)); });
  x.stroke();
  if (line !== null) { x.strokeStyle = colour("--ink"); x.beginPath(); x.moveTo(pad, py(line)); x.lineTo(w - pad, py(line)); x.stroke(); }
  const half = Math.floor(passed.length / 2), mean = a => a.reduce((p, q) => p + q, 0) / a.length, first = passed.slice(0, half), last = passed.slice(half);
  const spread = Math.sqrt(mean(first.map(v => (v - mean(first)) ** 2)));
  $("drift_words").textContent = passed.length >= 20 && mean(last) - mean(first) > spread ? t("drift_up") : t("drift_no");
}
async function loadScores() {
  if (!product) return;
  try {
    const fresh = !details || details.name !== product;
    [details, summary] = await Promise.all([get(`/v1/products/${enc(product)}`), get(`/v1/products/${enc(product)}/summary`)]);
    if (fresh || line === null) line = details.threshold;
    drawHistogram(); drawDrift();
  } catch (e) { say(e.message); }
}
function drag(event) {
  if (line === null || !(event.buttons & 1)) return;
  const box = $("histogram").getBoundingClientRect(), [low, high] = range();
  line = Math.max(low, low + (event.clientX - box.left - 28) / (box.width - 56) * (high - low));
  drawHistogram(); drawDrift();
}
async function saveThreshold(value) {
  try {
    details = await send("PUT", `/v1/products/${enc(product)}/threshold`, { value });
    line = details.threshold;
    drawHistogram(); drawDrift(); say(t("saved"));
  } catch (e) { say(e.message); }
}

// ---- teaching -----------------------------------------------------------------------------------------------------------
async function loadGood() {
  if (!product) return;
  details = await get(`/v1/products/${enc(product)}`);
  $("teach_state").textContent = `${details.parts.length} ${t("learnt")}` + (details.note ? ". " + details.note : "");
  $("good_parts").replaceChildren(...[...details.parts].sort((a, b) => (b.score ?? 0) - (a.score ?? 0)).map(part => {
    const li = document.createElement("li"), image = document.createElement("img"), name = document.createElement("div"), remove = document.createElement("button");
    li.className = part.odd ? "odd" : ""; image.alt = "";
    thumbnail(image, `/v1/products/${enc(product)}/good/${enc(part.name)}`);
    name.className = "small name"; name.textContent = `${part.name} · ${number(part.score)}` + (part.odd ? " · " + t("odd") : ""); name.title = name.textContent;
    remove.textContent = t("remove"); remove.setAttribute("aria-label", `${t("remove")}: ${part.name}`);
    remove.addEventListener("click", async () => { try { await ask(`/v1/products/${enc(product)}/good/${enc(part.name)}`, { method: "DELETE" }); loadGood(); } catch (e) { $("teach_state").textContent = e.message; } });
    li.append(image, name, remove);
    return li;
  }));
}
async function teach(files) {
  if (!product || !files.length) return;
  const form = new FormData();
  for (const file of files) form.append("image", file, file.name);
  $("teach_state").textContent = t("learning");
  try { await ask(`/v1/products/${enc(product)}/good`, { method: "POST", body: form }); await loadGood(); await loadProducts(product); }
  catch (e) { $("teach_state").textContent = e.message; }
}
function asUrl(file) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result); reader.onerror = () => failed(reader.error); reader.readAsDataURL(file);
  });
}
async function create(event) {
  event.preventDefault();
  const name = $("new_name").value.trim(), roi = $("new_roi").value.trim(), mask = $("new_mask").files[0], wish = { name };
  try {
    if (roi) wish.roi = roi.split(/[\s,]+/).map(percent => percent / 100);
    if (mask) wish.mask = await asUrl(mask);
    if ($("new_smallest").value) wish.smallest_px = +$("new_smallest").value;
    await send("POST", "/v1/products", wish); $("new").reset(); await loadProducts(name); choose(name);
  }
  catch (e) { $("teach_state").textContent = e.message; }
}

// ---- export -------------------------------------------------------------------------------------------------------------
async function download(format) {
  try {
    const blob = await (await ask(`/v1/export?product=${enc(product)}&format=${format}`)).blob(), a = document.createElement("a");
    a.href = URL.createObjectURL(blob); a.download = `${product}-${format}.tar`; a.click();
    setTimeout(() => URL.revokeObjectURL(a.href), 10000);
    $("export_state").textContent = "";
  } catch (e) { $("export_state").textContent = e.message; }
}

// ---- the whole ----------------------------------------------------------------------------------------------------------
async function loadProducts(wanted) {
  const list = (await get("/v1/products")).data, select = $("product");
  select.replaceChildren(...list.map(p => { const o = document.createElement("option"); o.value = p.name; o.textContent = `${p.name} (${p.good})`; return o; }));
  const name = list.some(p => p.name === wanted) ? wanted : list.length ? list[0].name : "";
  select.value = name;
  return name;
}
function choose(name) {
  product = name; rows = []; newest = 0; shown = null; details = summary = null; line = null; items.clear();
  localStorage.setItem("gad-product", name);
  for (const id of ["confirm", "overrule", "good"]) $(id).disabled = true;
  $("verdict").textContent = ""; $("words").textContent = ""; $("more").hidden = false;
  draw(); drawList(); open(current); poll();
}
let current = "live";
function open(view) {
  current = view;
  document.querySelectorAll("nav button").forEach(b => b.setAttribute("aria-pressed", String(b.dataset.view === view)));
  for (const id of ["live", "scores", "teach", "export"]) $(id).hidden = id !== view;
  if (view === "live") { draw(); drawList(); }
  if (view === "scores") loadScores();
  if (view === "teach") loadGood().catch(e => { $("teach_state").textContent = e.message; });
}
function press(id) { const b = $(id); b.setAttribute("aria-pressed", String(b.getAttribute("aria-pressed") !== "true")); draw(); }
function zoomBy(f) { zoom = Math.max(1, Math.min(64, zoom * f)); if (zoom === 1) pan = [0, 0]; draw(); }
const keys = { j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1), c: () => review(false), o: () => review(true),
  g: learnShown, h: () => press("heat"), b: () => press("boxes"), "+": () => zoomBy(1.5), "-": () => zoomBy(1 / 1.5), 0: () => zoomBy(0) };
function wire() {
  document.querySelectorAll("nav button").forEach(b => b.addEventListener("click", () => open(b.dataset.view)));
  $("product").addEventListener("change", () => choose($("product").value));
  $("filter").addEventListener("change", drawList);
  $("more").addEventListener("click", older);
  for (const id of ["heat", "boxes"]) $(id).addEventListener("click", () => press(id));
  $("zoom_in").addEventListener("click", () => zoomBy(1.5)); $("zoom_out").addEventListener("click", () => zoomBy(1 / 1.5)); $("zoom_fit").addEventListener("click", () => zoomBy(0));
  $("confirm").addEventListener("click", () => review(false)); $("overrule").addEventListener("click", () => review(true)); $("good").addEventListener("click", learnShown);
  $("stage").addEventListener("wheel", e => { e.preventDefault(); zoomBy(e.deltaY < 0 ? 1.2 : 1 / 1.2); }, { passive: false });
  $("stage").addEventListener("pointermove", e => { if (e.buttons & 1 && zoom > 1) { pan = [pan[0] + e.movementX, pan[1] + e.movementY]; draw(); } });
  document.addEventListener("keydown", e => {
    if (current !== "live" || e.ctrlKey || e.metaKey || e.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) || $("key").open) return;
    if (keys[e.key]) { e.preventDefault(); keys[e.key](); }
  });
  $("histogram").addEventListener("pointerdown", drag); $("histogram").addEventListener("pointermove", drag);
  $("histogram").addEventListener("keydown", e => {
    const [low, high] = range(), by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[e.key];
    if (by && line !== null) { e.preventDefault(); line = Math.max(low, line + by * (high - low) / 200); drawHistogram(); drawDrift(); }
  });
  $("threshold_save").addEventListener("click", () => saveThreshold(line)); $("threshold_back").addEventListener("click", () => saveThreshold(null));
  $("new").addEventListener("submit", create);
  $("drop").addEventListener("click", () => $("files").click());
  $("drop").addEventListener("keydown", e => { if (e.key === "Enter" || e.key === " ") { e.preventDefault(); $("files").click(); } });
  $("files").addEventListener("change", () => { teach([...$("files").files]); });
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    $("drop").addEventListener(name, e => { e.preventDefault(); $("drop").classList.toggle("over", over); if (name === "drop") teach([...e.dataTransfer.files]); });
  document.querySelectorAll("[data-format]").forEach(b => b.addEventListener("click", () => download(b.dataset.format)));
  $("language").addEventListener("click", () => { language = language === "de" ? "en" : "de"; localStorage.setItem("gad-language", language); translate(); drawList(); if (shown) show(shown.row); if (current === "scores") loadScores(); if (current === "teach") loadGood(); });
  new ResizeObserver(() => { if (current === "live") draw(); if (current === "scores" && details) { drawHistogram(); drawDrift(); } }).observe(document.body);
}
translate();
wire();
loadProducts(localStorage.getItem("gad-product")).then(choose).catch(e => say(e.message));
setInterval(poll, 1000);
})();

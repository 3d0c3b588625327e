'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const stage = document.getElementById('stage');
const world = document.getElementById('world');
const panel = document.querySelector('aside');
const search = document.getElementById('search');
const found = document.getElementById('found');
const chooser = document.getElementById('graphs');
let current = -1;                      // index of the graph that is shown
let view = { x: 0, y: 0, scale: 1 };   // world to screen
let selected = null;

const scenes = [...world.querySelectorAll('.scene')];
// What stands in files is put into the page as text only.
function element(tag, text, className) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}
const boxElement = (index) => scenes[current].querySelector(`[data-b="${index}"]`);
const netElement = (index) => scenes[current].querySelector(`[data-e="${index}"]`);

function applyView() { world.setAttribute('transform', `translate(${view.x} ${view.y}) scale(${view.scale})`); }

function zoomAt(x, y, factor) {
  const scale = Math.min(8, Math.max(0.005, view.scale * factor));
  view.x = x - (x - view.x) * scale / view.scale;
  view.y = y - (y - view.y) * scale / view.scale;
  view.scale = scale;
  applyView();
}

function fit() {
  const graph = data.graphs[current], room = stage.getBoundingClientRect();
  view.scale = Math.min(1.5, (room.width - 40) / graph.width, (room.height - 40) / graph.height);
  view.x = (room.width - graph.width * view.scale) / 2;
  view.y = 20;
  applyView();
}

// The beginning of the graph at a size that can be read.
function home() {
  const graph = data.graphs[current], room = stage.getBoundingClientRect();
  const first = graph.boxes.length ? center(0) : { x: graph.width / 2, y: 0 };
  view.scale = Math.max(0.6, Math.min(1, (room.width - 40) / graph.width));
  view.x = graph.width * view.scale < room.width ? (room.width - graph.width * view.scale) / 2 : room.width / 2 - first.x * view.scale;
  view.y = 24;
  applyView();
}

function center(index) {
  const box = boxElement(index), place = box.transform.baseVal.getItem(0).matrix, size = box.querySelector('.o');
  return { x: place.e + Number(size.getAttribute('width')) / 2, y: place.f + Number(size.getAttribute('height')) / 2 };
}

function goTo(index) {
  const room = stage.getBoundingClientRect(), at = center(index);
  view.scale = Math.max(view.scale, 0.7);
  view.x = room.width / 2 - at.x * view.scale;
  view.y = room.height / 2 - at.y * view.scale;
  applyView();
  select(index);
}

function showGraph(index) {
  if (index === current) return;
  current = index;
  scenes.forEach((scene, i) => scene.style.display = i === index ? '' : 'none');
  chooser.value = index;
  select(null);
  home();
}

function select(index) {
  world.querySelectorAll('.hit').forEach((hit) => hit.classList.remove('hit'));
  selected = index;
  panel.replaceChildren();
  panel.scrollTop = 0;
  if (index === null) return showModel();
  boxElement(index).classList.add('hit');
  data.graphs[current].nets.forEach((net, i) => {
    if (net.source === index || net.targets.includes(index)) netElement(i)?.classList.add('hit');
  });
  showBox(data.graphs[current].boxes[index]);
}

function heading(text) { panel.append(element('h3', text)); }

function rows(pairs) {
  const table = element('table');
  for (const [name, value] of pairs) {
    const row = element('tr');
    row.append(element('td', name), value instanceof Node ? value : element('td', value));
    table.append(row);
  }
  panel.append(table);
}

function showModel() {
  panel.append(element('h2', data.title));
  rows(data.facts);
  if (data.operators.length) {
    heading('Operators');
    rows(data.operators.map(([name, count]) => {
      const cell = element('td'), link = element('a', String(count));
      link.onclick = () => { search.value = name; search.focus(); lookUp(); };
      cell.append(link);
      return [name, cell];
    }));
  }
}

function showBox(box) {
  panel.append(element('h2', box.title));
  const about = [];
  if (box.name) about.push(['name', box.name]);
  if (box.domain) about.push(['domain', box.domain]);
  for (const fact of box.facts || []) about.push(fact);
  if (box.doc) about.push(['doc', box.doc]);
  rows(about);
  for (const [text, graph] of box.graphs || []) {
    const link = element('a', `open ${text}`);
    link.onclick = () => showGraph(graph);
    const line = element('div');
    line.append(link);
    panel.append(line);
  }
  if (box.attributes?.length) {
    heading('Attributes');
    rows(box.attributes.map(([name, type, text]) => {
      const cell = element('td', text);
      cell.title = type;
      return [name, cell];
    }));
  }
  if (box.inputs?.length) { heading('Inputs'); box.inputs.forEach((value) => showValue(value, 'from')); }
  if (box.outputs?.length) { heading('Outputs'); box.outputs.forEach((value) => showValue(value, 'to')); }
}

function showValue(value, direction) {
  const card = element('div', undefined, 'value');
  card.append(element('div', value.parameter ? `${value.parameter}: ${value.name}` : value.name));
  if (value.type) card.append(element('div', value.type, 'type'));
  const net = value.net >= 0 ? data.graphs[current].nets[value.net] : null;
  if (net) {
    const others = direction === 'from' ? [net.source] : net.targets;
    const line = element('div');
    others.slice(0, 40).forEach((index) => {
      const other = data.graphs[current].boxes[index];
      const link = element('a', `${direction} ${other.title}${other.name ? ' ' + other.name : ''}`);
      link.onclick = () => goTo(index);
      line.append(link, element('br'));
    });
    if (others.length > 40) line.append(`and ${others.length - 40} more`);
    card.append(line);
  }
  if (value.weight) showWeight(value.weight, card);
  panel.append(card);
}

function showWeight(weight, card) {
  const line = (text, className) => card.append(element('div', text, className));
  if (weight.note) line(weight.note, 'type');
  if (weight.error) line(weight.error, 'warn');
  if (weight.min !== undefined) line(`min ${weight.min}   max ${weight.max}`);
  if (weight.mean !== undefined) line(`mean ${weight.mean}   std ${weight.std}`);
  if (weight.zeros) line(`${weight.zeros} zeros`);
  if (weight.nan || weight.inf) line(`${weight.nan} NaN, ${weight.inf} Inf`, 'warn');
  if (weight.first?.length) card.append(element('pre', `[${weight.first.join(', ')}${weight.more ? ', ...' : ''}]`));
}

// Search: every word must occur in the operator, the name or a value's name.
let hits = [], at = 0;
function lookUp() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  hits = [];
  if (words.length) {
    data.graphs.forEach((graph, g) => graph.boxes.forEach((box, b) => {
      if (hits.length >= 200) return;
      if (words.every((word) => box.find.includes(word))) hits.push([g, b, box]);
    }));
  }
  at = 0;
  found.replaceChildren(...hits.map(([g, b, box], i) => {
    const line = element('div', box.title);
    line.append(element('small', box.name || box.outputs?.[0]?.name || ''));
    line.onpointerdown = (event) => { event.preventDefault(); open(i); };
    return line;
  }));
  if (words.length && !hits.length) found.replaceChildren(element('div', 'nothing found'));
  found.style.display = words.length ? 'block' : 'none';
  found.style.left = search.getBoundingClientRect().left + 'px';
  mark();
}
function mark() { [...found.children].forEach((line, i) => line.classList.toggle('at', i === at)); found.children[at]?.scrollIntoView({ block: 'nearest' }); }
function open(i) {
  if (!hits[i]) return;
  showGraph(hits[i][0]);
  goTo(hits[i][1]);
  found.style.display = 'none';
}
search.oninput = lookUp;
search.onfocus = lookUp;
search.onblur = () => found.style.display = 'none';
search.onkeydown = (event) => {
  if (event.key === 'Enter') open(at);
  else if (event.key === 'Escape') search.blur();
  else if (event.key === 'ArrowDown') at = Math.min(at + 1, hits.length - 1);
  else if (event.key === 'ArrowUp') at = Math.max(at - 1, 0);
  else return;
  event.preventDefault();
  mark();
};

// Pan by dragging, zoom with the wheel, select by a click that was no drag.
let drag = null;
stage.onpointerdown = (event) => { drag = { x: event.clientX, y: event.clientY, moved: false, target: event.target }; stage.setPointerCapture(event.pointerId); };
stage.onpointermove = (event) => {
  if (!drag) return;
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  drag.moved = true;
  stage.classList.add('dragging');
  view.x += dx;
  view.y += dy;
  drag.x = event.clientX;
  drag.y = event.clientY;
  applyView();
};
stage.onpointerup = () => {
  stage.classList.remove('dragging');
  if (drag && !drag.moved) {
    const box = drag.target.closest('.b');
    select(box ? Number(box.dataset.b) : null);
  }
  drag = null;
};
stage.addEventListener('wheel', (event) => {
  event.preventDefault();
  const room = stage.getBoundingClientRect();
  const lines = event.deltaMode === 1 ? 20 : 1;
  if (event.shiftKey) { view.x -= (event.deltaY + event.deltaX) * lines; applyView(); return; }
  zoomAt(event.clientX - room.left, event.clientY - room.top, Math.exp(-event.deltaY * lines * 0.0015));
}, { passive: false });

function zoomMiddle(factor) { const room = stage.getBoundingClientRect(); zoomAt(room.width / 2, room.height / 2, factor); }
document.getElementById('in').onclick = () => zoomMiddle(1.3);
document.getElementById('out').onclick = () => zoomMiddle(1 / 1.3);
document.getElementById('fit').onclick = fit;
document.getElementById('home').onclick = home;
document.onkeydown = (event) => {
  if (document.activeElement === search) return;
  if (event.key === '/') { event.preventDefault(); search.focus(); search.select(); }
  else if (event.key === '+') zoomMiddle(1.3);
  else if (event.key === '-') zoomMiddle(1 / 1.3);
  else if (event.key === 'f') fit();
  else if (event.key === 'h') home();
  else if (event.key === 'Escape') select(null);
};

data.graphs.forEach((graph, i) => {
  const option = element('option', graph.title);
  option.value = i;
  chooser.append(option);
  for (const box of graph.boxes) {
    const names = [...(box.inputs || []), ...(box.outputs || [])].map((value) => value.name);
    box.find = [box.title, box.name, ...names].join('\n').toLowerCase();
  }
});
chooser.onchange = () => showGraph(Number(chooser.value));
if (data.graphs.length < 2) chooser.style.display = 'none';
if (data.graphs.length) showGraph(0);

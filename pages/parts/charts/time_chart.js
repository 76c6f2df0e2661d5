// Lines or stacked bars over time, drawn as SVG. Names reach the page as text nodes only, never as markup.
// The framework calls the function again when the data or the theme changes; state lives in `charts`.

const SVG = "http://www.w3.org/2000/svg";
const MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
const TIME_STEPS = [
  MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR,
  DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 90 * DAY, 365 * DAY,
];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MAX_Y_TICKS = 5, PX_PER_X_TICK = 70, RIGHT_PX = 8, TOP_PX = 10, BOTTOM_PX = 22, UNIT_PX = 16;
const charts = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".chart");
  const host = parentElement.host ?? parentElement;
  const chart = charts.get(root) ?? { hidden: new Set(), index: null };
  charts.set(root, chart);
  chart.data = data;
  chart.colours = (getComputedStyle(host).getPropertyValue("--st-chart-categorical-colors") || "#4F46E5")
    .split(",").map((colour) => colour.trim());
  chart.draw = () => draw(root, chart);
  chart.draw();
  if (!chart.observer) {
    chart.observer = new ResizeObserver(() => {
      if (root.clientWidth !== chart.width) chart.draw();
    });
    chart.observer.observe(root);
  }
  return () => {
    chart.observer.disconnect();
    charts.delete(root);
  };
}

function draw(root, chart) {
  const { data } = chart;
  const width = root.clientWidth;
  chart.width = width;
  const legend = data.legend ? buildLegend(root, chart) : null;
  root.replaceChildren(...(legend ? [legend] : []));
  if (width < 60) return;
  // The legend may take several rows: the plot has the height that remains.
  const height = Math.max(90, data.height - (legend ? legend.offsetHeight : 0));
  const lines = data.lines.map((line, index) => ({
    ...line, index, colour: chart.colours[index % chart.colours.length],
  })).filter((line) => !chart.hidden.has(line.index));
  const stacks = data.kind === "bars" ? stack(lines, data.at.length) : null;
  const yAxis = findYAxis(data, lines, stacks);
  const svg = element("svg", { width, height, role: "img", "aria-label": data.alt });
  const labels = yAxis.ticks.map((value) => formatTick(value, yAxis.step));
  const left = (data.unit ? UNIT_PX : 0) + Math.max(...labels.map(measure), 12) + 8;
  const plot = { left, right: width - RIGHT_PX, top: TOP_PX, bottom: height - BOTTOM_PX };
  const slot = data.at.length > 1 ? findSlot(data.at) : HOUR;
  // Bars stand on their instants, so half a bar is drawn before the first and after the last.
  const margin = stacks ? slot / 2 : data.at.length > 1 ? 0 : slot;
  const first = (data.at[0] ?? 0) - margin, last = (data.at.at(-1) ?? 0) + margin;
  const x = (at) => plot.left + ((at - first) / (last - first || 1)) * (plot.right - plot.left);
  const y = (value) => plot.bottom - ((value - yAxis.low) / (yAxis.high - yAxis.low)) * (plot.bottom - plot.top);

  yAxis.ticks.forEach((value, index) => {
    svg.append(element("line", { class: "grid", x1: plot.left, x2: plot.right, y1: y(value), y2: y(value) }));
    svg.append(text(labels[index], { class: "tick", x: plot.left - 6, y: y(value) + 4, "text-anchor": "end" }));
  });
  if (data.unit) {
    const middle = (plot.top + plot.bottom) / 2;
    svg.append(text(data.unit, {
      class: "unit", x: 10, y: middle, "text-anchor": "middle", transform: `rotate(-90 10 ${middle})`,
    }));
  }
  for (const [at, label] of findTimeTicks(first, last, (plot.right - plot.left) / PX_PER_X_TICK)) {
    svg.append(text(label, { class: "tick", x: x(at), y: height - 6, "text-anchor": "middle" }));
  }
  if (stacks) drawBars(svg, data, lines, stacks, x, y, slot);
  else lines.forEach((line) => drawLine(svg, data, line, x, y));
  if (data.limit) {
    const at = y(data.limit.value);
    svg.append(element("line", { class: "limit", x1: plot.left, x2: plot.right, y1: at, y2: at }));
    svg.append(text(data.limit.label, { class: "limit-label", x: plot.right, y: at - 5, "text-anchor": "end" }));
  }
  root.append(svg);
  addPointer(root, svg, chart, lines, { x, y, plot, stacks });
}

function buildLegend(root, chart) {
  const legend = document.createElement("div");
  legend.className = "legend";
  chart.data.lines.forEach((line, index) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", String(!chart.hidden.has(index)));
    button.append(buildSwatch(chart, line, index), document.createTextNode(line.name));
    button.onclick = () => {
      if (!chart.hidden.delete(index)) chart.hidden.add(index);
      chart.draw();
      root.querySelectorAll(".legend button")[index].focus();
    };
    legend.append(button);
  });
  // Its height is needed before the plot is drawn.
  root.replaceChildren(legend);
  return legend;
}

function buildSwatch(chart, line, index) {
  const swatch = document.createElement("span");
  swatch.className = chart.data.kind === "bars" ? "swatch box" : "swatch";
  const colour = chart.colours[index % chart.colours.length];
  swatch.style.background = line.is_dashed
    ? `repeating-linear-gradient(90deg, ${colour} 0 5px, transparent 5px 8px)`
    : colour;
  return swatch;
}

function drawLine(svg, data, line, x, y) {
  let path = "", tail = "", isOpen = false, points = 0;
  const alone = [];
  const end = line.values.length - 1;
  line.values.forEach((value, index) => {
    if (value === null) {
      isOpen = false;
      return;
    }
    const isTail = data.is_unfinished && isOpen && index === end;
    if (isTail) {
      tail = `M${x(data.at[end - 1]).toFixed(1)} ${y(line.values[end - 1]).toFixed(1)}`
        + `L${x(data.at[end]).toFixed(1)} ${y(value).toFixed(1)}`;
    } else path += `${isOpen ? "L" : "M"}${x(data.at[index]).toFixed(1)} ${y(value).toFixed(1)}`;
    points += 1;
    // A value between two gaps has no line of its own.
    if (!isOpen && (line.values[index + 1] ?? null) === null) alone.push(index);
    isOpen = true;
  });
  svg.append(element("path", {
    class: "line", d: path, stroke: line.colour, ...(line.is_dashed ? { "stroke-dasharray": "6 4" } : {}),
  }));
  if (tail) svg.append(element("path", { class: "line tail", d: tail, stroke: line.colour, "stroke-dasharray": "2 3" }));
  const marked = points <= 3 ? line.values.flatMap((value, index) => (value === null ? [] : [index])) : alone;
  for (const index of marked) {
    svg.append(element("circle", { cx: x(data.at[index]), cy: y(line.values[index]), r: 2.5, fill: line.colour }));
  }
}

function drawBars(svg, data, lines, stacks, x, y, slot) {
  const width = Math.max(1, (x(data.at[0] + slot) - x(data.at[0])) * 0.75);
  lines.forEach((line, row) => {
    // One path per line: a day in steps of five minutes has 288 bars.
    let path = "";
    stacks[row].forEach(([low, high], index) => {
      if (high === low) return;
      const left = (x(data.at[index]) - width / 2).toFixed(1);
      path += `M${left} ${y(low).toFixed(1)}h${width.toFixed(1)}V${y(high).toFixed(1)}h${(-width).toFixed(1)}Z`;
    });
    svg.append(element("path", { d: path, fill: line.colour }));
  });
}

function addPointer(root, svg, chart, lines, { x, y, plot, stacks }) {
  const { data } = chart;
  if (!data.at.length) return;
  const cross = element("line", { class: "cross", y1: plot.top, y2: plot.bottom, visibility: "hidden" });
  const dots = lines.map((line) => element("circle", { r: 3.5, fill: line.colour, visibility: "hidden" }));
  svg.append(cross, ...dots);
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.setAttribute("role", "status");
  tip.hidden = true;
  root.append(tip);
  const hide = () => {
    chart.index = null;
    tip.hidden = true;
    for (const mark of [cross, ...dots]) mark.setAttribute("visibility", "hidden");
  };
  const show = (index) => {
    chart.index = index;
    const at = x(data.at[index]);
    set(cross, { x1: at, x2: at, visibility: "visible" });
    const heading = document.createElement("div");
    heading.className = "instant";
    heading.textContent = formatInstant(data.at[index]);
    const rows = [];
    lines.forEach((line, row) => {
      const value = line.values[index];
      dots[row].setAttribute("visibility", value === null || stacks ? "hidden" : "visible");
      if (value === null || (stacks && value === 0)) return;
      set(dots[row], { cx: at, cy: y(stacks ? stacks[row][index][1] : value) });
      const entry = document.createElement("div");
      entry.append(buildSwatch(chart, line, line.index), `${line.name} `, bold(formatValue(value, data)));
      rows.push(entry);
    });
    tip.replaceChildren(heading, ...rows);
    tip.hidden = false;
    const isRight = at + tip.offsetWidth + 16 > chart.width;
    tip.style.left = `${Math.max(0, isRight ? at - tip.offsetWidth - 12 : at + 12)}px`;
    tip.style.top = `${svg.offsetTop + plot.top}px`;
  };
  svg.onpointermove = (event) => {
    const at = event.clientX - svg.getBoundingClientRect().left;
    let nearest = 0;
    data.at.forEach((instant, index) => {
      if (Math.abs(x(instant) - at) < Math.abs(x(data.at[nearest]) - at)) nearest = index;
    });
    show(nearest);
  };
  svg.onpointerleave = hide;
  svg.setAttribute("tabindex", "0");
  svg.onblur = hide;
  svg.onkeydown = (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") hide();
    if (!by) return;
    event.preventDefault();
    const start = chart.index ?? (by > 0 ? -1 : data.at.length);
    show(Math.min(data.at.length - 1, Math.max(0, start + by)));
  };
  // A live chart is drawn again under the pointer.
  if (chart.index !== null && chart.index < data.at.length) show(chart.index);
}

function stack(lines, length) {
  const tops = new Array(length).fill(0);
  return lines.map((line) => line.values.map((value, index) => {
    const low = tops[index];
    tops[index] += value ?? 0;
    return [low, tops[index]];
  }));
}

function findSlot(at) {
  let slot = Infinity;
  for (let index = 1; index < at.length; index++) slot = Math.min(slot, at[index] - at[index - 1]);
  return slot;
}

function findYAxis(data, lines, stacks) {
  const known = (stacks ? stacks.flat().map(([, high]) => high) : lines.flatMap((line) => line.values))
    .filter((value) => value !== null);
  if (data.limit) known.push(data.limit.value);
  let low = data.floor ?? Math.min(0, ...known);
  let high = data.top ?? Math.max(...known, low);
  if (high <= low) high = low + 1;
  const rough = (high - low) / MAX_Y_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  // A little air above the highest value, unless the end of the scale is given.
  if (data.top === null) high += (high - low) * 0.06;
  const ticks = [];
  for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9; at++) ticks.push(at * step);
  return { low, high, step, ticks };
}

function findTimeTicks(first, last, room) {
  const most = Math.max(1, Math.min(7, room));
  const step = TIME_STEPS.find((candidate) => (last - first) / candidate <= most) ?? TIME_STEPS.at(-1);
  const ticks = [];
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) {
    const date = new Date(at);
    const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
    const isMidnight = at % DAY === 0;
    ticks.push([at, step >= DAY || (step >= 12 * HOUR && isMidnight) ? day : formatTime(date)]);
  }
  return ticks;
}

function formatTime(date) {
  return `${String(date.getUTCHours()).padStart(2, "0")}:${String(date.getUTCMinutes()).padStart(2, "0")}`;
}

function formatInstant(at) {
  const date = new Date(at);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${formatTime(date)} UTC`;
}

function formatTick(value, step) {
  if (Math.abs(value) >= 10000) {
    return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
  }
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  // Twelve decimals: the price of one request may be far below a cent.
  return String(Number(value.toFixed(Math.min(12, decimals))));
}

function formatValue(value, data) {
  const digits = data.decimals === null
    ? Math.abs(value) < 1000 ? { maximumSignificantDigits: 5 } : { maximumFractionDigits: 1 }
    : { minimumFractionDigits: data.decimals, maximumFractionDigits: data.decimals };
  return `${value.toLocaleString("en", digits)} ${data.unit}`.trim();
}

let canvas = null;
function measure(label) {
  canvas ??= document.createElement("canvas").getContext("2d");
  canvas.font = "12px Inter, system-ui, sans-serif";
  return canvas.measureText(label).width;
}

function bold(label) {
  const strong = document.createElement("strong");
  strong.textContent = label;
  return strong;
}

function text(label, attributes) {
  const node = element("text", attributes);
  node.textContent = label;
  return node;
}

function element(name, attributes) {
  return set(document.createElementNS(SVG, name), attributes);
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

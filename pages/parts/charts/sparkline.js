// The trend of a card: a line over a tinted area, as wide as the card. The shape comes from numbers only.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 200, HEIGHT = 48, MARGIN = 2;

export default function ({ data, parentElement }) {
  const { values, colour, alt } = data;
  const low = Math.min(...values), high = Math.max(...values);
  const points = values.map((value, index) => {
    // A constant trend is a line in the middle.
    const share = high > low ? (value - low) / (high - low) : 0.5;
    const y = HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN);
    return `${((index / (values.length - 1)) * WIDTH).toFixed(1)},${y.toFixed(1)}`;
  });
  const svg = element("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": alt, class: colour,
  });
  svg.append(
    element("polygon", { points: [`0,${HEIGHT}`, ...points, `${WIDTH},${HEIGHT}`].join(" ") }),
    element("polyline", { points: points.join(" ") }),
  );
  parentElement.querySelector(".sparkline").replaceChildren(svg);
}

function element(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

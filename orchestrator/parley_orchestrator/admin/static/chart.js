/** Stacked bars, a turn each, as SVG; calls are set apart. */

import { STAGES, duration } from "./words.js";

const HEIGHT = 200;
const LEFT = 44;
const TOP = 12;
const BOTTOM = 22;
const GOAL_S = 1;
const WIDEST_BAR = 36;

/** Round steps of the axis for the longest turn. */
export function axis(longestS) {
  const rough = Math.max(longestS, GOAL_S * 1.1) / 3;
  const size = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((candidate) => candidate >= rough);
  return { step, top: step * Math.ceil(Math.max(longestS, GOAL_S * 1.1) / step) };
}

export function chart(calls, width) {
  const turns = calls.flatMap(({ turns }) => turns);
  const { step, top } = axis(Math.max(...turns.map(({ total_s }) => total_s)));
  const y = (seconds) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - seconds / top);
  const slots = turns.length + calls.length - 1;
  const slot = Math.min((width - LEFT) / slots, WIDEST_BAR * 1.4);
  const svg = make("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img" });
  svg.append(title(summary(turns)));
  for (let line = 0; line <= top + step / 2; line += step) {
    svg.append(rule("grid", LEFT, width, y(line)), label(LEFT - 8, y(line) + 4, `${+line.toFixed(2)} s`, "end"));
  }
  svg.append(rule("goal", LEFT, width, y(GOAL_S)));
  let x = LEFT;
  for (const call of calls) {
    const begins = x;
    for (const turn of call.turns) {
      svg.append(...bar(turn, x + slot * 0.12, slot * 0.76, y));
      x += slot;
    }
    svg.append(rule("call", begins + slot * 0.12, x - slot * 0.12, HEIGHT - BOTTOM + 5));
    x += slot;
  }
  svg.append(label(LEFT, HEIGHT - 2, calls.length > 1 ? "older calls" : "oldest turn", "start"));
  svg.append(label(Math.max(x - slot, LEFT + 170), HEIGHT - 2, "latest", "end"));
  return svg;
}

function bar(turn, x, width, y) {
  const pieces = [];
  let from = 0;
  const stages = STAGES.map(([name]) => [name, turn.stages[name] ?? 0]);
  const known = stages.reduce((sum, [, seconds]) => sum + seconds, 0);
  for (const [name, seconds] of [...stages, ["total", Math.max(0, turn.total_s - known)]]) {
    // A pixel of ground between two stages tells them apart without colour.
    const height = y(from) - y(from + seconds) - 1;
    if (height > 0) {
      const piece = make("rect", { class: `stage-${name}`, x, y: y(from + seconds), width, height });
      pieces.push(piece);
    }
    from += seconds;
  }
  if (!turn.member) {
    pieces.push(make("rect", { class: "nobody", x, y: y(from), width, height: y(0) - y(from) }));
  }
  const group = make("g", {});
  group.append(title(`${turn.member || "nobody"}: ${duration(turn.total_s)}`), ...pieces);
  return [group];
}

/** The turns in one sentence. */
export function summary(turns) {
  const sorted = turns.map(({ total_s }) => total_s).sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  const longest = sorted[sorted.length - 1];
  const count = turns.length === 1 ? "1 turn" : `${turns.length} turns`;
  return `Median ${duration(median)}, longest ${duration(longest)}, of the last ${count}.`;
}

function make(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function title(text) {
  const element = make("title", {});
  element.textContent = text;
  return element;
}

function rule(name, x1, x2, y) {
  return make("line", { class: name, x1, x2, y1: y, y2: y });
}

function label(x, y, text, anchor) {
  const element = make("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}

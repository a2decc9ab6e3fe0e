// Prints the WCAG 2.x contrast of every token pair in use, in all four themes; exit 1 if one is too low.
import { readFileSync } from 'node:fs';
const css = readFileSync(new URL('../src/styles/tokens.css', import.meta.url), 'utf8');
const themes = {};
for (const name of ['light', 'dark', 'hc-light', 'hc-dark']) {
  const m = css.match(new RegExp(`\\[data-theme="${name}"\\]\\s*\\{([^}]*)\\}`));
  themes[name] = Object.fromEntries([...m[1].matchAll(/--([\w-]+):\s*(#[0-9a-fA-F]{6})/g)].map(x => [x[1], x[2]]));
}
const lum = h => { const c = [1, 3, 5].map(i => parseInt(h.slice(i, i + 2), 16) / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * c[0] + .7152 * c[1] + .0722 * c[2]; };
const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)].sort((p, q) => q - p); return (x + .05) / (y + .05); };
const T = 4.5, G = 3; // text, graphics
const pairs = [
  ['text', 'bg', T], ['text', 'surface', T], ['text', 'sunken', T], ['text-2', 'bg', T], ['text-2', 'surface', T], ['text-2', 'sunken', T],
  ['text-3', 'bg', T], ['text-3', 'surface', T], ['text-3', 'sunken', T], ['leaf', 'surface', T], ['leaf', 'bg', T], ['on-leaf', 'leaf', T], ['on-leaf', 'leaf-hover', T], ['on-leaf', 'leaf-press', T],
  ['on-leaf-soft', 'leaf-soft', T], ['text', 'leaf-soft', T], ['text-2', 'leaf-soft', T], ['text', 'leaf-tint', T], ['text-2', 'leaf-tint', T], ['on-pollen', 'pollen', T], ['on-pollen-soft', 'pollen-soft', T], ['text-2', 'pollen-soft', T],
  ['on-berry', 'berry', T], ['on-berry', 'berry-hover', T], ['berry-text', 'surface', T], ['berry-text', 'bg', T], ['berry-text', 'berry-soft', T], ['add-text', 'add-bg', T], ['del-text', 'del-bg', T],
  ['text', 'stage', T], ['text-2', 'stage', T], ['text', 'pollen-soft', T], ['line-strong', 'surface', G], ['line-strong', 'bg', G], ['live', 'surface', G], ['live', 'bg', G], ['pollen-line', 'surface', G], ['pollen-line', 'pollen-soft', G], ['focus', 'bg', G], ['focus', 'surface', G], ['focus', 'leaf-soft', G], ['berry', 'surface', G], ['berry', 'stage', G],
];
for (let i = 0; i < 6; i++) pairs.push([`av${i}-on`, `av${i}`, T]);
let bad = 0;
console.log('pair'.padEnd(30), ...Object.keys(themes).map(t => t.padStart(9)), '  min');
for (const [f, b, min] of pairs) {
  const r = Object.values(themes).map(t => ratio(t[f], t[b]));
  r.forEach(v => { if (v < min) bad++; });
  console.log(`${f} / ${b}`.padEnd(30), ...r.map(v => (v.toFixed(2) + (v < min ? '!' : ' ')).padStart(9)), ' ', min);
}
console.log(bad ? `${bad} too low` : 'all pairs pass'); process.exit(bad ? 1 : 0);

// No file may import itself by way of others. Types alone may, since they are gone at run time.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

const ROOT = new URL('../src/', import.meta.url).pathname;
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(ts|svelte)$/.test(name))
  .map((name) => join(ROOT, name));

const IMPORT = /^\s*(?:import|export)\s+(?!type\b)(?:[^'"]*?\sfrom\s+)?['"](\.[^'"]*)['"]/gm;

function importsOf(file) {
  return [...readFileSync(file, 'utf8').matchAll(IMPORT)]
    .map(([, path]) => normalize(join(dirname(file), path)))
    .map((path) => [path, `${path}.ts`].find((name) => /\.(ts|svelte)$/.test(name) && existsSync(name)))
    .filter((path) => path !== undefined);
}

const graph = new Map(files.map((file) => [file, importsOf(file)]));
const done = new Set();
const found = [];

function walk(file, way) {
  const at = way.indexOf(file);
  if (at >= 0) {
    found.push([...way.slice(at), file]);
    return;
  }
  if (done.has(file)) return;
  for (const next of graph.get(file) ?? []) walk(next, [...way, file]);
  done.add(file);
}

for (const file of files) walk(file, []);
for (const cycle of found) console.error(cycle.map((file) => relative(ROOT, file)).join(' → '));
const edges = [...graph.values()].reduce((sum, list) => sum + list.length, 0);
console.log(found.length === 0 ? `${files.length} files, ${edges} imports, no cycle` : 'cycles found');
process.exit(found.length === 0 ? 0 : 1);

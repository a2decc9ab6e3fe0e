// Rules for styles that no linter at hand checks: no left and right, no colours outside the tokens,
// no blur, no style attributes (the page's policy forbids them).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = new URL('../src/', import.meta.url).pathname;
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.(svelte|css)$/.test(name))
  .filter((name) => !name.endsWith('tokens.css'));

const RULES = [
  [/(^|[\s;{])(left|right)\s*:/, 'use inset-inline-start / -end'],
  [/(margin|padding|border)-(left|right)\b/, 'use the -inline- property'],
  [/text-align\s*:\s*(left|right)/, 'use start or end'],
  [/\bfloat\s*:/, 'no floats'],
  [/backdrop-filter|filter\s*:\s*blur/, 'no blur'],
];
// The green side of the first screens and the mark keep their colours in every theme.
const OWN_COLOURS = new Set(['components/Brand.svelte', 'components/Mark.svelte', 'screens/Welcome.svelte', 'screens/Code.svelte', 'styles/base.css', 'styles/call.css']);

let bad = 0;
const complain = (name, line, text) => {
  bad += 1;
  console.error(`${name}:${line}: ${text}`);
};

for (const name of files) {
  const text = readFileSync(join(ROOT, name), 'utf8');
  const style = name.endsWith('.css') ? 0 : text.indexOf('<style>');
  if (!name.endsWith('.css') && /\sstyle="/.test(text)) complain(name, 1, 'no style attributes');
  if (style < 0) continue;
  const before = text.slice(0, style).split('\n').length;
  text
    .slice(style)
    .split('\n')
    .forEach((line, index) => {
      for (const [pattern, advice] of RULES) {
        if (pattern.test(line)) complain(name, before + index, `${advice}: ${line.trim()}`);
      }
      if (!OWN_COLOURS.has(name) && /#[0-9a-f]{3,8}\b/i.test(line)) {
        complain(name, before + index, `use a token: ${line.trim()}`);
      }
    });
}
console.log(bad === 0 ? `${files.length} style sheets follow the rules` : `${bad} found`);
process.exit(bad === 0 ? 0 : 1);

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Stage } from './stage';

/** The page that lies beside a saved ledger, opened from the disk as people open it. */
const PAGE = new URL('../../crates/consent/src/verifier.html', import.meta.url);
const GOOD = readFileSync(
  fileURLToPath(new URL('../../crates/consent/testdata/ledger.jsonl', import.meta.url)),
  'utf8',
);

let stage: Stage;
beforeAll(async () => {
  stage = await Stage.open();
});
afterAll(() => stage.close());

/** What the page says of a file. */
async function said(file: string): Promise<string> {
  await stage.page.goto(PAGE.href);
  await stage.page.setInputFiles('#file', {
    name: 'ledger.jsonl',
    mimeType: 'application/jsonl',
    buffer: Buffer.from(file),
  });
  const result = stage.page.locator('#result');
  await result.waitFor({ state: 'visible' });
  return (await result.textContent()) ?? '';
}

const lines = GOOD.split(/(?<=\n)/);
const record = (line: number): string => /"id":"([0-9a-f-]{36})"/.exec(lines[line] ?? '')?.[1] ?? '';

describe('the page that checks a saved ledger', () => {
  it('finds a good one good, and lists it', async () => {
    expect(await said(GOOD)).toMatch(/^Good: 6 records hold together/);
    expect(await stage.page.locator('tbody tr').count()).toBe(6);
  });

  it('names the record that was changed', async () => {
    const changed = lines.with(2, (lines[2] ?? '').replace('"granted"', '"denied"')).join('');
    expect(await said(changed)).toBe(
      `Not good: line 3, record ${record(2)}: its content was changed: it is not what its device signed`,
    );
  });

  it('misses one that was dropped, and sees two that were swapped', async () => {
    expect(await said(lines.toSpliced(2, 1).join(''))).toContain('it does not follow the entry before');
    const swapped = lines.with(2, lines[3] ?? '').with(3, lines[2] ?? '');
    expect(await said(swapped.join(''))).toContain(record(3));
    expect(await said([...lines, lines[1] ?? ''].join(''))).toContain('something follows the seal');
    expect(await said(lines.slice(0, -1).join(''))).toContain('it is missing');
  });

  it('sees a letter that changes nothing but the text', async () => {
    expect(await said(GOOD.replace('"schema"', ' "schema"'))).toContain('it was changed');
    const other = GOOD.replace('jasmin.example', 'jasmin.examplf');
    expect(await said(other)).toContain('the seal does not fit');
  });

  it('takes anything else for what it is', async () => {
    expect(await said('hello')).toContain('it is not what an export writes');
    expect(await said('')).toMatch(/^Not good/);
  });
});

import { expect, it } from 'vitest';
import { lastGesture, watchGestures } from './gesture';

it('knows the last way somebody acted, as long as it watches', () => {
  const page = new EventTarget();
  const end = watchGestures(page);
  page.dispatchEvent(new Event('keydown'));
  expect(lastGesture()).toBe('key');
  page.dispatchEvent(new Event('pointerdown'));
  expect(lastGesture()).toBe('pointer');
  end();
  page.dispatchEvent(new Event('keydown'));
  expect(lastGesture()).toBe('pointer');
});

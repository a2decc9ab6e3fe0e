import type { Gesture } from '../generated/bindings';

let last: Gesture = 'pointer';

/** Keeps note of how people act on this page; part of the record of what they decide. */
export function watchGestures(target: EventTarget): () => void {
  const pointer = (): void => {
    last = 'pointer';
  };
  const key = (): void => {
    last = 'key';
  };
  target.addEventListener('pointerdown', pointer, { capture: true });
  target.addEventListener('keydown', key, { capture: true });
  return () => {
    target.removeEventListener('pointerdown', pointer, { capture: true });
    target.removeEventListener('keydown', key, { capture: true });
  };
}

/** How the last act was done. */
export function lastGesture(): Gesture {
  return last;
}

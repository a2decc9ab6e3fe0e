import type { Round } from '../generated/bindings';
import type { Above, CoverWorld } from '../state/frames/cover';

/** What lies above pictures says so with this mark; its value may name the one stream below it. */
const ABOVE = '[data-above]';
const TIPPED = '[data-tip]:is(:hover, :focus-visible)';

/** Where an element is, from the corner of the page, in pixels of the screen before any zoom. */
export function roundOf(element: Element, grown = 0): Round {
  const rect = element.getBoundingClientRect();
  const radius = parseFloat(getComputedStyle(element).borderStartStartRadius);
  return round(rect.left - grown, rect.top - grown, rect.right + grown, rect.bottom + grown, radius);
}

function round(left: number, top: number, right: number, bottom: number, radius: number): Round {
  const scale = window.devicePixelRatio;
  const [x, y] = [Math.round(left * scale), Math.round(top * scale)];
  return {
    x,
    y,
    width: Math.max(0, Math.round(right * scale) - x),
    height: Math.max(0, Math.round(bottom * scale) - y),
    radius: Math.round((Number.isNaN(radius) ? 0 : radius) * scale),
  };
}

/** The page as it is. */
export function coverWorld(cover: CoverWorld['cover']): CoverWorld {
  return {
    cover,
    visible: () => document.visibilityState === 'visible',
    blocked: () => document.querySelector('dialog[open]') !== null,
    above,
    now: () => performance.now(),
  };
}

function above(): Above[] {
  const found: Above[] = [];
  for (const element of document.querySelectorAll<HTMLElement>(ABOVE)) {
    const place = roundOf(element, Number(element.dataset['aboveRim'] ?? 0));
    if (place.width > 0 && place.height > 0 && getComputedStyle(element).visibility === 'visible') {
      found.push({ place, over: element.dataset['above'] });
    }
  }
  for (const element of document.querySelectorAll<HTMLElement>(TIPPED)) found.push(tip(element));
  return found;
}

/** The words beside a button are no element of their own. They stand above it, and end with it. */
function tip(element: HTMLElement): Above {
  const style = getComputedStyle(element, '::after');
  const size = (...names: string[]): number =>
    names.reduce((sum, name) => sum + (parseFloat(style.getPropertyValue(name)) || 0), 0);
  const width = size('width', 'padding-left', 'padding-right');
  const height = size('height', 'padding-top', 'padding-bottom');
  const [left, top] = [size('left'), size('top')];
  const box = element.getBoundingClientRect();
  const [x, y] = [box.left + left, box.top + top];
  return { place: round(x, y, x + width, y + height, parseFloat(style.borderStartStartRadius)) };
}

/** After each of these something may lie elsewhere: movements, scrolling, words beside a button. */
const MOVES = [
  'animationstart',
  'animationend',
  'transitionrun',
  'transitionend',
  'scroll',
  'pointerover',
  'focusin',
  'focusout',
] as const;
/** How often to look anyway, and while something moves. */
const LOOK_EACH_MS = 1000;
const MOVING_MS = 100;
/** Longer than any movement of the page but the endless ones, which move nothing. */
const MOVES_FOR_MS = 600;

/** Looks when the page changes, for a while when something moves, and now and then. */
export function watchPage(look: () => void): () => void {
  let still = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        look();
        again();
      },
      performance.now() < still ? MOVING_MS : LOOK_EACH_MS,
    );
  };
  const moved = (): void => {
    still = performance.now() + MOVES_FOR_MS;
    look();
    again();
  };
  const watch = new MutationObserver(look);
  watch.observe(document.documentElement, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['open', 'class', 'style', 'data-above', 'dir'],
  });
  again();
  for (const name of MOVES) document.addEventListener(name, moved, { capture: true, passive: true });
  window.addEventListener('resize', moved);
  document.addEventListener('visibilitychange', moved);
  return () => {
    watch.disconnect();
    clearTimeout(timer);
    for (const name of MOVES) document.removeEventListener(name, moved, { capture: true });
    window.removeEventListener('resize', moved);
    document.removeEventListener('visibilitychange', moved);
  };
}

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

/** Looks when the page changes, and often enough to see what no change tells, as movement. */
export function watchPage(look: () => void): () => void {
  const watch = new MutationObserver(look);
  watch.observe(document.documentElement, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ['open', 'class', 'style', 'data-above', 'dir'],
  });
  const timer = setInterval(look, 200);
  window.addEventListener('resize', look);
  document.addEventListener('visibilitychange', look);
  return () => {
    watch.disconnect();
    clearInterval(timer);
    window.removeEventListener('resize', look);
    document.removeEventListener('visibilitychange', look);
  };
}

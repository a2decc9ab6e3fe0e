/** Where the self-view sits. "Start" is the side that reading starts from. */
export type Corner = 'top-start' | 'top-end' | 'bottom-start' | 'bottom-end';

/** The corner nearest to a point in a box of this size. */
export function nearestCorner(
  x: number,
  y: number,
  width: number,
  height: number,
  rtl: boolean,
): Corner {
  const end = rtl ? x < width / 2 : x >= width / 2;
  return corner(y >= height / 2, end);
}

/** The corner that an arrow key leads to; `null` for another key. */
export function cornerByKey(now: Corner, key: string, rtl: boolean): Corner | null {
  const bottom = now.startsWith('bottom');
  const end = now.endsWith('end');
  switch (key) {
    case 'ArrowUp':
      return corner(false, end);
    case 'ArrowDown':
      return corner(true, end);
    case 'ArrowRight':
      return corner(bottom, !rtl);
    case 'ArrowLeft':
      return corner(bottom, rtl);
    default:
      return null;
  }
}

function corner(bottom: boolean, end: boolean): Corner {
  if (bottom) return end ? 'bottom-end' : 'bottom-start';
  return end ? 'top-end' : 'top-start';
}

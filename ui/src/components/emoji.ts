/** Whether this system draws emoji: without such a font there would be empty boxes. */
export function drawsEmoji(): boolean {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 16;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (context === null) return false;
  context.textBaseline = 'top';
  context.font = '14px sans-serif';
  context.fillText('\u{1F34B}', 0, 0);
  const { data } = context.getImageData(0, 0, 16, 16);
  // Black text has no colour; a lemon has.
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] !== data[at + 2]) return true;
  }
  return false;
}

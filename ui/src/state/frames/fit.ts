/** The part of a picture that is shown, and where in the tile, in pixels. */
export interface Placement {
  readonly sx: number;
  readonly sy: number;
  readonly sw: number;
  readonly sh: number;
  readonly dx: number;
  readonly dy: number;
  readonly dw: number;
  readonly dh: number;
}

/** How much of a camera picture may be cut off to fill its tile. */
const MOST_CROP = 0.2;

/** Fills the tile as far as no more than `mostCrop` of the picture is cut off; never stretches. */
export function placePicture(
  width: number,
  height: number,
  tileWidth: number,
  tileHeight: number,
  mostCrop = MOST_CROP,
): Placement {
  const cover = Math.max(tileWidth / width, tileHeight / height);
  const contain = Math.min(tileWidth / width, tileHeight / height);
  const scale = mostCrop < 1 ? Math.min(cover, contain / (1 - mostCrop)) : cover;
  const dw = Math.min(tileWidth, Math.round(width * scale));
  const dh = Math.min(tileHeight, Math.round(height * scale));
  const sw = Math.min(width, dw / scale);
  const sh = Math.min(height, dh / scale);
  return {
    sx: (width - sw) / 2,
    sy: (height - sh) / 2,
    sw,
    sh,
    dx: Math.round((tileWidth - dw) / 2),
    dy: Math.round((tileHeight - dh) / 2),
    dw,
    dh,
  };
}

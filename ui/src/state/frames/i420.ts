/** Bytes of an I420 picture: full brightness, and two planes of a quarter each, rounded up. */
export function i420Size(width: number, height: number): number {
  return width * height + 2 * Math.ceil(width / 2) * Math.ceil(height / 2);
}

/** Turns I420 (BT.601, limited range) into RGBA, for web views without `VideoFrame`. */
export function i420ToRgba(
  planes: Uint8Array,
  width: number,
  height: number,
): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(width * height * 4);
  const half = Math.ceil(width / 2);
  const u = width * height;
  const v = u + half * Math.ceil(height / 2);
  let out = 0;
  for (let y = 0; y < height; y += 1) {
    const row = y * width;
    const chroma = (y >> 1) * half;
    for (let x = 0; x < width; x += 1) {
      const light = 1.164 * ((planes[row + x] ?? 16) - 16);
      const blue = (planes[u + chroma + (x >> 1)] ?? 128) - 128;
      const red = (planes[v + chroma + (x >> 1)] ?? 128) - 128;
      rgba[out] = light + 1.596 * red;
      rgba[out + 1] = light - 0.392 * blue - 0.813 * red;
      rgba[out + 2] = light + 2.017 * blue;
      rgba[out + 3] = 255;
      out += 4;
    }
  }
  return rgba;
}

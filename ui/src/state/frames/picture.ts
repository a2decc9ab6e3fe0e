import type { FrameRecord } from './records';

/** A decoded picture that can be drawn once and must be closed. */
export interface Picture {
  readonly image: CanvasImageSource;
  readonly width: number;
  readonly height: number;
  close(): void;
}

export function pictureOfFrame(frame: VideoFrame): Picture {
  return {
    image: frame,
    width: frame.displayWidth,
    height: frame.displayHeight,
    close: () => {
      frame.close();
    },
  };
}

/** Makes pictures of raw pixels. Each takes the place of the one before. */
export class PixelPictures {
  readonly #canvas = document.createElement('canvas');
  readonly #context = this.#canvas.getContext('2d', { alpha: false });

  /** Throws on a record that has fewer bytes than its header says. */
  make({ width, height, payload }: FrameRecord): Picture {
    const length = 4 * width * height;
    if (length === 0 || payload.byteLength < length) {
      throw new RangeError('a raw picture is smaller than its header says');
    }
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const bytes = new Uint8ClampedArray(payload.buffer, payload.byteOffset, length);
    this.#context?.putImageData(new ImageData(bytes, width, height), 0, 0);
    return { image: this.#canvas, width, height, close: () => undefined };
  }
}

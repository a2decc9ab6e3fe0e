import { i420Size, i420ToRgba } from './i420';
import type { FrameRecord } from './records';

/** A decoded picture that can be drawn once and must be closed. */
export interface Picture {
  readonly image: CanvasImageSource;
  readonly width: number;
  readonly height: number;
  close(): void;
}

const BT601: VideoColorSpaceInit = {
  primaries: 'smpte170m',
  transfer: 'smpte170m',
  matrix: 'smpte170m',
  fullRange: false,
};

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

/** Makes a picture of raw I420; by `VideoFrame` where there is one, else by hand. */
export function pictureOfI420(record: FrameRecord): Picture {
  const { width, height, payload } = record;
  if (width === 0 || height === 0 || payload.byteLength < i420Size(width, height)) {
    throw new RangeError('I420 picture is smaller than its header says');
  }
  if (typeof VideoFrame === 'function') {
    return pictureOfFrame(
      new VideoFrame(payload, {
        format: 'I420',
        codedWidth: width,
        codedHeight: height,
        timestamp: record.timeUs,
        colorSpace: BT601,
      }),
    );
  }
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(i420ToRgba(payload, width, height), width, height);
  canvas.getContext('2d')?.putImageData(pixels, 0, 0);
  return { image: canvas, width, height, close: () => undefined };
}

import { pictureOfFrame, type Picture } from './picture';
import type { FrameRecord } from './records';

/** Turns VP8 into pictures. */
export interface Decoder {
  /** Frames taken in and not yet decoded. */
  readonly waiting: number;
  decode(record: FrameRecord): void;
  close(): void;
}

/** Makes a decoder; `failed` is called once, after which it is of no more use. */
export type OpenDecoder = (
  picture: (picture: Picture) => void,
  failed: (error: unknown) => void,
) => Decoder;

const CONFIG: VideoDecoderConfig = { codec: 'vp8', optimizeForLatency: true };

/** Whether this web view decodes VP8 by itself. */
export async function decodesVp8(): Promise<boolean> {
  if (typeof VideoDecoder !== 'function') return false;
  try {
    return (await VideoDecoder.isConfigSupported(CONFIG)).supported === true;
  } catch {
    return false;
  }
}

export const openVideoDecoder: OpenDecoder = (picture, failed) => {
  const decoder = new VideoDecoder({
    output: (frame) => {
      picture(pictureOfFrame(frame));
    },
    error: failed,
  });
  decoder.configure(CONFIG);
  return {
    get waiting() {
      return decoder.decodeQueueSize;
    },
    decode: (record) => {
      decoder.decode(
        new EncodedVideoChunk({
          type: record.key ? 'key' : 'delta',
          timestamp: record.timeUs,
          data: record.payload,
        }),
      );
    },
    close: () => {
      if (decoder.state !== 'closed') decoder.close();
    },
  };
};

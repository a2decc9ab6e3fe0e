import type { FrameRequest, Stream } from '../../generated/bindings';
import type { Decoder, OpenDecoder } from './decode';
import { PixelPictures, type Picture } from './picture';
import { readRecords, type FrameRecord } from './records';

/** What a pump needs of the world; given in, so that it runs in tests. */
export interface PumpWorld {
  frames(request: FrameRequest): Promise<ArrayBuffer>;
  /** `null` where VP8 cannot be decoded here: raw pictures are asked for instead. */
  openDecoder: OpenDecoder | null;
  show(picture: Picture): void;
  wait(ms: number): Promise<void>;
  now(): number;
}

/** More than this many frames in the decoder means that it does not keep up. */
const MOST_WAITING = 4;
const ASK_KEY_EACH_MS = 1000;
const RETRY_FIRST_MS = 100;
const RETRY_MOST_MS = 2000;
/** A self-view of less than this many pixels, beside the call, is a mirror and no film. */
const SMALL = 120_000;
/** Rest between two of its pictures: each costs the window a painting of its own. */
const SMALL_REST_MS = 60;
/**
 * While the window paints over the tile, the page keeps a picture that is hardly older than this: it is
 * seen for a moment when the cover is taken away, until the next one is there.
 */
const COVERED_REST_MS = 2000;
/** … of this share of the size on the screen. */
export const COVERED_SHARE = 0.5;
/** While the window could paint and does not, as below a dialog: raw pictures are large. */
const RAW_REST_MS = 80;

/**
 * Pulls one stream, with never more than one call under way: the call is the acknowledgement, so a
 * page that stands still makes nobody pile up frames.
 */
export class FramePump {
  readonly #stream: Stream;
  readonly #world: PumpWorld;
  #raw: boolean;
  #painted = false;
  #covered = false;
  #rested: (() => void) | null = null;
  #decoder: Decoder | null = null;
  #pixels: PixelPictures | null = null;
  #decoderSize = '';
  #width = 0;
  #height = 0;
  #visible = true;
  #closed = false;
  #needsKey = true;
  #askedKeyAt = Number.NEGATIVE_INFINITY;
  #pulling = false;

  constructor(stream: Stream, world: PumpWorld) {
    this.#stream = stream;
    this.#world = world;
    this.#raw = stream === 'self' || world.openDecoder === null;
  }

  /** The tile's size in device pixels. Nothing is pulled for an empty tile. */
  resize(width: number, height: number): void {
    this.#width = width;
    this.#height = height;
    this.#pull();
  }

  setVisible(visible: boolean): void {
    if (visible && !this.#visible) this.#restart();
    this.#visible = visible;
    this.#pull();
  }

  /**
   * The window decodes and paints the pictures itself: raw ones come from there. Where it covers the
   * tile, the page needs few, for what it shows when the cover is taken away.
   */
  setPainted(painted: boolean, covered: boolean): void {
    const raw = this.#stream === 'self' || this.#world.openDecoder === null || painted;
    if (raw !== this.#raw) this.#restart();
    this.#raw = raw;
    this.#painted = painted;
    this.#covered = painted && covered;
    if (!this.#covered) this.#rested?.();
  }

  close(): void {
    this.#closed = true;
    this.#rested?.();
    this.#decoder?.close();
    this.#decoder = null;
  }

  #wanted(): boolean {
    return !this.#closed && this.#visible && this.#width > 0 && this.#height > 0;
  }

  #pull(): void {
    if (this.#pulling || !this.#wanted()) return;
    this.#pulling = true;
    void this.#run().finally(() => {
      this.#pulling = false;
      this.#pull();
    });
  }

  async #run(): Promise<void> {
    let retry = RETRY_FIRST_MS;
    while (this.#wanted()) {
      try {
        const body = await this.#world.frames(this.#request());
        if (!this.#wanted()) return;
        for (const record of readRecords(body)) this.#take(record);
        retry = RETRY_FIRST_MS;
        const rest = this.#rest();
        if (rest > 0) {
          const awake = new Promise<void>((wake) => {
            this.#rested = wake;
          });
          await Promise.race([this.#world.wait(rest), awake]);
        }
      } catch {
        this.#restart();
        await this.#world.wait(retry);
        retry = Math.min(retry * 2, RETRY_MOST_MS);
      }
    }
  }

  #rest(): number {
    if (this.#covered) return COVERED_REST_MS;
    if (this.#stream === 'self')
      return this.#width * this.#height < SMALL ? SMALL_REST_MS : 0;
    return this.#painted ? RAW_REST_MS : 0;
  }

  #request(): FrameRequest {
    const now = this.#world.now();
    const needKey = !this.#raw && this.#needsKey && now - this.#askedKeyAt >= ASK_KEY_EACH_MS;
    if (needKey) this.#askedKeyAt = now;
    const share = this.#covered ? COVERED_SHARE : 1;
    return {
      stream: this.#stream,
      mode: this.#raw ? 'rgba' : 'vp8',
      needKey,
      width: Math.ceil(this.#width * share),
      height: Math.ceil(this.#height * share),
    };
  }

  #take(record: FrameRecord): void {
    if (record.format === 'rgba') {
      this.#pixels ??= new PixelPictures();
      this.#world.show(this.#pixels.make(record));
      return;
    }
    if (this.#needsKey && !record.key) return;
    if (this.#decoder !== null && this.#decoder.waiting > MOST_WAITING) {
      this.#restart();
      if (!record.key) return;
    }
    if (record.key) this.#fitDecoder(record);
    this.#decoder ??= this.#open();
    this.#needsKey = false;
    this.#decoder?.decode(record);
  }

  /** WebKitGTK's decoder keeps the size that it began with, and shrinks larger pictures to it. */
  #fitDecoder({ width, height }: FrameRecord): void {
    const size = `${String(width)}x${String(height)}`;
    if (size === this.#decoderSize) return;
    this.#decoderSize = size;
    this.#decoder?.close();
    this.#decoder = null;
  }

  #open(): Decoder | null {
    const { openDecoder } = this.#world;
    if (openDecoder === null) return null;
    const decoder = openDecoder(
      (picture) => {
        if (this.#decoder === decoder) this.#world.show(picture);
        else picture.close();
      },
      () => {
        if (this.#decoder === decoder) this.#restart();
      },
    );
    return decoder;
  }

  #restart(): void {
    this.#decoder?.close();
    this.#decoder = null;
    this.#needsKey = true;
    this.#askedKeyAt = Number.NEGATIVE_INFINITY;
  }
}

import { describe, expect, it, vi } from 'vitest';
import type { FrameRequest } from '../../generated/bindings';
import { placePicture } from './fit';
import type { Picture } from './picture';
import { Playout } from './playout';
import { FramePump } from './pump';
import { readRecords, writeRecords, type FrameRecord } from './records';

function frame(sequence: number, key = false): FrameRecord {
  const payload = new Uint8Array([sequence, 2, 3]);
  return { format: 'vp8', key, width: 640, height: 360, sequence, timeUs: sequence * 33_333, payload };
}

function picture(): Picture & { closed: number } {
  const made = {
    image: {} as CanvasImageSource,
    width: 640,
    height: 360,
    closed: 0,
    close: () => {
      made.closed += 1;
    },
  };
  return made;
}

describe('records', () => {
  it('reads what was written', () => {
    const records = [frame(1, true), { ...frame(2), timeUs: 2 ** 40 }];
    expect(readRecords(writeRecords(records))).toEqual(records);
    expect(readRecords(new ArrayBuffer(0))).toEqual([]);
  });

  it('refuses a body that is cut or strange', () => {
    const body = writeRecords([frame(1, true)]);
    for (const length of [1, 23, 26]) {
      expect(() => readRecords(body.slice(0, length)), String(length)).toThrow(RangeError);
    }
    new DataView(body).setUint8(4, 9);
    expect(() => readRecords(body)).toThrow('unknown frame format 9');
  });
});

describe('placePicture', () => {
  it('fills a tile of almost the same shape', () => {
    const to = placePicture(1280, 720, 800, 500);
    expect([to.dw, to.dh, to.dx, to.dy]).toEqual([800, 500, 0, 0]);
    expect(to.sw / to.sh).toBeCloseTo(1.6, 2);
  });

  it('cuts no more than a fifth, and never stretches', () => {
    const to = placePicture(1280, 720, 300, 900);
    expect(to.dw).toBe(300);
    expect(to.sw).toBeCloseTo(1280 * 0.8, 0);
    expect(to.dw / to.sw).toBeCloseTo(to.dh / to.sh, 2);
    expect(to.dy).toBeGreaterThan(0);
  });

  it('fills at any price where that is wanted', () => {
    const to = placePicture(1280, 720, 92, 120, 1);
    expect([to.dw, to.dh]).toEqual([92, 120]);
  });
});

describe('Playout', () => {
  it('draws the newest only and closes each once', () => {
    const queue: (() => void)[] = [];
    const drawn: number[] = [];
    const playout = new Playout(
      { draw: () => true, drawn: (frames) => drawn.push(frames) },
      (draw) => queue.push(draw),
    );
    const [old, fresh, late] = [picture(), picture(), picture()];
    playout.show(old);
    playout.show(fresh);
    expect(queue.length, 'one animation frame for two pictures').toBe(1);
    queue.shift()?.();
    expect([old.closed, fresh.closed, drawn]).toEqual([1, 1, [1]]);
    playout.close();
    playout.show(late);
    expect(late.closed).toBe(1);
  });
});

/** A backend that answers when told to, and a decoder that counts. */
class World {
  readonly requests: FrameRequest[] = [];
  readonly decoded: number[] = [];
  readonly closed: (() => void)[] = [];
  readonly shown: Picture[] = [];
  waiting = 0;
  clock = 0;
  failed: ((error: unknown) => void) | null = null;
  #answer: { take: (body: ArrayBuffer) => void; fail: (error: Error) => void } | null = null;

  pump(raw = false): FramePump {
    return new FramePump('remote', {
      frames: (request) => {
        this.requests.push(request);
        return new Promise((take, fail) => {
          this.#answer = { take, fail };
        });
      },
      openDecoder: raw
        ? null
        : (_show, failed) => {
            this.failed = failed;
            const waiting = (): number => this.waiting;
            const close = vi.fn();
            this.closed.push(close);
            return {
              get waiting() {
                return waiting();
              },
              decode: (record) => this.decoded.push(record.sequence),
              close,
            };
          },
      show: (shown) => this.shown.push(shown),
      wait: () => Promise.resolve(),
      now: () => this.clock,
    });
  }

  async answer(...records: FrameRecord[]): Promise<void> {
    this.#answer?.take(writeRecords(records));
    await settle();
  }

  async refuse(): Promise<void> {
    this.#answer?.fail(new Error('gone'));
    await settle();
  }

  get last(): FrameRequest | undefined {
    return this.requests.at(-1);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
}

describe('FramePump', () => {
  it('asks for a key frame first and drops what comes before it', async () => {
    const world = new World();
    world.pump().resize(800, 600);
    expect(world.last).toMatchObject({ mode: 'vp8', needKey: true, width: 800, height: 600 });
    await world.answer(frame(1), frame(2, true), frame(3));
    expect(world.decoded).toEqual([2, 3]);
    expect(world.last?.needKey).toBe(false);
  });

  it('has one call under way and no more', async () => {
    const world = new World();
    const pump = world.pump();
    pump.resize(800, 600);
    pump.resize(900, 600);
    pump.setVisible(true);
    expect(world.requests.length).toBe(1);
    await world.answer();
    expect(world.requests.length).toBe(2);
    expect(world.last?.width).toBe(900);
  });

  it('repeats the wish for a key frame each second, not with each call', async () => {
    const world = new World();
    world.pump().resize(8, 8);
    await world.answer();
    expect(world.last?.needKey).toBe(false);
    world.clock = 1100;
    await world.answer();
    expect(world.last?.needKey).toBe(true);
  });

  it('starts anew when the decoder does not keep up or fails', async () => {
    const world = new World();
    world.pump().resize(8, 8);
    await world.answer(frame(1, true));
    world.waiting = 5;
    await world.answer(frame(2));
    expect(world.closed[0]).toHaveBeenCalledOnce();
    expect(world.last?.needKey).toBe(true);
    world.waiting = 0;
    await world.answer(frame(3), frame(4, true));
    expect(world.decoded).toEqual([1, 4]);
    world.failed?.(new Error('broken stream'));
    await world.answer(frame(5), frame(6, true));
    expect(world.decoded).toEqual([1, 4, 6]);
    expect(world.closed.length).toBe(3);
  });

  it('opens another decoder for another size', async () => {
    const world = new World();
    world.pump().resize(8, 8);
    await world.answer(frame(1, true), frame(2), { ...frame(3, true), width: 1280, height: 720 });
    await world.answer({ ...frame(4), width: 1280, height: 720 });
    expect(world.decoded).toEqual([1, 2, 3, 4]);
    expect(world.closed.length).toBe(2);
    expect(world.closed[0]).toHaveBeenCalledOnce();
    expect(world.closed[1]).not.toHaveBeenCalled();
  });

  it('goes on after a refusal and after a broken body', async () => {
    const world = new World();
    world.pump().resize(8, 8);
    await world.refuse();
    expect(world.requests.length).toBe(2);
    await world.answer({ ...frame(1, true), payload: new Uint8Array(0) });
    expect(world.requests.length).toBe(3);
  });

  it('pulls nothing while hidden, empty or closed', async () => {
    const world = new World();
    const pump = world.pump();
    pump.resize(0, 0);
    expect(world.requests.length).toBe(0);
    pump.resize(8, 8);
    pump.setVisible(false);
    await world.answer(frame(1, true));
    expect([world.decoded.length, world.requests.length]).toEqual([0, 1]);
    pump.setVisible(true);
    expect(world.last?.needKey, 'a fresh picture after hiding').toBe(true);
    pump.close();
    await world.answer(frame(2, true));
    expect([world.decoded.length, world.requests.length]).toEqual([0, 2]);
  });

  it('asks for raw pictures where VP8 cannot be decoded', () => {
    const world = new World();
    world.pump(true).resize(8, 8);
    expect(world.last).toMatchObject({ mode: 'rgba', needKey: false });
  });
});

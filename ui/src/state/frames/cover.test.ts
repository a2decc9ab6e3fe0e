import { describe, expect, it, vi } from 'vitest';
import type { Cover, Round } from '../../generated/bindings';
import { Covering, type Above, type Tile } from './cover';

const AT: Round = { x: 16, y: 60, width: 1280, height: 720, radius: 24 };
const TAG: Round = { x: 28, y: 740, width: 90, height: 28, radius: 8 };
const BESIDE: Round = { x: 1300, y: 60, width: 90, height: 28, radius: 8 };

function tile(stream: Tile['stream'] = 'remote', place: () => Round | null = () => AT) {
  return { stream, filling: false, mirrored: false, place, painted: vi.fn(), sized: vi.fn() };
}

/** A window that paints, or does not. */
class World {
  readonly told: Cover[] = [];
  paints = true;
  visible = true;
  blocked = false;
  above: Above[] = [];
  clock = 0;
  readonly covering = new Covering({
    cover: (cover) => {
      this.told.push(cover);
      return Promise.resolve(this.paints);
    },
    visible: () => this.visible,
    blocked: () => this.blocked,
    above: () => this.above,
    now: () => this.clock,
  });

  async offer(offered = tile()): Promise<ReturnType<typeof tile>> {
    this.covering.offer(offered);
    await this.covering.look();
    await settle();
    return offered;
  }

  get last(): Cover | undefined {
    return this.told.at(-1);
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

describe('Covering', () => {
  it('tells where a tile is, and what lies above it', async () => {
    const world = new World();
    world.above = [{ place: TAG }, { place: BESIDE }, { place: TAG, over: 'self' }];
    const offered = await world.offer();
    expect(world.last).toEqual({
      visible: true,
      panes: [{ stream: 'remote', tile: AT, filling: false, mirrored: false, holes: [TAG] }],
    });
    expect(offered.painted).toHaveBeenLastCalledWith(true, true);
  });

  it('tells the same only now and then', async () => {
    const world = new World();
    await world.offer();
    const { length } = world.told;
    await world.covering.look();
    expect(world.told.length).toBe(length);
    world.clock = 1100;
    await world.covering.look();
    expect(world.told.length).toBe(length + 1);
  });

  it('takes the pictures away for a dialog, and keeps them in a hidden window from being made', async () => {
    const world = new World();
    const offered = await world.offer();
    world.blocked = true;
    await world.covering.look();
    expect(world.last).toEqual({ visible: true, panes: [] });
    expect(offered.painted).toHaveBeenLastCalledWith(true, false);
    world.blocked = false;
    world.visible = false;
    await world.covering.look();
    expect(world.last).toEqual({ visible: false, panes: [] });
  });

  it('leaves out a tile that wants no picture', async () => {
    const world = new World();
    await world.offer(tile('self', () => null));
    expect(world.last?.panes).toEqual([]);
  });

  it('lets the page draw where the window does not paint, and asks no more', async () => {
    const world = new World();
    world.paints = false;
    const offered = await world.offer();
    expect(offered.painted).toHaveBeenLastCalledWith(false, false);
    expect(await world.covering.paints()).toBe(false);
    const { length } = world.told;
    world.clock = 5000;
    await world.covering.look();
    expect(world.told.length).toBe(length);
  });

  it('notices that the window has stopped painting', async () => {
    const world = new World();
    const offered = await world.offer();
    world.paints = false;
    world.clock = 1500;
    await world.covering.look();
    expect(offered.painted).toHaveBeenLastCalledWith(false, false);
  });

  it('has one call under way, and then tells the newest', async () => {
    const answers: ((paints: boolean) => void)[] = [];
    const told: Cover[] = [];
    let at = AT;
    const covering = new Covering({
      cover: (cover) => {
        told.push(cover);
        return new Promise((answer) => answers.push(answer));
      },
      visible: () => true,
      blocked: () => false,
      above: () => [],
      now: () => 0,
    });
    covering.offer(tile('remote', () => at));
    at = { ...AT, x: 1 };
    void covering.look();
    at = { ...AT, x: 2 };
    void covering.look();
    expect(told.length).toBe(1);
    answers.shift()?.(true);
    await settle();
    expect(told.map((cover) => cover.panes[0]?.tile.x)).toEqual([16, 2]);
  });

  it('lets those who ask early wait for the first answer', async () => {
    const world = new World();
    const first = world.covering.look();
    expect(await world.covering.paints()).toBe(true);
    await first;
    expect(world.told.length, 'asked again because somebody asked meanwhile').toBeLessThan(3);
  });

  it('passes on sizes to the tile that they are of', async () => {
    const world = new World();
    const [remote, own] = [await world.offer(), await world.offer(tile('self'))];
    world.covering.sized({ stream: 'remote', width: 640, height: 360 });
    expect(remote.sized).toHaveBeenCalledWith(640, 360);
    expect(own.sized).not.toHaveBeenCalled();
  });
});

import type { Cover, Pane, PaneSize, Round, Stream } from '../../generated/bindings';

/** A tile whose pictures the window may paint, in place of the page. */
export interface Tile {
  readonly stream: Stream;
  readonly filling: boolean;
  readonly mirrored: boolean;
  /** Where it is now; `null` where no picture is wanted. */
  place(): Round | null;
  /** Whether the window paints pictures at all, and whether it does so here. */
  painted(painted: boolean, covered: boolean): void;
  /** Pictures of another size came. */
  sized(width: number, height: number): void;
}

/** Something that the page shows above pictures. */
export interface Above {
  readonly place: Round;
  /** The one stream that lies below it; all, where it is not said. */
  readonly over?: string | undefined;
}

/** What the covering needs of the page; given in, so that it runs in tests. */
export interface CoverWorld {
  cover(cover: Cover): Promise<boolean>;
  visible(): boolean;
  /** A dialog is open: it lies above everything. */
  blocked(): boolean;
  above(): Above[];
  now(): number;
}

/** The window is told at least this often, so that one that stopped painting is noticed. */
const TELL_EACH_MS = 1000;

/**
 * Tells the window where pictures belong, and what must be kept clear of them. The window paints
 * them over the page, without the page; where it cannot, the page draws as ever.
 */
export class Covering {
  readonly #world: CoverWorld;
  readonly #tiles = new Set<Tile>();
  #paints: boolean | null = null;
  #told = '';
  #toldAt = Number.NEGATIVE_INFINITY;
  #telling: Promise<void> | null = null;
  #again = false;

  constructor(world: CoverWorld) {
    this.#world = world;
  }

  /** Whether the window paints; asks it the first time. */
  async paints(): Promise<boolean> {
    if (this.#paints === null) await this.look();
    return this.#paints === true;
  }

  /** Offers a tile, until the returned function is called. */
  offer(tile: Tile): () => void {
    this.#tiles.add(tile);
    void this.look();
    return () => {
      this.#tiles.delete(tile);
      void this.look();
    };
  }

  sized({ stream, width, height }: PaneSize): void {
    for (const tile of this.#tiles) if (tile.stream === stream) tile.sized(width, height);
  }

  /** Looks where everything is, and tells the window what has changed. */
  look(): Promise<void> {
    if (this.#telling !== null) {
      this.#again = true;
      return this.#telling;
    }
    this.#telling = this.#tell().finally(() => {
      this.#telling = null;
    });
    return this.#telling;
  }

  async #tell(): Promise<void> {
    do {
      await this.#tellOnce();
    } while (this.#takeAgain());
  }

  #takeAgain(): boolean {
    const again = this.#again;
    this.#again = false;
    return again;
  }

  async #tellOnce(): Promise<void> {
    if (this.#paints === false) return;
    const cover = this.#cover();
    const text = JSON.stringify(cover);
    const now = this.#world.now();
    if (text === this.#told && now - this.#toldAt < TELL_EACH_MS) return;
    try {
      this.#paints = await this.#world.cover(cover);
    } catch {
      this.#paints = false;
    }
    [this.#told, this.#toldAt] = [text, now];
    for (const tile of this.#tiles) {
      const covered = cover.panes.some((pane) => pane.stream === tile.stream);
      tile.painted(this.#paints, this.#paints && covered);
    }
  }

  #cover(): Cover {
    const visible = this.#world.visible();
    const panes: Pane[] = [];
    if (visible && !this.#world.blocked()) {
      const above = this.#world.above();
      for (const tile of this.#tiles) {
        const place = tile.place();
        if (place === null) continue;
        const { stream, filling, mirrored } = tile;
        const holes = above
          .filter(({ over }) => over === undefined || over === '' || over === stream)
          .map(({ place: hole }) => hole)
          .filter((hole) => meet(hole, place));
        panes.push({ stream, tile: place, filling, mirrored, holes });
      }
    }
    return { visible, panes };
  }
}

function meet(a: Round, b: Round): boolean {
  const across = a.x < b.x + b.width && b.x < a.x + a.width;
  return across && a.y < b.y + b.height && b.y < a.y + a.height;
}

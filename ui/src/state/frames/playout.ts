import type { Picture } from './picture';

/** The canvas, as far as it is used. */
export interface Screen {
  /** Draws it, and says whether there was room for it. */
  draw(picture: Picture): boolean;
  /** Counts for whoever measures. */
  drawn(frames: number, width: number, height: number): void;
}

/**
 * Draws the newest picture at the next animation frame, and closes each exactly once. Without a new
 * picture no animation frame is asked for: a still picture costs nothing.
 */
export class Playout {
  readonly #screen: Screen;
  readonly #nextFrame: (draw: () => void) => void;
  #latest: Picture | null = null;
  #asked = false;
  #frames = 0;
  #closed = false;

  constructor(screen: Screen, nextFrame: (draw: () => void) => void) {
    this.#screen = screen;
    this.#nextFrame = nextFrame;
  }

  show(picture: Picture): void {
    this.#latest?.close();
    if (this.#closed) {
      this.#latest = null;
      picture.close();
      return;
    }
    this.#latest = picture;
    if (this.#asked) return;
    this.#asked = true;
    this.#nextFrame(() => {
      this.#draw();
    });
  }

  close(): void {
    this.#closed = true;
    this.#latest?.close();
    this.#latest = null;
  }

  #draw(): void {
    this.#asked = false;
    const picture = this.#latest;
    if (picture === null) return;
    this.#latest = null;
    if (picture.width > 0 && picture.height > 0 && this.#screen.draw(picture)) {
      this.#frames += 1;
      this.#screen.drawn(this.#frames, picture.width, picture.height);
    }
    picture.close();
  }
}

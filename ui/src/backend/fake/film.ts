import { writeRecords, type FrameRecord } from '../../state/frames/records';
import type { FrameRequest } from '../../generated/bindings';

interface Look {
  skin: string;
  hair: string;
  top: string;
  wall: [string, string];
}

const LOOKS: Record<FrameRequest['stream'], Look> = {
  remote: { skin: '#d9a07a', hair: '#3a2018', top: '#c96f4a', wall: ['#efe3d2', '#cdbba3'] },
  self: { skin: '#c68b64', hair: '#1f1613', top: '#e7c55b', wall: ['#dfe9e0', '#b9cbbf'] },
  clip: { skin: '#c68b64', hair: '#1f1613', top: '#e7c55b', wall: ['#dfe9e0', '#b9cbbf'] },
};

const FRAME_MS = 66;

/** Draws somebody who nods, in place of a camera. */
function draw(to: OffscreenCanvasRenderingContext2D, look: Look, seconds: number): void {
  const { width, height } = to.canvas;
  const unit = height / 400;
  const wall = to.createLinearGradient(0, 0, width, height);
  wall.addColorStop(0, look.wall[0]);
  wall.addColorStop(1, look.wall[1]);
  to.fillStyle = wall;
  to.fillRect(0, 0, width, height);
  to.fillStyle = 'rgba(255, 250, 235, 0.55)';
  to.fillRect(width * 0.72, 0, width * 0.2, height * 0.5);
  to.save();
  to.translate(width / 2 + Math.sin(seconds) * 6 * unit, height * 0.5 + Math.cos(seconds * 2) * 3);
  to.scale(unit * 1.15, unit * 1.15);
  const oval = (x: number, y: number, rx: number, ry: number, fill: string): void => {
    to.fillStyle = fill;
    to.beginPath();
    to.ellipse(x, y, rx, ry, 0, 0, 7);
    to.fill();
  };
  oval(0, -20, 92, 110, look.hair);
  oval(0, 260, 170, 160, look.top);
  to.fillStyle = look.skin;
  to.fillRect(-26, 60, 52, 60);
  oval(0, 10, 66, 84, look.skin);
  oval(0, -62, 70, 34, look.hair);
  oval(-24, 4, 6, 8, '#221814');
  oval(24, 4, 6, 8, '#221814');
  to.strokeStyle = '#8d3b33';
  to.lineWidth = 6;
  to.lineCap = 'round';
  to.beginPath();
  to.arc(0, 28, 24, 0.5, Math.PI - 0.5);
  to.stroke();
  to.restore();
}

/** Plays the frames that a camera and a far side would give: real VP8 where the browser encodes it. */
export class Film {
  #sequence = 0;
  #encoder: VideoEncoder | null = null;
  #encoded: FrameRecord[] = [];

  async next(request: FrameRequest): Promise<ArrayBuffer> {
    await new Promise((resolve) => {
      setTimeout(resolve, FRAME_MS);
    });
    const vp8 = request.mode === 'vp8' && typeof VideoEncoder === 'function';
    const [width, height] = vp8 ? [640, 360] : [320, 200];
    const canvas = new OffscreenCanvas(width, height);
    const to = canvas.getContext('2d', { willReadFrequently: !vp8 });
    if (to === null) return new ArrayBuffer(0);
    draw(to, LOOKS[request.stream], performance.now() / 1000);
    this.#sequence += 1;
    const timeUs = this.#sequence * FRAME_MS * 1000;
    if (vp8) return this.#encode(canvas, timeUs, request.needKey);
    const payload = new Uint8Array(to.getImageData(0, 0, width, height).data.buffer);
    const sequence = this.#sequence;
    return writeRecords([{ format: 'rgba', key: true, width, height, sequence, timeUs, payload }]);
  }

  async #encode(canvas: OffscreenCanvas, timeUs: number, key: boolean): Promise<ArrayBuffer> {
    this.#encoder ??= this.#openEncoder(canvas.width, canvas.height);
    const frame = new VideoFrame(canvas, { timestamp: timeUs });
    this.#encoder.encode(frame, { keyFrame: key });
    frame.close();
    await this.#encoder.flush();
    const records = this.#encoded;
    this.#encoded = [];
    return writeRecords(records);
  }

  #openEncoder(width: number, height: number): VideoEncoder {
    const encoder = new VideoEncoder({
      output: (chunk) => {
        const payload = new Uint8Array(chunk.byteLength);
        chunk.copyTo(payload);
        const key = chunk.type === 'key';
        const sequence = this.#encoded.length + this.#sequence;
        const timeUs = chunk.timestamp;
        this.#encoded.push({ format: 'vp8', key, width, height, sequence, timeUs, payload });
      },
      error: () => {
        this.#encoder = null;
      },
    });
    encoder.configure({ codec: 'vp8', width, height, bitrate: 800_000, latencyMode: 'realtime' });
    return encoder;
  }
}

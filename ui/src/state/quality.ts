import type { PhaseView, QualityView } from '../generated/bindings';
import { locale, say } from '../words/words';
import { firstName } from './names';

/** The connection as a person reads it: bars, a short word for the chip, a whole sentence. */
export interface QualityWords {
  /** 0 to 3. */
  readonly bars: 0 | 1 | 2 | 3;
  readonly tone: 'plain' | 'pollen' | 'berry';
  readonly short: string;
  readonly sentence: string;
  /** Sending sound alone would help. */
  readonly soundHelps: boolean;
}

export function qualityWords(
  phase: PhaseView['is'],
  quality: QualityView | null,
  name: string,
): QualityWords {
  if (phase === 'reconnecting') {
    const text = say('quality.none');
    return { bars: 0, tone: 'berry', short: text, sentence: text, soundHelps: false };
  }
  if (quality === null) {
    const text = say('quality.measuring');
    return { bars: 0, tone: 'plain', short: text, sentence: text, soundHelps: false };
  }
  const first = firstName(name);
  const soundHelps = quality.weakSide !== 'theirs';
  switch (quality.level) {
    case 'good': {
      const text = say('quality.good');
      return { bars: 3, tone: 'plain', short: text, sentence: text, soundHelps: false };
    }
    case 'weak': {
      const sentence = say(`quality.weak.${quality.weakSide}`, { first });
      return { bars: 2, tone: 'pollen', short: say('quality.short.weak'), sentence, soundHelps };
    }
    case 'poor': {
      const sentence = say(`quality.poor.${quality.weakSide}`, { first });
      return { bars: 1, tone: 'pollen', short: say('quality.short.poor'), sentence, soundHelps };
    }
  }
}

/** The connection in numbers, for whoever wants them. */
export function qualityNumbers(quality: QualityView): string[] {
  const percent = new Intl.NumberFormat(locale(), { maximumFractionDigits: 1 });
  const lines = [
    say('quality.numbers', {
      rtt: Math.round(quality.rttMs),
      loss: percent.format(quality.loss * 100),
    }),
  ];
  if (quality.receivedWidth > 0 && quality.receivedHeight > 0) {
    lines.push(
      say('quality.arrives', {
        width: String(quality.receivedWidth),
        height: String(quality.receivedHeight),
        fps: Math.round(quality.receivedFps),
      }),
    );
  }
  lines.push(
    say('quality.rates', {
      sent: rateText(quality.sentBps),
      received: rateText(quality.receivedBps),
    }),
  );
  return lines;
}

/** `1.4 Mbit/s`, `64 kbit/s`. */
function rateText(bps: number): string {
  const mega = bps >= 1_000_000;
  const number = new Intl.NumberFormat(locale(), { maximumFractionDigits: mega ? 1 : 0 });
  return `${number.format(bps / (mega ? 1_000_000 : 1000))} ${mega ? 'Mbit/s' : 'kbit/s'}`;
}

/** The way that the call takes, and who learns what by it. */
export function pathWords(path: string, name: string): { title: string; text: string } {
  const first = firstName(name);
  if (path === 'relay') {
    return { title: say('quality.path.relay'), text: say('quality.path.relay.text', { first }) };
  }
  const title = path === 'host' ? say('quality.path.host') : say('quality.path.srflx');
  return { title, text: say('quality.path.direct.text', { first }) };
}

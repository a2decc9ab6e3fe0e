import { say } from '../words/words';
import { accountAnswers } from './account-consent';
import type { Question } from './consent';

/** The question whether somebody is counted in statistics. */
export function statisticsQuestion(): Question {
  return {
    title: say('prompt.statistics.title'),
    text: say('prompt.statistics.text'),
    facts: [
      { icon: 'seen', label: say('prompt.seen'), text: say('prompt.only.numbers') },
      { icon: 'kept', label: say('prompt.kept'), text: say('prompt.kept.numbers') },
      { icon: 'stop', label: say('prompt.stop'), text: say('prompt.stop.statistics') },
    ],
    answers: accountAnswers(),
    otherwise: say('prompt.not.account'),
    means: say('prompt.allow.means.statistics'),
  };
}

/** Where the server publishes the numbers. */
export function statisticsPage(server: string): string {
  return `${server.replace(/\/+$/u, '')}/legal/statistics`;
}

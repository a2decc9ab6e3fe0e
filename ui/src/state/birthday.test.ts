import { describe, expect, it } from 'vitest';
import { checkBirthday, isoDate, monthNames, readWholeDate } from './birthday';

const TODAY = new Date(2026, 10, 22);

describe('birthday', () => {
  it('splits a whole date and leaves parts alone', () => {
    expect(readWholeDate(' 1990-05-17 ')).toEqual({ day: '17', month: '5', year: '1990' });
    expect(readWholeDate('17')).toBeNull();
    expect(readWholeDate('1990-05')).toBeNull();
  });

  it('writes the date for the program', () => {
    expect(isoDate({ day: '7', month: '5', year: '1990' })).toBe('1990-05-07');
    expect(isoDate({ day: '', month: '5', year: '1990' })).toBe('');
  });

  it('takes real days only, and says nothing of any limit', () => {
    expect(checkBirthday('1992-02-29', TODAY)).toBeNull();
    expect(checkBirthday('2026-11-22', TODAY)).toBeNull();
    const wrong = ['', '1993-02-29', '1990-13-01', '1990-00-10', '1899-12-31', '2026-11-23', '1990-5x-01'];
    for (const date of wrong) expect(checkBirthday(date, TODAY), date).not.toBeNull();
  });

  it('knows the months in order', () => {
    expect(monthNames('en')[0]).toBe('January');
    expect(monthNames('de')[11]).toBe('Dezember');
  });
});

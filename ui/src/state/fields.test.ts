import { describe, expect, it } from 'vitest';
import {
  checkCode,
  checkEmail,
  checkName,
  checkNewPassword,
  checkServer,
  passwordStrength,
  plainCode,
} from './fields';

describe('fields', () => {
  it('takes names of many scripts and refuses invisible ones', () => {
    for (const name of ['Ana Lima', 'نور حداد', '山田', '🌼', ' Léa ']) expect(checkName(name)).toBeNull();
    for (const name of ['', '   ', 'Ana\u202eamiL', 'a\u0007b', 'x'.repeat(65)]) {
      expect(checkName(name), JSON.stringify(name)).not.toBeNull();
    }
    expect(checkName('👩‍👩‍👧'.repeat(64)), 'counts signs as people see them').toBeNull();
  });

  it('checks addresses as far as a page can', () => {
    for (const email of ['maya@hart.example', 'a+b@xn--bcher-kva.example', 'ü@bücher.example']) {
      expect(checkEmail(email)).toBeNull();
    }
    const wrong = ['', 'maya', 'maya@hart', 'a@b@c.d', '@hart.example', 'a b@c.d', 'a@b..c', `${'x'.repeat(250)}@a.bc`];
    for (const email of wrong) expect(checkEmail(email), email).not.toBeNull();
  });

  it('says how much is missing of a password', () => {
    expect(checkNewPassword('123456789')).toBe('One more character, then it is long enough');
    expect(checkNewPassword('1234567')).toBe('3 more characters, then it is long enough');
    expect(checkNewPassword('four grey herons')).toBeNull();
    expect(checkNewPassword('x'.repeat(257))).toBe('256 characters at most');
  });

  it('finds long and varied passwords stronger', () => {
    expect(passwordStrength('')).toBe(0);
    expect(passwordStrength('password')).toBe(1);
    expect(passwordStrength('aaaaaaaaaaaaaaaaaaaa')).toBe(1);
    expect(passwordStrength('four grey herons nest')).toBe(4);
  });

  it('reads a code however it is typed', () => {
    expect(plainCode(' ab12-o3l4 ')).toBe('AB120314');
    expect(checkCode('ab12-o3l4')).toBeNull();
    expect(checkCode('ab12')).not.toBeNull();
  });

  it('wants a whole server address', () => {
    expect(checkServer('http://127.0.0.1:8420')).toBeNull();
    expect(checkServer(' https://chat.example/ ')).toBeNull();
    for (const url of ['', 'chat.example', 'ftp://chat.example', 'https://']) {
      expect(checkServer(url), url).not.toBeNull();
    }
  });
});

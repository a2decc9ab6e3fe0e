import { describe, expect, it, vi } from 'vitest';
import type { Failure } from '../generated/bindings';
import { Form } from './form';

const failure = (change: Partial<Failure>): Failure => ({
  code: 'invalid',
  detail: '',
  field: null,
  retryAfterMs: null,
  ...change,
});

function nameForm(): Form<'name'> {
  return new Form({ name: '' }, { name: (text) => (text.length < 3 ? 'too short' : null) });
}

describe('Form', () => {
  it('checks a field when it is left, and then at each key', () => {
    const form = nameForm();
    form.set('name', 'a');
    expect(form.state.get().errors.name, 'not while typing').toBeUndefined();
    form.left('name');
    expect(form.state.get().errors.name).toBe('too short');
    form.set('name', 'abc');
    expect(form.state.get().errors.name).toBeUndefined();
  });

  it('does not blame an empty field that was only passed', () => {
    const form = nameForm();
    form.left('name');
    expect(form.state.get().errors).toEqual({});
  });

  it('sends nothing that is wrong, and never twice at once', async () => {
    const form = nameForm();
    const send = vi.fn(() => Promise.resolve(null));
    expect(await form.submit(send)).toBe(false);
    expect(send).not.toHaveBeenCalled();
    form.set('name', 'abc');
    const [first, second] = await Promise.all([form.submit(send), form.submit(send)]);
    expect([first, second, send.mock.calls.length]).toEqual([true, false, 1]);
    expect(form.state.get().busy).toBe(false);
  });

  it('shows a refusal at its field, or for the whole', () => {
    const form = nameForm();
    form.refuse(failure({ field: 'name' }));
    expect(form.state.get().errors.name).toBe('This is not as it must be.');
    form.refuse(failure({ code: 'rate-limited', retryAfterMs: 11_200 }));
    expect(form.state.get().failure).toBe('Too many tries. Go on in 12 seconds.');
  });
});

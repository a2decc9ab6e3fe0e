import type { Failure } from '../generated/bindings';
import { Cell } from './cell';
import { failureText } from './failure';

type Values<K extends string> = Readonly<Record<K, string>>;

/** Says what is wrong with a field, or `null`. */
export type Check<K extends string> = (value: string, all: Values<K>) => string | null;

interface FormState<K extends string> {
  readonly values: Values<K>;
  readonly errors: Readonly<Partial<Record<K, string>>>;
  /** A refusal that belongs to no field. */
  readonly failure: string | null;
  readonly busy: boolean;
}

/**
 * A form: a field is checked when it is left, and once it was wrong, at each key. Sending checks
 * everything; a refusal is shown at the field that it names.
 */
export class Form<K extends string> {
  readonly state: Cell<FormState<K>>;
  readonly #checks: Readonly<Record<K, Check<K>>>;
  readonly #fields: readonly K[];

  constructor(initial: Record<K, string>, checks: Readonly<Record<K, Check<K>>>) {
    this.#checks = checks;
    this.#fields = Object.keys(initial) as K[];
    this.state = new Cell<FormState<K>>({
      values: { ...initial },
      errors: {} as Partial<Record<K, string>>,
      failure: null,
      busy: false,
    });
  }

  set(field: K, value: string): void {
    const now = this.state.get();
    const values = { ...now.values, [field]: value };
    const wrong = now.errors[field] !== undefined;
    const errors = wrong ? this.#judge(field, values, now.errors) : now.errors;
    this.state.set({ ...now, values, errors, failure: null });
  }

  /** The field lost the focus. An empty one is not wrong before sending. */
  left(field: K): void {
    const now = this.state.get();
    if (now.values[field] === '') return;
    this.state.set({ ...now, errors: this.#judge(field, now.values, now.errors) });
  }

  /** Checks everything; true when nothing is wrong. */
  check(): boolean {
    const now = this.state.get();
    let { errors } = now;
    for (const field of this.#fields) errors = this.#judge(field, now.values, errors);
    this.state.set({ ...now, errors, failure: null });
    return Object.keys(errors).length === 0;
  }

  /** Checks, sends, and shows what came of it. True when it was taken. */
  async submit(send: (values: Values<K>) => Promise<Failure | null>): Promise<boolean> {
    if (this.state.get().busy || !this.check()) return false;
    this.state.set({ ...this.state.get(), busy: true });
    const failure = await send(this.state.get().values);
    this.state.set({ ...this.state.get(), busy: false });
    if (failure !== null) this.refuse(failure);
    return failure === null;
  }

  /** Shows a refusal. */
  refuse(failure: Failure): void {
    const now = this.state.get();
    const field = this.#fields.find((known) => known === failure.field);
    const text = failureText(failure);
    if (field === undefined) this.state.set({ ...now, failure: text });
    else this.state.set({ ...now, errors: { ...now.errors, [field]: text } });
  }

  #judge(
    field: K,
    values: Values<K>,
    errors: FormState<K>['errors'],
  ): FormState<K>['errors'] {
    const rest: Partial<Record<K, string>> = { ...errors };
    const wrong = this.#checks[field](values[field], values);
    if (wrong === null) {
      const { [field]: _gone, ...others } = rest;
      return others as Partial<Record<K, string>>;
    }
    rest[field] = wrong;
    return rest;
  }
}

// Random lives of memories against a model: what is true when, and what was known when. The model paints values on a line of time for each
// key and keeps a picture of all lines after each step; the database must give the same picture for any time of either kind.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { isRealServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { becomeConsenting, type Given, remember } from './helpers.ts'

const db = useDatabase()
const hour = 3_600_000
const start = Date.UTC(2026, 0, 1)
const iso = (hours: number) => new Date(start + hours * hour).toISOString()

const keys = ['city', 'diet']
const values = ['red', 'green', 'blue']

type Version = { value: string; expires: number; isForgotten: boolean }
type Segment = { from: number; to: number; version: Version }
type Lines = Map<string, Segment[]>

type Step = { after: number; key: string } & (
  | { kind: 'remember'; value: string; from: number; lasts: number | null; kept: number | null }
  | { kind: 'correct'; value: string; at: number }
  | { kind: 'forget' }
)

const step: fc.Arbitrary<Step> = fc
  .record({ after: fc.integer({ min: 1, max: 20 }), key: fc.constantFrom(...keys) })
  .chain((base) =>
    fc
      .oneof(
        {
          weight: 6,
          arbitrary: fc.record({
            kind: fc.constant('remember' as const),
            value: fc.constantFrom(...values),
            from: fc.oneof(fc.constant(0), fc.integer({ min: -60, max: 20 })),
            lasts: fc.option(fc.integer({ min: 1, max: 40 })),
            kept: fc.option(fc.integer({ min: 1, max: 80 }), { freq: 4 }),
          }),
        },
        {
          weight: 2,
          arbitrary: fc.record({
            kind: fc.constant('correct' as const),
            value: fc.constantFrom(...values),
            at: fc.integer({ min: -60, max: 20 }),
          }),
        },
        { weight: 1, arbitrary: fc.constant({ kind: 'forget' as const }) },
      )
      .map((kind) => ({ ...base, ...kind }) as Step),
  )

class Model {
  now = 0
  lines: Lines = new Map(keys.map((key) => [key, []]))
  /** What was known after the step at a time. */
  pictures: { at: number; lines: Lines }[] = []
  /** Until when what is remembered of a key now is kept; all versions alike, until they have expired. */
  kept = new Map<string, number>()

  begin(after: number): void {
    this.now += after
    for (const [key, line] of this.lines)
      this.lines.set(
        key,
        line.filter((segment) => segment.version.expires > this.now),
      )
  }

  keptUntil(key: string, kept: number | null): number {
    const line = this.lines.get(key) ?? []
    if (line.length === 0) this.kept.set(key, kept === null ? Infinity : this.now + kept)
    return this.kept.get(key) as number
  }

  paint(key: string, value: string, from: number, stated: number, expires: number): void {
    const line = this.lines.get(key) as Segment[]
    const covering = line.find((segment) => segment.from <= from && from < segment.to)
    if (covering?.version.value === value) return
    const next = Math.min(Infinity, ...line.filter((segment) => segment.from > from).map((segment) => segment.from))
    const to = Math.min(stated, next)
    const painted = line.filter((segment) => segment !== covering)
    if (covering && covering.from < from) painted.push({ ...covering, to: from })
    if (covering && covering.to > to) painted.push({ ...covering, from: to })
    painted.push({ from, to, version: { value, expires, isForgotten: false } })
    this.lines.set(key, painted)
  }

  correct(key: string, at: number, value: string): void {
    const line = this.lines.get(key) as Segment[]
    this.lines.set(
      key,
      line.map((segment) =>
        segment.from <= at && at < segment.to ? { ...segment, version: { ...segment.version, value } } : segment,
      ),
    )
  }

  forget(key: string): void {
    for (const { lines } of [...this.pictures, { lines: this.lines }])
      for (const { version } of lines.get(key) as Segment[]) version.isForgotten = true
    this.lines.set(key, [])
  }

  end(): void {
    this.pictures.push({ at: this.now, lines: new Map(this.lines) })
  }

  /** All times at which something begins or ends, by what was known at any time. */
  times(): number[] {
    const segments = this.pictures.flatMap(({ lines }) => [...lines.values()].flat())
    return [...new Set(segments.flatMap(({ from, to }) => [from, to]).filter((time) => time < Infinity))]
  }

  held(validAt: number, knownAt: number): string[] {
    const picture = this.pictures.filter(({ at }) => at <= knownAt).at(-1)
    return keys
      .flatMap((key) =>
        (picture?.lines.get(key) ?? [])
          .filter(
            ({ from, to, version }) =>
              from <= validAt && validAt < to && !version.isForgotten && version.expires > this.now,
          )
          .map(({ version }) => `${key} ${version.value}`),
      )
      .sort()
  }
}

/** One line for each of these times, by what was known at each of those. */
const held = async (t: Transaction, validAt: number[], knownAt: number[]): Promise<string[]> =>
  (
    await t.query<{ line: string }>(
      `select concat_ws(' ', v.n - 1, k.n - 1, (
                select string_agg(h.memory_key || ' ' || (h.memory_value #>> '{}'), ' ' order by h.memory_key)
                  from app_public.memory_history(valid_at => v.at, known_at => k.at) h)) as line
         from unnest($1::timestamptz[]) with ordinality as v (at, n), unnest($2::timestamptz[]) with ordinality as k (at, n)
        order by v.n, k.n`,
      [validAt.map(iso), knownAt.map(iso)],
    )
  ).map(({ line }) => line)

async function take(t: Transaction, model: Model, step: Step): Promise<void> {
  model.begin(step.after)
  await setClock(t, iso(model.now))
  if (step.kind === 'remember') {
    const from = model.now + step.from
    const to = step.lasts === null ? Infinity : from + step.lasts
    const expires = model.keptUntil(step.key, step.kept)
    const given: Given = { memory_key: step.key, memory_value: step.value, valid_from: iso(from) }
    if (to < Infinity) given.valid_to = iso(to)
    if (expires < Infinity) given.expires_at = iso(expires)
    await remember(t, given)
    model.paint(step.key, step.value, from, to, expires)
  } else if (step.kind === 'correct') {
    const at = model.now + step.at
    await t.query(
      `select app_public.correct_memory(h.id, memory_value => to_jsonb($1::text))
         from app_public.memory_history(memory_key => $2, valid_at => $3) h`,
      [step.value, step.key, iso(at)],
    )
    model.correct(step.key, at, step.value)
  } else {
    await t.query(
      `select app_public.forget(jsonb_populate_record(null::app_public.memory_selection, jsonb_build_object('ids', array_agg(h.id))))
         from app_public.memory_history(memory_key => $1) h having count(*) > 0`,
      [step.key],
    )
    model.forget(step.key)
  }
  model.end()
}

it('what is true when, by what was known when, is what a model says, after any steps', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), (steps) =>
      db.inTransaction(async (t) => {
        await becomeConsenting(t, db.acme.member)
        const model = new Model()
        for (const step of steps) {
          await take(t, model, step)
          const now = await t.query<{ line: string }>(
            `select memory_key || ' ' || (memory_value #>> '{}') as line from app_public.user_memory order by 1`,
          )
          expect(now.map(({ line }) => line)).toEqual(model.held(model.now, model.now))
        }
        const [validAt, knownAt] = [model.times(), model.pictures.map(({ at }) => at)]
        expect(await held(t, validAt, knownAt)).toEqual(
          validAt.flatMap((valid, v) => knownAt.map((known, k) => [v, k, ...model.held(valid, known)].join(' '))),
        )
      }),
    ),
    // The embedded engine is slower.
    { numRuns: isRealServer() ? 60 : 15, seed: 18 },
  )
}, 300_000)

// Prompts: what is declared is what is used, and filling one takes values as they are.

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { create, failure, find, insertOf } from './helpers.ts'

const db = useDatabase()
const render = async (
  t: Transaction,
  id: string,
  variables: unknown,
): Promise<{ system: string | null; prompt: string }> =>
  (
    await t.query<{ system: string | null; prompt: string }>('select * from app_public.render_prompt($1, $2)', [
      id,
      JSON.stringify(variables),
    ])
  )[0] as never

const review = {
  system_prompt: 'You review {{ document_type }} files.',
  prompt_text: 'Review {{device_name}} for {{indication}}. {{device_name}} has {{count}} parts: {{parts}}{{note}}',
  input_variables: {
    device_name: 'string',
    indication: { type: 'string', description: 'What it is for.' },
    document_type: { type: 'string', enum: ['510(k)', 'PMA'], default: '510(k)' },
    count: 'number',
    parts: 'array',
    note: { type: 'string', required: false },
  },
}

describe('a prompt', () => {
  it('is filled: defaults, numbers, arrays, what may be left out', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', review)
      await t.become(db.acme.viewer)
      expect(
        await render(t, id, { device_name: 'Pump', indication: 'pain', count: 2.5, parts: ['a', { b: 1 }] }),
      ).toEqual({
        system: 'You review 510(k) files.',
        prompt: 'Review Pump for pain. Pump has 2.5 parts: ["a", {"b": 1}]',
      })
    }))

  it('without variables is returned as it is', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', { prompt_text: 'Say {"a": {"b": 1}} and \\{{x}}.' })
      expect(await t.query('select * from app_public.render_prompt($1)', [id])).toEqual([
        { system: null, prompt: 'Say {"a": {"b": 1}} and {{x}}.' },
      ])
      expect(await t.query('select * from app_public.render_prompt($1, null)', [id])).toHaveLength(1)
    }))

  it('names all that is missing, wrongly typed, not allowed or unknown, in one error without values', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', review)
      const refused = await failure(t, 'select app_public.render_prompt($1, $2)', [
        id,
        { indication: 5, document_type: 'private-value', count: 'private-value', parts: null, devicename: 'Pump' },
      ])
      expect(refused?.code).toBe('RS431')
      for (const part of [
        'device_name is missing',
        'indication is not of type string',
        'document_type is not among the values that its enum lists',
        'count is not of type number',
        'parts is missing',
        'devicename is not a variable of this prompt',
      ])
        expect(refused?.message).toContain(part)
      expect(refused?.message).not.toContain('private-value')
      for (const variables of ['[]', '"x"', '1'])
        expect(await t.errorCode('select app_public.render_prompt($1, $2)', [id, variables])).toBe('RS431')
    }))

  it('takes values as they are: braces, backslashes and dollars in them mean nothing', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', {
        prompt_text: '<{{a}}|{{b}}|{{a}}>',
        input_variables: { a: 'string', b: 'string' },
      })
      const text = fc.oneof(
        fc.string({ unit: 'binary' }).filter((s) => !s.includes('\0')),
        fc.constantFrom('{{b}}', '{{a}}', '\\{{', '\\1 \\& $1', '{{', '}}', '%s %1$s', "'; drop table x; --"),
      )
      await fc.assert(
        fc.asyncProperty(text, text, async (a, b) => {
          expect((await render(t, id, { a, b })).prompt).toBe(`<${a}|${b}|${a}>`)
        }),
        { seed: 4, numRuns: 60 },
      )
    }))

  it('does not grow beyond a million characters', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', {
        prompt_text: '{{a}}'.repeat(20_000),
        input_variables: { a: 'string' },
      })
      expect((await render(t, id, { a: 'xy' })).prompt).toHaveLength(40_000)
      expect(await t.errorCode('select app_public.render_prompt($1, $2)', [id, { a: 'x'.repeat(51) }])).toBe('RS620')
    }))

  it('of another tenant, a deleted one and none at all are one error', () =>
    db.inTransaction(async (t) => {
      const foreign = await create(t, db.globex.member, 'prompt')
      const deleted = await create(t, db.acme.admin, 'prompt')
      await t.query('select app_public.delete_prompt($1)', [deleted])
      for (const id of [foreign, deleted, crypto.randomUUID(), null])
        expect(await t.errorCode(`select app_public.render_prompt($1, '{}')`, [id])).toBe('RS301')
    }))
})

describe('declaring variables', () => {
  it.each([
    [{ prompt_text: '{{a}}' }, 'a is used, but not declared'],
    [{ prompt_text: 'x', input_variables: { a: 'string' } }, 'a is declared, but not used'],
    [{ prompt_text: 'x', system_prompt: '{{ s }}' }, 's is used'],
    [{ prompt_text: '{{device name}}', input_variables: {} }, 'without the name of a variable'],
    [{ prompt_text: '{{#each a}}', input_variables: {} }, 'without the name of a variable'],
    [{ prompt_text: 'a {{', input_variables: {} }, 'without the name of a variable'],
  ])('goes with the texts: %j is refused', (columns, message) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await failure(t, ...insertOf('prompt', columns))).toMatchObject({
        code: 'RS430',
        message: expect.stringContaining(message),
      })
    }),
  )

  it.each([
    [{ a: 'text' }, 'a has an unknown type'],
    [{ a: {} }, 'a.type is missing'],
    [{ a: { type: 'string', requird: true } }, 'a.requird is not known'],
    [{ a: { type: 'string', required: 'yes' } }, 'a.required'],
    [{ a: { type: 'number', default: 'x' } }, 'a.default'],
    [{ a: { type: 'string', enum: [] } }, 'a.enum'],
    [{ a: { type: 'string', enum: ['x', 1] } }, 'a.enum'],
    [{ a: { type: 'string', enum: ['x'], default: 'y' } }, 'a.default'],
    [{ a: 7 }, 'a is not an object'],
    [{ 'a b': 'string' }, 'a b is not a valid name'],
    [Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`v${i}`, 'string'])), 'more than 100'],
  ])('takes known types and keys: %j is refused', (input_variables, message) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await failure(t, ...insertOf('prompt', { prompt_text: '{{a}}', input_variables }))).toMatchObject({
        code: 'RS429',
        message: expect.stringContaining(message),
      })
    }),
  )

  it('holds on update too, and model requirements have known keys', () =>
    db.inTransaction(async (t) => {
      const id = await create(t, db.acme.member, 'prompt', {
        model_requirements: { min_context_window: 8000, supports_functions: true },
      })
      expect(await t.errorCode(`update app_public.prompts set prompt_text = '{{x}}' where id = $1`, [id])).toBe('RS430')
      expect(
        await t.errorCode(`update app_public.prompts set model_requirements = '{"min_context": 1}' where id = $1`, [
          id,
        ]),
      ).toBe('RS429')
      await t.query(
        `update app_public.prompts set prompt_text = '{{x}}', input_variables = '{"x": "string"}' where id = $1`,
        [id],
      )
      expect(await find(t, 'prompt', id)).toMatchObject({ input_variables: { x: 'string' } })
    }))

  it.each([
    [{ prompt_text: '  ' }],
    [{ prompt_text: 'x'.repeat(100_001) }],
    [{ input_variables: [] }],
    [{ output_format: 'pdf' }],
    [{ temperature: 3 }],
  ])('is refused by a check', (columns) =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode(...insertOf('prompt', columns))).toBe('23514')
    }),
  )
})

// Calls of language models: disjoint classes of tokens, costs by the price of their time, texts only where wanted.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import { callFrom, createModel, eventOf, rollUp, setPrice } from '../helpers/metering.ts'

const db = useDatabase()

async function recordCall(t: Transaction, person: Person, call: Record<string, unknown> = {}) {
  await t.become(person)
  const values = { idempotency_key: 'call', model: 'model', input_tokens: 1000, output_tokens: 500, ...call }
  const text = `select * from app_public.record_llm_usage(${callFrom('$1')})`
  return { text, values: [JSON.stringify(values)] }
}

async function call(t: Transaction, person: Person, change: Record<string, unknown> = {}) {
  const { text, values } = await recordCall(t, person, change)
  return (await t.query(text, values))[0] as Record<string, unknown>
}

async function refusal(t: Transaction, person: Person, change: Record<string, unknown>) {
  const { text, values } = await recordCall(t, person, change)
  return t.errorCode(text, values)
}

const logs = (t: Transaction) => t.query('select * from app_public.llm_usage_logs order by created_at, id')

describe('a call', () => {
  it('is a log and, in the same batch, events that sum up to it', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 3, cached: 0.3, output: 15, reasoning: 20 })
      const receipt = await call(t, db.acme.member, {
        cached_input_tokens: 200,
        reasoning_tokens: 50,
        prompt_tokens: 1200,
        completion_tokens: 550,
        total_tokens: 1750,
        response_time_ms: 900,
        temperature: 0.7,
        finish_reason: 'stop',
      })
      // 1000 × 3 + 200 × 0.3 = 3060; 500 × 15 + 50 × 20 = 8500; in millionths
      expect(receipt).toMatchObject({
        prompt_tokens: '1200',
        completion_tokens: '550',
        total_tokens: '1750',
        is_repeated: false,
      })
      expect([receipt.input_cost, receipt.output_cost, receipt.total_cost].map(Number)).toEqual([
        0.00306, 0.0085, 0.01156,
      ])
      const [log] = await logs(t)
      expect(log).toMatchObject({
        id: receipt.id,
        model: 'model',
        model_id: modelId,
        provider: 'builtin',
        user_name: 'member of acme',
        price_id: receipt.price_id,
        is_priced: true,
        temperature: '0.70',
      })
      const events = await t.query(
        `select usage_type, quantity::int, cost, price_id, outcome, duration_ms from app_public.usage_events where batch_id = $1 order by ordinal`,
        [receipt.batch_id],
      )
      expect(events.map(({ usage_type, quantity }) => [usage_type, quantity])).toEqual([
        ['llm_call', 1],
        ['input_tokens', 1000],
        ['cached_input_tokens', 200],
        ['output_tokens', 500],
        ['reasoning_tokens', 50],
      ])
      expect(events[0]).toMatchObject({ outcome: 'success', duration_ms: 900, cost: null })
      expect(await t.value(`select sum(cost) = $1::numeric from app_public.usage_events`, [receipt.total_cost])).toBe(
        true,
      )
    }))

  it('is stored once under its key, and refused when the key stands for another', () =>
    db.inTransaction(async (t) => {
      await createModel(t)
      const first = await call(t, db.acme.member)
      expect(await call(t, db.acme.member)).toEqual({ ...first, is_repeated: true })
      expect(await refusal(t, db.acme.member, { output_tokens: 501 })).toBe('MT501')
      // keys are shared with all other usage
      expect(await t.errorCode(`select * from app_public.record_usage(${eventOf("'call'", "'search'", '1')})`)).toBe(
        'MT501',
      )
      expect(await logs(t)).toHaveLength(1)
      expect(await t.value('select count(*)::int from app_public.usage_events')).toBe(3)
    }))

  it.each<[string, string, Record<string, unknown>]>([
    ['a total that is no sum', 'MT414', { total_tokens: 1 }],
    ['a prompt that is no sum', 'MT414', { prompt_tokens: 1 }],
    ['a completion that is no sum', 'MT414', { completion_tokens: 1 }],
    ['negative tokens', 'MT415', { input_tokens: -1 }],
    ['no tokens', 'MT415', { output_tokens: null }],
    ['too many tokens', 'MT415', { reasoning_tokens: 1_000_000_001 }],
    ['no model', 'MT406', { model: null }],
    ['an empty model', 'MT406', { model: ' ' }],
    ['no key', 'MT401', { idempotency_key: null }],
    ['a time far ahead', 'MT405', { occurred_at: '2999-01-01T00:00:00Z' }],
    ['a time long past', 'MT404', { occurred_at: '2001-01-01T00:00:00Z' }],
    ['a temperature of 3', '23514', { temperature: 3 }],
    ['a temperature that is none', '23514', { temperature: 'NaN' }],
    ['a negative response time', 'MT409', { response_time_ms: -1 }],
    ['a negative time to the first token', '23514', { time_to_first_token_ms: -1 }],
    ['a long reason to finish', '23514', { finish_reason: 'x'.repeat(51) }],
    ['someone else as its user', 'MT201', { user_id: '00000000-0000-4000-8000-000000000001' }],
  ])('with %s is refused, and nothing is stored', (_what, code, change) =>
    db.inTransaction(async (t) => {
      await createModel(t)
      expect(await refusal(t, db.acme.member, change)).toBe(code)
      await t.becomeSuperuser()
      for (const table of ['metering.llm_calls', 'app_public.usage_events', 'metering.usage_idempotency_keys'])
        expect(await t.value(`select count(*)::int from ${table}`)).toBe(0)
    }),
  )

  it('of a model without a price, or of none that is known, is kept and says that it has no cost', () =>
    db.inTransaction(async (t) => {
      await createModel(t)
      await call(t, db.acme.member)
      await call(t, db.acme.member, { idempotency_key: 'other', model: 'our own finetune' })
      expect(
        await t.query(
          'select model, model_id is null as unknown, total_cost, is_priced from app_public.llm_usage_logs order by model',
        ),
      ).toEqual([
        { model: 'model', unknown: false, total_cost: null, is_priced: false },
        { model: 'our own finetune', unknown: true, total_cost: null, is_priced: false },
      ])
      expect(
        await t.value(`select bool_and(is_unpriced) from app_public.usage_events where usage_type like '%tokens'`),
      ).toBe(true)
    }))

  it('that used nothing is a call all the same', () =>
    db.inTransaction(async (t) => {
      await call(t, db.acme.member, { input_tokens: 0, output_tokens: 0, success: false, error_type: 'timeout' })
      expect(await t.query('select usage_type, outcome from app_public.usage_events')).toEqual([
        { usage_type: 'llm_call', outcome: 'error' },
      ])
    }))

  it('keeps the names of agent, model and person when these are gone', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      const agentId = await t.value(`insert into app_public.agents (tenant_id, name) values ($1, 'Ada') returning id`, [
        db.acme.id,
      ])
      await call(t, db.acme.member, { agent_id: agentId })
      await t.becomeSuperuser()
      await t.query('delete from app_public.agents where id = $1', [agentId])
      await t.query('delete from app_public.llm_models where id = $1', [modelId])
      await t.query('delete from app_public.user_profiles where id = $1', [db.acme.member.userId])
      await t.become(db.acme.owner)
      expect(await logs(t)).toMatchObject([
        { agent_name: 'Ada', model: 'model', user_name: 'member of acme', agent_id: agentId },
      ])
    }))

  it('comes from a task, too', () =>
    db.inTransaction(async (t) => {
      await t.becomeRole('rowhouse_worker')
      await t.query('select * from metering.record_tenant_llm_usage($1, $2)', [
        db.acme.id,
        JSON.stringify({
          idempotency_key: 'k',
          model: 'm',
          input_tokens: 1,
          output_tokens: 2,
          user_id: db.acme.viewer.userId,
        }),
      ])
      await t.become(db.acme.viewer)
      expect(await logs(t)).toMatchObject([{ total_tokens: '3', user_name: 'viewer of acme' }])
    }))

  it('is seen by its person and those with can_view_analytics', () =>
    db.inTransaction(async (t) => {
      await call(t, db.acme.member)
      for (const [person, count] of [
        [db.acme.member, 1],
        [db.acme.admin, 1],
        [db.acme.viewer, 0],
        [db.globex.owner, 0],
      ] as const) {
        await t.become(person)
        expect(await logs(t)).toHaveLength(count)
      }
    }))
})

describe('a price', () => {
  it('holds from its date to the next', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 1, output: 0, from: '2027-01-01T00:00:00Z' })
      await setPrice(db, t, modelId, { input: 3, output: 0, from: '2027-03-01T00:00:00Z' })
      await setPrice(db, t, modelId, { input: 2, output: 0, from: '2027-02-01T00:00:00Z' })
      const cost = async (at: string) =>
        Number(
          (await call(t, db.acme.member, { idempotency_key: at, occurred_at: at, input_tokens: 1_000_000 })).total_cost,
        )
      expect(await cost('2027-01-31T23:59:59.999999Z')).toBe(1)
      expect(await cost('2027-02-01T00:00:00Z')).toBe(2)
      expect(await cost('2027-02-28T23:59:59Z')).toBe(2)
      expect(await cost('2027-03-01T00:00:00Z')).toBe(3)
      expect(
        (await call(t, db.acme.member, { idempotency_key: 'before', occurred_at: '2026-12-31T23:59:59Z' })).total_cost,
      ).toBeNull()
    }))

  it("of the tenant's own comes first, for as long as it holds", () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-05-18T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 2, output: 0 })
      const own = await setPrice(db, t, modelId, { input: 1, output: 0, from: '2027-05-01T00:00:00Z' }, db.acme.owner)
      expect(await call(t, db.acme.member, { input_tokens: 1_000_000 })).toMatchObject({ price_id: own })
      expect(Number((await call(t, db.globex.member, { input_tokens: 1_000_000 })).total_cost)).toBe(2)
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      await t.query('select * from app_public.end_tenant_llm_model_price($1)', [modelId])
      expect(
        Number((await call(t, db.acme.member, { idempotency_key: 'later', input_tokens: 1_000_000 })).total_cost),
      ).toBe(2)
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.errorCode('select * from app_public.end_tenant_llm_model_price($1)', [modelId])).toBe('MT302')
    }))

  it('that changes afterwards alters no cost that was computed', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      const first = await setPrice(db, t, modelId, { input: 1, output: 1 })
      const before = await call(t, db.acme.member)
      await setPrice(db, t, modelId, { input: 9, output: 9 })
      await t.become(db.acme.owner)
      expect(await logs(t)).toMatchObject([{ price_id: first, total_cost: before.total_cost }])
      // the row it names is still there and says what it said
      expect(
        await t.query(
          'select input_usd_per_million::int as input, superseded_at is not null as replaced from app_public.llm_model_prices where id = $1',
          [first],
        ),
      ).toEqual([{ input: 1, replaced: true }])
    }))

  it('is set by platform staff only, and in range', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      await t.become(db.acme.owner)
      for (const name of ['set_llm_model_price', 'set_tenant_llm_model_price'])
        expect(await t.errorCode(`select * from app_public.${name}($1, 1, 1)`, [modelId])).toBe('TN205')
      expect(
        await t.errorCode(
          `insert into app_public.llm_model_prices (model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from) select model_id, 1, 1, 1, 1, valid_from from app_public.llm_model_prices where model_id = $1`,
          [modelId],
        ),
      ).toBe('42501')
      await t.become(db.platform.owner, 'rowhouse_admin')
      for (const price of ['-1', 'NaN', 'Infinity', '1e10'])
        expect(await t.errorCode('select * from app_public.set_llm_model_price($1, $2, 1)', [modelId, price])).toBe(
          '23514',
        )
      expect(await t.errorCode('select * from app_public.set_llm_model_price(gen_random_uuid(), 1, 1)')).toBe('MT406')
      expect(
        await t.errorCode(
          `select * from app_public.set_llm_model_price($1, 1, 1, valid_from => '2027-01-02', valid_to => '2027-01-01')`,
          [modelId],
        ),
      ).toBe('MT410')
      expect(
        await t.errorCode(`select * from app_public.set_llm_model_price($1, 1, 1, valid_from => 'infinity')`, [
          modelId,
        ]),
      ).toBe('MT410')
    }))

  it('is not changed, and no other begins at the same time, whoever writes it', () =>
    db.inTransaction(async (t) => {
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 1, output: 1 })
      await t.becomeSuperuser()
      expect(await t.errorCode('update app_public.llm_model_prices set input_usd_per_million = 2')).toBe('MT901')
      expect(
        await t.errorCode(
          `insert into app_public.llm_model_prices (model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from) select model_id, 1, 1, 1, 1, valid_from from app_public.llm_model_prices where model_id = $1`,
          [modelId],
        ),
      ).toBe('23505')
    }))
})

describe('rerating', () => {
  const june = ['2027-06-01T00:00:00Z', '2027-07-01T00:00:00Z']

  it('shows what would change, changes it by corrections, and then finds nothing', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-06-20T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 1, output: 2 })
      const receipt = await call(t, db.acme.member, { input_tokens: 1_000_000, output_tokens: 1_000_000 })
      await call(t, db.globex.member, { input_tokens: 1_000_000 })
      await setPrice(db, t, modelId, { input: 1, output: 5, from: '2027-06-01T00:00:00Z' })

      await t.become(db.acme.owner)
      const rerate =
        'select usage_type, model, event_count, cost_before::float, cost_after::float, difference::float from app_public.preview_rerating($1, $2)'
      expect(await t.query(rerate, june)).toEqual([
        { usage_type: 'output_tokens', model: 'model', event_count: '1', cost_before: 2, cost_after: 5, difference: 3 },
      ])
      // looking changed nothing
      expect(await t.value('select sum(cost)::float from app_public.usage_events')).toBe(3)
      expect(await t.errorCode('select app_public.apply_rerating($1, $2)', june)).toBe('TN205')

      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.value('select app_public.apply_rerating($1, $2)::float', june)).toBe(3)
      expect(await t.value('select app_public.apply_rerating($1, $2)::float', june)).toBe(0)
      await rollUp(t, db.acme.id)
      await t.become(db.acme.owner)
      expect(await t.query(rerate, june)).toEqual([])
      expect(await t.query('select total_cost::float, output_tokens::int from app_public.cost_tracking')).toEqual([
        { total_cost: 6, output_tokens: 1_000_000 },
      ])
      // the call is as it was
      expect(await logs(t)).toMatchObject([{ total_cost: receipt.total_cost, price_id: receipt.price_id }])
      expect(await t.query('select * from metering.verify_rollups()')).toEqual([])
    }))

  it('prices what had no price', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-06-20T12:00:00Z')
      const modelId = await createModel(t)
      await call(t, db.acme.member, { input_tokens: 1_000_000, output_tokens: 0 })
      await setPrice(db, t, modelId, { input: 4, output: 5 })
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.value('select app_public.apply_rerating($1, $2)::float', june)).toBe(4)
      await setPrice(db, t, modelId, { input: 3, output: 5 })
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.value('select app_public.apply_rerating($1, $2)::float', june)).toBe(-1)
    }))

  it('is for those who manage billing', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      expect(await t.errorCode('select * from app_public.preview_rerating($1, $2)', june)).toBe('ID203')
    }))

  it('of a tenant below is paid by who paid for the use, in the period of who pays', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-07-05T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 1, output: 1 })
      await call(t, db.acme.member, { occurred_at: '2027-06-10T00:00:00Z' })
      await t.becomeSuperuser()
      await t.query('update app_public.tenants set parent_tenant_id = $1 where id = $2', [db.globex.id, db.acme.id])
      await call(t, db.acme.member, { idempotency_key: 'below', occurred_at: '2027-06-15T00:00:00Z' })
      await t.becomeRole('rowhouse_owner', db.globex.id)
      await t.query(`select metering.finalise_usage_period(tstzrange($1, $2))`, june)
      await setPrice(db, t, modelId, { input: 2, output: 1 })
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      expect(await t.value('select app_public.apply_rerating($1, $2)::float', june)).toBe(0.002)
      await t.becomeSuperuser()
      expect(
        await t.query(
          `select payer_id, cost::float, lower(adjusts_period) as period, (select count(*)::int from metering.usage_queue q
              where q.tenant_id = e.tenant_id and q.batch_id = e.batch_id and q.payer_id is not distinct from e.payer_id) as queued
             from app_public.usage_events e where rerates_batch_id is not null order by payer_id nulls last`,
        ),
      ).toEqual([
        { payer_id: db.globex.id, cost: 0.001, period: new Date(june[0] as string), queued: 1 },
        { payer_id: null, cost: 0.001, period: null, queued: 1 },
      ])
    }))

  it('of a period that is final makes adjustments', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-07-05T12:00:00Z')
      const modelId = await createModel(t)
      await setPrice(db, t, modelId, { input: 1, output: 1 })
      await call(t, db.acme.member, { occurred_at: '2027-06-15T00:00:00Z' })
      await t.becomeRole('rowhouse_owner', db.acme.id)
      await t.query(`select metering.finalise_usage_period(tstzrange($1, $2))`, june)
      await setPrice(db, t, modelId, { input: 2, output: 1 })
      await t.become({ ...db.platform.owner, tenantId: db.acme.id }, 'rowhouse_admin')
      await t.query('select app_public.apply_rerating($1, $2)', june)
      await t.becomeSuperuser()
      expect(
        await t.query(
          'select quantity::int, cost::float, lower(adjusts_period) as period from app_public.usage_events where rerates_batch_id is not null',
        ),
      ).toEqual([{ quantity: 0, cost: 0.001, period: new Date(june[0] as string) }])
    }))
})

describe('texts', () => {
  const texts = { prompt_text: 'What is it?', system_prompt: 'Be brief.', completion_text: 'A house.' }
  const keep = async (t: Transaction, config: object) => {
    await t.becomeSuperuser()
    await t.query('update app_public.tenants set config = $2 where id = $1', [db.acme.id, JSON.stringify(config)])
  }

  it('are kept only where the tenant says so', () =>
    db.inTransaction(async (t) => {
      await call(t, db.acme.member, texts)
      await keep(t, { store_llm_texts: true })
      await call(t, db.acme.member, { idempotency_key: 'kept', ...texts })
      await t.become(db.acme.member)
      expect(
        await t.query(
          'select prompt_text, system_prompt, completion_text from app_public.llm_usage_logs order by batch_id',
        ),
      ).toEqual([{ prompt_text: null, system_prompt: null, completion_text: null }, texts])
    }))

  it('are read by their person and those who may audit, not by everyone who sees the call', () =>
    db.inTransaction(async (t) => {
      await keep(t, { store_llm_texts: true })
      await call(t, db.acme.member, texts)
      await t.becomeSuperuser()
      await t.query(
        `update app_public.user_tenants set permissions = '{"can_view_analytics": true}' where user_id = $1`,
        [db.acme.viewer.userId],
      )
      const seenBy = async (person: Person) => {
        await t.become(person)
        return t.query('select prompt_text from app_public.llm_usage_logs')
      }
      expect(await seenBy(db.acme.viewer)).toEqual([{ prompt_text: null }])
      expect(await seenBy(db.acme.admin)).toEqual([{ prompt_text: texts.prompt_text }])
      expect(await seenBy(db.acme.member)).toEqual([{ prompt_text: texts.prompt_text }])
    }))

  it("are dropped when the tenant's days are over, and at once when it keeps none any more", () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2027-06-20T12:00:00Z')
      await keep(t, { store_llm_texts: true, llm_text_retention_days: 7 })
      await call(t, db.acme.member, { idempotency_key: 'old', occurred_at: '2027-06-13T11:59:59Z', ...texts })
      await call(t, db.acme.member, { idempotency_key: 'young', occurred_at: '2027-06-13T12:00:01Z', ...texts })
      const drop = async () => {
        await t.becomeSuperuser()
        const before = Number(await t.value('select count(*) from metering.llm_texts'))
        await t.query(`select governance.begin_retention($1, 'llm_texts')`, [db.acme.id])
        await t.becomeRole('rowhouse_worker')
        while (await t.value<boolean>('select governance.continue_retention()'));
        await t.becomeSuperuser()
        return before - Number(await t.value('select count(*) from metering.llm_texts'))
      }
      expect(await drop()).toBe(1)
      expect(await drop()).toBe(0)
      await keep(t, {})
      expect(await drop()).toBe(1)
      await t.become(db.acme.member)
      expect(await logs(t)).toHaveLength(2)
    }))
})

// Consent: the last decision of a person for a purpose holds, from the next statement on, and no decision ever changes.

import { describe, expect, it } from 'vitest'
import { needsServer, type Transaction, useDatabase } from '../helpers/index.ts'

const db = useDatabase()
const hasConsent = (t: Transaction, purpose = 'memory'): Promise<boolean> =>
  t.value('select governance.has_consent($1, $2)', [db.acme.member.userId, purpose])

describe('a person', () => {
  it('has not consented before a decision, and a withdrawal holds with the next statement', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      const answers = [await hasConsent(t)]
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      answers.push(await hasConsent(t), await hasConsent(t, 'training'))
      await t.query(`select app_public.withdraw_consent('memory')`)
      answers.push(await hasConsent(t))
      expect(answers).toEqual([false, true, false, false])
    }))

  it('consents in one tenant and in no other', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      await t.becomeRole('rowhouse_worker', db.globex.id)
      expect(await hasConsent(t)).toBe(false)
    }))

  it('sees its own decisions, and with can_manage_users those of others', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      await t.query(`select app_public.give_consent('memory', 'v1')`)
      const count = () => t.value('select count(*)::int from app_public.consent_records')
      expect(await count()).toBe(1)
      await t.become(db.acme.viewer)
      expect(await count()).toBe(0)
      await t.become(db.acme.admin)
      expect(await count()).toBe(1)
    }))
})

describe('an administrator', () => {
  it('records a decision of a member, with evidence', () =>
    db.inTransaction(async (t) => {
      const record = (user: string, evidence: string) =>
        t.errorCode(`select app_public.record_consent($1, 'memory', true, $2, 'v1')`, [user, evidence])
      await t.become(db.acme.member)
      expect(await record(db.acme.viewer.userId, 'paper')).toBe('ID203')
      await t.become(db.acme.admin)
      expect(await record(db.acme.member.userId, ' ')).toBe('NS401')
      expect(await record(db.globex.member.userId, 'paper')).toBe('NS301')
      expect(await record(db.acme.member.userId, 'paper')).toBeUndefined()
      expect(await hasConsent(t)).toBe(true)
    }))
})

describe('a decision', () => {
  it('never changes, not even by the superuser', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.member)
      await t.query(`select app_public.withdraw_consent('memory')`)
      expect(await t.errorCode('delete from app_public.consent_records')).toBe('42501')
      expect(await t.errorCode(`update app_public.consent_records set purpose = 'training'`)).toBe('42501')
      await t.becomeSuperuser()
      expect(await t.errorCode(`update app_public.consent_records set purpose = 'training'`)).toBe('NS901')
    }))

  it('waits for another one of the same person, so that the later one has the higher number', async (context) => {
    needsServer(context)
    const [first, second] = await Promise.all([db.pool.connect(), db.pool.connect()])
    try {
      for (const client of [first, second]) {
        await client.query('begin')
        await client.query(
          `select set_config('role', 'rowhouse_user', true), set_config('rowhouse.tenant_id', $1, true), set_config('rowhouse.user_id', $2, true)`,
          [db.acme.id, db.acme.member.userId],
        )
      }
      await first.query(`select app_public.withdraw_consent('training')`)
      await second.query(`set local lock_timeout = '50ms'`)
      await expect(second.query(`select app_public.give_consent('training', 'v1')`)).rejects.toMatchObject({
        code: '55P03',
      })
    } finally {
      for (const client of [first, second]) {
        await client.query('rollback')
        client.release()
      }
    }
  })
})

it('the log of searches keeps no text of a person who has withdrawn prompt_texts', () =>
  db.inTransaction(async (t) => {
    const log = async (): Promise<unknown> => {
      await t.becomeSuperuser()
      return t.value(
        `insert into app_public.query_logs (tenant_id, user_id, mode, query_text, latency_ms, hit_count, created_at,
           source_ids, source_hit_counts, source_relevances)
         values ($1, $2, 'bm25', 'my question', 1, 0, now(), '{}', '{}', '{}') returning query_text`,
        [db.acme.id, db.acme.member.userId],
      )
    }
    expect(await log()).toBe('my question')
    await t.become(db.acme.member)
    await t.query(`select app_public.withdraw_consent('prompt_texts')`)
    expect(await log()).toBeNull()
  }))

it('no texts of a call are stored of a person who has withdrawn prompt_texts', () =>
  db.inTransaction(async (t) => {
    await t.becomeSuperuser()
    await t.query(`update app_public.tenants set config = '{"store_llm_texts": true}' where id = $1`, [db.acme.id])
    const call = async (key: string): Promise<unknown> => {
      await t.become(db.acme.member)
      await t.query(
        `select app_public.record_llm_usage(jsonb_populate_record(null::app_public.new_llm_call,
           jsonb_build_object('idempotency_key', $1::text, 'model', 'm', 'input_tokens', 1, 'output_tokens', 1, 'prompt_text', 'Hello')))`,
        [key],
      )
      return t.value('select count(*)::int from metering.llm_texts')
    }
    expect(await call('before')).toBe(1)
    await t.query(`select app_public.withdraw_consent('prompt_texts')`)
    expect(await call('after')).toBe(1)
  }))

it('no question of an agent and no arguments or results of a tool are stored of a person who has withdrawn prompt_texts', () =>
  db.inTransaction(async (t) => {
    await t.becomeSuperuser()
    await t.query(`update app_public.tenants set config = '{"store_llm_texts": true}' where id = $1`, [db.acme.id])
    const record = async (key: string): Promise<unknown> => {
      await t.become(db.acme.member)
      await t.query(
        `select app_public.record_agent_metrics(array(select m from jsonb_populate_recordset(null::app_public.new_agent_metric,
           jsonb_build_array(jsonb_build_object('idempotency_key', $1::text, 'operation_type', $1::text, 'response_time_ms', 1, 'query_text', 'Who?'))) m))`,
        [key],
      )
      await t.query(
        `select app_public.record_tool_executions(array(select e from jsonb_populate_recordset(null::app_public.new_tool_execution,
           jsonb_build_array(jsonb_build_object('idempotency_key', $1::text, 'tool_name', $1::text, 'status', 'success', 'input', '{"of": 1}'::jsonb, 'output', '2'::jsonb))) e))`,
        [key],
      )
      await t.becomeSuperuser()
      return t.query(
        `select m.query_text, e.input, e.output from app_public.agent_metrics m, app_public.tool_executions e
          where m.operation_type = $1 and e.tool_name = $1`,
        [key],
      )
    }
    expect(await record('before')).toEqual([{ query_text: 'Who?', input: { of: 1 }, output: 2 }])
    await t.become(db.acme.member)
    await t.query(`select app_public.withdraw_consent('prompt_texts')`)
    expect(await record('after')).toEqual([{ query_text: null, input: null, output: null }])
  }))

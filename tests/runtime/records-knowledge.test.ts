// Facts that agents keep: found by search while they hold, kept when they hold no longer, gone with the person they are about.

import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { processDocuments } from '../helpers/knowledge.ts'
import { useSessions } from '../helpers/sessions.ts'
import { actWithKey, becomeAgent, createAgent, putKeyAway } from './agents.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
const superuser = queries(() => db.pool)
const now = '2026-06-15T12:00:00Z'
let agent: string
let other: string
beforeAll(async () => {
  agent = await createAgent(superuser, db.acme)
  other = await createAgent(superuser, db.acme)
})

type Fact = { id: string; statement: string; status: string; document_id: string | null }
const sentence = `select k.id, k.statement, app_public.agent_knowledge_status(k) as status, k.document_id
  from app_public.keep_agent_facts(array(select f from jsonb_populate_recordset(null::app_public.new_agent_fact, $1) as f), $2) k`
const fact = (statement: string, more: object = {}) => ({
  idempotency_key: statement,
  subject: 'The office',
  statement,
  ...more,
})
const keep = (t: Pick<Transaction, 'query'>, facts: object[], agentId: string | null = agent) =>
  t.query<Fact>(sentence, [JSON.stringify(facts), agentId])
const keepOne = async (t: Pick<Transaction, 'query'>, given: object): Promise<Fact> =>
  (await keep(t, [given]))[0] as Fact
const refusal = (t: Transaction, facts: object[], agentId: string | null = agent) =>
  t.errorCode(sentence, [JSON.stringify(facts), agentId])
const facts = (t: Pick<Transaction, 'query'>) =>
  t.query<Fact>(
    `select k.id, k.statement, app_public.agent_knowledge_status(k) as status, k.document_id
       from app_public.agent_knowledge k order by statement`,
  )
/** What a search in the knowledge of the agent finds, after the worker has done its part. */
const found = async (t: Transaction, query: string, agentId = agent): Promise<string[]> => {
  await putKeyAway(t)
  await processDocuments(t, db.acme.id)
  await t.become(db.acme.viewer)
  const hits = await t.query<{ content: string }>(
    `select content from app_public.search($1, 'bm25', filter => search.filter(agent_id => $2))`,
    [query, agentId],
  )
  return hits.map(({ content }) => content)
}
const asAdmin = async (t: Transaction) => {
  await setClock(t, now)
  await t.become(db.acme.admin)
}
const refresh = async (t: Transaction, clock: string) => {
  await putKeyAway(t)
  await t.becomeRole('rowhouse_worker')
  await setClock(t, clock)
  await t.query('select runtime.refresh_facts()')
  await t.becomeSuperuser()
  const jobs = await t.query<{ payload: { tenantId: string; agentId: string } }>(
    `select payload from graphile_worker._private_jobs j join graphile_worker._private_tasks k on k.id = j.task_id
      where k.identifier = 'runtime__show_facts'`,
  )
  await t.becomeRole('rowhouse_worker')
  for (const { payload } of jobs)
    await t.query('select runtime.show_due_facts($1, $2)', [payload.tenantId, payload.agentId])
  await t.become(db.acme.viewer)
  return jobs.length
}

describe('a fact', () => {
  it('is found by search as the knowledge of its agent, with its source and validity', () =>
    db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.member, agent)
      const origin = {
        origin: 'document',
        origin_id: 'letter-7',
        origin_excerpt: 'We moved to Basel.',
        confidence: 0.9,
      }
      const kept = await keepOne(t, fact('The office is in Basel.', origin))
      expect(kept).toMatchObject({ status: 'current' })
      expect(await found(t, 'Basel')).toEqual(['The office is in Basel.'])
      expect(await found(t, 'Basel', other)).toEqual([])
      const [document] = await t.query(
        `select title, metadata, created_by_user_id from app_public.documents where id = $1`,
        [kept.document_id],
      )
      expect(document).toMatchObject({
        title: 'The office',
        metadata: { fact_id: kept.id, agent_id: agent, origin: 'document', origin_id: 'letter-7', confidence: 0.9 },
        created_by_user_id: null,
      })
    }))

  it('is kept once under its key, and another one under it is refused', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const first = await keep(t, [fact('a'), fact('b')])
      expect(await keep(t, [fact('b'), fact('a'), fact('a')])).toEqual(expect.arrayContaining(first))
      expect(await facts(t)).toHaveLength(2)
      expect(await refusal(t, [fact('a', { subject: 'x' })])).toBe('OB501')
      expect(await refusal(t, [fact('a')], other)).toBe('OB501')
      await t.becomeSuperuser()
      await t.query('delete from observability.event_keys')
      await t.become(db.acme.admin)
      expect(await keep(t, [fact('a')])).toHaveLength(1)
      expect(await facts(t)).toHaveLength(2)
    }))

  it('that is superseded is kept and not found, and its successor is', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const old = await keepOne(t, fact('The office is in Basel.'))
      expect(await found(t, 'office')).toEqual(['The office is in Basel.'])
      await t.become(db.acme.admin)
      const successor = await keepOne(t, fact('The office is in Bern.', { supersedes_id: old.id }))
      expect(await found(t, 'office')).toEqual(['The office is in Bern.'])
      expect(
        await t.query('select id, superseded_by_id from app_public.agent_knowledge where ended_at is not null'),
      ).toEqual([{ id: old.id, superseded_by_id: successor.id }])
      expect((await facts(t)).map(({ status }) => status)).toEqual(['superseded', 'current'])
    }))

  it('is superseded once, by a later fact of the same agent', async () => {
    const itself = await superuser.value(`select observability.event_id($1, 'agent_fact', 'e')`, [db.acme.id])
    await db.inTransaction(async (t) => {
      await asAdmin(t)
      const old = await keepOne(t, fact('a'))
      expect(await refusal(t, [fact('b', { supersedes_id: old.id }), fact('c', { supersedes_id: old.id })])).toBe(
        'RN545',
      )
      await keep(t, [fact('b', { supersedes_id: old.id })])
      expect(await refusal(t, [fact('c', { supersedes_id: old.id })])).toBe('RN545')
      expect(await refusal(t, [fact('d', { supersedes_id: crypto.randomUUID() })])).toBe('RN545')
      expect(await refusal(t, [fact('e', { supersedes_id: itself })])).toBe('RN545')
      const foreign = (await keep(t, [fact('f')], other))[0] as Fact
      expect(await refusal(t, [fact('g', { supersedes_id: foreign.id })])).toBe('RN545')
      // a repeated call is no second successor
      expect(await keep(t, [fact('b', { supersedes_id: old.id })])).toMatchObject([{ status: 'current' }])
    })
  })

  it('that is retracted is kept with the reason and not found, and is retracted once', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const { id } = await keepOne(t, fact('The office is in Basel.'))
      const retract = `select (app_public.retract_agent_fact($1, 'It never was.')).retraction_reason`
      expect(await t.value(retract, [id])).toBe('It never was.')
      expect(await found(t, 'office')).toEqual([])
      expect(await facts(t)).toMatchObject([{ status: 'retracted', document_id: null }])
      await t.become(db.acme.admin)
      expect(await t.errorCode(retract, [id])).toBe('RN546')
      expect(await t.errorCode(retract, [crypto.randomUUID()])).toBe('RN346')
      expect(await refusal(t, [fact('b', { supersedes_id: id })])).toBe('RN545')
    }))

  it('is found from when it holds until it does not', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const times = { valid_from: '2026-06-16T00:00:00Z', valid_to: '2026-06-17T00:00:00Z' }
      expect(await keepOne(t, fact('The office is closed.', times))).toMatchObject({
        status: 'future',
        document_id: null,
      })
      expect(await found(t, 'office')).toEqual([])
      expect(await refresh(t, '2026-06-16T00:00:00Z')).toBe(1)
      expect(await facts(t)).toMatchObject([{ status: 'current' }])
      expect(await found(t, 'office')).toEqual(['The office is closed.'])
      await refresh(t, '2026-06-17T00:00:00Z')
      expect(await found(t, 'office')).toEqual([])
      expect(await facts(t)).toMatchObject([{ status: 'expired', document_id: null }])
    }))

  it('whose document somebody deleted is found again after the next refresh', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const { document_id } = await keepOne(t, fact('The office is in Basel.'))
      await t.query('select app_public.delete_document($1)', [document_id])
      expect(await found(t, 'office')).toEqual([])
      expect(await refresh(t, now)).toBe(1)
      expect(await found(t, 'office')).toEqual(['The office is in Basel.'])
    }))

  it.each([
    ['no key', { idempotency_key: null }, 'OB401'],
    ['no subject', { subject: null }, 'RN449'],
    ['a subject of 256 characters', { subject: 'x'.repeat(256) }, 'RN449'],
    ['an empty statement', { statement: ' ' }, 'RN449'],
    ['a statement of 10,001 characters', { statement: 'x'.repeat(10_001) }, 'RN449'],
    ['a statement that was cut inside a character', { statement: 'a\uffff' }, 'RN449'],
    ['a confidence above 1', { confidence: 1.1 }, 'RN449'],
    ['a confidence that is no number', { confidence: 'NaN' }, 'RN449'],
    ['an end before its start', { valid_from: '2026-01-02', valid_to: '2026-01-01' }, 'RN449'],
    ['an end in the past and no start', { valid_to: '2026-01-01' }, 'RN449'],
    ['an endless start', { valid_from: '-infinity' }, 'RN449'],
    ['an origin of 256 characters', { origin_id: 'x'.repeat(256) }, 'RN449'],
    ['an excerpt of 1,001 characters', { origin_excerpt: 'x'.repeat(1001) }, 'RN449'],
    ['an origin that is none', { origin: 'nowhere' }, '23514'],
    ['a person who is no member', { about_user_id: '00000000-0000-4000-8000-000000000000' }, 'OB301'],
  ])('with %s is refused', (_, wrong, code) =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      expect(await refusal(t, [fact('a', wrong)])).toBe(code)
      if (code !== '23514') await expect(keep(t, [fact('b'), fact('a', wrong)])).rejects.toThrow(/^Row 2: /)
    }),
  )

  it('comes in lists of 1 to 100', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      expect(await refusal(t, [])).toBe('RN448')
      const many = Array.from({ length: 101 }, (_, i) => fact(`fact ${i}`))
      expect(await refusal(t, many)).toBe('RN448')
      expect(await keep(t, many.slice(1))).toHaveLength(100)
    }))

  it('is refused when the agent has 10,000 of them', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('a')])
      await t.becomeSuperuser()
      await t.query(
        `insert into app_public.agent_knowledge (tenant_id, id, agent_id, subject, statement, valid_from, origin, recorded_at)
         select $1, gen_random_uuid(), $2, 'x', 'x', '2030-01-01', 'other', now() from generate_series(1, 9998)`,
        [db.acme.id, agent],
      )
      await t.become(db.acme.admin)
      await keep(t, [fact('b')])
      expect(await refusal(t, [fact('c')])).toBe('RN645')
      const [{ id } = { id: '' }] = await facts(t)
      await t.query('select app_public.retract_agent_fact($1)', [id])
      expect(await refusal(t, [fact('c')])).toBeUndefined()
    }))
})

describe('facts are kept by', () => {
  it('the key of the agent, and no key of another agent', () =>
    db.inTransaction(async (t) => {
      await becomeAgent(t, db.acme.member, agent)
      const [{ id } = { id: '' }] = await keep(t, [fact('a')], null)
      expect(await refusal(t, [fact('b')], other)).toBe('RN246')
      await becomeAgent(t, db.acme.member, other)
      expect(await t.errorCode('select app_public.retract_agent_fact($1)', [id])).toBe('RN246')
    }))

  it('those who may edit agents, and not by other members, viewers or keys for other agents', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const [{ id } = { id: '' }] = await keep(t, [fact('a')])
      expect(await refusal(t, [fact('b')], null)).toBe('RN445')
      await t.become(db.acme.viewer)
      expect(await refusal(t, [fact('b')])).toBe('ID203')
      expect(await t.errorCode('select app_public.retract_agent_fact($1)', [id])).toBe('ID203')
      await actWithKey(t, db.acme.admin, { allowed_agents: [other], permissions: ['can_edit_agents'] })
      expect(await refusal(t, [fact('b')])).toBe('KY204')
    }))

  it('nobody of another tenant, who does not see them either', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const [{ id } = { id: '' }] = await keep(t, [fact('a')])
      await t.become(db.globex.owner)
      expect(await refusal(t, [fact('b')])).toBe('RN345')
      expect(await t.errorCode('select app_public.retract_agent_fact($1)', [id])).toBe('RN346')
      expect(await facts(t)).toEqual([])
      expect(await t.query('select * from app_public.agent_knowledge_base')).toEqual([])
    }))

  it('no direct write', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('a')])
      for (const table of ['agent_knowledge', 'agent_knowledge_base'])
        for (const statement of [
          'insert into app_public.# default values',
          'delete from app_public.#',
          'update app_public.# set agent_id = agent_id',
        ])
          expect(await t.errorCode(statement.replace('#', table))).toBe('42501')
    }))

  it('a tenant whose plan has search', () =>
    db.inTransaction(async (t) => {
      await t.query(`update app_public.tenants set features = features || '{"rag_enabled": false}' where id = $1`, [
        db.acme.id,
      ])
      await asAdmin(t)
      expect(await refusal(t, [fact('a')])).toBe('TN204')
    }))
})

describe('facts of a deleted agent', () => {
  it('are seen and found by nobody, until it is restored', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('The office is in Basel.')])
      await t.become(db.acme.owner)
      await t.query('select app_public.delete_agent($1)', [agent])
      expect(await found(t, 'office')).toEqual([])
      expect(await facts(t)).toEqual([])
      await t.become(db.acme.admin)
      expect(await refusal(t, [fact('b')])).toBe('RN345')
      await t.become(db.acme.owner)
      await t.query('select app_public.restore_agent($1)', [agent])
      expect(await found(t, 'office')).toEqual(['The office is in Basel.'])
      expect(await facts(t)).toHaveLength(1)
    }))

  it('go with it when it is deleted for good', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('The office is in Basel.')])
      await t.becomeSuperuser()
      await t.query('delete from app_public.agents where id = $1', [agent])
      expect(await t.value('select count(*)::int from app_public.agent_knowledge')).toBe(0)
      expect(await t.value('select count(*)::int from app_public.documents where tenant_id = $1', [db.acme.id])).toBe(0)
    }))
})

describe('the knowledge source of an agent', () => {
  it('that somebody deleted comes back with the next fact', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('The office is in Basel.')])
      await t.becomeSuperuser()
      await t.query('update app_public.rag_knowledge_sources set deleted_at = now() where tenant_id = $1', [db.acme.id])
      expect(await found(t, 'office')).toEqual([])
      await t.become(db.acme.admin)
      await keep(t, [fact('The office has a garden.')])
      expect((await found(t, 'office')).toSorted()).toEqual(['The office has a garden.', 'The office is in Basel.'])
    }))
})

describe('facts that ended', () => {
  it('are deleted by retention when they are old, and those that hold are not', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      const [old] = await keep(t, [fact('a'), fact('b')])
      await keep(t, [fact('c', { supersedes_id: old?.id })])
      await t.becomeSuperuser()
      await setClock(t, '2029-06-17T00:00:00Z')
      await t.query(`select governance.begin_retention($1, 'agent_facts')`, [db.acme.id])
      while (await t.value('select governance.continue_retention()'));
      expect((await facts(t)).map(({ statement }) => statement)).toEqual(['b', 'c'])
    }))
})

describe('a fact about a person', () => {
  it('is deleted with its document when the person is erased, and one that the person recorded is not', () =>
    db.inTransaction(async (t) => {
      await asAdmin(t)
      await keep(t, [fact('Ann likes tea.', { about_user_id: db.acme.viewer.userId }), fact('The office is in Basel.')])
      await t.becomeSuperuser()
      for (const user of [db.acme.viewer, db.acme.admin])
        for (const { table_name, condition } of await t.query<{ table_name: string; condition: string }>(
          `select table_name, condition from governance.person_steps(false)
            where action = 'erased' and table_name::text in ('app_public.agent_knowledge', 'app_public.documents')`,
        ))
          await t.query(
            `delete from ${table_name} t where ${condition.replaceAll('$1', `'${user.userId}'`).replaceAll('$2', `''`)}`,
          )
      expect(await found(t, 'tea office')).toEqual(['The office is in Basel.'])
      expect(await facts(t)).toMatchObject([{ statement: 'The office is in Basel.' }])
    }))
})

describe('facts of ten sessions at once', () => {
  it('have one knowledge source, and a fact has one successor', async (context) => {
    needsServer(context)
    const mine = await createAgent(superuser, db.acme)
    const writers = (await sessions(10, db.acme.admin)).map((writer) => queries(() => writer))
    await Promise.all(
      writers.map((writer, i) => keep(writer, [fact(`fact ${i}`, { idempotency_key: `${mine}${i}` })], mine)),
    )
    expect(
      await superuser.value('select count(*)::int from app_public.agent_knowledge_base where agent_id = $1', [mine]),
    ).toBe(1)
    expect(
      await superuser.value(
        `select count(*)::int from app_public.rag_knowledge_sources where name = 'agent-knowledge-' || $1::text`,
        [mine],
      ),
    ).toBe(1)
    const old = await superuser.value<string>(
      `select id from app_public.agent_knowledge where agent_id = $1 and statement = 'fact 0'`,
      [mine],
    )
    const results = await Promise.allSettled(
      writers.map((writer, i) =>
        keep(writer, [fact(`next ${i}`, { idempotency_key: `${mine}next${i}`, supersedes_id: old })], mine),
      ),
    )
    const codes = results.map((result) => (result.status === 'fulfilled' ? 'kept' : result.reason.code)).toSorted()
    expect(codes).toEqual([...Array(9).fill('RN545'), 'kept'])
    expect(
      await superuser.query(
        `select count(*)::int as facts, count(*) filter (where ended_at is null)::int as live, count(document_id)::int as searched
           from app_public.agent_knowledge where agent_id = $1`,
        [mine],
      ),
    ).toEqual([{ facts: 11, live: 10, searched: 10 }])
  })

  it('are retracted once', async (context) => {
    needsServer(context)
    const mine = await createAgent(superuser, db.acme)
    const writers = (await sessions(5, db.acme.admin)).map((writer) => queries(() => writer))
    const [{ id } = { id: '' }] = await keep(writers[0] as Transaction, [fact('a', { idempotency_key: mine })], mine)
    const results = await Promise.allSettled(
      writers.map((writer) => writer.query('select app_public.retract_agent_fact($1)', [id])),
    )
    const codes = results.map((result) => (result.status === 'fulfilled' ? 'retracted' : result.reason.code)).toSorted()
    expect(codes).toEqual([...Array(4).fill('RN546'), 'retracted'])
  })
})

// Nobody sees anything of a conversation but its person: not another tenant, not another person of the tenant, not its administrators,
// no API key of the person; and what somebody else names looks like what is not there. Who is erased leaves nothing.

import { beforeAll, describe, expect, it } from 'vitest'
import { needsServer, type Person, type Queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { actWithKey } from '../runtime/agents.ts'
import { answerBy, as, newAgent, partsOf, type Sent, send, startConversation, texts } from './helpers.ts'

const db = useDatabase()
const nobody = '00000000-0000-4000-8000-000000000000'

async function talk(t: Transaction, person: Person): Promise<{ id: string } & Sent> {
  await t.become(person)
  const id = await startConversation(t, await newAgent(t))
  const sent = await send(t, id, ['A secret.'])
  await answerBy(t, person, 'It is safe.')
  await t.query(`select app_public.rate_answer($1, 'up', 'Thanks.')`, [sent.answer_id])
  return { id, ...sent }
}

const tables = ['expert_consultations', 'messages', 'message_feedback', 'chat_history', 'chat_memory']
describe('nothing of a conversation is seen', () => {
  it.each([
    ['its person', () => db.acme.owner, [1, 2, 1, 2, 2]],
    ['an administrator', () => db.acme.admin, [0, 0, 0, 0, 0]],
    ['another member', () => db.acme.member, [0, 0, 0, 0, 0]],
    ['the owner of another tenant', () => db.globex.owner, [0, 0, 0, 0, 0]],
  ] as const)('but by its person: %s', (_who, person, expected) =>
    db.inTransaction(async (t) => {
      await talk(t, db.acme.owner)
      await t.become(person())
      const seen = []
      for (const table of tables) seen.push(await t.value(`select count(*)::int from app_public.${table}`))
      expect(seen).toEqual(expected)
    }),
  )

  it('by an API key of its person, which begins none either', () =>
    db.inTransaction(async (t) => {
      const { id } = await talk(t, db.acme.owner)
      await actWithKey(t, db.acme.owner, { permissions: ['can_run_agents'] })
      expect(await t.value('select count(*)::int from app_public.messages')).toBe(0)
      expect(await t.errorCode(`select app_public.send_message($1, ${partsOf(2)})`, [id, texts(['x'])])).toBe('KY201')
    }))
})

it.each([
  ['send_message', `select app_public.send_message($1, ${partsOf(2)})`, 'id', 'TK301'],
  ['edit_message', `select app_public.edit_message($1, ${partsOf(2)})`, 'message_id', 'TK302'],
  ['regenerate_answer', 'select app_public.regenerate_answer($1)', 'answer_id', 'TK302'],
  ['cancel_answer', 'select app_public.cancel_answer($1)', 'answer_id', 'TK302'],
  ['switch_branch', 'select app_public.switch_branch($1)', 'message_id', 'TK302'],
  ['rate_answer', `select app_public.rate_answer($1, 'up')`, 'answer_id', 'TK302'],
  ['unrate_answer', `select app_public.unrate_answer($1)`, 'answer_id', 'TK302'],
  ['rename_conversation', `select app_public.rename_conversation($1, 'x')`, 'id', 'TK301'],
  ['archive_conversation', 'select app_public.archive_conversation($1)', 'id', 'TK301'],
  ['unarchive_conversation', 'select app_public.unarchive_conversation($1)', 'id', 'TK301'],
  ['delete_conversation', 'select app_public.delete_conversation($1)', 'id', 'TK301'],
  ['restore_conversation', 'select app_public.restore_conversation($1)', 'id', 'TK301'],
] as const)('%s by anybody else is as if there were no such thing', (_name, statement, what, code) =>
  db.inTransaction(async (t) => {
    const known = await talk(t, db.acme.owner)
    for (const person of [db.acme.admin, db.acme.member, db.globex.owner]) {
      await t.become(person)
      for (const id of [known[what], nobody]) {
        const values = statement.includes('$2') ? [id, texts(['x'])] : [id]
        expect(await t.errorCode(statement, values)).toBe(code)
      }
    }
  }),
)

it('a person writes by the functions alone', () =>
  db.inTransaction(async (t) => {
    await talk(t, db.acme.owner)
    for (const table of tables)
      for (const statement of [`delete from app_public.${table}`, `insert into app_public.${table} default values`])
        expect([statement, await t.errorCode(statement)]).toEqual([
          statement,
          table.startsWith('chat_') ? '55000' : '42501',
        ])
    expect(await t.errorCode(`update app_public.messages set parts = '{}'`)).toBe('42501')
    expect(await t.errorCode(`select * from conversation.open_answers`)).toBe('42501')
    expect(await t.errorCode(`select * from conversation.claim_answer('me')`)).toBe('42501')
  }))

it('a tenant that can only be read is not conversed in, and an answer that was begun still ends', () =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    const id = await startConversation(t, await newAgent(t))
    const { answer_id } = await send(t, id, ['Why?'])
    await t.becomeRole('rowhouse_worker')
    const [claimed] = await t.query(`select * from conversation.claim_answer('w')`)
    await t.becomeSuperuser()
    await t.query(`update app_public.tenants set status = 'suspended', suspension_reason = 'late' where id = $1`, [
      db.acme.id,
    ])
    await t.becomeRole('rowhouse_worker')
    await t.query('select conversation.complete_answer($1, $2, $3, $4)', [
      ...[db.acme.id, answer_id, claimed?.lease_token, '[{"kind": "text", "text": "Because."}]'],
    ])
    await t.become(db.acme.owner)
    expect(await t.value('select status from app_public.messages where id = $1', [answer_id])).toBe('complete')
    expect(await t.errorCode(`select app_public.send_message($1, ${partsOf(2)})`, [id, texts(['x'])])).toBe('TN202')
    expect(await t.errorCode(`select app_public.rate_answer($1, 'up')`, [answer_id])).toBe('TN202')
    expect(await t.errorCode('select app_public.delete_conversation($1)', [id])).toBe('TN202')
  }))

describe('with many at once', () => {
  let owner: Queries
  beforeAll(() => {
    owner = as(db, db.acme.owner)
  })

  it('a message that is sent ten times under one key is one message with one answer', async (context) => {
    needsServer(context)
    const id = await startConversation(owner, await newAgent(owner))
    const sent = await Promise.all(Array.from({ length: 10 }, () => send(owner, id, ['Why?'], 'once')))
    expect(new Set(sent.map(({ message_id, answer_id }) => `${message_id} ${answer_id}`)).size).toBe(1)
    expect(await owner.value('select count(*)::int from app_public.messages where conversation_id = $1', [id])).toBe(2)
  })

  it('of ten messages one is taken, and the others are told that an answer is on its way', async (context) => {
    needsServer(context)
    const id = await startConversation(owner, await newAgent(owner))
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, (_, i) => send(owner, id, [`Why ${i}?`])))
    const codes = outcomes.map((each) => (each.status === 'fulfilled' ? 'sent' : each.reason.code)).sort()
    expect(codes).toEqual([...Array(9).fill('TK501'), 'sent'])
  })

  it('of ten workers one gets an answer, and a tenant has 20 at workers at most', async (context) => {
    needsServer(context)
    await db.pool.query('delete from app_public.expert_consultations')
    const agentId = await newAgent(owner)
    const claims = async (count: number) => {
      const claimed = await Promise.all(
        Array.from({ length: count }, () => db.pool.query(`select message_id from conversation.claim_answer('w')`)),
      )
      return claimed.flatMap(({ rows }) => rows.map(({ message_id }) => message_id as string))
    }
    await send(owner, await startConversation(owner, agentId), ['Why?'])
    expect(await claims(10)).toHaveLength(1)
    for (let i = 0; i < 25; i += 1) await send(owner, await startConversation(owner, agentId), ['Why?'])
    const given: string[] = []
    // who does not get the tenant's lock leaves it to another one
    for (let got = ['']; got.length > 0; given.push(...got)) got = await claims(5)
    expect(given).toHaveLength(19)
    expect(new Set(given).size).toBe(19)
    await db.pool.query('delete from app_public.expert_consultations')
  })
})

it('an erased person leaves no conversation, no message and no opinion', () =>
  db.inTransaction(async (t) => {
    const { id } = await talk(t, db.acme.member)
    await talk(t, db.acme.owner)
    await t.become(db.acme.member)
    await send(t, id, ['Another one.'])
    await t.becomeSuperuser()
    for (const { table_name, condition } of await t.query<{ table_name: string; condition: string }>(
      `select table_name::text, condition from governance.person_steps(false)
        where action = 'erased' and table_name::text ~ 'expert_consult|messages|message_feedback|open_answers' order by number`,
    ))
      await t.query(`delete from ${table_name} t where ${condition.replaceAll('$1', `'${db.acme.member.userId}'`)}`)
    for (const table of [
      'app_public.expert_consultations',
      'app_public.messages',
      'app_public.message_feedback',
      'conversation.branches',
      'conversation.open_answers',
    ])
      expect([table, await t.value(`select count(*)::int from ${table}`)]).toEqual([
        table,
        { 'app_public.messages': 2, 'conversation.open_answers': 0 }[table] ?? 1,
      ])
  }))

it('retention deletes what was deleted 30 days ago, and what nobody has touched for three years', () =>
  db.inTransaction(async (t) => {
    await talk(t, db.acme.owner)
    await t.becomeSuperuser()
    const kinds = await t.query(
      `select k.name, k.default_days, t.clock_column from app_public.data_kinds k
         join governance.data_kind_tables t on t.kind = k.name where t.table_name = 'app_public.expert_consultations' order by 1`,
    )
    expect(kinds).toEqual([
      { name: 'conversations', default_days: 1096, clock_column: 'last_message_at' },
      { name: 'deleted_conversations', default_days: 30, clock_column: 'deleted_at' },
    ])
  }))

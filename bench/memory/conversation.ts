// What it costs to open a long conversation: its row and the newest messages of its active branch, against the same of a short one and
// against a walk from each message to its parent. Every twentieth message was edited, so there are branches beside the active one.

import type pg from 'pg'
import { type Measured, median, type Part } from '../metering/part.ts'
import { createBenchTenant } from '../metering/setup.ts'
import { openSession } from '../runtime/queue.ts'
import { withClient, withScratch } from '../scratch.ts'
import { percentile, timed } from '../timing.ts'

const page = 50
const opens = 100
const short = 100
const bar = 20

type Held = { tenantId: string; ownerId: string }

export const measureConversation = (serverUrl: string, rounds: number, messages: number): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(url, client, rounds, messages)))

/** Messages one below the other in one branch, and beside every twentieth one another that begins a branch of its own. */
async function addConversation(client: pg.Client, { tenantId, ownerId }: Held, count: number): Promise<string> {
  await client.query('set session_replication_role = replica')
  const { rows } = await client.query<{ id: string }>(
    `insert into app_public.expert_consultations (
       tenant_id, user_id, agent_id, agent_name, message_count, branch_count, last_message_at, created_at)
     values ($1, $2, gen_random_uuid(), 'Ada', $3::int + $3::int / 20, 1 + $3::int / 20, now(), now()) returning id`,
    [tenantId, ownerId, count],
  )
  const id = rows[0]?.id as string
  await client.query(
    `insert into conversation.branches (tenant_id, conversation_id, number, parent_number, fork_depth, active_until)
     select $1::uuid, $2::uuid, 1, null::int, 0, $3::int
     union all select $1, $2, 1 + i, 1, i * 20 - 1, null from generate_series(1, $3::int / 20) i`,
    [tenantId, id, count],
  )
  await client.query(
    `with new as (
       select i, gen_random_uuid() as id from generate_series(1, $4::int) i
     ), placed as (
       select i as sequence, id, lag(id) over (order by i) as parent_id, 1 as branch, i as depth from new
       union all
       select $4::int + i / 20, gen_random_uuid(), parent_id, 1 + i / 20, i
         from (select i, lag(id) over (order by i) as parent_id from new) o where i % 20 = 0
     )
     insert into app_public.messages (
       tenant_id, id, conversation_id, user_id, sequence, parent_id, branch, depth, role, status, parts, created_at, finished_at)
     select $1::uuid, id, $2::uuid, $3::uuid, sequence, parent_id, branch, depth, case when depth % 2 = 1 then 'user' else 'assistant' end, 'complete',
            array[jsonb_populate_record(null::app_public.message_part,
              jsonb_build_object('kind', 'text', 'text', repeat(md5(id::text) || ' ', 15)))], now(), now()
       from placed`,
    [tenantId, id, ownerId, count],
  )
  await client.query(
    `update app_public.expert_consultations c set active_message_id = (
       select m.id from app_public.messages m where m.conversation_id = c.id and m.branch = 1 order by m.depth desc limit 1)
      where c.id = $1`,
    [id],
  )
  await client.query('set session_replication_role = origin')
  return id
}

const conversationOf = 'select * from app_public.expert_consultations where tenant_id = $1 and id = $2'
const byBranches = `select * from app_public.chat_history where tenant_id = $1 and conversation_id = $2 order by depth desc, message_id limit ${page}`
const byWalk = `
  with recursive way as (
    select m.* from app_public.messages m join app_public.expert_consultations c on c.tenant_id = m.tenant_id and c.active_message_id = m.id
     where c.tenant_id = $1 and c.id = $2
    union all
    select m.* from way w join app_public.messages m on m.tenant_id = w.tenant_id and m.id = w.parent_id
  ) select * from way order by depth desc limit ${page}`

/** Each as a request does it: in a transaction. */
async function timeOpenings(session: pg.Client, tenantId: string, id: string, history: string): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < opens; i++)
    times.push(
      await timed(async () => {
        await session.query('begin')
        await session.query(conversationOf, [tenantId, id])
        const { rows } = await session.query(history, [tenantId, id])
        await session.query('commit')
        if (rows.length !== page) throw new Error(`A page has ${rows.length} messages.`)
      }),
    )
  return times
}

async function measure(url: string, client: pg.Client, rounds: number, messages: number): Promise<Part> {
  const { id: tenantId, ownerId } = await createBenchTenant(client, 'talk')
  const held = { tenantId, ownerId }
  const [long, brief] = [await addConversation(client, held, messages), await addConversation(client, held, short)]
  for (let i = 0; i < 100; i++) await addConversation(client, held, short)
  await client.query('vacuum analyze app_public.messages, app_public.expert_consultations, conversation.branches')
  const session = await openSession(url, { ...held, agentId: '' })
  const all = { long: [] as number[], ratios: [] as number[], brief: [] as number[], walk: [] as number[] }
  for (let round = 0; round <= rounds; round++) {
    const of = {
      long: await timeOpenings(session, tenantId, long, byBranches),
      brief: await timeOpenings(session, tenantId, brief, byBranches),
      walk: await timeOpenings(session, tenantId, long, byWalk),
    }
    if (round === 0) continue
    for (const key of ['long', 'brief', 'walk'] as const) all[key].push(...of[key])
    all.ratios.push(median(of.long) / median(of.brief))
  }
  await session.end()
  const ms = (times: number[], share: number): string => `${(percentile(times, share) ?? Number.NaN).toFixed(2)} ms`
  const measured: Measured[] = [
    {
      name: `opening a conversation of ${messages} messages, p95 in ms`,
      ours: ms(all.long, 0.95),
      theirs: `a walk by parents ${ms(all.walk, 0.95)}`,
      ratio: percentile(all.long, 0.95) ?? Number.NaN,
      ...{ sign: '≤', bar },
    },
    {
      name: `opening one of ${messages} messages : one of ${short}`,
      ours: ms(all.long, 0.5),
      theirs: ms(all.brief, 0.5),
      ratio: median(all.ratios),
      ...{ sign: '≤', bar: 1.5 },
    },
  ]
  return {
    title: 'Opening a conversation',
    how: `the row of the conversation and the newest ${page} messages of its active branch, in a transaction on one connection as its person, ${opens} times a round, ${rounds} rounds, beside 100 conversations of ${short} messages; every twentieth message has a sibling`,
    measured,
  }
}

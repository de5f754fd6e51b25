// Recall of a person with many memories in a tenant with ten times as many, beside the same ranking without validity, kinds, scope and
// weights: the functions of sql/15_memory/45_ranking.sql with these conditions taken out of their texts.

import type pg from 'pg'
import type { Part } from '../metering/part.ts'
import { type BenchTenant, becomeOwner, createBenchTenant } from '../metering/setup.ts'
import { withClient, withScratch } from '../scratch.ts'
import { percentilesOf, timed } from '../timing.ts'
import { makeTurns } from './words.ts'

type Sizes = { memories: number; people: number; questions: number }

const batch = 10_000
const sessionLength = 40

export const measureRecall = (serverUrl: string, sizes: Sizes): Promise<Part> =>
  withScratch(serverUrl, (url) => withClient(url, (client) => measure(client, sizes)))

async function measure(client: pg.Client, { memories, people, questions }: Sizes): Promise<Part> {
  const tenant = await createBenchTenant(client, 'memory')
  await load(client, tenant, memories)
  await copyToOthers(client, tenant, people - 1)
  await client.query('vacuum analyze memory.entries, memory.postings, memory.indexes, app_public.user_memory')
  await createPlain(client)
  await client.query('begin')
  await becomeOwner(client, tenant)
  await client.query(`select app_public.give_consent('memory', '1')`)
  await client.query('commit')

  const asked = makeTurns(3)
  const times = { recall: [] as number[], ranking: [] as number[], plain: [] as number[] }
  const request = `memory.recall_request($1, null, null, null, $2, 'hybrid', null, 10)`
  const statements = {
    recall: `select memory_id from app_public.recall($1)`,
    ranking: `select memory_id from memory.ranking((select q from ${request} q))`,
    plain: `select memory_id from plain.ranking((select q from ${request} q))`,
  }
  for (let i = -20; i < questions; i++) {
    const question = asked.question()
    const turns = [
      async () => {
        await client.query('begin')
        await becomeOwner(client, tenant)
        const ms = await timed(async () => {
          await client.query({ name: 'recall', text: statements.recall, values: [question] })
        })
        await client.query('commit')
        if (i >= 0) times.recall.push(ms)
      },
      ...(['ranking', 'plain'] as const).map((name) => async () => {
        await client.query('begin')
        await client.query(
          `select set_config('rowhouse.tenant_id', $1, true), set_config('role', 'rowhouse_owner', true)`,
          [tenant.id],
        )
        const ms = await timed(async () => {
          await client.query({ name, text: statements[name], values: [tenant.ownerId, question] })
        })
        await client.query('commit')
        if (i >= 0) times[name].push(ms)
      }),
    ]
    // another one first each time
    for (let turn = 0; turn < turns.length; turn++) await turns[(Math.abs(i) + turn) % turns.length]?.()
  }
  const figures = {
    recall: percentilesOf(times.recall),
    ranking: percentilesOf(times.ranking),
    plain: percentilesOf(times.plain),
  }
  const ms = (value: number | null): string => `${value?.toFixed(1)} ms`
  return {
    title: 'Recall',
    how: `One client asks ${questions} questions of two to five words, drawn as the words of the memories are, of a person with ${memories} memories of six to eighteen words; the tenant has ${memories * people}. p50 of the whole recall is ${ms(figures.recall.p50)}. The ratio is of the medians of the ranking with and without its conditions and weights, in turn.`,
    measured: [
      {
        name: `recall among ${memories} of ${memories * people}, p95`,
        ours: ms(figures.recall.p95),
        theirs: '10 ms',
        ratio: (figures.recall.p95 ?? Number.NaN) / 10,
        sign: '≤',
        bar: 1,
      },
      {
        name: 'ranking : without validity and weights, p50',
        ours: ms(figures.ranking.p50),
        theirs: ms(figures.plain.p50),
        ratio: (figures.ranking.p50 ?? Number.NaN) / (figures.plain.p50 ?? Number.NaN),
        sign: '≤',
        bar: 1.2,
      },
    ],
  }
}

/** Through the triggers that index, many rows a statement; a tenth is superseded. */
async function load(client: pg.Client, tenant: BenchTenant, memories: number): Promise<void> {
  const { turn } = makeTurns(2)
  for (let start = 0; start < memories; start += batch) {
    const texts = Array.from({ length: Math.min(batch, memories - start) }, turn)
    await client.query(
      `insert into app_public.user_memory (tenant_id, id, user_id, history_id, memory_type, memory_key, content, speaker, session_id, occurred_at,
         importance_score, last_confirmed_at, extracted_at, valid_from, valid_to, stated_valid_to, is_long_term)
       select $1, i, $2, i, 'episode', 'episode:' || i, t.text, case n % 2 when 0 then 'Ann' else 'Ben' end, 's' || n / ${sessionLength},
              at, (n % 11) / 10.0, at, at, at, case n % 10 when 0 then at + interval '1 day' else 'infinity' end, 'infinity', false
         from (select gen_random_uuid() as i, u.text, $4 + u.n as n, now() - interval '1 year' + ($4 + u.n) * interval '5 minutes' / $5 * 100000 as at
                 from unnest($3::text[]) with ordinality as u (text, n)) t`,
      [tenant.id, tenant.ownerId, texts, start, Math.max(memories, 100_000)],
    )
  }
}

/** Others have the same, past the triggers: what matters is that they stand in the same tables. */
async function copyToOthers(client: pg.Client, tenant: BenchTenant, others: number): Promise<void> {
  await client.query(`set session_replication_role = replica`)
  for (const userId of tenant.userIds.slice(0, others)) {
    await client.query(
      `create temporary table copied as select m.id as old_id, gen_random_uuid() as id
         from app_public.user_memory m where m.tenant_id = $1 and m.user_id = $2`,
      [tenant.id, tenant.ownerId],
    )
    await client.query('create index on copied (old_id)')
    await copy(client, tenant, userId, 'app_public.user_memory', ['id', 'history_id'])
    await copy(client, tenant, userId, 'memory.entries', ['memory_id'])
    await copy(client, tenant, userId, 'memory.postings', [])
    await copy(client, tenant, userId, 'memory.indexes', [])
    await client.query('drop table copied')
  }
  await client.query(`set session_replication_role = origin`)
}

async function copy(
  client: pg.Client,
  tenant: BenchTenant,
  userId: string,
  table: string,
  ids: string[],
): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''`,
    [table],
  )
  const columns = rows.map(({ name }) => name)
  const values = columns.map((name) => (name === 'user_id' ? '$1::uuid' : ids.includes(name) ? 'c.id' : `s.${name}`))
  await client.query(
    `insert into ${table} (${columns.join(', ')}) select ${values.join(', ')}
       from ${table} s ${ids[0] ? `join copied c on c.old_id = s.${ids[0]}` : ''} where s.tenant_id = $2 and s.user_id = $3`,
    [userId, tenant.id, tenant.ownerId],
  )
}

/** The functions of the ranking in a schema of their own, where everything holds and only relevance counts. */
async function createPlain(client: pg.Client): Promise<void> {
  await client.query('create schema plain; grant usage on schema plain to public')
  for (const name of ['scored_entries', 'numbers_to_score', 'ranking']) {
    const { rows } = await client.query<{ text: string }>(
      `select pg_get_functiondef(('memory.' || $1)::regproc) as text`,
      [name],
    )
    const text = (rows[0]?.text ?? '').replaceAll(/memory\.(scored_entries|numbers_to_score|ranking)\(/g, 'plain.$1(')
    await client.query(name === 'scored_entries' ? withoutConditions(text) : text)
  }
  await client.query('grant execute on all functions in schema plain to rowhouse_owner')
}

function withoutConditions(text: string): string {
  const replaced = text
    .replace(/and \(request\.memory_types is null[\s\S]*?(?=\n\s*\), placed as)/, '')
    .replace(/\(v_settings\.relevance_weight \* [\s\S]*?(?=\n\s*from part p)/, 'p.weighted')
  if (/memory_types|ended_at|importance_weight/.test(replaced))
    throw new Error('The functions of the ranking have changed.')
  return replaced
}

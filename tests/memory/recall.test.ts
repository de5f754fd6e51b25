// Recall: the memories that answer a question come first, and only those that hold. An oracle that scores every memory by
// the formulas of docs/recall.md says what is right.

import { describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { type Queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { becomeConsenting, type Given, remember } from './helpers.ts'
import { type Oracle, openOracle } from './oracle.ts'

const db = useDatabase()

type Recalled = {
  rank: number
  score: number
  relevance: number
  recency: number
  importance: number
  word_score: number
  neighbor_score: number
  similarity: number | null
  matched_words: string[]
  memory_id: string
  content: string
  tokens: number
}

/** Outside of every wall, and then the person again. */
async function asSuperuser(t: Transaction, work: () => Promise<unknown>): Promise<void> {
  await t.becomeSuperuser()
  await work()
  await t.become(db.acme.member)
}

type Asking = { agent?: string; kinds?: string[]; asOf?: string; budget?: number; limit?: number; mode?: string }
const statement = `select * from app_public.recall($1, agent_id => $2, memory_types => $3::text[]::app_public.memory_type[], as_of => $4,
  token_budget => $5, "limit" => $6, mode => $7)`
const valuesOf = (query: string | null, asking: Asking) => [
  query,
  asking.agent ?? null,
  asking.kinds ?? null,
  asking.asOf ?? null,
  asking.budget ?? null,
  asking.limit ?? null,
  asking.mode ?? null,
]
const recall = (t: Pick<Queries, 'query'>, query: string, asking: Asking = {}): Promise<Recalled[]> =>
  t.query<Recalled>(statement, valuesOf(query, asking))
const contents = async (t: Pick<Queries, 'query'>, query: string, asking: Asking = {}): Promise<string[]> =>
  (await recall(t, query, asking)).map(({ content }) => content)
const recallError = (t: Transaction, query: string | null, asking: Asking = {}): Promise<string | undefined> =>
  t.errorCode(statement, valuesOf(query, asking))

const turn = (content: string, more: Given = {}): Given => ({ memory_type: 'episode', content, ...more })

describe('recall', () => {
  it('brings the memory with the rarest words of the question first, and none without any', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('I walked the dog in the park'),
        turn('I painted the park with watercolours'),
        turn('We ate noodles'),
      ])
      const found = await recall(t, 'who painted in the park?')
      expect(found.map(({ content }) => content)).toEqual([
        'I painted the park with watercolours',
        'I walked the dog in the park',
      ])
      expect(found[0]).toMatchObject({ rank: 1, relevance: 1, neighbor_score: 0, similarity: null })
      expect(found[0]?.matched_words.sort()).toEqual(['paint', 'park'])
    }))

  it('knows the irregular forms of English verbs and nouns', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('I bought shoes'), turn('Two children sang'), turn('Nothing happened')])
      expect(await contents(t, 'What did she buy?')).toEqual(['I bought shoes'])
      expect(await contents(t, 'Which child sings?')).toEqual(['Two children sang'])
    }))

  it('finds a turn by its speaker and by the day on which it was said', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('I moved house', { speaker: 'Caroline', occurred_at: '2023-05-07T12:00:00Z' }),
        turn('I moved house', { speaker: 'Melanie', occurred_at: '2023-06-19T12:00:00Z' }),
      ])
      const first = async (query: string) => (await t.query(`select speaker from app_public.recall($1)`, [query]))[0]
      expect(await first('Where did Melanie move?')).toEqual({ speaker: 'Melanie' })
      expect(await first('Where did Caroline move?')).toEqual({ speaker: 'Caroline' })
      expect(await first('Who moved on 7 May 2023?')).toEqual({ speaker: 'Caroline' })
      expect(await first('Who moved in June?')).toEqual({ speaker: 'Melanie' })
      expect(await first('moved on a Sunday')).toEqual({ speaker: 'Caroline' })
    }))

  it('finds a turn whose noun stands in the turn before it in its session, and in no other session', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('What did you get for your birthday?', { session_id: 'a' }),
        turn('A necklace from my grandmother', { session_id: 'a' }),
        turn('It rained', { session_id: 'b' }),
      ])
      const found = await recall(t, 'birthday')
      expect(found.map(({ content }) => content)).toEqual([
        'What did you get for your birthday?',
        'A necklace from my grandmother',
      ])
      expect(found[1]).toMatchObject({ word_score: 0, matched_words: [] })
      expect(found[1]?.neighbor_score).toBeCloseTo(0.4 * (found[0]?.word_score ?? 0))
    }))

  it('counts the words around a memory less than its own', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('It was wonderful', { context: 'How was the concert?' }),
        turn('The concert was wonderful'),
      ])
      expect(await contents(t, 'concert')).toEqual(['The concert was wonderful', 'It was wonderful'])
    }))

  it('of equal relevance brings the more important and the more recent first', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-01-01T00:00:00Z')
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('tea old', { occurred_at: '2025-06-01T00:00:00Z' }),
        turn('tea new', { occurred_at: '2025-12-31T00:00:00Z' }),
        turn('tea dear', { occurred_at: '2025-06-01T00:00:00Z', importance_score: 1 }),
      ])
      const found = await recall(t, 'tea')
      expect(found.map(({ content }) => content)).toEqual(['tea new', 'tea dear', 'tea old'])
      expect(found[0]?.recency).toBeCloseTo(0.5 ** (1 / 30))
    }))

  it('without words recalls what is recent and important', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn('long ago', { occurred_at: '2020-01-01T00:00:00Z' }),
        turn('just now'),
        turn('long ago but dear', { occurred_at: '2020-01-01T00:00:00Z', importance_score: 1 }),
      ])
      for (const query of ['', 'what did you do then?', '🙂 🙂', '…!?'])
        expect(await contents(t, query)).toEqual(['just now', 'long ago but dear', 'long ago'])
    }))

  it('fills a budget of tokens with the best that fit, and leaves out what does not', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [
        turn(`tea ${'long '.repeat(100)}`, { importance_score: 1 }),
        turn('tea a', { importance_score: 0.9 }),
        turn('tea b', { importance_score: 0.1 }),
      ])
      const found = await recall(t, 'tea', { budget: 4 })
      expect(found.map(({ content, rank }) => [rank, content])).toEqual([
        [1, 'tea a'],
        [2, 'tea b'],
      ])
      expect(await contents(t, 'tea', { budget: 3 })).toHaveLength(1)
      expect(await contents(t, 'tea', { budget: 1 })).toEqual([])
    }))

  it('reads Chinese, Japanese and Thai, whose words have no spaces', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('我昨天申请退款了'), turn('東京でラーメンを食べた'), turn('ฉันชอบกาแฟ')])
      expect(await contents(t, '退款')).toEqual(['我昨天申请退款了'])
      expect((await contents(t, 'ラーメン'))[0]).toBe('東京でラーメンを食べた')
      expect((await contents(t, 'กาแฟ'))[0]).toBe('ฉันชอบกาแฟ')
    }))
})

describe('what does not hold is never recalled', () => {
  it('superseded, expired, forgotten; as of a time, what was true and known then', () =>
    db.inTransaction(async (t) => {
      await setClock(t, '2026-01-01T00:00:00Z')
      await becomeConsenting(t, db.acme.member)
      await remember(t, { memory_key: 'city', content: 'lives in Lisbon city' })
      await remember(t, { memory_key: 'plan', content: 'visits the city soon', expires_at: '2026-01-05T00:00:00Z' })
      await setClock(t, '2026-01-10T00:00:00Z')
      await remember(t, { memory_key: 'city', content: 'lives in Porto city' })
      expect(await contents(t, 'city')).toEqual(['lives in Porto city'])
      expect(await contents(t, 'city', { asOf: '2026-01-02T00:00:00Z' })).toEqual(['lives in Lisbon city'])
      expect(await contents(t, 'city', { asOf: '2025-01-02T00:00:00Z' })).toEqual([])
      await asSuperuser(t, () =>
        t.query(`delete from app_public.user_memory where content like '%Porto%' and tenant_id = $1`, [db.acme.id]),
      )
      expect(await contents(t, 'city')).toEqual([])
    }))

  it('and takes no place of what does, however much of it there is', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await seedMany(t, 2500, '2021-01-01')
      await remember(t, [turn('tea a'), turn('tea b'), turn('tea c')])
      await seedMany(t, 2500, '2021-01-01')
      expect((await contents(t, 'tea')).sort()).toEqual(['tea a', 'tea b', 'tea c'])
    }))

  it('is of no other kind than those asked for', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('tea said'), { memory_type: 'preference', content: 'prefers tea' }])
      expect(await contents(t, 'tea', { kinds: ['preference'] })).toEqual(['prefers tea'])
      expect((await contents(t, 'tea', { kinds: ['preference', 'episode'] })).length).toBe(2)
    }))
})

describe('another person', () => {
  it('is never in a result, in a statistic or in a score', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('green tea'), turn('black coffee')])
      const before = await recall(t, 'tea or coffee')
      for (const other of [db.acme.admin, db.globex.member]) {
        await becomeConsenting(t, other)
        await remember(
          t,
          Array.from({ length: 50 }, (_, i) => turn(`tea number ${i}`)),
        )
      }
      await t.become(db.acme.member)
      expect(await recall(t, 'tea or coffee')).toEqual(before)
    }))
})

describe('the index', () => {
  it('is empty when everything is deleted, and exact after each change', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('one two three'), turn('two three'), turn('three')])
      const postings = `select term, block, (select array_agg(n order by n) from unnest(numbers) n) as numbers from memory.postings order by 1, 2`
      const expected = `select t as term, e.number >> 10 as block, array_agg((e.number & 1023)::smallint order by e.number) as numbers
        from memory.entries e, memory.term_numbers(e.words) t group by 1, 2 order by 1, 2`
      const check = async () =>
        asSuperuser(t, async () => expect(await t.query(postings)).toEqual(await t.query(expected)))
      await check()
      await asSuperuser(t, () => t.query(`delete from app_public.user_memory where content = 'two three'`))
      await check()
      expect(await contents(t, 'two')).toEqual(['one two three'])
      await asSuperuser(t, () => t.query(`delete from app_public.user_memory`))
      await asSuperuser(t, async () => {
        expect(await t.query(postings)).toEqual([])
        expect(await t.query(`select entry_count from memory.indexes`)).toEqual([{ entry_count: 0 }])
      })
    }))
})

describe('vectors', () => {
  const choose = (name: string) =>
    `insert into app_public.memory_settings (embedding_model_id)
     select id from app_public.llm_models where name = '${name}'`
  it('of a built-in model find what shares parts of words with the question, beside words', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      await t.query(choose('hashing-384'))
      await becomeConsenting(t, db.acme.member)
      await remember(t, [turn('her photographic equipment'), turn('a photograph'), turn('swimming')])
      expect(await contents(t, 'equipmnt', { mode: 'bm25' })).toEqual([])
      const found = await recall(t, 'equipmnt', { mode: 'vector' })
      expect(found[0]).toMatchObject({ content: 'her photographic equipment', relevance: 1, word_score: 0 })
      expect((await recall(t, 'swimming', { mode: 'hybrid' }))[0]).toMatchObject({ content: 'swimming', relevance: 1 })
    }))

  it('of a model outside of the database are refused with MM451', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.owner)
      expect(
        await t.errorCode(`insert into app_public.memory_settings (embedding_model_id) values (gen_random_uuid())`),
      ).toBe('MM451')
    }))
})

describe('a question', () => {
  it('of up to 16 kB is read by its first words; a longer one and null are refused with MM450', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, turn('green tea'))
      expect(await contents(t, `tea ${'word'.padEnd(10)}`.repeat(1000).slice(0, 16_000))).toEqual(['green tea'])
      expect(await recallError(t, 'x'.repeat(100_000))).toBe('MM450')
      expect(await recallError(t, null)).toBe('MM450')
    }))

  it.each([
    [{ limit: 0 }],
    [{ limit: 101 }],
    [{ budget: 0 }],
    [{ kinds: [] }],
    [{ asOf: 'infinity' }],
    [{ asOf: '2999-01-01' }],
  ])('with %j is refused with MM450', (asking) =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      expect(await recallError(t, 'tea', asking)).toBe('MM450')
    }),
  )

  it('is refused with MM204 from the statement on that follows a withdrawal of the consent', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await remember(t, turn('green tea'))
      await t.query(`select app_public.withdraw_consent('memory')`)
      expect(await recallError(t, 'tea')).toBe('MM204')
    }))
})

describe('the ranking', () => {
  it('is that of an oracle that scores every memory, while all are scored at once', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await seedConversation(t, 400)
      expect(await shareThatIsRight(t, await oracleOf(t), [...rare, ...common])).toBe(1)
    }))

  it('of a person with many memories is that of the oracle for words that are not common, and nearly so for words that are', () =>
    db.inTransaction(async (t) => {
      await becomeConsenting(t, db.acme.member)
      await seedConversation(t, 2600)
      const oracle = await oracleOf(t)
      expect(await shareThatIsRight(t, oracle, rare)).toBe(1)
      expect(await shareThatIsRight(t, oracle, common)).toBeGreaterThan(0.8)
    }))
})

async function oracleOf(t: Transaction): Promise<Oracle> {
  let oracle: Oracle | undefined
  await asSuperuser(t, async () => {
    oracle = await openOracle(t, db.acme.member.userId)
  })
  return oracle as Oracle
}

/** How much of the oracle's first ten is found; equal scores may change places. */
async function shareThatIsRight(t: Transaction, oracle: Oracle, questions: string[]): Promise<number> {
  let [same, all] = [0, 0]
  for (const query of questions) {
    const found = await recall(t, query)
    let right: Awaited<ReturnType<Oracle>> = []
    await asSuperuser(t, async () => {
      right = await oracle(query, 10)
    })
    expect(found.length).toBe(right.length)
    const least = right.at(-1)?.score ?? 0
    all += right.length
    same += found.filter(({ memory_id, score }) =>
      right.some(({ id, score: other }) =>
        id === memory_id ? Math.abs(other - score) < 1e-6 : score - least > -1e-9 && score - least < 1e-6,
      ),
    ).length
  }
  return same / all
}

/** w1 is in half of the turns, w300 in one of fifty. */
const rare = ['w40 w77', 'w300', 'w260 w90', 'w350 w351 w352', 'did they mention w288?']
const common = ['w3', 'w1 w2', 'when did Ann mention w12?', 'Bob w25 w26 w90', 'w60 w61 in May', 'w5 w150']

/** Words by Zipf's law, two speakers, sessions of twenty turns, a turn an hour. */
async function seedConversation(t: Transaction, turns: number): Promise<void> {
  let state = 7
  const random = () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const word = () => `w${Math.floor(Math.exp(random() * Math.log(400)))}`
  const given = Array.from({ length: turns }, (_, i) => ({
    content: Array.from({ length: 3 + Math.floor(random() * 10) }, word).join(' '),
    speaker: i % 2 ? 'Ann' : 'Bob',
    session_id: `s${Math.floor(i / 20)}`,
    occurred_at: new Date(Date.UTC(2025, 4, 1) + i * 3_600_000).toISOString(),
    importance_score: Math.round(random() * 10) / 10,
  }))
  await insertMany(t, given)
}

/** Straight into the table: what they say, and when they ended. */
const seedMany = (t: Transaction, count: number, valid_to: string): Promise<void> =>
  insertMany(
    t,
    Array.from({ length: count }, (_, i) => ({ content: `tea ${i}`, valid_to })),
  )

async function insertMany(t: Transaction, given: Given[]): Promise<void> {
  await asSuperuser(t, () =>
    t.query(
      `insert into app_public.user_memory (tenant_id, id, user_id, history_id, memory_type, memory_key, content, speaker, session_id,
         occurred_at, importance_score, last_confirmed_at, extracted_at, valid_from, valid_to, stated_valid_to, is_long_term)
       select $1, i, $2, i, 'episode', 'episode:' || i, g.content, g.speaker, g.session_id, g.occurred_at, coalesce(g.importance_score, 0.5),
              now(), now(), coalesce(g.occurred_at, '2020-01-01'), coalesce(g.valid_to, 'infinity'), coalesce(g.valid_to, 'infinity'), false
         from (select gen_random_uuid() as i, r.* from jsonb_populate_recordset(null::app_public.new_memory, $3) r) g`,
      [db.acme.id, db.acme.member.userId, JSON.stringify(given)],
    ),
  )
}

// Panels: several agents speak in rounds, vote in secret, and a moderator sums up with citations.

import { beforeAll, describe, expect, it } from 'vitest'
import { needsServer, type Person, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { codeOf, useSessions } from '../helpers/sessions.ts'
import { startTestWorker } from '../helpers/worker.ts'
import { actWithKey, putKeyAway } from '../runtime/agents.ts'
import { as, newAgent, type Part } from './helpers.ts'

const db = useDatabase()
const { session, sessions } = useSessions(db)
const superuser = queries(() => db.pool)
/** The moderator comes first. */
const agents: string[] = []
const names = ['Mo', 'Ada', 'Bo', 'Cy']
beforeAll(async () => {
  for (const name of names)
    agents.push(
      await superuser.value(
        `insert into app_public.agents (tenant_id, name, display_name, owner_id, status, model_id)
         select $1, gen_random_uuid()::text, $2, $3, 'active', m.id from app_public.llm_models m where m.name = 'echo' returning id`,
        [db.acme.id, name, db.acme.owner.userId],
      ),
    )
})

type Panel = Record<'id' | 'status', string> &
  Record<'error_code' | 'error_message', string | null> &
  Record<'votes_closed_at' | 'finished_at', Date | null> & { step: number }
type Given = Partial<{
  question: string | null
  agents: (string | null)[] | null
  moderator: string | null
  options: (string | null)[] | null
  rounds: number | null
  key: string | null
}>
const startSentence = 'select id from app_public.start_panel($1, $2, $3, $4, $5, $6)'
const startValues = (given: Given = {}) => {
  const all = {
    ...{
      question: 'Recall the lot?',
      agents: agents.slice(1),
      moderator: agents[0],
      options: ['Recall it', 'Keep it'],
    },
    ...{ rounds: 2, key: null, ...given },
  }
  return [all.question, all.agents, all.moderator, all.options, all.rounds, all.key]
}
const start = (t: Pick<Transaction, 'value'>, given: Given = {}) => t.value<string>(startSentence, startValues(given))
const read = async (t: Pick<Transaction, 'query'>, id: string) =>
  (await t.query<Panel>('select * from app_public.panel_discussions where id = $1', [id]))[0] as Panel
const turns = (t: Pick<Transaction, 'query'>, id: string) =>
  t.query<{ step: number; kind: string; name: string; text: string | null }>(
    `select t.step, t.kind, s.agent_name as name, (m.parts)[1].text as text
       from app_public.panel_turns t
       join app_public.panel_seats s on s.panel_id = t.panel_id and s.number = t.seat_number
       left join app_public.messages m on m.id = t.answer_id
      where t.panel_id = $1 order by t.step, t.seat_number`,
    [id],
  )
const votes = (t: Pick<Transaction, 'query'>, id: string) =>
  t.query<{ name: string; option: number | null }>(
    `select s.agent_name as name, v.option from app_public.panel_votes v
       join app_public.panel_seats s on s.panel_id = v.panel_id and s.number = v.seat_number
      where v.panel_id = $1 order by v.seat_number`,
    [id],
  )

type Asked = { name: string; prompt: string; messages: { role: string; content: string }[] }
/** What an agent says; an error makes its answer fail. */
type Respond = (asked: Asked) => string | Error
const says: Respond = ({ name, prompt }) => {
  if (/^You have moderated/m.test(prompt)) return 'They agree [1], though Bo does not [2].'
  if (/^Vote for one/m.test(prompt)) return `VOTE: ${name === 'Bo' ? 2 : 1}\nBecause I, ${name}, say so.`
  return `${name} speaks in round ${/This is round (\d)/.exec(prompt)?.[1]}.`
}

/** Does what a worker does for one answer; false when none waits. */
async function answerNext(t: Transaction, respond: Respond): Promise<boolean> {
  await t.becomeRole('rowhouse_worker')
  const [claimed] = await t.query<Record<'tenant_id' | 'message_id' | 'agent_id' | 'lease_token', string>>(
    `select * from conversation.claim_answer('test')`,
  )
  if (!claimed) return false
  const lease = [claimed.tenant_id, claimed.message_id, claimed.lease_token]
  const { messages } = await t.value<Asked>('select conversation.prepare_answer($1, $2, $3)', lease)
  const name = names[agents.indexOf(claimed.agent_id)] as string
  const said = respond({ name, messages, prompt: messages.at(-1)?.content ?? '' })
  await t.becomeRole('rowhouse_worker')
  if (said instanceof Error)
    await t.query(`select conversation.fail_answer($1, $2, $3, '[]', 'model_refused', $4)`, [...lease, said.message])
  else
    await t.query('select conversation.complete_answer($1, $2, $3, $4)', [
      ...lease,
      JSON.stringify([{ kind: 'text', text: said }]),
    ])
  return true
}

/** Runs the jobs of panels that wait; says how many there were. */
async function advance(t: Transaction): Promise<number> {
  await t.becomeSuperuser()
  const jobs = await t.query<{ payload: { tenantId: string; panelId: string } }>(
    `with job as (select j.id from graphile_worker._private_jobs j join graphile_worker._private_tasks k on k.id = j.task_id
                   where k.identifier = 'conversation__advance_panel')
     delete from graphile_worker._private_jobs j using job where j.id = job.id returning j.payload`,
  )
  await t.becomeRole('rowhouse_worker')
  for (const { payload } of jobs)
    await t.query('select conversation.advance_panel($1, $2)', [payload.tenantId, payload.panelId])
  return jobs.length
}

/** Answers all that is asked, and goes on with panels, so many steps far. */
async function run(
  t: Transaction,
  respond: Respond = says,
  steps = 100,
  person: Person = db.acme.owner,
): Promise<void> {
  for (let step = 0; step < steps; step++) {
    while (await answerNext(t, respond));
    if ((await advance(t)) === 0) break
  }
  await t.become(person)
}

const asOwner = <T>(work: (t: Transaction) => Promise<T>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.owner)
    return work(t)
  })

describe('a panel', () => {
  it('has each agent speak in each round, then vote, and the moderator sum up', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'completed', error_code: null })
      expect((await turns(t, id)).map(({ step, kind, name, text }) => [step, kind, name, text])).toEqual([
        ...[1, 2].flatMap((round) =>
          ['Ada', 'Bo', 'Cy'].map((name) => [round, 'statement', name, `${name} speaks in round ${round}.`]),
        ),
        ...['Ada', 'Bo', 'Cy'].map((name) => [3, 'vote', name, expect.stringMatching(/^VOTE/)]),
        [4, 'synthesis', 'Mo', 'They agree [1], though Bo does not [2].'],
      ])
      expect(await votes(t, id)).toEqual([
        { name: 'Ada', option: 1 },
        { name: 'Bo', option: 2 },
        { name: 'Cy', option: 1 },
      ])
      expect(
        await t.value(
          'select to_jsonb(app_public.panel_discussions_tally(p)) from app_public.panel_discussions p where id = $1',
          [id],
        ),
      ).toEqual([
        { number: 1, text: 'Recall it', vote_count: 2 },
        { number: 2, text: 'Keep it', vote_count: 1 },
      ])
    }))

  it('has the synthesis cite the statements that it names, with their words', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await run(t)
      const parts = await t.value<Part[]>(
        'select to_jsonb((app_public.panel_discussions_synthesis(p)).parts) from app_public.panel_discussions p where id = $1',
        [id],
      )
      expect(parts.slice(1)).toMatchObject([
        { kind: 'citation', number: 1, title: 'Ada, round 1', text: 'Ada speaks in round 1.' },
        { kind: 'citation', number: 2, title: 'Bo, round 1', text: 'Bo speaks in round 1.' },
      ])
    }))

  it('has the synthesis cite the documents that statements cite, which stay as text when the document is gone', () =>
    asOwner(async (t) => {
      const id = await start(t, { rounds: 1, options: [] })
      await run(t, says, 0)
      while (await answerNext(t, says));
      await t.becomeSuperuser()
      const document = crypto.randomUUID()
      await t.query(
        `update app_public.messages m set parts = m.parts || jsonb_populate_record(null::app_public.message_part, $2)
           from app_public.panel_turns t where t.panel_id = $1 and t.seat_number = 1 and m.id = t.answer_id`,
        [
          id,
          JSON.stringify({
            kind: 'citation',
            number: 1,
            document_id: document,
            chunk_id: 7,
            title: 'Lab report',
            text: '9 degrees',
          }),
        ],
      )
      let prompt = ''
      await run(t, (asked) => {
        prompt = asked.prompt
        return 'As the lab says [4].'
      })
      expect(prompt).toContain('[4] Lab report\n9 degrees')
      const parts = await t.value<Part[]>(
        'select to_jsonb((app_public.panel_discussions_synthesis(p)).parts) from app_public.panel_discussions p where id = $1',
        [id],
      )
      expect(parts[1]).toMatchObject({
        kind: 'citation',
        number: 4,
        document_id: document,
        title: 'Lab report',
        text: '9 degrees',
      })
    }))

  it('shows each agent what the others said in the round before, its own words only as its own, and nothing of the present round', () =>
    asOwner(async (t) => {
      await start(t)
      const asked: Asked[] = []
      await run(t, (one) => {
        asked.push(one)
        return says(one)
      })
      const ofAda = asked.filter(({ name }) => name === 'Ada')
      expect(ofAda[0]?.prompt).not.toMatch(/speaks in round/)
      expect(ofAda[1]?.prompt).toMatch(/## Bo\nBo speaks in round 1\.\n\n## Cy\nCy speaks in round 1\./)
      expect(ofAda[1]?.prompt).not.toMatch(/Ada speaks|round 2\./)
      expect(ofAda[1]?.messages).toContainEqual({ role: 'assistant', content: 'Ada speaks in round 1.' })
      expect(ofAda[2]?.prompt).toMatch(/Bo speaks in round 2\./)
      expect(ofAda[2]?.prompt).not.toMatch(/VOTE: \d/)
    }))

  it('bounds what an agent reads, however much the others say', () =>
    asOwner(async (t) => {
      await start(t)
      const lengths: number[] = []
      await run(t, ({ prompt, ...one }) => {
        lengths.push(prompt.length)
        return `${says({ ...one, prompt })}${'x'.repeat(90_000)}`
      })
      expect(Math.max(...lengths)).toBeLessThan(60_000)
    }))

  it('without options ends with the synthesis and no vote; with one round that is all that is said', () =>
    asOwner(async (t) => {
      const id = await start(t, { options: null, rounds: 1 })
      await run(t)
      expect((await turns(t, id)).map(({ kind }) => kind)).toEqual(['statement', 'statement', 'statement', 'synthesis'])
      expect(await votes(t, id)).toEqual([])
    }))

  it('counts as one panel of usage, and has the tokens and the cost of its turns', () =>
    asOwner(async (t) => {
      const id = await start(t)
      const figures = `select app_public.panel_discussions_token_count(p)::int as tokens, app_public.panel_discussions_cost_usd(p)::float as cost
        from app_public.panel_discussions p where id = $1`
      await t.becomeSuperuser()
      await t.query(`update app_public.expert_consultations set token_count = 7, cost_usd = 0.25 where panel_id = $1`, [
        id,
      ])
      expect(
        await t.query(`select usage_type from app_public.usage_events where idempotency_key = 'panel:' || $1`, [id]),
      ).toEqual([{ usage_type: 'panel' }])
      await t.become(db.acme.owner)
      expect(await t.query(figures, [id])).toEqual([{ tokens: 28, cost: 1 }])
    }))

  it('is looked at after each answer by a job of its own, because jobs with one key can get lost', () =>
    asOwner(async (t) => {
      await start(t)
      while (await answerNext(t, says));
      expect(await advance(t)).toBe(3)
    }))

  it('goes on once, however often it is looked at, and not before the last answer of its step', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await answerNext(t, says)
      await advance(t)
      await answerNext(t, says)
      await advance(t)
      await t.become(db.acme.owner)
      expect(await turns(t, id)).toHaveLength(3)
      await answerNext(t, says)
      await advance(t)
      for (let n = 0; n < 3; n++) await t.query('select conversation.advance_panel($1, $2)', [db.acme.id, id])
      await t.become(db.acme.owner)
      expect(await turns(t, id)).toHaveLength(6)
      await run(t)
      await t.becomeRole('rowhouse_worker')
      await t.query('select conversation.advance_panel($1, $2)', [db.acme.id, id])
      await t.become(db.acme.owner)
      expect(await turns(t, id)).toHaveLength(10)
    }))
})

describe('votes', () => {
  it('are hidden from everybody until all have voted, also as messages', () =>
    asOwner(async (t) => {
      const id = await start(t, { rounds: 1 })
      await run(t, says, 1)
      await answerNext(t, says)
      await answerNext(t, says)
      await t.become(db.acme.owner)
      const hidden = `select count(*)::int from app_public.messages where (parts)[1].text like 'VOTE:%'`
      expect(await read(t, id)).toMatchObject({ status: 'voting', votes_closed_at: null })
      expect(await t.value(hidden)).toBe(0)
      expect(await votes(t, id)).toEqual([])
      expect(
        await t.value(
          'select (app_public.panel_discussions_tally(p))[1].vote_count from app_public.panel_discussions p where id = $1',
          [id],
        ),
      ).toBeNull()
      await run(t)
      expect(await t.value(hidden)).toBe(3)
    }))

  it.each([
    ['VOTE: 2', 2],
    ['**Vote: 2**\nwell', 2],
    ['vote - 1, and not vote: 2', 1],
    ['I think long.\n\nVOTE: 1', 1],
    ['VOTE: 3', null],
    ['VOTE: 12', null],
    ['VOTE: 0', null],
    ['VOTE: 99999999999999', null],
    ['VOTE: one', null],
    ['I do not vote 1', null],
    ['', null],
  ])('are read from the first line that says so: %j is %s', (text, option) =>
    db.inTransaction(async (t) => {
      expect(await t.value('select conversation.read_vote($1, 2)', [text])).toBe(option)
    }),
  )
})

describe('a turn that fails', () => {
  const failing =
    (who: string, when: RegExp): Respond =>
    (asked) =>
      asked.name === who && when.test(asked.prompt) ? new Error('The model is away.') : says(asked)

  it('fails the panel when the others have spoken, and is asked for again by retry_panel, alone', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await run(t, failing('Bo', /round 2 of/))
      expect(await read(t, id)).toMatchObject({ status: 'failed', step: 2, error_code: 'model_refused' })
      await t.query('select app_public.retry_panel($1)', [id])
      const asked: string[] = []
      await run(t, (one) => {
        asked.push(one.name)
        return says(one)
      })
      expect(asked.slice(0, 2)).toEqual(['Bo', expect.anything()])
      expect(asked).toHaveLength(5)
      expect(await read(t, id)).toMatchObject({ status: 'completed', error_code: null })
    }))

  it('is left out when the person says so, and a vote that is left out is an abstention', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await run(t, failing('Bo', /round 1 of|^Vote for/m))
      await t.query('select app_public.retry_panel($1, true)', [id])
      await run(t, failing('Bo', /^Vote for/m))
      expect(await read(t, id)).toMatchObject({ status: 'failed', votes_closed_at: null })
      await t.query('select app_public.retry_panel($1, without_failed => true)', [id])
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'completed' })
      expect(await votes(t, id)).toContainEqual({ name: 'Bo', option: null })
    }))

  it('is not left out when fewer than two agents would be left, or when it is the synthesis', () =>
    asOwner(async (t) => {
      const retry = 'select app_public.retry_panel($1, true)'
      const id = await start(t)
      await run(t, (asked) => (asked.name === 'Ada' ? says(asked) : new Error('away')))
      expect(await t.errorCode(retry, [id])).toBe('TK563')
      const second = await start(t)
      await run(t, failing('Mo', /./))
      expect(await read(t, second)).toMatchObject({ status: 'failed', step: 4 })
      expect(await t.errorCode(retry, [second])).toBe('TK563')
      await t.query('select app_public.retry_panel($1)', [second])
      await run(t)
      expect(await t.errorCode('select app_public.retry_panel($1)', [second])).toBe('TK564')
    }))

  it('is one whose answer the person cancelled', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await t.query(
        'select app_public.cancel_answer(answer_id) from app_public.panel_turns where panel_id = $1 and seat_number = 1',
        [id],
      )
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'failed', error_code: 'cancelled' })
    }))

  it('is one whose conversation is gone, and that cannot be asked for again', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await t.becomeSuperuser()
      await t.query(
        `delete from app_public.expert_consultations c using app_public.panel_seats s
          where s.panel_id = $1 and s.number = 1 and c.id = s.conversation_id`,
        [id],
      )
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'failed', error_code: 'deleted' })
      expect(await t.errorCode('select app_public.retry_panel($1)', [id])).toBe('TK562')
      await t.query('select app_public.retry_panel($1, true)', [id])
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'failed', step: 2 })
    }))
})

describe('a person', () => {
  it('cancels a panel with the answers that are on their way; it does not go on, and its votes are no secret any more', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await answerNext(t, says)
      await t.become(db.acme.owner)
      await t.query('select app_public.cancel_panel($1)', [id])
      await run(t)
      expect(await read(t, id)).toMatchObject({ status: 'cancelled', votes_closed_at: expect.anything() })
      expect(await turns(t, id)).toHaveLength(3)
      expect(await t.value('select status from app_public.cancel_panel($1)', [id])).toBe('cancelled')
      expect(await t.errorCode('select app_public.retry_panel($1)', [id])).toBe('TK564')
    }))

  it('says nothing in the conversations of a panel, neither while it goes on nor later', () =>
    asOwner(async (t) => {
      const id = await start(t, { rounds: 1, options: [] })
      await run(t)
      const conversation = await t.value(
        'select conversation_id from app_public.panel_seats where panel_id = $1 and number = 1',
        [id],
      )
      const answer = await t.value(
        'select answer_id from app_public.panel_turns where panel_id = $1 and seat_number = 1',
        [id],
      )
      expect(
        await t.errorCode(
          `select app_public.send_message($1, array[row('Well?', null)::app_public.new_message_part])`,
          [conversation],
        ),
      ).toBe('TK561')
      expect(await t.errorCode('select app_public.regenerate_answer($1)', [answer])).toBe('TK561')
    }))

  it('deletes a panel with all that was said in it', () =>
    asOwner(async (t) => {
      const id = await start(t)
      await answerNext(t, says)
      await t.become(db.acme.owner)
      await t.query('select app_public.delete_panel($1)', [id])
      await t.becomeSuperuser()
      for (const table of ['panel_discussions', 'panel_seats', 'panel_turns', 'messages', 'expert_consultations'])
        expect(await t.value(`select count(*)::int from app_public.${table}`)).toBe(0)
      expect(await t.value('select count(*)::int from conversation.open_answers')).toBe(0)
    }))

  it('sees the own panels alone, and nobody else does, not even an administrator', () =>
    asOwner(async (t) => {
      const id = await start(t, { rounds: 1 })
      await run(t)
      for (const other of [db.acme.admin, db.acme.member, db.globex.owner]) {
        await t.become(other)
        for (const table of ['panel_discussions', 'panel_seats', 'panel_turns', 'panel_votes'])
          expect(await t.value(`select count(*)::int from app_public.${table}`)).toBe(0)
        for (const call of ['cancel_panel', 'retry_panel', 'delete_panel'])
          expect(await t.errorCode(`select app_public.${call}($1)`, [id])).toBe('TK360')
      }
    }))

  it('starts none with an API key, as a viewer, or with agents of another tenant', () =>
    db.inTransaction(async (t) => {
      await t.become(db.acme.viewer)
      expect(await t.errorCode(startSentence, startValues())).toBe('ID203')
      await actWithKey(t, db.acme.owner, { permissions: ['can_run_agents'] })
      expect(await t.errorCode(startSentence, startValues())).toBe('KY201')
      await putKeyAway(t)
      await t.become(db.globex.owner)
      expect(await t.errorCode(startSentence, startValues())).toBe('RN377')
      const own = [await newAgent(t), await newAgent(t), await newAgent(t)]
      expect(
        await t.errorCode(startSentence, startValues({ agents: own.slice(1), moderator: own[0] as string })),
      ).toBeUndefined()
    }))

  it.each([
    ['no question', () => ({ question: ' ' })],
    ['a question of 4,001 characters', () => ({ question: 'x'.repeat(4001) })],
    ['one agent', () => ({ agents: agents.slice(1, 2) })],
    ['no agents', () => ({ agents: null })],
    ['13 agents', () => ({ agents: Array.from({ length: 13 }, () => crypto.randomUUID()) })],
    ['an agent twice', () => ({ agents: [agents[1] as string, agents[1] as string] })],
    ['an agent that is null', () => ({ agents: [agents[1] as string, null] })],
    ['no moderator', () => ({ moderator: null })],
    ['a moderator who takes part', () => ({ moderator: agents[1] as string })],
    ['one option', () => ({ options: ['Recall it'] })],
    ['11 options', () => ({ options: Array.from({ length: 11 }, (_, i) => `option ${i}`) })],
    ['an option of two lines', () => ({ options: ['a\nb', 'c'] })],
    ['an option that is null', () => ({ options: [null, 'c'] })],
    ['no rounds', () => ({ rounds: 0 })],
    ['6 rounds', () => ({ rounds: 6 })],
  ] as [string, () => Given][])('starts none with %s', (_, given) =>
    asOwner(async (t) => {
      expect(await t.errorCode(startSentence, startValues(given()))).toBe('TK461')
    }),
  )

  it('has five panels under way at most', () =>
    asOwner(async (t) => {
      const ids: string[] = []
      for (let n = 0; n < 5; n++) ids.push(await start(t))
      expect(await t.errorCode(startSentence, startValues())).toBe('TK660')
      await t.query('select app_public.cancel_panel($1)', [ids[0]])
      await start(t)
    }))

  it('starts one panel under a key', () =>
    asOwner(async (t) => {
      const id = await start(t, { key: 'k' })
      expect(await start(t, { key: 'k' })).toBe(id)
      expect(await t.errorCode(startSentence, startValues({ key: 'k', rounds: 3 }))).toBe('TK560')
      expect(await t.errorCode(startSentence, startValues({ key: '' }))).toBe('OB401')
    }))
})

describe('at once', () => {
  it('ten equal requests start one panel', async (context) => {
    needsServer(context)
    const clients = await sessions(10, db.acme.owner)
    const started = await Promise.all(clients.map((client) => client.query(startSentence, startValues({ key: 'ten' }))))
    expect(new Set(started.map(({ rows }) => rows[0].id)).size).toBe(1)
    await as(db, db.acme.owner).query('select app_public.delete_panel($1)', [started[0]?.rows[0].id])
  })

  it('all votes end at the same moment, and the panel counts each once and goes on once', async (context) => {
    needsServer(context)
    const owner = as(db, db.acme.owner)
    const id = await start(owner, { rounds: 1 })
    const workers = await sessions(3, 'rowhouse_worker')
    const jobs = () =>
      Promise.all(workers.map((worker) => worker.query('select conversation.advance_panel($1, $2)', [db.acme.id, id])))
    for (const text of ['I speak.', 'VOTE: 1']) {
      const claimed: Record<string, string>[] = []
      for (const worker of workers)
        claimed.push((await worker.query(`select * from conversation.claim_answer('test')`)).rows[0])
      await Promise.all(
        workers.map((worker, i) =>
          worker.query('select conversation.complete_answer($1, $2, $3, $4)', [
            ...[claimed[i]?.tenant_id, claimed[i]?.message_id, claimed[i]?.lease_token],
            JSON.stringify([{ kind: 'text', text }]),
          ]),
        ),
      )
      await jobs()
    }
    expect(await votes(owner, id)).toEqual(['Ada', 'Bo', 'Cy'].map((name) => ({ name, option: 1 })))
    expect(await turns(owner, id)).toHaveLength(7)
    await owner.query('select app_public.delete_panel($1)', [id])
  })

  it('cancelling waits for the step that is beginning, and then cancels it', async (context) => {
    needsServer(context)
    const owner = as(db, db.acme.owner)
    const id = await start(owner, { rounds: 2 })
    const worker = await session('rowhouse_worker')
    for (let n = 0; n < 3; n++) {
      const { rows } = await worker.query(`select * from conversation.claim_answer('test')`)
      await worker.query('select conversation.complete_answer($1, $2, $3, $4)', [
        ...[rows[0].tenant_id, rows[0].message_id, rows[0].lease_token],
        JSON.stringify([{ kind: 'text', text: 'I speak.' }]),
      ])
    }
    await worker.query('begin')
    await worker.query('select conversation.advance_panel($1, $2)', [db.acme.id, id])
    const person = await session(db.acme.owner)
    const cancelled = codeOf(person.query('select app_public.cancel_panel($1)', [id]))
    await worker.query('commit')
    expect(await cancelled).toBeUndefined()
    expect(await superuser.value('select count(*)::int from conversation.open_answers')).toBe(0)
    expect(await read(owner, id)).toMatchObject({ status: 'cancelled', step: 2 })
    await owner.query('select app_public.delete_panel($1)', [id])
  })
})

it('the worker runs a panel to its end with the built-in model, whose agents abstain', async () => {
  const owner = as(db, db.acme.owner)
  const worker = await startTestWorker(db.url)
  try {
    let tried = worker.nextJob('conversation__advance_panel')
    const id = await start(owner)
    while ((await read(owner, id)).finished_at === null) {
      await tried
      tried = worker.nextJob('conversation__advance_panel')
    }
    expect(await read(owner, id)).toMatchObject({ status: 'completed', error_message: null })
    expect(await turns(owner, id)).toHaveLength(10)
    expect((await votes(owner, id)).map(({ option }) => option)).toEqual([null, null, null])
  } finally {
    await worker.stop()
  }
})

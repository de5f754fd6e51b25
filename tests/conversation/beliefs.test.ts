// Beliefs of agents: their confidence follows from evidence by Good's weights, whatever the order, whoever writes at once.

import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { setClock } from '../helpers/clock.ts'
import { needsServer, queries, type Transaction, useDatabase } from '../helpers/index.ts'
import { outcomesOf, useSessions } from '../helpers/sessions.ts'
import { actWithKey, becomeAgent, createAgent, putKeyAway } from '../runtime/agents.ts'

const db = useDatabase()
const { sessions } = useSessions(db)
const superuser = queries(() => db.pool)
let agent: string
let other: string
beforeAll(async () => {
  agent = await createAgent(superuser, db.acme)
  other = await createAgent(superuser, db.acme)
})

type Belief = { id: string; claim: string; confidence: number; status: string; revision: number; is_contested: boolean }
type Evidence = { id: string; weight: number; independence_group: string }
const columns = `b.id, b.claim, b.confidence, b.revision, app_public.beliefs_status(b) as status, app_public.beliefs_is_contested(b) as is_contested,
  b.supporting_count, b.opposing_count, b.superseded_by_id`
const holdSentence = `select ${columns} from app_public.hold_beliefs(
  array(select n from jsonb_populate_recordset(null::app_public.new_belief, $1) as n), $2) b`
const addSentence = `select e.id, e.weight, e.independence_group from app_public.add_evidence(
  $1, array(select n from jsonb_populate_recordset(null::app_public.new_evidence, $2) as n)) e`
const belief = (claim: string, more: object = {}) => ({ idempotency_key: claim, claim, ...more })
const hold = (t: Pick<Transaction, 'query'>, given: object[], agentId: string | null = agent) =>
  t.query<Belief>(holdSentence, [JSON.stringify(given), agentId])
const holdOne = async (t: Pick<Transaction, 'query'>, claim = 'The lot is spoilt.', more: object = {}) =>
  (await hold(t, [belief(claim, more)]))[0] as Belief
const piece = (key: string, more: object = {}) => ({
  idempotency_key: key,
  stance: 'supports',
  reliability: 0.8,
  statement: `It says so: ${key}`,
  ...more,
})
const add = (t: Pick<Transaction, 'query'>, id: string, given: object[]) =>
  t.query<Evidence>(addSentence, [id, JSON.stringify(given)])
const read = async (t: Pick<Transaction, 'query'>, id: string) =>
  (await t.query<Belief>(`select ${columns} from app_public.beliefs b where b.id = $1`, [id]))[0]
const confidence = async (t: Pick<Transaction, 'query'>, id: string) => (await read(t, id))?.confidence
const asAdmin = <T>(work: (t: Transaction) => Promise<T>) =>
  db.inTransaction(async (t) => {
    await t.become(db.acme.admin)
    return work(t)
  })
const nobody = '00000000-0000-4000-8000-000000000000'

describe('the confidence of a belief', () => {
  it('is its prior without evidence', () =>
    asAdmin(async (t) => {
      expect(await confidence(t, (await holdOne(t)).id)).toBe(0.5)
      expect(await confidence(t, (await holdOne(t, 'Rare.', { prior: 0.02 })).id)).toBeCloseTo(0.02, 12)
    }))

  it('follows from evidence for and against: 0.8 and 0.8 for it make 16 to 1, another against it 4 to 1', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      await add(t, id, [piece('a')])
      expect(await confidence(t, id)).toBeCloseTo(0.8, 12)
      await add(t, id, [piece('b')])
      expect(await confidence(t, id)).toBeCloseTo(16 / 17, 12)
      await add(t, id, [piece('c', { stance: 'opposes' })])
      expect(await read(t, id)).toMatchObject({
        confidence: expect.closeTo(0.8, 12),
        supporting_count: 2,
        opposing_count: 1,
      })
    }))

  it('counts one source once, however often it is repeated', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const article = { origin: 'document', origin_id: 'article 7' }
      await add(t, id, [piece('a', article), piece('b', article), piece('c', { ...article, reliability: 0.7 })])
      expect(await confidence(t, id)).toBeCloseTo(0.8, 12)
    }))

  it('counts what two documents draw from one study once, when they name it', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const study = { origin: 'document', independence_group: 'study 3' }
      await add(t, id, [
        piece('a', { ...study, origin_id: '1' }),
        piece('b', { ...study, origin_id: '2', reliability: 0.9 }),
      ])
      expect(await confidence(t, id)).toBeCloseTo(0.9, 12)
    }))

  it('does not let a source count twice by another group', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const article = { origin: 'document', origin_id: 'article 7' }
      await add(t, id, [piece('a', article)])
      const twice = [JSON.stringify([piece('b', { ...article, independence_group: 'another' })])]
      expect(await t.errorCode(addSentence, [id, ...twice])).toBe('TK552')
    }))

  it('follows when evidence is retracted, and the evidence is kept with the reason', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const [first] = await add(t, id, [piece('a'), piece('b', { reliability: 0.9 })])
      await t.query(`select app_public.retract_evidence($1, 'misread')`, [first?.id])
      expect(await confidence(t, id)).toBeCloseTo(0.9, 12)
      expect(await t.value('select retraction_reason from app_public.evidence where id = $1', [first?.id])).toBe(
        'misread',
      )
      expect(await t.errorCode('select app_public.retract_evidence($1)', [first?.id])).toBe('TK553')
    }))

  it('never is 0 or 1, with however much evidence', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      for (let batch = 0; batch < 10; batch++)
        await add(
          t,
          id,
          Array.from({ length: 100 }, (_, i) => piece(`${batch} ${i}`, { reliability: 0.99 })),
        )
      expect(await confidence(t, id)).toBeCloseTo(0.9999, 12)
      expect(await t.errorCode(addSentence, [id, JSON.stringify([piece('more')])])).toBe('TK653')
    }))

  it('is written by nobody', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      for (const column of ['log_odds', 'prior', 'claim', 'revision'])
        expect(await t.errorCode(`update app_public.beliefs set ${column} = ${column} where id = $1`, [id])).toBe(
          '42501',
        )
      expect(await t.errorCode('delete from app_public.evidence')).toBe('42501')
      expect(await t.errorCode('insert into app_public.beliefs default values')).toBe('42501')
    }))

  it('is kept as a revision each time it changes', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const [first] = await add(t, id, [piece('a')])
      await add(t, id, [piece('a')])
      await t.query('select app_public.retract_evidence($1)', [first?.id])
      expect(
        await t.query(
          'select revision, confidence from app_public.belief_revisions where belief_id = $1 order by revision',
          [id],
        ),
      ).toEqual([
        { revision: 1, confidence: 0.5 },
        { revision: 2, confidence: expect.closeTo(0.8, 12) },
        { revision: 3, confidence: 0.5 },
      ])
    }))

  it('equals the formula after any sequence of evidence for, against and retracted, in any order', async () => {
    const action = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({
          stance: fc.constantFrom('supports', 'opposes'),
          reliability: fc.integer({ min: 50, max: 99 }).map((percent) => percent / 100),
          group: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ retract: fc.nat({ max: 100 }) }) },
    )
    type Piece = { stance: string; reliability: number; group?: number | undefined }
    const expected = (prior: number, pieces: Piece[]) => {
      const groups = new Map<unknown, { for: number; against: number }>()
      pieces.forEach((given, i) => {
        const group = groups.get(given.group ?? `own ${i}`) ?? { for: 0, against: 0 }
        const weight = Math.log(given.reliability / (1 - given.reliability))
        if (given.stance === 'supports') group.for = Math.max(group.for, weight)
        else group.against = Math.max(group.against, weight)
        groups.set(given.group ?? `own ${i}`, group)
      })
      const sum = [...groups.values()].reduce(
        (total, group) => total + group.for - group.against,
        Math.log(prior / (1 - prior)),
      )
      return 1 / (1 + Math.exp(-Math.min(Math.max(sum, -Math.log(9999)), Math.log(9999))))
    }
    const pieceOf = (key: string, { group, ...given }: Piece) =>
      piece(key, { ...given, ...(group === undefined ? {} : { independence_group: `group ${group}` }) })

    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100),
        (actions, prior) =>
          asAdmin(async (t) => {
            const { id } = await holdOne(t, 'Any.', { prior })
            const standing: (Piece & { id: string })[] = []
            for (const [i, given] of actions.entries()) {
              if ('retract' in given) {
                const [gone] = standing.splice(given.retract % Math.max(standing.length, 1), 1)
                if (gone) await t.query('select app_public.retract_evidence($1)', [gone.id])
              } else {
                const [kept] = await add(t, id, [pieceOf(`k${i}`, given)])
                standing.push({ ...given, id: kept?.id as string })
              }
              expect(Math.abs(((await confidence(t, id)) ?? 0) - expected(prior, standing))).toBeLessThan(1e-12)
            }
            // the same evidence, the other way round and at once, gives the same confidence
            const second = await holdOne(t, 'Again.', { prior })
            if (standing.length > 0)
              await add(
                t,
                second.id,
                standing.toReversed().map(({ id: _, ...given }, i) => pieceOf(`again ${i}`, given)),
              )
            expect(Math.abs(((await confidence(t, second.id)) ?? 0) - expected(prior, standing))).toBeLessThan(1e-12)
          }),
      ),
      { seed: 18, numRuns: 25 },
    )
  })
})

describe('a belief', () => {
  it('is kept once under its key, and refused when the key is of another one', () =>
    asAdmin(async (t) => {
      const first = await holdOne(t)
      expect((await holdOne(t)).id).toBe(first.id)
      expect(
        await t.errorCode(holdSentence, [JSON.stringify([belief('The lot is spoilt.', { prior: 0.4 })]), agent]),
      ).toBe('OB501')
      expect(await t.errorCode(holdSentence, [JSON.stringify([belief('The lot is spoilt.')]), other])).toBe('OB501')
      expect(await t.value('select count(*)::int from app_public.beliefs')).toBe(1)
    }))

  it('that another one supersedes is kept with its evidence and takes no more', () =>
    asAdmin(async (t) => {
      const old = await holdOne(t)
      await add(t, old.id, [piece('a')])
      const successor = await holdOne(t, 'Half of the lot is spoilt.', { supersedes_id: old.id })
      expect(await read(t, old.id)).toMatchObject({
        status: 'superseded',
        superseded_by_id: successor.id,
        supporting_count: 1,
      })
      expect(await t.errorCode(addSentence, [old.id, JSON.stringify([piece('b')])])).toBe('TK550')
      expect(await add(t, old.id, [piece('a')])).toHaveLength(1)
      const again = [JSON.stringify([belief('Third.', { supersedes_id: old.id })]), agent]
      expect(await t.errorCode(holdSentence, again)).toBe('TK551')
    }))

  it('is superseded once, also by two of one list, and only by one of its own agent', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const two = [belief('a', { supersedes_id: id }), belief('b', { supersedes_id: id })]
      expect(await t.errorCode(holdSentence, [JSON.stringify(two), agent])).toBe('TK551')
      expect(await t.errorCode(holdSentence, [JSON.stringify([two[0]]), other])).toBe('TK551')
      expect(await read(t, id)).toMatchObject({ status: 'current' })
    }))

  it('is retracted with a reason, once', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      await t.query(`select app_public.retract_belief($1, 'wrong lot')`, [id])
      expect(await read(t, id)).toMatchObject({ status: 'retracted' })
      expect(await t.errorCode('select app_public.retract_belief($1)', [id])).toBe('TK550')
      expect(
        await t.errorCode(`select app_public.retract_belief($1, repeat('x', 1001))`, [(await holdOne(t, 'b')).id]),
      ).toBe('23514')
    }))

  it.each([
    ['no belief', [], 'TK453'],
    ['101 beliefs', Array.from({ length: 101 }, (_, i) => ({ idempotency_key: String(i) })), 'TK453'],
    ['no claim', [{ claim: null }], 'TK454'],
    ['a claim of spaces', [{ claim: ' ' }], 'TK454'],
    ['a claim of 2,001 characters', [{ claim: 'x'.repeat(2001) }], 'TK454'],
    ['a certain prior', [{ prior: 1 }], 'TK454'],
    ['a prior that is no number', [{ prior: 'NaN' }], 'TK454'],
    ['no key', [{ idempotency_key: null }], 'OB401'],
    ['a person who is no member', [{ about_user_id: nobody }], 'OB301'],
    ['a successor of none', [{ supersedes_id: nobody }], 'TK551'],
  ])('is refused with %s', (_, rows, code) =>
    asAdmin(async (t) => {
      const wrong = rows.map((row) => ({ ...belief('a'), ...row }))
      expect(await t.errorCode(holdSentence, [JSON.stringify(wrong), agent])).toBe(code)
    }),
  )

  it('is written by the API key of its agent and by those who may edit agents', () =>
    db.inTransaction(async (t) => {
      const mine = [JSON.stringify([belief('a')]), null]
      await t.become(db.acme.viewer)
      expect(await t.errorCode(holdSentence, [mine[0], agent])).toBe('ID203')
      await becomeAgent(t, db.acme.member, agent)
      const [held] = await t.query<Belief>(holdSentence, mine)
      await add(t, held?.id as string, [piece('a')])
      await becomeAgent(t, db.acme.member, other)
      expect(await t.errorCode(addSentence, [held?.id, JSON.stringify([piece('b')])])).toBe('RN246')
      await actWithKey(t, db.acme.admin, { permissions: ['can_edit_agents'], allowed_agents: [other] })
      expect(await t.errorCode('select app_public.retract_belief($1)', [held?.id])).toBe('KY204')
      await putKeyAway(t)
    }))

  it('is seen by members who see its agent, and is none to another tenant', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const [kept] = await add(t, id, [piece('a')])
      const seen = () =>
        t.query(`select count(*)::int from app_public.beliefs union all select count(*)::int from app_public.evidence
                 union all select count(*)::int from app_public.belief_revisions`)
      await t.become(db.acme.viewer)
      expect(await seen()).toEqual([{ count: 1 }, { count: 1 }, { count: 2 }])
      await t.becomeSuperuser()
      await t.query('update app_public.agents set deleted_at = now() where id = $1', [agent])
      await t.become(db.acme.viewer)
      expect(await seen()).toEqual([{ count: 0 }, { count: 0 }, { count: 0 }])
      await t.become(db.globex.admin)
      for (const unknown of [id, nobody]) {
        expect(await t.errorCode(addSentence, [unknown, JSON.stringify([piece('b')])])).toBe('TK351')
        expect(await t.errorCode('select app_public.retract_belief($1)', [unknown])).toBe('TK351')
      }
      expect(await t.errorCode('select app_public.retract_evidence($1)', [kept?.id])).toBe('TK352')
    }))

  it('is weighed anew when evidence is deleted by whoever may, as when a person is erased', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t, 'She prefers tea.', { about_user_id: db.acme.member.userId })
      await add(t, id, [piece('a')])
      await t.becomeSuperuser()
      await t.query('delete from app_public.evidence where belief_id = $1', [id])
      expect(await confidence(t, id)).toBe(0.5)
    }))
})

describe('evidence', () => {
  it.each([
    ['no piece', [], 'TK455'],
    ['101 pieces', Array.from({ length: 101 }, (_, i) => ({ idempotency_key: String(i) })), 'TK455'],
    ['no stance', [{ stance: null }], 'TK456'],
    ['no reliability', [{ reliability: null }], 'TK456'],
    ['a reliability of less than chance', [{ reliability: 0.49 }], 'TK456'],
    ['a certain reliability', [{ reliability: 1 }], 'TK456'],
    ['a reliability that is no number', [{ reliability: 'NaN' }], 'TK456'],
    ['no statement', [{ statement: ' ' }], 'TK456'],
    ['an empty origin', [{ origin_id: '' }], 'TK456'],
    ['an excerpt of 1,001 characters', [{ origin_excerpt: 'x'.repeat(1001) }], 'TK456'],
    ['a group of 256 characters', [{ independence_group: 'x'.repeat(256) }], 'TK456'],
    ['no key', [{ idempotency_key: null }], 'OB401'],
  ])('is refused with %s', (_, rows, code) =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const wrong = rows.map((row) => ({ ...piece('a'), ...row }))
      expect(await t.errorCode(addSentence, [id, JSON.stringify(wrong)])).toBe(code)
    }),
  )

  it('is kept once under its key, for one belief', () =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const first = await add(t, id, [piece('a'), piece('a')])
      expect(await add(t, id, [piece('a'), piece('b')])).toMatchObject([first[0], {}])
      expect(await t.value('select count(*)::int from app_public.evidence')).toBe(2)
      const second = await holdOne(t, 'Another.')
      expect(await t.errorCode(addSentence, [second.id, JSON.stringify([piece('a')])])).toBe('OB501')
    }))
})

describe('a contradiction', () => {
  const contradict = `select (app_public.contradict_beliefs($1, $2, 'not both')).id`
  it('names both beliefs, in whichever order it is noted, once', () =>
    asAdmin(async (t) => {
      const [a, b] = await hold(t, [belief('It is warm.'), belief('It is cold.')])
      const first = await t.value(contradict, [a?.id, b?.id])
      expect(await t.value(contradict, [b?.id, a?.id])).toBe(first)
      for (const one of [a, b]) expect(await read(t, one?.id as string)).toMatchObject({ is_contested: true })
    }))

  it('is settled when one of them ends, or by words, and is kept', () =>
    asAdmin(async (t) => {
      const [a, b, c] = await hold(t, [belief('a'), belief('b'), belief('c')])
      await t.value(contradict, [a?.id, b?.id])
      const words = await t.value(contradict, [b?.id, c?.id])
      expect(await t.errorCode('select app_public.settle_contradiction($1, $2)', [words, ' '])).toBe('TK458')
      await t.query('select app_public.settle_contradiction($1, $2)', [words, 'at different times'])
      expect(await t.errorCode('select app_public.settle_contradiction($1, $2)', [words, 'again'])).toBe('TK554')
      await holdOne(t, 'd', { supersedes_id: a?.id })
      expect(await read(t, b?.id as string)).toMatchObject({ is_contested: false })
      expect(await t.query('select settlement from app_public.belief_contradictions order by settlement')).toEqual([
        { settlement: 'at different times' },
        { settlement: null },
      ])
      expect(await t.errorCode(contradict, [a?.id, b?.id])).toBe('TK550')
      await t.value(contradict, [b?.id, c?.id])
    }))

  it('is between two beliefs of one agent of this tenant', () =>
    asAdmin(async (t) => {
      const mine = await holdOne(t)
      const [others] = await hold(t, [belief('b')], other)
      expect(await t.errorCode(contradict, [mine.id, mine.id])).toBe('TK457')
      expect(await t.errorCode(contradict, [mine.id, others?.id])).toBe('TK457')
      expect(await t.errorCode(contradict, [mine.id, nobody])).toBe('TK351')
      expect(await t.errorCode(contradict, [null, mine.id])).toBe('TK457')
    }))
})

describe('at once', () => {
  it('20 clients add evidence, and the confidence counts all of it', async (context) => {
    needsServer(context)
    const asOwner = await sessions(20, db.acme.admin)
    const run = async (text: string, values: unknown[]) => (await asOwner[0]?.query(text, values))?.rows ?? []
    const { id } = await holdOne({ query: run as never }, crypto.randomUUID())
    await Promise.all(
      asOwner.map((client, i) =>
        client.query(addSentence, [id, JSON.stringify([piece(`${id} ${i}`, { reliability: 0.55 })])]),
      ),
    )
    expect(await confidence(superuser, id)).toBeCloseTo(1 / (1 + (0.45 / 0.55) ** 20), 12)
    expect(await read(superuser, id)).toMatchObject({ supporting_count: 20, revision: 21 })
  })

  it('of ten that supersede a belief one does, and of ten that contradict two beliefs all get one contradiction', async (context) => {
    needsServer(context)
    const clients = await sessions(10, db.acme.admin)
    const run = async (text: string, values: unknown[]) => (await clients[0]?.query(text, values))?.rows ?? []
    const [a, b] = [
      await holdOne({ query: run as never }, crypto.randomUUID()),
      await holdOne({ query: run as never }, crypto.randomUUID()),
    ]
    const found = await Promise.all(
      clients.map((client, i) =>
        client.query('select (app_public.contradict_beliefs($1, $2)).id', i % 2 ? [a.id, b.id] : [b.id, a.id]),
      ),
    )
    expect(new Set(found.map(({ rows }) => rows[0].id)).size).toBe(1)
    const successors = clients.map((client) =>
      client.query(holdSentence, [JSON.stringify([belief(crypto.randomUUID(), { supersedes_id: a.id })]), agent]),
    )
    expect(await outcomesOf(successors)).toEqual({ done: 1, TK551: 9 })
  })
})

describe('an evidence pack', () => {
  const create = `select (p).id, (p).item_count from app_public.create_evidence_pack('k', 'Recall the lot?', null, $1) p`
  const change = `select (app_public.change_evidence_pack($1, $2, $3)).item_count`
  const use = `select (p).decision, (p).frozen_at from app_public.use_evidence_pack($1, $2) p`
  const withEvidence = (work: (t: Transaction, evidence: string[]) => Promise<unknown>) =>
    asAdmin(async (t) => {
      const { id } = await holdOne(t)
      const kept = await add(t, id, [piece('a'), piece('b'), piece('c', { stance: 'opposes' })])
      await t.become(db.acme.member)
      await work(
        t,
        kept.map((one) => one.id),
      )
    })

  it('gathers evidence, is made once under its key, and is changed until it is used', () =>
    withEvidence(async (t, [a, b, c]) => {
      const [pack] = await t.query<{ id: string }>(create, [[a, b]])
      expect(await t.query(create, [[a, b]])).toEqual([{ id: pack?.id, item_count: 2 }])
      expect(await t.errorCode(create, [[a]])).toBe('OB501')
      expect(await t.value(change, [pack?.id, [c, b], [a]])).toBe(2)
    }))

  it('is frozen with the decision it was used for, and stays as it was', () =>
    withEvidence(async (t, [a, b]) => {
      await setClock(t, '2026-06-15T12:00:00Z')
      const pack = await t.value<string>(create, [[a]])
      const first = await t.query(use, [pack, 'Recall it.'])
      await setClock(t, '2026-06-15T13:00:00Z')
      expect(await t.query(use, [pack, 'Recall it.'])).toEqual(first)
      expect(await t.errorCode(use, [pack, 'Do not.'])).toBe('TK555')
      expect(await t.errorCode(change, [pack, [b], []])).toBe('TK555')
      expect(await t.errorCode(change, [pack, [], [a]])).toBe('TK555')
      expect(await t.errorCode('delete from app_public.evidence_pack_items')).toBe('42501')
    }))

  it('is used with a decision and evidence only', () =>
    withEvidence(async (t, [a]) => {
      const pack = await t.value<string>(create, [null])
      expect(await t.errorCode(use, [pack, 'Recall it.'])).toBe('TK556')
      await t.query(change, [pack, [a], null])
      expect(await t.errorCode(use, [pack, ' '])).toBe('TK460')
      expect(await t.errorCode(use, [nobody, 'x'])).toBe('TK354')
    }))

  it('takes no evidence that was retracted, does not exist or is of a hidden agent, and 200 pieces at most', () =>
    withEvidence(async (t, [a, b]) => {
      const pack = await t.value<string>(create, [[]])
      await t.become(db.acme.admin)
      await t.query('select app_public.retract_evidence($1)', [a])
      expect(await t.errorCode(change, [pack, [a], []])).toBe('TK352')
      expect(await t.errorCode(change, [pack, [nobody], []])).toBe('TK352')
      expect(await t.errorCode(change, [pack, [null], []])).toBe('TK352')
      expect(await t.errorCode(change, [pack, Array.from({ length: 201 }, () => b), []])).toBe('TK459')
      const more = await holdOne(t, 'more')
      const many: string[] = []
      for (let n = 0; n < 3; n++)
        many.push(
          ...(
            await add(
              t,
              more.id,
              Array.from({ length: 70 }, (_, i) => piece(`${n} ${i}`)),
            )
          ).map(({ id }) => id),
        )
      await t.query(change, [pack, many.slice(0, 150), []])
      expect(await t.errorCode(change, [pack, many.slice(150), []])).toBe('TK655')
      await t.becomeSuperuser()
      await t.query('update app_public.agents set deleted_at = now() where id = $1', [agent])
      await t.become(db.acme.member)
      expect(await t.errorCode(change, [pack, [b], []])).toBe('TK352')
    }))
})

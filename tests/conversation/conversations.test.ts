// Conversations of a person with an agent: begun, titled, put away, deleted and brought back; messages in branches; what is refused.

import { describe, expect, it } from 'vitest'
import { type Person, type Transaction, useDatabase } from '../helpers/index.ts'
import {
  answerBy,
  edit,
  historyOf,
  messageOf,
  newAgent,
  partsOf,
  regenerate,
  send,
  startConversation,
  textOf,
  texts,
} from './helpers.ts'

const db = useDatabase()

type Held = { t: Transaction; person: Person; agentId: string; id: string }

/** A conversation of acme's owner with a new agent. */
const held = <T>(work: (held: Held) => Promise<T>, title: string | null = null): Promise<T> =>
  db.inTransaction(async (t) => {
    const person = db.acme.owner
    await t.become(person)
    const agentId = await newAgent(t)
    return work({ t, person, agentId, id: await startConversation(t, agentId, title) })
  })

const conversationOf = async (t: Transaction, id: string) =>
  (await t.query('select * from app_public.expert_consultations where id = $1', [id]))[0] as Record<string, unknown>
const codeOf = (t: Transaction, name: string, ...values: unknown[]) =>
  t.errorCode(`select app_public.${name}(${values.map((_, i) => `$${i + 1}`)})`, values)
const codeOfSending = (t: Transaction, id: string, parts: (string | object)[], key: string | null = null) =>
  t.errorCode(`select app_public.send_message($1, ${partsOf(2)}, $3)`, [id, texts(parts), key])
const answered = async ({ t, person, id }: Held, question: string, answer: string) => {
  const sent = await send(t, id, [question])
  await answerBy(t, person, answer)
  return sent
}

describe('a conversation', () => {
  it('is counted as one consultation when it begins', () =>
    held(async ({ t, person, id }) => {
      await t.becomeSuperuser()
      const events = await t.query(
        `select user_id, quantity::int as quantity from app_public.usage_events where usage_type = 'consultation' and tenant_id = $1`,
        [person.tenantId],
      )
      expect(events).toEqual([{ user_id: person.userId, quantity: 1 }])
      expect(id).toBeDefined()
    }))

  it('gets its title from the first words of its first message', () =>
    held(async ({ t, id }) => {
      await send(t, id, [`  How do\n we submit ${'long '.repeat(40)}`])
      const { title } = await conversationOf(t, id)
      expect(title).toMatch(/^How do we submit (long )+long…$/)
      expect((title as string).length).toBeLessThanOrEqual(81)
    }))

  it('keeps the title that it was given', () =>
    held(async ({ t, id }) => {
      await send(t, id, ['Something else'])
      expect((await conversationOf(t, id)).title).toBe('My question')
    }, 'My question'))

  it('keeps the title that a person gave it before its first message', () =>
    held(async ({ t, id }) => {
      await t.query('select app_public.rename_conversation($1, $2)', [id, 'Renamed'])
      await send(t, id, ['Something else'])
      expect((await conversationOf(t, id)).title).toBe('Renamed')
    }))

  it.each(['', ' ', 'a\nb', 'x'.repeat(256)])('is not named %j', (title) =>
    held(async ({ t, id }) => {
      expect(await codeOf(t, 'rename_conversation', id, title)).toBe('23514')
    }),
  )

  it('that was put away takes no message until it is taken up again, and is not put away twice', () =>
    held(async ({ t, id }) => {
      const archive = () => t.value('select archived_at from app_public.archive_conversation($1)', [id])
      const archivedAt = await archive()
      expect(await archive()).toEqual(archivedAt)
      expect(await codeOfSending(t, id, ['Hello'])).toBe('TK503')
      await t.query('select app_public.unarchive_conversation($1)', [id])
      expect(await codeOfSending(t, id, ['Hello'])).toBeUndefined()
    }))

  it('that was deleted is gone with its messages, and comes back with them', () =>
    held(async (h) => {
      const { t, id } = h
      const sent = await answered(h, 'Why?', 'Because.')
      await t.query('select app_public.delete_conversation($1)', [id])
      expect(await conversationOf(t, id)).toBeUndefined()
      expect(await messageOf(t, sent.answer_id)).toBeUndefined()
      expect(await historyOf(t, id)).toEqual([])
      expect(await codeOfSending(t, id, ['Hello'])).toBe('TK301')
      expect(await codeOf(t, 'regenerate_answer', sent.answer_id)).toBe('TK302')
      await t.query('select app_public.restore_conversation($1)', [id])
      expect(await historyOf(t, id)).toEqual([sent.message_id, sent.answer_id])
    }))

  it('that is deleted while it is answered costs nothing more: the answer is cancelled', () =>
    held(async ({ t, id }) => {
      const sent = await send(t, id, ['Why?'])
      await t.query('select app_public.delete_conversation($1)', [id])
      await t.query('select app_public.restore_conversation($1)', [id])
      expect((await messageOf(t, sent.answer_id)).status).toBe('cancelled')
    }))

  it('is not begun with an agent that is switched off, deleted or of another tenant, and these look the same', () =>
    held(async ({ t, agentId }) => {
      await t.query('update app_public.agents set is_active = false where id = $1', [agentId])
      expect(await codeOf(t, 'start_conversation', agentId)).toBe('RN377')
      expect(await codeOf(t, 'start_conversation', '00000000-0000-4000-8000-000000000000')).toBe('RN377')
      await t.become(db.globex.owner)
      const foreign = await newAgent(t)
      await t.become(db.acme.owner)
      expect(await codeOf(t, 'start_conversation', foreign)).toBe('RN377')
    }))

  it('is listed by its last message', () =>
    held(async ({ t, agentId, id }) => {
      const other = await startConversation(t, agentId)
      await t.query(`select set_config('rowhouse.clock', (now() + interval '1 minute')::text, true)`)
      await send(t, id, ['Later'])
      const listed = await t.query('select id from app_public.expert_consultations order by last_message_at desc, id')
      expect(listed.map((row) => row.id)).toEqual([id, other])
    }))

  it('needs the permission to run agents', () =>
    held(async ({ t, agentId }) => {
      await t.become(db.acme.viewer)
      expect(await codeOf(t, 'start_conversation', agentId)).toBe('ID203')
    }))
})

describe('a message', () => {
  it('is stored with an answer that waits, at the end of the active branch', () =>
    held(async (h) => {
      const { t, id } = h
      const first = await answered(h, 'Why?', 'Because.')
      const second = await send(t, id, ['Really?', 'Are you sure?'])
      expect(await historyOf(t, id)).toEqual([first.message_id, first.answer_id, second.message_id, second.answer_id])
      expect(await messageOf(t, second.message_id)).toMatchObject({
        ...{ role: 'user', status: 'complete', sequence: 3, depth: 3, parent_id: first.answer_id },
        parts: [
          { kind: 'text', text: 'Really?' },
          { kind: 'text', text: 'Are you sure?' },
        ],
      })
      expect(await messageOf(t, second.answer_id)).toMatchObject({ role: 'assistant', status: 'pending', parts: [] })
      expect(await conversationOf(t, id)).toMatchObject({ message_count: 4, active_message_id: second.answer_id })
    }))

  it('waits until the answer before it is there', () =>
    held(async ({ t, id }) => {
      await send(t, id, ['Why?'])
      expect(await codeOfSending(t, id, ['Hello?'])).toBe('TK501')
    }))

  it('that is sent again under its key is the same message, also when the conversation has gone on', () =>
    held(async (h) => {
      const { t, person, id } = h
      const sent = await send(t, id, ['Why?'], 'k')
      expect(await send(t, id, ['Why?'], 'k')).toEqual(sent)
      await answerBy(t, person, 'Because.')
      await answered(h, 'More?', 'No.')
      expect(await send(t, id, ['Why?'], 'k')).toEqual(sent)
      expect(await codeOfSending(t, id, ['Something else'], 'k')).toBe('TK502')
      expect(await codeOfSending(t, id, ['Why?'], '')).toBe('TK404')
    }))

  it.each<[string, (string | object)[], string]>([
    ['no part', [], 'TK401'],
    ['51 parts', Array.from({ length: 51 }, () => 'x'), 'TK401'],
    ['an empty text', [' \n'], 'TK402'],
    ['a part that is nothing', [{}], 'TK402'],
    ['a part that is two things', [{ text: 'x', document_id: '00000000-0000-4000-8000-000000000000' }], 'TK402'],
    ['a document that is not there', [{ document_id: '00000000-0000-4000-8000-000000000000' }], 'TK402'],
    ['more than 100 kB', ['x'.repeat(60_000), 'ä'.repeat(20_001)], 'TK601'],
  ])('with %s is refused', (_what, parts, code) =>
    held(async ({ t, id }) => {
      expect(await codeOfSending(t, id, parts)).toBe(code)
      expect(await conversationOf(t, id)).toMatchObject({ message_count: 0 })
    }),
  )

  it('of 50 parts and 100 kB is sent', () =>
    held(async ({ t, id }) => {
      expect(
        await codeOfSending(
          t,
          id,
          Array.from({ length: 50 }, () => 'x'.repeat(2_000)),
        ),
      ).toBeUndefined()
    }))

  it('is refused where a conversation has 20,000 messages, and a branch where it has 1,000', () =>
    held(async (h) => {
      const { t, person, id } = h
      const { message_id } = await answered(h, 'Why?', 'Because.')
      await t.becomeSuperuser()
      await t.query('update app_public.expert_consultations set branch_count = 1000 where id = $1', [id])
      await t.become(person)
      expect(await t.errorCode(`select app_public.edit_message($1, ${partsOf(2)})`, [message_id, texts(['x'])])).toBe(
        'TK603',
      )
      await t.becomeSuperuser()
      await t.query('update app_public.expert_consultations set message_count = 19999 where id = $1', [id])
      await t.become(person)
      expect(await codeOfSending(t, id, ['x'])).toBe('TK602')
    }))
})

describe('a branch', () => {
  it('begins where a message is edited; the other one stays with all that followed it', () =>
    held(async (h) => {
      const { t, person, id } = h
      const first = await answered(h, 'Why?', 'Because.')
      const second = await answered(h, 'Really?', 'Yes.')
      const edited = await edit(t, second.message_id, ['Truly?'])
      await answerBy(t, person, 'Truly.')
      const start = [first.message_id, first.answer_id]
      expect(await historyOf(t, id)).toEqual([...start, edited.message_id, edited.answer_id])
      await t.query('select app_public.switch_branch($1)', [second.message_id])
      expect(await historyOf(t, id)).toEqual([...start, second.message_id, second.answer_id])
      await t.query('select app_public.switch_branch($1)', [first.message_id])
      expect(await historyOf(t, id)).toEqual([...start, edited.message_id, edited.answer_id])
    }))

  it('begins where the first message is edited', () =>
    held(async (h) => {
      const { t, id } = h
      const first = await answered(h, 'Why?', 'Because.')
      const edited = await edit(t, first.message_id, ['How?'])
      expect(await historyOf(t, id)).toEqual([edited.message_id, edited.answer_id])
      expect((await messageOf(t, edited.message_id)).parent_id).toBeNull()
    }))

  it('begins where an answer is made anew', () =>
    held(async (h) => {
      const { t, person, id } = h
      const sent = await answered(h, 'Why?', 'Because.')
      const again = await regenerate(t, sent.answer_id)
      await answerBy(t, person, 'Because of that.')
      expect(await historyOf(t, id)).toEqual([sent.message_id, again])
      expect(textOf(await messageOf(t, sent.answer_id))).toBe('Because.')
      expect(textOf(await messageOf(t, again))).toBe('Because of that.')
    }))

  it('is not begun by editing an answer, or by making anew what is none', () =>
    held(async (h) => {
      const { t } = h
      const sent = await answered(h, 'Why?', 'Because.')
      expect(
        await t.errorCode(`select app_public.edit_message($1, ${partsOf(2)})`, [sent.answer_id, texts(['x'])]),
      ).toBe('TK403')
      expect(await codeOf(t, 'regenerate_answer', sent.message_id)).toBe('TK405')
      expect(await codeOf(t, 'rate_answer', sent.message_id, 'up')).toBe('TK405')
    }))

  it('waits until the open answer is there, in whichever branch it is', () =>
    held(async (h) => {
      const { t } = h
      const first = await answered(h, 'Why?', 'Because.')
      await regenerate(t, first.answer_id)
      await t.query('select app_public.switch_branch($1)', [first.answer_id])
      expect(await codeOf(t, 'regenerate_answer', first.answer_id)).toBe('TK501')
      expect(await codeOfSending(t, h.id, ['x'])).toBe('TK501')
    }))
})

describe('feedback', () => {
  it('is said once for an answer, can be changed, and taken back', () =>
    held(async (h) => {
      const { t, id } = h
      const { answer_id } = await answered(h, 'Why?', 'Because.')
      const feedback = () => t.query('select rating, comment from app_public.message_feedback')
      await t.query(`select app_public.rate_answer($1, 'up')`, [answer_id])
      await t.query(`select app_public.rate_answer($1, 'down', 'It says nothing.')`, [answer_id])
      expect(await feedback()).toEqual([{ rating: 'down', comment: 'It says nothing.' }])
      await t.query('select app_public.unrate_answer($1)', [answer_id])
      await t.query('select app_public.unrate_answer($1)', [answer_id])
      expect(await feedback()).toEqual([])
      expect(await codeOf(t, 'rate_answer', answer_id, null)).toBe('TK406')
      expect(await t.errorCode(`select app_public.rate_answer($1, 'up', repeat('x', 2001))`, [answer_id])).toBe('23514')
      expect(id).toBeDefined()
    }))
})

describe('what a model still knows', () => {
  it('is the newest messages of the active branch that fit', () =>
    held(async (h) => {
      const { t, id } = h
      for (const letter of ['a', 'b', 'c']) await answered(h, letter.repeat(30_000), `So ${letter}.`)
      const memory = await t.query(
        'select left(content, 4) as content, role, token_count from app_public.chat_memory where conversation_id = $1 order by depth',
        [id],
      )
      // 30,000 bytes are 7,504 tokens, and two of them fit into 16,000
      expect(memory).toEqual([
        { content: 'So a', role: 'assistant', token_count: 6 },
        { content: 'bbbb', role: 'user', token_count: 7_504 },
        { content: 'So b', role: 'assistant', token_count: 6 },
        { content: 'cccc', role: 'user', token_count: 7_504 },
        { content: 'So c', role: 'assistant', token_count: 6 },
      ])
    }))
})

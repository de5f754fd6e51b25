// Random sequences of sending, editing, making anew and switching, beside a model in the test: a tree of messages in an array.

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isRealServer, type Transaction, useDatabase } from '../helpers/index.ts'
import { answerBy, edit, historyOf, newAgent, regenerate, send, startConversation } from './helpers.ts'

const db = useDatabase()

type Node = { id: string; parent: Node | undefined; role: 'user' | 'assistant' }
type Step = { what: 'send' | 'edit' | 'regenerate' | 'switch'; at: number }

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('send', 'send', 'edit', 'regenerate', 'switch'),
  at: fc.nat(1_000),
})

/** From the beginning to this message. */
const wayTo = (node: Node | undefined): string[] => (node ? [...wayTo(node.parent), node.id] : [])
const isBelow = (node: Node | undefined, top: Node): boolean =>
  node !== undefined && (node === top || isBelow(node.parent, top))

async function play(t: Transaction, steps: Step[]): Promise<void> {
  const person = db.acme.owner
  await t.become(person)
  const id = await startConversation(t, await newAgent(t))
  const nodes: Node[] = []
  let leaf: Node | undefined
  const pick = (role: Node['role'] | undefined, at: number): Node | undefined => {
    const some = nodes.filter((node) => role === undefined || node.role === role)
    return some[at % some.length]
  }
  const add = async (question: Node | undefined, ids: { message_id?: string; answer_id: string }, parent?: Node) => {
    const asked = question ?? { id: ids.message_id as string, parent, role: 'user' as const }
    leaf = { id: ids.answer_id, parent: asked, role: 'assistant' }
    nodes.push(...(question ? [] : [asked]), leaf)
    await answerBy(t, person, 'So it is.')
  }
  for (const { what, at } of steps) {
    const message = pick(what === 'edit' ? 'user' : what === 'regenerate' ? 'assistant' : undefined, at)
    if (what === 'send' || !message) await add(undefined, await send(t, id, ['And?']), leaf)
    else if (what === 'edit') await add(undefined, await edit(t, message.id, ['Or?']), message.parent)
    else if (what === 'regenerate') await add(message.parent, { answer_id: await regenerate(t, message.id) })
    else {
      await t.query('select app_public.switch_branch($1)', [message.id])
      leaf = nodes.filter((node) => isBelow(node, message)).at(-1)
    }
    expect(await historyOf(t, id)).toEqual(wayTo(leaf))
  }
  const [conversation] = await t.query(
    'select message_count, active_message_id from app_public.expert_consultations where id = $1',
    [id],
  )
  expect(conversation).toEqual({ message_count: nodes.length, active_message_id: leaf?.id ?? null })
  const stored = await t.query<{ id: string; parent_id: string | null }>(
    'select id, parent_id from app_public.messages where conversation_id = $1 order by sequence',
    [id],
  )
  expect(stored).toEqual(nodes.map((node) => ({ id: node.id, parent_id: node.parent?.id ?? null })))
}

it('the active branch is the way from the beginning to where the person is', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), (steps) =>
      db.inTransaction((t) => play(t, steps)),
    ),
    // the embedded engine shows the same rules, slowly
    { seed: 18, numRuns: isRealServer() ? 25 : 4 },
  )
})

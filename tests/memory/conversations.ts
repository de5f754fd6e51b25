// Made conversations of two people, seeded: short turns, small talk, and events of which the noun stands in the turn before, which
// happened on a day, or which both people tell of themselves. Each event has a question and the turn that answers it.

import type { Conversation, Question, Turn } from '../../server/evaluation/conversations.ts'

const people = ['Ann', 'Ben', 'Carla', 'Deepak', 'Elena', 'Farid', 'Grace', 'Hugo']
const things =
  'violin,canoe,greenhouse,marathon,pottery,telescope,sourdough,orchard,bicycle,aquarium,quilt,lighthouse,podcast,chessboard,vineyard,kayak,tattoo,sculpture,beehive,treehouse,accordion,sailboat,terrarium,mural,campfire,museum,waterfall,bakery,hedgehog,passport,guitar,festival,mosaic,volcano,glacier,parrot,skateboard,cathedral,carousel,windmill'.split(
    ',',
  )
const verbs: [past: string, asked: string][] = [
  ['bought', 'buy'],
  ['saw', 'see'],
  ['drew', 'draw'],
  ['visited', 'visit'],
  ['found', 'find'],
  ['painted', 'paint'],
  ['lost', 'lose'],
  ['chose', 'choose'],
]
const reactions = [
  'It was wonderful',
  'I was so nervous',
  'It cost a fortune',
  'My sister helped me',
  'It rained all day',
]
const smallTalk = [
  'How are you doing?',
  'That sounds great!',
  'I have been busy with work lately.',
  'Tell me more about it.',
  'The weather is lovely today.',
  'We should meet soon.',
  'I slept badly last night.',
  'Good to hear from you again!',
  'My family says hello.',
  'What are your plans for the weekend?',
]

export function makeConversation(seed: number, sessionCount = 12): Conversation {
  let state = seed * 7919 + 1
  const random = (): number => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  const a = pick(people)
  const b = pick(people.filter((name) => name !== a))
  const turns: Turn[] = []
  const questions: Question[] = []
  for (let session = 1; session <= sessionCount; session += 1) {
    const at = new Date(Date.UTC(2024, 0, 3 + session * 11, 14))
    let number = 0
    const say = (speaker: string, text: string): string => {
      number += 1
      const id = `D${session}:${number}`
      turns.push({ id, session: String(session), speaker, text, at })
      return id
    }
    const chat = (): void => {
      for (let i = Math.floor(random() * 4); i > 0; i -= 1) say(i % 2 ? a : b, pick(smallTalk))
    }
    for (let event = 0; event < 4; event += 1) {
      chat()
      const [teller, listener] = random() < 0.5 ? [a, b] : [b, a]
      const [past, asked] = pick(verbs)
      const thing = pick(things)
      const ask = (text: string, id: string, category: string): void => {
        questions.push({ text, evidence: [id], category })
      }
      const kind = pick(['own words', 'neighbor', 'date', 'speaker'])
      if (kind === 'own words') {
        ask(
          `What did ${teller} ${asked} with the family?`,
          say(teller, `I ${past} a ${thing} with the family, ${pick(smallTalk)}`),
          kind,
        )
        // the question has the noun only when it is not what is asked for
        Object.assign(questions.at(-1) as Question, { text: `Did ${teller} ${asked} a ${thing}?` })
      } else if (kind === 'neighbor') {
        say(listener, `So, what about the ${thing}?`)
        ask(`What was the ${thing} of ${teller} like?`, say(teller, `${pick(reactions)}, honestly.`), kind)
      } else if (kind === 'date') {
        const day = at.toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' })
        ask(`What did ${teller} ${asked} on ${day}?`, say(teller, `Today I ${past} a ${thing}.`), kind)
      } else {
        const id = say(teller, `I ${past} a ${thing} last week.`)
        say(listener, `Funny, I ${past} a ${thing} too.`)
        ask(`When did ${teller} ${asked} a ${thing}?`, id, kind)
      }
    }
    chat()
  }
  return { name: String(seed), turns, questions }
}

/** The layout of LoCoMo's file. */
export const asSamples = (conversations: Conversation[]): object[] =>
  conversations.map(({ name, turns, questions }) => {
    const conversation: Record<string, unknown> = {}
    for (const { id, session, speaker, text, at } of turns) {
      conversation[`session_${session}_date_time`] =
        `2:00 pm on ${at?.getUTCDate()} ${at?.toLocaleDateString('en-GB', { month: 'long', timeZone: 'UTC' })}, ${at?.getUTCFullYear()}`
      const said = (conversation[`session_${session}`] as object[] | undefined) ?? []
      conversation[`session_${session}`] = [...said, { speaker, dia_id: id, text }]
    }
    return {
      sample_id: name,
      conversation,
      qa: questions.map(({ text, evidence, category }) => ({ question: text, answer: '', evidence, category })),
    }
  })

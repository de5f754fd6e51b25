// npm run bench -- memory: what it costs to recall one thing among a hundred thousand, how many are remembered a second, and how
// soon a long conversation is open.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measureConversation } from './conversation.ts'
import { measureRecall } from './recall.ts'
import { measureRemember } from './remember.ts'

const options = z.object({
  memories: whole(100, 200_000),
  people: whole(1, 100),
  questions: whole(10, 10_000),
  remembered: whole(16, 100_000),
  messages: whole(100, 19_000),
  rounds: whole(1, 1000),
})
type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['recall', (url, { memories, people, questions }) => measureRecall(url, { memories, people, questions })],
  ['remember', (url, { remembered }) => measureRemember(url, remembered)],
  ['conversation', (url, { messages, rounds }) => measureConversation(url, rounds, messages)],
]

export const memory: Measurement<typeof options> = {
  name: 'memory',
  usage: `  --memories N     memories of each person (100000)
  --people N       people of the tenant who have as many (10)
  --questions N    questions of each measurement (400)
  --remembered N   memories that eight clients remember (6000)
  --messages N     messages of the conversation that is opened (10000)
  --rounds N       rounds in which it is opened (5)`,
  options,
  defaults: {
    memories: { usual: '100000', smallest: '2500' },
    people: { usual: '10', smallest: '2' },
    questions: { usual: '400', smallest: '10' },
    remembered: { usual: '6000', smallest: '80' },
    messages: { usual: '10000', smallest: '200' },
    rounds: { usual: '5', smallest: '1' },
  },
  measure: measureParts('memory', parts),
}

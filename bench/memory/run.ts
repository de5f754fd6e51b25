// npm run bench -- memory: what it costs to recall one thing among a hundred thousand, and how many are remembered a second.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measureRecall } from './recall.ts'
import { measureRemember } from './remember.ts'

const options = z.object({
  memories: whole(100, 200_000),
  people: whole(1, 100),
  questions: whole(10, 10_000),
  remembered: whole(16, 100_000),
})
type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['recall', (url, { memories, people, questions }) => measureRecall(url, { memories, people, questions })],
  ['remember', (url, { remembered }) => measureRemember(url, remembered)],
]

export const memory: Measurement<typeof options> = {
  name: 'memory',
  usage: `  --memories N     memories of each person (100000)
  --people N       people of the tenant who have as many (10)
  --questions N    questions of each measurement (400)
  --remembered N   memories that eight clients remember (6000)`,
  options,
  defaults: {
    memories: { usual: '100000', smallest: '2500' },
    people: { usual: '10', smallest: '2' },
    questions: { usual: '400', smallest: '10' },
    remembered: { usual: '6000', smallest: '80' },
  },
  measure: measureParts('memory', parts),
}

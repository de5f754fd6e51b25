// npm run bench -- runtime: what it costs to claim and finish tasks by our functions, and what waits behind them.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measureClaims } from './claims.ts'
import { measureWaiting } from './waiting.ts'
import { measureWorkflows } from './workflows.ts'

const options = z.object({
  rounds: whole(1, 1000),
  tasks: whole(10, 1_000_000),
  waiting: whole(1_000, 10_000_000),
})
type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['claiming and completing', (url, { rounds, tasks }) => measureClaims(url, rounds, tasks)],
  ['workflows', (url, { rounds }) => measureWorkflows(url, rounds)],
  ['claiming among many', (url, { rounds, waiting }) => measureWaiting(url, rounds, waiting)],
]

export const runtime: Measurement<typeof options> = {
  name: 'runtime',
  usage: `  --rounds N       repetitions of each measurement (9)
  --tasks N        tasks that are claimed and completed a round (2000)
  --waiting N      tasks that wait (1000000)`,
  options,
  defaults: {
    rounds: { usual: '9', smallest: '1' },
    tasks: { usual: '2000', smallest: '20' },
    waiting: { usual: '1000000', smallest: '1000' },
  },
  measure: measureParts('runtime', parts),
}

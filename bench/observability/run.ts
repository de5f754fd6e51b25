// npm run bench -- observability: runs the parts one after the other, each in a database of its own.

import { z } from 'zod'
import { type Measurement, whole, wholes } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measureAlerts } from './alerts.ts'
import { measureCounting } from './counting.ts'
import { measureIntake } from './intake.ts'
import { measureSpans } from './otlp.ts'

const options = z.object({
  rounds: whole(1, 1000),
  history: wholes(1_000, 100_000_000),
  batch: whole(100, 10_000),
  rules: whole(10, 1_000),
})

type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['taking events in', (url, { rounds, batch }) => measureIntake(url, rounds, batch)],
  ['taking spans in', (url, { rounds }) => measureSpans(url, rounds)],
  ['counting operations', (url, { rounds, history, batch }) => measureCounting(url, history, rounds, batch)],
  ['evaluating alerts', (url, { rounds, rules }) => measureAlerts(url, rounds, rules)],
]

export const observability: Measurement<typeof options> = {
  name: 'observability',
  usage: `  --rounds N       repetitions of each measurement (9)
  --history N,N    runs of tools behind a run of the counts (1000000,10000000)
  --batch N        events that are recorded at once, and that are new to a run of the counts (10000)
  --rules N        rules of alerts (1000)`,
  options,
  defaults: {
    rounds: { usual: '9', smallest: '1' },
    history: { usual: '1000000,10000000', smallest: '1000,2000' },
    batch: { usual: '10000', smallest: '100' },
    rules: { usual: '1000', smallest: '10' },
  },
  measure: measureParts('observability', parts),
}

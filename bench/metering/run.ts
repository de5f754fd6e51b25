// npm run bench -- metering: runs the parts one after the other, each in a database of its own.

import { z } from 'zod'
import { type Measurement, whole, wholes } from '../command.ts'
import { measureBulk } from './bulk.ts'
import { measureRateLimits } from './rate-limits.ts'
import { measureParts, type PartToMeasure } from './report.ts'
import { measureRollUps } from './rollups.ts'

const options = z.object({
  rounds: whole(1, 1000),
  history: wholes(1_000, 100_000_000),
  batch: whole(100, 10_000),
  seconds: whole(1, 600),
})

type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['recording in bulk', (url, { rounds, batch }) => measureBulk(url, rounds, batch)],
  ['rolling up', (url, { rounds, history, batch }) => measureRollUps(url, history, rounds, batch)],
  ['rate limits', (url, { rounds, seconds }) => measureRateLimits(url, rounds, seconds)],
]

export const metering: Measurement<typeof options> = {
  name: 'metering',
  usage: `  --rounds N       repetitions of each measurement (9)
  --history N,N    events behind a run of the roll-ups (1000000,10000000)
  --batch N        events that are recorded at once, and that are new to a run of the roll-ups (10000)
  --seconds N      how long rate limits are checked in each way and round (2)`,
  options,
  defaults: {
    rounds: { usual: '9', smallest: '1' },
    history: { usual: '1000000,10000000', smallest: '1000,2000' },
    batch: { usual: '10000', smallest: '100' },
    seconds: { usual: '2', smallest: '1' },
  },
  measure: measureParts('metering', parts),
}

// npm run bench -- governance: what keys cost, and what it costs that everything is recorded, sealed and checked.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measureAudit } from './audit.ts'
import { measureKeys } from './keys.ts'

const options = z.object({
  rounds: whole(1, 1000),
  rows: whole(10, 1_000_000),
  entries: whole(1_000, 100_000_000),
  calls: whole(10, 100_000),
})
type Options = z.infer<typeof options>

/** New parts are listed here. */
const parts: PartToMeasure<Options>[] = [
  ['keys', (url, { rounds, calls }) => measureKeys(url, rounds, calls)],
  ['audit', (url, { rounds, rows, entries }) => measureAudit(url, rounds, rows, entries)],
]

export const governance: Measurement<typeof options> = {
  name: 'governance',
  usage: `  --rounds N       repetitions of each measurement (15)
  --rows N         rows that one statement updates (10000)
  --entries N      entries of the audit that are sealed and verified (1000000)
  --calls N        requests a round and kind of key (300)`,
  options,
  defaults: {
    rounds: { usual: '15', smallest: '1' },
    rows: { usual: '10000', smallest: '100' },
    entries: { usual: '1000000', smallest: '1000' },
    calls: { usual: '300', smallest: '10' },
  },
  measure: measureParts('governance', parts),
}

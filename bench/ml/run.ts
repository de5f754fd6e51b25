// npm run bench -- ml: what training and predicting in the database cost.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { measureParts, type PartToMeasure } from '../metering/report.ts'
import { measurePredicting } from './predicting.ts'
import { measureTraining } from './training.ts'

const options = z.object({
  rounds: whole(1, 1000),
  rows: whole(1_000, 10_000_000),
  predictions: whole(1_000, 100_000),
  features: whole(2, 50),
})
type Options = z.infer<typeof options>

const parts: PartToMeasure<Options>[] = [
  ['training', (url, { rounds, rows, features }) => measureTraining(url, rounds, rows, features)],
  ['predicting', (url, { rounds, predictions, features }) => measurePredicting(url, rounds, predictions, features)],
]

export const ml: Measurement<typeof options> = {
  name: 'ml',
  usage: `  --rounds N       repetitions of each measurement (5)
  --rows N         rows that are trained on (1000000)
  --predictions N  rows that are predicted (100000)
  --features N     features of a row (20)`,
  options,
  defaults: {
    rounds: { usual: '5', smallest: '1' },
    rows: { usual: '1000000', smallest: '1000' },
    predictions: { usual: '100000', smallest: '1000' },
    features: { usual: '20', smallest: '3' },
  },
  measure: measureParts('ml', parts),
}

// npm run bench -- NAME: the measurements of bench/, against a PostgreSQL server.

import { analytics } from '../bench/analytics/run.ts'
import { billing } from '../bench/billing/run.ts'
import { catalog } from '../bench/catalog/run.ts'
import { type AnyMeasurement, runMeasurement } from '../bench/command.ts'
import { governance } from '../bench/governance/run.ts'
import { graphql } from '../bench/graphql/run.ts'
import { memory } from '../bench/memory/run.ts'
import { metering } from '../bench/metering/run.ts'
import { mixed } from '../bench/mixed/run.ts'
import { ml } from '../bench/ml/run.ts'
import { observability } from '../bench/observability/run.ts'
import { runtime } from '../bench/runtime/run.ts'
import { search } from '../bench/search/run.ts'
import { orFail, UsageError } from '../server/cli.ts'

const measurements: AnyMeasurement[] = [
  search,
  catalog,
  metering,
  billing,
  observability,
  analytics,
  graphql,
  governance,
  runtime,
  memory,
  ml,
  mixed,
]

await orFail(async () => {
  const [name, ...args] = process.argv.slice(2)
  const chosen = measurements.filter((measurement) => name === 'all' || measurement.name === name)
  if (chosen.length === 0) {
    const names = measurements.map((measurement) => measurement.name).join('|')
    throw new UsageError(`Usage: npm run bench -- all|${names} [options]`)
  }
  for (const measurement of chosen) await runMeasurement(measurement, args)
})

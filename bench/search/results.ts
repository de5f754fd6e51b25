// All that a run has measured, and how to look something up in it.

import type { Server } from '../scratch.ts'
import type { ClassesResult } from './classes.ts'
import type { ColdResult } from './cold.ts'
import type { Latency } from './compare.ts'
import type { HybridResult } from './hybrid.ts'
import type { IndexingResult } from './indexing.ts'
import type { CorpusResult, TenantsResult } from './parts.ts'
import type { RequestsResult } from './requests.ts'
import type { SmallTenantsResult } from './small-tenants.ts'
import type { VectorsResult } from './vectors.ts'

export type Report = {
  server: Server
  cores: number
  corpora: CorpusResult[]
  classes: ClassesResult[]
  cold: ColdResult
  indexing: IndexingResult
  tenants?: TenantsResult
  smallTenants?: SmallTenantsResult
  vectors?: VectorsResult
  hybrid?: HybridResult
  requests: RequestsResult
}

export function differencesOf(report: Report): string[] {
  return [
    ...report.corpora.flatMap(({ corpus, chunks, sets }) =>
      sets.flatMap(({ set, differences }) => differences.map((line) => `${corpus}, ${chunks} chunks, ${set}: ${line}`)),
    ),
    ...report.classes.flatMap(({ chunks, classes }) =>
      classes.flatMap(({ name, differences }) => differences.map((line) => `${chunks} chunks, ${name}: ${line}`)),
    ),
  ]
}

export function latencyOf(result: CorpusResult, set: string, contender: string): Latency | undefined {
  return result.sets.find((other) => other.set === set)?.latencies.find((other) => other.contender === contender)
}

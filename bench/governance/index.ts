// npm run bench -- governance: what it costs that everything is recorded, sealed and checked. A part a file.

import { z } from 'zod'
import { type Measurement, whole } from '../command.ts'
import { table } from '../format.ts'
import { measureAudit } from './audit.ts'

const options = z.object({ rounds: whole(1, 1000), rows: whole(10, 1_000_000), entries: whole(1_000, 100_000_000) })
type Options = z.infer<typeof options>

export type Part = { title: string; head: string[]; rows: string[][]; figures: unknown }

/** New parts are listed here. Each makes its databases on this server (withScratch). */
const parts: [title: string, measure: (url: string, options: Options) => Promise<Part>][] = [
  ['audit', (url, { rounds, rows, entries }) => measureAudit(url, rounds, rows, entries)],
]

export const governance: Measurement<typeof options> = {
  name: 'governance',
  usage: `  --rounds N       repetitions of each measurement (15)
  --rows N         rows that one statement updates (10000)
  --entries N      entries of the audit that are sealed and verified (1000000)`,
  options,
  defaults: {
    rounds: { usual: '15', smallest: '1' },
    rows: { usual: '10000', smallest: '100' },
    entries: { usual: '1000000', smallest: '1000' },
  },
  measure: async ({ url, server, cores, part }, chosen) => {
    const done: Part[] = []
    for (const [title, measure] of parts) done.push(await part(title, () => measure(url, chosen)))
    const head = `# Governance\n\n${server.engine}, pgvector ${server.pgvector}, ${cores} cores.\n`
    const sections = done.map(({ title, head: columns, rows }) => `## ${title}\n\n${table(columns, rows)}\n`)
    return { markdown: [head, ...sections].join('\n'), json: { server, cores, parts: done } }
  },
}

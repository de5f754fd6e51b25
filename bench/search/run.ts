// npm run bench -- search: runs the measurements one after the other.

import { z } from 'zod'
import { type Measurement, whole, wholes } from '../command.ts'
import { toBars } from './bars.ts'
import { toSvg } from './chart.ts'
import { type ClassesResult, measureClasses } from './classes.ts'
import { measureCold } from './cold.ts'
import { makeTexts, readCollection } from './corpus.ts'
import { measureHybrid } from './hybrid.ts'
import { measureIndexing } from './indexing.ts'
import { type CorpusResult, measureCorpus, measureTenants } from './parts.ts'
import { toMarkdown } from './report.ts'
import { measureRequests } from './requests.ts'
import { differencesOf, type Report } from './results.ts'
import { measureSmallTenants } from './small-tenants.ts'
import { measureVectors } from './vectors.ts'

/** Three whole blocks of the index. */
const indexedChunks = 48_000
/** The largest tenant of fewer would not go through the index. */
const fewestVectors = 20_000
const fewestChunks = 2_000
const mostSilences = 3

const noneOr = (least: number, most: number) =>
  whole(0, most).refine((value) => value === 0 || value >= least, `none or at least ${least}`)

const options = z.object({
  sizes: wholes(fewestChunks, 10_000_000),
  classes: wholes(0, 10_000_000).refine(
    (sizes) => sizes.every((size) => size === 0 || size >= fewestChunks),
    `0 or at least ${fewestChunks}`,
  ),
  peer: z.union([z.literal(''), z.url({ protocol: /^postgres(ql)?$/ })]).transform((url) => url || undefined),
  silence: whole(0, 3_600),
  queries: whole(1, 10_000),
  rounds: whole(1, 100),
  runs: whole(1, 100_000),
  tenants: noneOr(2, 100_000),
  vectors: noneOr(fewestVectors, 10_000_000),
  hybrid: noneOr(fewestChunks, 10_000_000),
})

export const search: Measurement<typeof options> = {
  name: 'search',
  takesFolder: true,
  usage: `  DIR              a folder with docs.jsonl and queries.jsonl, measured as well
  --sizes N,N      chunks of the made corpora (50000,500000)
  --classes N,N    chunks of the tenants that are asked every class of question, 0 to leave it out (50000)
  --peer URL       a login that may create extensions, on a server with pg_textsearch or pg_search, to ask them as well
  --silence N      seconds without a request before a search that is to be fast all the same (60)
  --queries N      queries of each kind (50)
  --rounds N       rounds of indexing (3)
  --runs N         searches measured in each way around a search (300)
  --tenants N      tenants of 200 to 1,000 chunks, asked and weighed, 0 to leave them out (1000)
  --vectors N      vectors of 64 dimensions, 0 to leave them out (200000)
  --hybrid N       chunks to search by words and vectors, 0 to leave them out (100000)`,
  options,
  defaults: {
    sizes: { usual: '50000,500000', smallest: String(fewestChunks) },
    classes: { usual: '50000', smallest: String(fewestChunks) },
    peer: { usual: '', smallest: '' },
    silence: { usual: '60', smallest: '0' },
    queries: { usual: '50', smallest: '1' },
    rounds: { usual: '3', smallest: '1' },
    runs: { usual: '300', smallest: '1' },
    tenants: { usual: '1000', smallest: '2' },
    vectors: { usual: '200000', smallest: String(fewestVectors) },
    hybrid: { usual: '100000', smallest: String(fewestChunks) },
  },
  measure: async ({ url, server, cores, part }, chosen, folder) => {
    const { sizes, classes, peer, silence, queries, rounds, runs, tenants, vectors, hybrid } = chosen
    const collection = folder ? await readCollection(folder) : undefined
    const corpora: CorpusResult[] = []
    for (const count of sizes) {
      const corpus = { name: 'made', texts: makeTexts(), count }
      corpora.push(await part(`a made corpus of ${count} chunks`, () => measureCorpus(url, corpus, queries)))
    }
    if (collection) {
      const { name, texts, questions } = collection
      const corpus = { name, texts, count: texts.length, questions }
      corpora.push(await part(`${name}, ${texts.length} chunks`, () => measureCorpus(url, corpus, queries)))
    }
    const asked: ClassesResult[] = []
    for (const count of classes.filter((size) => size > 0)) {
      const name = `every class, ${count} chunks`
      asked.push(await part(name, () => measureClasses(url, count, queries, peer)))
    }
    const indexed = Math.min(indexedChunks, sizes.at(-1) ?? indexedChunks)
    const report: Report = {
      server,
      cores,
      corpora,
      classes: asked,
      cold: await part('cold', () => measureCold(url, Math.min(runs, mostSilences), silence)),
      indexing: await part(`indexing ${indexed} chunks`, () => measureIndexing(url, indexed, rounds)),
      ...(tenants > 0
        ? {
            tenants: await part(`${tenants} tenants`, () => measureTenants(url, tenants, queries)),
            smallTenants: await part(`${tenants} small tenants`, () => measureSmallTenants(url, tenants)),
          }
        : {}),
      ...(vectors > 0
        ? { vectors: await part(`${vectors} vectors`, () => measureVectors(url, vectors, 2 * queries)) }
        : {}),
      ...(hybrid > 0
        ? { hybrid: await part(`hybrid, ${hybrid} chunks`, () => measureHybrid(url, hybrid, queries)) }
        : {}),
      requests: await part('around a search', () => measureRequests(url, runs)),
    }
    const differences = differencesOf(report)
    return {
      markdown: toMarkdown(report),
      json: { ...report, bars: toBars(report) },
      svg: toSvg(corpora),
      ...(differences.length > 0 ? { fault: `${differences.length} rankings differ:\n${differences.join('\n')}` } : {}),
    }
  },
}

// npm run ingest -- --tenant acme --source "Handbook" PATH…: loads files and folders into a knowledge source and waits
// until they are searchable. Running it again does what is left to do.

import { parseArgs } from 'node:util'
import { Presets, SingleBar } from 'cli-progress'
import { required, withTool } from '../server/cli.ts'
import { createPool } from '../server/database.ts'
import { assumptionsOf, findOrCreateSource, loadFiles } from '../server/ingest.ts'
import { hintsOf } from '../server/parsers/index.ts'
import { operatorIdentity } from '../server/seed.ts'
import { processSource } from '../server/worker/drain.ts'

const usage = `npm run ingest -- --tenant SLUG --source NAME [options] PATH…
  PATH             files (docs/files.md lists the types), or folders of them (without what begins with a dot)
                   A file is known by its path below the folder that all PATHs share, a row by its file and its id.
  --as EMAIL       the member who adds them (the tenant's first owner)
  --language TAG   language of a new source, such as en or zh-Hant; each document's own when left out
  --model NAME     embedding model of a new source (hashing-384)
  --chunk-size N   characters of a chunk of a new source (1000)
  --encoding NAME  of text files that are not UTF-8, such as windows-1252 or shift_jis (recognised)
  --separator C    of the values in CSV, one character or tab (found)
  --prune          delete the documents of the source that are not among the files, such as those of renamed ones`

const mostProblems = 50

await withTool(async ({ config, database, pool }) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      tenant: { type: 'string' },
      source: { type: 'string' },
      as: { type: 'string' },
      language: { type: 'string' },
      model: { type: 'string' },
      'chunk-size': { type: 'string' },
      encoding: { type: 'string' },
      separator: { type: 'string' },
      prune: { type: 'boolean', default: false },
    },
  })
  const tenant = required(values.tenant, usage)
  const source = required(values.source, usage)
  required(positionals[0], usage)

  const actor = await operatorIdentity(pool, tenant, values.as)
  const sourceId = await findOrCreateSource(pool, actor, source, {
    ...(values.language ? { language: values.language } : {}),
    ...(values.model ? { embeddingModel: values.model } : {}),
    ...(values['chunk-size'] ? { chunkSize: Number(values['chunk-size']) } : {}),
  })
  const workerPool = createPool(database.url, 'rowhouse_worker', 4, { isEmbedded: database.isEmbedded })
  const bar = new SingleBar(
    {
      format: '{step} {bar} {value}/{total} | {eta_formatted}',
      noTTYOutput: true,
      notTTYSchedule: 5000,
      hideCursor: true,
    },
    Presets.shades_classic,
  )
  const started = performance.now()
  try {
    bar.start(1, 0, { step: 'Loading   ' })
    const report = await loadFiles(pool, actor, sourceId, positionals, {
      prune: values.prune,
      hints: hintsOf(values.encoding, values.separator),
      onProgress: (soFar) => {
        const done = soFar.created + soFar.replaced + soFar.unchanged + soFar.retried + soFar.refused
        bar.setTotal(done)
        bar.update(done)
      },
    })
    const counts = await processSource(
      { config, database, pool, workerPool, actor, sourceId },
      (now) => {
        const total = now.pending + now.processing + now.completed + now.failed
        bar.setTotal(total)
        bar.update(now.completed + now.failed, { step: 'Processing' })
      },
      (trouble) => console.error(`\n  Nothing moves; it is tried again. ${trouble}`),
    )
    bar.stop()
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(
      `\n${report.created} new, ${report.replaced} replaced, ${report.unchanged} unchanged, ${report.retried} tried again, ${report.refused} refused in ${seconds} s.`,
    )
    if (report.gone > 0) {
      console.log(
        report.deleted > 0
          ? `${report.deleted} that are not among these files were deleted.`
          : `${report.gone} of the source are not among these files; --prune deletes them.`,
      )
    }
    for (const { assumed, encoding, separator, count, example } of await assumptionsOf(pool, actor, sourceId)) {
      const what = { encoding: `--encoding ${encoding}`, separator: `--separator "${separator}"` }
      const guesses = assumed.flatMap((one) => what[one as keyof typeof what] ?? [])
      console.log(`${count} documents, such as ${example}, were read as if with ${guesses.join(' and ')}.`)
    }
    console.log(`${source} now has ${counts.completed} searchable documents, ${counts.failed} failed.`)
    const problems = [...report.problems, ...counts.errors]
    for (const problem of problems.slice(0, mostProblems)) console.error(`  ${problem}`)
    if (problems.length > mostProblems) console.error(`  … and ${problems.length - mostProblems} more.`)
    // what was skipped was said; only a load that brought nothing, or was not processed, has failed
    if (counts.failed > 0 || (report.refused > 0 && counts.completed === 0)) process.exitCode = 1
  } finally {
    bar.stop()
    await workerPool.end()
  }
})

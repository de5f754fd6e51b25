// npm run eval -- DIR: loads a test collection (server/evaluation/collection.ts) into a scratch tenant, searches it
// in every mode through app_public.search and prints how good the rankings are; finds better settings; measures what
// quantised vector indexes lose. With --memory FILE: remembers conversations and recalls the turns that answer questions.

import { parseArgs } from 'node:util'
import { required, type Tool, UsageError, withTool } from '../server/cli.ts'
import { readConversations } from '../server/evaluation/conversations.ts'
import { depth } from '../server/evaluation/fusion.ts'
import { measureMemory, tableOf } from '../server/evaluation/memory.ts'
import { measureQuantizations, type Quantization, quantizations } from '../server/evaluation/quantization.ts'
import { type Scratch, withScratchTenant } from '../server/evaluation/scratch.ts'
import { tune } from '../server/evaluation/tune.ts'

const usage = `npm run eval -- DIR [options]
  DIR                   a folder with docs.jsonl, queries.jsonl and qrels.tsv, or in BEIR's layout with corpus.jsonl,
                        queries.jsonl and qrels/test.tsv
  --split NAME          which of the files in BEIR's qrels (test, or the only one)
  --parameters LIST     BM25's k1/b pairs, separated by commas (0.9/0.4,1.2/0.75)
  --language TAG        language of the documents (en)
  --model NAME          embedding model (hashing-384)
  --tune                find k1, b, the fusion and the vectors' weight on half of the queries, report on the other half
  --seed N              another split into halves (1)
  --quantization LIST   instead: recall and size of the model's vector index, of none, halfvec, binary. Builds the
                        model's index anew, of all tenants' vectors, each time; searches are slower meanwhile
npm run eval -- --memory FILE [--model NAME]
  FILE                  conversations with questions (docs/recall.md): recall of the turns that answer them, by words,
                        vectors and both`

const modes = ['bm25', 'vector', 'hybrid'] as const

await withTool(async (tool) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      parameters: { type: 'string', default: '0.9/0.4,1.2/0.75' },
      split: { type: 'string' },
      language: { type: 'string', default: 'en' },
      model: { type: 'string', default: 'hashing-384' },
      tune: { type: 'boolean', default: false },
      seed: { type: 'string', default: '1' },
      quantization: { type: 'string' },
      memory: { type: 'string' },
    },
  })
  // an interrupted measurement still cleans up; a second Ctrl-C ends it at once
  const interruption = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => interruption.abort(new Error('Interrupted.')))
  if (values.memory !== undefined) {
    if (positionals.length > 0 || values.tune || values.quantization) throw new UsageError(`Usage: ${usage}`)
    await measureConversations(tool, required(values.memory, usage), values.model, interruption.signal)
    return
  }
  const directory = required(positionals[0], usage)
  const parameters = values.parameters.split(',').map((pair) => pair.split('/').map(Number) as [number, number])
  const chosen = values.quantization?.split(',') as Quantization[] | undefined
  const seed = Number(values.seed)
  if (!Number.isSafeInteger(seed) || (chosen && (values.tune || chosen.some((name) => !quantizations.includes(name)))))
    throw new UsageError(`Usage: ${usage}`)

  const { split, language, model } = values
  await withScratchTenant(tool, { directory, split, language, model, signal: interruption.signal }, async (scratch) => {
    if (chosen) await measureQuantizations(scratch, chosen)
    else if (values.tune) await tune(scratch, seed)
    else await measureModes(scratch, parameters)
  })
}, 'administrator')

async function measureConversations(tool: Tool, path: string, model: string, signal: AbortSignal): Promise<void> {
  const conversations = await readConversations(path)
  const count = (of: (conversation: (typeof conversations)[number]) => unknown[]): number =>
    conversations.reduce((sum, conversation) => sum + of(conversation).length, 0)
  const questions = count((conversation) => conversation.questions)
  if (questions === 0) throw new Error(`No question of ${path} has evidence among the turns.`)
  console.log(
    `${conversations.length} conversations, ${count(({ turns }) => turns)} turns, ${questions} questions with evidence, ${model}\n`,
  )
  console.log(tableOf(await measureMemory(tool, conversations, model, signal)))
}

async function measureModes(scratch: Scratch, parameters: [number, number][]): Promise<void> {
  const { queries } = scratch
  console.log('mode      k1    b     nDCG@10  recall@100')
  for (const [k1, b] of parameters) {
    await scratch.configure({ k1, b })
    for (const mode of modes) {
      // a page of a hundred: hybrid search fuses the first hundred, as for every page people look at
      const { ndcg, recall } = scratch.figures(queries, await scratch.search(queries, { mode, limit: depth }))
      const cells = [mode.padEnd(8), String(k1).padEnd(4), String(b).padEnd(4), ndcg.toFixed(4).padEnd(7)]
      console.log(`${cells.join('  ')}  ${recall.toFixed(4)}`)
    }
  }
}

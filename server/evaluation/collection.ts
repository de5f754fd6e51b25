// A test collection in a folder: documents, queries, and judgements of which document is relevant to which query. Two layouts
// are read. Ours is docs.jsonl, queries.jsonl and qrels.tsv. BEIR's (github.com/beir-cellar/beir) is corpus.jsonl,
// queries.jsonl and qrels/<split>.tsv, whose first line names its columns, and its ids are called _id.

import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import type { Judgements, Query } from '../evaluation.ts'

export type TestCollection = {
  queries: Query[]
  judgements: Judgements
  /** The documents as a file that ingesting reads; it is there while the work takes. */
  withDocuments: <T>(work: (file: string) => Promise<T>) => Promise<T>
}

const usualSplit = 'test'
/** The first line of BEIR's judgements: query-id, corpus-id and score. */
const namesColumns = /^[^\t]*quer[^\t]*\t[^\t]+\t[a-z]\w*\s*$/i

const id = z.union([z.string().min(1), z.number()]).transform(String)
const named = <S extends z.ZodRawShape>(shape: S) => z.object({ id: id.optional(), _id: id.optional(), ...shape })
const queryShape = named({ text: z.string() })
const documentShape = named({ title: z.string().nullish(), text: z.string().nullish() })

/** The documents' file of a folder, in either layout. */
export function documentsOf(directory: string): { file: string; isBeir: boolean } {
  const [ours, theirs] = [join(directory, 'docs.jsonl'), join(directory, 'corpus.jsonl')]
  if (existsSync(ours)) return { file: ours, isBeir: false }
  if (existsSync(theirs)) return { file: theirs, isBeir: true }
  throw new Error(`${directory} has no documents: neither docs.jsonl nor, as BEIR has it, corpus.jsonl.`)
}

export async function readCollection(directory: string, split?: string): Promise<TestCollection> {
  const { file, isBeir } = documentsOf(directory)
  const judgements = await readJudgements(await judgementsOf(directory, isBeir, split))
  const queries = (await readQueries(join(directory, 'queries.jsonl'))).filter((query) => judgements.has(query.id))
  if (queries.length === 0)
    throw new Error(
      `No query of ${directory} has judgements. The ids of queries.jsonl are those of the first column of qrels.`,
    )
  return {
    queries,
    judgements,
    withDocuments: (work) => (isBeir ? withConverted(file, work) : work(file)),
  }
}

async function judgementsOf(directory: string, isBeir: boolean, split: string | undefined): Promise<string> {
  if (!isBeir) {
    if (split !== undefined) throw new Error(`--split is for BEIR's layout; ${directory} has docs.jsonl and qrels.tsv.`)
    return join(directory, 'qrels.tsv')
  }
  const folder = join(directory, 'qrels')
  const splits = existsSync(folder)
    ? (await readdir(folder)).filter((name) => name.endsWith('.tsv')).map((name) => basename(name, '.tsv'))
    : []
  const chosen = split ?? (splits.length === 1 ? splits[0] : usualSplit)
  if (chosen === undefined || !splits.includes(chosen))
    throw new Error(
      splits.length === 0
        ? `${directory} has no judgements: BEIR's layout has them in qrels/${usualSplit}.tsv.`
        : `${folder} has no ${chosen}.tsv. Choose by --split: ${splits.sort().join(', ')}.`,
    )
  return join(folder, `${chosen}.tsv`)
}

export async function readJudgements(file: string): Promise<Judgements> {
  const judgements: Judgements = new Map()
  for (const [i, line] of (await readFile(file, 'utf8')).split(/\r?\n/).entries()) {
    if (!line.trim()) continue
    const [query, document, grade, ...more] = line.split('\t')
    const isJudgement =
      Boolean(query && document && grade?.trim()) && Number.isFinite(Number(grade)) && more.length === 0
    if (i === 0 && namesColumns.test(line)) continue
    if (!isJudgement || !query || !document)
      throw new Error(
        `${file}, line ${i + 1}: not a query, a document and a grade, separated by tabs: ${line.slice(0, 100)}`,
      )
    if (!judgements.has(query)) judgements.set(query, new Map())
    judgements.get(query)?.set(document, Number(grade))
  }
  if (judgements.size === 0) throw new Error(`${file} has no judgements.`)
  return judgements
}

export async function readQueries(file: string): Promise<Query[]> {
  const queries: Query[] = []
  for await (const { value, at } of linesOf(file, queryShape)) queries.push({ id: idOf(value, at), text: value.text })
  return queries
}

/** BEIR's corpus as lines with id, title and text. A document that has only a title is found by it. */
async function withConverted<T>(file: string, work: (file: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rowhouse-collection-'))
  try {
    const converted = join(folder, 'docs.jsonl')
    await pipeline(Readable.from(convertedLines(file)), createWriteStream(converted))
    return await work(converted)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function* convertedLines(file: string): AsyncGenerator<string> {
  for await (const { value, at } of linesOf(file, documentShape)) {
    const { title, text } = value
    const document = { id: idOf(value, at), title: title ?? '', text: text?.trim() ? text : (title ?? '') }
    yield `${JSON.stringify(document)}\n`
  }
}

function idOf({ id: ours, _id: theirs }: { id?: string | undefined; _id?: string | undefined }, at: string): string {
  const found = ours ?? theirs
  if (found === undefined) throw new Error(`${at}: has neither id nor _id.`)
  return found
}

async function* linesOf<S extends z.ZodType>(
  file: string,
  shape: S,
): AsyncGenerator<{ value: z.output<S>; at: string }> {
  let line = 0
  for await (const text of createInterface({
    input: createReadStream(file, 'utf8'),
    crlfDelay: Number.POSITIVE_INFINITY,
  })) {
    line += 1
    if (!text.trim()) continue
    const at = `${file}, line ${line}`
    const parsed = shape.safeParse(jsonOf(text, at))
    if (!parsed.success) throw new Error(`${at}: ${z.prettifyError(parsed.error)}`)
    yield { value: parsed.data, at }
  }
}

function jsonOf(text: string, at: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${at}: ${(error as Error).message}`)
  }
}

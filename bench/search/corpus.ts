// Texts to search: English-like ones made here, the same on every run, and collections read from a folder. The made ones
// have what a search feels of a language: stop words, words said again within a text, and a vocabulary that grows like
// that of a language: 20,000 chunks have some 32,000 different stems, where English texts have some 25,000 to 30,000.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { documentsOf } from '../../server/evaluation/collection.ts'
import { between, mulberry32, pick, type Random, weighted } from '../random.ts'

const seed = 20_240_229
const vocabularySize = 100_000
const stopWordShare = 0.42
/** Up to this rank a language's words are in everyone's use; beyond it they are somebody's. */
const coreSize = 6_000
/** How often a content word is one of the few words its text is about. */
const topicShare = 0.25

// in about the order of their frequency in English; the english configuration knows all of them as stop words
const stopWords = `the of and to a in is that for it was on as with be by he at from his this are not have but or had an
  they which you were her all she there their we him been has when who will no more if out so what up about its into than
  them can only other some could these do my then very now over me such our your any through after before between where
  most both own under while against because during until above below again further once here how why few each same too`
  .split(/\s+/)
  .filter((word) => word !== 'could')

const onsets = 'b c d f g h j k l m n p r s t v w z bl br ch cl cr dr fl fr gl gr pl pr sk sl sm sp st tr'.split(' ')
const nuclei = 'a e i o u a e i o u ai ea oa ou'.split(' ')
// no ending that the stemmer takes off, so that words stay as far apart as they were made
const codas = 'b f lb lf lk lm lp lt mp n nd pt rb rf rk rm rp sk sp x'.split(' ')

/** 100,000 different words, the more frequent the shorter. */
export function makeVocabulary(): string[] {
  const random = mulberry32(seed)
  const known = new Set(stopWords)
  const words: string[] = []
  while (words.length < vocabularySize) {
    const [shortest, longest] = lengthsAt(words.length)
    // a rank whose words are used up takes a longer one
    for (let attempt = 0; ; attempt++) {
      const word = makeWord(random)
      if (known.has(word) || word.length < shortest || word.length > longest + Math.floor(attempt / 100)) continue
      known.add(word)
      words.push(word)
      break
    }
  }
  return words
}

function lengthsAt(rank: number): [number, number] {
  if (rank < 100) return [3, 4]
  if (rank < 1_000) return [4, 5]
  if (rank < 10_000) return [5, 8]
  return [7, 11]
}

/** One to three syllables. */
function makeWord(random: Random): string {
  let word = ''
  for (let syllables = between(random, 1, 3); syllables > 0; syllables--)
    word += pick(random, onsets) + pick(random, nuclei)
  return word + pick(random, codas)
}

/** Chunks without end; those of a small corpus are the first of a large one. */
export function* makeTexts(): Generator<string> {
  const words = makeVocabulary()
  const random = mulberry32(seed + 1)
  const drawWord = weighted(random, frequencies(words.length, 2.7))
  const drawStopWord = weighted(random, frequencies(stopWords.length, 1.5))
  for (;;) {
    const topic = Array.from({ length: between(random, 3, 6) }, drawWord)
    // 20 to 140 tokens, 60 on average
    const length = 20 + Math.round(120 * Math.min(random(), random()))
    let text = ''
    let left = 0
    for (let i = 0; i < length; i++) {
      const isStopWord = random() < stopWordShare
      const word = isStopWord
        ? stopWords[drawStopWord()]
        : words[random() < topicShare ? pick(random, topic) : drawWord()]
      const isFirst = left === 0
      if (isFirst) left = between(random, 8, 24)
      text += isFirst ? capitalize(word as string) : word
      left--
      text += left === 0 || i === length - 1 ? '. ' : random() < 0.05 ? ', ' : ' '
    }
    yield text.trimEnd()
  }
}

const capitalize = (word: string): string => word[0]?.toUpperCase() + word.slice(1)

/**
 * Zipf's law in its two regimes, 1 / rank in the core and 1 / rank² beyond (Ferrer i Cancho and Solé, Two Regimes in the
 * Frequency of Words and the Origins of Complex Lexicons, 2001), with Mandelbrot's offset for the first ranks.
 */
function frequencies(count: number, offset: number): Float64Array {
  const core = coreSize + offset
  return Float64Array.from({ length: count }, (_, i) => {
    const rank = i + 1 + offset
    return rank <= core ? 1 / rank : core / rank ** 2
  })
}

export type Collection = { name: string; texts: string[]; questions: string[] }

const documentShape = z.object({ title: z.string().optional(), text: z.string() })
const questionShape = z.object({ text: z.string() })

/** A folder with docs.jsonl, or BEIR's corpus.jsonl, and queries.jsonl; a document is a chunk. */
export async function readCollection(directory: string): Promise<Collection> {
  const documents = await readLines(documentsOf(directory).file, documentShape)
  const questions = await readLines(join(directory, 'queries.jsonl'), questionShape)
  return {
    name: directory.replace(/\/+$/, '').replace(/^.*\//, ''),
    texts: documents
      .map(({ title = '', text }) => (text.startsWith(title) ? text : `${title}\n\n${text}`))
      .filter((text) => /\S/.test(text)),
    questions: questions.map(({ text }) => text),
  }
}

async function readLines<T>(path: string, shape: z.ZodType<T>): Promise<T[]> {
  const lines = (await readFile(path, 'utf8')).split('\n').filter((line) => line.trim())
  return lines.map((line, i) => {
    const parsed = shape.safeParse(JSON.parse(line))
    if (!parsed.success) throw new Error(`${path}, line ${i + 1}: ${z.prettifyError(parsed.error)}`)
    return parsed.data
  })
}

// Made turns of a conversation: words by Zipf's law from a vocabulary of English length.

import { between, mulberry32, pick, type Random, weighted } from '../random.ts'

const vocabularySize = 20_000
const syllables = 'ba ce di fo gu ha je ki lo mu na pe ri so tu va we xi yo zu bra cle dri flo gru'.split(' ')

export type Turns = { turn: () => string; question: () => string }

export function makeTurns(seed: number): Turns {
  const random = mulberry32(seed)
  const words = vocabulary(mulberry32(1))
  const draw = weighted(
    random,
    Float64Array.from(words, (_, i) => 1 / (i + 10)),
  )
  const some = (least: number, most: number): string =>
    Array.from({ length: between(random, least, most) }, () => words[draw()]).join(' ')
  return { turn: () => some(6, 18), question: () => `${some(2, 5)}?` }
}

function vocabulary(random: Random): string[] {
  const words = new Set<string>()
  while (words.size < vocabularySize)
    words.add(Array.from({ length: between(random, 2, 4) }, () => pick(random, syllables)).join(''))
  return [...words]
}

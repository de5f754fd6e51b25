// Documents from a web service: source_url answers in JSON with documents as create_documents takes them, {"documents":
// [{"externalId", "title", "text", "metadata"}], "next": address of the next ones}, or with the array alone.

import { z } from 'zod'
import { OutgoingError } from '../outgoing.ts'
import { SourceError, type SourceReader } from './types.ts'

const largestAnswer = 10_485_760
const documents = z.array(
  z.object({
    externalId: z.union([z.string(), z.number()]).transform(String),
    title: z.string().nullish(),
    text: z.string(),
    metadata: z.record(z.string(), z.unknown()).nullish(),
  }),
)
const answerShape = z.union([
  documents.transform((found) => ({ documents: found, next: null })),
  z.object({ documents, next: z.string().nullish() }),
])

export const apiReader: SourceReader = {
  async *read({ url }, { outgoing, known, mostPages, signal }) {
    if (url === null) throw new SourceError('A source of the type api needs an address. Set sourceUrl.')
    const asked = new Set<string>()
    let count = 0
    for (let next: string | null = url; next !== null; ) {
      // a service that repeats itself would never end
      if (asked.has(next)) throw new SourceError('The service names an address as the next one twice.')
      asked.add(next)
      const answer: z.infer<typeof answerShape> = await ask(next)
      for (const { externalId, title = null, text, metadata } of answer.documents) {
        count += 1
        if (count > mostPages) {
          yield { kind: 'unlisted', externalId: url, error: `There are more than ${mostPages} documents (maxPages).` }
          return
        }
        if (!(await known(externalId)).isDone) yield { kind: 'text', externalId, title, text, metadata: metadata ?? {} }
      }
      next = nextOf(next, answer.next)
    }

    async function ask(address: string): Promise<z.infer<typeof answerShape>> {
      const accepts = (type: string): boolean => /^application\/([\w.-]+\+)?json$/.test(type)
      const headers = { accept: 'application/json' }
      try {
        const { status, bytes } = await outgoing.get(address, { largestBytes: largestAnswer, headers, accepts, signal })
        if (status !== 200) throw new SourceError(`The service answered ${status}.`)
        const parsed = answerShape.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')))
        if (!parsed.success) throw new SourceError('The service answered with something that is no list of documents.')
        return parsed.data
      } catch (error) {
        if (error instanceof OutgoingError) throw new SourceError(error.message)
        if (error instanceof SyntaxError) throw new SourceError('The service answered with something that is not JSON.')
        throw error
      }
    }
  },
}

function nextOf(current: string, next: string | null | undefined): string | null {
  if (next == null || next === '') return null
  if (!URL.canParse(next, current) || new URL(next, current).origin !== new URL(current).origin)
    throw new SourceError('The service names an address of another host as the next one.')
  return new URL(next, current).href
}

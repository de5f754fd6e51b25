// Sources of the type confluence: the pages of the wiki at source_url that can be read without an account.

import { z } from 'zod'
import { OutgoingError } from '../../../server/outgoing.ts'
import { SourceError, type SourceReader } from '../../../server/sources/types.ts'

const pagesAtOnce = 50
const largestAnswer = 20_000_000
const answerShape = z.object({
  results: z.array(
    z.object({ id: z.string(), title: z.string(), body: z.object({ storage: z.object({ value: z.string() }) }) }),
  ),
})
const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

export const reader: SourceReader = {
  async *read({ url }, { outgoing, known, mostPages, signal }) {
    for (let start = 0; ; start += pagesAtOnce) {
      const address = `${url}/rest/api/content?type=page&expand=body.storage&limit=${pagesAtOnce}&start=${start}`
      const { bytes } = await outgoing.get(address, { largestBytes: largestAnswer, signal }).catch((error: unknown) => {
        throw error instanceof OutgoingError ? new SourceError(error.message) : error
      })
      const answer = answerShape.safeParse(JSON.parse(Buffer.from(bytes).toString() || 'null'))
      if (!answer.success) throw new SourceError('The wiki did not answer with pages.')
      for (const [i, { id, title, body }] of answer.data.results.entries()) {
        if (start + i >= mostPages)
          return yield { kind: 'unlisted', externalId: id, error: 'There are more pages (maxPages).' }
        if ((await known(id)).isDone) continue
        const page = Buffer.from(`<title>${escaped(title)}</title>${body.storage.value}`)
        const file = { fileName: `${id}.html`, mediaType: 'text/html; charset=utf-8', bytes: page }
        yield { kind: 'file', externalId: id, ...file, metadata: {}, etag: null, lastModified: null }
      }
      if (answer.data.results.length < pagesAtOnce) return
    }
  },
}

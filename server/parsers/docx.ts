// Word: the body, then what stands beside it: notes, comments, text of charts and diagrams, and each header and footer once.

import type { Archive } from './archive.ts'
import { bodyOf, propertiesOf, relationshipsOf } from './office.ts'
import type { Content } from './types.ts'

const beside = ['footnotes', 'endnotes', 'comments', 'header', 'footer', 'diagramData', 'chart']

export async function parseDocx(archive: Archive, part: string): Promise<Content> {
  const { title, metadata } = await propertiesOf(archive, 'docProps/core.xml')
  const body = await bodyOf((await archive.read(part)) ?? new Uint8Array())
  const texts = [body.text]
  const relationships = await relationshipsOf(archive, part)
  for (const type of beside) {
    for (const target of new Set(relationships.filter((one) => one.type === type).map((one) => one.target))) {
      const bytes = await archive.read(target)
      if (bytes) texts.push((await bodyOf(bytes)).text)
    }
  }
  return { title: title ?? body.heading, text: [...new Set(texts)].filter(Boolean).join('\n\n'), metadata }
}

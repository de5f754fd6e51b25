// PowerPoint: slide after slide in the order of the show, each with its notes, comments, charts and diagrams.

import type { Archive } from './archive.ts'
import { bodyOf, propertiesOf, relationshipsOf } from './office.ts'
import type { Content } from './types.ts'
import { prefixed, readXml } from './xml.ts'

const beside = /^(notesSlide|comments|diagramData|chart)$/

export async function parsePptx(archive: Archive, part: string): Promise<Content> {
  const { title, metadata } = await propertiesOf(archive, 'docProps/core.xml')
  const slides = await slidesOf(archive, part)
  const texts: string[] = []
  let heading: string | undefined
  for (const slide of slides) {
    const bytes = await archive.read(slide)
    if (!bytes) continue
    const body = await bodyOf(bytes)
    heading ??= body.heading
    texts.push(body.text)
    for (const { type, target } of await relationshipsOf(archive, slide)) {
      const other = beside.test(type) ? await archive.read(target) : undefined
      if (other) texts.push((await bodyOf(other)).text)
    }
  }
  return {
    title: title ?? heading,
    text: texts.filter(Boolean).join('\n\n'),
    metadata: { ...metadata, slideCount: slides.length },
  }
}

async function slidesOf(archive: Archive, part: string): Promise<string[]> {
  const targets = new Map((await relationshipsOf(archive, part)).map(({ id, target }) => [id, target]))
  const slides: string[] = []
  await readXml((await archive.read(part)) ?? new Uint8Array(), {
    open(name, attributes) {
      const target = name === 'sldId' ? targets.get(prefixed(attributes, 'id') ?? '') : undefined
      if (target) slides.push(target)
    },
  })
  return slides
}

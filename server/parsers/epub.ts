// EPUB: the chapters in the order of the book, which are XHTML.

import { posix } from 'node:path'
import { type Archive, damaged, encrypted } from './archive.ts'
import { declaredInMarkup, decode } from './decode.ts'
import { parseHtml } from './html.ts'
import type { Content } from './types.ts'
import { attribute, firstTexts, readXml } from './xml.ts'

export async function parseEpub(archive: Archive): Promise<Content> {
  await refuseEncrypted(archive)
  const packagePart = await packageOf(archive)
  const bytes = await archive.read(packagePart)
  if (!bytes) throw damaged()
  const { title, creator, language } = await firstTexts(bytes, ['title', 'creator', 'language'])
  const texts: string[] = []
  for (const chapter of await chaptersOf(bytes, packagePart)) {
    const content = await archive.read(chapter)
    if (!content) continue
    const { text } = await decode(content, { declared: declaredInMarkup(content) })
    texts.push(parseHtml(withEnds(text)).text)
  }
  return {
    title: title?.trim(),
    text: texts.filter(Boolean).join('\n\n'),
    metadata: {
      ...(creator?.trim() ? { author: creator.trim() } : {}),
      ...(language?.trim() ? { language: language.trim() } : {}),
    },
  }
}

/** Fonts may be scrambled, which hides no text; chapters that are encrypted are sold for one reader's device. */
async function refuseEncrypted(archive: Archive): Promise<void> {
  const bytes = await archive.read('META-INF/encryption.xml')
  if (!bytes) return
  await readXml(bytes, {
    open(name, attributes) {
      const part = name === 'CipherReference' ? attribute(attributes, 'URI') : undefined
      if (part && /\.(x?html?|xml|opf)$/i.test(part)) throw encrypted()
    },
  })
}

async function packageOf(archive: Archive): Promise<string> {
  const container = await archive.read('META-INF/container.xml')
  let part: string | undefined
  if (container) {
    await readXml(container, {
      open(name, attributes) {
        if (name === 'rootfile') part ??= attribute(attributes, 'full-path')
      },
    })
  }
  return part ?? archive.names.find((name) => name.endsWith('.opf')) ?? ''
}

async function chaptersOf(bytes: Uint8Array, packagePart: string): Promise<string[]> {
  const parts = new Map<string, string>()
  const chapters: string[] = []
  await readXml(bytes, {
    open(name, attributes) {
      const href = attribute(attributes, 'href')
      if (name === 'item' && href) parts.set(attribute(attributes, 'id') ?? '', href)
      const chapter = name === 'itemref' ? parts.get(attribute(attributes, 'idref') ?? '') : undefined
      if (chapter) chapters.push(posix.join(posix.dirname(packagePart), unescaped(chapter)))
    },
  })
  return [...new Set(chapters)]
}

function unescaped(address: string): string {
  try {
    return decodeURIComponent(address.split('#', 1)[0] ?? '')
  } catch {
    return address
  }
}

/** In XHTML <title/> is a whole element; HTML takes it for a beginning, and all that follows for the title. */
export const withEnds = (xhtml: string): string =>
  xhtml.replaceAll(
    /<(title|script|style|textarea|iframe|noscript|template|a|p|div|span|td|th|tr|i|b|em|strong|svg|table|ul|ol|li|h[1-6])((?:\s[^<>]{0,2000})?)\/>/gi,
    '<$1$2></$1>',
  )

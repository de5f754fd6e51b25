// Markdown: its readable text by way of HTML, with headings and paragraphs on lines of their own.

import { marked } from 'marked'
import { htmlToText } from './html.ts'
import type { Content } from './types.ts'

export function parseMarkdown(source: string): Content {
  // front matter is data about the text
  const body = source.replace(/^---\r?\n[\s\S]*?\r?\n---\r?\n/, '')
  const heading = marked.lexer(body).find((token) => token.type === 'heading')
  const text = htmlToText(marked.parse(body, { async: false }))
  return { title: heading && 'text' in heading ? htmlToText(heading.text) : undefined, text }
}

// E-mail: who wrote what to whom, and the attachments that can be read.

import PostalMime, { type Address, type Attachment } from 'postal-mime'
import { encrypted } from './archive.ts'
import { ParseError } from './error.ts'
import { parseHtml } from './html.ts'
import type { Content } from './types.ts'

const mostAttachments = 100
const deepest = 100

/** Reads an attachment; undefined when it is of no type that is read. */
export type ReadAttachment = (name: string, mediaType: string, bytes: Uint8Array) => Promise<Content | undefined>

export async function parseEml(bytes: Uint8Array, readAttachment: ReadAttachment): Promise<Content> {
  const mail = await PostalMime.parse(bytes, { maxNestingDepth: deepest, attachmentEncoding: 'arraybuffer' })
  if (mail.headers.length === 0) throw new ParseError('unreadable', 'The file is no e-mail: it has no headers.')
  const body = mail.text?.trim() ? mail.text : parseHtml(mail.html ?? '').text
  if (!body.trim() && mail.attachments.some(({ mimeType }) => /pkcs7-mime|pgp-encrypted/.test(mimeType)))
    throw encrypted()
  const head = [
    ['From', list(mail.from ? [mail.from] : [])],
    ['To', list(mail.to)],
    ['Cc', list(mail.cc)],
    ['Date', mail.date ?? ''],
    ['Subject', mail.subject ?? ''],
  ]
  const named = mail.attachments.filter(({ related, disposition }) => !related || disposition === 'attachment')
  const texts = [
    head
      .filter(([, value]) => value)
      .map((line) => line.join(': '))
      .join('\n'),
    body.trim(),
  ]
  for (const attachment of named.slice(0, mostAttachments)) texts.push(await attachmentText(attachment, readAttachment))
  return {
    title: mail.subject,
    text: texts.filter(Boolean).join('\n\n'),
    metadata: {
      ...(mail.from ? { author: list([mail.from]).slice(0, 1000) } : {}),
      ...(mail.date ? { date: mail.date.slice(0, 100) } : {}),
      ...(named.length > 0 ? { attachments: named.slice(0, mostAttachments).map(nameOf) } : {}),
    },
  }
}

function list(addresses: Address[] | undefined): string {
  return (addresses ?? [])
    .flatMap((one) => (one.group ? one.group : [one]))
    .map(({ name, address }) => (name && address ? `${name} <${address}>` : name || address || ''))
    .filter(Boolean)
    .join(', ')
}

const nameOf = ({ filename, mimeType }: Attachment): string => (filename ?? mimeType).slice(0, 255)

/** An attachment that cannot be read is named with the reason; the mail is read all the same. */
async function attachmentText(attachment: Attachment, read: ReadAttachment): Promise<string> {
  const name = nameOf(attachment)
  try {
    const content = await read(name, attachment.mimeType, new Uint8Array(attachment.content as ArrayBuffer))
    return content ? `Attachment ${name}\n\n${content.text}` : `Attachment ${name}`
  } catch (error) {
    if (error instanceof ParseError) return `Attachment ${name} (not read: ${error.message})`
    throw error
  }
}

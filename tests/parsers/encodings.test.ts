// Text in the encodings of its time: read when told, declared or recognised, and never guessed in silence.

import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { ParseError, parse } from '../../server/parsers/index.ts'

/** What each language wrote in before UTF-8, as iconv names the encoding and as the standard of the web does. */
const samples: [iconv: string, encoding: string, text: string][] = [
  ['WINDOWS-1252', 'windows-1252', 'Der Laden öffnet um neun Uhr. „Größere“ Wohnungen – über 50 m² – kosten mehr.'],
  ['ISO-8859-1', 'iso-8859-15', "Le délai de résiliation est de trois mois. Les élèves ont été reçus à l'école."],
  [
    'WINDOWS-1250',
    'windows-1250',
    'Termin wypowiedzenia umowy najmu wynosi trzy miesiące. Świadczenia są wypłacane dzieciom.',
  ],
  ['ISO-8859-2', 'iso-8859-2', 'Příliš žluťoučký kůň úpěl ďábelské ódy. Výpovědní lhůta činí tři měsíce.'],
  ['WINDOWS-1251', 'windows-1251', 'Возврат товара возможен в течение семи дней. Сохраните чек.'],
  ['KOI8-R', 'koi8-r', 'Возврат товара возможен в течение семи дней. Сохраните чек.'],
  ['ISO-8859-5', 'iso-8859-5', 'Возврат товара возможен в течение семи дней. Сохраните чек.'],
  ['ISO-8859-7', 'iso-8859-7', 'Η επιστροφή των προϊόντων είναι δυνατή εντός επτά ημερών.'],
  [
    'WINDOWS-1254',
    'windows-1254',
    'İade süresi yedi gündür. Lütfen fişi saklayınız. Çocuklar için özel şartlar geçerlidir.',
  ],
  ['WINDOWS-1255', 'windows-1255', 'ניתן להחזיר את המוצר בתוך שבעה ימים. נא לשמור את הקבלה.'],
  ['WINDOWS-1256', 'windows-1256', 'يمكن إرجاع المنتج خلال سبعة أيام. يرجى الاحتفاظ بالإيصال.'],
  ['SHIFT_JIS', 'shift_jis', '返品は七日以内です。レシートを保管してください。'],
  ['EUC-JP', 'euc-jp', '返品は七日以内です。レシートを保管してください。'],
  ['ISO-2022-JP', 'iso-2022-jp', '返品は七日以内です。'],
  ['GBK', 'gb18030', '退款政策说明：七天之内可以申请退款，请保留收据。'],
  ['BIG5', 'big5', '退款政策說明：七天之內可以申請退款，請保留收據。'],
  ['EUC-KR', 'euc-kr', '반품은 칠일 이내에 가능합니다. 영수증을 보관해 주세요.'],
  ['CP874', 'windows-874', 'สามารถคืนสินค้าได้ภายในเจ็ดวัน กรุณาเก็บใบเสร็จไว้'],
]
const encoded = (iconv: string, text: string): Buffer =>
  execFileSync('iconv', ['-f', 'UTF-8', '-t', iconv], { input: text })

async function problem(name: string, bytes: Uint8Array, mediaType?: string): Promise<ParseError> {
  const error = await parse({ name, bytes, ...(mediaType ? { mediaType } : {}) }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(ParseError)
  return error as ParseError
}

describe('an encoding that is not told', () => {
  it.each(samples)('%s is recognised, and said to be a guess', async (iconv, encoding, text) => {
    expect(await parse({ name: 'a.txt', bytes: encoded(iconv, text) })).toEqual({
      title: 'a.txt',
      text,
      metadata: { encoding, assumed: ['encoding'] },
    })
  })

  it.each(['UTF-16LE', 'UTF-16BE'])('%s is recognised without its mark', async (iconv) => {
    const { text, metadata } = await parse({ name: 'a.txt', bytes: encoded(iconv, 'Grüße aus Köln') })
    expect(text).toBe('Grüße aus Köln')
    expect(metadata).toEqual({ encoding: iconv.toLowerCase().replace('utf-16', 'utf-16'), assumed: ['encoding'] })
  })

  it('is recognised by what comes late in a long file', async () => {
    const bytes = Buffer.concat([
      Buffer.from('plain line\n'.repeat(100_000)),
      encoded('KOI8-R', 'Сохраните чек, пожалуйста.'),
    ])
    expect((await parse({ name: 'a.txt', bytes })).text).toContain('Сохраните чек')
  })
})

describe('an encoding that is told', () => {
  it.each(samples)('as the charset %s of the media type is no guess', async (iconv, encoding, text) => {
    const { text: read, metadata } = await parse({
      name: 'a.txt',
      mediaType: `text/plain; charset=${encoding}`,
      bytes: encoded(iconv, text),
    })
    expect(read).toBe(text)
    expect(metadata).toEqual({ encoding })
  })

  it('by the document itself is believed', async () => {
    const bytes = encoded('KOI8-R', '<html><head><meta charset="koi8-r"></head><body>Да</body></html>')
    expect(await parse({ name: 'a.html', bytes })).toMatchObject({ text: 'Да', metadata: { encoding: 'koi8-r' } })
  })

  it('by the document is not believed when the bytes are UTF-8', async () => {
    const bytes = Buffer.from('<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1"><p>Grüße')
    expect(await parse({ name: 'a.html', bytes })).toMatchObject({ text: 'Grüße', metadata: {} })
  })

  it('wrongly is refused', async () => {
    expect((await problem('a.txt', Buffer.from([0x80, 0x81, 0xff]), 'text/plain; charset=shift_jis')).code).toBe(
      'bad_encoding',
    )
    expect((await problem('a.txt', Buffer.from('Grüße', 'latin1'), 'text/plain; charset=utf-8')).code).toBe(
      'bad_encoding',
    )
  })
})

describe('a file in no encoding', () => {
  it('that was UTF-8 and is damaged is refused, naming the first bad byte', async () => {
    const { code, message } = await problem('a.txt', Buffer.from('Mähne 世').subarray(0, 9))
    expect(code).toBe('bad_encoding')
    expect(message).toContain('byte 7 ')
    const mixed = Buffer.concat([Buffer.from('Grüße aus Köln, '), Buffer.from('schöne', 'latin1')])
    expect((await problem('a.txt', mixed)).message).toContain('byte 22 ')
  })

  it('that has control characters is refused', async () => {
    expect((await problem('a.txt', Buffer.from([0x01, 0x02, 0xe4, 0x20, 0xff, 0x03]))).code).toBe('bad_encoding')
    expect((await problem('a.txt', Buffer.from('a\0b'))).code).toBe('nul_bytes')
  })
})

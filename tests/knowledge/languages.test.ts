// Languages: what their tags mean, how they are detected, and in which a question is read.

import { describe, expect, it } from 'vitest'
import { type Transaction, useDatabase } from '../helpers/index.ts'
import { addDocuments, createSource, processDocuments, search } from '../helpers/knowledge.ts'

const db = useDatabase()

describe('a language tag', () => {
  it.each([
    ['en', 'english'],
    ['en-GB', 'english'],
    ['eng', 'english'],
    ['DE-at', 'german'],
    ['nb', 'norwegian'],
    ['nn-NO', 'norwegian'],
    ['pt-BR', 'portuguese'],
    ['ar-EG', 'arabic'],
    ['hi', 'hindi'],
    ['sr-Latn-RS', 'serbian'],
    ['est', 'simple'],
    ['et', 'simple'],
    ['fil', 'simple'],
    ['fil-PH', 'simple'],
    ['swa', 'simple'],
    ['arc', 'simple'],
    ['enm', 'simple'],
    ['zh-Hant-TW', 'simple'],
    ['he', 'simple'],
    ['und', 'simple'],
    [null, 'simple'],
  ])('%s is read as %s', async (tag, config) => {
    const { rows } = await db.pool.query('select knowledge.text_search_config($1)::text as config', [tag])
    expect(rows).toEqual([{ config }])
  })

  it('of a source is one of BCP 47', () =>
    db.inTransaction(async (t) => {
      for (const language of [
        'zh-Hant-TW',
        'fil',
        'es-419',
        'sl-rozaj-biske',
        'de-CH-1901',
        'en-a-bbb-x-a',
        'zh-yue-HK',
        'x'.repeat(2),
      ])
        await createSource(t, db.acme.member, { language })
      for (const language of [
        '',
        'e',
        'english',
        'en_US',
        'en-',
        'en--GB',
        '12',
        'en-GB-',
        'en-x',
        `en-${'x'.repeat(40)}`,
        'dé',
      ])
        expect(
          await t.errorCode('insert into app_public.rag_knowledge_sources (name, language) values ($1, $2)', [
            language || '-',
            language,
          ]),
          language,
        ).toBe('23514')
    }))
})

const samples: Record<string, string> = {
  en: 'The tenant has to pay the rent on the first day of the month, and the landlord must keep the house in a good state.',
  de: 'Der Mieter hat die Miete am ersten Tag des Monats zu zahlen, und der Vermieter muss das Haus in einem guten Zustand halten.',
  fr: 'Le locataire doit payer le loyer le premier jour du mois, et le propriétaire doit maintenir la maison en bon état.',
  es: 'El inquilino tiene que pagar el alquiler el primer día del mes, y el dueño debe mantener la casa en buen estado.',
  pt: 'O inquilino tem de pagar a renda no primeiro dia do mês, e o senhorio deve manter a casa em bom estado, como foi dito.',
  it: 'L’inquilino deve pagare l’affitto il primo giorno del mese, e il proprietario deve tenere la casa in buono stato con cura.',
  nl: 'De huurder moet de huur op de eerste dag van de maand betalen, en de verhuurder moet het huis in een goede staat houden.',
  sv: 'Hyresgästen ska betala hyran den första dagen i månaden, och hyresvärden måste hålla huset i ett gott skick för alla.',
  da: 'Lejeren skal betale huslejen på den første dag af måneden, og udlejeren skal holde huset i en god stand, når det er nødvendigt for dem.',
  nb: 'Leietakeren skal betale leien på den første dagen av måneden, og utleieren må holde huset i god stand etter avtale, når det ikke er nytt.',
  fi: 'Vuokralaisen on maksettava vuokra kuukauden ensimmäisenä päivänä, ja vuokranantajan on pidettävä talo hyvässä kunnossa, mutta se ei ole aina niin.',
  hu: 'A bérlőnek a hónap első napján kell fizetnie a bérleti díjat, és a bérbeadónak jó állapotban kell tartania a házat, hogy ne legyen baj.',
  tr: 'Kiracı ayın ilk günü kirayı ödemek zorundadır ve ev sahibi evi iyi durumda tutmalıdır; bu çok önemli bir kural ama her zaman değil.',
  ro: 'Chiriașul trebuie să plătească chiria în prima zi a lunii, iar proprietarul trebuie să mențină casa în stare bună, pentru că este a lui.',
  pl: 'Najemca musi zapłacić czynsz w pierwszym dniu miesiąca, a właściciel musi utrzymać dom w dobrym stanie, co nie jest trudne dla nikogo.',
  cs: 'Nájemce musí zaplatit nájem v první den měsíce a pronajímatel se musí starat o dům, aby byl v dobrém stavu, což není pro každého.',
  id: 'Penyewa harus membayar sewa pada hari pertama bulan itu, dan pemilik harus menjaga rumah dalam keadaan baik untuk semua orang yang tinggal di sana.',
  vi: 'Người thuê phải trả tiền thuê vào ngày đầu tiên của tháng và chủ nhà phải giữ cho ngôi nhà trong tình trạng tốt.',
  fil: 'Ang nangungupahan ay dapat magbayad ng upa sa unang araw ng buwan, at ang may-ari ay dapat panatilihin ang bahay na nasa mabuting kalagayan para sa mga tao.',
  et: 'Üürnik peab maksma üüri kuu esimesel päeval ja omanik peab hoidma maja heas korras, kui see on tema oma, aga mitte alati ei ole nii.',
  ru: 'Арендатор должен платить за жильё в первый день месяца, а владелец обязан содержать дом в хорошем состоянии.',
  uk: 'Орендар має сплачувати орендну плату в перший день місяця, а власник повинен утримувати будинок у доброму стані.',
  el: 'Ο ενοικιαστής πρέπει να πληρώνει το ενοίκιο την πρώτη ημέρα του μήνα.',
  ar: 'يجب على المستأجر أن يدفع الإيجار في اليوم الأول من الشهر.',
  fa: 'مستأجر باید اجاره را در روز اول ماه بپردازد و صاحبخانه باید خانه را نگه دارد، چون این یک قاعده است.',
  he: 'השוכר חייב לשלם את שכר הדירה ביום הראשון של החודש.',
  hi: 'किरायेदार को महीने के पहले दिन किराया देना होता है, और मकान मालिक को घर में मरम्मत करनी होती है।',
  th: 'ผู้เช่าต้องจ่ายค่าเช่าในวันแรกของเดือน',
  lo: 'ຜູ້ເຊົ່າຕ້ອງຈ່າຍຄ່າເຊົ່າໃນມື້ທຳອິດຂອງເດືອນ',
  km: 'អ្នកជួលត្រូវបង់ថ្លៃឈ្នួលនៅថ្ងៃដំបូងនៃខែ',
  my: 'အိမ်ငှားသည် လ၏ပထမနေ့တွင် အိမ်လခပေးရမည်',
  zh: '租客须在每月第一天支付房租，房东须保持房屋状况良好。',
  ja: '借主は毎月一日に家賃を払い、貸主は家を良い状態に保たなければならない。',
  ko: '세입자는 매달 첫날에 집세를 내야 하고 집주인은 집을 좋은 상태로 유지해야 한다.',
}

const detected = async (text: string): Promise<string | null> =>
  (await db.pool.query('select knowledge.detect_language($1) as language', [text])).rows[0].language

describe('the language of a text', () => {
  it.each(Object.entries(samples))('%s is detected', async (language, text) => {
    expect(await detected(text)).toBe(language)
    expect(await detected(text.normalize('NFD'))).toBe(language)
  })

  it('is not guessed when there is too little of it, or nothing that is known', async () => {
    for (const text of ['', '42', 'Wing flow', 'Die Katzen', '🛩️']) expect(await detected(text), text).toBeNull()
    expect(await detected('zorb quux blarg fnord wibble '.repeat(20))).toBe('und')
  })
})

async function languagesOf(t: Transaction): Promise<Record<string, string>> {
  await t.becomeSuperuser()
  const rows = await t.query<{ external_id: string; language: string }>(
    'select external_id, language from app_public.documents',
  )
  return Object.fromEntries(rows.map(({ external_id, language }) => [external_id, language]))
}

describe('a document', () => {
  it('has the language of its source, else what its metadata say, else what is detected, else English', () =>
    db.inTransaction(async (t) => {
      const given = await createSource(t, db.acme.member, { language: 'nb' })
      await addDocuments(t, db.acme.member, given, [{ externalId: 'given', text: samples.de as string }])
      const open = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, open, [
        { externalId: 'named', text: samples.de as string, metadata: { language: 'de-CH' } },
        { externalId: 'wrongly named', text: samples.de as string, metadata: { language: 'Deutsch!' } },
        { externalId: 'numbered', text: samples.fr as string, metadata: { language: 7 } },
        { externalId: 'detected', text: samples.ja as string },
        { externalId: 'short', text: 'Wing flow' },
      ])
      await processDocuments(t, db.acme.id)
      expect(await languagesOf(t)).toEqual({
        given: 'nb',
        named: 'de-CH',
        'wrongly named': 'de',
        numbered: 'fr',
        detected: 'ja',
        short: 'en',
      })
    }))

  it('is found in its own language among others of the same source, and a question is read in all of these', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member)
      await addDocuments(t, db.acme.member, source, [
        { externalId: 'de', text: `${samples.de} Die Häuser sind alt.` },
        { externalId: 'fr', text: `${samples.fr} Les maisons sont vieilles.` },
        { externalId: 'ru', text: `${samples.ru} Старые дома.` },
      ])
      await processDocuments(t, db.acme.id)
      const titles = async (question: string) => (await search(t, db.acme.viewer, question)).map(({ title }) => title)
      expect(await titles('Hauses')).toEqual(['de'])
      expect(await titles('maisons')).toEqual(['fr'])
      expect(await titles('домом')).toEqual(['ru'])
      expect(await titles('"bon état"')).toEqual(['fr'])
      await t.becomeRole('none', db.acme.id)
      expect(await t.value('select search.text_search_configs(array[$1]::uuid[])::text[]', [source])).toEqual([
        'french',
        'german',
        'russian',
      ])
      expect(await t.query('select * from search.verify_index()')).toEqual([])
    }))

  it('changes its language with its source’s, when it is processed again', () =>
    db.inTransaction(async (t) => {
      const source = await createSource(t, db.acme.member, { language: 'und' })
      await addDocuments(t, db.acme.member, source, [{ externalId: 'a', text: samples.de as string }])
      await processDocuments(t, db.acme.id)
      expect(await search(t, db.acme.viewer, 'Häuser')).toHaveLength(0)
      await t.become(db.acme.member)
      await t.query('update app_public.rag_knowledge_sources set language = null where id = $1', [source])
      await t.query('select app_public.reprocess_knowledge_source($1)', [source])
      await processDocuments(t, db.acme.id)
      expect(await languagesOf(t)).toEqual({ a: 'de' })
      expect(await search(t, db.acme.viewer, 'Häuser')).toHaveLength(1)
    }))
})

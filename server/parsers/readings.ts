// Readings above a word (furigana, pinyin) would stand between its characters: 東(とう)京(きょう) has no 東京. While a text is
// put together they stand within marks; then they are moved to the end of their line, where a search finds them.

/** Noncharacters: a text has none of its own once they are taken out. */
const [start, end] = ['\uFDD0', '\uFDD1']

export const withoutMarks = (text: string): string => text.replaceAll(/[\uFDD0\uFDD1]/g, '')

export const asReading = (reading: string): string => `${start}${reading}${end}`

export function readingsBehind(text: string): string {
  if (!text.includes(start)) return text
  return text
    .split('\n')
    .map((line) => {
      const readings: string[] = []
      const words = line.replaceAll(/\uFDD0([^\uFDD1]*)\uFDD1/g, (_all, reading: string) => {
        if (reading.trim()) readings.push(reading.trim())
        return ''
      })
      return readings.length > 0 ? `${words} (${readings.join(' ')})` : words
    })
    .join('\n')
}

// What npm run billing lists and saves beside plans: issuers, tax rates, usage types and coupons. Each is a query and a
// function of the API, whose arguments are options of the command line.

export type Kind = {
  list: string
  /** The function that saves one, and its arguments: the first is named, the others are options. */
  save: { call: string; key: string; options: Record<string, string> }
}

export const kinds: Record<string, Kind> = {
  issuers: {
    list: `select slug, name, number_prefix as prefix, credit_note_prefix as "credit prefix", payment_terms_days as "terms, days",
                  draft_hours as "draft, hours", coalesce(tax_number, '') as "tax number"
             from app_public.invoice_issuers order by slug`,
    save: {
      call: 'save_invoice_issuer',
      key: 'slug',
      options: {
        name: 'name',
        address: 'address',
        tax_number: 'tax-number',
        number_prefix: 'prefix',
        credit_note_prefix: 'credit-prefix',
        payment_terms_days: 'terms-days',
        draft_hours: 'draft-hours',
        footer: 'footer',
      },
    },
  },
  taxes: {
    list: `select country_code as country, trim_scale(rate)::text as rate, valid_from::text as "valid from"
             from app_public.tax_rates order by country_code, valid_from`,
    save: { call: 'set_tax_rate', key: 'country_code', options: { rate: 'rate', valid_from: 'from' } },
  },
  meters: {
    list: `select name, display_name as "display name", unit, is_whole as whole, max_quantity::text as most
             from app_public.usage_types order by name`,
    save: {
      call: 'save_usage_type',
      key: 'name',
      options: { display_name: 'name', unit: 'unit', is_whole: 'whole', max_quantity: 'most' },
    },
  },
  coupons: {
    list: `select code, name, coalesce(trim_scale(percent_off) || ' %', trim_scale(amount_off) || ' ' || currency) as off, duration,
                  coalesce(redeem_by::text, '') as "redeem by", redemption_count as redeemed, coalesce(max_redemptions::text, '') as most
             from app_public.coupons order by code`,
    save: {
      call: 'create_coupon',
      key: 'code',
      options: {
        name: 'name',
        duration: 'duration',
        percent_off: 'percent',
        amount_off: 'amount',
        currency: 'currency',
        duration_periods: 'periods',
        redeem_by: 'redeem-by',
        max_redemptions: 'most',
      },
    },
  },
}

/** The options of the command line that only these kinds have. */
export const offerOptions = {
  address: { type: 'string' },
  'tax-number': { type: 'string' },
  prefix: { type: 'string' },
  'credit-prefix': { type: 'string' },
  'terms-days': { type: 'string' },
  'draft-hours': { type: 'string' },
  footer: { type: 'string' },
  rate: { type: 'string' },
  unit: { type: 'string' },
  whole: { type: 'string' },
  most: { type: 'string' },
  duration: { type: 'string' },
  percent: { type: 'string' },
  periods: { type: 'string' },
  'redeem-by': { type: 'string' },
} as const

/** The call that saves one, and what it is given; what the command line leaves out is null. */
export function saving({ save }: Kind, key: string, values: Record<string, unknown>): [text: string, given: unknown[]] {
  const names = [save.key, ...Object.keys(save.options)]
  const placeholders = names.map((name, i) => `${name} => $${i + 1}`).join(', ')
  const given = Object.values(save.options).map((option) => values[option] ?? null)
  return [`select app_public.${save.call}(${placeholders})`, [key, ...given]]
}

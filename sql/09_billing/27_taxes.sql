-- Tax rates by country. Which rate a document has is decided when its amounts are summed up, for the last time when it is
-- finalised: the rate that staff set for the tenant, or else that of its country on that day. Whether the reverse charge or
-- no tax applies is for staff to decide (set_billing_terms); nothing is derived from a tax number that a tenant typed in.

call core.secure_global_table('app_public.tax_rates', 'taxes are the same for every tenant');
call audit.track_global('app_public.tax_rates', null);
call core.allow('app_public.tax_rates', read => 'staff');
grant select on app_public.tax_rates to rowhouse_user;
comment on table app_public.tax_rates is
  E'@behavior -insert -update -delete -query:resource:single\nThe tax on what is sold to a country, each rate from a day on. In a country without a rate there is no tax. Only platform staff can see and edit them.';
comment on column app_public.tax_rates.country_code is 'The country as an ISO 3166-1 alpha-2 code.';
comment on column app_public.tax_rates.rate is 'The tax as a share of the subtotal: 0.19 is 19 %.';
comment on column app_public.tax_rates.valid_from is 'From when documents that are finalised have this rate.';
comment on column app_public.tax_rates.created_at is 'When the row was created.';
comment on constraint country_code_is_iso_3166 on app_public.tax_rates is 'must be two upper-case letters, such as DE';
comment on constraint rate_is_a_share on app_public.tax_rates is 'must be from 0 to below 1, such as 0.19 for 19 %';
comment on constraint valid_from_is_finite on app_public.tax_rates is 'must be a finite time';
comment on constraint tax_rates_country_code_valid_from_key on app_public.tax_rates is 'is already used by another rate of this country';

create or replace function app_public.set_tax_rate(country_code text, rate numeric, valid_from timestamptz default null)
returns app_public.tax_rates
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_valid_from constant timestamptz := coalesce(set_tax_rate.valid_from, core.clock());
  v_rate app_public.tax_rates;
begin
  perform tenancy.require_staff();
  if v_valid_from < core.clock() then
    perform core.raise_error('LB407', 'A tax rate cannot begin in the past.', 'Correct final invoices with a credit note.');
  end if;
  insert into app_public.tax_rates as t (country_code, rate, valid_from)
  values (set_tax_rate.country_code, set_tax_rate.rate, v_valid_from)
  on conflict on constraint tax_rates_country_code_valid_from_key do update set rate = excluded.rate
  returning * into v_rate;
  return v_rate;
end
$$;
comment on function app_public.set_tax_rate is
  E'@resultFieldName taxRate\n@errors LB407 TN205 23502 23514\nSets the tax rate of a country (0.19 is 19 %) from an instant on, by default from now. A second call with the same valid_from corrects a rate that is not in force yet. Only platform staff may call it.';
grant execute on function app_public.set_tax_rate to rowhouse_user;

create or replace function billing.tax_rate(profile app_public.billing_profiles, at timestamptz) returns numeric
language sql stable security definer
set search_path to pg_catalog, pg_temp
as $$
  select case when (profile).tax_mode = 'standard' then coalesce((profile).tax_rate, (
    select t.rate from app_public.tax_rates t
     where t.country_code = (profile).country_code and t.valid_from <= tax_rate.at
     order by t.valid_from desc limit 1), 0) else 0 end;
$$;
comment on function billing.tax_rate is
  'The tax on a document that is finalised at an instant: the rate that staff set for the tenant, or that of its country; 0 with the reverse charge, without tax, and in a country without a rate.';

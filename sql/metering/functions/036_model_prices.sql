-- List prices of well-known models, as data (seeds/platform/models.json). A model that has a price keeps it.

create or replace function app_private.add_model_prices(providers jsonb) returns int
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_added int;
begin
  insert into app_public.llm_model_prices (
    model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million, reasoning_usd_per_million, valid_from)
  select m.id, (p.price ->> 'input_per_million_usd')::numeric,
         coalesce(p.price ->> 'cached_input_per_million_usd', p.price ->> 'input_per_million_usd')::numeric,
         coalesce(p.price ->> 'output_per_million_usd', '0')::numeric,
         -- reasoning is billed as output
         coalesce(p.price ->> 'output_per_million_usd', '0')::numeric,
         (p.price ->> 'valid_from')::timestamp at time zone 'UTC'
    from jsonb_to_recordset(add_model_prices.providers) as provider (models jsonb)
   cross join jsonb_to_recordset(provider.models) as p (name text, price jsonb)
    join app_public.llm_models m on m.name = p.name
   where p.price is not null and not exists (select from app_public.llm_model_prices x where x.model_id = m.id);
  get diagnostics v_added = row_count;
  return v_added;
end
$$;
comment on function app_private.add_model_prices(jsonb) is
  'Adds the list prices of models that have none, in USD per million tokens, and returns how many. For npm run migrate.';

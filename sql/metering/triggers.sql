-- what costs were computed by, and what was used, stays as it was written; after the wall has looked at the row
create or replace trigger _500_keep_price
  after update of id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million,
    reasoning_usd_per_million, valid_from
  on app_public.llm_model_prices
  for each row execute function app_private.tg__keep_price();

create or replace trigger _500_keep_price
  after update of id, tenant_id, model_id, input_usd_per_million, cached_input_usd_per_million, output_usd_per_million,
    reasoning_usd_per_million, valid_from
  on app_public.llm_model_price_overrides
  for each row execute function app_private.tg__keep_price();

create or replace trigger _500_keep_usage after update on app_public.usage_events
  for each row execute function app_private.tg__keep_usage();

create or replace trigger _500_keep_usage after update on app_private.llm_calls
  for each row execute function app_private.tg__keep_usage();

create or replace trigger _500_drop_usage after delete on app_public.tenants
  for each row execute function app_private.tg__drop_usage();

-- Meters: usage types of the platform's own. Metering sums each of them by day and month; no other aggregation is kept.

create or replace function app_public.save_usage_type(
  name text, display_name text default null, unit text default null, is_whole boolean default null, max_quantity numeric default null
) returns app_public.usage_types
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_default_max constant numeric := 1e9;
  v_type app_public.usage_types;
begin
  perform tenancy.require_staff();
  select * into v_type from app_public.usage_types t where t.name = save_usage_type.name for update;
  if not found then
    if num_nulls(save_usage_type.name, save_usage_type.display_name, save_usage_type.unit) > 0 then
      perform core.raise_error('MT418', 'A new usage type needs a name, a display name and a unit.', 'Give all three.');
    end if;
    insert into app_public.usage_types (name, display_name, unit, is_whole, max_quantity)
    values (save_usage_type.name, save_usage_type.display_name, save_usage_type.unit, coalesce(save_usage_type.is_whole, true),
            coalesce(save_usage_type.max_quantity, v_default_max))
    returning * into v_type;
    return v_type;
  end if;
  if save_usage_type.unit <> v_type.unit or save_usage_type.is_whole <> v_type.is_whole then
    perform core.raise_error('MT503', 'The unit and is_whole of a usage type cannot be changed.',
      'What was recorded and priced has the old unit: add a usage type with another name.');
  end if;
  update app_public.usage_types t
     set display_name = coalesce(save_usage_type.display_name, t.display_name),
         max_quantity = coalesce(save_usage_type.max_quantity, t.max_quantity)
   where t.name = v_type.name
  returning * into v_type;
  return v_type;
end
$$;
comment on function app_public.save_usage_type is
  E'@resultFieldName usageType\n@errors MT418 MT503 TN205 23505 23514\nAdds a usage type that record_usage accepts and plans price by its sum, or changes its display_name and max_quantity. A new type needs display_name and unit. Arguments that are left out change nothing; unit and is_whole never change. Only platform staff may call it.';
grant execute on function app_public.save_usage_type to rowhouse_user;

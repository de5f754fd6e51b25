-- Every table with updated_at keeps it by the one shared trigger; an unlogged one is state that one function writes.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select a.attrelid::regclass
      from pg_attribute a
      join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p') and not c.relispartition and c.relpersistence = 'p'
      join pg_namespace n on n.oid = c.relnamespace
     where n.nspname in ('app_public', 'app_private') and a.attname = 'updated_at' and not a.attisdropped
     order by 1
  loop
    execute format(
      'create or replace trigger _100_set_updated_at before update on %s
         for each row execute function app_private.tg__set_updated_at()', v_table);
  end loop;
end
$$;

-- Rules that hold whoever writes, administrators in psql included, or that follow a row into other tenants.

create or replace function app_private.tg_agent_tools__keep_tool_ids() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  -- Lock first, read in a statement of its own: its snapshot then has what whoever held the lock has committed.
  perform from app_public.agents a
    where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c) order by a.id for no key update;
  update app_public.agents a
     set tool_ids = coalesce((
           select array_agg(t.tool_id order by t.sort_order, t.tool_id) from app_public.agent_tools t
            where t.tenant_id = a.tenant_id and t.agent_id = a.id), '{}')
   where (a.tenant_id, a.id) in (select c.tenant_id, c.agent_id from changed c);
  return null;
end
$$;
comment on function app_private.tg_agent_tools__keep_tool_ids() is 'Keeps agents.tool_ids as agent_tools says.';
grant execute on function app_private.tg_agent_tools__keep_tool_ids() to rowhouse_owner;

create or replace function app_private.tg_tool_categories__refuse_cycle() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_ancestor uuid := new.parent_id;
  v_level int := 0;
begin
  while v_ancestor is not null loop
    v_level := v_level + 1;
    if v_ancestor = new.id or v_level > 20 then
      perform app_private.raise_error('RS435', 'A category cannot be below itself, nor deeper than 20 levels.', 'Choose another parent.');
    end if;
    -- the lock is for repeatable read, which still sees the tree as it was before another's move: it fails here then
    select c.parent_id into v_ancestor from app_public.tool_categories c
     where c.tenant_id = new.tenant_id and c.id = v_ancestor for key share;
  end loop;
  return new;
end
$$;
comment on function app_private.tg_tool_categories__refuse_cycle() is 'Keeps categories a tree. RS435: it would become a circle, or too deep.';
grant execute on function app_private.tg_tool_categories__refuse_cycle() to rowhouse_owner;

-- Rules of personal rows that hold for every way of writing them.

create or replace function app_private.tg_user_agents__check_agent() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_user_id() is not null then
    perform app_private.require_visible('agent', new.agent_id);
    if new.original_agent_id is not null then
      perform app_private.require_visible('agent', new.original_agent_id);
    end if;
  end if;
  perform pg_advisory_xact_lock(hashtextextended(new.user_id::text || new.agent_id, 0));
  new.is_favorite := exists (
    select from app_public.user_favorites f
     where f.tenant_id = new.tenant_id and f.user_id = new.user_id and f.item_type = 'agent' and f.item_id = new.agent_id);
  return new;
end
$$;
comment on function app_private.tg_user_agents__check_agent() is
  'One lists agents one sees. The lock is shared with favorites, so that is_favorite is true whichever comes first. RS353, ID202.';

create or replace function app_private.tg_user_favorites__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if app_hidden.current_user_id() is not null then
    perform app_private.require_visible(new.item_type, new.item_id);
  end if;
  return new;
end
$$;
comment on function app_private.tg_user_favorites__check_item() is 'A favorite is something one sees. RS353, ID202.';

create or replace function app_private.tg_user_favorites__tell_user_agents() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_favorite app_public.user_favorites := coalesce(new, old);
begin
  if v_favorite.item_type = 'agent' then
    perform pg_advisory_xact_lock(hashtextextended(v_favorite.user_id::text || v_favorite.item_id, 0));
    update app_public.user_agents u set is_favorite = (tg_op = 'INSERT')
     where u.tenant_id = v_favorite.tenant_id and u.user_id = v_favorite.user_id and u.agent_id = v_favorite.item_id;
  end if;
  return null;
end
$$;
comment on function app_private.tg_user_favorites__tell_user_agents() is 'Keeps user_agents.is_favorite.';

create or replace function app_private.tg_user_ratings__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_maker uuid;
begin
  if app_hidden.current_user_id() is not null then
    perform app_private.require_visible(new.item_type, new.item_id);
    execute format('select r.%I from %s r where r.id = $1',
      case new.item_type when 'agent' then 'owner_id' else 'created_by_user_id' end, app_private.resource_table(new.item_type))
      into v_maker using new.item_id;
    if v_maker = new.user_id then
      perform app_private.raise_error('RS454', 'You made this yourself.', 'Ratings are for what others made.');
    end if;
  end if;
  return new;
end
$$;
comment on function app_private.tg_user_ratings__check_item() is 'One rates what one sees and did not make. RS353, RS454, ID202.';

create or replace function app_private.tg_user_rating_votes__count() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  update app_public.user_ratings r
     set helpful_count = r.helpful_count + case tg_op when 'INSERT' then 1 else -1 end
   where r.tenant_id = coalesce(new.tenant_id, old.tenant_id) and r.id = coalesce(new.rating_id, old.rating_id);
  return null;
end
$$;
comment on function app_private.tg_user_rating_votes__count() is 'Keeps user_ratings.helpful_count; the row lock makes it exact.';

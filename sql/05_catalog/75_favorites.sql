-- Favorites and ratings: of anything one sees, once each.

call core.secure_tenant_table('app_public.user_favorites');
call core.allow('app_public.user_favorites', write => 'self');
-- a favorite that was deleted, or is shared no more, is not listed; it comes back when the item does
create policy select_self on app_public.user_favorites for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and catalog.is_visible_resource(item_type::text, item_id));
-- favorites and ratings are made by functions; what one adds to a favorite is written directly
grant select on app_public.user_favorites to rowhouse_user;
grant update (notes, metadata) on app_public.user_favorites to rowhouse_user;
grant select, insert, update, delete on app_public.user_favorites to rowhouse_platform;
comment on table app_public.user_favorites is
  E'@behavior -insert -delete\nYour favorites, by favorite and unfavorite. One that you see no more is not listed; it comes back when the item does.';
comment on column app_public.user_favorites.item_type is 'agent, tool, prompt, workflow or knowledge_source.';
comment on column app_public.user_favorites.item_id is 'The item.';
comment on column app_public.user_favorites.notes is 'Your notes, at most 10,000 characters.';
comment on column app_public.user_favorites.metadata is 'Anything else, an object.';
comment on column app_public.user_favorites.created_at is 'Since when it is a favorite.';

create or replace function catalog.require_visible(kind app_public.resource_kind, id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_role('viewer');
  if not coalesce(catalog.is_visible_resource(require_visible.kind::text, require_visible.id), false) then
    perform core.raise_error('RS353', 'There is no such item.', 'List what this tenant has, and what is shared with it.');
  end if;
end
$$;
comment on function catalog.require_visible is
  E'@errors RS353 ID202\nRaises an error unless this member sees the item: one error for what is not there and what may not be seen. ID202: you are no member.';
grant execute on function catalog.require_visible to rowhouse_platform;

create or replace function app_public.favorite(item_type app_public.resource_kind, item_id uuid, notes text default null)
returns app_public.user_favorites
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_favorite app_public.user_favorites;
begin
  insert into app_public.user_favorites as f (item_type, item_id, notes)
  values (favorite.item_type, favorite.item_id, favorite.notes)
  on conflict on constraint user_favorites_tenant_id_user_id_item_type_item_id_key
    do update set notes = coalesce(excluded.notes, f.notes)
  returning * into v_favorite;
  return v_favorite;
end
$$;
comment on function app_public.favorite is
  E'@resultFieldName userFavorite\n@errors RS353 ID202\nMakes something you see a favorite of yours; doing it twice is no error.';
grant execute on function app_public.favorite to rowhouse_user;

create or replace function app_public.unfavorite(item_type app_public.resource_kind, item_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.user_favorites f
   where f.tenant_id = core.current_tenant_id() and f.user_id = core.current_user_id()
     and f.item_type = unfavorite.item_type and f.item_id = unfavorite.item_id;
  return found;
end
$$;
comment on function app_public.unfavorite is
  E'@resultFieldName wasFavorite\nTakes a favorite back; returns whether it was one.';
grant execute on function app_public.unfavorite to rowhouse_user;

create or replace function catalog.tg_user_favorites__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible(new.item_type, new.item_id);
  end if;
  return new;
end
$$;
comment on function catalog.tg_user_favorites__check_item is
  E'@errors RS353 ID202\nA favorite is something one sees.';

create or replace function catalog.tg_user_favorites__tell_user_agents() returns trigger
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
comment on function catalog.tg_user_favorites__tell_user_agents is
  'Keeps user_agents.is_favorite.';

create or replace trigger _100_check_item before insert on app_public.user_favorites
  for each row execute function catalog.tg_user_favorites__check_item();
create or replace trigger _500_tell_user_agents after insert or delete on app_public.user_favorites
  for each row execute function catalog.tg_user_favorites__tell_user_agents();

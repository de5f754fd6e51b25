-- Favorites: each person marks resources that they see. The idea: a favorite of a resource that is deleted or no longer
-- shared stays stored but is not listed, so it comes back with the resource.

call core.secure_tenant_table('app_public.user_favorites');
call audit.leave_out('counters that rules keep', 'app_public.user_favorites');
call core.allow('app_public.user_favorites', write => 'self');
create policy select_self on app_public.user_favorites for select to rowhouse_user
  using (user_id = (select core.current_user_id()) and catalog.is_visible_resource(item_type::text, item_id));
-- functions add and remove favorites; a person writes the notes of a favorite directly
grant select on app_public.user_favorites to rowhouse_user;
grant update (notes, metadata) on app_public.user_favorites to rowhouse_user;
grant select, insert, update, delete on app_public.user_favorites to rowhouse_platform;
comment on table app_public.user_favorites is
  E'@behavior -insert -delete -query:resource:single\nYour favorites; add_favorite and remove_favorite change them. A favorite that you can no longer see is not listed. It comes back when you can see the resource again.';
comment on column app_public.user_favorites.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_favorites.item_type is 'The kind of the resource.';
comment on column app_public.user_favorites.item_id is 'The resource.';
comment on column app_public.user_favorites.notes is E'@personal erase\nYour notes, at most 10,000 characters.';
comment on column app_public.user_favorites.metadata is E'@personal erase\nFurther data about it: an object.';
comment on column app_public.user_favorites.created_at is 'When it became a favorite.';
comment on constraint metadata_is_an_object on app_public.user_favorites is 'must be a JSON object of at most 100 kB';
comment on constraint notes_are_in_range on app_public.user_favorites is 'must have at most 10,000 characters';
comment on constraint user_favorites_tenant_id_user_id_item_type_item_id_key on app_public.user_favorites is
  'is one of your favorites already';

create or replace function catalog.require_visible_resource(kind app_public.resource_kind, id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform tenancy.require_role('viewer');
  if not catalog.is_visible_resource(require_visible_resource.kind::text, require_visible_resource.id) then
    perform catalog.raise_no_such_resource(require_visible_resource.kind);
  end if;
end
$$;
comment on function catalog.require_visible_resource is
  E'@errors RS301 ID202\nRaises an error unless the caller is a member of the tenant and sees the resource.';
grant execute on function catalog.require_visible_resource to rowhouse_platform;

create or replace function app_public.add_favorite(item_type app_public.resource_kind, item_id uuid, notes text default null)
returns app_public.user_favorites
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_favorite app_public.user_favorites;
begin
  insert into app_public.user_favorites as f (item_type, item_id, notes)
  values (add_favorite.item_type, add_favorite.item_id, add_favorite.notes)
  on conflict on constraint user_favorites_tenant_id_user_id_item_type_item_id_key
    do update set notes = coalesce(excluded.notes, f.notes)
  returning * into v_favorite;
  return v_favorite;
end
$$;
comment on function app_public.add_favorite is
  E'@resultFieldName userFavorite\n@errors RS301 23514 ID202\nAdds a resource that you see to your favorites. Adding it again is not an error; notes that are given then replace the old ones.';
grant execute on function app_public.add_favorite to rowhouse_user;

create or replace function app_public.remove_favorite(item_type app_public.resource_kind, item_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.user_favorites f
   where f.tenant_id = core.current_tenant_id() and f.user_id = core.current_user_id()
     and f.item_type = remove_favorite.item_type and f.item_id = remove_favorite.item_id;
  return found;
end
$$;
comment on function app_public.remove_favorite is
  E'@resultFieldName wasFavorite\nRemoves a resource from your favorites. Returns whether it was one.';
grant execute on function app_public.remove_favorite to rowhouse_user;

create or replace function catalog.tg_user_favorites__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible_resource(new.item_type, new.item_id);
  end if;
  return new;
end
$$;
comment on function catalog.tg_user_favorites__check_item is
  E'@errors RS301 ID202\nLets a person mark only resources that they see.';

create or replace function catalog.tg_user_favorites__mark_my_agents() returns trigger
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
comment on function catalog.tg_user_favorites__mark_my_agents is
  'Writes user_agents.is_favorite when a favorite is added or removed.';

create or replace trigger _100_check_item before insert on app_public.user_favorites
  for each row execute function catalog.tg_user_favorites__check_item();
create or replace trigger _500_mark_my_agents after insert or delete on app_public.user_favorites
  for each row execute function catalog.tg_user_favorites__mark_my_agents();

-- Favorites and ratings: of anything one sees, once each.

create or replace function app_private.require_visible(kind app_public.resource_kind, id uuid) returns void
language plpgsql stable
set search_path to pg_catalog, pg_temp
as $$
begin
  perform app_private.require_role('viewer');
  if not coalesce(app_hidden.is_visible_resource(require_visible.kind::text, require_visible.id), false) then
    perform app_private.raise_error('RS353', 'There is no such item.', 'List what this tenant has, and what is shared with it.');
  end if;
end
$$;
comment on function app_private.require_visible(app_public.resource_kind, uuid) is
  'RS353 unless this member sees the item: one error for what is not there and what may not be seen. ID202: you are no member.';

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
comment on function app_public.favorite(app_public.resource_kind, uuid, text) is
  E'@resultFieldName userFavorite\nMakes something you see a favorite of yours; doing it twice is no error. RS353: there is no such item; ID202: you are no member.';

create or replace function app_public.unfavorite(item_type app_public.resource_kind, item_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.user_favorites f
   where f.tenant_id = app_hidden.current_tenant_id() and f.user_id = app_hidden.current_user_id()
     and f.item_type = unfavorite.item_type and f.item_id = unfavorite.item_id;
  return found;
end
$$;
comment on function app_public.unfavorite(app_public.resource_kind, uuid) is
  E'@resultFieldName wasFavorite\nTakes a favorite back; returns whether it was one.';

create or replace function app_public.rate(item_type app_public.resource_kind, item_id uuid, rating int, review text default null)
returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  insert into app_public.user_ratings as r (item_type, item_id, rating, review)
  values (rate.item_type, rate.item_id, rate.rating, rate.review)
  on conflict on constraint user_ratings_tenant_id_user_id_item_type_item_id_key
    do update set rating = excluded.rating, review = excluded.review
  returning * into v_rating;
  return v_rating;
end
$$;
comment on function app_public.rate(app_public.resource_kind, uuid, int, text) is
  E'@resultFieldName userRating\nRates something you see with 1 to 5 stars, or changes your rating of it. RS353: there is no such item; RS454: you made it yourself; 23514: not 1 to 5; ID202: you are no member.';

create or replace function app_public.withdraw_rating(item_type app_public.resource_kind, item_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.user_ratings r
   where r.tenant_id = app_hidden.current_tenant_id() and r.user_id = app_hidden.current_user_id()
     and r.item_type = withdraw_rating.item_type and r.item_id = withdraw_rating.item_id;
  return found;
end
$$;
comment on function app_public.withdraw_rating(app_public.resource_kind, uuid) is
  E'@resultFieldName wasRated\nTakes your rating back, with the votes it got; returns whether there was one.';

create or replace function app_public.vote_helpful(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  perform app_private.require_role('viewer');
  -- the row lock makes votes count one after the other
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = app_hidden.current_tenant_id() and r.id = vote_helpful.rating_id for update;
  if not found then
    perform app_private.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  elsif v_rating.user_id = app_hidden.current_user_id() then
    perform app_private.raise_error('RS455', 'This rating is your own.', 'Others say whether it is helpful.');
  end if;
  insert into app_public.user_rating_votes (tenant_id, rating_id, user_id)
  values (v_rating.tenant_id, v_rating.id, app_hidden.current_user_id())
  on conflict do nothing;
  select r.* into v_rating from app_public.user_ratings r where r.tenant_id = v_rating.tenant_id and r.id = v_rating.id;
  return v_rating;
end
$$;
comment on function app_public.vote_helpful(uuid) is
  E'@resultFieldName userRating\nSays that somebody''s rating is helpful, once; voting again changes nothing. RS355: there is no such rating; RS455: it is your own; ID202: you are no member.';

create or replace function app_public.withdraw_helpful_vote(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  delete from app_public.user_rating_votes v
   where v.tenant_id = app_hidden.current_tenant_id() and v.rating_id = withdraw_helpful_vote.rating_id
     and v.user_id = app_hidden.current_user_id();
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = app_hidden.current_tenant_id() and r.id = withdraw_helpful_vote.rating_id;
  if not found then
    perform app_private.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  end if;
  return v_rating;
end
$$;
comment on function app_public.withdraw_helpful_vote(uuid) is
  E'@resultFieldName userRating\nTakes your vote for a rating back; without a vote it changes nothing. RS355: there is no such rating.';

grant execute on function
  app_public.favorite(app_public.resource_kind, uuid, text), app_public.unfavorite(app_public.resource_kind, uuid),
  app_public.rate(app_public.resource_kind, uuid, int, text), app_public.withdraw_rating(app_public.resource_kind, uuid),
  app_public.vote_helpful(uuid), app_public.withdraw_helpful_vote(uuid)
to rowhouse_user;
grant execute on function app_private.require_visible(app_public.resource_kind, uuid) to rowhouse_platform;

-- An item's rating is made of those of all tenants that see it.

call core.secure_tenant_table('app_public.user_ratings');
call core.allow('app_public.user_ratings', read => 'member');
grant select on app_public.user_ratings to rowhouse_user;
grant select, insert, update, delete on app_public.user_ratings to rowhouse_platform;
comment on table app_public.user_ratings is
  E'@behavior -insert -update -delete\nRatings by members of this tenant, one a person and item, by rate and withdraw_rating. The rating shown at an agent or prompt is made of those of all tenants that see it.';
comment on column app_public.user_ratings.item_type is 'agent, tool, prompt, workflow or knowledge_source.';
comment on column app_public.user_ratings.item_id is 'The item.';
comment on column app_public.user_ratings.rating is '1 (poor) to 5 (excellent).';
comment on column app_public.user_ratings.review is 'What the person says of it, at most 10,000 characters.';
comment on column app_public.user_ratings.helpful_count is 'How many members found the rating helpful.';
comment on column app_public.user_ratings.metadata is 'Anything else, an object.';
comment on column app_public.user_ratings.created_at is 'When the item was first rated.';
comment on column app_public.user_ratings.updated_at is 'When the rating last changed.';

call core.secure_tenant_table('app_public.user_rating_votes');
call core.allow('app_public.user_rating_votes', read => 'self');
grant select on app_public.user_rating_votes to rowhouse_user;
grant select, insert, update, delete on app_public.user_rating_votes to rowhouse_platform;
comment on table app_public.user_rating_votes is
  E'@behavior -insert -update -delete\nWhich ratings you found helpful, by vote_helpful and withdraw_helpful_vote.';
comment on column app_public.user_rating_votes.rating_id is 'The rating.';
comment on column app_public.user_rating_votes.created_at is 'When you said so.';

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
comment on function app_public.rate is
  E'@resultFieldName userRating\n@errors RS353 RS454 23514 ID202\nRates something you see with 1 to 5 stars, or changes your rating of it.';
grant execute on function app_public.rate to rowhouse_user;

create or replace function app_public.withdraw_rating(item_type app_public.resource_kind, item_id uuid) returns boolean
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
begin
  delete from app_public.user_ratings r
   where r.tenant_id = core.current_tenant_id() and r.user_id = core.current_user_id()
     and r.item_type = withdraw_rating.item_type and r.item_id = withdraw_rating.item_id;
  return found;
end
$$;
comment on function app_public.withdraw_rating is
  E'@resultFieldName wasRated\nTakes your rating back, with the votes it got; returns whether there was one.';
grant execute on function app_public.withdraw_rating to rowhouse_user;

create or replace function app_public.vote_helpful(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  perform tenancy.require_role('viewer');
  -- the row lock makes votes count one after the other
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = core.current_tenant_id() and r.id = vote_helpful.rating_id for update;
  if not found then
    perform core.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  elsif v_rating.user_id = core.current_user_id() then
    perform core.raise_error('RS455', 'This rating is your own.', 'Others say whether it is helpful.');
  end if;
  insert into app_public.user_rating_votes (tenant_id, rating_id, user_id)
  values (v_rating.tenant_id, v_rating.id, core.current_user_id())
  on conflict do nothing;
  select r.* into v_rating from app_public.user_ratings r where r.tenant_id = v_rating.tenant_id and r.id = v_rating.id;
  return v_rating;
end
$$;
comment on function app_public.vote_helpful is
  E'@resultFieldName userRating\n@errors RS355 RS455 ID202\nSays that somebody''s rating is helpful, once; voting again changes nothing.';
grant execute on function app_public.vote_helpful to rowhouse_user;

create or replace function app_public.withdraw_helpful_vote(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  delete from app_public.user_rating_votes v
   where v.tenant_id = core.current_tenant_id() and v.rating_id = withdraw_helpful_vote.rating_id
     and v.user_id = core.current_user_id();
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = core.current_tenant_id() and r.id = withdraw_helpful_vote.rating_id;
  if not found then
    perform core.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  end if;
  return v_rating;
end
$$;
comment on function app_public.withdraw_helpful_vote is
  E'@resultFieldName userRating\n@errors RS355\nTakes your vote for a rating back; without a vote it changes nothing.';
grant execute on function app_public.withdraw_helpful_vote to rowhouse_user;

create or replace function catalog.tg_user_ratings__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_maker uuid;
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible(new.item_type, new.item_id);
    execute format('select r.%I from %s r where r.id = $1',
      case new.item_type when 'agent' then 'owner_id' else 'created_by_user_id' end, catalog.resource_table(new.item_type))
      into v_maker using new.item_id;
    if v_maker = new.user_id then
      perform core.raise_error('RS454', 'You made this yourself.', 'Ratings are for what others made.');
    end if;
  end if;
  return new;
end
$$;
comment on function catalog.tg_user_ratings__check_item is
  E'@errors RS353 RS454 ID202\nOne rates what one sees and did not make.';

create or replace function catalog.tg_user_rating_votes__count() returns trigger
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
comment on function catalog.tg_user_rating_votes__count is
  'Keeps user_ratings.helpful_count; the row lock makes it exact.';

set local role rowhouse_platform;  -- outside the wall: an item's rating is made of those of all tenants that see it
create or replace function catalog.tg_user_ratings__rate_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings := coalesce(new, old);
begin
  -- locked first, counted after: the next statement sees what the one waited for has committed
  if v_rating.item_type = 'agent' then
    perform from app_public.agents a where a.id = v_rating.item_id for update;
    update app_public.agents a
       set (rating, feedback_count) = (
         select round(avg(r.rating), 2), count(*) from app_public.user_ratings r where r.item_id = a.id and r.item_type = 'agent')
     where a.id = v_rating.item_id;
  elsif v_rating.item_type = 'prompt' then
    perform from app_public.prompts p where p.id = v_rating.item_id for update;
    update app_public.prompts p
       set rating = (select round(avg(r.rating), 2) from app_public.user_ratings r where r.item_id = p.id and r.item_type = 'prompt')
     where p.id = v_rating.item_id;
  end if;
  return null;
end
$$;
comment on function catalog.tg_user_ratings__rate_item is
  'Keeps the rating of agents and prompts: the mean of all ratings, to two digits, and how many there are.';
grant execute on function catalog.tg_user_ratings__rate_item to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _090_check_item before insert or update on app_public.user_ratings
  for each row when (pg_trigger_depth() = 0) execute function catalog.tg_user_ratings__check_item();
create or replace trigger _500_rate_item after insert or update of rating or delete on app_public.user_ratings
  for each row execute function catalog.tg_user_ratings__rate_item();
create or replace trigger _500_count after insert or delete on app_public.user_rating_votes
  for each row execute function catalog.tg_user_rating_votes__count();

-- Ratings of resources, and votes for helpful ratings. The idea: a person rates a resource once, only members of the tenant
-- read the rating, and the mean shown at a resource is computed over all tenants that see it.

call core.secure_tenant_table('app_public.user_ratings');
call audit.track('app_public.user_ratings');
call core.allow('app_public.user_ratings', read => 'member');
grant select on app_public.user_ratings to rowhouse_user;
grant select, insert, update, delete on app_public.user_ratings to rowhouse_platform;
comment on table app_public.user_ratings is
  E'@behavior -insert -update -delete -query:resource:single\nThe ratings by members of this tenant, one for each person and resource; rate_resource and withdraw_rating change them. The mean that an agent or a prompt shows is computed over all tenants that see it.';
comment on column app_public.user_ratings.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_ratings.item_type is 'The kind of the resource.';
comment on column app_public.user_ratings.item_id is 'The resource.';
comment on column app_public.user_ratings.rating is '1 (poor) to 5 (excellent).';
comment on column app_public.user_ratings.review is E'@personal erase\nThe person''s opinion in words, at most 10,000 characters.';
comment on column app_public.user_ratings.helpful_count is 'How many members found the rating helpful.';
comment on column app_public.user_ratings.metadata is E'@personal erase\nFurther data about it: an object.';
comment on column app_public.user_ratings.created_at is 'When the person first rated the resource.';
comment on column app_public.user_ratings.updated_at is 'When the rating last changed.';
comment on constraint metadata_is_an_object on app_public.user_ratings is 'must be a JSON object of at most 100 kB';
comment on constraint rating_is_1_to_5 on app_public.user_ratings is 'must be from 1 to 5';
comment on constraint review_is_in_range on app_public.user_ratings is 'must have at most 10,000 characters';
comment on constraint user_ratings_tenant_id_user_id_item_type_item_id_key on app_public.user_ratings is
  'is rated by you already';

call core.secure_tenant_table('app_public.user_rating_votes');
call audit.leave_out('counters that rules keep', 'app_public.user_rating_votes');
call core.allow('app_public.user_rating_votes', read => 'self');
grant select on app_public.user_rating_votes to rowhouse_user;
grant select, insert, update, delete on app_public.user_rating_votes to rowhouse_platform;
comment on table app_public.user_rating_votes is
  E'@behavior -insert -update -delete -query:resource:connection -query:resource:single\nThe ratings that you found helpful; vote_rating_helpful and withdraw_rating_vote change them.';
comment on column app_public.user_rating_votes.user_id is E'@personal erase\nThe person.';
comment on column app_public.user_rating_votes.rating_id is 'The rating.';
comment on column app_public.user_rating_votes.created_at is 'When you voted.';

create or replace function app_public.rate_resource(item_type app_public.resource_kind, item_id uuid, rating int, review text default null)
returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  insert into app_public.user_ratings as r (item_type, item_id, rating, review)
  values (rate_resource.item_type, rate_resource.item_id, rate_resource.rating, rate_resource.review)
  on conflict on constraint user_ratings_tenant_id_user_id_item_type_item_id_key
    do update set rating = excluded.rating, review = excluded.review
  returning * into v_rating;
  return v_rating;
end
$$;
comment on function app_public.rate_resource is
  E'@resultFieldName userRating\n@errors RS301 RS454 23514 ID202\nRates a resource that you see, from 1 (poor) to 5 (excellent), or changes your rating of it. You cannot rate a resource that you made.';
grant execute on function app_public.rate_resource to rowhouse_user;

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
  E'@resultFieldName wasRated\nRemoves your rating of a resource, together with the votes it got. Returns whether there was one.';
grant execute on function app_public.withdraw_rating to rowhouse_user;

create or replace function app_public.vote_rating_helpful(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  perform tenancy.require_role('viewer');
  -- the row lock makes votes for the same rating run one after the other
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = core.current_tenant_id() and r.id = vote_rating_helpful.rating_id for update;
  if not found then
    perform core.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  elsif v_rating.user_id = core.current_user_id() then
    perform core.raise_error('RS455', 'This rating is your own.', 'Only other members can vote for it.');
  end if;
  insert into app_public.user_rating_votes (tenant_id, rating_id, user_id)
  values (v_rating.tenant_id, v_rating.id, core.current_user_id())
  on conflict do nothing;
  select r.* into v_rating from app_public.user_ratings r where r.tenant_id = v_rating.tenant_id and r.id = v_rating.id;
  return v_rating;
end
$$;
comment on function app_public.vote_rating_helpful is
  E'@resultFieldName userRating\n@errors RS355 RS455 ID202\nVotes that the rating of another member is helpful. Voting again changes nothing.';
grant execute on function app_public.vote_rating_helpful to rowhouse_user;

create or replace function app_public.withdraw_rating_vote(rating_id uuid) returns app_public.user_ratings
language plpgsql volatile security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings;
begin
  delete from app_public.user_rating_votes v
   where v.tenant_id = core.current_tenant_id() and v.rating_id = withdraw_rating_vote.rating_id
     and v.user_id = core.current_user_id();
  select r.* into v_rating from app_public.user_ratings r
   where r.tenant_id = core.current_tenant_id() and r.id = withdraw_rating_vote.rating_id;
  if not found then
    perform core.raise_error('RS355', 'There is no such rating.', 'List the ratings of this tenant.');
  end if;
  return v_rating;
end
$$;
comment on function app_public.withdraw_rating_vote is
  E'@resultFieldName userRating\n@errors RS355\nWithdraws your vote for a rating. Without a vote it changes nothing.';
grant execute on function app_public.withdraw_rating_vote to rowhouse_user;

create or replace function catalog.tg_user_ratings__check_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_maker_id uuid;
begin
  if core.current_user_id() is not null then
    perform catalog.require_visible_resource(new.item_type, new.item_id);
    execute format('select r.%I from %s r where r.id = $1',
      case new.item_type when 'agent' then 'owner_id' else 'created_by_user_id' end, catalog.resource_table(new.item_type))
      into v_maker_id using new.item_id;
    if v_maker_id = new.user_id then
      perform core.raise_error('RS454', 'You made this resource yourself, so you cannot rate it.', 'Ask other people to rate it.');
    end if;
  end if;
  return new;
end
$$;
comment on function catalog.tg_user_ratings__check_item is
  E'@errors RS301 RS454 ID202\nLets a person rate only resources that they see and did not make.';

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
  'Counts the votes in user_ratings.helpful_count. The update locks the row, so the count is exact.';

set local role rowhouse_platform;  -- outside the wall: the rating of a resource is the mean over all tenants that see it
create or replace function catalog.tg_user_ratings__rate_item() returns trigger
language plpgsql security definer
set search_path to pg_catalog, pg_temp
as $$
declare
  v_rating app_public.user_ratings := coalesce(new, old);
begin
  -- lock first and count in a second statement, because its snapshot then has what the previous holder of the lock wrote
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
  'Writes the rating of an agent or a prompt: the mean of all ratings with two digits, and how many there are.';
grant execute on function catalog.tg_user_ratings__rate_item to rowhouse_owner;

set local role rowhouse_owner;

create or replace trigger _090_check_item before insert or update on app_public.user_ratings
  for each row when (pg_trigger_depth() = 0) execute function catalog.tg_user_ratings__check_item();
create or replace trigger _500_rate_item after insert or update of rating or delete on app_public.user_ratings
  for each row execute function catalog.tg_user_ratings__rate_item();
create or replace trigger _500_count after insert or delete on app_public.user_rating_votes
  for each row execute function catalog.tg_user_rating_votes__count();

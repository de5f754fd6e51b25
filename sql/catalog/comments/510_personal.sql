comment on table app_public.user_agents is
  'Your own list of agents: folders, order, look and prompt of your own. Nobody else sees it. Members.';
comment on column app_public.user_agents.agent_id is 'The agent: one of this tenant or one that is shared with you.';
comment on column app_public.user_agents.original_agent_id is 'What the agent was copied from, null when it is no copy of yours.';
comment on column app_public.user_agents.is_user_copy is 'Whether the agent is your copy of another.';
comment on column app_public.user_agents.folder is 'Name of the folder it lies in, null for none.';
comment on column app_public.user_agents.tags is 'Your own tags, at most 50.';
comment on column app_public.user_agents.is_pinned is 'Whether it stays at the top.';
comment on column app_public.user_agents.sort_order is 'Your own order, ascending; order_my_agents sets it for several at once.';
comment on column app_public.user_agents.is_favorite is 'Whether it is among your favorites (favorite, unfavorite).';
comment on column app_public.user_agents.custom_name is 'Your own name for it.';
comment on column app_public.user_agents.custom_description is 'Your own description, at most 10,000 characters.';
comment on column app_public.user_agents.custom_avatar is 'Your own picture: an http address, a path of the site, or a data address.';
comment on column app_public.user_agents.custom_color is 'Your own colour: #rrggbb or the name of a theme''s colour.';
comment on column app_public.user_agents.custom_system_prompt is 'Your own system prompt in place of the agent''s, at most 100,000 characters.';
comment on column app_public.user_agents.settings is 'Anything else, an object of at most 100 kB.';
comment on column app_public.user_agents.usage_count is 'How often you used it: calls of a language model as this agent, as of the last roll-up (a minute ago); so the other counts.';
comment on column app_public.user_agents.message_count is 'How many messages you sent it: one a call.';
comment on column app_public.user_agents.conversation_count is 'In how many conversations: different conversation_id of your calls.';
comment on column app_public.user_agents.success_count is 'How many of your calls succeeded.';
comment on column app_public.user_agents.error_count is 'How many of your calls failed.';
comment on column app_public.user_agents.first_used_at is 'When you first used it, null for never.';
comment on column app_public.user_agents.last_used_at is 'When you last used it, null for never.';
comment on column app_public.user_agents.created_at is 'When you added it.';
comment on column app_public.user_agents.updated_at is 'When the entry last changed.';

comment on table app_public.user_favorites is
  E'@behavior -insert -delete\nYour favorites, by favorite and unfavorite. One that you see no more is not listed; it comes back when the item does.';
comment on column app_public.user_favorites.item_type is 'agent, tool, prompt, workflow or knowledge_source.';
comment on column app_public.user_favorites.item_id is 'The item.';
comment on column app_public.user_favorites.notes is 'Your notes, at most 10,000 characters.';
comment on column app_public.user_favorites.metadata is 'Anything else, an object.';
comment on column app_public.user_favorites.created_at is 'Since when it is a favorite.';

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

comment on table app_public.user_rating_votes is
  E'@behavior -insert -update -delete\nWhich ratings you found helpful, by vote_helpful and withdraw_helpful_vote.';
comment on column app_public.user_rating_votes.rating_id is 'The rating.';
comment on column app_public.user_rating_votes.created_at is 'When you said so.';
